// SPDX-License-Identifier: Apache-2.0
// Files and options of strangers, through the program: recorded streams overlap, what is recorded is said to be, and
// mistakes name what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

std::string event(const std::string& category, const std::string& name, int stream, double ts, double dur) {
  return R"({"ph":"X","cat":")" + category + R"(","name":")" + name + R"(","pid":0,"tid":)" + std::to_string(stream) +
         R"(,"ts":)" + std::to_string(ts) + R"(,"dur":)" + std::to_string(dur) + R"(,"args":{"device":0,"stream":)" +
         std::to_string(stream) + "}}";
}

std::string kineto(const std::string& events) {
  return R"({"schemaVersion":1,"deviceProperties":[{"id":0,"name":"Some GPU"}],"traceEvents":[)" + events + "]}";
}

Words run_words(const std::string& trace, const std::string& out, const Words& more = {}) {
  Words words{"run", "--machine", "configs/machines/tile.json", "--workload",
              trace, "--set",     "workload.rank_unit=die",     "--out",
              out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(RecordedStreams, OfDifferentStreamsPassSideBySide) {
  const TemporaryFolder folder;
  const std::string gemm = event("kernel", "gemm", 7, 1000, 100);
  const auto seconds = [&](const std::string& events) {
    const ProgramResult result = run_program(run_words(folder.write("k.json", kineto(events)), folder / "out"));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const json report = read_report(folder / "out");
    const json& b = report["breakdown"];
    const double classes = b["compute_s"].get<double>() + b["communication_s"].get<double>() +
                           b["overlapped_s"].get<double>() + b["memory_s"].get<double>() + b["idle_s"].get<double>();
    EXPECT_NEAR(classes, report["time"]["seconds"].get<double>(), 1e-9) << "each node-cycle counts once";
    return report["time"]["seconds"].get<double>();
  };
  EXPECT_NEAR(seconds(gemm + "," + event("kernel", "other", 20, 1000, 100)), 100e-6, 1e-6);
  EXPECT_NEAR(seconds(gemm + "," + event("kernel", "ncclDevKernel_AllReduce", 20, 1000, 100)), 100e-6, 1e-6);
  EXPECT_NEAR(seconds(gemm + "," + event("gpu_memcpy", "Memcpy HtoD", 21, 1000, 100)), 100e-6, 1e-6);
  EXPECT_NEAR(seconds(gemm + "," + event("kernel", "next", 7, 1100, 50)), 150e-6, 1e-6) << "one stream is a row";
  EXPECT_NEAR(seconds(gemm + "," + event("kernel", "later", 20, 1100, 60)), 160e-6, 1e-6)
      << "it began when the other ended";
}

TEST(RecordedStreams, AreSaidToBeAnotherMachinesTime) {
  const TemporaryFolder folder;
  const std::string trace = folder.write("k.json", kineto(event("kernel", "gemm", 7, 1000, 100)));
  const ProgramResult result = run_program(run_words(trace, folder / "out", {"--set", "workload.duration_scale=0.5"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = read_report(folder / "out");
  const json& recorded = report["fidelity"]["recorded"];
  EXPECT_EQ(recorded["operations"], 1);
  EXPECT_EQ(recorded["duration_scale"], 0.5);
  EXPECT_NEAR(recorded["share_of_time"].get<double>(), 1, 1e-9);
  EXPECT_NEAR(report["fidelity"]["timed_by_seconds"]["recorded"].get<double>(), 50e-6, 1e-6);
  const auto said = AllOf(HasSubstr("1 operations"), HasSubstr("another machine"), HasSubstr("multiplied by 0.5"));
  EXPECT_THAT(result.out, said);
  EXPECT_THAT(read_file(folder / "out/report.html"), said);
  EXPECT_THAT(read_file(folder / "out/report.txt"), AllOf(said, HasSubstr("recorded 100")));
  // A run without recorded times does not speak of them.
  const ProgramResult plain =
      run_program({"run", "--machine", "configs/machines/die.json", "--set", "workload.rank_unit=die", "--set",
                   "workload.generate.model=matmul", "--set", "workload.generate.m=64", "--set",
                   "workload.generate.n=64", "--set", "workload.generate.k=64", "--out", folder / "plain"});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, Not(HasSubstr("another machine")));
  EXPECT_THAT(read_report(folder / "plain")["fidelity"]["recorded"]["sentence"].get<std::string>(), IsEmpty());
}

TEST(Mistakes, AMetricThatNoReportHasNamesTheNearest) {
  const TemporaryFolder folder;
  folder.write(
      "base.json",
      R"({"machine":{"level":"die"},"workload":{"generate":{"model":"matmul","m":64,"n":64,"k":64},"rank_unit":"die"}})");
  const std::string sweep = folder.write(
      "sweep.json",
      R"({"base":"base.json","mode":"grid","axes":[{"path":"machine.noc.hop_cycles","values":[1]}],"metrics":["time.secnds"]})");
  const ProgramResult result = run_program({"sweep", sweep, "--out", folder / "s"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("sweep.json: /metrics: found 'time.secnds'"), HasSubstr("such as 'time.seconds'")));
}

TEST(Mistakes, OptionsAndLimitsAreNamed) {
  const TemporaryFolder folder;
  for (const char* mesh : {"0x8", "8x0", "-1x8", "70000x1"}) {
    const ProgramResult net = run_program({"net", "--mesh", mesh});
    EXPECT_EQ(net.exit_code, 2) << mesh;
    EXPECT_THAT(net.err, HasSubstr("--mesh is '" + std::string(mesh)));
  }
  const ProgramResult quiet = run_program({"net", "--mesh", "8x8", "--rate", "1e-9", "--packet-flits", "1"});
  EXPECT_THAT(quiet.out, AllOf(HasSubstr("no packet was measured"), Not(HasSubstr("+-"))));
  for (const char* bytes : {"1125899906842625", "9223372036854775807"}) {
    const ProgramResult made =
        run_program({"trace", "gen", "all_reduce", "--bytes", bytes, "--ranks", "4", "-o", folder / "x.json"});
    EXPECT_EQ(made.exit_code, 3);
    EXPECT_THAT(made.err, HasSubstr("expected 1 to 1125899906842624"));
  }
}

TEST(Mistakes, ADashIsStandardOutputForComparisons) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program({"run", "--machine", "configs/machines/die.json", "--set", "workload.rank_unit=die", "--set",
                         "workload.generate.model=matmul", "--set", "workload.generate.m=64", "--set",
                         "workload.generate.n=64", "--set", "workload.generate.k=64", "--out", folder / "a"})
                .exit_code,
            0);
  const std::string report = folder / "a/report.json";
  const ProgramResult junit = run_program({"compare", report, report, "--junit", "-"});
  EXPECT_EQ(junit.exit_code, 0) << junit.err;
  EXPECT_EQ(junit.out.rfind("<?xml", 0), 0u) << junit.out.substr(0, 80);
  EXPECT_EQ(run_program({"compare", report, report, "--junit", "-", "--markdown", "-"}).exit_code, 2);
}

}  // namespace
}  // namespace dojo::test
