// SPDX-License-Identifier: Apache-2.0
// A ResNet-50 training step on a tile against what no machine can beat: compute, HBM, hosts, all-reduce.
#include <gtest/gtest.h>

#include "support/all_reduce_time.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

constexpr double kParameters = 25'557'032;         // design: ResNet-50 v1.5
constexpr double kFlopPerImage = 24'299'077'632;   // forward, and both gradients but the first layer's input's
constexpr double kImageBytes = 3 * 224 * 224 * 2;  // bf16

TEST(ResNet50, StepOnATileLiesAboveItsBounds) {
  const JobRun ran = run(RunRequest{"configs/runs/resnet50_tile.json", "", "", {}, {}});
  const topology::Topology& tile = *ran.topology;
  const topology::MachineParams& machine = tile.params();
  const double ranks = ran.workload->ranks(), images = ranks * 8;
  ASSERT_EQ(ranks, 25);
  EXPECT_EQ(static_cast<double>(ran.results.cores.matrix_flops), images * kFlopPerImage);
  ASSERT_TRUE(ran.results.finished);
  const double step = tile.seconds(ran.results.step_end.at(0));

  const double per_cycle =
      2.0 * static_cast<double>(machine.node.matrix_rows * machine.node.matrix_columns * machine.node.matrix_depth);
  judge({"resnet50_tile_compute", "ResNet-50 step on a tile, 8 images a die", "FLOP / (nodes x 512 FLOP/cycle)", "s", 1,
         kNoLimit},
        images * kFlopPerImage / (static_cast<double>(tile.node_count()) * per_cycle * machine.clock_hz), step);

  // Samples go into HBM and out of it once; what is spilled too.
  const double moved = 2 * images * kImageBytes + 2 * static_cast<double>(ran.results.spilled_bytes);
  const double hbm = machine.dip.hbm_bytes_per_s * machine.dip.hbm_efficiency * tile.dip_count();
  judge({"resnet50_tile_hbm", "the same", "2 x (samples + spilled) / HBM rate of all DIPs", "s", 1, kNoLimit},
        moved / hbm, step);

  const double hosts = (machine.dip.pcie_bytes_per_s + machine.dip.ethernet_bytes_per_s) * tile.dip_count();
  judge({"resnet50_tile_hosts", "the same", "samples / (PCIe + Ethernet of all DIPs)", "s", 1, kNoLimit},
        images * kImageBytes / hosts, step);

  const AllReduceTime gradients(tile, ran.job->slices, kParameters * 2);
  judge({"resnet50_tile_all_reduce", "the same", "injection and bisection bound of all gradients, bf16", "s", 1,
         kNoLimit},
        std::max(gradients.injection_s(), gradients.bisection_s()), step);
}

}  // namespace
}  // namespace dojo::test
