// SPDX-License-Identifier: Apache-2.0
// compare: bad input, tolerances, rules, tables and JUnit.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "dojo/base/error.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class Compare : public ::testing::Test {
 protected:
  Compare() : base_(json::parse(report_json(SyntheticRun().context()))), fresh_(base_) {}

  bool run(const std::string& rules = "") {
    CompareRequest request;
    request.base = folder_.write("base.json", base_.dump());
    request.fresh = folder_.write("new.json", fresh_.dump());
    if (!rules.empty()) request.rules = folder_.write("rules.json", rules);
    request.junit = folder_ / "junit.xml";
    request.markdown = folder_ / "table.md";
    out_.clear();
    return compare(request, out_);
  }
  std::vector<std::string> error_lines(const std::string& rules, ExitCode code = ExitCode::kInvalidInput) {
    try {
      run(rules);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      return error.lines();
    }
    ADD_FAILURE() << "no error for " << rules;
    return {};
  }

  Folder folder_;
  json base_, fresh_;
  std::string out_;
};

TEST_F(Compare, NamesAFileThatIsMissing) {
  std::string out;
  try {
    (void)compare({folder_ / "nowhere.json", folder_ / "nowhere.json", "", "", ""}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("nowhere.json"));
  }
}

TEST_F(Compare, RefusesAReportThatWasCutOff) {
  const std::string whole = base_.dump(1);
  const std::string file = folder_.write("cut.json", whole.substr(0, whole.size() / 2));
  std::string out;
  try {
    (void)compare({file, file, "", "", ""}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("cut off"));
  }
}

TEST_F(Compare, RefusesWhatIsNoReportOrOfAnotherSchemaBothAtOnce) {
  base_ = json::array();
  fresh_["schema"] = "dojosim.report/9";
  const auto lines = error_lines("");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("base.json: /schema: found no report"));
  EXPECT_THAT(lines[1], HasSubstr("found \"dojosim.report/9\""));
}

TEST_F(Compare, ReportsEveryMistakeOfARulesFile) {
  const auto lines = error_lines(R"({"rules": [{"path": "time.*", "tolerence": 1}, {"tolerance": -1}, 7,
    {"path": "time.*", "direction": "up"}, {"path": "time.*", "ignore": "yes"}], "more": 1})");
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/more")));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/rules/0/tolerence")));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/rules/1/tolerance: found -1")));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/rules/1: found no path")));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/rules/2: found 7")));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/rules/3/direction")));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("/rules/4/ignore")));
}

TEST_F(Compare, RefusesARuleThatMatchesNothing) {
  EXPECT_THAT(error_lines(R"({"rules": [{"path": "tmie.cycles", "tolerance": 1}]})")[0], HasSubstr("matches nothing"));
}

TEST_F(Compare, FindsEqualReportsEqual) {
  EXPECT_TRUE(run());
  EXPECT_THAT(out_, HasSubstr("none changed"));
}

TEST_F(Compare, LeavesHostProgramAndInputsAloneUnlessNamed) {
  fresh_["host"]["wall_s"] = 15.0;
  fresh_["program"]["git"] = "other";
  fresh_["inputs"] = {{"other.json", "cc"}};
  EXPECT_TRUE(run());
  EXPECT_TRUE(run(R"({"rules": [{"path": "*", "direction": "lower_is_better"}]})")) << "a star names nothing";
  EXPECT_FALSE(run(R"({"rules": [{"path": "host.wall_s", "tolerance": 0.5}]})"));
  EXPECT_THAT(out_, HasSubstr("host.wall_s"));
}

TEST_F(Compare, EveryOtherLeafThatChangesIsFound) {
  const json flat = base_.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (pointer.rfind("/host", 0) == 0 || pointer.rfind("/program", 0) == 0 || pointer.rfind("/inputs", 0) == 0)
      continue;
    if (pointer == "/schema") continue;  // another schema is refused
    fresh_ = base_;
    json& leaf = fresh_[json::json_pointer(pointer)];
    if (leaf.is_number_integer())
      leaf = leaf.get<std::int64_t>() + 1;
    else if (leaf.is_number())
      leaf = leaf.get<double>() * 1.001 + 1e-6;
    else if (leaf.is_boolean())
      leaf = !leaf.get<bool>();
    else if (leaf.is_string())
      leaf = leaf.get<std::string>() + "x";
    else
      continue;  // empty lists and objects have no value
    EXPECT_FALSE(run()) << pointer;
  }
}

TEST_F(Compare, TakesIntegersExactlyAndFloatsWithinTheirTolerance) {
  base_["flops"]["executed"] = 9007199254740992;
  fresh_["flops"]["executed"] = 9007199254740993;  // the same double
  EXPECT_FALSE(run());
  fresh_["flops"]["executed"] = base_["flops"]["executed"];
  fresh_["time"]["seconds"] = 2e-3 * (1 + 0.9e-9);
  EXPECT_TRUE(run());
  fresh_["time"]["seconds"] = 2e-3 * (1 + 1.1e-9);
  EXPECT_FALSE(run());
}

TEST_F(Compare, ARuleWidensTheToleranceAndTheLastOneCounts) {
  fresh_["time"]["cycles"] = 4040000;  // + 1 %
  EXPECT_TRUE(run(R"({"rules": [{"path": "time.*", "tolerance": 0.01}]})"));
  EXPECT_FALSE(run(R"({"rules": [{"path": "time.*", "tolerance": 0.0099}]})"));
  EXPECT_FALSE(run(R"({"rules": [{"path": "time.*", "tolerance": 0.01}, {"path": "time.cycles", "tolerance": 0}]})"));
  EXPECT_TRUE(run(R"({"rules": [{"path": "time.cycles", "ignore": true}]})"));
}

TEST_F(Compare, AnImprovementBeyondToleranceIsAChangeToo) {
  fresh_["time"]["cycles"] = 3000000;
  EXPECT_FALSE(run(R"({"rules": [{"path": "time.*", "tolerance": 0.1, "direction": "lower_is_better"}]})"));
  EXPECT_THAT(out_, HasSubstr("better"));
  EXPECT_THAT(out_, HasSubstr("-25.00 %"));
  fresh_["time"]["cycles"] = 5000000;
  EXPECT_FALSE(run(R"({"rules": [{"path": "time.*", "tolerance": 0.1, "direction": "lower_is_better"}]})"));
  EXPECT_THAT(out_, HasSubstr("worse"));
}

TEST_F(Compare, MatchesListsByNameAndSaysWhatIsMissingOrNew) {
  json other = fresh_["latency"]["ops"][0];
  other["name"] = "first";
  fresh_["latency"]["ops"].insert(fresh_["latency"]["ops"].begin(), other);
  EXPECT_FALSE(run());
  EXPECT_THAT(out_, HasSubstr("latency.ops[first].seconds"));
  EXPECT_THAT(out_, Not(HasSubstr("changed  latency.ops[conv"))) << "the old operation only moved";
  std::swap(base_, fresh_);
  EXPECT_FALSE(run());
  EXPECT_THAT(out_, HasSubstr("missing"));
}

TEST_F(Compare, PutsTheBiggestChangeFirst) {
  fresh_["time"]["cycles"] = 4000004;
  fresh_["memory"]["sram_peak_bytes_max"] = 1500000;
  EXPECT_FALSE(run());
  EXPECT_LT(out_.find("memory.sram_peak_bytes_max"), out_.find("time.cycles"));
}

TEST_F(Compare, WritesMarkdownAndJunitWithEverythingEscaped) {
  fresh_["latency"]["ops"][0]["count"] = 7;
  EXPECT_FALSE(run());
  const std::string junit = folder_.read("junit.xml");
  EXPECT_THAT(
      junit,
      HasSubstr(
          "<testcase classname=\"dojosim.latency\" name=\"latency.ops[conv &quot;1&quot;, &lt;first&gt;].count\""));
  EXPECT_THAT(junit, HasSubstr("<failure type=\"changed\" message=\"changed: base 6, new 7"));
  EXPECT_THAT(junit, HasSubstr("failures=\"1\""));
  EXPECT_THAT(folder_.read("table.md"),
              HasSubstr("| changed | latency.ops\\[conv \"1\", &#60;first&#62;\\].count | 6 | 7 | +16.67 % |"));
}

}  // namespace
}  // namespace dojo::report
