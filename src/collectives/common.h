// SPDX-License-Identifier: Apache-2.0
// What the collective algorithms share: tracks, path costs and the choice of chunks.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dojo/collectives/collectives.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/plan_builder.h"
#include "dojo/workload/program.h"

namespace dojo::workload::collectives {

/// No message of a track is shorter: more chunks would gain less latency than their messages cost.
inline constexpr Bytes kMinMessageBytes = 1024;
/// No node's piece of a striped message is shorter. Two striped messages of a die's 354 nodes with pieces of this size
/// fit into the receive buffer of a die edge.
inline constexpr Bytes kMinPieceBytes = 448;
/// A collective of more than kFewMessages messages has none that is shorter than this.
inline constexpr Bytes kMinBulkMessageBytes = 4096;
inline constexpr std::int64_t kFewMessages = 1'000'000;
/// The most messages of one whole collective. One that would need more gets fewer and longer chunks.
inline constexpr std::int64_t kMaxMessages = 25'000'000;
/// Bytes of a message that carries no data (barrier).
inline constexpr Bytes kSignalBytes = 64;

/// What the messages of a collective carry, summed over all tracks, and which way they go.
struct Traffic {
  Bytes least_bytes = 0;  ///< of the step that moves least; `most_bytes`: of the step that moves most
  Bytes most_bytes = 0;
  std::int64_t edges = 1;
  bool straight = false;               ///< every message stays in a row or column of dies, all of which work
  Bytes least_piece = kMinPieceBytes;  ///< of a striped message that is worth sending
};
/// The nodes that send and receive for a rank.
struct Tracks {
  std::vector<std::uint32_t> nodes;  ///< ascending
  std::int64_t distinct_rows = 1, distinct_columns = 1;
  bool striped = false;  ///< all nodes of a die, as one message (DataflowPlan::striped)
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(nodes.size()); }
};
/// The nodes on which the smallest step's bytes lie (residency()), but at most two in each row and column of the slice:
/// that many already fill every edge. Messages are striped instead if they are straight, ranks are whole dies, and the
/// largest step gives every node a piece worth sending.
[[nodiscard]] Tracks choose_tracks(const CollectiveRequest& request, const Traffic& traffic,
                                   const topology::Topology& topology);
[[nodiscard]] Tracks tracks_on(const SliceShape& shape, std::vector<std::uint32_t> nodes);
[[nodiscard]] bool is_straight(const Slice& from, const Slice& to);
/// Every member is one whole die, with the same nodes enabled.
[[nodiscard]] bool are_equal_dies(const std::vector<const Slice*>& members, const topology::Topology& topology);
/// Striped messages use every row (column) of the dies they pass: no router or link between the members is dead.
[[nodiscard]] bool all_work_between(const std::vector<const Slice*>& members, const topology::Topology& topology);

[[nodiscard]] inline bool works_straight(const Slice& from, const Slice& to, const topology::Topology& topology) {
  return is_straight(from, to) && all_work_between({&from, &to}, topology);
}

/// From a node of one slice to the same node of another: dimension order, columns first.
struct Path {
  double latency_cycles = 0;      ///< on-die hops and crossings
  double pooled_bytes_per_cycle;  ///< of the narrowest die edge on the way; infinite within a die
  bool horizontal = false, vertical = false;
};
[[nodiscard]] Path path_between(const Slice& from, const Slice& to, const topology::Topology& topology);
[[nodiscard]] DieId first_die(const Slice& slice, const topology::Topology& topology);
/// The path over the DIPs nearest to the two slices and the Ethernet between these DIPs.
[[nodiscard]] Path path_over_zplane(const Slice& from, const Slice& to, const topology::Topology& topology);

/// Rates of the machine file, in bytes per cycle.
struct Rates {
  double link, inject, eject, combine;
  double ethernet, frame_payload, frame_overhead;  ///< a DIP's port; bytes of its frames
  explicit Rates(const topology::Topology& topology);
  /// What all tracks together move over a path: the pooled edge, but not above one link per row or column with a track.
  [[nodiscard]] double path(const Path& path, const Tracks& tracks) const;
  /// Of a message at a DIP's port, frame headers included, in cycles.
  [[nodiscard]] double over_ethernet(double bytes) const;
  /// The rate of one message that meets no other. The piece of a node in a striped message shares its way with the
  /// pieces of all other nodes, so it has that share of the path's rate.
  [[nodiscard]] double message(const Path& path, const Tracks& tracks) const;
};

/// Cycles as a function of the number of chunks.
using ChunkCost = std::function<double(std::int64_t chunks)>;
struct ChunkChoice {
  std::int64_t chunks = 1;
  double cycles = 0;
  std::vector<std::int64_t> counts;  ///< of which it was chosen, the most first
};
/// The fewest chunks whose cost is within 5 % of the cheapest choice that kMinMessageBytes and kMaxMessages allow, but
/// at least four where these two allow four.
[[nodiscard]] ChunkChoice choose_chunks(Bytes step_bytes, const Tracks& tracks, std::int64_t edges,
                                        const ChunkCost& cost);
/// Bytes of the longest message when `bytes` are cut into tracks x chunks; whole 64-byte packets, at least one.
[[nodiscard]] double message_bytes(Bytes bytes, std::int64_t tracks, std::int64_t chunks);

/// The members as a grid of slices: the distinct rows and columns in which their slices begin. `full`: each point of
/// the grid has a member.
struct MemberGrid {
  bool full = false;
  std::uint32_t rows = 0, columns = 0;
  std::vector<std::uint32_t> member;             ///< [row * columns + column] when full
  std::vector<std::uint32_t> row_of, column_of;  ///< by member: its row and column in the grid
};
[[nodiscard]] MemberGrid member_grid(const std::vector<const Slice*>& members);

/// What the builder has collected, over the tracks and chunks that were chosen.
[[nodiscard]] DataflowPlan collective_plan(const PlanBuilder& builder, Algorithm algorithm, const Tracks& tracks,
                                           const ChunkChoice& choice, const topology::Topology& topology);
/// The plan of a collective of one rank, which moves nothing.
[[nodiscard]] DataflowPlan trivial_plan(Algorithm algorithm, const topology::Topology& topology);

/// Whether an algorithm other than the tree may be chosen by cost: nothing between the members is dead. The models of
/// these algorithms do not see detours, and their messages do not avoid dead parts, as those of the tree do. All-to-all
/// has no tree, so it is always allowed.
[[nodiscard]] inline bool where_all_works(const CollectiveRequest& request, const topology::Topology& topology) {
  return request.kind == OpKind::kAllToAll || all_work_between(request.members, topology);
}
// The algorithms, one file each.
[[nodiscard]] CollectiveAlgorithm combs_algorithm();
[[nodiscard]] CollectiveAlgorithm direct_algorithm();
[[nodiscard]] CollectiveAlgorithm mesh2d_algorithm();
[[nodiscard]] CollectiveAlgorithm ring_algorithm();
[[nodiscard]] CollectiveAlgorithm tree_algorithm();
[[nodiscard]] CollectiveAlgorithm zplane_algorithm();

}  // namespace dojo::workload::collectives
