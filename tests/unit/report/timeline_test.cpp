// SPDX-License-Identifier: Apache-2.0
// The timeline's packets, read by a reader of the wire format that is independent of the writer: slices have the times
// of the tasks.
#include "dojo/report/timeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "dojo/base/error.h"
#include "support/perfetto.h"

namespace dojo::report {
namespace {

using workload::Task;

using Read = test::PerfettoRead;

/// Two ranks at 1 GHz, so that a cycle is a ns: a kernel, two sums beside one another, of which rank 1 comes to the
/// first later.
struct TwoRanks {
  workload::Workload workload;
  workload::Job job;
  std::vector<std::vector<machine::TaskTime>> times{{{0, 100}, {100, 250}, {120, 240}},
                                                    {{0, 180}, {180, 250}, {120, 240}}};

  TwoRanks() {
    workload::Graph graph;
    graph.strings = {"", "kernel", "sum"};
    graph.ops.resize(2);
    graph.ops[0].name = 1;
    graph.ops[0].kind = workload::OpKind::kMatMul;
    graph.ops[1].name = 2;
    graph.ops[1].kind = workload::OpKind::kAllReduce;
    workload.graphs = {graph};
    workload.graph_of_rank = {0, 0};
    workload::Program program;
    program.tasks.resize(3);
    for (std::uint32_t i = 0; i < 3; ++i) {
      Task& task = program.tasks[i];
      task.kind = i == 0 ? Task::Kind::kKernel : Task::Kind::kDataflow;
      task.unit = i == 0 ? Task::Unit::kCore : Task::Unit::kNetwork;
      task.entry = i == 2 ? 1 : 0;
      task.op = i == 0 ? 0 : 1;
    }
    program.kernels.resize(1);
    job.programs = {program};
    job.program_of_rank = {0, 0};
    job.plans.resize(1);
    job.instances.resize(2);
    using Participant = workload::DataflowInstance::Participant;
    for (workload::DataflowInstance& instance : job.instances)
      instance.participants = {{Participant::Kind::kRank, 0}, {Participant::Kind::kRank, 1}};
    job.instance_of = {{{0, 0}, {1, 0}}, {{0, 1}, {1, 1}}};
  }
  [[nodiscard]] Read read(const TimelineRequest& request) const {
    return Read(make_timeline(
        workload, job, [&](RankId rank) -> const std::vector<machine::TaskTime>& { return times[rank]; }, 250, 1e9,
        request));
  }
};

TEST(Timeline, SlicesHaveTheTimesOfTheTasksAndNest) {
  const Read all = TwoRanks().read({});
  const auto& cores = all.slices.at("rank 1/cores");
  ASSERT_EQ(cores.size(), 1u);
  EXPECT_EQ(cores[0].name, "kernel");
  EXPECT_EQ(cores[0].begin, 0u);
  EXPECT_EQ(cores[0].end, 180u);
  const auto& sum = all.slices.at("rank 0/collectives");
  ASSERT_EQ(sum.size(), 3u) << "the collective, its wait and its move";
  EXPECT_EQ(sum[0].name, "sum");
  EXPECT_EQ(sum[1].name, "wait");
  EXPECT_EQ(sum[1].end, 180u) << "rank 1 comes";
  EXPECT_EQ(sum[1].depth, 2u);
  EXPECT_EQ(sum[2].name, "move");
  EXPECT_EQ(sum[2].end, 250u);
}

TEST(Timeline, WhatRunsBesideOneAnotherHasTracksOfItsOwn) {
  const Read all = TwoRanks().read({});
  ASSERT_EQ(all.slices.count("rank 0/collectives 2"), 1u);
  EXPECT_EQ(all.slices.at("rank 0/collectives 2")[0].begin, 120u);
}

TEST(Timeline, HoldsOnlyTheRanksAndTimesThatWereChosen) {
  TimelineRequest request;
  request.ranks = {1};
  request.begin = 50;
  request.end = 200;
  const Read some = TwoRanks().read(request);
  EXPECT_EQ(some.slices.count("rank 0/cores"), 0u);
  EXPECT_EQ(some.slices.at("rank 1/cores")[0].begin, 50u);
  EXPECT_EQ(some.slices.at("rank 1/collectives")[0].end, 200u);
  EXPECT_GT(some.counters.at("ranks computing").size(), 100u) << "of all ranks";
}

TEST(Timeline, OfAJobThatDidNotFinishEndsWithIt) {
  TwoRanks run;
  run.times[0] = {{0, 100}, {100, kNever}, {kNever, kNever}};
  EXPECT_EQ(run.read({}).slices.at("rank 0/collectives")[0].end, 250u);
}

/// As many tasks as ranks of a ResNet step have, 2,090 operations and more, with times that do not repeat.
TEST(Timeline, OfThreeThousandRanksIsASampleBelow50MB) {
  constexpr RankId kRanks = 3000;
  constexpr std::uint32_t kTasks = 2400;
  TwoRanks run;
  workload::Program& program = run.job.programs[0];
  program.kernels.resize(kTasks);
  const Task kernel = program.tasks[0], sum = program.tasks[1];
  program.tasks.assign(kTasks, kernel);
  for (std::uint32_t i = 0; i < kTasks; ++i) program.tasks[i].entry = i;
  for (std::uint32_t i = 0; i < kTasks; i += 24) program.tasks[i] = sum;  // a hundred sums, of all ranks
  for (std::uint32_t i = 0; i < kTasks; i += 24) program.tasks[i].entry = i / 24;
  run.workload.graph_of_rank.assign(kRanks, 0);
  run.job.program_of_rank.assign(kRanks, 0);
  run.job.plans.resize(1);
  run.job.instances.assign(kTasks / 24, run.job.instances[0]);
  std::vector<workload::DataflowInstance::Participant> all;
  for (RankId rank = 0; rank < kRanks; ++rank)
    all.push_back({workload::DataflowInstance::Participant::Kind::kRank, rank});
  for (workload::DataflowInstance& instance : run.job.instances) instance.participants = all;
  run.job.instance_of.assign(kRanks, {});
  for (RankId rank = 0; rank < kRanks; ++rank)
    for (std::uint32_t i = 0; i < kTasks / 24; ++i) run.job.instance_of[rank].push_back({i, rank});
  run.times.assign(97, {});
  std::uint64_t state = 1;
  Cycles end = 0;
  for (auto& times : run.times) {
    Cycles now = 0;
    for (std::uint32_t i = 0; i < kTasks; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const Cycles begin = now + static_cast<Cycles>(state >> 60);
      now = begin + 100 + static_cast<Cycles>(state >> 54);
      times.push_back({begin, now});
    }
    end = std::max(end, now);
  }
  TimelineRequest request;
  request.ranks = timeline_ranks("", kRanks);
  const std::string packed = make_timeline(
      run.workload, run.job,
      [&](RankId rank) -> const std::vector<machine::TaskTime>& { return run.times[rank % run.times.size()]; }, end,
      2e9, request);
  EXPECT_LT(packed.size(), 50'000'000u);
  const Read read(packed);
  std::size_t lanes_of_cores = 0;
  for (const auto& [lane, slices] : read.slices) {
    if (lane.find("/cores") == std::string::npos) continue;
    ++lanes_of_cores;
    EXPECT_EQ(slices.size(), kTasks - kTasks / 24) << lane;
  }
  EXPECT_EQ(lanes_of_cores, kSampledRanks);
  EXPECT_GT(read.slices.count("rank 0/collectives"), 0u);
}

TEST(Timeline, RanksAreAListARangeAllOrASample) {
  EXPECT_EQ(timeline_ranks("0,5-7,6", 10), (std::vector<RankId>{0, 5, 6, 7}));
  EXPECT_EQ(timeline_ranks("all", 3).size(), 3u);
  EXPECT_EQ(timeline_ranks("", 3).size(), 3u);
  const std::vector<RankId> sample = timeline_ranks("", 3000);
  EXPECT_EQ(sample.size(), 64u);
  EXPECT_GT(sample.back(), 2900u) << "spread over all of them";
  for (const char* bad : {"10", "5-3", "a", "1-", ",", "1,", "-1"}) {
    try {
      (void)timeline_ranks(bad, 10);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("run.timeline_ranks: found '"), std::string::npos) << bad;
    }
  }
}

}  // namespace
}  // namespace dojo::report
