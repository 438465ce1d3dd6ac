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
    request.fail_on = fail_on_;
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
  std::string fail_on_ = "any";
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

TEST_F(Compare, RefusesANumberThatNoDoubleHolds) {
  const std::string file = folder_.write("far.json", "{\"schema\": \"dojosim.report/1\",\n \"seed\": -2000000001e300}");
  std::string out;
  try {
    (void)compare({file, file, "", "", ""}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("far.json:2: /: found -2000000001e300, expected a number of at most 1.8e308"));
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
    const auto below = [&, at = pointer](const char* section) { return at.rfind(section, 0) == 0; };
    if (below("/host") || below("/program") || below("/inputs") || below("/configuration") || below("/evidence") ||
        below("/bottlenecks") || below("/critical_path") || below("/if_free") || below("/warnings") ||
        below("/links/hottest"))
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
  EXPECT_THAT(out_, HasSubstr("latency.ops[first].exposed_s"));
  EXPECT_THAT(out_, Not(HasSubstr("changed  latency.ops[conv"))) << "the old operation only moved";
  std::swap(base_, fresh_);
  EXPECT_FALSE(run());
  EXPECT_THAT(out_, HasSubstr("missing"));
}

TEST_F(Compare, PutsTheMostSecondsMovedFirst) {
  fresh_["time"]["cycles"] = 4000004;
  fresh_["memory"]["sram_peak_bytes_max"] = 1500000;
  json& ops = fresh_["latency"]["ops"];
  json second = ops[0];
  second["name"] = "second";
  base_["latency"]["ops"].push_back(second);
  second["seconds"] = second["seconds"].get<double>() * 1.5;
  ops[0]["seconds"] = ops[0]["seconds"].get<double>() * 1.1;
  ops.push_back(second);
  EXPECT_FALSE(run());
  EXPECT_LT(out_.find("latency.ops[second].seconds"), out_.find("latency.ops[conv")) << "0.25 ms and 0.05 ms";
  EXPECT_LT(out_.find("latency.ops[conv"), out_.find("time.cycles"));
  EXPECT_LT(out_.find("time.cycles"), out_.find("memory.sram_peak_bytes_max")) << "no time at all";
}

TEST_F(Compare, BeginsWithTheStepAndWhatWasChanged) {
  fresh_["latency"]["step_s"] = 5.05e-4;
  fresh_["configuration"]["values"]["machine"]["noc"]["hop_cycles"] = 2;
  fresh_["program"]["version"] = "9";
  fresh_["inputs"]["tile.json"] = std::string(64, 'c');
  EXPECT_FALSE(run());
  const std::string first = out_.substr(0, out_.find("simulated time"));
  EXPECT_THAT(first, HasSubstr("step"));
  EXPECT_THAT(first, HasSubstr("0.500000 ms -> 0.505000 ms"));
  EXPECT_THAT(first, HasSubstr("+1.00 %"));
  EXPECT_THAT(first, HasSubstr("machine.noc.hop_cycles 1 -> 2"));
  EXPECT_THAT(first, HasSubstr("1 input files have other contents"));
  EXPECT_THAT(first, HasSubstr("program.version"));
  EXPECT_THAT(folder_.read("table.md"), HasSubstr("| step | 0.500000 ms | 0.505000 ms | +1.00 % |"));
}

TEST_F(Compare, FailsOnlyOnWhatIsWorseWhereAsked) {
  fail_on_ = "worse";
  fresh_["time"]["cycles"] = 3000000;
  EXPECT_TRUE(run()) << out_;
  EXPECT_THAT(out_, HasSubstr("better"));
  EXPECT_THAT(folder_.read("junit.xml"), HasSubstr("failures=\"0\""));
  fresh_["flops"]["utilisation"] = 0.1;
  EXPECT_FALSE(run()) << "less of the peak is worse without a rule";
  EXPECT_TRUE(run(R"({"rules": [{"path": "flops.*", "direction": "lower_is_better"}]})"));
  fresh_["flops"].erase("utilisation");
  EXPECT_FALSE(run()) << "a value is missing";
}

TEST_F(Compare, AnAbsoluteToleranceLetsSmallTimesMove) {
  fresh_["latency"]["step_s"] = 5e-4 + 9e-9;
  EXPECT_FALSE(run());
  EXPECT_TRUE(run(R"({"rules": [{"path": "latency.step_s", "absolute": 1e-8}]})"));
  EXPECT_FALSE(run(R"({"rules": [{"path": "latency.step_s", "absolute": 8e-9}]})"));
  EXPECT_THAT(error_lines(R"({"rules": [{"path": "time.*", "absolute": -1}]})")[0], HasSubstr("/rules/0/absolute"));
}

TEST_F(Compare, MarkdownStaysBelowTheLimitOfComments) {
  for (int group = 0; group < 400; ++group) {
    base_["group" + std::to_string(group)] = 1;
    fresh_["group" + std::to_string(group)] = std::string(200, 'x');
  }
  EXPECT_FALSE(run());
  const std::string markdown = folder_.read("table.md");
  EXPECT_LT(markdown.size(), 60000u);
  EXPECT_THAT(markdown, HasSubstr("this page ends here"));
}

TEST_F(Compare, TakesFoldersOfRunsAndUpdatesTheirBaselines) {
  for (const char* name : {"base/a", "base/b", "new/a", "new/c"}) std::filesystem::create_directories(folder_ / name);
  folder_.write("base/a/report.json", base_.dump());
  folder_.write("base/b/report.json", base_.dump());
  fresh_["time"]["cycles"] = 5000000;
  folder_.write("new/a/report.json", fresh_.dump());
  folder_.write("new/c/report.json", fresh_.dump());
  CompareRequest request{folder_ / "base", folder_ / "new", "", folder_ / "all.xml", ""};
  std::string out;
  EXPECT_FALSE(compare(request, out));
  EXPECT_THAT(out, HasSubstr("1 run compared, 1 failed, 1 missing, 1 new"));
  const std::string junit = folder_.read("all.xml");
  EXPECT_THAT(junit, HasSubstr("<testsuite name=\"a\""));
  EXPECT_THAT(junit, HasSubstr("failure type=\"missing\""));
  out.clear();
  request.format = "github";
  EXPECT_FALSE(compare(request, out));
  EXPECT_THAT(out, HasSubstr("::error title=dojosim compare a::"));
  out.clear();
  request.format = "gitlab";
  EXPECT_FALSE(compare(request, out));
  EXPECT_EQ(json::parse(out)[0]["location"]["path"], "a");
  request.update = true;
  EXPECT_TRUE(compare(request, out));
  const json slim = json::parse(folder_.read("base/a/report.json"));
  EXPECT_EQ(slim["time"]["cycles"], 5000000);
  EXPECT_FALSE(slim.contains("host"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "base/c/report.json"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "base/b/report.json")) << "nobody said that it may go";
  std::filesystem::remove_all(folder_ / "base/b");
  request.update = false;
  request.format = "text";
  EXPECT_TRUE(compare(request, out)) << out << "a slim baseline equals the report that it was made from";
}

TEST_F(Compare, TheFirstLinesSayWhatMovedAndWhatChangedInEachRun) {
  const auto with = [](json report, const char* hops, const char* clock, double step) {
    report["configuration"] = {{"values", {{"machine.noc.hop_cycles", hops}, {"machine.clock_hz", clock}}}};
    report["latency"]["step_s"] = step;
    return report.dump();
  };
  folder_.write("base/a/report.json", with(base_, "1", "1", 1e-3));
  folder_.write("base/b/report.json", with(base_, "1", "1", 1e-3));
  folder_.write("base/same/report.json", with(base_, "1", "1", 1e-3));
  folder_.write("new/a/report.json", with(base_, "2", "1", 2e-3));
  folder_.write("new/b/report.json", with(base_, "2", "3", 3e-3));
  folder_.write("new/same/report.json", with(base_, "1", "1", 1e-3));
  std::string out;
  EXPECT_FALSE(compare({folder_ / "base", folder_ / "new", "", "", folder_ / "all.md"}, out));
  const std::size_t common = out.find("changed in each        machine.noc.hop_cycles ");
  ASSERT_NE(common, std::string::npos) << out;
  EXPECT_EQ(std::count(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(common), '\n'), 5) << out;
  const std::string markdown = folder_.read("all.md");
  EXPECT_EQ(markdown.find("### dojosim compare\n\n3 runs compared, 2 failed\n\n**Changed in each:** machine.noc"), 0u)
      << markdown;
  EXPECT_THAT(markdown, HasSubstr("#### b\n\n**step +200.00 %** (1.000000 ms -> 3.000000 ms)\n\n**Changed:** "));
}

TEST_F(Compare, NamesPointsOfASweepByTheirNumber) {
  std::filesystem::create_directories(folder_ / "base/points/0-0123456789ab");
  std::filesystem::create_directories(folder_ / "new/points/0-ba9876543210");
  folder_.write("base/points/0-0123456789ab/report.json", base_.dump());
  folder_.write("new/points/0-ba9876543210/report.json", base_.dump());
  std::string out;
  EXPECT_TRUE(compare({folder_ / "base", folder_ / "new", "", "", ""}, out)) << out;
  EXPECT_THAT(out, HasSubstr("points/0"));
}

TEST_F(Compare, RefusesAFolderWithoutReports) {
  std::filesystem::create_directories(folder_ / "empty");
  folder_.write("new.json", fresh_.dump());
  std::string out;
  try {
    (void)compare({folder_ / "empty", folder_ / "new.json", "", "", ""}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("found no report.json"));
  }
}

TEST_F(Compare, WritesAPageOfSeveralRuns) {
  folder_.write("a.json", base_.dump());
  folder_.write("b.json", base_.dump());
  fresh_["latency"]["ops"][0]["count"] = 7;
  folder_.write("c.json", fresh_.dump());
  CompareRequest request{folder_ / "a.json", folder_ / "b.json", "", "", ""};
  request.html = folder_ / "page.html";
  std::string out;
  EXPECT_TRUE(compare(request, out)) << "the first two are equal";
  request.more = {folder_ / "c.json"};
  EXPECT_FALSE(compare(request, out)) << "each run counts";
  const std::string text = folder_.read("page.html"), begin = "id=\"island\">";
  const std::size_t from = text.find(begin) + begin.size();
  const json island = json::parse(text.substr(from, text.find("</script>", from) - from));
  EXPECT_EQ(island["kind"], "compare");
  ASSERT_EQ(island["runs"].size(), 3u);
  EXPECT_EQ(island["runs"][2]["label"], folder_ / "c.json");
  ASSERT_EQ(island["pairs"].size(), 2u);
  EXPECT_TRUE(island["pairs"][0]["groups"].empty());
  EXPECT_EQ(island["pairs"][1]["groups"][0]["name"], "operations");
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
              HasSubstr("| changed | latency.ops\\[conv \"1\", &#60;first&#62;\\].count | 6 | 7 | +16.67 % |  |"));
}

}  // namespace
}  // namespace dojo::report
