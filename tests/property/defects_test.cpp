// SPDX-License-Identifier: Apache-2.0
// Machines with dead routers, links, edges and dies: jobs end, the conservation laws hold (collect() throws when one is
// broken), digests do not depend on threads, and the channels never wait for each other in a circle.
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/topology/routes.h"
#include "support/draw.h"
#include "support/run.h"

namespace dojo::test {
namespace {

using topology::MachineParams;
using workload::OpKind;

MachineParams machine_with_defects(Draw& draw, std::uint64_t seed) {
  MachineParams machine;
  machine.level = topology::Level::kTile;
  machine.tile.dies = {3, 3};
  if (seed % 20 == 0) {  // real dies
    machine.tile.dies = {2, 2};
  } else {
    machine.die.grid = {6, 6};
    machine.die.enabled = 36;
    machine.die.crossing_ns = 20;
  }
  if (draw.between(1, 3) == 1) machine.die.crossing_buffer_bytes = 4096;
  const auto number = static_cast<std::int64_t>(seed);
  machine.defects_random.push_back({"router", 0.01 * static_cast<double>(draw.between(1, 6)), 0, number, 0});
  if (draw.between(1, 2) == 1) machine.defects_random.push_back({"link", 0.03, 0, number, 0});
  if (draw.between(1, 3) == 1) machine.defects_random.push_back({"core", 0.05, 0, number, 0});
  if (draw.between(1, 2) == 1) machine.defects_random.push_back({"die", 0, 1, number, 0});
  if (draw.between(1, 2) == 1) {
    machine.defects.push_back(
        {machine.tile.dies.rows == 3 ? "tile.die[4].edge.east" : "tile.die[0].edge.south", "edge"});
  }
  return machine;
}

workload::Op matrix_product(Draw& draw) {
  workload::Op op = op_of(OpKind::kMatMul);
  op.mat = {draw.between(20, 200), draw.between(20, 200), draw.between(20, 200), 1};
  op.flops = 2 * op.mat.m * op.mat.n * op.mat.k;
  return op;
}

/// Products, messages between random pairs, all-reduces and traffic with the DIPs.
workload::Workload traffic(Draw& draw, RankId ranks) {
  JobText job(ranks);
  const auto all = [&](const workload::Op& op) {
    for (RankId rank = 0; rank < ranks; ++rank) job.add(rank, op);
  };
  all(matrix_product(draw));
  for (std::int32_t i = 0; i < 12 && ranks > 1; ++i) {
    const auto from = static_cast<RankId>(draw.between(0, ranks - 1));
    const auto to = static_cast<RankId>((from + draw.between(1, ranks - 1)) % ranks);
    job.message(from, to, draw.between(1, 300'000), i, i % 2 == 0);
  }
  all(op_of(OpKind::kAllReduce, draw.between(1000, 400'000)));
  all(op_of(OpKind::kMemStore, draw.between(1, 50'000)));
  all(matrix_product(draw));
  return job.take();
}

class DefectMaps : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DefectMaps, JobsEndWithOneDigest) {
  Draw draw(GetParam());
  const MachineParams machine = machine_with_defects(draw, GetParam());
  ASSERT_TRUE(topology::find_problems(machine).empty()) << topology::find_problems(machine).front().text;
  const topology::Topology topology(machine);
  EXPECT_TRUE(topology::find_channel_cycle(topology, topology::kRouteLegs, topology::route_turn).empty());
  const char* const units[] = {"die", "die", "tile", "node"};
  const std::string unit = units[draw.between(0, topology.dead().dies == 0 ? 3 : 1)];
  const auto ranks = unit == "tile"   ? 1u
                     : unit == "node" ? 20u
                                      : static_cast<RankId>(topology.die_count() - topology.dead().dies);
  const workload::Workload job = traffic(draw, ranks);
  machine::MachineSettings settings;
  settings.burst_bytes = draw.between(1, 2) == 1 ? 16384 : 1024;
  workload::LowerOptions options = placed(unit, ranks);
  if (GetParam() % 3 == 1) {
    options.send_route = workload::SendRoute::kZplane;
    options.collective_algorithm = workload::Algorithm::kZplane;
  }
  if (GetParam() % 3 == 2) options.send_route = workload::SendRoute::kFastest;
  const JobRun first = run(machine, job, options, settings);
  EXPECT_TRUE(first.results.finished);
  settings.threads = 2;
  settings.copy_tasks = false;
  const JobRun again = run(machine, job, options, settings);
  EXPECT_EQ(again.results.digest, first.results.digest);
  EXPECT_EQ(again.results.end_cycle, first.results.end_cycle);
  EXPECT_EQ(again.results.detour_hops, first.results.detour_hops);
}

INSTANTIATE_TEST_SUITE_P(Seeds, DefectMaps, testing::Range<std::uint64_t>(1, 101));

/// The cases of configs/defects at the size of a tile or tray: the job ends, and takes about as long as on a machine
/// without defects, or longer. Sums avoid dead parts on trees that may be a little faster; messages between neighbours
/// go around.
void ends_as_late(MachineParams machine, const std::vector<topology::NodeDefect>& defects,
                  const std::vector<topology::RandomDefects>& random, bool expect_detours = true) {
  const auto job = [&] {
    Draw draw(3);
    JobText text(20);
    for (int i = 0; i < 2; ++i) {
      const workload::Op product = matrix_product(draw);
      for (RankId rank = 0; rank < 20; ++rank) text.add(rank, product);
      for (RankId rank = 0; rank < 20; ++rank) text.add(rank, op_of(OpKind::kAllReduce, 2'000'000));
    }
    for (RankId rank = 0; rank + 1 < 20; ++rank) text.message(rank, rank + 1, 500'000);
    return text.take();
  };
  const JobRun healthy = run(machine, job(), placed("die", 20));
  machine.defects = defects;
  machine.defects_random = random;
  const JobRun hurt = run(machine, job(), placed("die", 20));
  EXPECT_TRUE(hurt.results.finished);
  if (expect_detours) {
    EXPECT_GT(hurt.results.detours, 0u);
  }
  // Detours spread what would wait at one edge, so a hurt machine may be a little faster.
  EXPECT_GE(static_cast<double>(hurt.results.end_cycle), 0.95 * static_cast<double>(healthy.results.end_cycle));
}

TEST(ShippedCases, APercentOfTheRouters) {
  MachineParams machine;
  machine.level = topology::Level::kTile;
  ends_as_late(machine, {}, {{"router", 0.01, 0, 1, 4}});
}

TEST(ShippedCases, FiveDies) {
  MachineParams machine;
  machine.level = topology::Level::kTile;
  ends_as_late(machine, {}, {{"die", 0, 5, 2, 0}});
}

TEST(ShippedCases, ATilesEdge) {
  MachineParams machine;
  machine.level = topology::Level::kTray;
  machine.tile.dies = {2, 2};
  ends_as_late(machine, {{"tray.tile[0].edge.east", "edge"}}, {});
}

TEST(ShippedCases, TheFilesSayWhatTheirNamesSay) {
  const auto dead = [](const std::string& name) {
    return topology::Topology(config::load_machine(std::string(DOJO_SOURCE_DIR) + "/configs/defects/" + name)).dead();
  };
  EXPECT_EQ(dead("exapod_dies.json").dies, 5);
  EXPECT_NEAR(static_cast<double>(dead("exapod_routers.json").routers), 0.01 * 1'080'000, 0.0015 * 1'080'000);
  EXPECT_EQ(dead("exapod_tile_edge.json").links, 90);
}

TEST(Detours, AreRefusedByTheReference) {
  MachineParams machine;
  machine.level = topology::Level::kDie;
  machine.defects = {{"die.node[103].router", "router"}};
  JobText job(2);
  job.message(0, 1, 64);
  machine::MachineSettings settings;
  settings.network_model = fabric::NetworkModel::kReference;
  try {
    prepare(machine, job.take(), placed("node", 2), settings);
    FAIL() << "it was built";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_NE(std::string(error.what()).find("dimension order only"), std::string::npos) << error.what();
  }
}

TEST(Detours, TakeTheHopsThatTheReportCounts) {
  MachineParams machine;
  machine.level = topology::Level::kDie;
  machine.die.disabled_sites = {0, 1, 2, 3, 4, 5};
  JobText healthy(2), hurt(2);
  healthy.message(0, 1, 64);
  hurt.message(0, 1, 64);
  const auto places = placed("node", 2, {"die.node[100]", "die.node[106]"});
  const JobRun before = run(machine, healthy.take(), places);
  machine.defects = {{"die.node[103].router", "router"}};
  const JobRun after = run(machine, hurt.take(), places);
  EXPECT_EQ(after.of_class(topology::LinkClass::kNoc).counters.transfers,
            before.of_class(topology::LinkClass::kNoc).counters.transfers + 2);
  EXPECT_EQ(after.results.detours, 1u);
  EXPECT_EQ(after.results.detour_hops, 2u);
  EXPECT_EQ(after.results.packets.max, before.results.packets.max + 2);
  EXPECT_EQ(before.results.detours, 0u);
}

/// 8 MB from a die to the second one beside it, the die between them dead: one way around serves each lane, so twice
/// the time is enough. All by the same lane took eight times as long.
TEST(Detours, PastADeadDieTakeAllLanesBesideIt) {
  const auto lasts = [](bool hurt) {
    MachineParams machine;
    machine.level = topology::Level::kTile;
    if (hurt) machine.defects = {{"tile.die[11]", "die"}};
    JobText job(2);
    job.message(0, 1, 8'000'000);
    const JobRun ran = run(machine, job.take(), placed("die", 2, {"tile.die[10]", "tile.die[12]"}));
    EXPECT_EQ(ran.results.detours > 0, hurt);
    return static_cast<double>(ran.results.end_cycle);
  };
  const double healthy = lasts(false), hurt = lasts(true);
  EXPECT_GT(hurt, healthy);
  EXPECT_LT(hurt, 2.5 * healthy);
}

/// Two groups of three dies in a row, one of them with a dead edge: a plan made for the other would send striped
/// messages through it.
TEST(Detours, GroupsShareAPlanOnlyWhereTheSameWorks) {
  MachineParams machine;
  machine.level = topology::Level::kTile;
  machine.defects = {{"tile.die[10].edge.east", "edge"}};
  JobText text(6);
  for (RankId rank = 0; rank < 6; ++rank) {
    workload::Op op = op_of(OpKind::kAllReduce, 4'000'000);
    op.group = 1;
    text.add(rank, op);
  }
  workload::Workload job = text.take();
  job.group_classes.push_back({"rows", {{"first", {0, 1, 2}}, {"second", {3, 4, 5}}}});
  workload::LowerOptions options =
      placed("die", 6, {"tile.die[0]", "tile.die[1]", "tile.die[2]", "tile.die[10]", "tile.die[11]", "tile.die[12]"});
  options.collective_algorithm = workload::Algorithm::kTree;
  const JobRun ran = run(machine, std::move(job), options);
  EXPECT_TRUE(ran.results.finished);
  EXPECT_EQ(ran.job->plans.size(), 2u);
  EXPECT_GT(ran.results.detours, 0u);
}

/// A product that waits for operands, on a die with a dead router in its middle: behind it pieces are passed on as they
/// come. When they waited for the last one it took 2.07 times as long as on a whole die.
TEST(Detours, PiecesOfOperandsArePassedOnAsTheyCome) {
  const auto lasts = [](bool hurt) {
    MachineParams machine;
    machine.level = topology::Level::kDie;
    if (hurt) machine.defects = {{"die.node[190].router", "router"}};
    JobText job(1);
    workload::Op op = op_of(OpKind::kMatMul);
    op.mat = {1024, 1024, 64, 1};
    op.flops = 2 * op.mat.m * op.mat.n * op.mat.k;
    job.add(0, op);
    return static_cast<double>(run(machine, job.take(), placed("die", 1)).results.end_cycle);
  };
  const double healthy = lasts(false), hurt = lasts(true);
  EXPECT_GT(hurt, healthy);
  EXPECT_LT(hurt, 1.9 * healthy);
}

}  // namespace
}  // namespace dojo::test
