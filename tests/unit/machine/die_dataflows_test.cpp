// SPDX-License-Identifier: Apache-2.0
// Dataflows on a die: where their messages go, and what the adders and semaphores of the nodes add to their times.
#include "machine/die/die_dataflows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using fabric::Purpose;
using fabric::TrafficClass;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using End = FakeEnds::End;

struct Die {
  Die(Bench& bench, DieId die, const std::vector<std::pair<RankId, std::uint32_t>>& ranks)
      : residents(static_cast<std::size_t>(bench.topology.sites())),
        adders(bench.topology.params().node),
        port(bench.topology, die),
        dataflows(bench.context(), die, wheel, {residents, time, adders, port, ends}) {
    for (const auto& [rank, slice_die] : ranks) {
      const RankDie& place = residents[residents.add(bench.context(), rank, slice_die)];
      time.add_rank(place.node_count);
      adders.add_rank(place.node_count);
    }
  }
  void run() {
    run_events(wheel, moment, [&](const engine::Event& e) {
      if (Timer::part(e) == Part::kTokens) {
        dataflows.handle(e);
      } else {
        dataflows.handle_run(e);
      }
    });
  }
  void token(SiteIndex site, Purpose purpose, const TokenRef& token, Cycles tail) {
    fabric::Burst burst;
    burst.purpose = purpose;
    burst.payload = token.pack();
    dataflows.received(site, burst, tail);
  }
  Residents residents;
  NodeTime time;
  Adders adders;
  engine::Wheel wheel;
  Moment moment;
  FakeEnds ends;
  FakePort port;
  DieDataflows dataflows;
};

// Two dies side by side, each of two by two nodes and a rank of its own, and a DIP at either end.
class DieDataflowsTest : public ::testing::Test {
 protected:
  explicit DieDataflowsTest(Cycles semaphore = 0) : bench_(params(semaphore)) {
    for (const std::int32_t column : {0, 2}) bench_.add_rank(make_slice(bench_.topology, 0, column, 2, 2), 0);
    bench_.job.programs[0].tasks = {dataflow_task(0), dataflow_task(0, 0, Task::Unit::kMemory)};
  }
  static topology::MachineParams params(Cycles semaphore) {
    topology::MachineParams params = tile_params(1, 2, 2, 2);
    params.dip.present = true;
    params.node.collective_semaphore_cycles = semaphore;
    params.node.vector_latency_cycles = 4;
    return params;
  }
  void use(const DataflowPlan& plan, const std::vector<DataflowInstance::Participant>& participants) {
    bench_.job.plans = {plan};
    bench_.add_instance(0, participants);
    bench_.job.instance_of[0] = {{0, 0}};
    bench_.job.instance_of[1] = {{0, 1}};
  }
  Bench bench_;
};

/// Position 0 sends to position 1, which adds to what it has. Tracks at the first and the last node.
DataflowPlan send_and_add(Bytes bytes) {
  DataflowPlan plan = PlanMaker(2)
                          .position()
                          .item(1, starts)
                          .edge(1, bytes)
                          .position()
                          .item(2,
                                [=](DataflowItem& item) {
                                  item.start = item.finish = item.combine = true;
                                  item.bytes = bytes;
                                })
                          .plan();
  plan.track_node = {0, 3};
  return plan;
}
constexpr std::uint16_t kTracks[] = {0, 1};
constexpr DataflowInstance::Participant kRank0{ParticipantKind::kRank, 0}, kRank1{ParticipantKind::kRank, 1};

TEST_F(DieDataflowsTest, RefuseATaskWithoutAnInstance) {
  use(send_and_add(64), {kRank0, kRank1});
  bench_.job.instance_of[0] = {{kNone, 0}};
  Die die(bench_, 0, {{0, 0}});
  EXPECT_THROW(die.dataflows.start(0, 0, 10, 0), Error);
}

// 1001 bytes are 501 and 500.
TEST_F(DieDataflowsTest, EachLaneSendsItsPieceToTheSameNodeOfTheOtherRank) {
  use(send_and_add(1001), {kRank0, kRank1});
  Die die(bench_, 0, {{0, 0}});
  die.dataflows.start(0, 0, 10, 0);
  ASSERT_EQ(die.port.posts.size(), 2u);
  for (const std::uint16_t track : kTracks) {
    const FakePort::Post& post = die.port.posts[track];
    EXPECT_EQ(post.site, track == 0 ? 0 : 3);
    EXPECT_EQ(post.burst.row, track);
    EXPECT_EQ(post.burst.column, 2 + track);
    EXPECT_EQ(post.bytes, 501 - track);
    EXPECT_EQ(post.burst.purpose, Purpose::kToken);
    EXPECT_EQ(post.burst.traffic_class, TrafficClass::kData);
    const TokenRef token = TokenRef::unpack(post.burst.payload);
    EXPECT_EQ(token.instance, 0u);
    EXPECT_EQ(token.item, 1u);
    EXPECT_EQ(token.track, track);
  }
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 10}));
  EXPECT_FALSE(die.time.waits_for_network(0));
}

TEST_F(DieDataflowsTest, SmallPiecesFillAPacketAndTokensAreControl) {
  use(send_and_add(10), {kRank0, kRank1});
  Die die(bench_, 0, {{0, 0}});
  die.dataflows.start(0, 0, 10, 0);
  EXPECT_EQ(die.port.posts.at(0).bytes, 64);
  EXPECT_EQ(die.port.posts.at(0).burst.traffic_class, TrafficClass::kData);
  Bench bench(params(0));
  for (const std::int32_t column : {0, 2}) bench.add_rank(make_slice(bench.topology, 0, column, 2, 2), 0);
  bench.job.programs[0].tasks = {dataflow_task(0)};
  bench.job.plans = {send_and_add(0)};
  bench.add_instance(0, {kRank0, kRank1});
  bench.job.instance_of = {{{0, 0}}, {{0, 1}}};
  Die other(bench, 0, {{0, 0}});
  other.dataflows.start(0, 0, 10, 0);
  EXPECT_EQ(other.port.posts.at(0).bytes, 64);
  EXPECT_EQ(other.port.posts.at(0).burst.traffic_class, TrafficClass::kControl);
}

// 512 bytes a track are there at 50 and at 60; adding takes eight cycles and a latency of four.
TEST_F(DieDataflowsTest, ANodeAddsWhatHasCome) {
  use(send_and_add(1024), {kRank0, kRank1});
  Die die(bench_, 1, {{1, 0}});
  die.token(0, Purpose::kToken, {0, 1, 0, 0}, 50);  // before the task starts here
  die.run();
  EXPECT_THAT(die.ends.ended, IsEmpty());
  die.dataflows.start(0, 0, 55, 0);
  EXPECT_TRUE(die.time.waits_for_network(0));
  die.token(3, Purpose::kToken, {0, 1, 1, 0}, 60);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 60 + 8 + 4}));
  EXPECT_EQ(die.adders.add(0, 0, 64, 0), 55 + 8 + 1 + 4) << "track 0 added at node 0, from the start on";
  EXPECT_FALSE(die.time.waits_for_network(0));
}

TEST_F(DieDataflowsTest, ATransferIsWaitedForAsMemory) {
  use(send_and_add(1024), {kRank0, kRank1});
  Die die(bench_, 1, {{1, 0}});
  die.dataflows.start(0, 1, 5, 0);
  EXPECT_TRUE(die.time.waits_for_memory(0));
  EXPECT_FALSE(die.time.waits_for_network(0));
  for (const std::uint16_t track : kTracks) die.token(0, Purpose::kToken, {0, 1, track, 0}, 20);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 1, 20 + 8 + 4}));
  EXPECT_FALSE(die.time.waits_for_memory(0));
}

TEST_F(DieDataflowsTest, ToADipTheMessageLeavesTheMachineInItsRow) {
  DataflowPlan plan =
      PlanMaker(2).position().item(1, starts).edge(1, 1000).edge(2, 1000).position().item(1).position().item(1).plan();
  plan.track_node = {1, 2};
  use(plan, {kRank0, {ParticipantKind::kDip, 0}, {ParticipantKind::kDip, 1}});
  Die die(bench_, 0, {{0, 0}});
  die.dataflows.start(0, 1, 10, 0);
  ASSERT_EQ(die.port.posts.size(), 4u);
  EXPECT_EQ(die.port.posts[0].site, 1);
  EXPECT_EQ(die.port.posts[0].burst.row, 0);
  EXPECT_EQ(die.port.posts[0].burst.column, -1) << "west of the machine";
  EXPECT_EQ(die.port.posts[1].burst.column, 4) << "east of it";
  EXPECT_EQ(die.port.posts[2].burst.row, 1) << "the second track's row";
  EXPECT_EQ(die.port.posts[2].bytes, 500);
}

TEST_F(DieDataflowsTest, WithoutLanesHereATaskIsOverAtOnce) {
  DataflowPlan plan = send_and_add(64);
  plan.tracks = 1;
  plan.track_node = {0};
  Bench bench(params(0));
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 4), 0);  // both dies
  bench.job.programs[0].tasks = {dataflow_task(0)};
  bench.job.plans = {plan};
  bench.add_instance(0, {kRank0, kRank0});
  bench.job.instance_of[0] = {{0, 1}};
  Die die(bench, 1, {{0, 1}});
  die.dataflows.start(0, 0, 30, 0);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 30}));
  EXPECT_FALSE(die.time.waits_for_network(0));
}

class DieDataflowsWithSemaphores : public DieDataflowsTest {
 protected:
  DieDataflowsWithSemaphores() : DieDataflowsTest(7) {}
};

TEST_F(DieDataflowsWithSemaphores, EachStepOfACollectiveWaitsForOne) {
  use(send_and_add(1024), {kRank0, kRank1});
  Die sender(bench_, 0, {{0, 0}});
  sender.dataflows.start(0, 0, 10, 0);
  EXPECT_THAT(sender.port.posts, IsEmpty());
  sender.run();
  ASSERT_EQ(sender.port.posts.size(), 2u);
  EXPECT_EQ(sender.port.posts[0].now, 17);
  Die receiver(bench_, 1, {{1, 0}});
  receiver.dataflows.start(0, 0, 10, 0);
  for (const std::uint16_t track : kTracks) receiver.token(0, Purpose::kToken, {0, 1, track, 0}, 50);
  receiver.run();
  EXPECT_THAT(receiver.ends.ended, ElementsAre(End{0, 0, 50 + 7 + 8 + 4}));
}

TEST_F(DieDataflowsTest, StripedMessagesGoFromAllNodesAndAreAddedByAll) {
  DataflowPlan plan = PlanMaker()
                          .position()
                          .item(1, starts)
                          .edge(1, 1024)
                          .position()
                          .item(2,
                                [](DataflowItem& item) {
                                  item.start = item.finish = item.combine = true;
                                  item.bytes = 1024;
                                })
                          .plan();
  plan.striped = true;
  use(plan, {kRank0, kRank1});
  Die sender(bench_, 0, {{0, 0}}), receiver(bench_, 1, {{1, 0}});
  sender.dataflows.start(0, 0, 10, 0);
  EXPECT_THAT(sender.port.posts, IsEmpty());
  ASSERT_EQ(sender.port.stripes.size(), 1u);
  EXPECT_EQ(sender.port.stripes[0].bytes, 1024);
  EXPECT_EQ(sender.port.stripes[0].burst.column, 2);
  receiver.adders.add(0, 2, 640, 95);  // a node adds for somebody else up to 105
  receiver.dataflows.start(0, 0, 10, 0);
  receiver.token(0, Purpose::kToken, {0, 1, 0, 0}, 100);
  receiver.run();
  EXPECT_THAT(receiver.ends.ended, ElementsAre(End{0, 0, 105 + 4 + 4})) << "256 bytes on each of four nodes";
}

// Dies of two rows and four columns, so that each group is a node: 2404 bytes in two chunks of 1202.
TEST(DieDataflowsInGroups, StripesMoveGroupByGroup) {
  Bench bench(tile_params(1, 2, 2, 4));
  for (const std::int32_t column : {0, 4}) bench.add_rank(make_slice(bench.topology, 0, column, 2, 4), 0);
  bench.job.programs[0].tasks = {dataflow_task(0)};
  DataflowPlan plan = PlanMaker(1, 2)
                          .position()
                          .item(1, starts)
                          .edge(1, 2404)
                          .position()
                          .item(2,
                                [](DataflowItem& item) {
                                  item.start = item.finish = item.combine = true;
                                  item.bytes = 2404;
                                })
                          .plan();
  plan.striped = true;
  bench.job.plans = {plan};
  bench.add_instance(0, {kRank0, kRank1});
  bench.job.instance_of = {{{0, 0}}, {{0, 1}}};
  Die sender(bench, 0, {{0, 0}}), receiver(bench, 1, {{1, 0}});
  sender.dataflows.start(0, 0, 10, 0);
  ASSERT_EQ(sender.port.stripes.size(), 16u);
  EXPECT_EQ(sender.port.stripes[3].bytes, 1202) << "the port takes a group's share of it";
  EXPECT_EQ(sender.port.stripes[0].burst.group, 1);
  EXPECT_EQ(sender.port.stripes[15].burst.group, 8);
  receiver.adders.add(0, 5, 640, 95);  // node 5, group 6, adds for somebody else up to 105
  receiver.dataflows.start(0, 0, 10, 0);
  for (std::uint16_t track = 0; track < 8; ++track) {
    for (const std::uint16_t chunk : kTracks) receiver.token(0, Purpose::kToken, {0, 1, track, chunk}, 100);
  }
  receiver.run();
  EXPECT_THAT(receiver.ends.ended, ElementsAre(End{0, 0, 105 + 3 + 3 + 4})) << "151 bytes, twice";
}

// A rank on both dies adds up among its nodes: node 0 of die 0 sends to node 4, the first of die 1.
TEST(DieDataflowsAmongNodes, TokensNameTheSlotOfTheRanksTable) {
  Bench bench(tile_params(1, 2, 2, 2));
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 4), 0);
  bench.job.programs[0].tasks = {dataflow_task(1)};
  bench.job.plans = {PlanMaker()
                         .position()
                         .item(1, starts)
                         .edge(1, 640)
                         .position()
                         .item(1,
                               [](DataflowItem& item) {
                                 item.finish = item.combine = true;
                                 item.bytes = 640;
                               })
                         .plan()};
  bench.add_instance(0, {{ParticipantKind::kNode, 0}, {ParticipantKind::kNode, 4}});
  bench.job.instance_of[0] = {{kNone, 0}, {0, 0}};
  Die first(bench, 0, {{0, 0}}), second(bench, 1, {{0, 1}});
  first.dataflows.start(0, 0, 10, 0);
  ASSERT_EQ(first.port.posts.size(), 1u);
  EXPECT_EQ(first.port.posts[0].burst.purpose, Purpose::kNodeToken);
  EXPECT_EQ(TokenRef::unpack(first.port.posts[0].burst.payload).instance, 1u) << "the slot";
  EXPECT_EQ(first.port.posts[0].burst.column, 2);
  EXPECT_THAT(first.ends.ended, ElementsAre(End{0, 0, 10})) << "no item here finishes it";
  second.dataflows.start(0, 0, 12, 0);
  EXPECT_THAT(second.port.posts, IsEmpty());
  second.token(0, Purpose::kNodeToken, {1, 1, 0, 0}, 90);
  second.run();
  EXPECT_THAT(second.ends.ended, ElementsAre(End{0, 0, 90 + 10 + 4}));
}

// Two rows of dies; the sender's row is not one of those at which the DIP lies, so the nearest is taken.
TEST(DieDataflowsToDips, ADipOfAnotherRowOfDiesIsReachedAtItsNearestRow) {
  for (const bool detours : {false, true}) {
    topology::MachineParams params = tile_params(2, 1, 2, 2);
    params.dip.present = true;
    if (detours) params.defects.push_back({"tile.die[1].node[2].router.east", "link"});
    Bench bench(params);
    bench.add_rank(make_slice(bench.topology, 0, 0, 2, 2), 0);
    bench.job.programs[0].tasks = {dataflow_task(0)};
    bench.job.plans = {PlanMaker().position().item(1, starts).edge(1, 640).position().item(1).plan()};
    bench.add_instance(0, {kRank0, {ParticipantKind::kDip, 2}});
    bench.job.instance_of[0] = {{0, 0}};
    Die die(bench, 0, {{0, 0}});
    die.dataflows.start(0, 0, 0, 0);
    ASSERT_EQ(die.port.posts.size(), 1u);
    EXPECT_EQ(die.port.posts[0].burst.row, 2);
    EXPECT_EQ(die.port.posts[0].burst.column, -1);
  }
}

TEST_F(DieDataflowsTest, ACopyGoesOnUnderItsOwnName) {
  use(send_and_add(1024), {kRank0, kRank1});
  bench_.add_instance(0, {kRank0, kRank1});
  Die die(bench_, 1, {{1, 0}}), copy(bench_, 1, {{1, 0}});
  die.dataflows.start(0, 0, 10, 0);
  die.token(0, Purpose::kToken, {0, 1, 0, 0}, 50);
  die.token(0, Purpose::kNodeToken, {0, 1, 0, 0}, 50);
  const RowNames names = row_names(0, {}, {1});
  copy.wheel = die.wheel;
  std::vector<std::uint32_t> renamed;
  copy.wheel.each([&](engine::Event& e) {
    DieDataflows::rename(e, names);
    renamed.push_back(e.a);
  });
  EXPECT_THAT(renamed, ElementsAre(1, 0)) << "a slot of a rank's table is the same for all";
  copy.wheel = engine::Wheel();
  copy.time.copy(die.time);
  copy.dataflows.copy(die.dataflows, names);
  for (const std::uint16_t track : kTracks) copy.token(0, Purpose::kToken, {1, 1, track, 0}, 50);
  copy.run();
  EXPECT_THAT(copy.ends.ended, ElementsAre(End{0, 0, 50 + 8 + 4}));
  EXPECT_THAT(die.ends.ended, IsEmpty());
}

}  // namespace
}  // namespace dojo::machine::test
