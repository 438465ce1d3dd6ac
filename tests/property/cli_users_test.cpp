// SPDX-License-Identifier: Apache-2.0
// The plain jobs of the three users, through the program: a researcher's trace, an architect's sweep, CI's comparison.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.h"
#include "support/samples.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Words = std::vector<std::string>;

constexpr const char* kTile = "configs/machines/tile.json";
constexpr const char* kDie = "configs/machines/die.json";

json run_good(Words words, const std::string& out) {
  words.insert(words.begin(), "run");
  words.insert(words.end(), {"--out", out});
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.exit_code == 0 ? read_report(out) : json{};
}

int exit_code(const Words& words) {
  return run_program(words).exit_code;
}

/// Everything but the digest, which knows the bytes of the input files.
bool same_but_digest(const TemporaryFolder& folder, const std::string& a, const std::string& b) {
  const std::string rules = folder.write("rules.json", R"({"rules": [{"path": "digest", "ignore": true}]})");
  return exit_code({"compare", a + "/report.json", b + "/report.json", "--rules", rules}) == 0;
}

TEST(Optimiser, GetsTheReportOnStandardOutput) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program({"run", "configs/runs/matmul_die.json", "--json", "--quiet", "--out", folder / "out"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, read_file(folder / "out/report.json"));
}

TEST(Researcher, AGeneratedTraceRunsAsItIsAndConverted) {
  const TemporaryFolder folder;
  const std::string plain = folder / "net.json", packed = folder / "net.json.gz";
  ASSERT_EQ(exit_code({"trace", "gen", "resnet50", "--batch", "2", "-o", plain}), 0);
  EXPECT_EQ(exit_code({"trace", "check", plain}), 0);
  ASSERT_EQ(exit_code({"trace", "convert", plain, packed}), 0);
  EXPECT_THAT(run_program({"trace", "info", packed}).out, HasSubstr("conv_weight_grad"));
  const Words place{"--machine", kDie, "--set", "workload.rank_unit=die"};
  Words first = place, second = place;
  first.insert(first.end(), {"--workload", plain});
  second.insert(second.end(), {"--workload", packed, "--threads", "1"});
  const json report = run_good(first, folder / "a");
  EXPECT_EQ(report["workload"]["batch_per_rank"], 2);
  run_good(second, folder / "b");
  EXPECT_TRUE(same_but_digest(folder, folder / "a", folder / "b"));
}

TEST(Researcher, ARealAllReduceRunsOnAnyRankUnitAndPlacement) {
  DOJO_NEEDS_SAMPLE(trace, "chakra-et/all_reduce_8npus_1MB/all_reduce");
  const TemporaryFolder folder;
  const auto run = [&](const char* machine, const std::string& unit, const std::string& name) {
    return run_good({"--machine", machine, "--workload", trace, "--set", "workload.rank_unit=" + unit}, folder / name);
  };
  for (const json& report : {run(kTile, "die", "die"), run(kDie, "node", "node"),
                             run("configs/machines/tray.json", R"({"unit": "die", "rows": 2, "columns": 3})", "six")}) {
    EXPECT_EQ(report["workload"]["ranks"], 8);
    ASSERT_EQ(report["latency"]["collectives"].size(), 1u);
    EXPECT_EQ(report["latency"]["collectives"][0]["ranks"], 8);
    EXPECT_EQ(report["latency"]["collectives"][0]["bytes"], 1 << 20);
  }
  EXPECT_EQ(read_report(folder / "node")["flops"]["nodes_used"], 8);
  EXPECT_EQ(read_report(folder / "die")["flops"]["nodes_used"], 8 * 354);
  EXPECT_EQ(read_report(folder / "six")["flops"]["nodes_used"], 8 * 6 * 354);

  json placement;  // far apart takes longer
  for (const auto& [rank, die] :
       std::vector<std::pair<int, int>>{{0, 0}, {1, 4}, {2, 24}, {3, 20}, {4, 2}, {5, 22}, {6, 10}, {7, 14}})
    placement[std::to_string(rank)] = "tile.die[" + std::to_string(die) + "]";
  const json workload = {{"trace", trace}, {"rank_unit", "die"}, {"placement", placement}};
  const json far =
      run_good({"--machine", kTile, "--workload", folder.write("far.json", workload.dump())}, folder / "far");
  EXPECT_GT(far["time"]["cycles"], read_report(folder / "die")["time"]["cycles"]);
}

TEST(Researcher, ExplicitMessagesAndReplicatedRanksRunToTheirEnd) {
  DOJO_NEEDS_SAMPLE(samples, "chakra-et");
  const TemporaryFolder folder;
  const Words on_tile{"--machine", kTile, "--set", "workload.rank_unit=die", "--workload"};
  Words ring = on_tile, feeder = on_tile;
  ring.push_back(samples + "/custom_ring_allreduce_8npus/custom_allreduce");
  EXPECT_EQ(run_good(ring, folder / "ring")["workload"]["ranks"], 8);
  feeder.insert(feeder.end(),
                {samples + "/feeder_test/chakra", "--set", "workload.replicate=true", "--set", "workload.ranks=4"});
  const json report = run_good(feeder, folder / "feeder");
  EXPECT_EQ(report["workload"]["ranks"], 4);
  EXPECT_THAT(report["fidelity"]["approximations"].dump(), HasSubstr("2434 nodes ran on the host CPU"));
}

TEST(Researcher, ATransformerWithGroupsAndPipelineRunsOnATray) {
  DOJO_NEEDS_SAMPLE(trace, "chakra-et/dense_dp2tp2pp2/dense_dp2tp2pp2");
  const TemporaryFolder folder;
  const json report =
      run_good({"--machine", "configs/machines/tray.json", "--workload", trace, "--set", "workload.rank_unit=die"},
               folder / "out");
  EXPECT_EQ(report["workload"]["ranks"], 8);
  EXPECT_EQ(report["workload"]["steps_finished"], 1);
  EXPECT_FALSE(report["partial"].get<bool>());
}

TEST(Architect, ASweepFindsThatHalfTheEdgeRateIsSlowerAndIsResumed) {
  const TemporaryFolder folder;
  const json base = {{"machine", std::string(DOJO_SOURCE_DIR) + "/" + kTile},
                     {"workload",
                      {{"generate", {{"model", "all_reduce"}, {"bytes", 8 << 20}}},
                       {"rank_unit", "die"},
                       {"collective_algorithm", "ring"}}}};
  folder.write("base.json", base.dump());
  const std::string sweep = folder.write("sweep.json", R"({"base": "base.json", "mode": "grid", "axes": [
    {"path": "machine.die.edge_bytes_per_s", "values": [1.008e12, 2.016e12]}], "metrics": ["time.cycles"]})");
  const std::string out = folder / "out";
  const ProgramResult plan = run_program({"sweep", sweep, "--out", out, "--dry-run"});
  EXPECT_EQ(plan.exit_code, 0);
  EXPECT_THAT(plan.out, HasSubstr("2 points"));
  EXPECT_FALSE(std::filesystem::exists(out));
  ASSERT_EQ(exit_code({"sweep", sweep, "--out", out, "--shard", "1/2"}), 0);
  EXPECT_THAT(read_file(out + "/results.csv"), HasSubstr("pending"));
  ASSERT_EQ(exit_code({"sweep", sweep, "--out", out, "--resume"}), 0);
  EXPECT_THAT(run_program({"sweep", sweep, "--out", out, "--resume"}).err, HasSubstr("0 of 2 points to run"));
  std::vector<std::int64_t> cycles;
  for (const auto& point : std::filesystem::directory_iterator(out + "/points")) {
    if (!point.is_directory()) continue;  // what --resume knows of the point
    const json resolved = json::parse(read_file(point.path() / "config.resolved.json"));
    const std::int64_t time = read_report(point.path())["time"]["cycles"];
    const bool half = resolved["machine"]["die"]["edge_bytes_per_s"].get<double>() < 2e12;
    cycles.insert(half ? cycles.begin() : cycles.end(), time);
  }
  ASSERT_EQ(cycles.size(), 2u);
  EXPECT_GT(cycles[0], cycles[1]);
}

TEST(ContinuousIntegration, EqualIsZeroChangedIsOneAndARuleExcuses) {
  const TemporaryFolder folder;
  const Words base{"configs/runs/matmul_die.json"};
  run_good(base, folder / "a");
  run_good({"configs/runs/matmul_die.json", "--threads", "1"}, folder / "b");
  run_good({"configs/runs/matmul_die.json", "--set", "machine.noc.hop_cycles=2"}, folder / "c");
  const auto compare = [&](const std::string& other, const Words& more) {
    Words words{"compare", folder / "a/report.json", other};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words);
  };
  EXPECT_EQ(compare(folder / "b/report.json", {}).exit_code, 0);
  const ProgramResult changed =
      compare(folder / "c/report.json", {"--junit", folder / "c.xml", "--markdown", folder / "c.md"});
  EXPECT_EQ(changed.exit_code, 1);
  EXPECT_THAT(changed.out, HasSubstr("digest"));
  EXPECT_THAT(read_file(folder / "c.xml"), HasSubstr("<failure"));
  EXPECT_THAT(read_file(folder / "c.md"), HasSubstr("| changed |"));
  const std::string rules =
      folder.write("rules.json", R"({"rules": [{"path": "*", "tolerance": 100}, {"path": "digest", "ignore": true}]})");
  EXPECT_EQ(compare(folder / "c/report.json", {"--rules", rules}).exit_code, 0);
  EXPECT_EQ(compare(folder / "c/report.json", {"--junit", folder / "no/c.xml"}).exit_code, 5);
}

/// The gate needs no tolerance for noise: twenty runs with other numbers of threads, each against the first.
TEST(ContinuousIntegration, TwentyRunsAreEqual) {
  const TemporaryFolder folder;
  Words words{"compare"};
  for (int i = 0; i < 20; ++i) {
    words.push_back(folder / std::to_string(i));
    run_good({"configs/runs/matmul_die.json", "--set", "workload.generate.m=512", "--set", "workload.generate.n=512",
              "--set", "workload.generate.k=512", "--audit", "0", "--threads", std::to_string(1 + i % 3)},
             words.back());
  }
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n19 runs compared, 0 failed\n"));
}

/// What a reviewer reads first: how far the step moved, and the key that somebody changed.
TEST(ContinuousIntegration, TheFirstLinesSayWhatTheStepDidAndWhatWasChanged) {
  const TemporaryFolder folder;
  const Words small{"configs/runs/resnet50_die.json", "--set", "workload.generate.batch=2", "--audit", "0"};
  Words slower = small;
  slower.insert(slower.end(), {"--set", "machine.noc.hop_cycles=2"});
  const json base = run_good(small, folder / "base"), slow = run_good(slower, folder / "slow");
  const ProgramResult result =
      run_program({"compare", folder / "base", folder / "slow", "--markdown", folder / "slow.md"});
  EXPECT_EQ(result.exit_code, 1);
  const auto first_lines = [](const std::string& text, int number) {
    std::size_t end = 0;
    while (number-- > 0 && end != std::string::npos) end = text.find('\n', end + 1);
    return text.substr(0, end);
  };
  const auto ms = [](const json& report) {
    return fmt::format("{:.6f} ms", report["latency"]["step_s"].get<double>() * 1e3);
  };
  EXPECT_NE(ms(base), ms(slow));
  const std::string text = first_lines(result.out, 4), markdown = first_lines(read_file(folder / "slow.md"), 6);
  for (const std::string& first : {text, markdown}) {
    EXPECT_THAT(first, HasSubstr("step"));
    EXPECT_THAT(first, HasSubstr(ms(base) + " -> " + ms(slow)));
  }
  EXPECT_THAT(text, HasSubstr("machine.noc.hop_cycles 1 -> 2"));
  EXPECT_THAT(markdown, HasSubstr("machine.noc.hop\\_cycles 1 -&#62; 2"));
}

}  // namespace
}  // namespace dojo::test
