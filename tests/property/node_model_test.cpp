// SPDX-License-Identifier: Apache-2.0
// run.node_model: the plans of `table` and `pipeline` are the same, the times of `pipeline` are those of the pipeline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "support/run.h"

namespace dojo::test {
namespace {

JobRun with(const std::string& model, std::vector<std::string> set = {}) {
  set.push_back("run.node_model=" + model);
  set.insert(set.end(), {"workload.generate.m=512", "workload.generate.n=384", "workload.generate.k=256"});
  return run(RunRequest{"", "configs/machines/die.json", "configs/workloads/matmul_4096.json", set, {}});
}
const workload::Kernel& product(const JobRun& run) {
  return run.job->programs.at(0).kernels.at(0);
}

TEST(NodeModel, PipelineTimesThePlansOfTheTable) {
  const JobRun table = with("table"), pipeline = with("pipeline");
  EXPECT_EQ(table.job->programs.at(0).kernel_plans.at(0).partition,
            pipeline.job->programs.at(0).kernel_plans.at(0).partition);
  EXPECT_NE(product(table).cycles, product(pipeline).cycles);
  EXPECT_EQ(table.job->pieces.pieces, 0u);
  EXPECT_GT(pipeline.job->pieces.pieces, 0u);
  const workload::CoreCycles by_table = table.job->programs.at(0).kernel_plans.at(0).cores,
                             by_pipeline = pipeline.job->programs.at(0).kernel_plans.at(0).cores;
  EXPECT_EQ(by_table.run, by_table.formulas);
  EXPECT_EQ(by_pipeline.formulas, by_table.formulas);
  EXPECT_NE(by_pipeline.run, by_pipeline.formulas);
  EXPECT_NEAR(static_cast<double>(by_pipeline.run) / static_cast<double>(by_pipeline.formulas), 1, 0.1);
}

TEST(NodeModel, TheSameTwice) {
  EXPECT_EQ(with("pipeline").results.digest, with("pipeline").results.digest);
}

TEST(NodeModel, ThePipelineRefusesACoreThatItDoesNotModel) {
  try {
    (void)with("pipeline", {"machine.node.matrix_rows=16", "machine.node.core.scalar_entries=64"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.lines(), testing::SizeIs(2)) << error.what();
  }
  EXPECT_GT(with("table", {"machine.node.matrix_rows=16"}).results.end_cycle, 0);
}

TEST(NodeModel, EachKnowsTheAddressGeneratorsButTheBounds) {
  for (const char* model : {"table", "pipeline"}) {
    EXPECT_GT(with(model, {"machine.node.core.address_generators=1"}).results.end_cycle, with(model).results.end_cycle)
        << model;
  }
  EXPECT_EQ(with("bounds", {"machine.node.core.address_generators=1"}).results.end_cycle,
            with("bounds").results.end_cycle);
}

}  // namespace
}  // namespace dojo::test
