// SPDX-License-Identifier: Apache-2.0
// Rings as building blocks: reduce-scatter and all-gather among some members of a plan, and their cost.
#pragma once
#include <cstdint>
#include <vector>

#include "collectives/common.h"

namespace dojo::workload::collectives {

/// Members in ring order and the size of the part each of them ends (or begins) with.
struct Ring {
  std::vector<std::uint32_t> members;
  std::vector<Bytes> part;
};
/// Near-equal parts of `bytes`.
[[nodiscard]] Ring make_ring(std::vector<std::uint32_t> members, Bytes bytes);

/// What a member must have before it may use its own data: a task start, or another item of the same position.
using Gates = std::vector<std::uint32_t>;  ///< by ring index; empty = the task's start

/// n - 1 steps; part j starts at ring index j + 1, goes once around and is whole at index j. Returns the items that
/// hold each index's whole part. `finish_steps`: the passing steps count towards the end of the task.
std::vector<std::uint32_t> ring_reduce_scatter(PlanBuilder& builder, const Ring& ring, const Gates& gates,
                                               bool finish_steps, bool finish_last);
/// n - 1 steps from `first`, the items that hold each index's own part. Returns by ring index all its n items, own
/// first.
std::vector<std::vector<std::uint32_t>> ring_all_gather(PlanBuilder& builder, const Ring& ring,
                                                        const std::vector<std::uint32_t>& first, bool start,
                                                        bool finish);

/// Cost of a ring with parts of `part` bytes.
struct RingCost {
  double bandwidth_cycles = 0;  ///< of one step: the part over the slowest edge of the ring
  double latency_cycles = 0;    ///< mean over the ring's edges
  double slowest_message = 0;   ///< bytes per cycle of one message on the slowest edge
};
[[nodiscard]] RingCost ring_cost(const Ring& ring, Bytes part, const Tracks& tracks, const Rates& rates,
                                 const CollectiveRequest& request, const topology::Topology& topology);
/// Time of `steps` steps, each of which adds when `combine`.
[[nodiscard]] double ring_cycles(const RingCost& cost, double steps, bool combine, double message, const Rates& rates);

}  // namespace dojo::workload::collectives
