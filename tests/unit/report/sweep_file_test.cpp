// SPDX-License-Identifier: Apache-2.0
// sweep: bad files, bad expressions and constraints, ranges of values.
#include "dojo/base/error.h"
#include "sweep_fixture.h"

namespace dojo::report {
namespace {

TEST_F(Sweep, ReportsEveryMistakeOfTheFileWithItsPath) {
  const auto lines =
      error_lines(R"({"bse": "x", "mode": "gird", "axes": [{"path": "a", "values": []}, {"values": [[1]]}, 3,
    {"path": "a", "values": [1]}], "metrics": "time", "pareto": {"low": [], "max": ["none"]}, "samples": 3})");
  for (const char* words :
       {"/bse: found an unknown key", "/base: found nothing", "/mode: found \"gird\"", "/axes/0/values", "/axes/1/path",
        "/axes/1/values/0", "/axes/2: found 3", "/axes/3/path: found a a second time", "/metrics", "/pareto/low",
        "/pareto: found 'none'", "/samples: only modes random and search"}) {
    EXPECT_THAT(lines, Contains(HasSubstr(words)));
  }
}

TEST_F(Sweep, NamesTheNearestMetricOfAGoal) {
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"path": "run.seed", "values": [1]}],
    "metrics": ["time.secnds"], "pareto": {"min": ["time.seconds"]}})"),
              Contains(HasSubstr("found 'time.seconds', expected one of the metrics or the path of an axis; did you "
                                 "mean 'time.secnds'?")));
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

TEST_F(Sweep, RefusesFactorsOfWhatIsNoNumberOrBecomesAFraction) {
  const auto lines = error_lines(R"({"base": "run.json", "axes": [{"path": "machine.name", "factors": [2]},
    {"path": "machine.noc.hop_cycles", "factors": [0.5]}]})");
  EXPECT_THAT(lines, Contains(HasSubstr("/axes/0/factors: found \"")));
  EXPECT_THAT(lines, Contains(HasSubstr("/axes/1/factors: found 1 x 0.5")));
  EXPECT_THAT(error_lines(R"({"base": "run.json", "axes": [{"path": "run.seed", "values": [1], "log2": {}}]})"),
              Contains(HasSubstr("expected one of values, range, log2 and factors")));
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

TEST_F(Sweep, ShippedSweepIsWellFormed) {
  const SweepFile shipped = read_sweep(DOJO_SOURCE_DIR "/configs/sweeps/tile_edge_batch.json");
  ASSERT_EQ(shipped.axes.size(), 2u);
  EXPECT_EQ(shipped.axes[0].values.size() * shipped.axes[1].values.size(), 9u);
  EXPECT_THAT(shipped.base, ::testing::EndsWith("configs/runs/resnet50_tile.json"));
}

}  // namespace
}  // namespace dojo::report
