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
  op.elements = 4608;
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

}  // namespace
}  // namespace dojo::workload
