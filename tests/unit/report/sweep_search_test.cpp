// SPDX-License-Identifier: Apache-2.0
// sweep, mode search: who goes on to the next rung, resume, shards, what results and scripts say of it.
#include "sweep_fixture.h"

namespace dojo::report {
namespace {

class Search : public Sweep {
 protected:
  Search() { runner_.scaled = true; }
  /// Time is batch times hops: on the first rung hops are 10, on the second 2, in the base as it is 1.
  static std::string search(const std::string& batches, const std::string& goal = R"({"min": "time.seconds"})",
                            const std::string& more = "") {
    return R"({"base": "run.json", "mode": "search", "axes": [{"path": "workload.generate.batch", "values": )" +
           batches + R"(}], "search": {"goal": )" + goal +
           R"(, "keep": 0.5, "rungs": [{"machine.noc.hop_cycles": 10}, {"machine.noc.hop_cycles": 2}]})" + more + "}";
  }
  void again(const std::string& text) {
    request_.resume = true;
    EXPECT_EQ(run(text), 0u);
  }
};

TEST_F(Search, EveryMistakeIsNamedWithItsPath) {
  const auto lines = error_lines(R"({"base": "run.json", "mode": "search", "axes": [{"path": "run.seed",
    "values": [1, 2]}], "search": {"goal": {"min": "time.cycles"}, "keep": 1, "rungs": [{"run.seed": 3}, {}, 4,
    {"machine": 3}, {"machine.noc.hop_cycles": {}}, {"a=b": 1}], "keeps": 3}})");
  for (const char* words :
       {"/search/goal: found \"time.cycles\", expected one of the metrics: time.seconds", "/search/keep: found 1",
        "/search/rungs/0/run.seed: found the path of an axis", "/search/rungs/1: found {}", "/search/rungs/2: found 4",
        "/search/rungs/3/machine: found 3, expected the name of a file", "/search/rungs/4/machine.noc.hop_cycles",
        "/search/rungs/5: found 'a=b'",
        "/search/keeps: found an unknown key, expected one of goal, keep, rungs; did "
        "you mean 'keep'?"})
    EXPECT_THAT(lines, Contains(HasSubstr(words)));
  EXPECT_THAT(error_lines(R"({"base": "run.json", "mode": "search", "axes": [{"path": "run.seed", "values": [1]}]})"),
              Contains(HasSubstr("/search: found nothing")));
  EXPECT_THAT(error_lines(batches("[4]", R"(, "search": {})")), Contains(HasSubstr("/search: only mode search")));
  EXPECT_THAT(error_lines(R"({"base": "run.json", "mode": "search", "axes": [{"path": "run.seed", "values": [1]}],
    "search": {"goal": {"low": "x"}, "keep": 0.5, "rungs": [{"run.threads": 1}, {"run.threads": 1}]}})"),
              AllOf(Contains(HasSubstr("/search/goal: found {\"low\":\"x\"}")),
                    Contains(HasSubstr("/search/rungs/1: found {\"run.threads\":1}, expected other values"))));
}

TEST_F(Search, EveryRungOfEveryPointIsCheckedBeforeTheFirstRuns) {
  EXPECT_THAT(
      error_lines(R"({"base": "run.json", "mode": "search", "axes": [{"path": "run.seed", "values": [1, 2]}],
    "search": {"goal": {"min": "time.seconds"}, "keep": 0.5, "rungs": [{"machine.noc.hop_cycls": 2}]}})"),
      Contains(AllOf(HasSubstr("point 1 on rung 1 (run.seed=2, machine.noc.hop_cycls=2)"), HasSubstr("hop_cycles"))));
  EXPECT_EQ(runs(), 0u);
  ::testing::internal::CaptureStderr();
  request_.quiet = false;
  EXPECT_EQ(run(search("[4, 1300]")), 1u);
  EXPECT_THAT(
      ::testing::internal::GetCapturedStderr(),
      HasSubstr("point 1 on rung 1 (workload.generate.batch=1300, machine.noc.hop_cycles=10): resnet50: found"));
}

TEST_F(Search, TheBestOfEachRungGoOnAndEveryPointHasARow) {
  EXPECT_EQ(run(search("[9, 3, 7, 1, 5]", R"({"min": "time.seconds"})", R"(, "pareto": {"min": ["time.seconds"]})")),
            0u);
  EXPECT_EQ(runs(), 5u + 3u + 2u) << "half of five are three, half of three are two";
  const auto results = lines("out/results.csv");
  EXPECT_EQ(results[0],
            "index,hash,status,reason,rung,workload.generate.batch,time.seconds@1,time.seconds@2,time.seconds,pareto");
  EXPECT_THAT(results[1], HasSubstr(",dropped,,1,9,90,,,0"));
  EXPECT_THAT(results[2], HasSubstr(",done,,3,3,30,6,3,0"));
  EXPECT_THAT(results[3], HasSubstr(",dropped,,1,7,70,,,0"));
  EXPECT_THAT(results[4], HasSubstr(",done,,3,1,10,2,1,1"));
  EXPECT_THAT(results[5], HasSubstr(",dropped,,2,5,50,10,,0"));
  EXPECT_EQ(query("SELECT rung, point, status, \"time.seconds\" FROM rungs WHERE point = 4"),
            "1,4,done,50,2,4,done,10,");
  EXPECT_EQ(query("SELECT \"index\", rung, \"time.seconds@2\" FROM results WHERE status = 'dropped'"),
            "0,1,null,2,1,null,4,2,10,");
  EXPECT_EQ(query("SELECT count(*) FROM rungs"), "10,");
  EXPECT_EQ(query("SELECT name FROM operations"), "b3,b1,") << "of the points that came to the end";
  const Json said = Json::parse(folder_.read("out/sweep.json"))["search"];
  EXPECT_EQ(said["rungs"].dump(), R"([{"set":{"machine.noc.hop_cycles":10},"points":5,"folder":"rungs/1"},)"
                                  R"({"set":{"machine.noc.hop_cycles":2},"points":3,"folder":"rungs/2"},)"
                                  R"({"set":{},"points":2,"folder":"points"}])");
  EXPECT_TRUE(fs::exists(folder_ / "out/report.html"));
}

TEST_F(Search, OfEqualPointsTheFirstGoOnAndTheLargestMayBeTheBest) {
  EXPECT_EQ(run(search("[4, 4, 4, 4]")), 0u);
  EXPECT_THAT(lines("out/results.csv")[1], HasSubstr(",done,,3,"));
  EXPECT_THAT(lines("out/results.csv")[2], HasSubstr(",dropped,,2,"));
  EXPECT_THAT(lines("out/results.csv")[3], HasSubstr(",dropped,,1,"));
  EXPECT_EQ(run(search("[4, 9, 5, 3]", R"({"max": "time.seconds"})")), 0u);
  EXPECT_THAT(lines("out/results.csv")[2], HasSubstr(",done,,3,9,90,18,9"));
}

TEST_F(Search, AFailedPointGoesNoFurtherAndNobodyTakesItsPlace) {
  EXPECT_EQ(run(search("[13, 4, 2, 9]")), 1u);
  const auto results = lines("out/results.csv");
  EXPECT_THAT(results[1], HasSubstr(",failed,\"exit 3: trace.json: rank 3, 'send': no receiver\",0,13,,,"));
  EXPECT_THAT(results[2], HasSubstr(",dropped,,2,4,40,8,"));
  EXPECT_THAT(results[3], HasSubstr(",done,,3,2,20,4,2"));
  EXPECT_THAT(results[4], HasSubstr(",dropped,,1,9,90,,"));
}

TEST_F(Search, WhatWasInterruptedAnywhereEndsWithTheSameBytes) {
  const std::string text = search("[9, 3, 7, 1, 5, 2, 8]");
  EXPECT_EQ(run(text), 0u);
  const std::string expected = folder_.read("out/results.csv");
  const std::size_t all = runs();
  std::vector<fs::path> reports;
  for (const auto& entry : fs::recursive_directory_iterator(request_.directory))
    if (entry.path().filename() == "report.json") reports.push_back(entry.path());
  ASSERT_EQ(reports.size(), all);
  for (const fs::path& lost : reports) {
    fs::remove(lost);
    again(text);
    EXPECT_EQ(folder_.read("out/results.csv"), expected) << lost;
  }
  EXPECT_EQ(runs(), 2 * all) << "each was lost once, and only that was run again";
}

TEST_F(Search, AnotherRungMakesOtherPoints) {
  EXPECT_EQ(run(search("[9, 3]")), 0u);
  const std::size_t before = runs();
  std::string other = search("[9, 3]");
  other.replace(other.find("10}"), 2, "20");
  again(other);
  EXPECT_EQ(runs(), 2 * before);
  EXPECT_THAT(lines("out/results.csv")[2], HasSubstr(",3,60,6,3"));
}

TEST_F(Search, ShardsWaitForEachOtherAtEachRung) {
  const std::string text = search("[9, 3, 7, 1, 13, 5]");
  request_.directory = folder_ / "alone";
  EXPECT_EQ(run(text), 1u);
  const std::string expected = folder_.read("alone/results.csv");
  const std::size_t all = runs();
  request_.directory = folder_ / "out";
  request_.only = "points";
  request_.resume = true;
  for (int rung = 0; rung < 3; ++rung) {
    for (const char* shard : {"1/2", "2/2"}) {
      request_.shard = shard;
      EXPECT_LE(run(text), 1u);
    }
  }
  EXPECT_EQ(runs(), 2 * all) << "nothing runs twice, what failed neither";
  request_.only = "results";
  request_.shard.clear();
  EXPECT_EQ(run(text), 1u);
  EXPECT_EQ(folder_.read("out/results.csv"), expected);
}

TEST_F(Search, AGoalThatNoRunHasIsAnError) {
  EXPECT_THAT(error_lines(search("[4, 8]", R"({"min": "none"})",
                                 R"(, "metrics": ["time.seconds", {"name": "none", "is": "time.seconds / 0"}])")),
              Contains(HasSubstr("/search/goal: found no number for 'none' on rung 1")));
}

TEST_F(Search, PointsMayBeDrawnOrComeFromATable) {
  const auto points = [this](const std::string& more) {
    std::string text = search("[1, 2, 3, 4, 5, 6, 7, 8]");
    text.insert(text.rfind('}'), more);
    return make_plan(read_sweep(folder_.write("sweep.json", text), request_.points_file)).points.size();
  };
  EXPECT_EQ(points(""), 8u);
  EXPECT_EQ(points(R"(, "samples": 5, "seed": 2)"), 5u);
  request_.points_file = folder_.write("points.csv", "index,run.seed,workload.generate.batch\n0,2,4\n1,1,8\n2,7,7\n");
  EXPECT_EQ(points(""), 3u);
  EXPECT_EQ(run(search("[1]")), 0u);
  EXPECT_THAT(lines("out/results.csv")[0], HasSubstr("rung,run.seed,workload.generate.batch,time.seconds@1"));
}

TEST_F(Search, SlurmRunsAnArrayForEachRung) {
  request_.backend = "slurm";
  request_.script = true;
  request_.tasks = 2;
  EXPECT_EQ(run(search("[1, 2, 3, 4, 5, 6, 7, 8]")), 0u);
  const std::string submit = folder_.read("out/slurm/submit.sh");
  const std::string array = "--array=1-2%2 ";  // two at a time, as --jobs says
  std::size_t arrays = 0;
  for (std::size_t at = submit.find(array); at != std::string::npos; at = submit.find(array, at + 1)) ++arrays;
  EXPECT_EQ(arrays, 2u) << submit << "the first array is as its script says";
  EXPECT_EQ(runs(), 0u);
}

TEST_F(Search, ADryRunSaysHowManyRunsThereAre) {
  request_.dry_run = true;
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(run(search("[1, 2, 3, 4, 5, 6, 7, 8]")), 0u);
  const std::string said = ::testing::internal::GetCapturedStdout();
  for (const char* words : {"rung 1: 8 points, machine.noc.hop_cycles=10\n", "rung 2: 4 points",
                            "rung 3: 2 points, the "
                            "base as it is\n",
                            "8 points, 0 excluded by constraints; 14 runs; base"})
    EXPECT_THAT(said, HasSubstr(words));
}

}  // namespace
}  // namespace dojo::report
