// SPDX-License-Identifier: Apache-2.0
// sweep: bad files, plans, resume, failures, shards; points are run by a small script in the program's place.
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <sstream>

#include "dojo/base/error.h"
#include "report/sweep_parts.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// Writes a report whose time is its batch, counts its runs, and fails for batch 13.
constexpr const char* kScript = R"(#!/bin/sh
here=$(dirname "$0"); out=; batch=
while [ $# -gt 0 ]; do
  case "$1" in --out) out=$2;; --set) case "$2" in workload.generate.batch=*) batch=${2#*=};; esac;; esac
  shift
done
echo "$out" >> "$here/runs"
if [ "$batch" = 13 ]; then echo "trace.json: rank 3, 'send': no receiver" >&2; exit 3; fi
mkdir -p "$out"
echo "{\"schema\": \"dojosim.report/1\", \"partial\": false, \"latency\": {\"ops\": [{\"name\": \"b$batch\", \"seconds\": 1}]}, \"time\": {\"seconds\": $batch}}" > "$out/report.json"
)";

class Sweep : public ::testing::Test {
 protected:
  Sweep() {
    request_.program = folder_.write("program", kScript);
    fs::permissions(request_.program, fs::perms::owner_all);
    folder_.write(
        "run.json",
        R"({"machine": {"level": "die"}, "workload": {"generate": {"model": "resnet50", "batch": 8}}, "run": {}})");
    request_.directory = folder_ / "out";
    request_.quiet = true;
    request_.jobs = 2;
  }
  int run(const std::string& text) {
    request_.file = folder_.write("sweep.json", text);
    return sweep(request_);
  }
  std::vector<std::string> error_lines(const std::string& text, ExitCode code = ExitCode::kInvalidInput) {
    try {
      run(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.lines();
    }
    ADD_FAILURE() << "no error for " << text;
    return {};
  }
  std::size_t runs() const {
    const std::string text = folder_.read("runs");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  std::vector<std::string> lines(const std::string& file) const {
    std::istringstream text(folder_.read(file));
    std::vector<std::string> out;
    for (std::string line; std::getline(text, line);) out.push_back(line);
    return out;
  }
  static std::string batches(const std::string& values, const std::string& rest = "") {
    return R"({"base": "run.json", "axes": [{"path": "workload.generate.batch", "values": )" + values + "}]" + rest +
           "}";
  }

  Folder folder_;
  SweepRequest request_;
};

TEST_F(Sweep, ReportsEveryMistakeOfTheFileWithItsPath) {
  const auto lines =
      error_lines(R"({"bse": "x", "mode": "gird", "axes": [{"path": "a", "values": []}, {"values": [[1]]}, 3,
    {"path": "a", "values": [1]}], "metrics": "time", "pareto": {"low": [], "max": ["none"]}, "samples": 3})");
  for (const char* words :
       {"/bse: found an unknown key", "/base: found nothing", "/mode: found \"gird\"", "/axes/0/values", "/axes/1/path",
        "/axes/1/values/0", "/axes/2: found 3", "/axes/3/path: found a a second time", "/metrics", "/pareto/low",
        "/pareto: found 'none'", "/samples: only mode random"}) {
    EXPECT_THAT(lines, Contains(HasSubstr(words)));
  }
}

TEST_F(Sweep, NamesAMissingFileAndAMissingBase) {
  request_.file = folder_ / "nowhere.json";
  EXPECT_THROW(sweep(request_), Error);
  EXPECT_THAT(error_lines(R"({"base": "gone.json", "axes": [{"path": "workload.generate.batch", "values": [1]}]})",
                          ExitCode::kIo),
              Contains(HasSubstr("gone.json")));
}

TEST_F(Sweep, RefusesAPathThatNoConfigHas) {
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"path": "machine.wrong.key", "values": [1]}]})"),
              Contains(HasSubstr("machine.wrong.key")));
  EXPECT_FALSE(fs::exists(request_.directory)) << "nothing is written before the plan is good";
}

TEST_F(Sweep, RefusesConstraintsThatCannotBeRead) {
  for (const char* constraint :
       {"machine.node <= 3", "machine.nothing.here < 3", "1 +", "1 < 2 < 3", "(1 < 2", "5 / 0 < 1", "1 = 1", ""}) {
    EXPECT_THROW((void)constraint_holds(constraint, Json::parse(R"({"machine": {"node": {"a": 1}}})"), "f"), Error)
        << constraint;
  }
  EXPECT_THAT(error_lines(batches("[1]", R"(, "constraints": ["workload.generate.batch > 5"])")),
              Contains(HasSubstr("no point")));
}

TEST_F(Sweep, EvaluatesConstraintsAsArithmetic) {
  const Json config = Json::parse(R"({"a": {"b": 4, "c": 2.5}})");
  EXPECT_TRUE(constraint_holds("a.b * a.c <= 10", config, "f"));
  EXPECT_FALSE(constraint_holds("a.b * a.c < 10", config, "f"));
  EXPECT_TRUE(constraint_holds("-(1 - 3) * 2 == a.b", config, "f"));
  EXPECT_TRUE(constraint_holds("1 + 2 * 3 - 8 / 4 == 5", config, "f"));
  EXPECT_TRUE(constraint_holds("1e3 != 1001", config, "f"));
}

TEST_F(Sweep, RefusesABackendThatIsNone) {
  request_.backend = "pbs";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kUsage), Contains(HasSubstr("expected local, slurm or command")));
  request_.backend = "local";
  request_.shard = "3/2";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kUsage), Contains(HasSubstr("--shard: found '3/2'")));
}

TEST_F(Sweep, RangesPowersAndFactorsMakeTheirValues) {
  const auto values = [](const char* kind, const char* range) {
    std::vector<Json> out;
    EXPECT_EQ(range_values(kind, Json::parse(range), out), "") << range;
    return Json(out).dump();
  };
  EXPECT_EQ(values("range", R"({"from": 1, "to": 8, "step": 3})"), "[1,4,7]");
  EXPECT_EQ(values("range", R"({"from": 0, "to": 1, "count": 5})"), "[0.0,0.25,0.5,0.75,1.0]");
  EXPECT_EQ(values("range", R"({"from": 0.1, "to": 0.4, "step": 0.1})").substr(0, 9), "[0.1,0.2,");
  EXPECT_EQ(values("range", R"({"from": 2, "to": 6, "count": 3})"), "[2,4,6]");
  EXPECT_EQ(values("log2", R"({"from": 16, "to": 128})"), "[16,32,64,128]");
  EXPECT_EQ(values("log2", R"({"from": 5e11, "to": 1e12})"), "[500000000000.0,1000000000000.0]");
  for (const char* bad : {R"({"from": 1})", R"({"from": 2, "to": 1, "step": 1})", R"({"from": 1, "to": 2, "step": 0})",
                          R"({"from": 1, "to": 2, "step": 1, "count": 2})", R"({"from": 1, "to": 2, "count": 1})",
                          R"({"from": 0, "to": 1, "step": 1e-9})", R"({"from": "1", "to": 2, "step": 1})", "[1, 2]"}) {
    std::vector<Json> out;
    EXPECT_NE(range_values("range", Json::parse(bad), out), "") << bad;
  }
}

TEST_F(Sweep, OneAtATimeIsTheBaseAndEachValueByItself) {
  const std::string text = R"({"base": "run.json", "mode": "one_at_a_time", "axes": [
    {"path": "machine.clock_hz", "factors": [0.5, 1, 2]}, {"path": "machine.noc.hop_cycles", "values": [2]}]})";
  const auto points = make_plan(read_sweep(folder_.write("sweep.json", text))).points;
  ASSERT_EQ(points.size(), 4u) << "the factor 1 is the base, which is there once";
  EXPECT_EQ(points[0].values[1], 1);
  EXPECT_EQ(points[1].values[0].get<double>() * 4, points[2].values[0].get<double>());
  EXPECT_EQ(points[2].values[1], 1);
  EXPECT_EQ(points[3].values[0], points[0].values[0]);
  EXPECT_EQ(points[3].values[1], 2);
}

TEST_F(Sweep, RefusesFactorsOfWhatIsNoNumberOrBecomesAFraction) {
  const auto lines = error_lines(R"({"base": "run.json", "axes": [{"path": "machine.name", "factors": [2]},
    {"path": "machine.noc.hop_cycles", "factors": [0.5]}]})");
  EXPECT_THAT(lines, Contains(HasSubstr("/axes/0/factors: found \"")));
  EXPECT_THAT(lines, Contains(HasSubstr("/axes/1/factors: found 1 x 0.5")));
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"path": "run.seed", "values": [1], "log2": {}}]})"),
              Contains(HasSubstr("expected one of values, range, log2 and factors")));
}

TEST_F(Sweep, EveryPointIsCheckedBeforeTheFirstRuns) {
  EXPECT_THAT(error_lines(batches("[4, 8, 0]")), Contains(HasSubstr("point 2 (workload.generate.batch=0)")));
  EXPECT_FALSE(fs::exists(request_.directory));
}

TEST_F(Sweep, DryRunWritesNothing) {
  request_.dry_run = true;
  EXPECT_EQ(run(batches("[1, 2]")), 0);
  EXPECT_FALSE(fs::exists(request_.directory));
  EXPECT_EQ(runs(), 0u);
}

TEST_F(Sweep, GridRunsEveryPointTheLastAxisFastest) {
  EXPECT_EQ(run(R"({"base": "run.json", "axes": [{"path": "run.seed", "values": [1, 2]},
    {"path": "workload.generate.batch", "values": [4, 8, 16]}], "metrics": ["time.seconds", "latency.ops[b16].seconds"], "pareto": {"min": ["time.seconds"]}})"),
            0);
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

TEST_F(Sweep, AMetricThatNoReportCanHaveIsFoundBeforeTheFirstPoint) {
  EXPECT_THAT(error_lines(batches("[4, 8]", R"(, "metrics": ["time.secnds"])")),
              Contains(AllOf(HasSubstr("found 'time.secnds'"), HasSubstr("such as 'time.seconds'"))));
  EXPECT_FALSE(fs::exists(request_.directory));
  for (const char* good : {"links.classes.noc.utilisation_max", "configuration.values.machine.clock_hz",
                           "latency.ops[any].seconds", "memory.sram_peak_bytes_max", "flops.utilisation"}) {
    const std::string text = batches("[4]", fmt::format(R"(, "metrics": ["{}"])", good));
    EXPECT_EQ(make_plan(read_sweep(folder_.write("sweep.json", text))).points.size(), 1u) << good;
  }
}

TEST_F(Sweep, AMetricThatNoReportHasIsAnErrorAfterTheResultsAreWritten) {
  EXPECT_THAT(error_lines(batches("[4, 8]", R"(, "metrics": ["latency.ops[b3].seconds"])")),
              Contains(AllOf(HasSubstr("found 'latency.ops[b3].seconds'"), HasSubstr("latency.ops[b"))));
  EXPECT_EQ(lines("out/results.csv").size(), 3u);
}

TEST_F(Sweep, ExpressionsThatCannotBeReadNameTheirColumn) {
  const auto metric = [](const std::string& is) {
    return batches("[4]", R"(, "metrics": ["time.seconds", {"name": "cost", "is": ")" + is + "\"}]");
  };
  const std::pair<const char*, const char*> bad[] = {{"time.seconds *", "at column 15, expected a number or a path"},
                                                     {"time.secnds", "such as 'time.seconds'"},
                                                     {"tan(1)", "expected min(..)"},
                                                     {"pow(2)", "expected min(..)"},
                                                     {"min(1", "a closing bracket"},
                                                     {"machine.node", "a number of the run config"},
                                                     {"1 < 2", "expected the end of the expression"},
                                                     {"cost + 1", "a metric above this one"}};
  for (const auto& [is, words] : bad) EXPECT_THAT(error_lines(metric(is)), Contains(HasSubstr(words))) << is;
  EXPECT_THAT(error_lines(batches("[4]", R"(, "metrics": [{"name": "x"}, 3, "time.seconds", "time.seconds"])")),
              AllOf(Contains(HasSubstr("/metrics/0: found")), Contains(HasSubstr("/metrics/1: found 3")),
                    Contains(HasSubstr("/metrics/3: found time.seconds a second time"))));
}

TEST_F(Sweep, MetricsAreWorkedOutOfReportsConfigurationsAndEachOther) {
  EXPECT_EQ(run(R"x({"base": "run.json", "axes": [{"path": "workload.generate.batch", "values": [4, 16]},
    {"path": "machine.noc.hop_cycles", "values": [1, 2]}],
    "metrics": ["time.seconds", {"name": "cost", "is": "max(1, 10 / machine.noc.hop_cycles) + log2(time.seconds)"},
                {"name": "twice", "is": "2 * cost"}, {"name": "none", "is": "latency.ops[b16].seconds / (1 - 1)"}],
    "pareto": {"min": ["time.seconds", "cost"], "max": ["machine.noc.hop_cycles"]}})x"),
            0);
  const auto results = lines("out/results.csv");
  EXPECT_THAT(results[0], HasSubstr("time.seconds,cost,twice,none,pareto"));
  EXPECT_THAT(results[1], HasSubstr(",done,,4,1,4,12.0,24.0,,0")) << "another costs less";
  EXPECT_THAT(results[2], HasSubstr(",done,,4,2,4,7.0,14.0,,1"));
  EXPECT_THAT(results[4], HasSubstr(",done,,16,2,16,9.0,18.0,,0"));
}

TEST_F(Sweep, LinkedAxesMoveTogether) {
  const auto points = [this](const std::string& mode, const std::string& more = "") {
    const std::string text = R"({"base": "run.json", "mode": ")" + mode + R"(", "axes": [
      {"points": [{"machine.die.grid.rows": 18, "machine.die.grid.columns": 20},
                  {"machine.die.grid.rows": 20, "machine.die.grid.columns": 18)" +
                             more + R"(}]},
      {"path": "run.seed", "values": [1, 2]}]})";
    return make_plan(read_sweep(folder_.write("sweep.json", text))).points;
  };
  const auto grid = points("grid");
  ASSERT_EQ(grid.size(), 4u);
  EXPECT_EQ(grid[2].values[0], 20);
  EXPECT_EQ(grid[2].values[1], 18);
  EXPECT_EQ(grid[3].values[2], 2);
  EXPECT_EQ(points("one_at_a_time").size(), 3u) << "the base, the other grid, the other seed";
  EXPECT_EQ(points("zip").size(), 2u);
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"points": [{"run.seed": 1}, {}], "path": "x"},
    {"points": [{"run.seed": 1}]}]})"),
              AllOf(Contains(HasSubstr("/axes/0/path: found an unknown key")),
                    Contains(HasSubstr("/axes/0/points/1: found {}")), Contains(HasSubstr("run.seed a second time"))));
}

TEST_F(Sweep, FilesOfMachinesAndWorkloadsAreAxes) {
  fs::create_directory(folder_ / "machines");
  folder_.write("machines/a.json", R"({"level": "die"})");
  folder_.write("machines/b.json", R"({"level": "die", "noc": {"hop_cycles": 3}})");
  const std::string text = R"({"base": "run.json", "axes": [{"path": "machine", "values": ["machines/a.json",
    "machines/b.json"]}, {"path": "workload.generate.batch", "values": [4]}],
    "constraints": ["machine.noc.hop_cycles < 9"], "metrics": [{"name": "hops", "is": "machine.noc.hop_cycles"}]})";
  EXPECT_EQ(run(text), 0);
  const auto results = lines("out/results.csv");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_THAT(results[1], HasSubstr("machines/a.json,4,1.0"));
  EXPECT_THAT(results[2], HasSubstr("machines/b.json,4,3.0"));
  request_.resume = true;
  EXPECT_EQ(run(text), 0);
  EXPECT_EQ(runs(), 2u);
  folder_.write("machines/b.json", R"({"level": "die", "noc": {"hop_cycles": 4}})");
  EXPECT_EQ(run(text), 0);
  EXPECT_EQ(runs(), 3u) << "the file has another content";
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"path": "machine", "values": [3]},
    {"path": "workload", "factors": [2]}]})"),
              AllOf(Contains(HasSubstr("expected the name of a file")), Contains(HasSubstr("values: names of files"))));
  EXPECT_THAT(
      error_lines(R"({"base": "run.json", "axes": [{"path": "machine", "values": ["gone.json"]}]})", ExitCode::kIo),
      Contains(HasSubstr("gone.json")));
}

TEST_F(Sweep, ATableOfPointsTakesThePlaceOfAxes) {
  request_.points_file =
      folder_.write("points.csv", "index,machine.noc.hop_cycles,workload.generate.batch\n0,2,4\n1,1,8\n");
  EXPECT_EQ(run(batches("[16]")), 0);
  const auto results = lines("out/results.csv");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_THAT(results[1], HasSubstr(",done,,2,4,4"));
  EXPECT_THAT(results[2], HasSubstr(",done,,1,8,8"));
  const std::pair<const char*, const char*> bad[] = {
      {"", "found no path"},
      {"index,hash\n1,2\n", "found no path"},
      {"run.seed\n", "found no row"},
      {"run.seed,run.seed\n1,2\n", "a second time"},
      {"run.seed,machine.clock_hz\n1,\n", "points.csv:2: found an empty cell under machine.clock_hz"},
      {"run.seed\n1,2\n", "points.csv"},
      {"run.sed\n1\n", "run.sed"},
      {"a=b\n1\n", "expected the path of a value"}};
  for (const auto& [table, words] : bad) {
    folder_.write("points.csv", table);
    EXPECT_THAT(error_lines(batches("[16]")), Contains(HasSubstr(words))) << table;
  }
}

TEST_F(Sweep, TheDatabaseSaysWhatTheTableSays) {
  EXPECT_EQ(run(batches("[4, 13]", R"(, "metrics": ["time.seconds", {"name": "Time.Seconds", "is": "1"}])")), 1);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "out/results.sqlite").c_str(), &database), SQLITE_OK);
  std::string found;
  const auto row = [](void* text, int count, char** values, char**) {
    for (int i = 0; i < count; ++i)
      *static_cast<std::string*>(text) += std::string(values[i] == nullptr ? "null" : values[i]) + ",";
    return 0;
  };
  for (const char* query :
       {"SELECT status, \"workload.generate.batch\", \"time.seconds\", pareto FROM results",
        "SELECT operations.name FROM operations JOIN results ON point = \"index\" WHERE \"time.seconds\" = 4"})
    EXPECT_EQ(sqlite3_exec(database, query, row, &found, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
  EXPECT_EQ(found, "done,4,4,null,failed,13,null,null,b4,");
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
    table.rows.push_back({"failed", std::string(kText, static_cast<char>('a' + i)), {Json(1.5)}});
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

TEST_F(Sweep, ZipListAndRandomMakeTheirPoints) {
  request_.dry_run = true;
  const auto plan = [this](const std::string& text) {
    return make_plan(read_sweep(folder_.write("sweep.json", text))).points;
  };
  EXPECT_EQ(plan(R"({"base": "run.json", "mode": "zip", "axes": [{"path": "run.seed", "values": [1, 2]},
    {"path": "workload.generate.batch", "values": [4, 8]}]})")
                .size(),
            2u);
  EXPECT_EQ(
      plan(R"({"base": "run.json", "mode": "list", "points": [{"run.seed": 1}, {"run.seed": 5}, {"run.seed": 9}]})")
          .size(),
      3u);
  const std::string random =
      R"({"base": "run.json", "mode": "random", "samples": 5, "seed": 3, "axes": [{"path": "run.seed",
    "values": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}]})";
  const auto first = plan(random), second = plan(random);
  ASSERT_EQ(first.size(), 5u);
  std::set<std::string> folders;
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(first[i].folder, second[i].folder) << "the same seed draws the same points";
    folders.insert(first[i].hash);
  }
  EXPECT_EQ(folders.size(), 5u) << "no point is drawn twice";
}

TEST_F(Sweep, KeepsAFailedPointAsARowWithItsReason) {
  EXPECT_EQ(run(batches("[4, 13, 8]")), 1);
  const auto results = lines("out/results.csv");
  EXPECT_THAT(results[2], HasSubstr(",failed,\"exit 3: trace.json: rank 3, 'send': no receiver\",13,"));
  EXPECT_THAT(results[3], HasSubstr(",done,,8,8"));
}

TEST_F(Sweep, ResumeRunsOnlyWhatIsMissingFailedOrCutOff) {
  EXPECT_EQ(run(batches("[4, 8, 16]")), 0);
  ASSERT_EQ(runs(), 3u);
  request_.resume = true;
  EXPECT_EQ(run(batches("[4, 8, 16]")), 0);
  EXPECT_EQ(runs(), 3u) << "nothing was due";
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points")) {
    if (entry.path().filename().string()[0] == '1') std::ofstream(entry.path() / "report.json") << "{\"schema\": ";
  }
  EXPECT_EQ(run(batches("[4, 8, 16]")), 0);
  EXPECT_EQ(runs(), 4u) << "the report that was cut off is made again";
  EXPECT_EQ(run(batches("[4, 9, 16]")), 0);
  EXPECT_EQ(runs(), 5u) << "another value is another point";
}

TEST_F(Sweep, ResumeKeepsNothingThatAnotherProgramMadeOrThatWasEdited) {
  folder_.write("trace.json", "one");
  const std::string inputs = ", \\\"inputs\\\": {\\\"" + (folder_ / "trace.json") + "\\\": \\\"" +
                             config::sha256_text("one") + "\\\"}}\" > \"$out/report.json\"";
  std::string script = kScript;
  script.replace(script.rfind("}}\" > "), std::string::npos, "}" + inputs + "\n");
  folder_.write("program", script);
  EXPECT_EQ(run(batches("[4, 8]")), 0);
  request_.resume = true;
  EXPECT_EQ(run(batches("[4, 8]")), 0);
  ASSERT_EQ(runs(), 2u) << "nothing was due";
  folder_.write("trace.json", "another");
  EXPECT_EQ(run(batches("[4, 8]")), 0);
  EXPECT_EQ(runs(), 4u) << "an input has another content";
  folder_.write("trace.json", "one");
  EXPECT_EQ(run(batches("[4, 8]")), 0);
  ASSERT_EQ(runs(), 4u);
  folder_.write("program", script + "# a later version\n");
  EXPECT_EQ(run(batches("[4, 8]")), 0);
  EXPECT_EQ(runs(), 6u) << "another program";
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points")) {
    const std::string report = entry.path().string() + "/report.json";
    if (entry.path().filename().string()[0] == '1' && fs::exists(report)) std::ofstream(report, std::ios::app) << " ";
  }
  EXPECT_EQ(run(batches("[4, 8]")), 0);
  EXPECT_EQ(runs(), 7u) << "the report of one point was edited";
}

TEST_F(Sweep, AShardThatCountsFromZeroIsRefused) {
  for (const char* shard : {"0/2", "3/2", "1/0", "/2", "1", "1/2x", "-1/2"}) {
    request_.shard = shard;
    EXPECT_THAT(error_lines(batches("[1, 2]"), ExitCode::kUsage), Contains(HasSubstr("with i from 1 to n"))) << shard;
  }
}

TEST_F(Sweep, ASignalThatCameBeforeThePoolStartsNothing) {
  request_.interrupted = [] { return true; };
  EXPECT_THAT(error_lines(batches("[1, 2]"), ExitCode::kInterrupted), Contains(HasSubstr("interrupted")));
  EXPECT_EQ(runs(), 0u);
}

TEST_F(Sweep, WhatIsInTheWayOfAResultIsNotRemoved) {
  EXPECT_EQ(run(batches("[4]")), 0);
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points")) {
    if (!entry.is_directory()) continue;
    fs::remove(entry.path() / "report.json");
    fs::create_symlink(folder_ / "run.json", entry.path() / "report.json");
  }
  EXPECT_THAT(error_lines(batches("[4]"), ExitCode::kIo), Contains(HasSubstr("found a link")));
}

TEST_F(Sweep, ResumeRemovesTheLogOfAFinishedPointOrSaysWhyNot) {
  EXPECT_EQ(run(batches("[4]")), 0);
  std::string log;
  for (const auto& entry : fs::directory_iterator(folder_ / "out/points"))
    if (entry.is_directory()) log = entry.path().string() + ".log";
  EXPECT_FALSE(fs::exists(log));
  std::ofstream(log) << "of a sweep that was killed";
  request_.resume = true;
  EXPECT_EQ(run(batches("[4]")), 0);
  EXPECT_FALSE(fs::exists(log));
  EXPECT_EQ(runs(), 1u) << "the point is kept";
  fs::remove(folder_ / "out/results.csv");
  fs::create_directory(log);
  EXPECT_THAT(error_lines(batches("[4]"), ExitCode::kIo), Contains(HasSubstr(log + ": found a link, a folder")));
  EXPECT_EQ(lines("out/results.csv").size(), 2u) << "the results are complete all the same";
}

TEST_F(Sweep, APipeInThePlaceOfAResultIsRefusedAtOnce) {
  EXPECT_EQ(run(batches("[4]")), 0);
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
    EXPECT_EQ(run(batches("[4]")), 0);
  }
}

TEST_F(Sweep, ShardsTogetherRunEveryPointOnce) {
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    request_.shard = shard;
    request_.resume = true;
    EXPECT_EQ(run(batches("[1, 2, 3, 4, 5]")), 0);
  }
  EXPECT_EQ(runs(), 5u);
  for (const std::string& line : lines("out/results.csv")) EXPECT_EQ(line.find("pending"), std::string::npos) << line;
}

/// As under a supervisor that does not want to wait for its children: they would be gone before they could be asked.
TEST_F(Sweep, PointsEndWhereTheSignalOfTheirEndIsIgnored) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(run(batches("[4, 8, 13]")), 1);
  EXPECT_EQ(std::signal(SIGCHLD, before), SIG_IGN) << "it is put back";
  EXPECT_THAT(lines("out/results.csv")[3], HasSubstr(",failed,\"exit 3: "));
}

TEST_F(Sweep, PointsAndResultsCanBeMadeApart) {
  request_.only = "points";
  request_.shard = "1/2";
  EXPECT_EQ(run(batches("[1, 2, 13, 4]")), 0);
  EXPECT_FALSE(fs::exists(folder_ / "out/results.csv"));
  request_.only = "results";
  request_.shard.clear();
  EXPECT_EQ(run(batches("[1, 2, 13, 4]")), 2) << "two points are pending";
  EXPECT_EQ(runs(), 2u);
  request_.only = "points";
  request_.resume = true;
  EXPECT_EQ(run(batches("[1, 2, 13, 4]")), 1) << "one of this task's points failed";
  EXPECT_EQ(runs(), 4u);
}

TEST_F(Sweep, TasksAreThoseWithPointsThatAreDue) {
  const auto sweep = read_sweep(folder_.write("sweep.json", batches("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")));
  Plan plan = make_plan(sweep);
  const auto due = [&](std::vector<std::size_t> which) {
    std::vector<const Point*> points;
    for (const std::size_t i : which) points.push_back(&plan.points[i]);
    return points;
  };
  EXPECT_EQ(plan_tasks(request_, plan, due({0, 1, 9})).count, 2u) << "eight points each";
  request_.tasks = 4;
  const Tasks tasks = plan_tasks(request_, plan, due({0, 4, 6}));
  EXPECT_EQ(tasks.numbers, (std::vector<std::size_t>{2, 4})) << "point 0 is that of the last shard";
  EXPECT_EQ(tasks.processors, 1);
  plan.threads = 4;
  EXPECT_EQ(plan_tasks(request_, plan, due({0})).processors, 4);
  request_.processors = 8;
  EXPECT_EQ(plan_tasks(request_, plan, due({0})).mebibytes, 2 * (512 + 354 / 170)) << "two points at a time";
  request_.tasks = 99;
  EXPECT_EQ(plan_tasks(request_, plan, due({0})).count, 10u);
}

TEST_F(Sweep, ScriptsOfSlurmNameFilesAsTheyWereGiven) {
  request_.backend = "slurm";
  request_.script = true;
  request_.directory = folder_ / "it's 100%";
  EXPECT_EQ(run(batches("[1, 2]")), 0);
  const std::string script = folder_.read("it's 100%/slurm/points.sh");
  EXPECT_THAT(script, HasSubstr("/it's 100%%/slurm/task-%a.log\"\n"));
  EXPECT_THAT(script, HasSubstr("/it'\\''s 100%' --only points --resume --shard \"$SLURM_ARRAY_TASK_ID/1\""));
  EXPECT_EQ(runs(), 0u);
  request_.directory = folder_ / "a\"b";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kUsage), Contains(HasSubstr("without quotes")));
}

TEST_F(Sweep, AProgramThatCannotStartIsAnIoError) {
  request_.program = folder_ / "no-such-program";
  EXPECT_THAT(error_lines(batches("[1]"), ExitCode::kIo), Contains(HasSubstr("no-such-program")));
}

TEST_F(Sweep, ShippedSweepIsWellFormed) {
  const SweepFile shipped = read_sweep(DOJO_SOURCE_DIR "/configs/sweeps/tile_edge_batch.json");
  ASSERT_EQ(shipped.axes.size(), 2u);
  EXPECT_EQ(shipped.axes[0].values.size() * shipped.axes[1].values.size(), 9u);
  EXPECT_THAT(shipped.base, ::testing::EndsWith("configs/runs/resnet50_tile.json"));
}

}  // namespace
}  // namespace dojo::report
