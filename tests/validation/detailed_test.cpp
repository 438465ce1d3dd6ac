// SPDX-License-Identifier: Apache-2.0
// A die whose cores run cycle by cycle against the times that a run plans from the same pipeline.
#include <gtest/gtest.h>

#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

double cycles_of(int m, int n, int k, const std::string& network, const std::string& cores) {
  const JobRun ran = run(RunRequest{"",
                                    "configs/machines/die.json",
                                    "configs/workloads/matmul_4096.json",
                                    {fmt::format("workload.generate.m={}", m), fmt::format("workload.generate.n={}", n),
                                     fmt::format("workload.generate.k={}", k), "run.network_model=" + network, cores},
                                    {}});
  EXPECT_TRUE(ran.results.finished);
  return static_cast<double>(ran.results.end_cycle);
}

TEST(Detailed, ADieIsNearThePipelinesPlan) {
  const std::string planned = "run.node_model=pipeline", detailed = "machine.detailed=[\"die\"]";
  const auto row = [&](const std::string& id, int m, int n, int k, const std::string& network) {
    judge(
        {id,
         fmt::format("bf16 product {} x {} x {} on a die, all 354 cores cycle by cycle, {} network", m, n, k, network),
         "the same with run.node_model=pipeline", "cycles", 0.95, 1.05},
        cycles_of(m, n, k, network, planned), cycles_of(m, n, k, network, detailed));
  };
  row("detailed_small", 512, 384, 256, "reference");
  row("detailed_small_fast", 512, 384, 256, "fast");
  row("detailed_1024", 1024, 1024, 1024, "reference");
}

}  // namespace
}  // namespace dojo::test
