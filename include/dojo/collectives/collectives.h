// SPDX-License-Identifier: Apache-2.0
// Collectives as dataflow plans: one small file per algorithm in src/collectives/, one line per algorithm in
// the table. The one whose plan takes the least time by a walk over it is chosen unless one is named.
#pragma once
#include <optional>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

struct CollectiveRequest {
  OpKind kind = OpKind::kAllReduce;
  Bytes bytes = 0;                     ///< size semantics of docs/trace_format.md (all_gather: each rank's input, ...)
  std::uint32_t root = 0;              ///< position
  std::optional<Algorithm> algorithm;  ///< none = choose
  std::vector<const Slice*> members;   ///< by position; all have the same shape when their dies have the same map
};

/// Into how many chunks the bytes are cut, and the plan's window.
struct Cutting {
  std::uint32_t chunks = 1, window = 0;
};
struct BuiltPlan {
  DataflowPlan plan;              ///< cut as the algorithm's formula says
  std::vector<Cutting> cuttings;  ///< not empty: it is cut as the fastest of these, which do not depend on rates
};

struct CollectiveAlgorithm {
  Algorithm id;
  /// May be chosen without being named.
  bool (*by_cost)(const CollectiveRequest& request, const topology::Topology& topology);
  bool (*supports)(const CollectiveRequest& request);
  /// Latency-bandwidth time in seconds by the values of the machine file; the formula stands in docs/collectives.md.
  double (*model_seconds)(const CollectiveRequest& request, const topology::Topology& topology);
  BuiltPlan (*build)(const CollectiveRequest& request, const topology::Topology& topology);

  [[nodiscard]] const char* name() const { return schema::enum_text(id); }
  [[nodiscard]] const char* sentence() const { return schema::enum_sentence(id); }
};

/// Alphabetical.
[[nodiscard]] const std::vector<CollectiveAlgorithm>& collective_algorithms();
/// Throws Error(kInvalidInput) for an algorithm that cannot serve the request, and for a request without members or
/// with a bad root.
[[nodiscard]] const CollectiveAlgorithm& choose_algorithm(const CollectiveRequest& request,
                                                          const topology::Topology& topology);
[[nodiscard]] DataflowPlan build_collective(const CollectiveRequest& request, const topology::Topology& topology);

/// A message of `bytes` between two ranks may go from all nodes at once (DataflowPlan::striped): they are whole dies
/// with the same nodes, in one row or column of dies, and each node has a piece worth sending.
[[nodiscard]] bool can_stripe(const Slice& from, const Slice& to, Bytes bytes, const topology::Topology& topology);

/// Places that a plan's positions after its members stand for: the DIPs next to them (Topology::nearest_dip), each
/// once, in the order of the members. `of_member`: index of each member's, or nullptr.
[[nodiscard]] std::vector<std::uint32_t> dips_of(const std::vector<const Slice*>& members,
                                                 const topology::Topology& topology,
                                                 std::vector<std::uint32_t>* of_member);

/// Latency-bandwidth time of one message alone in the machine, over the mesh or over the DIPs' Ethernet.
[[nodiscard]] double message_seconds(const Slice& from, const Slice& to, Bytes bytes, bool over_zplane,
                                     const topology::Topology& topology);

}  // namespace dojo::workload
