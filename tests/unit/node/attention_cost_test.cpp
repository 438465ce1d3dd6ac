// SPDX-License-Identifier: Apache-2.0
// Attention on one core against its claims, worked out by hand.
#include "dojo/node/attention_cost.h"

#include <gtest/gtest.h>

#include <utility>

namespace dojo::node {
namespace {

const topology::NodeParams kNode;

TEST(AttentionCost, NothingTakesNoTime) {
  EXPECT_EQ(attention_cycles(NodeCost(kNode, NodeModel::kBounds), {}), 0);
  EXPECT_EQ(attention_cycles(NodeCost(kNode, NodeModel::kBounds), {8, 0, 64, 2, AttentionWork::kGradients, false}), 0);
}

/// 64 queries, 256 keys, heads of 128: 8 x 32 blocks of 32 issues, and 8 x 16 blocks of 64 issues.
TEST(AttentionCost, ForwardTakesBothProductsAtLeast) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  const Cycles cycles = attention_cycles(cost, {64, 256, 128, 2, AttentionWork::kForward, false});
  EXPECT_GE(cycles, 8 * 32 * 32 + 8 * 16 * 64);
  const Cycles products = cost.product({64, 256, 128, 2, 4, false}) + cost.product({64, 128, 256, 2, 4, true});
  EXPECT_EQ(cycles, products + 64 * 256 * 4 / 128 + kNode.vector_latency_cycles + kNode.sram_latency_cycles);
}

/// 8 FLOP a score on 16 FP32 lanes are more than the products of heads of 16 (2 x 16 / 256 cycles a score each).
TEST(AttentionCost, SmallHeadsAreBoundByTheSoftmax) {
  const AttentionPiece piece{64, 256, 16, 2, AttentionWork::kForward, false};
  const std::int64_t flops = 8 * 64 * 256 + 2 * 2 * 64 * 16;  // two blocks of keys scale O
  EXPECT_EQ(attention_vector_flops(piece), flops);
  EXPECT_GE(attention_cycles(NodeCost(kNode, NodeModel::kBounds), piece), flops / 16);
}

TEST(AttentionCost, TheGradientMakesScoresAgainUnlessTheyWereKept) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  const AttentionPiece again{64, 256, 64, 2, AttentionWork::kGradients, false},
      kept{64, 256, 64, 2, AttentionWork::kGradients, true};
  const Cycles scores = cost.product({64, 256, 64, 2, 4, false});
  EXPECT_EQ(attention_cycles(cost, again) - attention_cycles(cost, kept), scores + 64 * 256 * (8 - 6) / 128);
  EXPECT_EQ(attention_vector_flops(again), 10 * 64 * 256);
  EXPECT_EQ(attention_vector_flops(kept), 4 * 64 * 256);
}

/// Where a multiply-add is one operation, 7 a score and one for each element of O and block of keys.
TEST(AttentionCost, MultiplyAddsAreOneOperationOfTheVectorUnit) {
  const AttentionPiece piece{64, 256, 16, 2, AttentionWork::kForward, false};
  EXPECT_GE(attention_cycles(NodeCost(kNode, NodeModel::kTable), piece), (7 * 64 * 256 + 2 * 64 * 16) / 16);
}

/// Two tiles of 16 queries and 128 keys. Scores: 8 x 64 issues, 8 ends of 10. Sums of 128 deep: 4 x 128 issues, 4 ends
/// of 13, 64 lines of partial sums. Between: 7 operations of 128 lines, 8 rows of figures of 10 and 8 lines of O, and
/// two passes that begin (11 each).
TEST(AttentionCost, OfTheTableIsThatOfTilesOnTwoThreads) {
  const NodeCost table(kNode, NodeModel::kTable);
  constexpr Cycles kScores = 8 * 64 + 8 * 10, kSums = 4 * 128 + 4 * 13 + 32, kBetween = 7 * 128 + 8 * 18 + 2 * 11;
  // Loads and stores of products: 8 and 4 tiles; those in between: two of each line, eight of O and figures.
  constexpr Cycles kAddresses = (8 * 80 + (4 * 128 + 64 + 64)) / 2 + 2;
  const Cycles cycles = attention_cycles(table, {16, 256, 64, 2, AttentionWork::kForward, false});
  constexpr Cycles kAlone = 2 * (kScores + kSums) + (kBetween - kScores) + (kBetween - kSums);
  EXPECT_GT(cycles, kAlone);
  EXPECT_LT(cycles, kAlone + 2 * kAddresses) << "an address waits for another one at most";
  // Equal pieces: no end but the last one's.
  const Cycles three = attention_part_cycles(table, {{16, 256, 64, 2, AttentionWork::kForward, false}, 3});
  EXPECT_LT(three, 3 * cycles - 2 * (kBetween - kScores));
  EXPECT_EQ(attention_part_cycles(table, {{16, 256, 64, 2, AttentionWork::kForward, false}, 0}), 0);
}

TEST(AttentionCost, WhatIsOneTileIsCutInTwo) {
  const auto tile = [](std::int64_t queries, std::int64_t keys, AttentionWork work) {
    const AttentionTile all = attention_tile({queries, keys, 64, 2, work, false});
    return std::pair(all.queries, all.keys);
  };
  EXPECT_EQ(tile(64, 1024, AttentionWork::kForward), std::pair(std::int64_t{2}, std::int64_t{16}));
  EXPECT_EQ(tile(64, 136, AttentionWork::kForward), std::pair(std::int64_t{2}, std::int64_t{9})) << "equal tiles";
  EXPECT_EQ(tile(16, 128, AttentionWork::kForward), std::pair(std::int64_t{2}, std::int64_t{8}));
  EXPECT_EQ(tile(8, 8, AttentionWork::kForward), std::pair(std::int64_t{1}, std::int64_t{1}));
  EXPECT_EQ(tile(64, 16, AttentionWork::kGradients), std::pair(std::int64_t{4}, std::int64_t{2}));
  EXPECT_EQ(tile(256, 64, AttentionWork::kKeyGradients), std::pair(std::int64_t{16}, std::int64_t{2}));
}

/// In FP32 the FMA unit makes products too.
TEST(AttentionCost, InFp32ProductsAndSoftmaxShareTheFmaUnit) {
  const NodeCost table(kNode, NodeModel::kTable);
  const Cycles products = table.product({64, 256, 64, 4, 4, false}) + table.product({64, 64, 256, 4, 4, true});
  EXPECT_GE(attention_cycles(table, {64, 256, 64, 4, AttentionWork::kForward, false}), products + 7 * 64 * 256 / 16);
}

/// A port of 16 bytes: dP is written as FP32, and P and dS for the products, eight bytes a score.
TEST(AttentionCost, GradientsMayBeBoundByWhatTheyStore) {
  topology::NodeParams narrow = kNode;
  narrow.port_bytes_per_cycle = 16;
  narrow.load_ports = 16;
  const NodeCost cost(narrow, NodeModel::kBounds);
  EXPECT_EQ(attention_cycles(cost, {64, 256, 8, 2, AttentionWork::kGradients, true}),
            64 * 256 * (4 + 2 + 2) / 16 + narrow.vector_latency_cycles + narrow.sram_latency_cycles);
}

/// Two passes make S and dP twice, and nothing else.
TEST(AttentionCost, GradientsOfTwoPassesMakeScoresTwice) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  AttentionPiece piece{64, 256, 128, 2, AttentionWork::kQueryGradient, false};
  const Cycles scores = cost.product({64, 256, 128, 2, 4, false});
  const Cycles ends = kNode.vector_latency_cycles + kNode.sram_latency_cycles;
  EXPECT_EQ(attention_cycles(cost, piece),
            2 * scores + cost.product({64, 128, 256, 2, 4, true}) + 64 * 256 * 8 / 128 + ends);
  piece.work = AttentionWork::kKeyGradients;
  EXPECT_EQ(attention_cycles(cost, piece),
            2 * scores + 2 * cost.product({256, 128, 64, 2, 4, true}) + 64 * 256 * 8 / 128 + ends);
}

}  // namespace
}  // namespace dojo::node
