// SPDX-License-Identifier: Apache-2.0
// Yields and prices against hand-made sums.
#include "dojo/cost/cost.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dojo::cost {
namespace {

using topology::MachineParams;

/// A machine file.
struct File {
  MachineParams m;
  energy::AreaParams area;
  Params cost;
};
File die_file() {
  File file;
  file.m.level = topology::Level::kDie;
  return file;
}
Cost cost_of(const File& f, const energy::Machine& parts, double watts) {
  return cost_of(f.m, f.area, f.cost, parts, watts);
}
const energy::Machine kDie{360, 1, 0, 0, 0, 0};
const energy::Machine kExapod{360, 3000, 120, 20, 400, 80};

TEST(Cost, GrossDiesOfAWafer) {
  // pi 300^2 / (4 x 645) = 109.6, less pi 300 / sqrt(1290) = 26.2.
  EXPECT_NEAR(gross_dies(645, 300), 83.35, 0.01);
}

TEST(Cost, AtMostIsTheBinomialSum) {
  EXPECT_DOUBLE_EQ(at_most(0, 3, 0.5), 0.125);
  EXPECT_NEAR(at_most(1, 3, 0.5), 0.5, 1e-15);
  EXPECT_NEAR(at_most(2, 4, 0.25), 0.75 * 0.75 * (0.75 * 0.75 + 4 * 0.25 * 0.75 + 6 * 0.0625), 1e-15);
  EXPECT_EQ(at_most(3, 3, 0.5), 1);
  EXPECT_EQ(at_most(0, 3, 0), 1);
  EXPECT_EQ(at_most(0, 3, 1), 0);
  // (1 - p)^n alone is 1e-4343: far below the smallest double.
  EXPECT_NEAR(at_most(75000, 100000, 0.75), 0.5, 0.01);
}

TEST(Cost, SpareNodesRaiseTheYield) {
  const Cost published = cost_of(die_file(), kDie, 0);
  EXPECT_NEAR(published.die_yield_bare, std::exp(-0.0009 * 645.04), 1e-9);
  // Hardly any die has more than six bad nodes; what stands around them must work.
  EXPECT_NEAR(published.die_yield, std::exp(-0.0009 * 186.4), 1e-5);
  File none = die_file();
  none.m.die.enabled = 360;
  EXPECT_NEAR(cost_of(none, kDie, 0).die_yield, published.die_yield_bare, 1e-9);
}

TEST(Cost, ADieIsItsShareOfGoodDies) {
  const Cost c = cost_of(die_file(), kDie, 0);
  EXPECT_NEAR(c.die_dollars, 9500 / (c.dies_per_wafer * c.die_yield) + 30 / c.die_yield, 1e-9);
  EXPECT_DOUBLE_EQ(c.machine_dollars, c.die_dollars);
  EXPECT_EQ(c.tile_yield, 1);
  File large = die_file();
  large.m.node.sram_bytes *= 2;
  File free_test = die_file();
  large.cost.die_test_dollars = free_test.cost.die_test_dollars = 0;
  const double ratio = cost_of(large, kDie, 0).die_dollars / cost_of(free_test, kDie, 0).die_dollars;
  EXPECT_NEAR(ratio, gross_dies(645.04, 300) / gross_dies(645.04 + 360 * 0.56, 300), 1e-3) << "31 % more silicon";
}

TEST(Cost, TilesPayForThoseLostInAssembly) {
  File m;
  const Cost c = cost_of(m, kExapod, 0);
  EXPECT_NEAR(c.tile_yield, std::pow(0.998, 25), 1e-12);
  const auto part = [&c](Part p) { return c.by_part[static_cast<std::size_t>(p)]; };
  EXPECT_NEAR(part(Part::kDies), 3000 * c.die_dollars / c.tile_yield, 1e-6);
  EXPECT_NEAR(part(Part::kPackages), 120 * (15000 + 40 * 40) / c.tile_yield, 1e-6);
  EXPECT_DOUBLE_EQ(part(Part::kPower), 120 * 8000);
  EXPECT_DOUBLE_EQ(part(Part::kDips), 400 * 4000);
  EXPECT_DOUBLE_EQ(part(Part::kHosts), 80 * 20000);
  EXPECT_DOUBLE_EQ(part(Part::kTrays), 20 * 10000);
  EXPECT_DOUBLE_EQ(part(Part::kSwitches), 400 * 400);
  m.cost.spare_dies = 1;
  EXPECT_NEAR(cost_of(m, kExapod, 0).tile_yield, std::pow(0.998, 25) + 25 * 0.002 * std::pow(0.998, 24), 1e-12);
}

TEST(Cost, ElectricityIsPaidOverTheYears) {
  const Cost c = cost_of(die_file(), kDie, 400);
  // 0.4 kW x 4 x 8,766 h x 1.2 x $0.08.
  EXPECT_NEAR(c.electricity_dollars, 0.4 * 4 * 8766 * 1.2 * 0.08, 1e-9);
  EXPECT_DOUBLE_EQ(c.total_dollars, c.machine_dollars + c.electricity_dollars);
  EXPECT_DOUBLE_EQ(c.dollars_per_hour, c.total_dollars / (4 * 8766));
}

TEST(Cost, WhatNeverWorksIsDearAndFinite) {
  File m = die_file();
  m.cost.defects_per_cm2 = 100;
  const Cost c = cost_of(m, kDie, 0);
  EXPECT_TRUE(std::isfinite(c.total_dollars));
  EXPECT_GT(c.die_dollars, 1e9);
}

}  // namespace
}  // namespace dojo::cost
