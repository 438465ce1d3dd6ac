// SPDX-License-Identifier: Apache-2.0
// The sequencer alone: which tasks it launches when, and what it adds up as they end.
#include "machine/die/sequencer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using Delay = FakeLauncher::Delay;
using Launch = FakeLauncher::Launch;
constexpr RankId kRank = 7;

class SequencerTest : public ::testing::Test {
 protected:
  SequencerTest() {
    workload_.graphs.emplace_back();
    workload_.graphs.back().ops.resize(4);
    moment_.sums = &sums_;
  }
  void begin(std::uint32_t dies = 1, Cycles now = 5) {
    sums_ = empty_sums(4, static_cast<std::size_t>(workload_.steps));
    sequencer_ = std::make_unique<Sequencer>(workload_, wheel_, moment_, launcher_);
    sequencer_->add_rank(kRank, dies, program_, recorded_);
    sequencer_->start(now);
    run();
  }
  /// The same on three dies, of a rank that may repeat what it has run.
  void begin_repeating() {
    sums_ = empty_sums(4, static_cast<std::size_t>(workload_.steps));
    sequencer_ = std::make_unique<Sequencer>(workload_, wheel_, moment_, launcher_);
    sequencer_->add_rank(kRank, 3, program_, recorded_);
    sequencer_->repeat(kRank);
    sequencer_->start(5);
    run();
  }
  void run() {
    run_events(wheel_, moment_, [&](const engine::Event& e) { sequencer_->handle(e); });
  }
  void end(std::uint32_t task, Cycles now) {
    sequencer_->plan_end(kRank, task, now);
    run();
  }

  workload::Workload workload_;
  bool recorded_ = false;
  Program program_;
  engine::Wheel wheel_;
  Moment moment_;
  ThreadSums sums_;
  FakeLauncher launcher_;
  std::unique_ptr<Sequencer> sequencer_;
};

TEST_F(SequencerTest, RefusesTheEndOfATaskThatDoesNotRun) {
  program_.tasks = {kernel_task(0), kernel_task(0)};
  begin();
  EXPECT_THROW(sequencer_->finish(kRank, 1, 10), Error) << "task 0 has the cores";
  EXPECT_THROW(sequencer_->finish(kRank + 1, 0, 10), Error) << "lives on another die";
  EXPECT_THROW((void)sequencer_->end_starts_another(kRank + 1, 0), Error);
}

TEST_F(SequencerTest, RunsTheCoresOneTaskAtATimeAndTheNetworkAtOnce) {
  program_.tasks = {kernel_task(0), kernel_task(0), dataflow_task(0), dataflow_task(1)};
  begin();
  EXPECT_THAT(launcher_.launched, ElementsAre(Launch{kRank, 2, 5}, Launch{kRank, 3, 5}, Launch{kRank, 0, 5}));
  end(0, 20);
  EXPECT_EQ(launcher_.launched.back(), (Launch{kRank, 1, 20}));
}

TEST_F(SequencerTest, RecordsWhenTasksRanWhenAsked) {
  program_.tasks = {kernel_task(0), dataflow_task(0)};
  add_dependency(program_, 0, 1);
  begin();
  EXPECT_TRUE(sequencer_->ranks().front().times.empty());
  recorded_ = true;
  begin();
  end(0, 20);
  const std::vector<TaskTime>& times = sequencer_->ranks().front().times;
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[0].start, 5);
  EXPECT_EQ(times[0].end, 20);
  EXPECT_EQ(times[1].start, 20);
  EXPECT_EQ(times[1].end, kNever) << "it runs";
}

TEST_F(SequencerTest, TakesTheLowestOfTheTasksThatWaitForTheCores) {
  program_.tasks = {kernel_task(0), kernel_task(0), kernel_task(0), dataflow_task(0)};
  add_dependency(program_, 3, 1);
  begin();
  end(3, 10);  // task 1 is ready now, before task 2 has had the cores
  end(0, 20);
  EXPECT_THAT(launcher_.launched, ElementsAre(Launch{kRank, 3, 5}, Launch{kRank, 0, 5}, Launch{kRank, 1, 20}));
}

TEST_F(SequencerTest, WaitsForAllThatATaskDependsOn) {
  program_.tasks = {dataflow_task(0), dataflow_task(1), kernel_task(0)};
  add_dependency(program_, 0, 2);
  add_dependency(program_, 1, 2);
  begin();
  EXPECT_FALSE(sequencer_->end_starts_another(kRank, 0)) << "task 2 waits for both";
  end(1, 10);
  EXPECT_EQ(launcher_.launched.size(), 2u);
  EXPECT_TRUE(sequencer_->end_starts_another(kRank, 0));
  end(0, 30);
  EXPECT_EQ(launcher_.launched.back(), (Launch{kRank, 2, 30}));
}

TEST_F(SequencerTest, RefusesToRepeatForARankThatIsNotAtHome) {
  program_.tasks = {kernel_task(0)};
  begin();
  EXPECT_THROW(sequencer_->repeat(kRank + 1), Error);
}

/// Tasks 0 and 1 start together, then 2 and 3; those whose time is known end by themselves, once for all dies.
TEST_F(SequencerTest, AsksForAllTasksThatStartTogether) {
  program_.tasks = {kernel_task(0), dataflow_task(0), kernel_task(1), dataflow_task(1)};
  add_dependency(program_, 0, 2);
  add_dependency(program_, 0, 3);
  launcher_.known = {{0, 40}, {2, 30}};
  begin_repeating();
  EXPECT_THAT(launcher_.together, ElementsAre(ElementsAre(1u, 0u), ElementsAre(3u, 2u)));
  EXPECT_THAT(launcher_.launched, ElementsAre(Launch{kRank, 1, 5}, Launch{kRank, 3, 45}));
  EXPECT_THAT(launcher_.ended_tasks, ElementsAre(0u, 2u));
  EXPECT_EQ(moment_.now, 75) << "5 + 40 + 30";
  for (int die = 0; die < 3; ++die) end(1, 80);
  EXPECT_THAT(launcher_.ended_tasks, ElementsAre(0u, 2u, 1u));
}

TEST_F(SequencerTest, ATaskEndsWhenItHasEndedOnEveryDie) {
  program_.tasks = {kernel_task(0), kernel_task(0)};
  begin(3);
  end(0, 10);
  end(0, 11);
  EXPECT_EQ(launcher_.launched.size(), 1u);
  EXPECT_EQ(sums_.tasks_done, 0u);
  end(0, 50);
  EXPECT_EQ(launcher_.launched.back(), (Launch{kRank, 1, 50}));
  EXPECT_EQ(sums_.tasks_done, 1u);
}

TEST_F(SequencerTest, ATaskOfNoKindEndsInItsCycleAndIsNotLaunched) {
  program_.tasks = {Task{}, kernel_task(0)};
  add_dependency(program_, 0, 1);
  begin(2, 8);
  EXPECT_THAT(launcher_.launched, ElementsAre(Launch{kRank, 1, 8})) << "one end, although the slice has two dies";
  EXPECT_EQ(sums_.tasks_done, 1u);
}

TEST_F(SequencerTest, ADelayPassesBesideTheCoresAndIsItsOperationsTime) {
  program_.delays = {30, 20};
  program_.tasks = {delay_task(0, 1, Task::Unit::kCore), kernel_task(0, 2), delay_task(1, 3, Task::Unit::kMemory)};
  add_dependency(program_, 0, 2);
  begin(2);
  EXPECT_THAT(launcher_.launched, ElementsAre(Launch{kRank, 1, 5})) << "the kernel has the cores from the start";
  EXPECT_THAT(launcher_.delays,
              ElementsAre(Delay{true, Task::Unit::kCore, 5}, Delay{false, Task::Unit::kCore, 35},
                          Delay{true, Task::Unit::kMemory, 35}, Delay{false, Task::Unit::kMemory, 55}));
  EXPECT_EQ(sums_.op(0, 1).cycles_sum, 30u);
  EXPECT_EQ(sums_.op(0, 3).cycles_sum, 20u) << "a recorded copy is the operation itself";
  EXPECT_EQ(sums_.tasks_done, 2u);
}

// From the start of its first task to the end of its last: 5 to 40; its second task waits for the cores until 25.
TEST_F(SequencerTest, AnOperationLastsFromItsFirstTaskToItsLast) {
  program_.tasks = {kernel_task(0, 1), kernel_task(0, 1), kernel_task(0, 2)};
  begin();
  end(0, 25);
  EXPECT_EQ(sums_.op(0, 1).count, 0u);
  end(1, 40);
  EXPECT_EQ(sums_.op(0, 1).count, 1u);
  EXPECT_EQ(sums_.op(0, 1).cycles_sum, 40u - 5u);
  EXPECT_EQ(sums_.op(0, 1).first_start, 5);
  EXPECT_EQ(sums_.op(0, 1).last_end, 40);
  end(2, 47);
  EXPECT_EQ(sums_.op(0, 2).cycles_sum, 47u - 40u) << "what it waits for the cores is not its own time";
}

TEST_F(SequencerTest, RepeatedWorkAndSpilledTensorsAreNotAnOperationsTime) {
  workload_.graphs[0].ops[1].kind = workload::OpKind::kMatMul;
  workload_.graphs[0].ops[2].kind = workload::OpKind::kMemLoad;
  Task repeated = kernel_task(0, 1);
  repeated.recompute = true;
  Task nobodys = dataflow_task(3, kNone);
  program_.tasks = {repeated, dataflow_task(0, 1, Task::Unit::kMemory), dataflow_task(1, 2, Task::Unit::kMemory),
                    nobodys};
  begin();
  end(0, 20);
  end(1, 30);
  end(2, 45);
  end(3, 50);
  EXPECT_EQ(sums_.op(0, 1).count, 0u);
  EXPECT_EQ(sums_.op(0, 2).count, 1u) << "a load is the operation itself";
  EXPECT_EQ(sums_.op(0, 2).cycles_sum, 45u - 5u);
}

TEST_F(SequencerTest, TellsWhenStepsAndRanksEnd) {
  workload_.steps = 2;
  program_.tasks = {kernel_task(0, 1), kernel_task(0, 1)};
  program_.tasks[1].step = 1;
  add_dependency(program_, 0, 1);
  begin();
  end(0, 100);
  EXPECT_THAT(sums_.step_end, ElementsAre(100, 0));
  EXPECT_EQ(sums_.ranks_done, 0u);
  end(1, 250);
  EXPECT_THAT(sums_.step_end, ElementsAre(100, 250));
  EXPECT_EQ(sums_.ranks_done, 1u);
  EXPECT_EQ(sums_.rank_end, 250);
  EXPECT_EQ(sums_.op(0, 1).count, 2u) << "once a step";
  EXPECT_EQ(sums_.op(0, 1).cycles_sum, (100u - 5u) + (250u - 100u));
}

TEST_F(SequencerTest, KeepsTwoRanksApart) {
  program_.tasks = {kernel_task(0), kernel_task(0)};
  sums_ = empty_sums();
  sequencer_ = std::make_unique<Sequencer>(workload_, wheel_, moment_, launcher_);
  sequencer_->add_rank(3, 1, program_, false);
  sequencer_->add_rank(9, 1, program_, false);
  sequencer_->start(0);
  sequencer_->plan_end(9, 0, 10);
  run();
  EXPECT_THAT(launcher_.launched, ElementsAre(Launch{3, 0, 0}, Launch{9, 0, 0}, Launch{9, 1, 10}));
}

TEST_F(SequencerTest, KnowsTheEndsThatItHasPlanned) {
  program_.tasks = {kernel_task(0), kernel_task(0)};
  begin();
  sequencer_->start(8);
  sequencer_->plan_end(kRank, 1, 9);
  engine::Event event;
  ASSERT_TRUE(wheel_.take(kNever, event));
  EXPECT_EQ(Sequencer::task_done(event), kNone) << "the start of a rank";
  ASSERT_TRUE(wheel_.take(kNever, event));
  EXPECT_EQ(Sequencer::task_done(event), 1u);
  event.type = static_cast<std::uint16_t>(static_cast<unsigned>(Part::kKernels) << 8 | (event.type & 0xffu));
  EXPECT_EQ(Sequencer::task_done(event), kNone) << "of another part";
}

TEST_F(SequencerTest, ACopyGoesOnUnderItsOwnName) {
  program_.tasks = {kernel_task(0, 1), kernel_task(0, 2)};
  begin(2);
  end(0, 10);
  sequencer_->plan_end(kRank, 0, 30);
  const RowNames names = row_names(0, {20, 21, 22, 23, 24, 25, 26, 27}, {});
  FakeLauncher launcher;
  engine::Wheel wheel = wheel_;
  wheel.each([&](engine::Event& e) { Sequencer::rename(e, names); });
  Sequencer other(workload_, wheel, moment_, launcher);
  other.add_rank(99, 2, program_, false);
  other.copy(*sequencer_, names);
  ASSERT_EQ(other.ranks().size(), 1u);
  EXPECT_EQ(other.ranks()[0].rank, 27u);
  EXPECT_EQ(other.ranks()[0].waits, sequencer_->ranks()[0].waits);
  EXPECT_EQ(other.ranks()[0].op_start, sequencer_->ranks()[0].op_start);
  ASSERT_EQ(other.ranks()[0].active.size(), 1u);
  EXPECT_EQ(other.ranks()[0].active[0].dies_left, 1u);
  run_events(wheel, moment_, [&](const engine::Event& e) { other.handle(e); });
  EXPECT_THAT(launcher.launched, ElementsAre(Launch{27, 1, 30}));
  EXPECT_EQ(launcher_.launched.size(), 1u) << "the one that was copied has not moved";
}

TEST_F(SequencerTest, TheStartOfARankKeepsItsIndexWhenItIsRenamed) {
  program_.tasks = {kernel_task(0)};
  begin();
  sequencer_->start(9);
  wheel_.each([](engine::Event& e) { Sequencer::rename(e, row_names(0, {20}, {})); });
  engine::Event event;
  ASSERT_TRUE(wheel_.take(kNever, event));
  EXPECT_EQ(event.a, 0u);
}

}  // namespace
}  // namespace dojo::machine::test
