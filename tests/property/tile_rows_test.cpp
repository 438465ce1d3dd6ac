// SPDX-License-Identifier: Apache-2.0
// Rows of tiles that do the same are run as one until they differ. Nothing may show it but the events that were run.
#include <gtest/gtest.h>

#include <iterator>
#include <random>

#include "support/run.h"

namespace dojo::test {
namespace {

using topology::MachineParams;
using workload::OpKind;

std::int64_t between(std::mt19937_64& draw, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(draw() % static_cast<std::uint64_t>(high - low + 1));
}

/// At least four rows of tiles, DIPs at both ends of each.
MachineParams rows_machine(std::mt19937_64& draw) {
  MachineParams machine;
  machine.level = topology::Level::kCabinet;
  machine.die.grid.rows = between(draw, 2, 5);
  machine.die.grid.columns = between(draw, 2, 5);
  machine.die.enabled = machine.die.grid.rows * machine.die.grid.columns;
  machine.tile.dies.rows = between(draw, 1, 2);
  machine.tile.dies.columns = between(draw, 1, 2);
  machine.tray.tiles.rows = between(draw, 1, 2);
  machine.tray.tiles.columns = between(draw, 1, 2);
  machine.cabinet.trays.rows = between(draw, 4, 6);
  machine.die.crossing_ns = static_cast<double>(between(draw, 20, 150));
  machine.die.edge_bytes_per_s = 1e9 * static_cast<double>(between(draw, 50, 2000));
  return machine;
}

workload::Op random_op(std::mt19937_64& draw) {
  constexpr OpKind kKinds[] = {OpKind::kMatMul,   OpKind::kMatMul, OpKind::kCompute,   OpKind::kMemLoad,
                               OpKind::kMemStore, OpKind::kIngest, OpKind::kAllReduce, OpKind::kAllToAll};
  workload::Op op = op_of(kKinds[static_cast<std::size_t>(between(draw, 0, std::size(kKinds) - 1))]);
  op.bytes = between(draw, 1, 100'000);
  if (op.kind == OpKind::kMatMul) {
    op.mat = {between(draw, 1, 200), between(draw, 1, 200), between(draw, 1, 200), 1};
    op.flops = 2 * op.mat.m * op.mat.n * op.mat.k;
    op.bytes = 0;
  } else if (op.kind == OpKind::kCompute) {
    op.flops = between(draw, 1, 1'000'000);
  } else if (op.kind == OpKind::kAllReduce || op.kind == OpKind::kAllToAll) {
    op.group = static_cast<std::uint32_t>(between(draw, 0, 1));  // all ranks, or those of a tile
  }
  return op;
}

/// One graph that every die runs; class 1 has a group for each tile.
workload::Workload data_parallel(const topology::Topology& topology, std::mt19937_64& draw) {
  const auto ranks = static_cast<RankId>(topology.die_count());
  JobText text(1);
  text.add(0, op_of(OpKind::kIngest, between(draw, 1, 100'000)));
  for (std::int64_t i = between(draw, 2, 10); i > 0; --i) text.add(0, random_op(draw), between(draw, 0, 2) > 0);
  workload::Workload job = text.take();
  job.graph_of_rank.assign(ranks, 0);
  job.group_classes[0].groups[0].ranks.clear();
  workload::Workload::GroupClass of_tile{"tile", {}};
  const auto dies_of_tile = static_cast<RankId>(ranks / topology.tile_count());
  for (RankId rank = 0; rank < ranks; ++rank) {
    job.group_classes[0].groups[0].ranks.push_back(rank);
    if (rank % dies_of_tile == 0) of_tile.groups.push_back({"tile", {}});
    of_tile.groups.back().ranks.push_back(rank);
  }
  job.group_classes.push_back(of_tile);
  return job;
}

class TileRows : public testing::TestWithParam<std::uint64_t> {};

TEST_P(TileRows, InStepGiveTheSameDigest) {
  std::mt19937_64 draw(GetParam());
  const MachineParams machine = rows_machine(draw);
  const topology::Topology topology(machine);
  const workload::Workload job = data_parallel(topology, draw);
  const workload::LowerOptions options = placed("die", static_cast<RankId>(topology.die_count()));
  machine::MachineSettings settings;
  settings.rows_in_step = false;
  const JobRun each = run(machine, job, options, settings);
  ASSERT_TRUE(each.results.finished);
  EXPECT_EQ(each.results.dies_copied, 0u);
  settings.rows_in_step = true;
  for (const std::uint32_t threads : {1, 2}) {
    settings.threads = threads;
    settings.reverse_order = threads == 2;
    const JobRun as_one = run(machine, job, options, settings);
    EXPECT_TRUE(as_one.results.finished);
    EXPECT_GE(2 * as_one.results.dies_copied, topology.die_count());
    EXPECT_LT(as_one.results.events, each.results.events);
    EXPECT_EQ(as_one.results.digest, each.results.digest);
    EXPECT_EQ(as_one.results.end_cycle, each.results.end_cycle);
    EXPECT_EQ(as_one.results.cores.matrix_flops, each.results.cores.matrix_flops);
    EXPECT_EQ(as_one.results.packets.count, each.results.packets.count);
    ASSERT_EQ(as_one.results.ops.size(), each.results.ops.size());
    for (std::size_t i = 0; i < each.results.ops.size(); ++i) {
      EXPECT_EQ(as_one.results.ops[i].count, each.results.ops[i].count);
      EXPECT_EQ(as_one.results.ops[i].cycles_sum, each.results.ops[i].cycles_sum);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TileRows, testing::Range<std::uint64_t>(1, 41));

struct SmallRows {
  MachineParams machine;
  workload::LowerOptions options;
  SmallRows() {
    std::mt19937_64 draw(3);
    machine = rows_machine(draw);
    options = placed("die", static_cast<RankId>(topology::Topology(machine).die_count()));
  }
  [[nodiscard]] workload::Workload job() const {
    std::mt19937_64 draw(4);
    return data_parallel(topology::Topology(machine), draw);
  }
};

// A counter that somebody reads in the middle is that of a run without the short cut.
TEST(TileRows, MayBeLookedAtAtAnyTime) {
  const SmallRows small;
  machine::MachineSettings settings;
  JobRun as_one = prepare(small.machine, small.job(), small.options, settings);
  settings.rows_in_step = false;
  JobRun each = prepare(small.machine, small.job(), small.options, settings);
  const DieId last = as_one.topology->die_count() - 1;
  for (int i = 0; i < 5; ++i) {
    as_one.machine->run_window();
    each.machine->run_window();
  }
  EXPECT_EQ(as_one.machine->progress().tasks_done, each.machine->progress().tasks_done);
  EXPECT_EQ(as_one.node(last, 0).sram.bytes_ejected, each.node(last, 0).sram.bytes_ejected);
  finish(as_one);
  finish(each);
  EXPECT_GT(as_one.results.dies_copied, 0u);
  EXPECT_EQ(as_one.results.digest, each.results.digest);
}

TEST(TileRows, WithASlowerNodeAreNotAlike) {
  SmallRows small;
  machine::MachineSettings settings;
  const JobRun alike = run(small.machine, small.job(), small.options, settings);
  const std::string path = alike.topology->node_path(alike.topology->die_count() - 1, 1);
  small.machine.slow_nodes.push_back({path, 0.5});
  const JobRun in_step = run(small.machine, small.job(), small.options, settings);
  settings.rows_in_step = false;
  const JobRun each = run(small.machine, small.job(), small.options, settings);
  EXPECT_LT(in_step.results.dies_copied, alike.results.dies_copied);
  EXPECT_NE(in_step.results.digest, alike.results.digest);
  EXPECT_EQ(in_step.results.digest, each.results.digest);
}

}  // namespace
}  // namespace dojo::test
