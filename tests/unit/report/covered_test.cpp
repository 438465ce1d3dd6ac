// SPDX-License-Identifier: Apache-2.0
// The warning where a machine leaves what validation covers.
#include "report/covered.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "dojo/config/config.h"

namespace dojo::report {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Json report_on(const topology::MachineParams& machine) {
  config::RunConfig config;
  config.machine = machine;
  return {{"configuration", {{"values", Json::parse(config::resolved_json(config))}}}};
}

TEST(Covered, ThePublishedMachineIs) {
  EXPECT_THAT(beyond_covered(report_on({})), IsEmpty());
}

TEST(Covered, KeysBeyondAreNamed) {
  topology::MachineParams machine;
  machine.node.matrix_depth = 8;
  EXPECT_THAT(beyond_covered(report_on(machine)), HasSubstr("machine.node.matrix_depth 8 (covered: 4). Times"));
  machine.noc.link_bytes_per_cycle = 128;
  machine.node.load_ports = 4;
  machine.node.store_ports = 4;
  machine.die.crossing_ns = 50;
  EXPECT_THAT(beyond_covered(report_on(machine)), HasSubstr("(covered: 32 to 64), and 1 more."));
}

TEST(Covered, EachRangeIsOnThePage) {
  std::ifstream in(std::string(DOJO_SOURCE_DIR) + "/docs/validation_suites.md");
  std::ostringstream page;
  page << in.rdbuf();
  for (const CoveredRange& range : covered_ranges()) {
    const std::string covered =
        range.low == range.high ? fmt::format("{:g}", range.low) : fmt::format("{:g} to {:g}", range.low, range.high);
    EXPECT_THAT(page.str(), HasSubstr(fmt::format("| `machine.{}` | {} | {} |", range.key, covered, range.by)));
  }
}

}  // namespace
}  // namespace dojo::report
