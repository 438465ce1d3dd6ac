// SPDX-License-Identifier: Apache-2.0
// The SystemC hierarchy shows what the report says: counters by path, time at the end.
#include <gtest/gtest.h>

#include <algorithm>

#include "dojo/systemc/modules.h"
#include "dojo/systemc/simulation.h"
#include "support/run.h"

namespace dojo::test {
namespace {

TEST(SystemC, ModulesShowTheReportsCountersAndTime) {
  const RunRequest request{"configs/runs/matmul_die.json", "", "", {"run.all_links=true"}, {}};
  JobRun ran = prepare(request);
  systemc::Simulation simulation(*ran.machine);
  ASSERT_EQ(simulation.run([] { return false; }, [] {}), systemc::Ending::kFinished);
  ran.results = ran.machine->collect();
  const double now = sc_core::sc_time_stamp().to_seconds();
  EXPECT_DOUBLE_EQ(now, ran.seconds());
  EXPECT_DOUBLE_EQ(simulation.time_s(), ran.seconds());

  const auto* router = dynamic_cast<systemc::Router*>(sc_core::sc_find_object("die.node[201].router"));
  ASSERT_NE(router, nullptr);
  const machine::LinkCounters east = router->link(topology::Direction::kEast);
  EXPECT_GT(east.bytes, 0u);
  const auto row = std::find_if(ran.results.links.begin(), ran.results.links.end(), [](const auto& link) {
    return link.path.rfind("die.node[201]", 0) == 0 && link.path.find("east") != std::string::npos;
  });
  ASSERT_NE(row, ran.results.links.end()) << "the report has no link of die.node[201] to the east";
  EXPECT_EQ(row->counters.bytes, east.bytes);
  EXPECT_EQ(row->counters.busy_units, east.busy_units);
  EXPECT_EQ(row->counters.queue_cycles, east.queue_cycles);
  EXPECT_EQ(row->counters.transfers, east.transfers);

  std::uint64_t flops = 0;
  for (SiteIndex site = 0; site < ran.topology->sites(); ++site) {
    const auto* core =
        dynamic_cast<systemc::Core*>(sc_core::sc_find_object((ran.topology->node_path(0, site) + ".core").c_str()));
    if (core != nullptr) flops += core->counters().core.matrix_flops;
  }
  EXPECT_EQ(flops, static_cast<std::uint64_t>(ran.results.cores.matrix_flops));
}

}  // namespace
}  // namespace dojo::test
