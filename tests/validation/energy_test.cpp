// SPDX-License-Identifier: Apache-2.0
// Power of a full load against what is published, and of a simulated product against its FLOP.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dojo/energy/energy.h"
#include "dojo/report/report.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

/// Every matrix unit issues in each cycle of a second, with two blocks of 64 B out of the SRAM; links rest.
energy::Joules full_load(const std::string& machine) {
  const topology::Topology topology(machine_file(machine));
  energy::Counts counts;
  counts.seconds = 1;
  counts.core_cycles = static_cast<double>(topology.node_count()) * topology.params().clock_hz;
  counts.matrix_flops = counts.core_cycles * 512;
  counts.sram_bytes = counts.core_cycles * 128;
  const double tiles = machine == "tile" ? 1 : 0;
  return energy::joules(counts, {360, static_cast<double>(topology.die_count()), tiles, 0, 0, 0}, topology.params(),
                        {});
}

TEST(Energy, FullLoadTakesThePublishedPower) {
  judge({"energy_die", "power of a die, all matrix units at work", "400 W (W01)", "W", 0.95, 1.05}, 400,
        full_load("die").of_dies());
  judge({"energy_tile", "power of a tile of them, links at rest", "15 kW with all links at work (W02)", "W", 0.867,
         1.067},
        15e3, full_load("tile").total());
}

/// 0.8 pJ a FLOP are of a unit that takes both operands out of the SRAM in each cycle. A product keeps blocks in
/// registers, so it takes less: a known gap of the plain formula.
TEST(Energy, AProductTakesWhatItsFlopTake) {
  const RunRequest request{"", "configs/machines/die.json", "configs/workloads/matmul_4096.json", {}, {}};
  const JobRun ran = run(request);
  const config::RunConfig config = load(request);
  const auto report =
      nlohmann::json::parse(report::report_json({config, *ran.topology, *ran.workload, *ran.job, ran.results}));
  const nlohmann::json& parts = report["energy"]["by_part"];
  double dies = 0;
  for (const char* part : {"matrix", "vector", "issue", "sram", "noc", "die_crossing", "tile_crossing", "idle"})
    dies += parts[part].get<double>();
  const double flops = report["flops"]["executed"], seconds = report["time"]["seconds"];
  judge({"energy_product", "energy of a die for a bf16 product 4096 x 4096 x 4096", "0.8 pJ a FLOP + 100 W idle", "J",
         1, 1.15, true},
        flops * 0.8e-12 + 100 * seconds, dies);
}

}  // namespace
}  // namespace dojo::test
