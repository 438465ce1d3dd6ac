// SPDX-License-Identifier: Apache-2.0
// run.repeat_kernels: kernels of ranks of several dies that take the time of an earlier run. Whole runs say what that
// is off by, and that all that is counted stays the same.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "dojo/report/report.h"
#include "support/run.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using Overrides = std::vector<std::string>;

/// Three tiles in a row of two by two small dies.
const Overrides kSmall{"machine.die.grid.rows=6",
                       "machine.die.grid.columns=6",
                       "machine.die.enabled=36",
                       "machine.die.disabled_sites=[]",
                       "machine.tile.dies.rows=2",
                       "machine.tile.dies.columns=2",
                       "machine.tray.tiles.rows=1",
                       "run.audit_tasks=0",
                       "workload.capacity_policy=stream",
                       "workload.generate.model=gpt",
                       "workload.generate.hidden=192",
                       "workload.generate.heads=4",
                       "workload.generate.kv_heads=4",
                       "workload.generate.feed_forward=768",
                       "workload.generate.vocabulary=512",
                       "workload.generate.sequence=256",
                       "workload.generate.bucket_bytes=1000000"};
/// A rank on one of the tiles, and a pipeline over all three.
const Overrides kAlone{"workload.rank_unit=tile", "workload.ranks=1", "workload.generate.layers=8",
                       "workload.generate.batch=2"};
const Overrides kPipeline{"workload.rank_unit=tile",    "workload.ranks=3",
                          "workload.generate.layers=6", "workload.generate.pipeline=3",
                          "workload.generate.batch=12", "workload.generate.microbatches=12"};
/// A pipeline of two stages of two by one tiles each.
const Overrides kPipelineOfTiles{R"(workload.rank_unit={"unit": "tile", "rows": 2, "columns": 1})",
                                 "machine.tray.tiles.rows=2",
                                 "workload.ranks=3",
                                 "workload.generate.layers=6",
                                 "workload.generate.pipeline=3",
                                 "workload.generate.batch=12",
                                 "workload.generate.microbatches=12"};

RunRequest request(const Overrides& job, bool repeat, const TestSettings& settings = {}) {
  Overrides set = kSmall;
  set.insert(set.end(), job.begin(), job.end());
  set.emplace_back(repeat ? "run.repeat_kernels=true" : "run.repeat_kernels=false");
  return {"", "configs/machines/tray.json", "", set, settings};
}

/// What is executed and moved does not depend on how it was timed.
void expect_nearly_the_same(const Overrides& job, double within) {
  const machine::Results all = run(request(job, false)).results, some = run(request(job, true)).results;
  ASSERT_TRUE(all.finished && some.finished);
  EXPECT_EQ(all.tasks_copied, 0u);
  EXPECT_GT(some.tasks_copied, 0u);
  EXPECT_LT(some.events, all.events * 3 / 4);
  EXPECT_NEAR(static_cast<double>(some.end_cycle) / static_cast<double>(all.end_cycle), 1, within);
  EXPECT_EQ(some.cores.matrix_flops, all.cores.matrix_flops);
  EXPECT_EQ(some.cores.vector_flops, all.cores.vector_flops);
  EXPECT_EQ(some.cores.busy_cycles, all.cores.busy_cycles);
  EXPECT_EQ(some.ports.bytes_ejected, all.ports.bytes_ejected);
  for (std::size_t c = 0; c < all.classes.size(); ++c)
    EXPECT_EQ(some.classes[c].counters.bytes, all.classes[c].counters.bytes) << c;
}

TEST(KernelRepeats, OfOneRankLastAsLong) {
  expect_nearly_the_same(kAlone, 0.002);
}

TEST(KernelRepeats, OfAPipelineLastAsLong) {
  expect_nearly_the_same(kPipeline, 0.01);
}

TEST(KernelRepeats, OfRanksOfSeveralTilesLastAsLong) {
  expect_nearly_the_same(kPipelineOfTiles, 0.01);
}

TEST(KernelRepeats, DoNotDependOnThreadsOrTheOrderOfDies) {
  const std::uint64_t one = run(request(kPipeline, true)).results.digest;
  TestSettings other;
  other.threads = 3;
  EXPECT_EQ(run(request(kPipeline, true, other)).results.digest, one);
  other.reverse_order = true;
  EXPECT_EQ(run(request(kPipeline, true, other)).results.digest, one);
}

TEST(KernelRepeats, AreSaidInTheReport) {
  for (const bool repeat : {false, true}) {
    const run::RunOutcome outcome = run::run(load(request(kAlone, repeat)));
    const std::string said =
        json::parse(report::report_json(outcome.context())).at("fidelity").at("approximations").dump();
    if (repeat) {
      EXPECT_THAT(said, HasSubstr("run.repeat_kernels"));
    } else {
      EXPECT_THAT(said, Not(HasSubstr("run.repeat_kernels")));
    }
  }
}

/// Ranks of one die are copied exactly (run.copy_tasks), and those that share a die have no slice for themselves.
TEST(KernelRepeats, ChangeNothingForRanksOfOneDie) {
  const Overrides dies{"workload.rank_unit=die", "workload.ranks=4", "workload.generate.layers=1",
                       "workload.generate.batch=1"};
  EXPECT_EQ(run(request(dies, true)).results.end_cycle, run(request(dies, false)).results.end_cycle);
}

}  // namespace
}  // namespace dojo::test
