// SPDX-License-Identifier: Apache-2.0
// A die with all its parts: tasks of slices of one and several dies, and records that are taken in the place of tasks.
#include "machine/die/die_shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using topology::Direction;

/// Everything that a die has counted.
struct Counted {
  std::vector<std::uint64_t> counters;
  Breakdown breakdown;
  std::uint64_t tasks = 0, packets = 0, packet_cycles = 0, bytes_to_eject = 0;
  std::int64_t flops = 0;
  Cycles rank_end = 0;
};
void expect_equal(const Counted& a, const Counted& b) {
  EXPECT_EQ(a.counters, b.counters);
  EXPECT_EQ(a.breakdown.compute, b.breakdown.compute);
  EXPECT_EQ(a.breakdown.communication, b.breakdown.communication);
  EXPECT_EQ(a.breakdown.overlapped, b.breakdown.overlapped);
  EXPECT_EQ(a.breakdown.memory, b.breakdown.memory);
  EXPECT_EQ(a.breakdown.idle, b.breakdown.idle);
  EXPECT_EQ(a.tasks, b.tasks);
  EXPECT_EQ(a.packets, b.packets);
  EXPECT_EQ(a.packet_cycles, b.packet_cycles);
  EXPECT_EQ(a.bytes_to_eject, b.bytes_to_eject);
  EXPECT_EQ(a.flops, b.flops);
  EXPECT_EQ(a.rank_end, b.rank_end);
}
Counted count(DieShard& die, const ThreadSums& sums) {
  Counted c;
  die.settle();
  list_counters(die.port().network(), die.cores(), c.counters);
  c.breakdown = die.breakdown(sums.rank_end);
  c.tasks = sums.tasks_done;
  c.packets = sums.packets.packets;
  c.packet_cycles = sums.packets.cycles_sum;
  c.bytes_to_eject = sums.bytes_to_eject;
  c.flops = sums.flops_by[0];
  c.rank_end = sums.rank_end;
  return c;
}

/// On one die: a kernel with gathers, then it again beside a reduction among its nodes, then a message of somebody
/// else.
class OneDie : public ::testing::Test {
 protected:
  OneDie() : bench_(tile_params(1, 2, 2, 3, 1024)) {
    bench_.settings.burst_bytes = 256;
    for (const std::int32_t column : {0, 3}) bench_.add_rank(make_slice(bench_.topology, 0, column, 2, 3), 0);
    Program& program = bench_.job.programs[0];
    program.kernels = {KernelMaker(bench_.shape(0), {40, 20})
                           .gather(0, 1, {{0, 300}})
                           .gather(1, 2, {{1, 64}, {2, 128}})
                           .unicast(0, 5, 640, 1)
                           .kernel()};
    program.kernels[0].matrix_flops.assign(6, 10);
    program.tasks = {kernel_task(0, 1), kernel_task(0, 1), dataflow_task(0, 2), dataflow_task(1, 3)};
    for (const std::uint32_t next : {1u, 2u}) add_dependency(program, 0, next);
    for (const std::uint32_t before : {1u, 2u}) add_dependency(program, before, 3);
    DataflowPlan reduction = PlanMaker()
                                 .position()
                                 .item(1, starts)
                                 .edge(1, 128)
                                 .position()
                                 .item(1,
                                       [](DataflowItem& item) {
                                         item.finish = item.combine = true;
                                         item.bytes = 128;
                                       })
                                 .plan();
    DataflowPlan message = PlanMaker().position().item(1).edge(1, 640).position().item(1, finishes).plan();
    bench_.job.plans = {reduction, message};
    bench_.add_instance(0, {{ParticipantKind::kNode, 5}, {ParticipantKind::kNode, 0}});
    bench_.add_instance(1, {{ParticipantKind::kRank, 1}, {ParticipantKind::kRank, 0}});
    bench_.job.instance_of = {{{0, 0}, {1, 1}}, {{0, 0}, {1, 0}}};
  }
  /// The message of rank 1 comes over the edge in the east at `arrival`.
  void send_message(DieShard& die, Cycles arrival, ThreadSums& sums) {
    Context& context = bench_.context();
    fabric::Burst burst;
    burst.payload = TokenRef{1, 1, 0, 0}.pack();
    burst.bytes = 256;
    context.mail[context.mailbox_of_die(1, Direction::kWest)].crossings[1 - context.parity].push_back(
        {arrival, 0, burst});
    die.read_mail(sums);
  }
  struct Outcome {
    Counted counted;
    std::uint64_t copied = 0;
  };
  Outcome run(bool copies, Cycles arrival) {
    DieShard die(bench_.context(), 0);
    ThreadSums sums = empty_sums();
    die.add_rank(0, 0, true);
    if (copies) die.copy_tasks();
    die.start(0);
    const Cycles told = std::max<Cycles>(0, arrival - 10);
    die.run(told, sums);
    send_message(die, arrival, sums);
    die.run(kNever, sums);
    EXPECT_EQ(die.next_time(), kNever);
    EXPECT_TRUE(die.settled());
    EXPECT_EQ(sums.ranks_done, 1u);
    Outcome outcome{count(die, sums), die.tasks_copied()};
    expect_equal(count(die, sums), outcome.counted);  // settled twice
    return outcome;
  }
  Bench bench_;
};

TEST_F(OneDie, ARecordAddsWhatTheTaskWouldHaveDone) {
  const Outcome ran = run(false, 100'000), took = run(true, 100'000);
  EXPECT_EQ(ran.copied, 0u);
  EXPECT_EQ(took.copied, 1u + 2u) << "the kernel, and it again together with the reduction";
  expect_equal(took.counted, ran.counted);
  const Outcome again = run(true, 100'000);  // from records that are there
  expect_equal(again.counted, ran.counted);
  EXPECT_EQ(ran.counted.flops, 2 * 60);
}

// The message comes in every cycle in which the tasks may be under way, or just before or after them.
TEST_F(OneDie, AMessageThatDisturbsARecordChangesNothing) {
  const Cycles end = run(false, 1).counted.rank_end;
  std::uint64_t least = 3, most = 0;
  for (Cycles arrival = 1; arrival < end + 20; arrival += 1) {
    SCOPED_TRACE(arrival);
    const Outcome ran = run(false, arrival), took = run(true, arrival);
    expect_equal(took.counted, ran.counted);
    least = std::min(least, took.copied);
    most = std::max(most, took.copied);
    if (HasFailure()) break;
  }
  EXPECT_LT(least, most) << "some were disturbed, some not";
}

TEST_F(OneDie, ADieOfTwoRanksRunsItsTasks) {
  Bench bench(die_params(2, 2));
  for (const std::int32_t column : {0, 1}) bench.add_rank(make_slice(bench.topology, 0, column, 2, 1), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {plain_kernel(2, {10})};
  DieShard die(bench.context(), 0);
  ThreadSums sums = empty_sums();
  die.add_rank(0, 0, true);
  die.add_rank(1, 0, true);
  die.copy_tasks();
  die.start(0);
  die.run(kNever, sums);
  EXPECT_EQ(die.tasks_copied(), 0u);
  EXPECT_EQ(sums.ranks_done, 2u);
  EXPECT_EQ(die.tasks_ended(), 2u);
}

/// Dies of one machine, run in windows as long as the way over an edge.
struct Dies {
  explicit Dies(Bench& bench) : context(bench.context()) {
    for (DieId die = 0; die < bench.topology.die_count(); ++die) all.emplace_back(context, die);
    for (RankId rank = 0; rank < bench.job.slices.size(); ++rank) {
      const Slice& slice = bench.job.slices[rank];
      for (std::uint32_t i = 0; i < slice.dies.size(); ++i) all[slice.dies[i]].add_rank(rank, i, i == 0);
    }
    for (DieShard& die : all) die.start(0);
  }
  void run() {
    for (;;) {
      Cycles next = kNever;
      for (const DieShard& die : all) next = std::min(next, die.next_time());
      if (next == kNever) return;
      for (DieShard& die : all) die.run(next + 10, sums);
      context.parity = 1 - context.parity;
      for (DieShard& die : all) die.read_mail(sums);
    }
  }
  Context& context;
  std::deque<DieShard> all;
  ThreadSums sums = empty_sums();
};

// Rank 1 does on the lower die what rank 0 does on the upper one: in every cycle the lower die may take the upper's
// state and go on by itself.
TEST(DieShard, ACopyGoesOnUnderItsOwnNames) {
  Bench bench(tile_params(2, 1, 2, 2));
  bench.settings.burst_bytes = 128;
  for (const std::int32_t row : {0, 2}) bench.add_rank(make_slice(bench.topology, row, 0, 2, 2), 0);
  Program& program = bench.job.programs[0];
  program.tasks = {kernel_task(0, 1), dataflow_task(0, 2)};
  add_dependency(program, 0, 1);
  program.kernels = {
      KernelMaker(bench.shape(0), {20, 10}).gather(0, 1, {{0, 300}}).gather(3, 2, {{0, 64}, {1, 64}}).kernel()};
  bench.job.plans = {PlanMaker().position().item(1, starts).edge(1, 300).position().item(1, finishes).plan()};
  bench.add_instance(0, {{ParticipantKind::kNode, 0}, {ParticipantKind::kNode, 3}});
  bench.job.instance_of = {{{0, 0}}, {{0, 0}}};
  RowNames names = row_names(2, {1}, {});
  names.shard = {1};
  Cycles end = 1;
  for (const bool records : {false, true}) {
    for (Cycles when = 0; when <= end; ++when) {
      DieShard upper(bench.context(), 0), lower(bench.context(), 1);
      ThreadSums sums = empty_sums(), others = empty_sums();
      upper.add_rank(0, 0, true);
      lower.add_rank(1, 0, true);
      if (records) {
        upper.copy_tasks();
        lower.copy_tasks();
      }
      upper.start(0);
      upper.run(when, sums);
      lower.copy(upper, names);
      ASSERT_EQ(lower.ranks().at(0).rank, 1u);
      upper.run(kNever, sums);
      lower.run(kNever, others);
      end = sums.rank_end;
      EXPECT_EQ(when < end ? others.rank_end : end, end) << "taken over at " << when;
      EXPECT_EQ(lower.events(), upper.events());
      EXPECT_EQ(lower.tasks_copied(), upper.tasks_copied());
      const Counted a = count(upper, sums), b = count(lower, sums);
      expect_equal(b, a);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// A rank on two dies side by side, each a row of two nodes. Task start: a control packet from the first node of die 0
// to that of die 1; task end: one back.
TEST(DieShard, TellsTheOtherDiesOfASliceWhenTasksStartAndEnd) {
  Bench bench(tile_params(1, 2, 1, 2));
  bench.add_rank(make_slice(bench.topology, 0, 0, 1, 4), 0);
  Program& program = bench.job.programs[0];
  program.tasks = {kernel_task(0, 1)};
  program.kernels = {plain_kernel(4, {50})};
  Dies dies(bench);
  dies.run();
  EXPECT_EQ(dies.sums.ranks_done, 1u);
  EXPECT_EQ(dies.sums.tasks_done, 1u);
  const Cycles barrier = 1 + 2;            // one column apart, and two semaphores
  const Cycles there = 1 + 2 + 10 + 1;     // router, two links with the lane into the edge, the edge, one flit
  const Cycles back = 1 + 1 + 10 + 1 + 1;  // router, the lane into the edge, the edge, a link, one flit
  EXPECT_EQ(dies.sums.rank_end, there + barrier + 50 + barrier + back);
  EXPECT_EQ(dies.sums.op(0, 1).cycles_sum, static_cast<std::uint64_t>(dies.sums.rank_end));
  EXPECT_EQ(dies.all[1].tasks_ended(), 1u);
  EXPECT_EQ(dies.all[1].ranks().size(), 0u) << "its sequencer is on the first die";
  for (DieShard& die : dies.all) {
    EXPECT_TRUE(die.settled());
    die.settle();
    EXPECT_EQ(die.core(0).busy_cycles, 50u);
    EXPECT_GT(die.events(), 0u);
    EXPECT_LE(die.busy_until(), dies.sums.rank_end);
    EXPECT_TRUE(die.at_rest(dies.sums.rank_end));
  }
}

// Gathers of a row that lies on two dies, and a sum among nodes of both: operands and node tokens cross the edge.
TEST(DieShard, OperandsAndTokensFindTheirNodesOnOtherDies) {
  for (const bool reference : {false, true}) {
    Bench bench(tile_params(1, 2, 1, 2));
    bench.settings.network_model = reference ? NetworkModel::kReference : NetworkModel::kFast;
    bench.add_rank(make_slice(bench.topology, 0, 0, 1, 4), 0);
    Program& program = bench.job.programs[0];
    program.tasks = {kernel_task(0, 1), dataflow_task(0, 2)};
    add_dependency(program, 0, 1);
    program.kernels = {KernelMaker(bench.shape(0), {10}).gather(0, 1, {{0, 64}, {1, 64}}).kernel()};
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
    bench.add_instance(0, {{ParticipantKind::kNode, 0}, {ParticipantKind::kNode, 3}});
    bench.job.instance_of[0] = {{0, 0}};
    Dies dies(bench);
    dies.run();
    EXPECT_EQ(dies.sums.ranks_done, 1u);
    EXPECT_EQ(dies.sums.tasks_done, 2u);
    for (DieShard& die : dies.all) EXPECT_TRUE(die.settled());
    // Of both pieces each node gets what it has not; 640 bytes to one node; start and end of two tasks.
    EXPECT_EQ(dies.sums.bytes_to_eject - 640 - 4 * 64, 64u + 64u + 2 * 128u);
  }
}

}  // namespace
}  // namespace dojo::machine::test
