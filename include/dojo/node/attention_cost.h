// SPDX-License-Identifier: Apache-2.0
// What attention costs on one core when scores never leave it (docs/kernels.md): rows of one side of a head stay, the
// rows of the other side stream past them.
#pragma once
#include "dojo/node/kernel_cost.h"

namespace dojo::node {

/// What is made: the result, all gradients, or in a pass of their own those of queries, or of keys and values.
enum class AttentionWork : std::uint8_t { kForward, kGradients, kQueryGradient, kKeyGradients };

/// Of one head.
struct AttentionPiece {
  std::int64_t queries = 0, keys = 0;  ///< those that meet; under a mask the mean of what the staying side meets
  std::int64_t head_size = 0;
  Bytes element_bytes = 2;
  AttentionWork work = AttentionWork::kForward;
  bool keeps_scores = false;  ///< the softmax is stored for the gradient, which then loads it
};

/// Without the kernel's launch; 0 for an empty piece.
[[nodiscard]] Cycles attention_cycles(const NodeCost& cost, const AttentionPiece& piece);

/// FLOP of the vector unit: softmax, its gradient, and what a new maximum changes.
[[nodiscard]] std::int64_t attention_vector_flops(const AttentionPiece& piece);

}  // namespace dojo::node
