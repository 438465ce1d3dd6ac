// SPDX-License-Identifier: Apache-2.0
// Kernels on a die, with something in the place of their gathers: nodes compute when their operands are there.
#include "machine/die/kernel_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using End = FakeEnds::End;

struct FakeGathers final : Gathers {
  struct Advance {
    std::uint32_t run, line;
    Cycles now;
    std::uint32_t allowed_slot;
    bool operator==(const Advance& o) const {
      return run == o.run && line == o.line && now == o.now && allowed_slot == o.allowed_slot;
    }
  };
  std::vector<Advance> advanced;
  std::vector<std::pair<std::uint32_t, Cycles>> known;  ///< nodes whose first slot is known, and when they said so
  std::vector<Cycles> unicasts_sent;
  std::uint32_t prepared = 0;

  [[nodiscard]] std::uint32_t need(const RankDie& place, std::uint32_t kernel, std::size_t at) const override {
    return place.program->kernels[kernel].need[at];
  }
  void prepare(KernelRun&) override { ++prepared; }
  void send_unicasts(KernelRun&, Cycles now) override { unicasts_sent.push_back(now); }
  void advance(KernelRun& run, std::uint32_t line, Cycles now) override {
    advanced.push_back({run.index, line, now, run.allowed_slot});
  }
  void first_slot_known(KernelRun&, std::uint32_t node, Cycles now) override { known.emplace_back(node, now); }
};

/// The kernels of one die.
struct Die {
  Die(Bench& bench, DieId die, const std::vector<std::pair<RankId, std::uint32_t>>& ranks)
      : residents(static_cast<std::size_t>(bench.topology.sites())), kernels(residents, time, wheel, moment, ends) {
    (void)die;
    auto made = std::make_unique<FakeGathers>();
    gathers = made.get();
    kernels.use(std::move(made));
    for (const auto& [rank, slice_die] : ranks) residents.add(bench.context(), rank, slice_die);
    for (const RankDie& place : residents.all()) {
      time.add_rank(place.node_count);
      kernels.add_rank(place);
    }
    moment.sums = &sums;
  }
  void run(Cycles end = kNever) {
    run_events(
        wheel, moment, [&](const engine::Event& e) { kernels.handle(e); }, end);
  }
  void start(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
    moment.now = now;
    kernels.start(rank_die, task, now, 0);
  }
  Residents residents;
  NodeTime time;
  engine::Wheel wheel;
  Moment moment;
  ThreadSums sums = empty_sums();
  FakeEnds ends;
  KernelRuns kernels;
  FakeGathers* gathers = nullptr;
};

// All of a die of two rows and three columns. Its barrier: half of both and two semaphores.
constexpr Cycles kBarrier = 1 + 1 + 2;

class KernelRunsTest : public ::testing::Test {
 protected:
  KernelRunsTest() : bench_(die_params(2, 3)) {
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 3), 0);
    program().tasks = {kernel_task(0, 1), kernel_task(1, 2)};
  }
  Program& program() { return bench_.job.programs[0]; }
  [[nodiscard]] const SliceShape& shape() const { return bench_.shape(0); }
  Bench bench_;
};

TEST_F(KernelRunsTest, RefusesMoreOperandsThanAStepNeeds) {
  program().kernels = {KernelMaker(shape(), {10}).unicast(0, 1, 64, 1).kernel(), plain_kernel(6, {1})};
  Die die(bench_, 0, {{0, 0}});
  die.kernels.received(0, {0, 0, 1}, 1, 50);
  EXPECT_THROW(die.kernels.received(0, {0, 0, 1}, 1, 60), Error);
  EXPECT_THROW(die.kernels.received(0, {0, 0, 1}, 0, 60), Error) << "a node that needs none";
  std::vector<fabric::GatherNode> nodes(3);
  EXPECT_THROW(die.kernels.line_arrives(die.kernels.run(0), shape().lines[0], 1, kNone, nodes, 70), Error);
}

TEST_F(KernelRunsTest, WithoutOperandsAllNodesComputeAtOnce) {
  program().kernels = {plain_kernel(6, {10, 5}), plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 100);
  EXPECT_FALSE(die.time.waits_for_network(0));
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 100 + 10 + 5 + kBarrier}));
  EXPECT_THAT(die.gathers->advanced, IsEmpty());
  EXPECT_THAT(die.gathers->unicasts_sent, IsEmpty());
  EXPECT_EQ(die.time.breakdown(115).compute, 6u * 15u);
}

TEST_F(KernelRunsTest, CountsEndsAndFlopsByWhetherTheyAreRepeated) {
  program().kernels = {plain_kernel(6, {10}), plain_kernel(6, {7})};
  program().kernels[0].matrix_flops = {1, 2, 3, 4, 5, 6};
  program().kernels[0].timed_by = Kernel::TimedBy::kRoofline;
  program().tasks.push_back(kernel_task(0, 1));
  program().tasks[2].recompute = true;
  Die die(bench_, 0, {{0, 0}});
  for (const std::uint32_t task : {0u, 1u, 2u, 0u}) {
    die.start(0, task, die.moment.now);
    die.run();
  }
  EXPECT_THAT(die.kernels.done(0), ElementsAre(2, 1, 1, 0)) << "kernel 0, its repetition, kernel 1, its repetition";
  EXPECT_EQ(die.sums.flops_by[1], 2 * 21);
  EXPECT_EQ(die.sums.flops_by[0], 0);
  EXPECT_EQ(die.sums.flops_recomputed, 21);
  EXPECT_EQ(die.sums.op(0, 1).flops, 2 * 21);
  die.kernels.count_done(0, 1, true);
  EXPECT_THAT(die.kernels.done(0), ElementsAre(2, 1, 1, 1));
  die.kernels.forget_done(0);
  EXPECT_THAT(die.kernels.done(0), ElementsAre(0, 0, 0, 0));
}

// Node 1 waits for an operand that is there at 50, and for one for its second step that is there at 90.
TEST_F(KernelRunsTest, AStepBeginsWhenItsOperandsAreThere) {
  program().kernels = {KernelMaker(shape(), {10, 5}).unicast(0, 1, 64, 1).unicast(0, 1, 64, 2).kernel(),
                       plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 30);
  EXPECT_TRUE(die.time.waits_for_network(0));
  EXPECT_THAT(die.gathers->unicasts_sent, ElementsAre(30));
  die.kernels.received(0, {0, 0, 2}, 1, 90);
  die.kernels.received(0, {0, 0, 1}, 1, 50);
  die.run(90);
  EXPECT_TRUE(die.time.waits_for_network(0));
  die.run();
  EXPECT_FALSE(die.time.waits_for_network(0)) << "from the latest arrival on";
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 95 + kBarrier}));
  const Breakdown b = die.time.breakdown(95);
  // Before 90, with the network: five nodes compute in [30, 45), node 1 in [50, 60). Then node 1 in [90, 95).
  EXPECT_EQ(b.overlapped, 5u * 15 + 10);
  EXPECT_EQ(b.communication, 6u * 60 - (5u * 15 + 10));
  EXPECT_EQ(b.compute, 5u);
}

TEST_F(KernelRunsTest, OperandsMayComeBeforeTheTaskStarts) {
  program().kernels = {KernelMaker(shape(), {10}).unicast(0, 1, 64, 1).unicast(0, 2, 64, 1).kernel(),
                       plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.kernels.received(0, {0, 0, 1}, 1, 20);
  die.kernels.received(0, {0, 0, 1}, 2, 55);
  EXPECT_TRUE(die.wheel.empty()) << "nothing is planned for a task that has not started";
  die.start(0, 0, 40);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 55 + 10 + kBarrier}));
}

TEST_F(KernelRunsTest, EverythingBeforeTheFirstStepIsWaitedForByAllSteps) {
  program().kernels = {KernelMaker(shape(), {10, 5}).unicast(0, 1, 64, 0).unicast(3, 1, 64, 0).kernel(),
                       plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 0);
  die.moment.now = 8;
  die.kernels.received(0, {0, 0, 0}, 1, 70);
  EXPECT_THAT(die.gathers->known, IsEmpty()) << "one of two";
  die.kernels.received(0, {0, 0, 0}, 1, 60);
  EXPECT_THAT(die.gathers->known, ElementsAre(std::make_pair(1u, Cycles{8})));
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 70 + 15 + kBarrier}));
}

// Only the steps of the next two slots have buffers; slot 3 may come when all nodes have computed the first step.
TEST_F(KernelRunsTest, AStepThatAllNodesHaveComputedMakesRoomForALaterOne) {
  program().kernels = {KernelMaker(shape(), {10, 10, 10, 10}).kernel(), plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 0);
  die.run();
  std::vector<FakeGathers::Advance> expected;
  for (std::uint32_t line = 0; line < 5; ++line) expected.push_back({0, line, 0, 2});
  for (std::uint32_t line = 0; line < 5; ++line) expected.push_back({0, line, 10, 3});
  for (std::uint32_t line = 0; line < 5; ++line) expected.push_back({0, line, 20, 4});
  EXPECT_EQ(die.gathers->advanced, expected);
}

TEST_F(KernelRunsTest, OfALineEverybodyButTheSenderGetsThePieces) {
  program().kernels = {KernelMaker(shape(), {10}).gather(0, 1, {{1, 64}}).kernel(), plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 0);
  KernelRun& run = die.kernels.run(0);
  EXPECT_EQ(run.arrivals_left, 2u);
  EXPECT_EQ(run.gathers_left, 1u);
  std::vector<fabric::GatherNode> nodes = {{0, 0, 0, 20}, {1, 64, 0, 99}, {2, 0, 0, 40}};
  die.kernels.line_arrives(run, shape().lines[0], 1, 1, nodes, 0);
  EXPECT_EQ(run.net_until, 40) << "what the sender would have got does not count";
  die.run();
  EXPECT_THAT(die.ends.ended, IsEmpty()) << "the gather is still to be sent, as far as the kernel knows";
  run.gathers_left = 0;
  die.kernels.end_if_complete(run, 45);
  die.kernels.end_if_complete(run, 46);  // again: it ends once
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 40 + 10 + kBarrier}));
}

TEST_F(KernelRunsTest, TheEndIsNotBeforeTheLastThingIsSent) {
  program().kernels = {KernelMaker(shape(), {10}).gather(0, 1, {{1, 64}}).kernel(), plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 0);
  KernelRun& run = die.kernels.run(0);
  std::vector<fabric::GatherNode> nodes = {{0, 0, 0, 20}, {1, 64, 0, 0}, {2, 0, 0, 20}};
  die.kernels.line_arrives(run, shape().lines[0], 1, 1, nodes, 0);
  run.gathers_left = 0;
  die.kernels.end_if_complete(run, 300);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 300 + kBarrier}));
}

TEST_F(KernelRunsTest, ARunServesAnotherKernelAndForgetsTheFirst) {
  program().kernels = {KernelMaker(shape(), {10}).unicast(0, 1, 64, 1).kernel(), plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}});
  for (Cycles begin : {0, 1000}) {
    die.start(0, 0, begin);
    die.kernels.received(0, {0, 0, 1}, 1, begin + 50);
    die.kernels.advance_later(die.kernels.run(0), 4, begin + 500);  // comes when the kernel is over
    die.run(begin + 100);
    EXPECT_EQ(die.ends.ended.back(), (End{0, 0, begin + 60 + kBarrier}));
    die.start(0, 1, begin + 200);
    EXPECT_EQ(die.kernels.run(0).task, 1u) << "in the same place";
    die.run();
    EXPECT_EQ(die.ends.ended.back(), (End{0, 1, begin + 207 + kBarrier}));
  }
  EXPECT_EQ(die.gathers->prepared, 2u);
  EXPECT_EQ(die.gathers->advanced.size(), 2u * 5u) << "the late events concern lines that are no more";
}

TEST_F(KernelRunsTest, OperandsOfTheNextTaskComeWhileOneRuns) {
  program().kernels = {KernelMaker(shape(), {10}).unicast(0, 1, 64, 1).kernel(), plain_kernel(6, {7})};
  program().tasks[1] = kernel_task(0, 2);
  Die die(bench_, 0, {{0, 0}});
  die.start(0, 0, 0);
  die.kernels.received(0, {0, 1, 1}, 1, 30);  // of task 1
  die.kernels.received(0, {0, 0, 1}, 1, 50);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 60 + kBarrier}));
  die.start(0, 1, 100);
  die.run();
  EXPECT_EQ(die.ends.ended.back(), (End{0, 1, 110 + kBarrier}));
}

TEST(KernelRuns, KeepTwoRanksOfADieApart) {
  Bench bench(die_params(2, 3));
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 1), 0);
  bench.add_rank(make_slice(bench.topology, 0, 1, 2, 2), 1);
  for (std::uint32_t p : {0u, 1u}) {
    Program& program = bench.job.programs[p];
    program.tasks = {kernel_task(0, 1)};
    program.kernels = {KernelMaker(bench.shape(p), {10 * (p + 1)}).unicast(0, 1, 64, 1).kernel()};
    program.kernels[0].matrix_flops.assign(bench.shape(p).node_count(), 1);
  }
  Die die(bench, 0, {{0, 0}, {1, 0}});
  die.start(0, 0, 0);
  die.start(1, 0, 5);
  die.kernels.received(die.residents.at_site(2), {1, 0, 1}, 2, 60);  // node 1 of the second rank
  die.kernels.received(die.residents.at_site(3), {0, 0, 1}, 3, 20);  // node 1 of the first
  die.run();
  // Barriers: one and no column apart; one row and one column.
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 30 + 3}, End{1, 0, 80 + 4}));
  EXPECT_THAT(die.kernels.done(0), ElementsAre(1, 0));
  EXPECT_EQ(die.sums.flops_by[0], 2 + 4);
}

TEST(KernelRuns, OnTheSecondDieOfASliceOnlyItsNodesCompute) {
  Bench bench(tile_params(1, 2, 1, 2));
  bench.add_rank(make_slice(bench.topology, 0, 0, 1, 4), 0);
  Program& program = bench.job.programs[0];
  program.tasks = {kernel_task(0, 1)};
  program.kernels = {KernelMaker(bench.shape(0), {10}).unicast(0, 3, 64, 1).kernel()};
  program.kernels[0].cycles = {100, 100, 10, 20};
  program.kernels[0].matrix_flops = {1, 2, 4, 8};
  Die die(bench, 1, {{0, 1}});
  die.start(0, 0, 0);
  EXPECT_EQ(die.kernels.run(0).arrivals_left, 1u);
  die.kernels.received(0, {0, 0, 1}, 1, 15);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 15 + 20 + (0 + 1 + 2)}));
  EXPECT_EQ(die.sums.flops_by[0], 4 + 8);
}

TEST(KernelRuns, ADieOfASliceWithoutNodesIsDoneAtOnce) {
  Bench bench(tile_params(1, 2, 1, 2));
  Slice slice = make_slice(bench.topology, 0, 0, 1, 2);
  auto shape = std::make_shared<SliceShape>(*slice.shape);
  shape->die_columns = 2;
  shape->die_begin.push_back(2);
  shape->line_begin.push_back(shape->line_begin.back());
  slice.shape = shape;
  slice.dies.push_back(1);
  bench.add_rank(slice, 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {plain_kernel(2, {10})};
  Die die(bench, 1, {{0, 1}});
  die.start(0, 0, 40);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 40}));
}

TEST_F(KernelRunsTest, ACopyGoesOnByItself) {
  program().kernels = {KernelMaker(shape(), {10}).unicast(0, 1, 64, 1).kernel(), plain_kernel(6, {7})};
  Die die(bench_, 0, {{0, 0}}), other(bench_, 0, {{0, 0}});
  die.kernels.count_done(0, 1, false);
  die.start(0, 0, 30);
  other.wheel = die.wheel;
  other.time.copy(die.time);
  other.kernels.copy(die.kernels);
  other.moment.now = 30;
  other.kernels.received(0, {0, 0, 1}, 1, 80);
  other.run();
  EXPECT_THAT(other.ends.ended, ElementsAre(End{0, 0, 90 + kBarrier}));
  EXPECT_THAT(other.kernels.done(0), ElementsAre(1, 0, 1, 0));
  EXPECT_EQ(die.kernels.run(0).arrivals_left, 1u) << "the one that was copied waits still";
  die.run();
  EXPECT_THAT(die.ends.ended, IsEmpty());
}

}  // namespace
}  // namespace dojo::machine::test
