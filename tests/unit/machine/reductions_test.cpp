// SPDX-License-Identifier: Apache-2.0
// Reductions among the nodes of a die, on a network in which every message takes 100 cycles.
#include "machine/die/reductions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using End = FakeEnds::End;

void combines_and_finishes(DataflowItem& item, Bytes bytes) {
  item.combine = item.finish = true;
  item.bytes = bytes;
}

/// Position 0 sends `bytes` to position 1, which adds them.
DataflowPlan sum_of_two(Bytes bytes, std::uint32_t chunks) {
  return PlanMaker(1, chunks)
      .position()
      .item(1, starts)
      .edge(1, bytes)
      .position()
      .item(1, [=](DataflowItem& item) { combines_and_finishes(item, bytes); })
      .plan();
}

struct Die {
  explicit Die(Bench& bench)
      : residents(static_cast<std::size_t>(bench.topology.sites())),
        adders(bench.topology.params().node),
        port(bench.topology, 0),
        reductions(bench.context(), wheel, residents, time, adders, port, ends) {
    for (RankId rank = 0; rank < bench.job.slices.size(); ++rank) {
      const RankDie& place = residents[residents.add(bench.context(), rank, 0)];
      time.add_rank(place.node_count);
      adders.add_rank(place.node_count);
    }
  }
  void run(Cycles end = kNever) {
    run_events(
        wheel, moment, [&](const engine::Event& e) { reductions.handle(e); }, end);
  }
  Residents residents;
  NodeTime time;
  Adders adders;
  engine::Wheel wheel;
  Moment moment;
  FakeEnds ends;
  FakePort port;
  Reductions reductions;
};

class ReductionsTest : public ::testing::Test {
 protected:
  ReductionsTest() : bench_(die_params(2, 3)) {
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 1), 0);
    bench_.add_rank(make_slice(bench_.topology, 0, 1, 2, 2), 1);
  }
  /// From node 1 to node 0 of whichever rank uses it.
  std::uint32_t use(const DataflowPlan& plan) {
    bench_.job.plans.push_back(plan);
    return bench_.add_instance(static_cast<std::uint32_t>(bench_.job.plans.size() - 1),
                               {{ParticipantKind::kNode, 1}, {ParticipantKind::kNode, 0}});
  }
  Bench bench_;
};

// 640 bytes are there at 110; adding takes ten cycles at 64 bytes a cycle and a latency of four.
TEST_F(ReductionsTest, AMessageIsAddedWhenItHasCome) {
  const std::uint32_t instance = use(sum_of_two(640, 1));
  Die die(bench_);
  die.reductions.start(0, 7, instance, 10);
  EXPECT_TRUE(die.time.waits_for_network(0));
  die.run();
  ASSERT_EQ(die.port.within.size(), 1u);
  EXPECT_EQ(die.port.within[0].site, 3) << "node 1 of a slice of one column";
  EXPECT_EQ(die.port.within[0].burst.row, 0);
  EXPECT_EQ(die.port.within[0].bytes, 640);
  EXPECT_EQ(die.port.within[0].now, 10);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 7, 10 + 100 + 10 + 4}));
  EXPECT_FALSE(die.time.waits_for_network(0));
  EXPECT_EQ(die.time.breakdown(124).communication, 2u * 114u);
}

// Chunks of 321 and 320 bytes: six cycles of adding, then five, one after the other.
TEST_F(ReductionsTest, ChunksFollowOneAnother) {
  const std::uint32_t instance = use(sum_of_two(641, 2));
  Die die(bench_);
  die.reductions.start(0, 7, instance, 10);
  die.run();
  ASSERT_EQ(die.port.within.size(), 2u);
  EXPECT_EQ(die.port.within[0].bytes, 321);
  EXPECT_EQ(die.port.within[1].bytes, 320);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 7, 110 + 6 + 5 + 4}));
}

// Position 2 has added 6400 bytes at 204; position 1, which waits for nothing, has sent long before.
TEST_F(ReductionsTest, ItemsFireInTheOrderOfTimeNotOfTheirDepth) {
  bench_.job.plans.push_back(PlanMaker()
                                 .position()
                                 .item(2, [](DataflowItem& item) { combines_and_finishes(item, 64); })
                                 .position()
                                 .item(1, starts)
                                 .edge(0, 64)
                                 .item(1, starts)
                                 .edge(3, 6400)
                                 .position()
                                 .item(1,
                                       [](DataflowItem& item) {
                                         item.combine = true;
                                         item.bytes = 6400;
                                       })
                                 .edge(4, 128)
                                 .position()
                                 .item(1)
                                 .edge(0, 192)
                                 .plan());
  const std::uint32_t instance = bench_.add_instance(0, {{ParticipantKind::kNode, 0},
                                                         {ParticipantKind::kNode, 1},
                                                         {ParticipantKind::kNode, 2},
                                                         {ParticipantKind::kNode, 3}});
  Die die(bench_);
  die.reductions.start(1, 7, instance, 0);
  EXPECT_EQ(die.port.within.size(), 2u) << "what waits for nothing";
  die.run(150);
  EXPECT_EQ(die.port.within.size(), 3u);
  EXPECT_EQ(die.port.within[2].now, 204);
  die.run();
  ASSERT_EQ(die.port.within.size(), 4u);
  EXPECT_EQ(die.port.within[3].now, 304);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{1, 7, 404 + 1 + 4}));
}

TEST_F(ReductionsTest, AMessageMovesAtLeastAPacket) {
  const std::uint32_t instance = use(sum_of_two(3, 1));
  Die die(bench_);
  die.reductions.start(0, 7, instance, 0);
  EXPECT_EQ(die.port.within.at(0).bytes, 64);
}

// Both positions add what the other sent; then position 1 passes the sum on to its own last item, without a message.
TEST_F(ReductionsTest, AnItemOfTheSamePositionGetsATokenAtOnce) {
  const std::uint32_t instance = use(PlanMaker()
                                         .position()
                                         .item(1, starts)
                                         .edge(1, 64)
                                         .position()
                                         .item(1,
                                               [](DataflowItem& item) {
                                                 item.combine = true;
                                                 item.bytes = 128;
                                               })
                                         .edge(2)
                                         .item(1, finishes)
                                         .plan());
  Die die(bench_);
  die.reductions.start(0, 7, instance, 0);
  die.run();
  EXPECT_EQ(die.port.within.size(), 1u);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 7, 100 + 2 + 4}));
}

TEST_F(ReductionsTest, TwoRanksUseOneInstanceSideBySide) {
  const std::uint32_t instance = use(sum_of_two(640, 1));
  Die die(bench_);
  die.reductions.start(0, 7, instance, 10);
  die.reductions.start(1, 8, instance, 30);
  die.run();
  ASSERT_EQ(die.port.within.size(), 2u);
  EXPECT_EQ(die.port.within[1].site, 2) << "node 1 of the second rank";
  EXPECT_EQ(die.port.within[1].burst.column, 1);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 7, 124}, End{1, 8, 144}));
}

TEST_F(ReductionsTest, ARunServesTheNextTask) {
  const std::uint32_t one = use(sum_of_two(640, 1)), other = use(sum_of_two(64, 3));
  Die die(bench_);
  for (const Cycles begin : {0, 1000}) {
    die.reductions.start(0, 7, one, begin);
    die.run();
    EXPECT_EQ(die.ends.ended.back(), (End{0, 7, begin + 114}));
    die.reductions.start(0, 8, other, begin + 500);
    die.run();
    EXPECT_EQ(die.ends.ended.back(), (End{0, 8, begin + 500 + 100 + 3 * 1 + 4})) << "22, 21 and 21 bytes";
  }
}

TEST_F(ReductionsTest, AddersAreSharedWithOthers) {
  const std::uint32_t instance = use(sum_of_two(640, 1));
  Die die(bench_);
  die.adders.add(0, 0, 6400, 50);  // busy up to 150
  die.reductions.start(0, 7, instance, 10);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 7, 150 + 10 + 4}));
}

TEST_F(ReductionsTest, ACopyGoesOnUnderItsOwnName) {
  const std::uint32_t one = use(sum_of_two(640, 1)), other = use(sum_of_two(640, 1));
  bench_.job.instances[other].participants = {{ParticipantKind::kNode, 0},
                                              {ParticipantKind::kNode, 1}};  // the other way round
  Die die(bench_), copy(bench_);
  die.reductions.start(1, 7, one, 10);
  copy.wheel = die.wheel;
  copy.time.copy(die.time);
  copy.reductions.copy(die.reductions, row_names(0, {}, {other}));
  copy.run();
  EXPECT_THAT(copy.ends.ended, ElementsAre(End{1, 7, 124}));
  EXPECT_EQ(copy.adders.add(1, 1, 64, 0), 120 + 1 + 4) << "node 1 has added, not node 0";
  EXPECT_EQ(copy.adders.add(1, 0, 64, 0), 0 + 1 + 4);
  EXPECT_EQ(die.ends.ended.size(), 0u);
}

}  // namespace
}  // namespace dojo::machine::test
