// SPDX-License-Identifier: Apache-2.0
// Attention over the nodes of a slice: rows cut the tokens of one side, columns its heads; the other side streams past.
#pragma once
#include <cstdint>
#include <vector>

#include "lower/kernel_plan.h"

namespace dojo::workload {

struct AttentionRequest {
  AttentionShape shape;
  Bytes element_bytes = 2;
  bool grad = false;
  TensorPlace queries, keys;  ///< of queries, and of keys and values
  friend bool operator<(const AttentionRequest& a, const AttentionRequest& b);
};

/// What stays on the nodes while the rest comes past it. Both: the gradients of queries, and of keys and values, are
/// made side by side by a pass each, so that neither leaves sums on several rows.
enum class Stays : std::uint8_t { kQueries, kKeys, kBoth };
/// That, and in how many steps the rest comes.
struct AttentionChoice {
  Stays stays = Stays::kQueries;
  std::uint32_t steps = 1;
  Bytes buffer_bytes = 0;
  double cycles = 0;
};

/// `context` is that of the part on which the tensors lie. Never empty.
[[nodiscard]] std::vector<AttentionChoice> evaluate_attention(const AttentionRequest& request,
                                                              const PlanContext& context);
/// The cheapest of those that take at most `budget_bytes` of a node's SRAM (0 = any); the smallest if none does.
[[nodiscard]] AttentionChoice choose_attention(const std::vector<AttentionChoice>& choices, Bytes budget_bytes);
[[nodiscard]] KernelPlan build_attention(const AttentionRequest& request, const AttentionChoice& choice,
                                         const PlanContext& context);

}  // namespace dojo::workload
