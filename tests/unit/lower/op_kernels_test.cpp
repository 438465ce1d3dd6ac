// SPDX-License-Identifier: Apache-2.0
// Every kind that cores compute has a kernel function, and a job of it can be lowered.
#include "lower/op_kernels.h"

#include <gtest/gtest.h>

#include "dojo/lower/lower.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {
namespace {

TEST(OpKernels, ExistForWhatCoresComputeAndForNothingElse) {
  for (const OpTraits& row : op_kinds()) {
    EXPECT_EQ(kernel_function(row.kind) != nullptr, is_compute(row.kind)) << row.text;
  }
}

/// One operation with every size that its kind may have.
Workload job_of(OpKind kind) {
  Op op;
  op.kind = kind;
  op.conv = {2, 16, 12, 12, 16, 3, 3, 1, 1, 0, 0};
  (void)complete(op.conv);
  op.mat = {96, 64, 48, 1};
  op.attention = {2, 4, 40, 48, 32, 2, 1, 0, 0};
  op.lookup = {600, 64, 2, 50};
  op.elements = traits(kind).shape == OpShape::kLookup ? shape_elements(op) : 4608;
  op.channels = 16;
  op.vector_flops_per_element = 3;
  op.flops = family(kind) == OpFamily::kShapeless ? 1 << 20 : shape_flops(op);
  Workload workload;
  workload.graphs.emplace_back();
  workload.graphs[0].ops.push_back(op);
  workload.graph_of_rank = {0};
  workload.group_classes = {{"all", {{"all", {0}}}}};
  return workload;
}

TEST(OpKernels, OfEveryKindDoItsWork) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  const topology::Topology die(params);
  for (const OpTraits& row : op_kinds()) {
    if (!is_compute(row.kind)) continue;
    SCOPED_TRACE(row.text);
    const Workload workload = job_of(row.kind);
    const Job job = lower(workload, {}, die);
    ASSERT_EQ(job.programs.at(0).kernels.size(), 1u);
    const Kernel& kernel = job.programs[0].kernels[0];
    std::int64_t flops = 0, vector_flops = 0;
    for (const std::int64_t f : kernel.matrix_flops) flops += f;
    for (const std::int64_t f : kernel.vector_flops) vector_flops += f;
    const Op& op = workload.graphs[0].ops[0];
    EXPECT_EQ(flops, op.flops);
    if (row.family == OpFamily::kVector) {
      EXPECT_EQ(vector_flops, op.elements * op.vector_flops_per_element);
    }
  }
}

/// An optimizer reads and writes the state that its tensors have; without any it keeps 8 B a parameter.
TEST(OpKernels, TheOptimizersStateIsThatOfItsTensors) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  const topology::Topology die(params);
  const auto cycles = [&](Bytes state_of_parameter) {
    Workload workload = job_of(OpKind::kOptimizer);
    Graph& graph = workload.graphs[0];
    Op& op = graph.ops[0];
    op.elements = 4'000'000;
    if (state_of_parameter > 0) {
      graph.tensors.push_back({});
      graph.tensors.back().bytes = op.elements * state_of_parameter;
      graph.tensors.back().role = TensorRole::kOptimizerState;
      graph.tensor_refs = {0, 0};
      op.inputs_begin = 0, op.inputs_end = 1, op.outputs_begin = 1, op.outputs_end = 2;
    }
    return lower(workload, {}, die).programs.at(0).kernels.at(0).cycles.at(0);
  };
  EXPECT_EQ(cycles(0), cycles(8));
  // The store port alone: 2 B of a weight and the state, 64 B a cycle, 354 nodes.
  for (const Bytes state : {Bytes{12}, Bytes{16}})
    EXPECT_GE(cycles(state), 4'000'000 * (2 + state) / 64 / 354) << state << " B a parameter";
}

/// A small product of a rank of 25 dies runs on one of them, and the others are not told of it.
TEST(OpKernels, ASmallProductRunsOnOneDieOfMany) {
  topology::MachineParams params;
  params.level = topology::Level::kTile;
  const topology::Topology tile(params);
  LowerOptions options;
  options.placement.rank_unit.unit = PlacementUnit::kTile;
  const Job job = lower(job_of(OpKind::kMatMul), options, tile);
  const Program& program = job.programs.at(0);
  EXPECT_EQ(program.dies_of(program.tasks.at(0)), std::vector<std::uint16_t>{0});
  EXPECT_FALSE(program.kernels.at(0).part.is_all());
}

}  // namespace
}  // namespace dojo::workload
