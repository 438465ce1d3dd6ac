// SPDX-License-Identifier: Apache-2.0
// Did anything move? Each tests/golden/<case>/config.json is run and the integers of its report are compared with
// expected.json, counter by counter. tools/update_golden rewrites expected.json; the commit says why.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/temporary_folder.h"

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<std::string> golden_cases() {
  std::vector<std::string> cases;
  for (const auto& entry : fs::directory_iterator(fs::path(DOJO_SOURCE_DIR) / "tests/golden")) {
    if (fs::exists(entry.path() / "config.json")) cases.push_back(entry.path().filename().string());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

/// Rows "counter  expected  found" for every counter that differs or is missing.
std::string differences(const json& expected, const json& report) {
  std::string table;
  for (const auto& [pointer, value] : expected.items()) {
    const json::json_pointer at(pointer);
    const std::string found = report.contains(at) ? report.at(at).dump() : "missing";
    if (found != value.dump())
      table += fmt::format("  {:<50} expected {:>20} found {:>20}\n", pointer, value.dump(), found);
  }
  return table;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, CountersAreAsExpected) {
  const std::string folder = std::string("tests/golden/") + GetParam();
  const dojo::test::TemporaryFolder out;
  const auto run = dojo::test::run_program({"run", folder + "/config.json", "--out", out / "run", "--quiet"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json expected = json::parse(dojo::test::read_file(fs::path(DOJO_SOURCE_DIR) / folder / "expected.json"));
  ASSERT_FALSE(expected.empty());
  const std::string table = differences(expected, dojo::test::read_report(out / "run"));
  EXPECT_TRUE(table.empty()) << "counters moved (tools/update_golden " << GetParam() << " accepts them):\n" << table;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Golden);
INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(golden_cases()), [](const auto& test) { return test.param; });

}  // namespace
