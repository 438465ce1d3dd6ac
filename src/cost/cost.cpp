// SPDX-License-Identifier: Apache-2.0
// A node is lost with the chance 1 - exp(-defects x its area); a die is good with enough nodes, a tile with enough
// dies.
#include "dojo/cost/cost.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dojo/energy/area.h"

namespace dojo::cost {
namespace {

using topology::MachineParams;

constexpr double kPi = 3.14159265358979323846, kMm2PerCm2 = 100, kHoursPerYear = 8766, kLeastYield = 1e-9;

double no_defect(double mm2, const Params& c) {
  return std::exp(-c.defects_per_cm2 * mm2 / kMm2PerCm2);
}

void add_die(Cost& cost, const MachineParams& m, const energy::AreaParams& area, const Params& c, double sites) {
  cost.die_mm2 = energy::die_mm2(m, area, sites);
  cost.dies_per_wafer = std::max(0.0, gross_dies(cost.die_mm2, c.wafer_mm));
  const double node = energy::node_mm2(m, area);
  const auto all = static_cast<std::int64_t>(sites);
  const std::int64_t spare = m.level == topology::Level::kNode ? 0 : std::max<std::int64_t>(0, all - m.die.enabled);
  const double around = no_defect(std::max(0.0, cost.die_mm2 - sites * node), c);
  cost.die_yield = around * at_most(spare, all, 1 - no_defect(node, c));
  cost.die_yield_bare = no_defect(cost.die_mm2, c);
  // What hardly ever works is dear, not free.
  const double yield = std::max(cost.die_yield, kLeastYield);
  cost.die_dollars = (c.wafer_dollars / std::max(1.0, cost.dies_per_wafer) + c.die_test_dollars) / yield;
}

}  // namespace

double gross_dies(double die_mm2, double wafer_mm) {
  return kPi * wafer_mm * wafer_mm / (4 * die_mm2) - kPi * wafer_mm / std::sqrt(2 * die_mm2);
}

double at_most(std::int64_t allowed, std::int64_t n, double chance) {
  if (allowed >= n || chance <= 0) return 1;
  if (chance >= 1) return 0;
  // Term by term in logarithms: (1 - chance)^n alone may be too small for a double.
  const double odds = std::log(chance) - std::log1p(-chance);
  double term = static_cast<double>(n) * std::log1p(-chance), sum = std::exp(term);
  for (std::int64_t i = 0; i < allowed; ++i) {
    term += std::log(static_cast<double>(n - i) / static_cast<double>(i + 1)) + odds;
    sum += std::exp(term);
  }
  return std::min(1.0, sum);
}

Cost cost_of(const MachineParams& m, const energy::AreaParams& area, const Params& c, const energy::Machine& machine,
             double watts) {
  Cost cost;
  add_die(cost, m, area, c, machine.sites);
  const auto set = [&cost](Part part, double dollars) { cost.by_part[static_cast<std::size_t>(part)] = dollars; };
  if (machine.tiles > 0) {
    const std::int64_t dies = m.tile.dies.rows * m.tile.dies.columns;
    cost.tile_yield = at_most(c.spare_dies, dies, 1 - c.die_attach_yield);
  }
  const double tile_yield = std::max(cost.tile_yield, kLeastYield);
  set(Part::kDies, machine.dies * cost.die_dollars / tile_yield);
  set(Part::kPackages,
      machine.tiles * (c.tile_package_dollars + energy::io_dies_per_tile(m) * c.io_die_dollars) / tile_yield);
  set(Part::kPower, machine.tiles * c.tile_power_dollars);
  set(Part::kDips, machine.dips * c.dip_dollars);
  set(Part::kHosts, machine.hosts * c.host_dollars);
  set(Part::kTrays, machine.trays * c.tray_dollars);
  set(Part::kSwitches, machine.dips * c.switch_port_dollars);
  cost.machine_dollars = std::accumulate(cost.by_part.begin(), cost.by_part.end(), 0.0);
  const double hours = c.years * kHoursPerYear;
  cost.electricity_dollars = watts * 1e-3 * hours * c.facility_overhead * c.dollars_per_kwh;
  cost.total_dollars = cost.machine_dollars + cost.electricity_dollars;
  cost.dollars_per_hour = cost.total_dollars / hours;
  return cost;
}

}  // namespace dojo::cost
