// SPDX-License-Identifier: Apache-2.0
// Work on cores against closed forms: ports of one core, a matrix product on a die.
#include <gtest/gtest.h>

#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::MachineParams;

/// An elementwise operation of one node, its operand and result in SRAM.
JobRun vector_job(const MachineParams& machine, workload::OpKind kind, std::int64_t elements) {
  JobText job(1);
  workload::Op op = op_of(kind);
  op.elements = elements;
  op.channels = 1;
  op.vector_flops_per_element = 1;
  job.add(0, op);
  workload::Workload workload = job.take();
  workload::Graph& graph = workload.graphs[0];
  const auto name_in = graph.intern("in"), name_out = graph.intern("out");
  graph.tensors = {{name_in, 2 * elements, workload::TensorRole::kActivation},
                   {name_out, 2 * elements, workload::TensorRole::kActivation}};
  graph.tensor_refs = {0, 1};
  workload::Op& made = graph.ops[0];
  made.inputs_begin = 0;
  made.inputs_end = made.outputs_begin = 1;
  made.outputs_end = 2;
  return run(machine, std::move(workload), placed("node", 1));
}

TEST(SramStreaming, TheStorePortRules) {
  const MachineParams machine = machine_file("node");
  const std::int64_t elements = 200'000;
  // bf16: 2 bytes in over two load ports, 2 bytes out over one store port; 1 FLOP an element fits the lanes.
  const double expected = 2.0 * static_cast<double>(elements) /
                          static_cast<double>(machine.node.store_ports * machine.node.port_bytes_per_cycle);
  const JobRun ran = vector_job(machine, workload::OpKind::kElementwise, elements);
  judge({"sram_stream", "elementwise operation over 200,000 bf16 on one node", "bytes / (store_ports x port)", "cycles",
         1, 1.05},
        expected, static_cast<double>(ran.results.end_cycle));
}

TEST(MatrixProduct, OfADieLiesAboveItsRoofline) {
  const JobRun ran = run({"configs/runs/matmul_die.json", "", "", {}, {}});
  const MachineParams& machine = ran.topology->params();
  const double flop = 2.0 * 4096 * 4096 * 4096;
  const double per_cycle =
      2.0 * static_cast<double>(machine.node.matrix_rows * machine.node.matrix_columns * machine.node.matrix_depth);
  const double peak = static_cast<double>(ran.topology->node_count()) * per_cycle * machine.clock_hz;
  EXPECT_NEAR(flop / peak, 379e-6, 1e-6);
  judge({"matmul_die", "bf16 product 4096 x 4096 x 4096 on one die", "2 m n k / (nodes x 512 FLOP/cycle)", "s", 1, 1.4},
        flop / peak, ran.seconds());
  EXPECT_EQ(ran.results.cores.matrix_flops, 137'438'953'472);
}

}  // namespace
}  // namespace dojo::test
