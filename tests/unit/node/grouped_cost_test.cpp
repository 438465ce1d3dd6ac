// SPDX-License-Identifier: Apache-2.0
// Products of groups on the faster unit.
#include "dojo/node/grouped_cost.h"

#include <gtest/gtest.h>

namespace dojo::node {
namespace {

const topology::NodeParams kNode;

/// 64 pixels of 256 channels, 9 taps: 2 FLOP a tap on 32 lanes. The matrix unit would fill an eighth of its columns.
TEST(GroupedCost, OneChannelAGroupIsFasterOnTheVectorUnit) {
  const NodeCost cost(kNode);
  const ProductWork one{64, 1, 9, 2, 2, false};
  const Cycles cycles = grouped_product_cycles(cost, one, 256);
  EXPECT_EQ(cycles, 2 * 64 * 256 * 9 / 32 + kNode.vector_latency_cycles + kNode.sram_latency_cycles);
  EXPECT_LT(cycles, 256 * cost.product(one));
}

TEST(GroupedCost, WideGroupsAreProductsOneAfterTheOther) {
  const NodeCost cost(kNode);
  const ProductWork wide{64, 64, 576, 2, 2, false};
  EXPECT_EQ(grouped_product_cycles(cost, wide, 4), 4 * cost.product(wide));
}

TEST(GroupedCost, NothingTakesNoTime) {
  EXPECT_EQ(grouped_product_cycles(NodeCost(kNode), {0, 8, 8, 2, 2, false}, 4), 0);
}

}  // namespace
}  // namespace dojo::node
