// SPDX-License-Identifier: Apache-2.0
// sweep: points run, fail, are kept, and are shared out; results follow from what lies in the folder.
#include <sqlite3.h>
#include <sys/stat.h>

#include <csignal>

#include "sweep_fixture.h"

namespace dojo::report {
namespace {

TEST_F(Sweep, GridRunsEveryPointTheLastAxisFastest) {
  EXPECT_EQ(run(R"({"base": "run.json", "axes": [{"path": "run.seed", "values": [1, 2]},
    {"path": "workload.generate.batch", "values": [4, 8, 16]}], "metrics": ["time.seconds", "latency.ops[b16].seconds"], "pareto": {"min": ["time.seconds"]}})"),
            0u);
  EXPECT_EQ(runs(), 6u);
  const auto points = lines("out/points.csv"), results = lines("out/results.csv");
  ASSERT_EQ(points.size(), 7u);
  EXPECT_EQ(points[0], "index,hash,folder,run.seed,workload.generate.batch");
  EXPECT_THAT(points[2], HasSubstr(",1,8"));
  ASSERT_EQ(results.size(), 7u);
  EXPECT_EQ(results[0],
            "index,hash,status,reason,run.seed,workload.generate.batch,time.seconds,latency.ops[b16].seconds,pareto");
  EXPECT_THAT(results[1], HasSubstr(",done,,1,4,4,,1"));
  EXPECT_THAT(results[2], HasSubstr(",done,,1,8,8,,0"));
  EXPECT_THAT(results[3], HasSubstr(",done,,1,16,16,1,0"));
  EXPECT_TRUE(fs::exists(folder_ / "out/report.html"));
  EXPECT_THAT(Json::parse(folder_.read("out/sweep.json"))["axes"].dump(),
              R"([{"path":"run.seed","base":1},{"path":"workload.generate.batch","base":8}])");
}

TEST_F(Sweep, AMetricThatNoReportHasIsAnErrorAfterTheResultsAreWritten) {
  EXPECT_THAT(error_lines(batches("[4, 8]", R"(, "metrics": ["latency.ops[b3].seconds"])")),
              Contains(AllOf(HasSubstr("found 'latency.ops[b3].seconds'"), HasSubstr("latency.ops[b"))));
  EXPECT_EQ(lines("out/results.csv").size(), 3u);
}

TEST_F(Sweep, MetricsAreWorkedOutOfReportsConfigurationsAndEachOther) {
  EXPECT_EQ(run(R"x({"base": "run.json", "axes": [{"path": "workload.generate.batch", "values": [4, 16]},
    {"path": "machine.noc.hop_cycles", "values": [1, 2]}],
    "metrics": ["time.seconds", {"name": "cost", "is": "max(1, 10 / machine.noc.hop_cycles) + log2(time.seconds)"},
                {"name": "twice", "is": "2 * cost"}, {"name": "none", "is": "latency.ops[b16].seconds / (1 - 1)"}],
    "pareto": {"min": ["time.seconds", "cost"], "max": ["machine.noc.hop_cycles"]}})x"),
            0u);
  const auto results = lines("out/results.csv");
  EXPECT_THAT(results[0], HasSubstr("time.seconds,cost,twice,none,pareto"));
  EXPECT_THAT(results[1], HasSubstr(",done,,4,1,4,12.0,24.0,,0")) << "another costs less";
  EXPECT_THAT(results[2], HasSubstr(",done,,4,2,4,7.0,14.0,,1"));
  EXPECT_THAT(results[4], HasSubstr(",done,,16,2,16,9.0,18.0,,0"));
}

TEST_F(Sweep, TheDatabaseSaysWhatTheTableSays) {
  EXPECT_EQ(run(batches("[4, 13]", R"(, "metrics": ["time.seconds", {"name": "Time.Seconds", "is": "1"}])")), 1u);
  EXPECT_EQ(query("SELECT status, \"workload.generate.batch\", \"time.seconds\", pareto FROM results"),
            "done,4,4,null,failed,13,null,null,");
  EXPECT_EQ(
      query("SELECT operations.name FROM operations JOIN results ON point = \"index\" WHERE \"time.seconds\" = 4"),
      "b4,");
}

TEST_F(Sweep, KeepsAFailedPointAsARowWithItsReason) {
  EXPECT_EQ(run(batches("[4, 13, 8]")), 1u);
  const auto results = lines("out/results.csv");
  EXPECT_THAT(results[2], HasSubstr(",failed,\"exit 3: trace.json: rank 3, 'send': no receiver\",13,"));
  EXPECT_THAT(results[3], HasSubstr(",done,,8,8"));
}

TEST_F(Sweep, ResumeRunsOnlyWhatIsMissingFailedOrCutOff) {
  EXPECT_EQ(run(batches("[4, 8, 16]")), 0u);
  ASSERT_EQ(runs(), 3u);
  request_.resume = true;
  EXPECT_EQ(run(batches("[4, 8, 16]")), 0u);
  EXPECT_EQ(runs(), 3u) << "nothing was due";
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points")) {
    if (entry.path().filename().string()[0] == '1') std::ofstream(entry.path() / "report.json") << "{\"schema\": ";
  }
  EXPECT_EQ(run(batches("[4, 8, 16]")), 0u);
  EXPECT_EQ(runs(), 4u) << "the report that was cut off is made again";
  EXPECT_EQ(run(batches("[4, 9, 16]")), 0u);
  EXPECT_EQ(runs(), 5u) << "another value is another point";
}

TEST_F(Sweep, ResumeKeepsNothingThatAnotherProgramMadeOrThatWasEdited) {
  folder_.write("trace.json", "one");
  runner_.inputs = R"(, "inputs": {")" + (folder_ / "trace.json") + R"(": ")" + config::sha256_text("one") + "\"}";
  EXPECT_EQ(run(batches("[4, 8]")), 0u);
  request_.resume = true;
  EXPECT_EQ(run(batches("[4, 8]")), 0u);
  ASSERT_EQ(runs(), 2u) << "nothing was due";
  folder_.write("trace.json", "another");
  EXPECT_EQ(run(batches("[4, 8]")), 0u);
  EXPECT_EQ(runs(), 4u) << "an input has another content";
  folder_.write("trace.json", "one");
  EXPECT_EQ(run(batches("[4, 8]")), 0u);
  ASSERT_EQ(runs(), 4u);
  folder_.write("program", "a later version");
  EXPECT_EQ(run(batches("[4, 8]")), 0u);
  EXPECT_EQ(runs(), 6u) << "another program";
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points")) {
    const std::string report = entry.path().string() + "/report.json";
    if (entry.path().filename().string()[0] == '1' && fs::exists(report)) std::ofstream(report, std::ios::app) << " ";
  }
  EXPECT_EQ(run(batches("[4, 8]")), 0u);
  EXPECT_EQ(runs(), 7u) << "the report of one point was edited";
}

TEST_F(Sweep, ASignalThatCameBeforeThePoolStartsNothing) {
  request_.interrupted = [] { return true; };
  EXPECT_THAT(error_lines(batches("[1, 2]"), ExitCode::kInterrupted), Contains(HasSubstr("interrupted")));
  EXPECT_EQ(runs(), 0u);
}

TEST_F(Sweep, WhatIsInTheWayOfAResultIsNotRemoved) {
  EXPECT_EQ(run(batches("[4]")), 0u);
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points")) {
    if (!entry.is_directory()) continue;
    fs::remove(entry.path() / "report.json");
    fs::create_symlink(folder_ / "run.json", entry.path() / "report.json");
  }
  EXPECT_THAT(error_lines(batches("[4]"), ExitCode::kIo), Contains(HasSubstr("found a link")));
}

TEST_F(Sweep, ResumeRemovesTheLogOfAFinishedPointOrSaysWhyNot) {
  EXPECT_EQ(run(batches("[4]")), 0u);
  std::string log;
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points"))
    if (entry.is_directory()) log = entry.path().string() + ".log";
  EXPECT_FALSE(fs::exists(log));
  std::ofstream(log) << "of a sweep that was killed";
  request_.resume = true;
  EXPECT_EQ(run(batches("[4]")), 0u);
  EXPECT_FALSE(fs::exists(log));
  EXPECT_EQ(runs(), 1u) << "the point is kept";
  fs::remove(folder_ / "out/results.csv");
  fs::create_directory(log);
  EXPECT_THAT(error_lines(batches("[4]"), ExitCode::kIo), Contains(HasSubstr(log + ": found a link, a folder")));
  EXPECT_EQ(lines("out/results.csv").size(), 2u) << "the results are complete all the same";
}

TEST_F(Sweep, APipeInThePlaceOfAResultIsRefusedAtOnce) {
  EXPECT_EQ(run(batches("[4]")), 0u);
  request_.resume = true;
  for (const char* name : {"/report.json", ".made", ".failed"}) {
    std::string point;
    for (const auto& entry : fs::directory_iterator(folder_ / "out/points"))
      if (entry.is_directory()) point = entry.path().string();
    const std::string file = point + name;
    fs::remove(file);
    if (std::string(name) == ".failed") fs::remove(point + "/report.json");
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_THAT(error_lines(batches("[4]"), ExitCode::kIo),
                Contains(AllOf(HasSubstr(name), HasSubstr("expected a file of an earlier sweep"))))
        << name;
    fs::remove(file);
    EXPECT_EQ(run(batches("[4]")), 0u);
  }
}

/// As under a supervisor that does not want to wait for its children: they would be gone before they could be asked.
TEST_F(Sweep, PointsEndWhereTheSignalOfTheirEndIsIgnored) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(run(batches("[4, 8, 13]")), 1u);
  EXPECT_EQ(std::signal(SIGCHLD, before), SIG_IGN) << "it is put back";
  EXPECT_THAT(lines("out/results.csv")[3], HasSubstr(",failed,\"exit 3: "));
}

/// Wherever its memory ends: no row lacks a value in silence.
TEST(SweepDatabase, IsWholeOrAnErrorWhereSqliteHasNoMemory) {
  constexpr std::size_t kText = 50'000;
  SweepFile sweep;
  sweep.axes.resize(1);
  sweep.axes[0].path = "run.seed";
  Plan plan;
  SweepTable table;
  for (std::size_t i = 0; i < 4; ++i) {
    plan.points.push_back({i, {Json(i)}, "hash", "folder"});
    table.rows.push_back({{"failed", std::string(kText, static_cast<char>('a' + i)), {Json(1.5)}}, 0, {}, false});
  }
  const std::string whole = sweep_database(sweep, plan, table, "");
  EXPECT_GT(whole.size(), 4 * kText);
  int refused = 0;
  for (sqlite3_int64 limit = 50'000;; limit += 10'000) {
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + limit);
    std::string made;
    try {
      made = sweep_database(sweep, plan, table, "");
    } catch (const std::bad_alloc&) {
      ++refused;
    }
    sqlite3_hard_heap_limit64(0);
    if (made.empty()) continue;
    ASSERT_EQ(made, whole) << limit;
    if (limit > static_cast<sqlite3_int64>(4 * whole.size())) break;
  }
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace dojo::report
