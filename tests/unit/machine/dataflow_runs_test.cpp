// SPDX-License-Identifier: Apache-2.0
// Dataflows on something that stands in for a shard: tokens, starts before and after them, and what is released when.
#include "machine/die/dataflow_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Key = DataflowRun::Key;
using Replica = DataflowRun::Replica;

/// Fires each replica at once, or `delay` cycles later.
struct FakeHost final : DataflowRuns::Host {
  DataflowRun::Share share_of_all;
  Cycles delay = 0;
  bool hold = false;  ///< fires nothing by itself
  DataflowRuns* runs = nullptr;
  std::vector<std::string> log;
  std::function<void()> when_finished;

  static std::string text(const Replica& r) {
    return std::to_string(r.item) + "." + std::to_string(r.track) + "." + std::to_string(r.chunk);
  }
  [[nodiscard]] DataflowRun::Share share(const Key&) const override { return share_of_all; }
  void serve(DataflowRun& run, const Replica& replica, Cycles now) override {
    log.push_back("serve " + text(replica) + " @" + std::to_string(now));
    if (hold) return;
    if (delay > 0) return runs->fire_at(run, replica, now + delay);
    runs->fire(run, replica, now);
  }
  void send(DataflowRun&, std::uint32_t edge, const DataflowItem&, const Replica& to, Cycles now) override {
    log.push_back("send " + std::to_string(edge) + " to " + text(to) + " @" + std::to_string(now));
  }
  void finished(std::uint32_t rank_die, std::uint32_t task, Cycles now) override {
    log.push_back("finished " + std::to_string(rank_die) + " " + std::to_string(task) + " @" + std::to_string(now));
    if (when_finished) std::exchange(when_finished, {})();
  }
  std::vector<std::string> take() { return std::exchange(log, {}); }
};

class DataflowRunsTest : public ::testing::Test {
 protected:
  DataflowRunsTest() : bench_(die_params(1, 4)) {
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 1, 4), 0);
    host_.share_of_all.has_task = true;
    host_.share_of_all.track_count = 1;
  }
  std::uint32_t use(const DataflowPlan& plan, std::size_t positions, ParticipantKind kind = ParticipantKind::kRank) {
    bench_.job.plans.push_back(plan);
    std::vector<DataflowInstance::Participant> participants;
    for (std::uint32_t i = 0; i < positions; ++i) participants.push_back({kind, i});
    return bench_.add_instance(static_cast<std::uint32_t>(bench_.job.plans.size() - 1), participants);
  }
  DataflowRuns& runs() {
    if (!runs_) {
      runs_ = std::make_unique<DataflowRuns>(bench_.context(), wheel_, host_);
      host_.runs = runs_.get();
    }
    return *runs_;
  }
  static Key key(std::uint32_t instance, std::uint32_t position = 0) { return {instance, position, 0, kNone}; }
  void run() {
    Moment moment;
    run_events(wheel_, moment, [&](const engine::Event& e) { runs().handle(e); });
  }

  Bench bench_;
  engine::Wheel wheel_;
  FakeHost host_;
  std::unique_ptr<DataflowRuns> runs_;
};

/// Waits for one token; the task is done when it has come.
DataflowPlan one_token() {
  return PlanMaker().position().item(1, finishes).plan();
}
/// The start of the task is its end.
DataflowPlan at_once() {
  return PlanMaker().position().item(1, [](DataflowItem& item) { item.start = item.finish = true; }).plan();
}

TEST_F(DataflowRunsTest, RefusesMoreTokensThanAnItemNeeds) {
  const std::uint32_t instance = use(one_token(), 1);
  host_.hold = true;
  runs().token(runs().find(key(instance)), {0, 0, 0}, 5);
  EXPECT_THROW(runs().token(runs().find(key(instance)), {0, 0, 0}, 6), Error);
}

TEST_F(DataflowRunsTest, RefusesTwoTasksAtATime) {
  const std::uint32_t instance = use(one_token(), 1);
  DataflowRun& run = runs().find(key(instance));
  runs().start(run, 3, 10);
  EXPECT_THROW(runs().start(run, 4, 11), Error);
}

TEST_F(DataflowRunsTest, ATaskThatIsOverAtOnceEndsOnce) {
  const std::uint32_t instance = use(at_once(), 1);
  runs().start(runs().find(key(instance)), 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "finished 0 3 @10"));
  EXPECT_FALSE(runs().run(0).in_use);
}

TEST_F(DataflowRunsTest, ATaskEndsWhenItsTokenComes) {
  const std::uint32_t instance = use(one_token(), 1);
  runs().start(runs().find(key(instance)), 3, 10);
  EXPECT_THAT(host_.take(), IsEmpty());
  runs().token(runs().find(key(instance)), {0, 0, 0}, 25);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @25", "finished 0 3 @25"));
  EXPECT_FALSE(runs().run(0).in_use);
}

TEST_F(DataflowRunsTest, TokensMayComeBeforeTheTaskStarts) {
  const std::uint32_t instance = use(one_token(), 1);
  runs().token(runs().find(key(instance)), {0, 0, 0}, 5);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @5"));
  EXPECT_TRUE(runs().run(0).in_use) << "it keeps what has come";
  runs().start(runs().find(key(instance)), 3, 20);
  EXPECT_THAT(host_.take(), ElementsAre("finished 0 3 @20"));
  EXPECT_FALSE(runs().run(0).in_use);
}

TEST_F(DataflowRunsTest, WhatTheHostServesFiresLater) {
  const std::uint32_t instance = use(PlanMaker().position().item(1, starts).edge(1).item(1, finishes).plan(), 1);
  host_.delay = 7;
  runs().start(runs().find(key(instance)), 3, 10);
  run();
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "serve 1.0.0 @17", "finished 0 3 @24"));
}

/// Two of four chunks are under way: the third starts when both items of the first have fired.
TEST_F(DataflowRunsTest, AChunkBeyondTheWindowStartsWhenAnEarlierOneIsThrough) {
  DataflowPlan plan = PlanMaker().position().item(1, starts).item(1, finishes).plan();
  plan.chunks = 4;
  plan.window = 2;
  const std::uint32_t instance = use(plan, 1);
  DataflowRun& run = runs().find(key(instance));
  runs().start(run, 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "serve 0.0.1 @10"));
  runs().token(run, {1, 0, 1}, 20);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.1 @20", "serve 0.0.3 @20"));
  runs().token(run, {1, 0, 0}, 30);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.0 @30", "serve 0.0.2 @30"));
  runs().token(run, {1, 0, 2}, 40);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.2 @40"));
  runs().token(run, {1, 0, 3}, 50);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.3 @50", "finished 0 3 @50"));
}

TEST_F(DataflowRunsTest, AReleasedRunStartsAfresh) {
  const std::uint32_t one = use(one_token(), 1);
  const std::uint32_t other = use(PlanMaker(1, 2).position().item(2, finishes).plan(), 1);
  for (const Cycles begin : {0, 100}) {
    runs().start(runs().find(key(one)), 3, begin);
    runs().token(runs().find(key(one)), {0, 0, 0}, begin + 5);
    host_.take();
    runs().start(runs().find(key(other)), 4, begin + 10);
    for (const std::uint32_t chunk : {0u, 0u, 1u, 1u}) {
      EXPECT_THAT(host_.log, ::testing::Not(::testing::Contains(::testing::HasSubstr("finished"))));
      runs().token(runs().find(key(other)), {0, 0, chunk}, begin + 20);
    }
    EXPECT_EQ(host_.take().back(), "finished 0 4 @" + std::to_string(begin + 20));
    EXPECT_FALSE(runs().run(0).in_use);
  }
}

// A position of which no track lies here is done when it starts. Its run is released before that is told, so what the
// end makes possible may take its place; the first start must leave that alone.
TEST_F(DataflowRunsTest, APositionWithoutLanesHereIsReleasedBeforeItsEndIsTold) {
  const std::uint32_t empty = use(one_token(), 1), next = use(one_token(), 1);
  host_.share_of_all.track_count = 0;
  host_.when_finished = [&] {
    host_.share_of_all.track_count = 1;
    runs().start(runs().find(key(next)), 4, 10);
  };
  runs().start(runs().find(key(empty)), 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("finished 0 3 @10"));
  ASSERT_TRUE(runs().run(0).in_use) << "serves the next instance";
  EXPECT_EQ(runs().run(0).key.instance, next);
  EXPECT_EQ(runs().run(0).task, 4u);
  runs().token(runs().find(key(next)), {0, 0, 0}, 30);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @30", "finished 0 4 @30"));
}

// The same by the last token: the run is free when the end is told.
TEST_F(DataflowRunsTest, TheEndOfATaskMayStartTheSameInstanceAgain) {
  const std::uint32_t instance = use(at_once(), 1);
  host_.when_finished = [&] {
    host_.when_finished = [&] { runs().start(runs().find(key(instance)), 5, 10); };
    runs().start(runs().find(key(instance)), 4, 10);
  };
  runs().start(runs().find(key(instance)), 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "finished 0 3 @10", "serve 0.0.0 @10", "finished 0 4 @10",
                                        "serve 0.0.0 @10", "finished 0 5 @10"));
  EXPECT_FALSE(runs().run(0).in_use);
}

// The position passes something on after its task is done: it is released when that has fired.
TEST_F(DataflowRunsTest, WhatIsStillToFireAfterTheEndKeepsTheRun) {
  const std::uint32_t instance = use(PlanMaker().position().item(1, finishes).item(1).plan(), 1);
  runs().start(runs().find(key(instance)), 3, 10);
  runs().token(runs().find(key(instance)), {0, 0, 0}, 20);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @20", "finished 0 3 @20"));
  EXPECT_TRUE(runs().run(0).in_use);
  runs().token(runs().find(key(instance)), {1, 0, 0}, 40);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.0 @40"));
  EXPECT_FALSE(runs().run(0).in_use);
}

TEST_F(DataflowRunsTest, AShardWithoutATaskRunsItemsAsTokensCome) {
  const std::uint32_t instance = use(PlanMaker().position().item(1, finishes).item(1, finishes).plan(), 1);
  host_.share_of_all.has_task = false;
  runs().token(runs().find(key(instance)), {1, 0, 0}, 5);
  runs().token(runs().find(key(instance)), {0, 0, 0}, 6);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.0 @5", "serve 0.0.0 @6")) << "nobody is told of an end";
  EXPECT_FALSE(runs().run(0).in_use);
}

TEST_F(DataflowRunsTest, PositionsOfOneInstanceAreApart) {
  const std::uint32_t instance =
      use(PlanMaker().position().item(1, starts).edge(1, 64).position().item(1, finishes).plan(), 2);
  runs().start(runs().find(key(instance, 0)), 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "send 0 to 1.0.0 @10", "finished 0 3 @10"))
      << "a position without an item that finishes is done when it has started";
  runs().token(runs().find(key(instance, 1)), {1, 0, 0}, 30);
  runs().start(runs().find(key(instance, 1)), 9, 40);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.0 @30", "finished 0 9 @40"));
}

// Tracks 2 and 3 of four lie here, with two chunks each.
TEST_F(DataflowRunsTest, OnlyTheLanesHereStartAndFinish) {
  const std::uint32_t instance = use(PlanMaker(4, 2)
                                         .position()
                                         .item(1, [](DataflowItem& item) { item.start = item.finish = true; })
                                         .edge(1, 64)
                                         .position()
                                         .item(1)
                                         .plan(),
                                     2);
  host_.share_of_all.track_low = 2;
  host_.share_of_all.track_count = 2;
  DataflowRun& run = runs().find(key(instance));
  for (std::uint32_t i = 0; i < run.tokens.size(); ++i) EXPECT_EQ(run.index_of(run.replica(i)), i);
  runs().start(run, 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.2.0 @10", "send 0 to 1.2.0 @10", "serve 0.2.1 @10",
                                        "send 0 to 1.2.1 @10", "serve 0.3.0 @10", "send 0 to 1.3.0 @10",
                                        "serve 0.3.1 @10", "send 0 to 1.3.1 @10", "finished 0 3 @10"));
}

// Item 0 exists once and feeds all replicas of item 1, of which each brings a token to item 2, which exists once.
DataflowPlan fork_and_join() {
  return PlanMaker(2, 2)
      .position()
      .item(1, [](DataflowItem& item) { item.start = item.single = true; })
      .edge(1)
      .item(1)
      .edge(2)
      .item(4, [](DataflowItem& item) { item.finish = item.single = true; })
      .plan();
}

TEST_F(DataflowRunsTest, ASingleItemForksAndJoins) {
  const std::uint32_t instance = use(fork_and_join(), 1);
  host_.share_of_all.track_count = 2;
  runs().start(runs().find(key(instance)), 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "serve 1.0.0 @10", "serve 1.0.1 @10", "serve 1.1.0 @10",
                                        "serve 1.1.1 @10", "serve 2.0.0 @10", "finished 0 3 @10"));
}

TEST_F(DataflowRunsTest, ASingleItemLiesWithTheFirstLane) {
  const std::uint32_t instance = use(fork_and_join(), 1);
  host_.share_of_all.track_count = 1;  // track 0
  runs().start(runs().find(key(instance)), 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 0.0.0 @10", "serve 1.0.0 @10", "serve 1.0.1 @10", "send 0 to 1.1.0 @10",
                                        "send 0 to 1.1.1 @10"));
  for (const Cycles now : {20, 21}) runs().token(runs().find(key(instance)), {2, 0, 0}, now);
  EXPECT_THAT(host_.take(), ElementsAre("serve 2.0.0 @21", "finished 0 3 @21"));
}

TEST_F(DataflowRunsTest, TheOtherLanesReachASingleItemByMessages) {
  const std::uint32_t instance = use(fork_and_join(), 1);
  host_.share_of_all.track_low = 1;
  host_.share_of_all.track_count = 1;
  DataflowRun& run = runs().find(key(instance));
  EXPECT_EQ(run.fire_left, 2u);
  runs().start(run, 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("finished 0 3 @10"));
  ASSERT_TRUE(run.in_use) << "its track is still to pass something on";
  for (const std::uint32_t chunk : {1u, 0u}) runs().token(runs().find(key(instance)), {1, 1, chunk}, 20);
  EXPECT_THAT(host_.take(),
              ElementsAre("serve 1.1.1 @20", "send 1 to 2.1.1 @20", "serve 1.1.0 @20", "send 1 to 2.1.0 @20"));
  EXPECT_FALSE(runs().run(0).in_use);
}

// Positions are nodes 0 to 3 of a slice; nodes 1 and 2 lie here.
TEST_F(DataflowRunsTest, OfNodesOnlyThoseHereCount) {
  PlanMaker plan;
  for (std::uint32_t node = 0; node < 4; ++node) {
    plan.position().item(1, [](DataflowItem& item) { item.start = item.finish = true; });
    if (node < 3) plan.edge(node + 1, 64);
  }
  const std::uint32_t instance = use(plan.plan(), 4, ParticipantKind::kNode);
  host_.share_of_all.node_begin = 1;
  host_.share_of_all.node_end = 3;
  host_.hold = true;
  DataflowRun& run = runs().find({instance, kNone, 0, 6});
  EXPECT_EQ(run.finish_left, 2u);
  runs().start(run, 3, 10);
  EXPECT_THAT(host_.take(), ElementsAre("serve 1.0.0 @10", "serve 2.0.0 @10"));
  runs().fire(run, {2, 0, 0}, 30);
  EXPECT_THAT(host_.take(), ElementsAre("send 2 to 3.0.0 @30"));
  runs().fire(run, {1, 0, 0}, 31);
  EXPECT_THAT(host_.take(), ElementsAre("send 1 to 2.0.0 @31", "finished 0 3 @31"));
}

TEST_F(DataflowRunsTest, TwoSlotsOfOneInstanceAreApart) {
  const std::uint32_t instance = use(one_token(), 1, ParticipantKind::kNode);
  host_.share_of_all.node_end = 1;
  DataflowRun& one = runs().find({instance, kNone, 0, 0});
  DataflowRun& other = runs().find({instance, kNone, 0, 1});
  DataflowRun& of_another_rank = runs().find({instance, kNone, 1, 0});
  EXPECT_NE(one.index, other.index);
  EXPECT_NE(one.index, of_another_rank.index);
  EXPECT_EQ(&runs().find({instance, kNone, 0, 1}), &other);
}

// As where a trace has thousands of collectives that wait for nothing: they start in one order and end in another.
TEST_F(DataflowRunsTest, EachOfManyOpenOnesIsFoundByItsKey) {
  constexpr std::uint32_t kCount = 97;  // a prime, so that each factor below gives all of them once
  for (std::uint32_t i = 0; i < kCount; ++i) use(one_token(), 1);
  for (const std::uint32_t again : {0u, 1u}) {
    for (std::uint32_t i = 0; i < kCount; ++i) {
      const std::uint32_t instance = i * 31 % kCount;
      runs().start(runs().find(key(instance)), instance, 10 + again * 1000);
    }
    for (std::uint32_t i = 0; i < kCount; ++i) {
      const std::uint32_t instance = i * 53 % kCount;
      runs().token(runs().find(key(instance)), {0, 0, 0}, 20 + again * 1000);
      ASSERT_EQ(host_.take().back(),
                "finished 0 " + std::to_string(instance) + " @" + std::to_string(20 + again * 1000));
    }
  }
  for (std::uint32_t i = 0; i < kCount; ++i) EXPECT_FALSE(runs().run(i).in_use);
}

// Ten bytes in two tracks of two chunks.
TEST_F(DataflowRunsTest, BytesOfAnItemAreDividedOverItsReplicas) {
  const std::uint32_t instance = use(PlanMaker(2, 2)
                                         .position()
                                         .item(1, [](DataflowItem& item) { item.bytes = 10; })
                                         .item(1,
                                               [](DataflowItem& item) {
                                                 item.bytes = 10;
                                                 item.single = true;
                                               })
                                         .plan(),
                                     1);
  host_.share_of_all.track_count = 2;
  const DataflowRun& run = runs().find(key(instance));
  std::vector<Bytes> bytes;
  for (std::uint32_t i = 0; i < 4; ++i) bytes.push_back(run.bytes_of(run.replica(i)));
  EXPECT_THAT(bytes, ElementsAre(3, 3, 2, 2));
  EXPECT_EQ(run.bytes_of({1, 0, 0}), 10);
}

TEST_F(DataflowRunsTest, ACopyGoesOnUnderItsOwnName) {
  const std::uint32_t one = use(one_token(), 1), other = use(one_token(), 1);
  runs().start(runs().find(key(one)), 3, 10);
  runs().find(key(other));  // of which the copy has no name: it keeps its number
  FakeHost host;
  host.share_of_all = host_.share_of_all;
  engine::Wheel wheel = wheel_;
  DataflowRuns copy(bench_.context(), wheel, host);
  host.runs = &copy;
  copy.copy(runs(), row_names(0, {}, {5}));
  EXPECT_EQ(copy.run(0).key.instance, 5u);
  EXPECT_EQ(copy.run(1).key.instance, other);
  EXPECT_EQ(copy.run(0).task, 3u);
  copy.token(copy.find({5, 0, 0, kNone}), {0, 0, 0}, 50);
  EXPECT_THAT(host.take(), ElementsAre("serve 0.0.0 @50", "finished 0 3 @50"));
  EXPECT_TRUE(runs().run(0).in_use) << "the one that was copied waits still";
}

}  // namespace
}  // namespace dojo::machine::test
