// SPDX-License-Identifier: Apache-2.0
// The ranks' time shared out among operations, and the critical path, for two ranks whose times are written by hand.
#include "dojo/report/trail.h"

#include <gtest/gtest.h>

namespace dojo::report {
namespace {

using workload::Task;

/// Two ranks: a kernel, an all-reduce of both, a kernel that needs the sum. Rank 1 comes to the all-reduce later.
struct TwoRanks {
  workload::Workload workload;
  workload::Job job;
  std::vector<std::vector<machine::TaskTime>> times;

  TwoRanks() {
    workload::Graph graph;
    graph.strings = {"", "first", "sum", "second"};
    for (std::uint32_t i = 1; i < 4; ++i) {
      workload::Op op;
      op.name = i;
      op.kind = i == 2 ? workload::OpKind::kAllReduce : workload::OpKind::kMatMul;
      graph.ops.push_back(op);
    }
    workload.graphs = {graph};
    workload.graph_of_rank = {0, 0};
    workload::Program program;
    for (std::uint32_t i = 0; i < 3; ++i) {
      Task task;
      task.kind = i == 1 ? Task::Kind::kDataflow : Task::Kind::kKernel;
      task.unit = i == 1 ? Task::Unit::kNetwork : Task::Unit::kCore;
      task.kernel = i == 2 ? 1 : 0;  // of the all-reduce: its entry
      task.op = i;
      task.dependencies = i == 0 ? 0 : 1;
      task.successors_begin = i;
      task.successors_end = std::min(i + 1, 2u);
      program.tasks.push_back(task);
    }
    program.successors = {1, 2};
    workload::Kernel kernel;  // two nodes, two steps: the busiest core works 60 cycles
    kernel.steps = 2;
    kernel.cycles = {10, 20, 30, 30};
    program.kernels = {kernel, kernel};
    job.programs = {program};
    job.program_of_rank = {0, 0};
    using Participant = workload::DataflowInstance::Participant;
    job.plans.resize(1);
    job.instances.resize(1);
    job.instances[0].participants = {{Participant::Kind::kRank, 0}, {Participant::Kind::kRank, 1}};
    job.instance_of = {{{0, 0}}, {{0, 1}}};
    times = {{{0, 100}, {100, 250}, {250, 300}}, {{0, 180}, {180, 240}, {245, 330}}};
  }
  [[nodiscard]] Trail trail(Cycles end = 330) const {
    return make_trail(
        workload, job, [&](RankId rank) -> const std::vector<machine::TaskTime>& { return times[rank]; }, end);
  }
};

TEST(Trail, SharesOutTheTimeOfEachRank) {
  const Trail trail = TwoRanks().trail();
  ASSERT_EQ(trail.operations.size(), 1u);
  const std::vector<Exposed>& ops = trail.operations[0];
  EXPECT_EQ(ops[0].core, 60 + 60);       // the busiest core of each
  EXPECT_EQ(ops[0].operands, 40 + 120);  // the rest of 100 and 180 cycles
  EXPECT_EQ(ops[1].late, 80);            // rank 0 waits from 100 until rank 1 comes at 180
  EXPECT_EQ(ops[1].move, 70 + 60);       // 180 to 250 on rank 0, to 240 on rank 1
  EXPECT_EQ(ops[2].core, 50 + 60);       // a kernel of 50 cycles is not longer at work than it lasts
  EXPECT_EQ(ops[2].operands, 25);
  EXPECT_EQ(trail.idle, 5);  // rank 1 from 240 to 245
  EXPECT_EQ(trail.after_end, 30);
}

TEST(Trail, KeepsTheTasksOfAFewRanks) {
  struct Wanted {
    RankId rank;
    Lane lane;
    Cycles begin, moves, end;
  };
  const std::vector<Wanted> wanted{{0, Lane::kCores, 0, 0, 100},           {0, Lane::kCores, 250, 250, 300},
                                   {0, Lane::kCollectives, 100, 180, 250}, {1, Lane::kCores, 0, 0, 180},
                                   {1, Lane::kCores, 245, 245, 330},       {1, Lane::kCollectives, 180, 180, 240}};
  const std::vector<RankTask> tasks = TwoRanks().trail().tasks;
  ASSERT_EQ(tasks.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(tasks[i].rank, wanted[i].rank) << i;
    EXPECT_EQ(tasks[i].lane, wanted[i].lane) << i;
    EXPECT_EQ(tasks[i].begin, wanted[i].begin) << i;
    EXPECT_EQ(tasks[i].moves, wanted[i].moves) << i;
    EXPECT_EQ(tasks[i].end, wanted[i].end) << i;
  }
}

TEST(Trail, AccountsForEveryCycle) {
  const Trail trail = TwoRanks().trail(400);
  Cycles sum = trail.idle + trail.after_end;
  for (const Exposed& op : trail.operations[0]) sum += op.sum();
  EXPECT_EQ(sum, 2 * 400);
}

TEST(Trail, FollowsTheRankThatCameLast) {
  const std::vector<PathStep> path = TwoRanks().trail().path;
  ASSERT_EQ(path.size(), 4u);
  for (std::size_t i = 0; i < path.size(); ++i) EXPECT_EQ(path[i].begin, i == 0 ? 0 : path[i - 1].end) << i;
  EXPECT_EQ(path[0].op, 0u);  // rank 1 makes rank 0 wait, so its first kernel is on the path
  EXPECT_EQ(path[0].rank, 1u);
  EXPECT_EQ(path[0].end, 180);
  EXPECT_EQ(path[1].op, 1u);
  EXPECT_EQ(path[1].end, 240);
  EXPECT_EQ(path[2].part, PathStep::Part::kNone);
  EXPECT_EQ(path[3].op, 2u);
  EXPECT_EQ(path[3].end, 330);
}

TEST(Trail, GoesOverToALaterRankOfACollective) {
  TwoRanks run;
  run.times[0][2] = {250, 500};
  const std::vector<PathStep> path = run.trail(500).path;
  ASSERT_EQ(path.size(), 3u);
  EXPECT_EQ(path[0].rank, 1u) << "the last to come";
  EXPECT_EQ(path[1].rank, 0u);
  EXPECT_EQ(path[1].begin, 180);
  EXPECT_EQ(path[2].end, 500);
}

TEST(Trail, OfAJobThatDidNotFinishHasWhatEnded) {
  TwoRanks run;
  run.times[1] = {{0, 180}, {180, kNever}, {kNever, kNever}};
  run.times[0] = {{0, 100}, {100, kNever}, {kNever, kNever}};
  const Trail trail = run.trail(200);
  EXPECT_EQ(trail.operations[0][1].sum(), 0);
  EXPECT_EQ(trail.after_end, 100 + 20);
  EXPECT_EQ(trail.path.back().end, 200);
}

}  // namespace
}  // namespace dojo::report
