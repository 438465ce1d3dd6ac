// SPDX-License-Identifier: Apache-2.0
// Cycles of a piece on one core, derived from the unit sizes of the parameters.
#include "dojo/node/kernel_cost.h"

#include <gtest/gtest.h>

#include <limits>

namespace dojo::node {
namespace {

const topology::NodeParams kNode;  // the defaults: 8 x 8 x 4, 2 load ports and 1 store port of 64 B

Cycles fill(std::int64_t block_rows) {
  return block_rows * kNode.matrix_latency_cycles + kNode.sram_latency_cycles;
}

TEST(NodeCost, AnEmptyPieceCostsNothing) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  EXPECT_EQ(cost.product({0, 8, 8}), 0);
  EXPECT_EQ(cost.product({8, 0, 8}), 0);
  EXPECT_EQ(cost.product({8, 8, 0}), 0);
  EXPECT_EQ(cost.vector({}), 0);
  EXPECT_EQ(cost.roofline({}), 0);
}

TEST(NodeCost, AProductThatDividesRunsAtThePeak) {
  // 64 x 64 x 64: 8 x 8 blocks of 16 issues; operands need (8 + 8) x 4 x 2 B = 128 B a cycle, just what two ports give.
  EXPECT_EQ(NodeCost(kNode, NodeModel::kBounds).product({64, 64, 64}), 8 * 8 * 16 + fill(8));
}

TEST(NodeCost, EdgesAreWasted) {
  // One row more takes a whole row of blocks.
  EXPECT_EQ(NodeCost(kNode, NodeModel::kBounds).product({65, 64, 64}), 9 * 8 * 16 + fill(9));
  EXPECT_EQ(NodeCost(kNode, NodeModel::kBounds).product({1, 1, 1}), 1 + fill(1));
}

TEST(NodeCost, PartialSumsAreReadAgain) {
  // Loads: 1,024 issues x 128 B and 64 x 64 sums of 4 B, at 128 B a cycle.
  ProductWork piece{64, 64, 64, 2, 4, true};
  EXPECT_EQ(NodeCost(kNode, NodeModel::kBounds).product(piece), (1024 * 128 + 64 * 64 * 4) / 128 + fill(8));
}

TEST(NodeCost, AShallowProductIsBoundByTheStorePort) {
  // 64 x 64 results of 4 B at 64 B a cycle = 256 cycles; the matrix unit needs 64.
  EXPECT_EQ(NodeCost(kNode, NodeModel::kBounds).product({64, 64, 4, 2, 4, false}), 256 + fill(8));
}

TEST(NodeCost, OneLoadPortHalvesTheRate) {
  topology::NodeParams one = kNode;
  one.load_ports = 1;
  EXPECT_EQ(NodeCost(one, NodeModel::kBounds).product({64, 64, 64}), 2 * 8 * 8 * 16 + fill(8));
  // CFP8 operands are half as large: one port is enough again.
  EXPECT_EQ(NodeCost(one, NodeModel::kBounds).product({64, 64, 64, 1, 1, false}), 8 * 8 * 16 + fill(8));
}

TEST(NodeCost, WhatABlockHasNoRowsOrColumnsForIsNotLoaded) {
  topology::NodeParams one = kNode;
  one.load_ports = 1;
  // 8 blocks beside each other: the row of A comes 8 times, each of the 64 columns of B once, 64 x 2 B each.
  EXPECT_EQ(NodeCost(one, NodeModel::kBounds).product({1, 64, 64}), (8 + 64) * 64 * 2 / 64 + fill(1));
  EXPECT_EQ(NodeCost(one, NodeModel::kBounds).product({64, 1, 64}), (64 + 8) * 64 * 2 / 64 + fill(8));
  // Nor is depth that is not there: 16 lines of 5 x 2 B are less than two issues of 128 B.
  EXPECT_EQ(NodeCost(one, NodeModel::kBounds).product({8, 8, 5}), 3 + fill(1));
}

TEST(NodeCost, ALargerMatrixUnitIsNeverSlower) {
  for (auto member : {&topology::NodeParams::matrix_rows, &topology::NodeParams::matrix_columns,
                      &topology::NodeParams::matrix_depth}) {
    topology::NodeParams larger = kNode;
    larger.*member *= 2;
    for (const std::int64_t m : {1, 7, 9, 17, 64}) {
      for (const std::int64_t n : {1, 6, 12, 20, 64}) {
        for (const std::int64_t k : {1, 5, 64}) {
          for (const bool accumulate : {false, true}) {
            const ProductWork piece{m, n, k, 2, 4, accumulate};
            EXPECT_LE(NodeCost(larger, NodeModel::kBounds).product(piece),
                      NodeCost(kNode, NodeModel::kBounds).product(piece))
                << m << " " << n << " " << k;
          }
        }
      }
    }
  }
}

TEST(NodeCost, Fp32RunsOnTheVectorUnit) {
  // 2 x 16^3 FLOP at 32 a cycle = 256; one operand streams 16^3 x 4 B at 128 B a cycle = 128.
  EXPECT_EQ(NodeCost(kNode, NodeModel::kBounds).product({16, 16, 16, 4, 4, false}),
            256 + kNode.vector_latency_cycles + kNode.sram_latency_cycles);
}

TEST(NodeCost, Fp32IsBoundByItsOneStreamOrByItsResults) {
  topology::NodeParams fast = kNode;
  fast.fp32_flop_per_cycle = 1024;
  const Cycles latency = kNode.vector_latency_cycles + kNode.sram_latency_cycles;
  // 32 x 32 x 32 products of 4 B at 128 B a cycle = 1,024; partial sums are 32 x 32 x 4 B more.
  EXPECT_EQ(NodeCost(fast, NodeModel::kBounds).product({32, 32, 32, 4, 4, false}), 1024 + latency);
  EXPECT_EQ(NodeCost(fast, NodeModel::kBounds).product({32, 32, 32, 4, 4, true}), 1024 + 32 + latency);
  // 32 x 32 results of 4 B at 64 B a cycle = 64; the products of one step of depth are 32 cycles.
  EXPECT_EQ(NodeCost(fast, NodeModel::kBounds).product({32, 32, 1, 4, 4, false}), 64 + latency);
}

TEST(NodeCost, OneByteOrOneFlopIsWork) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  const Cycles latency = kNode.vector_latency_cycles + kNode.sram_latency_cycles;
  EXPECT_EQ(cost.vector({1, 0, 0, 2}), 1 + latency);
  EXPECT_EQ(cost.vector({0, 1, 0, 2}), 1 + latency);
  EXPECT_EQ(cost.vector({0, 0, 1, 2}), 1 + latency);
}

TEST(NodeCost, AnElementWiderThanTheLanesTakesACycle) {
  topology::NodeParams narrow = kNode;
  narrow.vector_bytes_per_cycle = 2;
  EXPECT_EQ(NodeCost(narrow, NodeModel::kBounds).vector({0, 0, 100, 4}),
            100 + kNode.vector_latency_cycles + kNode.sram_latency_cycles);
}

TEST(NodeCost, VectorWorkTakesTheBusiestOfPortsAndLanes) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  const Cycles latency = kNode.vector_latency_cycles + kNode.sram_latency_cycles;
  EXPECT_EQ(cost.vector({12800, 640, 32, 2}), 100 + latency) << "12,800 B at 128 B a cycle";
  EXPECT_EQ(cost.vector({1280, 6400, 32, 2}), 100 + latency) << "6,400 B at 64 B a cycle";
  EXPECT_EQ(cost.vector({1280, 640, 3200, 2}), 100 + latency) << "3,200 FLOP at 32 bf16 lanes";
  EXPECT_EQ(cost.vector({1280, 640, 3200, 4}), 200 + latency) << "3,200 FLOP at 16 FP32 lanes";
}

TEST(NodeCost, OfTheTableAreTheFormulasOfThePipeline) {
  const NodeCost table(kNode, NodeModel::kTable);
  EXPECT_EQ(table.product({48, 64, 40}), PipelineCost(kNode).product({48, 64, 40}).cycles);
  EXPECT_EQ(table.product({48, 64, 40, 4, 4}), PipelineCost(kNode).fp32_product({48, 64, 40, 4, 4}));
  EXPECT_EQ(table.vector({}), 0);
  // 64 lines in, 64 out, an operation each: two addresses a line, then its FMA; 7 before.
  EXPECT_EQ(table.vector({64 * 64, 64 * 64, 2 * 2048, 2, 2048}), 64 + 4 + 7);
  // FLOP do not count: a multiply-add is one operation. FP32 has half the lanes.
  EXPECT_EQ(table.vector({100 * 64, 100 * 64, 1 << 20, 2, 3 * 3200}), 300 + 4 + 7);
  EXPECT_EQ(table.vector({100 * 64, 100 * 64, 0, 4, 3200}), 200 + 4 + 7);
  // The operations of one line wait for each other, then its store leaves.
  EXPECT_EQ(table.vector({64, 64, 0, 2, 32 * 100}), 7 + 100 * 4 + 1);
}

TEST(NodeCost, AFewLinesTakeWhatPaperAndPencilGive) {
  const NodeCost table(kNode, NodeModel::kTable);
  EXPECT_EQ(table.vector({64, 0, 0, 2, 0}), 2 + 1) << "nothing waits for the line";
  EXPECT_EQ(table.vector({64, 64, 0, 2, 0}), 2 + 5 + 1) << "copied";
  EXPECT_EQ(table.vector({64, 64, 0, 2, 32}), 2 + 5 + 4 + 1) << "an operation on it";
  // Three units a thread, one of them with 11 operations: they are worked on alone, the two others together, and a
  // register takes the next result when the store of the old one has left.
  EXPECT_EQ(table.vector({6 * 64, 6 * 64, 0, 2, 32 * 63}), 2 + 5 + 11 * 4 + 10 * 4 + 1);
}

TEST(NodeCost, RowsAreWorkedOnInGroupsOfFour) {
  const NodeCost table(kNode, NodeModel::kTable);
  const auto of_rows = [&](std::int64_t rows, std::int64_t lanes) {
    return table.vector({54 * 64, 12 * 64, 0, 2, 32 * 69, {rows, 1, 1, 2, lanes}});
  };
  // 13 to 16 rows on each thread.
  EXPECT_EQ(of_rows(26, 32), of_rows(32, 32));
  EXPECT_LT(of_rows(24, 32), of_rows(26, 32));
  // Each halving of the lanes is a shuffle and an FMA for all rows of a group: 8 cycles.
  EXPECT_EQ(of_rows(32, 32) - of_rows(32, 16), 4 * 8);
}

TEST(NodeCost, FormatsThatAreNotNativeAreUnpacked) {
  topology::NodeParams wide = kNode;
  wide.vector_formats_native = false;
  const NodeCost table(wide, NodeModel::kTable);
  const StreamWork work = table.stream({64 * 64, 64 * 64, 0, 2, 2048});
  EXPECT_EQ(work.units, 64);
  EXPECT_EQ(work.fma, 128) << "16 lanes";
  EXPECT_EQ(work.unpacks, 128);
  EXPECT_EQ(work.packs, 64);
  // Three shuffles a line; the way of a line: two to unpack, two FMA, one to pack.
  EXPECT_EQ(table.vector({64 * 64, 64 * 64, 0, 2, 2048}), 192 + 4 + 8 + 7);
  const StreamWork fp32 = table.stream({64 * 64, 64 * 64, 0, 4, 1024});
  EXPECT_EQ(fp32.fma, 64);
  EXPECT_EQ(fp32.unpacks + fp32.packs, 0);
}

TEST(NodeCost, AStreamIsCutIntoUnitsOfAFewLines) {
  const NodeCost table(kNode, NodeModel::kTable);
  const auto units = [&](Bytes loads, Bytes stores, std::int64_t operations) {
    return table.stream({loads * 64, stores * 64, 0, 2, operations * 32}).units;
  };
  EXPECT_EQ(units(300, 100, 0), 100) << "three loads and a store each";
  EXPECT_EQ(units(100, 300, 0), 100);
  EXPECT_EQ(units(1000, 10, 0), 1000) << "few stores";
  EXPECT_EQ(units(0, 70, 0), 70);
  EXPECT_EQ(units(0, 0, 40), 10);
}

TEST(NodeCost, RooflineIsTheLargerOfComputeAndMemory) {
  const NodeCost cost(kNode, NodeModel::kBounds);
  EXPECT_EQ(cost.roofline({512 * 100, 128}), 100);
  EXPECT_EQ(cost.roofline({512, 128 * 100}), 100);
}

TEST(NodeCost, ASlowCoreTakesLongerRoundedUp) {
  EXPECT_EQ(NodeCost::scaled(100, 1.0F), 100);
  EXPECT_EQ(NodeCost::scaled(100, 0.5F), 200);
  EXPECT_EQ(NodeCost::scaled(3, 0.75F), 4);
  EXPECT_EQ(NodeCost::scaled(4, 0.75F), 6) << "5.33 rounded up";
  constexpr Cycles kOdd = (Cycles{1} << 60) + 1;  // no double
  EXPECT_EQ(NodeCost::scaled(kOdd, 1.0F), kOdd) << "the nominal rate changes nothing";
}

/// Whatever a trace says: a time is never negative, and never that of a smaller piece.
TEST(NodeCost, OfPiecesBeyond64BitsStaysAtTheLargestTime) {
  const NodeCost cost{topology::NodeParams{}, NodeModel::kBounds};
  constexpr std::int64_t kHuge = std::int64_t{1} << 50;
  for (const Bytes element_bytes : {2, 4}) {
    Cycles before = 0;
    for (std::int64_t extent = 1; extent <= kHuge; extent *= 2) {
      const Cycles now = cost.product({extent, extent, extent, element_bytes, element_bytes, true});
      EXPECT_GE(now, before) << extent;
      before = now;
    }
    EXPECT_GT(before, std::int64_t{1} << 55);
  }
  EXPECT_GE(cost.roofline({std::numeric_limits<std::int64_t>::max(), 0}), std::int64_t{1} << 53);
  EXPECT_GE(NodeCost::scaled(std::numeric_limits<std::int64_t>::max(), 0.001F), std::int64_t{1} << 62);
}

}  // namespace
}  // namespace dojo::node
