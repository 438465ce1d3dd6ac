// SPDX-License-Identifier: Apache-2.0
// Steps of a pipeline of which only some parts of the batch are simulated, and data-parallel copies of a pipeline that
// run in step: the whole runs confirm both.
#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "dojo/run/workload_source.h"
#include "support/run.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Overrides = std::vector<std::string>;

/// Four rows of three small tiles of one die: a rank on each.
const Overrides kSmallCabinet{"machine.die.grid.rows=5",
                              "machine.die.grid.columns=5",
                              "machine.die.enabled=25",
                              "machine.die.disabled_sites=[]",
                              "machine.tile.dies.rows=1",
                              "machine.tile.dies.columns=1",
                              "run.audit_tasks=0",
                              "workload.rank_unit=tile",
                              "workload.capacity_policy=stream",
                              "workload.generate.model=gpt"};
const Overrides kSmallGpt{"workload.generate.layers=6",         "workload.generate.hidden=64",
                          "workload.generate.heads=4",          "workload.generate.kv_heads=4",
                          "workload.generate.feed_forward=256", "workload.generate.vocabulary=128",
                          "workload.generate.sequence=64",      "workload.generate.bucket_bytes=1000000"};

json report_of(const Overrides& more) {
  Overrides set = kSmallCabinet;
  set.insert(set.end(), kSmallGpt.begin(), kSmallGpt.end());
  set.insert(set.end(), more.begin(), more.end());
  const run::RunOutcome outcome = run::run(load({"", "configs/machines/cabinet.json", "", set, {}}));
  return json::parse(report::report_json(outcome.context()));
}

Overrides parts(std::int64_t all, bool repeat) {
  return {"workload.ranks=12", "workload.generate.pipeline=3", "workload.generate.batch=" + std::to_string(all),
          "workload.generate.microbatches=" + std::to_string(all),
          std::string("workload.generate.repeat_microbatches=") + (repeat ? "true" : "false")};
}

/// Of three stages 12 parts are simulated.
void expect_like_the_whole(const Overrides& more, std::int64_t all, double within) {
  const auto with = [&](bool repeat) {
    Overrides set = parts(all, repeat);
    set.insert(set.end(), more.begin(), more.end());
    return report_of(set);
  };
  const json whole = with(false), some = with(true);
  ASSERT_FALSE(whole.contains("repeated"));
  const json& repeated = some.at("repeated");
  EXPECT_EQ(repeated.at("microbatches"), all);
  EXPECT_EQ(repeated.at("simulated_microbatches"), 12);
  EXPECT_EQ(repeated.at("samples_per_step").get<double>(), whole.at("workload").at("samples_per_step").get<double>());
  EXPECT_EQ(repeated.at("flops").get<double>(), whole.at("flops").at("executed").get<double>());
  const double step = whole.at("latency").at("step_s");
  EXPECT_NEAR(repeated.at("step_s").get<double>() / step, 1, within);
  EXPECT_NEAR(repeated.at("utilisation").get<double>() / whole.at("flops").at("utilisation").get<double>(), 1, within);
  // Far from what was simulated: the rule did it.
  EXPECT_LT(some.at("latency").at("step_s").get<double>(), 0.7 * step);
  EXPECT_THAT(some.at("fidelity").at("approximations").dump(), HasSubstr("Of 30 micro-batches 12 were simulated"));
}

TEST(RepeatedParts, LastAsLongAsTheWholeStep) {
  expect_like_the_whole({}, 30, 0.001);
}

TEST(RepeatedParts, LastAsLongWithChunks) {
  expect_like_the_whole({"workload.generate.chunks=2"}, 30, 0.01);
}

std::string refused(const std::function<void(config::GenerateParams&)>& change) {
  config::GenerateParams params;
  params.model = "gpt";
  params.layers = 4;
  params.batch = params.microbatches = 32;
  params.pipeline = 2;
  params.repeat_microbatches = true;
  change(params);
  try {
    (void)run::generate_workload(params, 4, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RepeatedParts, AreRefusedWhereTheRuleDoesNotHold) {
  EXPECT_EQ(refused([](auto&) {}), "");
  EXPECT_THAT(refused([](auto& p) { p.pipeline = 1; }), HasSubstr("found pipeline 1, expected at least 2 stages"));
  EXPECT_THAT(refused([](auto& p) { p.batch = p.microbatches = 7; }),
              HasSubstr("found 7 microbatches with 2 stages, expected at least 8"));
  EXPECT_THAT(refused([](auto& p) { p.batch = 33; }), HasSubstr("found 32 microbatches of a batch of 33"));
  EXPECT_THAT(refused([](auto& p) { p.schedule = workload::PipelineSchedule::kGPipe; }),
              HasSubstr("found schedule gpipe, expected 1f1b"));
  EXPECT_THAT(refused([](auto& p) { p.batch = p.microbatches = 31, p.chunks = 2; }),
              HasSubstr("found 31 microbatches with chunks 2, expected a multiple of the 2 stages"));
  EXPECT_THAT(refused([](auto& p) { p.model = "resnet50"; }), HasSubstr("found it for resnet50, expected gpt"));
}

struct Published {
  const char* name;
  Overrides set;
  std::int64_t layers, hidden, tokens, batch, parameters;  ///< batch: sequences of the whole job
};

/// GPT-3's table 2.1, by its formulas: V h + s h + L (12 h^2 + 13 h) + 2 h parameters, and of a sequence three times
/// L (24 s h^2 + 4 s^2 h) + 2 s h V FLOP. Of the s^2 pairs of tokens a causal mask leaves s (s + 1) / 2, which is 6.7 %
/// of the FLOP of 1.3B and 1.3 % of those of 175B.
TEST(RunsOfGpt, HaveThePublishedParametersAndFlops) {
  constexpr std::int64_t kWords = 50257;
  const Overrides large{"workload.generate.size=175B",         "workload.generate.pipeline=24",
                        "workload.generate.batch=1536",        "workload.generate.microbatches=768",
                        "workload.generate.checkpoint=blocks", "workload.ranks=24"};
  Overrides all_pairs = large;
  all_pairs.emplace_back("workload.generate.attention=explicit");
  for (const Published& gpt : {Published{"1.3B, as shipped", {}, 24, 2048, 2048, 512, 1'315'723'264},
                               Published{"175B", large, 96, 12288, 2048, 1536, 174'604'259'328},
                               Published{"175B, all pairs", all_pairs, 96, 12288, 2048, 1536, 174'604'259'328}}) {
    SCOPED_TRACE(gpt.name);
    const config::RunConfig run = load({"configs/runs/gpt_1b3_cabinet.json", "", "", gpt.set, {}});
    const config::GenerateParams& params = run.workload.generate;
    EXPECT_EQ(run.workload.ranks / params.pipeline * params.batch, gpt.batch);
    const workload::Workload job =
        run::generate_workload(params, static_cast<RankId>(run.workload.ranks), run.workload.steps);
    std::set<std::string> names;
    std::int64_t flops = 0, parameters = 0;
    for (RankId stage = 0; stage < static_cast<RankId>(params.pipeline); ++stage) {
      const workload::Graph& graph = job.graphs[job.graph_of_rank[stage]];
      for (const workload::Op& op : graph.ops) flops += op.recompute ? 0 : op.flops;
      for (const workload::Tensor& tensor : graph.tensors) {
        // The first stage and the last both hold the table of words.
        if (tensor.role == workload::TensorRole::kWeight && names.insert(graph.str(tensor.name)).second)
          parameters += tensor.bytes / 2;
      }
    }
    EXPECT_EQ(parameters, gpt.parameters);
    const std::int64_t sequences = params.batch / params.microbatches * 4 * params.pipeline;  // that are simulated
    const auto of_sequence = [&](std::int64_t pairs) {
      return 3 * (gpt.layers * (24 * gpt.tokens * gpt.hidden * gpt.hidden + 4 * pairs * gpt.hidden) +
                  2 * gpt.tokens * gpt.hidden * kWords);
    };
    const bool masked = params.attention == "flash";
    EXPECT_EQ(flops / sequences, of_sequence(masked ? gpt.tokens * (gpt.tokens + 1) / 2 : gpt.tokens * gpt.tokens));
  }
}

/// Copies of a pipeline send to other ranks, but do the same.
TEST(CopiesOfAPipeline, RunInStepWithTheSameResults) {
  Overrides apart = parts(6, false);
  const json in_step = report_of(apart);
  apart.emplace_back("run.rows_in_step=false");
  const json each = report_of(apart);
  EXPECT_EQ(each.at("host").at("dies_copied"), 0);
  EXPECT_EQ(in_step.at("host").at("dies_copied"), 6) << "of two kinds of rows, two each";
  EXPECT_EQ(in_step.at("digest"), each.at("digest"));
  EXPECT_EQ(in_step.at("latency").at("ops"), each.at("latency").at("ops"));
}

/// The shipped run of GPT 1.3B, made small: its placement has the stages in the same order in each row of tiles, so
/// one row is run for four. As ranks are placed by default, every other row is turned round.
TEST(CopiesOfAPipeline, OneRowOfFourRunsWhereStagesStandInTheSameOrder) {
  const auto report = [](const char* in_step) {
    Overrides set = kSmallCabinet;
    set.insert(set.end(), kSmallGpt.begin(), kSmallGpt.end());
    set.insert(set.end(), {"workload.generate.batch=12", "workload.generate.microbatches=12", in_step});
    const run::RunOutcome outcome = run::run(load({"configs/runs/gpt_1b3_cabinet.json", "", "", set, {}}));
    return json::parse(report::report_json(outcome.context()));
  };
  const json as_one = report("run.rows_in_step=true"), each = report("run.rows_in_step=false");
  EXPECT_EQ(as_one.at("host").at("dies_copied"), 9);
  EXPECT_EQ(as_one.at("digest"), each.at("digest"));
}

/// A stage of four copies is one program: graphs of ranks differ in their peers alone.
TEST(CopiesOfAPipeline, ShareAProgramForEachStage) {
  config::GenerateParams params;
  params.model = "gpt";
  params.layers = 6, params.hidden = 64, params.heads = params.kv_heads = 4, params.vocabulary = 128;
  params.sequence = 64, params.batch = params.microbatches = 4, params.pipeline = 3;
  topology::MachineParams machine = machine_file("cabinet");
  machine.die.grid.rows = machine.die.grid.columns = 5, machine.die.enabled = 25;
  machine.die.disabled_sites.clear();
  machine.tile.dies.rows = machine.tile.dies.columns = 1;
  const topology::Topology topology(machine);
  const workload::Job job = workload::lower(run::generate_workload(params, 12, 1), placed("tile", 12), topology);
  EXPECT_EQ(job.programs.size(), 3u);
  for (RankId rank = 3; rank < 12; ++rank) EXPECT_EQ(job.program_of_rank[rank], job.program_of_rank[rank - 3]);
}

}  // namespace
}  // namespace dojo::test
