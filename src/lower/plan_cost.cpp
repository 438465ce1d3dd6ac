// SPDX-License-Identifier: Apache-2.0
// The choice among candidates.
#include "lower/plan_cost.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "dojo/base/error.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {

std::size_t choose_plan(const std::vector<PlanCost>& costs, Bytes budget_bytes, std::uint32_t rank) {
  DOJO_CHECK(!costs.empty(), "a choice among no candidates, budget {} bytes", budget_bytes);
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (budget_bytes == 0 || costs[i].bytes <= budget_bytes) fitting.push_back(i);
  if (fitting.empty()) {
    std::vector<std::size_t> all(costs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return *std::min_element(all.begin(), all.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(costs[a].bytes, costs[a].cycles) < std::pair(costs[b].bytes, costs[b].cycles);
    });
  }
  std::stable_sort(fitting.begin(), fitting.end(),
                   [&](std::size_t a, std::size_t b) { return costs[a].cycles < costs[b].cycles; });
  if (rank > 0) {
    std::vector<std::size_t> best_of_cuts;
    for (const std::size_t i : fitting) {
      const auto cuts = [&](std::size_t x) { return std::pair(costs[x].part, costs[x].cuts); };
      if (std::none_of(best_of_cuts.begin(), best_of_cuts.end(), [&](std::size_t x) { return cuts(x) == cuts(i); }))
        best_of_cuts.push_back(i);
    }
    return best_of_cuts[std::min<std::size_t>(rank, best_of_cuts.size() - 1)];
  }
  // The model is not finer than this, and each step costs its semaphores and the host its events.
  constexpr double kAsGood = 1.01;
  const double most = kAsGood * costs[fitting.front()].cycles;
  const auto last = std::find_if(fitting.begin(), fitting.end(), [&](std::size_t i) { return costs[i].cycles > most; });
  const auto key = [&](std::size_t i) { return std::tuple(costs[i].part, costs[i].steps, costs[i].cycles); };
  return *std::min_element(fitting.begin(), last, [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
}

Bytes held_more(Bytes bytes, const PlanContext& context) {
  return context.part == 0 ? 0 : ceil_div<Bytes>(bytes, context.grid.nodes()) - bytes / context.on(0).grid.nodes();
}

std::uint8_t last_part(std::uint8_t part, const PlanContext& context) {
  const std::size_t parts = context.parts == nullptr ? 1 : context.parts->size();
  return static_cast<std::uint8_t>(std::min<std::size_t>(parts - 1, part));
}

}  // namespace dojo::workload
