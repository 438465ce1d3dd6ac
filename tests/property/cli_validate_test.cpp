// SPDX-License-Identifier: Apache-2.0
// `dojosim validate`: suites, figures of one's own, bounds and what is left out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(Validate, PublishedFiguresHoldWithinTheirBounds) {
  for (const char* suite : {"published", "rates"}) {
    const ProgramResult result = run_program({"validate", suite, "--json", "--quiet"});
    ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
    const json all = json::parse(result.out);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0]["suite"], suite);
    EXPECT_EQ(all[0]["failed"], 0);
    EXPECT_GE(all[0]["points"].size(), 4u);
    for (const json& point : all[0]["points"]) {
      const double got = point["got"], expected = point["expected"];
      EXPECT_NEAR(point["error"].get<double>(), std::abs(got / expected - 1), 1e-12) << point["what"];
      EXPECT_GE(got / expected, point["low"].get<double>()) << point["what"];
      EXPECT_LE(got / expected, point["high"].get<double>()) << point["what"];
    }
    EXPECT_LE(all[0]["error_median"], all[0]["error_p90"]);
    EXPECT_LE(all[0]["error_p90"], all[0]["error_worst"]);
  }
}

constexpr const char* kHead =
    "what,expected,tolerance,net.mesh.rows,net.mesh.columns,net.pattern,net.packet_flits,net.rate,net.measure_cycles\n";

TEST(Validate, FiguresOfOnesOwnAreJudgedByTheirTolerance) {
  const TemporaryFolder folder;
  // A handful of cycles: within 0.0001 to 1.9999 times 1,000, and not within 0.5 to 1.5 times.
  folder.write("mesh_points.csv", std::string(kHead) + "loose,1000,0.9999,2,2,uniform,1,0.05,2000\n");
  ProgramResult result = run_program({"validate", "own_mesh", "--data", folder.path().string(), "--quiet"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("1 points: error median"));
  folder.write("mesh_points.csv", std::string(kHead) + "strict,1000,0.5,2,2,uniform,1,0.05,2000\n");
  result = run_program({"validate", "own_mesh", "--data", folder.path().string(), "--quiet"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("FAILED: 0.5 to 1.5 x expected"));
}

TEST(Validate, MistakesInADataFileNameTheirLine) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const char* words) {
    folder.write("mesh_points.csv", text);
    const ProgramResult result = run_program({"validate", "own_mesh", "--data", folder.path().string(), "--quiet"});
    EXPECT_EQ(result.exit_code, 3) << text;
    EXPECT_THAT(result.err, HasSubstr(words));
  };
  refused("", "found no points");
  refused("name,expected\n", "mesh_points.csv:1: found 'name,expected', expected columns");
  refused(std::string(kHead) + "a,20\n", "mesh_points.csv:2: found 2 cells, expected 9");
  refused(std::string(kHead) + "a,zero,0.1,2,2,uniform,1,0.05,2000\n", "expected: found 'zero'");
  refused(std::string(kHead) + "a,20,-1,2,2,uniform,1,0.05,2000\n", "tolerance: found '-1'");
  refused(std::string(kHead) + "a,20,0.1,2,2,unifrom,1,0.05,2000\n", "unifrom");
}

TEST(Validate, DataThatIsNotThereIsSaid) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"validate", "own_mesh", "--data", folder.path().string()});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("has no mesh_points.csv"));
}

TEST(Validate, AFileInPlaceOfAFolderOfRecordingsIsSaid) {
  const TemporaryFolder folder;
  folder.write("wormhole", "");
  const ProgramResult result = run_program({"validate", "wormhole", "--data", folder.path().string()});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("wormhole: found no folder, expected one with recordings"));
}

}  // namespace
}  // namespace dojo::test
