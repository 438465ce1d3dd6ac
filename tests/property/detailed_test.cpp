// SPDX-License-Identifier: Apache-2.0
// machine.detailed: cores that run cycle by cycle in their die. They do the work that was planned, near the time that
// was planned, and the same for any number of threads, order of shards and length of windows.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "support/run.h"
#include "support/temporary_folder.h"

namespace dojo::test {
namespace {

using testing::HasSubstr;

std::vector<std::string> small_product(std::vector<std::string> more) {
  std::vector<std::string> set{"workload.generate.m=512", "workload.generate.n=384", "workload.generate.k=256"};
  set.insert(set.end(), more.begin(), more.end());
  return set;
}
RunRequest on_die(const std::string& detailed, std::vector<std::string> more = {}) {
  more.push_back("machine.detailed=" + detailed);
  return {"", "configs/machines/die.json", "configs/workloads/matmul_4096.json", small_product(std::move(more)), {}};
}
RunRequest on_tile(const std::string& detailed, const std::string& network) {
  return {"",
          "configs/machines/tile.json",
          "configs/workloads/matmul_4096.json",
          small_product({"run.network_model=" + network, "machine.tile.dies.rows=2", "machine.tile.dies.columns=2",
                         "machine.die.grid.rows=6", "machine.die.grid.columns=6", "machine.die.enabled=35",
                         "machine.die.disabled_sites=[7]", "workload.rank_unit=tile", "workload.ranks=1",
                         "machine.detailed=" + detailed}),
          {}};
}
const std::string kReference = "run.network_model=reference", kPipeline = "run.node_model=pipeline";

TEST(Detailed, ANodeExecutesItsPieceOnThePipeline) {
  const JobRun planned = run(on_die("[]", {kReference, kPipeline}));
  const JobRun ran = run(on_die("[\"die.node[42]\"]", {kReference, kPipeline}));
  ASSERT_TRUE(ran.results.finished);
  EXPECT_EQ(ran.results.detailed_nodes, 1u);
  const machine::NodeCounters node = ran.node(0, 42), same = planned.node(0, 42), other = ran.node(0, 43);
  // A product of 8 x 8 x 4 an issue, 512 FLOP; blocks at the ends of a piece are not full.
  EXPECT_GE(static_cast<std::int64_t>(node.pipeline.matrix_issues) * 512, node.core.matrix_flops);
  EXPECT_LT(static_cast<double>(node.pipeline.matrix_issues) * 512, 1.5 * static_cast<double>(node.core.matrix_flops));
  EXPECT_EQ(other.pipeline.cycles, 0u);
  EXPECT_EQ(node.core.matrix_flops, same.core.matrix_flops);
  EXPECT_NEAR(static_cast<double>(node.core.busy_cycles), static_cast<double>(same.core.busy_cycles),
              0.1 * static_cast<double>(same.core.busy_cycles));
  // The last packet of a message may be short.
  EXPECT_GE(node.pipeline.packets_received * 64, node.sram.bytes_ejected);
  EXPECT_LT(node.pipeline.packets_received * 64, node.sram.bytes_ejected * 11 / 10);
  EXPECT_GE(node.pipeline.packets_sent * 64, node.sram.bytes_injected);
  EXPECT_LT(node.pipeline.packets_sent * 64, node.sram.bytes_injected * 11 / 10);
  EXPECT_NEAR(static_cast<double>(ran.results.end_cycle), static_cast<double>(planned.results.end_cycle),
              0.05 * static_cast<double>(planned.results.end_cycle));
}

TEST(Detailed, ADieIsNearItsPlan) {
  for (const std::string network : {"fast", "reference"}) {
    const std::string model = "run.network_model=" + network;
    const JobRun planned = run(on_die("[]", {model, kPipeline}));
    const JobRun ran = run(on_die("[\"die\"]", {model}));
    ASSERT_TRUE(ran.results.finished) << network;
    EXPECT_EQ(ran.results.detailed_nodes, 354u);
    EXPECT_EQ(ran.results.cores.matrix_flops, planned.results.cores.matrix_flops);
    EXPECT_NEAR(static_cast<double>(ran.results.end_cycle), static_cast<double>(planned.results.end_cycle),
                0.1 * static_cast<double>(planned.results.end_cycle))
        << network;
  }
}

TEST(Detailed, DoesNotDependOnThreadsOrderOrWindows) {
  for (const std::string network : {"fast", "reference"}) {
    RunRequest request = on_tile("[\"tile.die[1]\", \"tile.die[2].row[3]\", \"tile.die[0].node[3]\"]", network);
    const machine::Results one = run(request).results;
    ASSERT_TRUE(one.finished);
    EXPECT_EQ(one.detailed_nodes, 35u + 6u + 1u);
    request.settings.threads = 2;
    EXPECT_EQ(run(request).results.digest, one.digest) << network;
    request.settings.reverse_order = true;
    request.settings.window_cycles = 50;
    EXPECT_EQ(run(request).results.digest, one.digest) << network;
  }
}

TEST(Detailed, TheReportSaysWhatIsApproximate) {
  const auto sentences = [](const std::string& network) {
    return run(on_die("[\"die.row[3]\"]", {"run.network_model=" + network})).results.approximations;
  };
  EXPECT_THAT(sentences("fast"), testing::Contains(HasSubstr("meet detailed nodes approximately")));
  EXPECT_THAT(sentences("reference"), testing::Not(testing::Contains(HasSubstr("meet detailed nodes approximately"))));
  EXPECT_THAT(sentences("reference"), testing::Contains(HasSubstr("cycle by cycle")));
}

TEST(Detailed, ShapesOfEveryKindRun) {
  // Products of a batch, vector work in two steps, attention, which keeps its planned time.
  const JobRun ran = run(RunRequest{
      "",
      "configs/machines/die.json",
      "configs/workloads/gpt_layer.json",
      {"machine.detailed=[\"die\"]", "workload.ranks=1", "workload.rank_unit=die", "workload.generate.tensor=1",
       "workload.generate.layers=1", "workload.generate.hidden=128", "workload.generate.heads=2",
       "workload.generate.sequence=64", "workload.generate.vocabulary=256", "workload.generate.batch=1"},
      {}});
  ASSERT_TRUE(ran.results.finished);
  EXPECT_GT(ran.results.pipelines.matrix_issues, 0u);
  EXPECT_GT(ran.results.pipelines.fma_issues, 0u);
}

/// Additions of collectives are the communication thread's, at the store port's rate, on detailed nodes too: what moves
/// and what is added does not depend on which cores run cycle by cycle, and the report says so.
TEST(Detailed, CollectivesKeepTheirTotals) {
  const auto ran = [](const std::string& detailed) {
    JobRun job = run(RunRequest{
        "",
        "configs/machines/tile.json",
        "configs/workloads/gpt_layer.json",
        {"machine.tile.dies.rows=2", "machine.tile.dies.columns=2", "machine.detailed=" + detailed, "workload.ranks=4",
         "workload.rank_unit=die", "workload.generate.tensor=4", "workload.generate.layers=1",
         "workload.generate.hidden=128", "workload.generate.heads=4", "workload.generate.sequence=64",
         "workload.generate.vocabulary=256", "workload.generate.batch=1", kReference},
        {}});
    EXPECT_TRUE(job.results.finished);
    return job;
  };
  const JobRun planned = ran("[]"), detailed = ran("[\"tile.die[1]\"]");
  EXPECT_EQ(detailed.results.cores.matrix_flops, planned.results.cores.matrix_flops);
  EXPECT_EQ(detailed.results.cores.vector_flops, planned.results.cores.vector_flops);
  ASSERT_EQ(detailed.results.classes.size(), planned.results.classes.size());
  for (std::size_t i = 0; i < planned.results.classes.size(); ++i)
    EXPECT_EQ(detailed.results.classes[i].counters.bytes, planned.results.classes[i].counters.bytes) << i;
  EXPECT_GT(planned.of_class(topology::LinkClass::kDieToDie).counters.bytes, 0u);
  EXPECT_THAT(detailed.results.approximations, testing::Contains(HasSubstr("additions of collectives")));
}

/// Groups of many channels go through the matrix unit one after the other, depthwise ones through the vector unit.
TEST(Detailed, GroupsOfAConvolutionRun) {
  for (const char* kind : {"conv", "conv_input_grad", "conv_weight_grad"}) {
    for (const int groups : {4, 64}) {
      const TemporaryFolder folder;
      const std::string trace = folder.write(
          "conv.json",
          fmt::format(
              R"({{"format": "dojo.trace/1", "ranks": [{{"graph": 0, "ranks": 1}}], "graphs": [{{"ops": [)"
              R"({{"id": 0, "kind": "{}", "conv": {{"n": 2, "c": 64, "h": 14, "w": 14, "k": 64, "r": 3, "s": 3, )"
              R"("pad": 1, "groups": {}}}}}]}}]}})",
              kind, groups));
      const auto ran = [&](const std::string& cores) {
        const JobRun job = run(RunRequest{"", "configs/machines/die.json", trace, {kReference, cores}, {}});
        EXPECT_TRUE(job.results.finished);
        return job.results;
      };
      const machine::Results planned = ran(kPipeline), detailed = ran("machine.detailed=[\"die\"]");
      // A detailed core launches while its operands are on the way, a planned one when they are there.
      const auto plan = static_cast<double>(planned.end_cycle), launch = 40.0;
      EXPECT_LE(static_cast<double>(detailed.end_cycle), 1.05 * plan) << kind << ", " << groups << " groups";
      EXPECT_GE(static_cast<double>(detailed.end_cycle), 0.95 * plan - launch) << kind << ", " << groups << " groups";
      const core::Counters& cores = detailed.pipelines;
      EXPECT_GT(groups == 4 ? cores.matrix_issues : cores.fma_issues, 0u) << kind;
    }
  }
}

TEST(Detailed, WrongPathsAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[\"die.node[21]\"]", "a site without a working core"},
      {"[\"die.node[400]\"]", "expected node[0] to node[359]"},
      {"[\"die.row[18]\"]", "a die has row[0] to row[17]"},
      {"[\"die.row[x]\"]", "no such row"},
      {"[\"die.node[3].row[1]\"]", "a row of a node"},
      {"[\"die.node[3].core\"]", "a part of a node"},
      {"[\"tile.die[3]\"]", "'tile'"},
      {"\"die\"", "expected a list of texts"},
      {"[3]", "expected a text"},
  };
  for (const auto& [value, sentence] : cases) {
    try {
      (void)run(on_die(value));
      ADD_FAILURE() << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      EXPECT_THAT(error.what(), HasSubstr(sentence)) << value;
    }
  }
}

/// A core at a share of the clock: its own work takes so much longer, the network does not.
TEST(Detailed, SlowNodesTakeTheirPlannedTime) {
  for (const double speed : {0.5, 0.3, 0.9}) {
    const std::string slow = fmt::format(
        R"(machine.slow_nodes=[{{"path": "die.node[42]", "core_speed": {0}}}, {{"path": "die.node[43]", "core_speed": {0}}}])",
        speed);
    const auto ran = [&](const std::string& detailed, std::vector<std::string> set) {
      set.push_back(kReference);
      JobRun job = run(on_die(detailed, std::move(set)));
      EXPECT_TRUE(job.results.finished);
      return job;
    };
    const std::string both = "[\"die.node[42]\", \"die.node[44]\"]";
    const JobRun table = ran("[]", {slow}), pipeline = ran("[]", {slow, kPipeline}), detailed = ran(both, {slow});
    const auto busy = [](const JobRun& job, SiteIndex site) {
      return static_cast<double>(job.node(0, site).core.busy_cycles);
    };
    for (const SiteIndex site : {SiteIndex{42}, SiteIndex{43}, SiteIndex{44}}) {
      EXPECT_NEAR(busy(detailed, site), busy(pipeline, site), 0.08 * busy(pipeline, site)) << speed << " " << site;
      EXPECT_NEAR(busy(table, site), busy(pipeline, site), 0.08 * busy(pipeline, site)) << speed << " " << site;
    }
    EXPECT_NEAR(busy(detailed, 42) * speed, busy(detailed, 44), 0.05 * busy(detailed, 44)) << speed;
    // The core counts its own cycles, and issues what it would at full speed.
    const core::Counters slow_core = detailed.node(0, 42).pipeline, other = detailed.node(0, 44).pipeline;
    EXPECT_EQ(slow_core.matrix_issues, other.matrix_issues);
    EXPECT_LE(static_cast<double>(slow_core.cycles), 1.02 * busy(detailed, 42) * speed + 200);
    for (const JobRun* job : {&table, &pipeline}) {
      EXPECT_NEAR(static_cast<double>(detailed.results.end_cycle), static_cast<double>(job->results.end_cycle),
                  0.06 * static_cast<double>(job->results.end_cycle))
          << speed;
    }
  }
}

TEST(Detailed, SlowNodesDoNotDependOnThreadsOrWindows) {
  RunRequest request = on_tile("[\"tile.die[1]\"]", "reference");
  request.set.push_back(
      R"(machine.slow_nodes=[{"path": "tile.die[1].node[3]", "core_speed": 0.37}, {"path": "tile.die[0].node[2]", "core_speed": 0.5}])");
  const machine::Results one = run(request).results;
  ASSERT_TRUE(one.finished);
  request.settings.threads = 2;
  request.settings.window_cycles = 50;
  EXPECT_EQ(run(request).results.digest, one.digest);
}

TEST(Detailed, RefusesACoreThatThePipelineDoesNotModel) {
  const auto refused = [](std::vector<std::string> set) {
    try {
      (void)run(on_die("[\"die\"]", std::move(set)));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(refused({"machine.node.matrix_rows=16"}), HasSubstr("machine.node.matrix_rows"));
}

}  // namespace
}  // namespace dojo::test
