// SPDX-License-Identifier: Apache-2.0
// No operation is faster than its floors, whichever job and machine are drawn, in the fast network and the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "dojo/base/error.h"
#include "dojo/reference/die.h"
#include "report/explain.h"
#include "support/random_job.h"

namespace dojo::test {
namespace {

using workload::OpKind;

/// Operations that move enough for rates to count, beside the small ones.
workload::Op random_op(Draw& draw) {
  workload::Op op = random_shared_op(draw);
  const std::int64_t times = draw.between(1, 4);
  if (op.kind == OpKind::kMatMul) {
    op.mat.m *= times;
    op.mat.k *= times;
    op.flops = 2 * op.mat.m * op.mat.n * op.mat.k * op.mat.batch;
  } else if (workload::is_communication(op.kind) || workload::family(op.kind) == workload::OpFamily::kMemory) {
    op.bytes *= times * times;
  } else if (op.kind == OpKind::kNone) {
    op = op_of(draw.one_in(2) ? OpKind::kBatchNormStats : OpKind::kElementwise);
    op.elements = draw.between(1, 100'000);
    op.channels = draw.between(1, 64);
    op.vector_flops_per_element = draw.between(1, 8);
  }
  return op;
}

/// Each rank enters each operation when it has done the one before: with one slice like another, together.
workload::Workload random_job(Draw& draw, RankId ranks) {
  JobText job(ranks);
  for (std::int64_t i = draw.between(1, 4); i > 0; --i) {
    const workload::Op op = random_op(draw);
    for (RankId rank = 0; rank < ranks; ++rank) job.add(rank, op);
  }
  return job.take();
}

void expect_above_floors(const JobRun& ran) {
  config::RunConfig config;
  const report::RunContext context{config, *ran.topology, *ran.workload, *ran.job, ran.results};
  report::OpPlans plans(context);
  // Of all ranks, whose graphs have the same operations: one that comes last to a collective finds part of it done, and
  // the root of a broadcast is done first, and begins the next one then.
  std::map<std::uint32_t, Cycles> start, end;
  for (const machine::OpRecord& record : ran.results.ops) {
    Cycles& first = start.emplace(record.op, record.first_start).first->second;
    first = std::min(first, record.first_start);
    end[record.op] = std::max(end[record.op], record.last_end);
  }
  for (const machine::OpRecord& record : ran.results.ops) {
    if (record.count == 0) continue;
    const workload::Graph& graph = ran.workload->graphs[record.graph];
    const workload::Op& op = graph.ops[record.op];
    const workload::OpPlan& plan = plans.of(record.graph, record.op);
    // An update ends with a gather of the new weights.
    const bool together =
        workload::is_communication(op.kind) || workload::traits(op.kind).has(workload::OpTraits::kUpdatesParameters);
    const Cycles time = together ? end[record.op] - start[record.op] : record.cycles_min;
    for (const auto& entry : enum_entries(workload::Bound{})) {
      EXPECT_LE(plan.floors[entry.value], static_cast<double>(time) + 1)
          << graph.op_name(op) << ": " << entry.text << "; " << plan.partition << "; " << op.mat.m << " x " << op.mat.n
          << " x " << op.mat.k << " x " << op.mat.batch << ", " << op.bytes << " bytes";
    }
  }
}

class Floors : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Floors, AreBelowTheSimulatedTime) {
  Draw draw(GetParam());
  topology::MachineParams machine = random_machine(draw);
  machine.noc.link_bytes_per_cycle = draw.one_of({32, 64, 64, 128});
  machine.die.edge_bytes_per_s = 1e9 * static_cast<double>(draw.between(20, 2000));
  const topology::Topology topology(machine);
  const bool whole_tiles = machine.level != topology::Level::kDie && draw.one_in(3);
  const char* unit = whole_tiles ? "tile" : draw.one_in(5) ? "node" : "die";
  workload::LowerOptions options = placed(unit, 1);
  const RankId places = workload::place_count(options.placement.rank_unit, topology);
  const auto ranks = static_cast<RankId>(draw.between(1, std::min<std::int64_t>(places, 9)));
  options.placement.ranks = ranks;
  options.node_model =
      std::array{node::NodeModel::kBounds, node::NodeModel::kTable, node::NodeModel::kPipeline}[GetParam() % 3];
  const workload::Workload job = random_job(draw, ranks);
  machine::MachineSettings settings;
  for (const auto model : {fabric::NetworkModel::kFast, fabric::NetworkModel::kReference}) {
    if (model == fabric::NetworkModel::kReference && !reference::die_problems(machine).empty()) continue;
    settings.network_model = model;
    JobRun ran;
    try {
      ran = prepare(machine, job, options, settings);
    } catch (const Error& error) {  // a rank that has no room is refused before it starts
      ASSERT_EQ(error.code(), ExitCode::kInvalidInput) << error.what();
      GTEST_SKIP() << "refused: " << error.what();
    }
    finish(ran);
    SCOPED_TRACE(model == fabric::NetworkModel::kFast ? "fast" : "reference");
    expect_above_floors(ran);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Floors, testing::Range<std::uint64_t>(1, 81));

/// A training step with all kinds of operations, and a collective over all dies.
TEST(FloorsOfJobs, AreBelowTheSimulatedTime) {
  for (const char* config : {"tests/golden/resnet50_small_tile/config.json", "tests/golden/all_reduce_tile/config.json",
                             "configs/runs/matmul_die.json"}) {
    for (const char* model : {"bounds", "table", "pipeline"}) {
      SCOPED_TRACE(fmt::format("{}, {}", config, model));
      expect_above_floors(run(RunRequest{config, "", "", {fmt::format("run.node_model={}", model)}, {}}));
    }
  }
}

}  // namespace
}  // namespace dojo::test
