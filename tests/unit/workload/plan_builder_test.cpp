// SPDX-License-Identifier: Apache-2.0
// What the builder makes of items and edges that come in any order.
#include "dojo/workload/plan_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"

namespace dojo::workload {
namespace {

using testing::ElementsAre;

constexpr PlanBuilder::Flags kStart{true, false}, kFinish{false, true};

TEST(PlanBuilder, GroupsItemsByPositionAndKeepsTheirOrder) {
  PlanBuilder builder;
  const std::uint32_t late = builder.item(1, kStart), early = builder.item(0, kStart), end = builder.item(1, kFinish);
  builder.edge(early, end, 100);
  builder.edge(late, end, 0);
  builder.edge(early, late, 7);
  const DataflowPlan plan = builder.build("some", {3, 5}, 4);
  EXPECT_EQ(plan.algorithm, "some");
  EXPECT_EQ(plan.positions, 2u);
  EXPECT_EQ(plan.tracks, 2u);
  EXPECT_EQ(plan.chunks, 4u);
  EXPECT_THAT(plan.track_node, ElementsAre(3, 5));
  EXPECT_THAT(plan.item_begin, ElementsAre(0, 1, 3));
  ASSERT_EQ(plan.items.size(), 3u);
  EXPECT_EQ(plan.items[0].position, 0u);
  EXPECT_TRUE(plan.items[1].start) << "`late` came before `end`";
  EXPECT_TRUE(plan.items[2].finish);
  ASSERT_EQ(plan.edges.size(), 3u);
  EXPECT_EQ(plan.edges[0].item, 2u) << "of `early`, in the order in which they were given";
  EXPECT_EQ(plan.edges[0].bytes, 100);
  EXPECT_EQ(plan.edges[1].item, 1u);
  EXPECT_EQ(plan.items[0].edges_end, 2u);
  EXPECT_EQ(plan.edges[2].item, 2u);
}

/// A token for each edge into an item, and one for its start.
TEST(PlanBuilder, CountsTheTokensThatAnItemNeeds) {
  PlanBuilder builder;
  const std::uint32_t a = builder.item(0, kStart), b = builder.item(1, {true, true});
  builder.edge(a, b, 64);
  builder.edge(a, b, 64);
  const DataflowPlan plan = builder.build("some", {0}, 1);
  EXPECT_EQ(plan.items[0].need, 1u);
  EXPECT_EQ(plan.items[1].need, 3u);
}

TEST(PlanBuilder, OnlyAServiceBeginsByItself) {
  PlanBuilder idle;
  idle.item(0, kFinish);
  EXPECT_THROW((void)idle.build("some", {0}, 1), Error);
  PlanBuilder dip;
  PlanBuilder::Flags read;
  read.service = DataflowItem::Service::kHostRead;
  read.service_bytes = 1000;
  dip.item(0, read);
  const DataflowPlan plan = dip.build("some", {0}, 1);
  EXPECT_EQ(plan.items[0].need, 0u);
  EXPECT_EQ(plan.items[0].bytes, 1000);
  EXPECT_FALSE(plan.items[0].combine);
}

TEST(PlanBuilder, AnItemMayCombine) {
  PlanBuilder builder;
  builder.item(0, {true, false, 512});
  const DataflowPlan plan = builder.build("some", {0}, 1);
  EXPECT_TRUE(plan.items[0].combine);
  EXPECT_EQ(plan.items[0].bytes, 512);
}

TEST(PlanBuilder, AnItemCountsNoMoreThanItCanHold) {
  PlanBuilder builder;
  const std::uint32_t from = builder.item(0, kStart), to = builder.item(1, kFinish);
  for (std::uint32_t i = 0; i < kMaxNeed; ++i) builder.edge(from, to, 64);
  EXPECT_EQ(builder.build("some", {0}, 1).items[1].need, kMaxNeed);
  builder.edge(from, to, 64);
  EXPECT_THROW((void)builder.build("some", {0}, 1), Error);
}

TEST(PlanBuilder, PositionsMayBeWithoutItems) {
  PlanBuilder builder(3);
  builder.item(1, kStart);
  const DataflowPlan plan = builder.build("some", {0}, 1);
  EXPECT_EQ(plan.positions, 3u);
  EXPECT_THAT(plan.item_begin, ElementsAre(0, 0, 1, 1));
}

/// What was built may be added to and built again.
TEST(PlanBuilder, SetsAFinishAfterwards) {
  PlanBuilder builder;
  const std::uint32_t item = builder.item(0, kStart);
  EXPECT_FALSE(builder.build("some", {0}, 1).items[0].finish);
  builder.set_finish(item);
  EXPECT_TRUE(builder.build("some", {0}, 1).items[0].finish);
}

}  // namespace
}  // namespace dojo::workload
