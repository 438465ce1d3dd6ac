// SPDX-License-Identifier: Apache-2.0
// What candidates of any operation's plan cost, and the one choice among them.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::workload {

struct PlanContext;

struct PlanCost {
  std::uint8_t part = 0;   ///< of the slice; index into PlanContext::parts
  std::uint32_t cuts = 0;  ///< the same for candidates of a part that differ in their steps alone
  std::uint32_t steps = 1;
  Bytes bytes = 0;  ///< of a node: operands in flight, and what it holds more than if all nodes shared it
  double cycles = 0;
};

/// Index of the cheapest of those that take at most `budget_bytes` of a node's SRAM (0 = any); of the smallest if none
/// does. `rank`: among the cheapest of each pair of cuts and part, the one after so many cheaper ones, or the last.
/// Requires that there are some.
[[nodiscard]] std::size_t choose_plan(const std::vector<PlanCost>& costs, Bytes budget_bytes, std::uint32_t rank = 0);

/// What a node of the part holds more of so many bytes than if all nodes of the slice shared them.
[[nodiscard]] Bytes held_more(Bytes bytes, const PlanContext& context);
/// The last part that an operation may take whose inputs all lie on `part` (kUnplaced: any); parts lie in one another.
[[nodiscard]] std::uint8_t last_part(std::uint8_t part, const PlanContext& context);

}  // namespace dojo::workload
