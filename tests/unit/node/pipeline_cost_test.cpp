// SPDX-License-Identifier: Apache-2.0
// Formulas that follow the core's pipeline, each worked out here from the counts of its kernel.
#include "dojo/node/pipeline_cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace dojo::node {
namespace {

const topology::NodeParams kNode;
const PipelineCost kCost(kNode);
constexpr Cycles kEnds = 28;              // of a product
constexpr Cycles kBefore = 2 + 5;         // fetch and decode, SRAM
constexpr Cycles kFma = 4, kShuffle = 4;  // latencies

TEST(PipelineCost, AnEmptyPieceCostsNothing) {
  for (const ProductWork& piece : {ProductWork{0, 8, 8}, ProductWork{8, 0, 8}, ProductWork{8, 8, 0}}) {
    EXPECT_EQ(kCost.product(piece).cycles, 0);
    EXPECT_EQ(kCost.product(piece, 2, 2), 0);
    EXPECT_EQ(kCost.fp32_product(piece), 0);
  }
  EXPECT_EQ(kCost.vector({}), 0);
  EXPECT_EQ(kCost.reduction(0, 16), 0);
  EXPECT_EQ(kCost.rows({}, {}), 0);
  EXPECT_EQ(kCost.product_within({0, 8, 8}).alone, 0);
}

TEST(PipelineCost, ABlockedProductIsBoundByItsIssues) {
  // 8 x 8 blocks, 16 issues deep: 1,024 issues, and one more where each of 4 x 4 tiles starts.
  EXPECT_EQ(kCost.product({64, 64, 64}, 2, 2), 1024 + 16 + kEnds);
  // 65 rows take a ninth row of blocks: 5 x 4 tiles.
  EXPECT_EQ(kCost.product({65, 64, 64}, 2, 2), 9 * 8 * 16 + 20 + kEnds);
}

TEST(PipelineCost, AnUnblockedProductIsBoundByItsAddresses) {
  // Each issue loads two lines, 64 blocks store two: two a cycle.
  EXPECT_EQ(kCost.product({64, 64, 64}, 1, 1), (2 * 1024 + 2 * 64) / 2 + kEnds);
  topology::NodeParams one;
  one.core.address_generators = 1;
  EXPECT_EQ(PipelineCost(one).product({64, 64, 64}, 1, 1), 2 * 1024 + 2 * 64 + kEnds);
  topology::NodeParams free;
  free.core.address_generators = 4;
  free.core.store_takes_address_generator = false;
  // Then two load ports decide.
  EXPECT_EQ(PipelineCost(free).product({64, 64, 64}, 1, 1), 1024 + 64 + kEnds);
}

TEST(PipelineCost, BlockingOfOneSideLoadsThatOperandLess) {
  // 2 x 1: rows' operand once for each of 8 columns, columns' operand once for each of 4 rows of tiles, 16 lines each.
  const std::int64_t loads = 16 * (8 * 8 + 8 * 4);
  EXPECT_EQ(kCost.product({64, 64, 64}, 2, 1), std::max<std::int64_t>(1024 + 32, (loads + 128) / 2) + kEnds);
  topology::NodeParams one;
  one.core.address_generators = 1;
  EXPECT_EQ(PipelineCost(one).product({64, 64, 64}, 2, 1), loads + 128 + kEnds);
  // 24 x 64: three rows of blocks. 1 x 2: four columns of tiles, 2 x 1: two rows of them.
  EXPECT_EQ(PipelineCost(one).product({24, 64, 64}, 1, 2), 16 * (3 * 4 + 8 * 3) + 48 + kEnds);
  EXPECT_EQ(PipelineCost(one).product({24, 64, 64}, 2, 1), 16 * (3 * 8 + 8 * 2) + 48 + kEnds);
}

TEST(PipelineCost, PartialSumsAreLoadedAndDelayTheirTiles) {
  topology::NodeParams one;
  one.core.address_generators = 1;
  const ProductWork piece{64, 64, 64, 2, 4, true};
  EXPECT_EQ(PipelineCost(one).product(piece, 2, 2), 1024 + 4 * 64 + 4 * 64 + kEnds);
  EXPECT_EQ(kCost.product(piece, 2, 2), 1024 + 5 * 16 + kEnds);
}

TEST(PipelineCost, AShallowProductIsBoundByItsStores) {
  // 64 blocks of FP32 sums store four lines each. Loads: 1 line a panel, 4 x (8 + 8).
  EXPECT_EQ(kCost.product({64, 64, 4, 2, 4, false}, 2, 2), 256 + kEnds);
}

TEST(PipelineCost, Cfp8HalvesTheLinesOfPanels) {
  topology::NodeParams one;
  one.core.address_generators = 1;
  // 17 issues deep: 9 lines of a panel.
  EXPECT_EQ(PipelineCost(one).product({64, 64, 68, 1, 2, false}, 1, 1), 9 * 2 * 64 + 128 + kEnds);
}

TEST(PipelineCost, ASingleTileLeavesOneThreadIdle) {
  // 16 x 16 in one tile of 2 x 2: the thread that has it works alone, and drains it (4).
  EXPECT_EQ(kCost.product({16, 16, 64}, 2, 2), 4 * 16 + 4 + kEnds);
  // Three rows of blocks by one: two thirds of 48 + 12 for the busier thread are less than 48 + 3.
  EXPECT_EQ(kCost.product({24, 8, 64}, 1, 1), 48 + 3 + kEnds);
  // Three columns of tiles by four rows: cut by rows, both have half. (96 + 48) / 2 is less than the issues.
  EXPECT_EQ(kCost.product({32, 24, 64}, 1, 1), 12 * 2 * 16 / 2 + 12 + kEnds);
}

TEST(PipelineCost, TheBusierThreadDecidesWhereTilesAreFew) {
  topology::NodeParams many;
  many.core.address_generators = 4;
  many.load_ports = 4;
  const PipelineCost cost(many);
  // One tile: issues 1 x 64, alone 64 + 4.
  EXPECT_EQ(cost.product({8, 8, 256}, 1, 1), 64 + 4 + kEnds);
  // Three tiles side by side: the busier thread has two: 2/3 x (192 + 12) is less than 192 + 3.
  EXPECT_EQ(cost.product({8, 24, 256}, 1, 1), 192 + 3 + kEnds);
  EXPECT_EQ(cost.product({24, 8, 256}, 1, 1), 192 + 3 + kEnds);
}

TEST(PipelineCost, LoadsThatStraddleLinesTakeTheirPortsForEachLine) {
  // Rows' operand: 16 x 8 x 4 loads, as many of columns, 128 stores. 1,024 issues hide two lines a load, not three.
  EXPECT_EQ(kCost.product({64, 64, 64}, 2, 2, {2, 1}), 1024 + 16 + kEnds);
  EXPECT_EQ(kCost.product({64, 64, 64}, 2, 2, {3, 1}), (512 * 3 + 512 + 128) / 2 + kEnds);
  topology::NodeParams one;
  one.core.address_generators = 1;
  const PipelineCost cost(one);
  // An address for each load, however many lines it touches: ports have room for two loads of two lines meanwhile.
  const Cycles addresses = 512 + 512 + 128 + kEnds;
  EXPECT_EQ(cost.product({64, 64, 64}, 2, 2, {1, 1}), addresses);
  EXPECT_EQ(cost.product({64, 64, 64}, 2, 2, {4, 3}), addresses);
  EXPECT_EQ(cost.product({64, 64, 64}, 2, 2, {2, 1}), addresses);
  // Of three lines, two loads take both ports a cycle longer than their addresses.
  EXPECT_EQ(cost.product({64, 64, 64}, 2, 2, {3, 1}), addresses + 512 / 2);
  EXPECT_EQ(cost.product({64, 64, 64}, 2, 2, {8, 3}), addresses + 512 / 2 * 2 / 3);
  // A single row leaves a port to the columns: 16 x 8 x 4 loads of rows, 16 x 8 x 8 of columns.
  EXPECT_EQ(cost.product({64, 64, 64}, 1, 2, {3, 1}), 512 + 1024 + 128 + kEnds);
}

TEST(PipelineCost, WhatElseMayBindAProduct) {
  // Loads in the vector scheduler: 1,024 issues, 128 conversions and 1,024 loads on two slots.
  topology::NodeParams slots;
  slots.core.load_takes_vector_slot = true;
  EXPECT_EQ(PipelineCost(slots).product({64, 64, 64}, 2, 2), (1024 + 128 + 1024) / 2 + kEnds);
  // Sums in the matrix unit: four reads and two conversions a block on the shuffle unit.
  topology::NodeParams unit;
  unit.core.sums = topology::SumPlace::kUnit;
  EXPECT_EQ(PipelineCost(unit).product({64, 64, 8}, 2, 2), 64 * 6 + kEnds);
  // A sum takes an issue every eight cycles: four sums of a thread, half of the tiles each.
  topology::NodeParams chain;
  chain.core.sum_latency_cycles = 8;
  EXPECT_EQ(PipelineCost(chain).product({64, 64, 64}, 2, 2), (1024 * 8 / 4 + 4 * 16) / 2 + kEnds);
  // Ports of two registers.
  topology::NodeParams wide;
  wide.port_bytes_per_cycle = 128;
  wide.core.address_generators = 1;
  EXPECT_EQ(PipelineCost(wide).product({64, 64, 64}, 1, 1), (2 * 1024 + 2 * 64) / 2 + kEnds);
  // Latencies are at the ends.
  topology::NodeParams slow;
  slow.matrix_latency_cycles = 20;
  slow.sram_latency_cycles = 12;
  EXPECT_EQ(PipelineCost(slow).product({64, 64, 64}, 2, 2), 1024 + 16 + kEnds + 12 + 7);
}

TEST(PipelineCost, OfSumsInTheUnitTilesAreNoLargerThanItsShare) {
  topology::NodeParams unit;
  unit.core.sums = topology::SumPlace::kUnit;
  unit.core.unit_sums = 4;
  const BlockedProduct chosen = PipelineCost(unit).product({64, 64, 64});
  EXPECT_LE(chosen.block_rows * chosen.block_columns, 2);
  EXPECT_GT(chosen.cycles, 0);
}

TEST(PipelineCost, TheCheapestBlockingIsTaken) {
  const BlockedProduct large = kCost.product({64, 64, 64});
  EXPECT_EQ(large.block_rows, 2);
  EXPECT_EQ(large.block_columns, 2);
  EXPECT_EQ(large.cycles, kCost.product({64, 64, 64}, 2, 2));
  // One row of blocks, two of columns: unblocked, each thread has a tile. The first of equals is taken.
  const BlockedProduct small = kCost.product({8, 16, 256});
  EXPECT_EQ(small.block_rows, 1);
  EXPECT_EQ(small.block_columns, 1);
}

TEST(PipelineCost, HugePiecesStayAtTheLargestNumber) {
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(kCost.product({huge, huge, huge}).cycles, std::numeric_limits<std::int64_t>::max());
}

TEST(PipelineCost, VectorKernelsTakeTheirBusiestResource) {
  // Copy: 64 loads and 64 stores of two generators; a line needs no FMA.
  EXPECT_EQ(kCost.vector({0, 0, 64, 64}), 64 + kBefore);
  // Two in, one out, one operation: three addresses a line, and the last line's FMA.
  EXPECT_EQ(kCost.vector({64, 0, 128, 64, 0, kFma, 0}), 96 + kFma + kBefore);
  // Four operations a line: FMAs; the last one ends four cycles later.
  EXPECT_EQ(kCost.vector({256, 0, 64, 64, 0, 4 * kFma, 0}), 256 + kFma + kBefore);
  // Unpack, two halves, pack: three shuffles a line.
  EXPECT_EQ(kCost.vector({128, 192, 64, 64, kShuffle, kFma, kShuffle}), 192 + kShuffle + kFma + kBefore);
  // The same with 4 operations: FMAs, between unpacking and packing.
  EXPECT_EQ(kCost.vector({512, 192, 64, 64, kShuffle, 4 * kFma, kShuffle}), 512 + 2 * kShuffle + kFma + kBefore);
  // FMA and shuffle unit share two issues: they bind where a single unit does not.
  topology::NodeParams one;
  one.core.vector_issues_per_cycle = 1;
  EXPECT_EQ(PipelineCost(one).vector({100, 100, 1, 1}), 200 + kBefore);
  // Loads alone, stores alone.
  EXPECT_EQ(kCost.vector({0, 0, 64, 0}), 32 + kBefore);
  EXPECT_EQ(kCost.vector({0, 0, 0, 64}), 64 + kBefore);
}

TEST(PipelineCost, AReductionAddsAStepForEachHalving) {
  // 64 FMAs, their latency, 12 around the steps; 8 for each of 4 halvings.
  EXPECT_EQ(kCost.reduction(64, 16), 64 + kFma + kBefore + 12 + 4 * 8);
  EXPECT_EQ(kCost.reduction(64, 1), 64 + kFma + kBefore + 12);
}

TEST(PipelineCost, RowsAreBoundBySlotsOrByTheirChains) {
  constexpr Cycles kPass = kBefore + kFma, kHalvings = 4 * (kFma + kShuffle);
  const RowWork softmax{64, 2, 2, 6, 16};
  // 64 rows of 8 lines: 8 FMAs a line, and of a row 2 x 4 halvings and 6 more.
  EXPECT_EQ(kCost.rows({64 * 8 * 8, 0, 64 * 24, 64 * 16}, softmax), 64 * 8 * 8 + 64 * 14 + kFma + kBefore);
  // One row: its chains and its lines.
  EXPECT_EQ(kCost.rows({16, 0, 6, 4}, {1, 2, 2, 6, 16}), 2 * kHalvings + 6 * kFma + 3 * kPass + 16);
  EXPECT_EQ(kCost.rows({8, 0, 4, 2}, {1, 1, 2, 6, 16}), kHalvings + 6 * kFma + 2 * kPass + 8);
  // Nine rows: the busier thread has five, in two groups.
  EXPECT_EQ(kCost.rows({9 * 16, 0, 9 * 6, 9 * 4}, {9, 2, 2, 6, 16}),
            2 * (2 * kHalvings + 6 * kFma + 3 * kPass) + 5 * 2 * 8);
  // Sums of all, one of each thread: their chains follow the lines.
  EXPECT_EQ(kCost.rows({64, 0, 64, 1}, {2, 1, 1, 3, 16}), 64 + kHalvings + 3 * kFma + kPass);
  // Few FMAs a line: loads and stores decide.
  EXPECT_EQ(kCost.rows({64 * 64, 0, 64 * 64 * 3, 64 * 64 * 2}, {64, 1, 1, 6, 16}), 64 * 64 * 5 / 2 + kBefore);
}

TEST(PipelineCost, AThreadAloneWaitsForItsTiles) {
  // 16 x 128 x 64: eight tiles of 64 issues. Behind each the unit runs empty, and two cycles pass.
  EXPECT_EQ(kCost.product_within({16, 128, 64, 2, 4, false}).alone, 8 * 64 + 8 * (8 + 2));
  // Partial sums: SRAM, and 16 lines a tile at two ports.
  EXPECT_EQ(kCost.product_within({16, 64, 128, 2, 4, true}).alone, 4 * 128 + 4 * (8 + 5) + 64 / 2);
  EXPECT_EQ(kCost.product_within({16, 128, 64, 2, 4, false}).slots, 8 * 64);
  // A deep unit takes two registers of an operand for an issue: of three sets, a step waits for the one before the
  // last. Four steps for the SRAM, 3, and the four loads in between. Edges have registers to spare.
  topology::NodeParams deep;
  deep.matrix_depth = 8;
  EXPECT_EQ(PipelineCost(deep).product_within({16, 128, 64, 2, 4, false}).alone,
            8 * 16 * (5 + 3 + 2) / 4 + 8 * (8 + 2));
  EXPECT_EQ(PipelineCost(deep).product_within({8, 128, 64, 2, 4, false}).alone, (16 * 8 + 16 * 16 + 64) / 2);
  topology::NodeParams slow;
  slow.sram_latency_cycles = 12;
  EXPECT_EQ(PipelineCost(slow).product_within({16, 128, 64, 2, 4, false}).alone, 8 * 16 * (12 + 3) / 3 + 8 * (8 + 2));
  EXPECT_EQ(kCost.product_within({16, 128, 64, 2, 4, false}).addresses, (8 * 64 + 128) / 2);
}

}  // namespace
}  // namespace dojo::node
