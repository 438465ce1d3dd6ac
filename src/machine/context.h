// SPDX-License-Identifier: Apache-2.0
// What all shards of a run share: the read-only job, the mailboxes between shards, and per-thread sums.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "dojo/fabric/edge.h"
#include "dojo/fabric/ttpoe.h"
#include "dojo/machine/machine.h"
#include "dojo/machine/results.h"
#include "dojo/reference/die.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"
#include "machine/die/gather_rounds.h"
#include "machine/shortcuts/kernel_counts.h"
#include "machine/shortcuts/kernel_repeats.h"
#include "machine/shortcuts/task_copy.h"
#include "machine/shortcuts/tile_rows.h"
#include "machine/sums.h"

namespace dojo::machine {

/// Windows end at least this often, so that a run can be interrupted, whatever the lookahead.
inline constexpr Cycles kLongestWindow = 4096;

/// Bytes of an edge or item, divided over tracks and chunks: the first `rest` pieces have one byte more.
struct Split {
  Bytes each = 0;
  std::uint32_t rest = 0;
  [[nodiscard]] Bytes of(std::uint32_t piece) const { return each + (piece < rest ? 1 : 0); }
};

/// A slice shape with the lookups that the hot loop needs.
struct ShapeInfo {
  const workload::SliceShape* shape = nullptr;
  std::vector<std::int32_t> local_of_site;  ///< [die of slice * sites + site] -> index among the die's nodes, -1 = none
  std::vector<Cycles> barrier_cycles;       ///< [die of slice]: fork or join of the die's nodes
};

struct PlanInfo {
  const workload::DataflowPlan* plan = nullptr;
  std::vector<Split> edge_splits, item_splits;
  std::vector<Bytes> sent;  ///< by each position to others
  /// Which of the pieces a track moves; the tracks of a striped plan, if it has several, move each chunk together.
  [[nodiscard]] std::uint32_t part(std::uint32_t track, std::uint32_t chunk) const {
    return plan->striped ? chunk : track * plan->chunks + chunk;
  }
  std::vector<std::uint32_t> item_waits;  ///< edges that lead to it, for plans among nodes
};

[[nodiscard]] PlanInfo plan_info(const workload::DataflowPlan& plan);

/// Frames between a DIP and the switch; two halves as in a Mailbox.
struct FrameMail {
  std::vector<fabric::Frame> of[2];
};

struct NetworkModelInfo;

struct Context {
  Context(const topology::Topology& t, const workload::Workload& w, const workload::Job& j, const MachineSettings& s);

  const topology::Topology& topology;
  const workload::Workload& workload;
  const workload::Job& job;
  const MachineSettings settings;
  const NetworkModelInfo& model;

  std::vector<ShapeInfo> shapes;                                           ///< by Slice::shape_index
  std::vector<std::shared_ptr<const fabric::StripeGroups>> stripe_groups;  ///< by Topology::site_map_index
  std::vector<PlanInfo> plans;
  std::deque<workload::DataflowPlan> track_plans;             ///< in the place of striped ones
  std::vector<fabric::Mailbox> mail;                          ///< by sender: die * 4 + direction, then DIPs
  std::vector<std::array<reference::EdgeMail, 2>> flit_mail;  ///< the same for dies, in the reference model
  bool zplane = false;                                        ///< some DIP sends to another
  std::vector<FrameMail> frames_up, frames_down;              ///< by DIP, to and from the switch: the last shard then
  /// In the reference model each piece of a gather arrives by itself: [program][kernel][node * (steps + 1) + slot].
  std::vector<std::vector<std::vector<std::uint32_t>>> piece_needs;
  /// Shards that are run together through several short windows, while the long one lasts that mail between clusters
  /// allows: what a tile's dies have touched is then still in the host's caches.
  struct alignas(64) Cluster {
    std::vector<ShardId> shards;
    Cycles next = kNever;          ///< earliest event, mail inside included
    Cycles mail_time = kNever;     ///< earliest arrival in mail that was sent inside in this short window
    int parity = 0;                ///< as `parity`, for mail inside
    std::uint32_t first_sums = 0;  ///< `sums` of thread 0 for this cluster
    bool has_held = false;         ///< Machine::hold(): mail inside changes hands when the window is closed
    bool is_open = false;          ///< then: it has run in this window
  };
  std::vector<Cluster> clusters;
  std::vector<std::uint32_t> cluster_of;                      ///< by shard
  std::vector<std::uint8_t> inside;                           ///< by mailbox: sender and receiver are in one cluster
  std::unique_ptr<std::atomic<std::uint8_t>[]> has_mail[2];   ///< by receiver, from other clusters
  std::unique_ptr<std::atomic<std::uint8_t>[]> has_local[2];  ///< by receiver, from its own cluster
  std::vector<ThreadSums> sums;                               ///< by thread; in step: by kind of row, then thread
  CopyTable copies;
  KernelCounts kernel_counts;
  SliceRecords slice_records;
  const TileRows* in_step = nullptr;         ///< not null while some rows of tiles run for all
  Cycles short_window = 1, long_window = 1;  ///< lookahead inside a cluster, and between clusters
  GatherTrains trains;
  Bytes burst_bytes = 0;         ///< longest piece of a message that one event moves
  Bytes turn_bytes = 0;          ///< the same where others wait at its node
  bool groups_stripes = false;   ///< groups of a die's nodes move their shares of striped messages by themselves
  Bytes stripe_bytes = 0;        ///< of a striped burst: two of them fit into any receive buffer
  Bytes group_stripe_bytes = 0;  ///< the same of a group's share (StripeGroups)
  bool oldest_first = false;     ///< routers give way to the oldest packet
  int parity = 0;                ///< of the running window: shards write mail[parity], read mail[1 - parity]

  [[nodiscard]] std::size_t mailbox_of_die(DieId die, topology::Direction d) const {
    return static_cast<std::size_t>(die) * 4 + static_cast<std::size_t>(d);
  }
  [[nodiscard]] std::size_t mailbox_of_dip(std::uint32_t dip) const {
    return static_cast<std::size_t>(topology.die_count()) * 4 + dip;
  }
  void post(std::size_t mailbox, ShardId receiver, const fabric::Crossing& crossing, ThreadSums& sums_of_thread) {
    mail[mailbox].crossings[announce(mailbox, receiver, crossing.time, sums_of_thread)].push_back(crossing);
  }
  void post(std::size_t mailbox, ShardId receiver, const fabric::Credit& credit, ThreadSums& sums_of_thread) {
    mail[mailbox].credits[announce(mailbox, receiver, credit.time, sums_of_thread)].push_back(credit);
  }
  /// The switch is in a cluster of its own.
  void post_frame(FrameMail& frames, ShardId receiver, const fabric::Frame& frame, ThreadSums& sums_of_thread) {
    sums_of_thread.mail_time = std::min(sums_of_thread.mail_time, frame.time);
    has_mail[parity][receiver].store(1, std::memory_order_relaxed);
    frames.of[parity].push_back(frame);
  }
  [[nodiscard]] std::uint32_t shard_count() const { return topology.shard_count() + (zplane ? 1 : 0); }
  /// The half of a mailbox of flits that is written now; `time`: of the earliest thing that goes into it.
  reference::EdgeMail& flits_to(std::size_t mailbox, ShardId receiver, Cycles time, ThreadSums& sums_of_thread) {
    return flit_mail[mailbox][static_cast<std::size_t>(announce(mailbox, receiver, time, sums_of_thread))];
  }
  /// The half of a mailbox that its receiver reads now.
  [[nodiscard]] int readable(std::size_t mailbox, ShardId receiver) const {
    return 1 - (inside[mailbox] != 0 ? clusters[cluster_of[receiver]].parity : parity);
  }
  [[nodiscard]] const workload::Program& program(RankId rank) const { return job.programs[job.program_of_rank[rank]]; }

 private:
  void find_zplane();
  [[nodiscard]] std::vector<std::uint32_t> tiles_joined_by_ranks() const;
  void make_clusters();
  void cut_striped_plans();
  void group_nodes();
  void group_striped_plans();
  void count_pieces();
  /// Returns the half of the mailbox that is written now.
  int announce(std::size_t mailbox, ShardId receiver, Cycles time, ThreadSums& sums_of_thread) {
    if (inside[mailbox] == 0) {
      sums_of_thread.mail_time = std::min(sums_of_thread.mail_time, time);
      has_mail[parity][receiver].store(1, std::memory_order_relaxed);
      return parity;
    }
    Cluster& cluster = clusters[cluster_of[receiver]];
    cluster.mail_time = std::min(cluster.mail_time, time);
    has_local[cluster.parity][receiver].store(1, std::memory_order_relaxed);
    return cluster.parity;
  }
};

/// The sending side of an edge, as the network model has it.
void configure_edge(const Context& context, const topology::Edge& edge, fabric::EdgeOut& out);

/// Every pair of nodes between which the job may send has a route. Throws Error(kInvalidInput) with those that have
/// none. Only for machines with detours.
void check_routes(const Context& context);

}  // namespace dojo::machine
