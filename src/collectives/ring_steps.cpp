// SPDX-License-Identifier: Apache-2.0
// Rings as building blocks: items, edges and cost of reduce-scatter and all-gather among some members of a plan.
#include "collectives/ring_steps.h"

#include <algorithm>
#include <utility>

namespace dojo::workload::collectives {

Ring make_ring(std::vector<std::uint32_t> members, Bytes bytes) {
  Ring ring;
  const auto n = static_cast<std::int64_t>(members.size());
  for (std::int64_t i = 0; i < n; ++i) ring.part.push_back(piece_size(bytes, n, i));
  ring.members = std::move(members);
  return ring;
}

std::vector<std::uint32_t> ring_reduce_scatter(PlanBuilder& builder, const Ring& ring, const Gates& gates,
                                               bool finish_steps, bool finish_last) {
  const std::size_t n = ring.members.size();
  std::vector<std::uint32_t> last(n), previous(n), current(n);
  for (std::size_t step = 0; step < n; ++step) {
    for (std::size_t i = 0; i < n; ++i) {
      const Bytes part = ring.part[(i + 2 * n - step - 1) % n];
      PlanBuilder::Flags flags;
      flags.start = gates.empty();
      flags.finish = step + 1 == n ? finish_last : finish_steps;
      flags.combine_bytes = step == 0 ? 0 : part;
      current[i] = builder.item(ring.members[i], flags);
      if (!gates.empty()) builder.edge(gates[i], current[i], 0);
      if (step > 0) builder.edge(previous[(i + n - 1) % n], current[i], part);
      if (step + 1 == n) last[i] = current[i];
    }
    previous = current;
  }
  return last;
}

std::vector<std::vector<std::uint32_t>> ring_all_gather(PlanBuilder& builder, const Ring& ring,
                                                        const std::vector<std::uint32_t>& first, bool start,
                                                        bool finish) {
  const std::size_t n = ring.members.size();
  std::vector<std::vector<std::uint32_t>> items(n);
  for (std::size_t i = 0; i < n; ++i) items[i].push_back(first[i]);
  for (std::size_t step = 1; step < n; ++step) {
    for (std::size_t i = 0; i < n; ++i) {
      PlanBuilder::Flags flags;
      flags.start = start;
      flags.finish = finish;
      items[i].push_back(builder.item(ring.members[i], flags));
      builder.edge(items[(i + n - 1) % n][step - 1], items[i][step], ring.part[(i + n - step) % n]);
    }
  }
  return items;
}

RingCost ring_cost(const Ring& ring, Bytes part, const Tracks& tracks, const Rates& rates,
                   const CollectiveRequest& request, const topology::Topology& topology) {
  RingCost cost;
  const std::size_t n = ring.members.size();
  for (std::size_t i = 0; i < n; ++i) {
    const Slice& from = *request.members[ring.members[i]];
    const Slice& to = *request.members[ring.members[(i + 1) % n]];
    const Path path = path_between(from, to, topology);
    cost.latency_cycles += path.latency_cycles / static_cast<double>(n);
    cost.bandwidth_cycles = std::max(cost.bandwidth_cycles, static_cast<double>(part) / rates.path(path, tracks));
    const double message = rates.message(path, tracks);
    cost.slowest_message = i == 0 ? message : std::min(cost.slowest_message, message);
  }
  return cost;
}

double ring_cycles(const RingCost& cost, double steps, bool combine, double message, const Rates& rates) {
  const double hop = cost.latency_cycles + message / cost.slowest_message + (combine ? message / rates.combine : 0);
  return steps * std::max(hop, cost.bandwidth_cycles);
}

}  // namespace dojo::workload::collectives
