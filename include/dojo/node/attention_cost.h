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
  friend bool operator==(const AttentionPiece& a, const AttentionPiece& b) {
    return a.queries == b.queries && a.keys == b.keys && a.head_size == b.head_size &&
           a.element_bytes == b.element_bytes && a.work == b.work && a.keeps_scores == b.keeps_scores;
  }
};

/// So many equal pieces.
struct AttentionPart {
  AttentionPiece piece;
  std::int64_t times = 1;
  friend bool operator==(const AttentionPart& a, const AttentionPart& b) {
    return a.piece == b.piece && a.times == b.times;
  }
};

/// Without the kernel's launch; 0 for an empty piece.
[[nodiscard]] Cycles attention_part_cycles(const NodeCost& cost, const AttentionPart& part);
[[nodiscard]] inline Cycles attention_cycles(const NodeCost& cost, const AttentionPiece& piece) {
  return attention_part_cycles(cost, {piece, 1});
}

/// The core has a micro-program for it: on the matrix unit.
[[nodiscard]] inline bool attention_has_program(const AttentionPiece& piece) {
  return piece.element_bytes < 4;
}

/// Blocks of 8 queries and 8 keys whose scores are worked on at once. Sums want a deep inner dimension: many keys for
/// those of queries, many queries for those of keys. What is no more than one tile is cut in two.
struct AttentionTile {
  std::int64_t queries = 0, keys = 0;
};
[[nodiscard]] AttentionTile attention_tile(const AttentionPiece& piece);

/// FLOP of the vector unit: softmax, its gradient, and what a new maximum changes.
[[nodiscard]] std::int64_t attention_vector_flops(const AttentionPiece& piece);

}  // namespace dojo::node
