// SPDX-License-Identifier: Apache-2.0
// Masks of attention, counted pair by pair, and shapes of look-ups.
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "dojo/workload/graph.h"

namespace dojo::workload {
namespace {

AttentionShape shape(std::int64_t queries, std::int64_t keys, std::int64_t causal, std::int64_t window) {
  return {2, 4, queries, keys, 8, 0, causal, window, 0};
}

TEST(AttentionShape, RefusesWhatCannotBe) {
  AttentionShape odd = shape(8, 8, 0, 0);
  odd.kv_heads = 3;
  EXPECT_EQ(complete(odd), "found 4 heads and 3 kv_heads, expected as many heads for each; correct one of them");
  AttentionShape longer = shape(9, 8, 1, 0);
  EXPECT_EQ(
      complete(longer),
      "found a mask with 9 queries and 8 keys, expected at most as many queries: the last query stands at the last "
      "key; correct the lengths or remove the mask");
  AttentionShape none{};
  EXPECT_EQ(complete(none), "");  // its missing keys have been reported
}

/// A query sees keys by the definition of the mask.
std::int64_t counted_pairs(const AttentionShape& s) {
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < s.queries; ++i) {
    const std::int64_t position = s.keys - s.queries + i;
    for (std::int64_t key = 0; key < s.keys; ++key) {
      const bool before = s.causal == 0 || key <= position;
      const bool near = s.window == 0 || std::abs(key - position) < s.window;
      pairs += before && near ? 1 : 0;
    }
  }
  return pairs;
}

TEST(AttentionShape, PairsAreThoseThatTheMaskLeaves) {
  for (const std::int64_t queries : {1, 2, 7, 16}) {
    for (const std::int64_t keys : {16, 19}) {
      for (const std::int64_t causal : {0, 1}) {
        for (const std::int64_t window : {0, 1, 3, 16, 40}) {
          const AttentionShape s = shape(queries, keys, causal, window);
          EXPECT_EQ(s.pairs(), counted_pairs(s)) << queries << " " << keys << " " << causal << " " << window;
        }
      }
    }
  }
}

TEST(AttentionShape, FlopsAreTwoProductsAndTheGradientsFour) {
  Op op;
  op.kind = OpKind::kAttention;
  op.attention = shape(16, 16, 0, 0);
  EXPECT_EQ(shape_flops(op), 2 * (2 * 2 * 4 * 16 * 16 * 8));
  op.kind = OpKind::kAttentionGrad;
  EXPECT_EQ(shape_flops(op), 4 * (2 * 2 * 4 * 16 * 16 * 8));
  op.attention.causal = 1;
  EXPECT_EQ(shape_flops(op), 4 * (2 * 2 * 4 * (16 * 17 / 2) * 8));
  op.attention = {1 << 24, 1 << 24, 1 << 24, 1 << 24, 1 << 24, 0, 1, 0, 0};
  EXPECT_EQ(shape_flops(op), std::numeric_limits<std::int64_t>::max());
}

TEST(LookupShape, SumsAreWhole) {
  LookupShape odd{10, 4, 3, 100};
  EXPECT_EQ(complete(odd), "found 10 lookups with 3 pooled, expected whole sums; correct one of them");
  Op op;
  op.kind = OpKind::kEmbedding;
  op.lookup = {12, 4, 3, 50};
  EXPECT_EQ(complete(op.lookup), "");
  EXPECT_EQ(shape_elements(op), 48);
  EXPECT_EQ(shape_flops(op), 0);
}

TEST(OptimizerRules, SayWhatAParameterNeeds) {
  Op op;
  op.kind = OpKind::kOptimizer;
  EXPECT_EQ(default_vector_flops(op), 0);
  op.rule = OptimizerRule::kAdam;
  EXPECT_EQ(default_vector_flops(op), 21);
  EXPECT_EQ(needs_of(OptimizerRule::kAdam).state_bytes, 12);     // master weight, two moments
  EXPECT_EQ(needs_of(OptimizerRule::kMomentum).state_bytes, 8);  // master weight, momentum
  EXPECT_TRUE(needs_of(OptimizerRule::kLars).norms);
}

}  // namespace
}  // namespace dojo::workload
