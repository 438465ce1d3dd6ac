// SPDX-License-Identifier: Apache-2.0
// What is taken into a window, what it costs, and what becomes of it as a job of its own.
#include "audit/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "audit/cut.h"
#include "audit/small_machine.h"
#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::audit {
namespace {

using namespace machine::test;
using machine::TaskTime;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Two tiles of 1 x 2 dies in a row, a rank on each die. A rank's tasks: a kernel, an exchange with the other rank of
/// its tile, a second kernel beside that, and a broadcast to all.
struct Ranks : Bench {
  static topology::MachineParams tray(std::int64_t tiles) {
    topology::MachineParams params = tile_params(1, 2, 4, 4);
    params.level = tiles == 1 ? topology::Level::kTile : topology::Level::kTray;
    params.tray.tiles = {1, tiles};
    return params;
  }
  explicit Ranks(std::int64_t tiles = 2) : Bench(tray(tiles)), subject{topology, workload, job} {
    workload::Graph& graph = workload.graphs[0];
    graph.ops[2].kind = workload::OpKind::kBroadcast;
    graph.ops[2].bytes = 6400;
    job.plans.push_back(PlanMaker().position().item(1, starts).edge(1, 640).position().item(2, to_the_end).plan());
    PlanMaker tells;
    const auto ranks = static_cast<std::uint32_t>(2 * tiles);
    tells.position().item(1, to_the_end);
    for (std::uint32_t to = 1; to < ranks; ++to) tells.edge(to, 6400);
    for (std::uint32_t to = 1; to < ranks; ++to) tells.position().item(2, to_the_end);
    job.plans.push_back(tells.plan());
    job.plans.back().algorithm = "tree";
    job.plans[0].items[0].finish = true;
    std::vector<DataflowInstance::Participant> all;
    for (DieId die = 0; die < ranks; ++die) {
      const Slice slice = make_slice(topology, 0, 4 * static_cast<std::int32_t>(die), 4, 4);
      all.push_back({ParticipantKind::kRank, add_rank(slice, 0)});
    }
    for (RankId rank = 0; rank < ranks; rank += 2) add_instance(0, {all[rank], all[rank + 1]});
    const std::uint32_t broadcast = add_instance(1, all);
    for (RankId rank = 0; rank < ranks; ++rank) job.instance_of[rank] = {{rank / 2, rank % 2}, {broadcast, rank}};
    Program& program = job.programs[0];
    program.instance_entries = 2;
    program.kernels = {KernelMaker(shape(0), {50}).unicast(0, 5, 128, 1).kernel(),
                       KernelMaker(shape(0), {100}).gather(0, 1, {{0, 64}}).kernel()};
    program.tasks = {kernel_task(0, 0), dataflow_task(0, 1), kernel_task(1, 3), dataflow_task(1, 2)};
    add_dependency(program, 0, 1);
    add_dependency(program, 0, 2);
    add_dependency(program, 2, 3);
    for (RankId rank = 0; rank < ranks; ++rank) times.of_rank[rank] = of_one;
  }
  static void to_the_end(DataflowItem& item) { item.start = item.finish = true; }
  Window window(RankId rank, std::uint32_t task) {
    FlitHops hops(subject);
    return Windows(subject, times, hops).of(rank, task);
  }
  static std::vector<std::uint32_t> running(const Window& window, RankId rank) {
    std::vector<std::uint32_t> tasks;
    if (window.ranks.count(rank) == 0) return tasks;
    for (const Window::Taken& each : window.ranks.at(rank))
      if (each.runs) tasks.push_back(each.task);
    return tasks;
  }

  Subject subject;
  std::vector<TaskTime> of_one{{0, 60}, {60, 90}, {60, 200}, {200, 400}};
  Times times;
};

TEST(WindowTest, HasNobodyElseWhileARankIsByItself) {
  Ranks job;
  const Window window = job.window(1, 0);
  EXPECT_FALSE(window.wide);
  EXPECT_THAT(Ranks::running(window, 1), ElementsAre(0));
  EXPECT_THAT(Ranks::running(window, 0), IsEmpty());
  EXPECT_EQ(window.flit_hops, 2 * 2) << "two flits from node 0 to node 5 of 4 x 4";
}

TEST(WindowTest, HasItsPartnersWhileSomethingIsExchanged) {
  Ranks job;
  const Window window = job.window(1, 2);
  EXPECT_TRUE(window.wide);
  EXPECT_EQ(window.begin, 60);
  for (const RankId rank : {0u, 1u}) EXPECT_THAT(Ranks::running(window, rank), ElementsAre(1, 2)) << rank;
  EXPECT_THAT(Ranks::running(window, 2), IsEmpty()) << "on the other tile";
}

TEST(WindowTest, BeginsWithTheKernelsThatRunAndOlderOnesOnlyPassTheirTime) {
  Ranks job;
  job.times.of_rank[0] = {{0, 61}, {70, 110}, {61, 210}, {210, 400}};  // ahead and behind
  const Window window = job.window(1, 2);
  EXPECT_EQ(window.begin, 0) << "kernel 0 of rank 0 runs when the sample starts";
  EXPECT_THAT(Ranks::running(window, 1), ElementsAre(0, 1, 2));
  job.times.of_rank[1] = {{0, 60}, {65, 90}, {65, 200}, {200, 400}};
  const Window later = job.window(1, 2);
  EXPECT_EQ(later.begin, 61);
  EXPECT_THAT(Ranks::running(later, 0), ElementsAre(1, 2));
  EXPECT_THAT(Ranks::running(later, 1), ElementsAre(1, 2));
}

TEST(WindowTest, BeginsEarlierWhereAMessageHasBeenUnderWayForLong) {
  Ranks job;
  for (const RankId rank : {0u, 1u}) job.times.of_rank[rank] = {{0, 10}, {0, 40000}, {30000, 40000}, {50000, 50010}};
  const Window window = job.window(1, 2);
  EXPECT_EQ(window.begin, 30000 - 8192);
  const double left = (40000.0 - (30000 - 8192)) / 40000;
  EXPECT_EQ(window.ranks.at(1).front().left, left);
  const Cut cut = cut_out(job.subject, job.times, window);
  ASSERT_EQ(cut.job.plans.size(), 1u);
  EXPECT_EQ(cut.job.plans[0].edges[0].bytes, static_cast<Bytes>(std::ceil(640 * left)));
  EXPECT_THAT(cut.job.programs[1].delays, ElementsAre(8192)) << "then the kernel begins";
}

TEST(WindowTest, TakesThePartWithinATile) {
  Ranks job;
  FlitHops hops(job.subject);
  const Windows windows(job.subject, job.times, hops);
  EXPECT_EQ(windows.reach(0, 0), Reach::kRank);
  EXPECT_EQ(windows.reach(0, 1), Reach::kTile);
  EXPECT_EQ(windows.reach(0, 3), Reach::kBeyond);
  job.job.instances[0].participants[1] = {ParticipantKind::kDip, 0};
  EXPECT_EQ(Windows(job.subject, job.times, hops).reach(0, 1), Reach::kLost);
  Ranks one_tile(1);
  EXPECT_EQ(Windows(one_tile.subject, one_tile.times, hops).reach(0, 3), Reach::kTile);
}

TEST(CutTest, IsAJobThatRuns) {
  Ranks job;
  for (const std::uint32_t task : {0u, 1u, 2u, 3u}) {
    const Window window = job.window(2, task);
    const Cut cut = cut_out(job.subject, job.times, window);
    EXPECT_EQ(cut.topology->die_count(), window.ranks.size());
    EXPECT_EQ(cut.topology->dip_count(), 0u);
    for (const auto model : {machine::NetworkModel::kFast, machine::NetworkModel::kReference}) {
      const Cycles cycles = duration_in(cut, {}, model, {});
      EXPECT_GT(cycles, 0) << task;
      EXPECT_LT(cycles, 1000) << task;
    }
  }
  const Cut cut = cut_out(job.subject, job.times, job.window(2, 2));
  EXPECT_EQ(duration_in(cut, {}, machine::NetworkModel::kFast, [] { return true; }), kNever) << "stopped";
}

TEST(CutTest, WaitsForWhatWasLeftOut) {
  Ranks job;
  job.times.of_rank[1] = {{0, 60}, {65, 90}, {65, 200}, {200, 400}};
  job.times.of_rank[0] = {{0, 61}, {70, 110}, {61, 210}, {210, 400}};
  const Cut cut = cut_out(job.subject, job.times, job.window(1, 2));  // from cycle 61 on
  const Program& behind = cut.job.programs[0];
  ASSERT_EQ(behind.tasks.size(), 3u) << "exchange, kernel, and the delay before the exchange";
  EXPECT_EQ(behind.tasks[2].kind, Task::Kind::kDelay);
  EXPECT_THAT(behind.delays, ElementsAre(70 - 61));
  EXPECT_EQ(behind.tasks[0].dependencies, 1);
  EXPECT_EQ(behind.tasks[1].dependencies, 0);
}

TEST(SmallMachineTest, HasTheSitesOfTheDiesThatItStandsFor) {
  topology::MachineParams params = Ranks::tray(2);
  params.die.enabled = 14;
  params.die.site_map_seed = 3;
  params.slow_nodes = {{"tray.tile[1].die[1].node[6]", 0.5}};
  params.defects = {{"tray.tile[1].die[0].node[9]", "core"}};
  const topology::Topology whole(params);
  const workload::Workload none;
  workload::Job job;
  for (const std::int32_t column : {8, 12}) job.slices.push_back(make_slice(whole, 0, column, 4, 4));
  const SmallMachine small = small_machine({whole, none, job}, {0, 1}, true);
  ASSERT_EQ(small.topology->die_count(), 2u);
  for (DieId die = 0; die < 2; ++die) {
    EXPECT_EQ(small.topology->site_map(die).enabled, whole.site_map(2 + die).enabled);
    EXPECT_EQ(small.topology->site_map(die).core_speed, whole.site_map(2 + die).core_speed);
    EXPECT_THAT(small.slices[die].dies, ElementsAre(die));
    EXPECT_EQ(small.slices[die].first_site_column, static_cast<std::int32_t>(4 * die));
  }
  EXPECT_EQ(small_machine({whole, none, job}, {1}, false).topology->params().level, topology::Level::kDie);
}

TEST(DrawTest, SaysWhyNothingCanBeReplayed) {
  Ranks job;
  EXPECT_EQ(draw(job.subject, {0, 1}).why_not, "turned off");
  const Draw two = draw(job.subject, {2, 1});
  EXPECT_THAT(two.ranks, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(two.record, two.ranks);
  EXPECT_EQ(two.most_tasks, 2);
  const Draw by_budget = draw(job.subject, {std::nullopt, 1});
  EXPECT_GT(by_budget.job_flit_hops, 0);
  EXPECT_LT(by_budget.most_flit_hops, by_budget.job_flit_hops / 500);
  topology::MachineParams params = Ranks::tray(2);
  params.defects = {{"tray.tile[1].die[0].node[9].router", "router"}};
  const topology::Topology broken(params);
  EXPECT_THAT(draw({broken, job.workload, job.job}, {2, 1}).why_not, ::testing::HasSubstr("dead routers"));
}

}  // namespace
}  // namespace dojo::audit
