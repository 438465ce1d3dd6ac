// SPDX-License-Identifier: Apache-2.0
// sweep: which points a file makes, and that all of them are checked before the first runs.
#include <set>

#include "sweep_fixture.h"

namespace dojo::report {
namespace {

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

TEST_F(Sweep, EveryPointIsCheckedBeforeTheFirstRuns) {
  EXPECT_THAT(error_lines(batches("[4, 8, 0]")), Contains(HasSubstr("point 2 (workload.generate.batch=0)")));
  EXPECT_FALSE(fs::exists(request_.directory));
}

TEST_F(Sweep, AllThatIsWrongWithAPlanIsSaidAtOnce) {
  const auto lines = error_lines(R"({"base": "run.json", "axes": [
    {"path": "workload.generate.batch", "values": [4, 0, -1]}, {"path": "machine.wrong", "values": [1]},
    {"path": "machine.clock_hz", "values": [1, 2e9]}],
    "metrics": ["time.secnds"], "constraints": ["machine.nothing < 3"]})");
  for (const char* words :
       {"/metrics: found 'time.secnds'", "/constraints/0: found 'machine.nothing < 3'", "machine.wrong",
        "point 2 (workload.generate.batch=0", "point 4 (workload.generate.batch=-1"})
    EXPECT_THAT(lines, Contains(HasSubstr(words)));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("point 0 ("), HasSubstr("clock_hz"))));
  EXPECT_EQ(runs(), 0u);
}

TEST_F(Sweep, AMachineThatCannotBeIsFoundBeforeTheFirstPoint) {
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"path": "machine.die.enabled", "values": [354, 361]}]})"),
              Contains(AllOf(HasSubstr("point 1 (machine.die.enabled=361)"), HasSubstr("expected 1 to 360"))));
}

TEST_F(Sweep, WhatDoesNotFitIsSaidBeforeTheFirstPointAndNotRun) {
  ::testing::internal::CaptureStderr();
  request_.quiet = false;
  EXPECT_EQ(run(batches("[4, 1300, 8]")), 1u);
  const std::string said = ::testing::internal::GetCapturedStderr();
  const std::size_t finding =
      said.find("sweep.json: point 1 (workload.generate.batch=1300): resnet50: found a need of");
  ASSERT_NE(finding, std::string::npos) << said;
  EXPECT_LT(finding, said.find("done")) << said;
  EXPECT_EQ(runs(), 2u);
  EXPECT_THAT(lines("out/results.csv")[2],
              HasSubstr(",failed,\"exit 3: resnet50: found a need of 9 MB, expected at most 1 MB\",1300,"));
}

TEST_F(Sweep, ADryRunEndsWithAllThatDoesNotFit) {
  request_.dry_run = true;
  const auto lines = error_lines(R"({"base": "run.json", "axes": [{"path": "run.seed", "values": [1, 2]},
    {"path": "workload.generate.batch", "values": [4, 1300]}]})");
  ASSERT_EQ(lines.size(), 1u) << "the same for both";
  EXPECT_THAT(lines[0], AllOf(HasSubstr("point 1 (run.seed=1, workload.generate.batch=1300)"),
                              HasSubstr("(and 1 more like it)")));
  EXPECT_FALSE(fs::exists(request_.directory));
}

TEST_F(Sweep, DryRunWritesNothing) {
  request_.dry_run = true;
  EXPECT_EQ(run(batches("[1, 2]")), 0u);
  EXPECT_FALSE(fs::exists(request_.directory));
  EXPECT_EQ(runs(), 0u);
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
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"points": [{"run.seed": 1}, 7], "path": "x"},
    {"points": [{"run.seed": 1}]}]})"),
              AllOf(Contains(HasSubstr("/axes/0/path: found an unknown key")),
                    Contains(HasSubstr("/axes/0/points/1: found 7")), Contains(HasSubstr("run.seed a second time"))));
}

TEST_F(Sweep, FilesOfMachinesAndWorkloadsAreAxes) {
  fs::create_directory(folder_ / "machines");
  folder_.write("machines/a.json", R"({"level": "die"})");
  folder_.write("machines/b.json", R"({"level": "die", "noc": {"hop_cycles": 3}})");
  const std::string text = R"({"base": "run.json", "axes": [{"path": "machine", "values": ["machines/a.json",
    "machines/b.json"]}, {"path": "workload.generate.batch", "values": [4]}],
    "constraints": ["machine.noc.hop_cycles < 9"], "metrics": [{"name": "hops", "is": "machine.noc.hop_cycles"}]})";
  EXPECT_EQ(run(text), 0u);
  const auto results = lines("out/results.csv");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_THAT(results[1], HasSubstr("machines/a.json,4,1.0"));
  EXPECT_THAT(results[2], HasSubstr("machines/b.json,4,3.0"));
  request_.resume = true;
  EXPECT_EQ(run(text), 0u);
  EXPECT_EQ(runs(), 2u);
  folder_.write("machines/b.json", R"({"level": "die", "noc": {"hop_cycles": 4}})");
  EXPECT_EQ(run(text), 0u);
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
  EXPECT_EQ(run(batches("[16]")), 0u);
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
  // What a point does not name is as in the base, and {} is the base.
  const auto some = plan(R"({"base": "run.json", "mode": "list", "points": [{}, {"run.seed": 5},
    {"workload.generate.batch": 3, "run.seed": 6}]})");
  ASSERT_EQ(some.size(), 3u);
  EXPECT_EQ(some[0].values, (std::vector<Json>{1, 8}));
  EXPECT_EQ(some[1].values, (std::vector<Json>{5, 8}));
  EXPECT_EQ(some[2].values, (std::vector<Json>{6, 3}));
  EXPECT_THAT(error_lines(R"({"base": "run.json", "mode": "list", "points": [{}, {}]})"),
              Contains(HasSubstr("expected a path in at least one of the points")));
  EXPECT_THAT(error_lines(R"({"base": "run.json", "mode": "list", "points": [{}, {"workload.lr": 1}]})"),
              Contains(HasSubstr("found a point without 'workload.lr', which the base has no value of")));
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

}  // namespace
}  // namespace dojo::report
