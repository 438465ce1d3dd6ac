// SPDX-License-Identifier: Apache-2.0
// Attention over the nodes of a slice: one side stays on the nodes, cut by heads and tokens; the other streams past.
#pragma once
#include <cstdint>
#include <tuple>
#include <vector>

#include "lower/kernel_plan.h"

namespace dojo::workload {

struct AttentionRequest {
  AttentionShape shape;
  Bytes element_bytes = 2;
  bool grad = false;
  TensorPlace queries, keys;           ///< of queries, and of keys and values
  std::uint8_t last_part = kUnplaced;  ///< that holds all inputs
  Bytes held_bytes = 0;                ///< results, and inputs that nothing has placed: they come to lie on the part
  friend bool operator<(const AttentionRequest& a, const AttentionRequest& b);
};

/// What stays on the nodes while the rest comes past it. Both: the gradients of queries, and of keys and values, are
/// made side by side by a pass each, so that neither leaves sums on several rows.
enum class Stays : std::uint8_t { kQueries, kKeys, kBoth };
/// Rectangles of nodes that share out the heads: so many below and beside each other. 0 x 0: bands instead, of which
/// rows cut the tokens and columns the heads.
struct AttentionGroups {
  std::uint32_t down = 0, across = 0;
};
/// What stays, what cuts it, on which part, and in how many steps the rest comes.
struct AttentionChoice {
  Stays stays = Stays::kQueries;
  AttentionGroups groups;
  std::uint32_t steps = 1;
  std::uint8_t part = 0;
  Bytes buffer_bytes = 0;
  Bytes resident_bytes = 0;  ///< what a node of the part holds more than it would if all nodes of the slice shared it
  double cycles = 0;
  [[nodiscard]] auto key() const { return std::tuple(stays, groups.down, groups.across, steps, part); }
};

/// Of all parts that hold the operands. Never empty.
[[nodiscard]] std::vector<AttentionChoice> evaluate_attention(const AttentionRequest& request,
                                                              const PlanContext& context);
/// By choose_plan().
[[nodiscard]] AttentionChoice choose_attention(const std::vector<AttentionChoice>& choices, Bytes budget_bytes,
                                               std::uint32_t rank = 0);
[[nodiscard]] KernelPlan build_attention(const AttentionRequest& request, const AttentionChoice& choice,
                                         const PlanContext& context);

}  // namespace dojo::workload
