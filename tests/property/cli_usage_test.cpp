// SPDX-License-Identifier: Apache-2.0
// What holds for any command line: exit codes, nearest names, help with an example, answers on stdout, errors on
// stderr.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/program.h"

namespace dojo::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Words = std::vector<std::string>;

void expect_usage_error(const Words& arguments, const std::string& words) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, StartsWith("dojosim: error: "));
  EXPECT_THAT(result.err, HasSubstr(words));
}

TEST(Usage, MistakesNameTheNearestKnownWord) {
  expect_usage_error({}, "a command is missing");
  expect_usage_error({"rnu"}, "did you mean 'run'?");
  expect_usage_error({"--versoin"}, "did you mean '--version'?");
  expect_usage_error({"run", "--thread", "2"}, "did you mean '--threads'?");
  expect_usage_error({"trace", "chek"}, "did you mean 'check'?");
  expect_usage_error({"trace", "gen", "resnet5"}, "did you mean 'resnet50'?");
  expect_usage_error({"list", "parms"}, "did you mean 'params'?");
}

TEST(Usage, MissingAndImpossibleArgumentsAreRefused) {
  expect_usage_error({"run"}, "nothing to run");
  expect_usage_error({"run", "a.json", "b.json"}, "too many words");
  expect_usage_error({"run", "a.json", "--threads", "two"}, "threads");
  expect_usage_error({"run", "a.json", "--links", "some"}, "expected: all");
  expect_usage_error({"run", "a.json", "--timeline"}, "without --out");
  expect_usage_error({"compare", "a.json"}, "NEW is missing");
  expect_usage_error({"sweep", "a.json"}, "--out DIR is missing");
  expect_usage_error({"sweep", "a.json", "--out", "o", "--backend", "slrm"}, "expected local, slurm or command");
  expect_usage_error({"topo", "check"}, "the machine file is missing");
  expect_usage_error({"validate", "publishd"}, "did you mean published?");
  expect_usage_error({"validate", "own_mesh"}, "it needs --data DIR with mesh_points.csv");
  expect_usage_error({"trace", "gen", "resnet50", "--batch", "0"}, "expected 1 or more");
  expect_usage_error({"trace"}, "a command is missing");
}

/// As "$FOLDER" without such a variable: nothing that was asked for is left out in silence.
TEST(Usage, EmptyWordsAreRefused) {
  expect_usage_error({"run", "a.json", "--out", ""}, "--out is empty");
  expect_usage_error({"run", "a.json", "--set", "run.seed=1", "--set="}, "--set");
  expect_usage_error({"run", "a.json", "--machine="}, "--machine");
  expect_usage_error({"sweep", "a.json", "--out="}, "--out");
  expect_usage_error({"compare", "a.json", "b.json", "--junit", ""}, "--junit is empty");
  expect_usage_error({"trace", "gen", "all_reduce", "-o", ""}, "is empty");
  expect_usage_error({"run", ""}, "is empty");
}

TEST(Usage, ARescaledTraceHasRanksAndSamples) {
  expect_usage_error({"trace", "rescale", "a.json", "b.json", "--to-ranks", "0"}, "expected 1 or more");
  expect_usage_error({"trace", "rescale", "a.json", "b.json", "--to-batch", "0"}, "expected 1 or more");
}

/// An ending of no format that is written would hold the own format in silence.
TEST(Usage, AWrittenTraceHasAKnownEnding) {
  for (const char* name : {"b.xyz", "b.json.zst", "b.csv", "b.onnx", "b.et.zst"}) {
    const std::string found = fmt::format("'{}'; expected a name that ends in .json or .json.gz", name);
    expect_usage_error({"trace", "convert", "a.json", name}, found);
    expect_usage_error({"trace", "rescale", "a.json", name, "--to-ranks", "2"}, found);
    expect_usage_error({"trace", "gen", "all_reduce", "-o", name}, found);
  }
}

TEST(Usage, LongOptionsAreNeverAbbreviated) {
  for (const char* option : {"--thr", "--mach", "--he", "--qui"})
    expect_usage_error({"run", option, "1"}, "unknown option");
}

TEST(Usage, EveryCommandExplainsItselfWithAnExample) {
  const std::vector<Words> commands{{},
                                    {"run"},
                                    {"net"},
                                    {"sweep"},
                                    {"compare"},
                                    {"trace"},
                                    {"trace", "info"},
                                    {"trace", "check"},
                                    {"trace", "convert"},
                                    {"trace", "gen"},
                                    {"topo"},
                                    {"topo", "check"},
                                    {"topo", "show"},
                                    {"report"},
                                    {"list"},
                                    {"list", "params"}};
  for (Words words : commands) {
    words.emplace_back("--help");
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, StartsWith("usage: dojosim"));
    EXPECT_THAT(result.out, HasSubstr("Example:\n  dojosim "));
    EXPECT_THAT(result.err, IsEmpty());
  }
}

TEST(Usage, AnswersGoToStdout) {
  for (const Words& words : std::vector<Words>{{"--version"},
                                               {"list", "params"},
                                               {"list", "counters"},
                                               {"list", "collectives"},
                                               {"list", "patterns"},
                                               {"list", "models"},
                                               {"list", "formats"}}) {
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_FALSE(result.out.empty()) << words.back();
    EXPECT_THAT(result.err, IsEmpty());
  }
}

TEST(ExitCodes, AFileThatIsMissingIsAnInputOutputError) {
  for (const Words& words : std::vector<Words>{{"run", "no_such.json"},
                                               {"topo", "check", "no_such.json"},
                                               {"trace", "check", "no_such.json"},
                                               {"compare", "no_such.json", "no_such.json"}}) {
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 5) << result.err;
    EXPECT_THAT(result.err, HasSubstr("no_such"));
    EXPECT_THAT(result.out, IsEmpty());
  }
}

TEST(ExitCodes, AResultFolderThatIsAFileIsRefusedBeforeTheRun) {
  const TemporaryFolder folder;
  const std::string file = folder.write("out", "");
  const ProgramResult result = run_program({"run", "configs/runs/resnet50_exapod.json", "--out", file});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_THAT(result.err, HasSubstr("is a file"));
  EXPECT_LT(result.wall_s, 10);
}

TEST(ExitCodes, AMachineThatCannotFitIsRefusedBeforeItIsBuilt) {
  const ProgramResult result =
      run_program({"run", "configs/runs/resnet50_exapod.json", "--set", "machine.exapod.tile_mesh.rows=4000"});
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_THAT(result.err, HasSubstr("of host memory"));
  EXPECT_LT(result.peak_rss_bytes, std::uint64_t{2} << 30);
}

/// 1,500 loads of 16 GiB, none of which waits for another, are 3 x 10^9 pieces that wait at two DIPs.
TEST(ExitCodes, LoadsForWhichThereIsNoMemoryToWaitInAreRefusedBeforeTheRun) {
  nlohmann::json operations = nlohmann::json::array();
  for (int i = 0; i < 1500; ++i)
    operations.push_back({{"id", i}, {"kind", "mem_load"}, {"bytes", std::int64_t{16} << 30}});
  const nlohmann::json trace = {
      {"format", "dojo.trace/1"}, {"ranks", {{{"graph", 0}, {"ranks", 1}}}}, {"graphs", {{{"ops", operations}}}}};
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"run", "--machine", "configs/machines/die.json", "--workload",
                                            folder.write("loads.json", trace.dump()), "--out", folder / "out"});
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_THAT(result.err, HasSubstr("of host memory"));
  EXPECT_LT(result.peak_rss_bytes, std::uint64_t{1} << 30);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

/// The last estimate, which has the lowered workload in it, and the peak with all outputs.
void expect_estimate_near_peak(Words words) {
  const TemporaryFolder folder;
  words.insert(words.end(), {"-v", "--out", folder / "out"});
  const ProgramResult result = run_program(words);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string before = "needs about ";
  const std::size_t at = result.err.rfind(before);
  ASSERT_NE(at, std::string::npos) << result.err;
  constexpr double kGiB = 1 << 30, kRounding = 0.005, kMost = 1.5;
  const double estimate = std::stod(result.err.substr(at + before.size()));
  const double peak = static_cast<double>(result.peak_rss_bytes) / kGiB;
  EXPECT_LT(estimate - kRounding, kMost * peak);
  EXPECT_GT(estimate + kRounding, peak / kMost);
}

TEST(HostMemory, IsEstimatedWithinAHalfOfThePeak) {
  expect_estimate_near_peak({"run", "configs/runs/resnet50_die.json"});
  expect_estimate_near_peak({"run", "configs/runs/resnet50_tile.json"});
  nlohmann::json operations = nlohmann::json::array();
  for (int i = 0; i < 30'000; ++i) {
    operations.push_back({{"id", i}, {"name", "layer" + std::to_string(i / 10)}, {"kind", "compute"}, {"flops", 1000}});
    if (i > 0) operations.back()["deps"] = {i - 1};
  }
  const nlohmann::json trace = {
      {"format", "dojo.trace/1"}, {"ranks", {{{"graph", 0}, {"ranks", 1}}}}, {"graphs", {{{"ops", operations}}}}};
  const TemporaryFolder folder;
  expect_estimate_near_peak({"run", "--machine", "configs/machines/die.json", "--workload",
                             folder.write("long.json", trace.dump()), "--set", "workload.rank_unit=die"});
  const std::string reduction = folder / "reduction.json";
  ASSERT_EQ(
      run_program({"trace", "gen", "all_reduce", "--bytes", "67108864", "--ranks", "25", "-o", reduction}).exit_code,
      0);
  expect_estimate_near_peak(
      {"run", "--machine", "configs/machines/tile.json", "--workload", reduction, "--set", "workload.rank_unit=die"});
}

}  // namespace
}  // namespace dojo::test
