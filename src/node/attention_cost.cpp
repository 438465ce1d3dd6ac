// SPDX-License-Identifier: Apache-2.0
// Claims of attention on the resources of a core.
//
//   matrix unit and its operands (NodeCost::product), one after the other:
//     forward    S = Q K^T, O += P V
//     gradients  S again unless it was kept, dP = dO V^T, dV += P^T dO, dK += dS^T Q, dQ += dS K; in two passes the
//                first two in each
//   vector unit, FP32, for each score:
//     forward    8: scale, maximum, difference, exponential (4, assumed), sum
//                and for each block of keys 2 for each element of O, which a new maximum scales
//     gradient   6: scale, difference, exponential again unless it was kept; 4: P (dP - D), scale, sum
//   ports: a score is stored in FP32 by the matrix unit and loaded by the vector unit, which stores P (and dS) in the
//     operands' format
//
// Scores of one block are worked on while the matrix unit makes those of the next. So the time is the largest of
// products with the vector unit's loads, vector unit, and stores.
#include "dojo/node/attention_cost.h"

namespace dojo::node {
namespace {

constexpr std::int64_t kBlockOfKeys = 128;  // assumed
constexpr Bytes kFp32 = 4;

std::int64_t scores_of(const AttentionPiece& p) {
  return saturating_product(p.queries, p.keys);
}

Cycles products(const NodeCost& cost, const AttentionPiece& p) {
  const std::int64_t q = p.queries, k = p.keys, d = p.head_size;
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t depth, bool sums) {
    return cost.product({m, n, depth, p.element_bytes, kFp32, sums});
  };
  const Cycles scores = product(q, k, d, false);
  if (p.work == AttentionWork::kForward) return saturating_sum(scores, product(q, d, k, true));
  Cycles sum = saturating_product(p.keeps_scores ? 1 : 2, scores);  // S, dP
  if (p.work != AttentionWork::kQueryGradient) sum = saturating_sum(sum, saturating_product(2, product(k, d, q, true)));
  if (p.work != AttentionWork::kKeyGradients) sum = saturating_sum(sum, product(q, d, k, true));
  return sum;
}

/// A multiply-add is one: scale and difference, scaling O and adding to it, the sum of the gradient's row.
std::int64_t vector_operations(const AttentionPiece& p) {
  constexpr std::int64_t kSoftmax = 7, kSoftmaxAgain = 5, kGradient = 4;
  const std::int64_t scores = scores_of(p);
  if (p.work != AttentionWork::kForward)
    return saturating_product(scores, kGradient + (p.keeps_scores ? 0 : kSoftmaxAgain));
  return saturating_sum(saturating_product(scores, kSoftmax),
                        saturating_product(ceil_div(p.keys, kBlockOfKeys), saturating_product(p.queries, p.head_size)));
}

}  // namespace

std::int64_t attention_vector_flops(const AttentionPiece& p) {
  constexpr std::int64_t kSoftmax = 8, kSoftmaxAgain = 6, kGradient = 4;
  const std::int64_t scores = scores_of(p);
  if (p.work != AttentionWork::kForward)
    return saturating_product(scores, kGradient + (p.keeps_scores ? 0 : kSoftmaxAgain));
  const std::int64_t blocks = ceil_div(p.keys, kBlockOfKeys);
  return saturating_sum(saturating_product(scores, kSoftmax),
                        saturating_product(2 * blocks, saturating_product(p.queries, p.head_size)));
}

Cycles attention_cycles(const NodeCost& cost, const AttentionPiece& p) {
  if (p.queries <= 0 || p.keys <= 0 || p.head_size <= 0) return 0;
  const std::int64_t scores = scores_of(p);
  const bool grad = p.work != AttentionWork::kForward;
  const std::int64_t from_matrix = grad && !p.keeps_scores ? 2 : 1;                   // S, dP
  const std::int64_t made = grad && p.work != AttentionWork::kQueryGradient ? 2 : 1;  // P, dS; dQ needs no P
  const Bytes kept = p.keeps_scores ? p.element_bytes : 0;
  const Bytes loaded = saturating_product(scores, from_matrix * kFp32 + (grad ? kept : 0));
  const Bytes stored = saturating_product(scores, from_matrix * kFp32 + made * p.element_bytes + (grad ? 0 : kept));
  const Cycles matrix = saturating_sum(products(cost, p), ceil_div(loaded, cost.load_bytes_per_cycle()));
  const std::int64_t issued = cost.model() == NodeModel::kBounds ? attention_vector_flops(p) : vector_operations(p);
  const Cycles vector = ceil_div(issued, cost.vector_elements_per_cycle(kFp32));
  const Cycles store = ceil_div(stored, cost.store_bytes_per_cycle());
  const Cycles fill = cost.params().vector_latency_cycles + cost.params().sram_latency_cycles;
  return saturating_sum(std::max({matrix, vector, store}), fill);
}

}  // namespace dojo::node
