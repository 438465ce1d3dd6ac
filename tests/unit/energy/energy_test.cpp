// SPDX-License-Identifier: Apache-2.0
// Energy by part: the published machine at full load, and what sizes, clock and supply change.
#include "dojo/energy/energy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dojo/energy/area.h"

namespace dojo::energy {
namespace {

using topology::MachineParams;

/// Both halves of a machine file.
struct File {
  MachineParams m;
  Params p;
};

constexpr double kNodes = 354, kSites = 360, kClock = 2e9, kFlopsPerIssue = 512, kBytesPerIssue = 128;

/// Every matrix unit of `dies` dies issues in each cycle of one second, with both blocks out of the SRAM.
Counts full_load(double dies) {
  Counts c;
  c.seconds = 1;
  c.core_cycles = dies * kNodes * kClock;
  c.matrix_flops = c.core_cycles * kFlopsPerIssue;
  c.sram_bytes = c.core_cycles * kBytesPerIssue;
  return c;
}

Machine one_die() {
  return {kSites, 1, 0, 0, 0, 0};
}
File die_file() {
  File file;
  file.m.level = topology::Level::kDie;
  return file;
}
Joules joules_of(const Counts& counts, const Machine& machine, const File& file) {
  return joules(counts, machine, file.m, file.p);
}
double watts(const Counts& counts, Part part, const File& file = die_file(), const Machine& machine = one_die()) {
  return joules_of(counts, machine, file)[part];
}

TEST(Energy, ADieAtFullMatrixLoadTakesItsPublishedPower) {
  const double die = joules_of(full_load(1), one_die(), die_file()).of_dies();
  EXPECT_GE(die, 380) << "W01: 400 W";
  EXPECT_LE(die, 420);
  EXPECT_NEAR(die, 362.496 * 0.8 + 100, 1e-6) << "matrix_pj_per_flop includes operands and issue";
}

TEST(Energy, ATileAtFullMatrixLoadTakesItsPublishedPower) {
  File tile;
  tile.m.level = topology::Level::kTile;
  const Joules j = joules_of(full_load(25), {kSites, 25, 1, 0, 0, 0}, tile);
  EXPECT_GE(j.total(), 13e3) << "W02: 15 kW, links at rest";
  EXPECT_LE(j.total(), 16e3);
  EXPECT_DOUBLE_EQ(j[Part::kIoDies], 40 * tile.p.parts.io_die_idle_watts) << "T01: 40 I/O dies";
  EXPECT_DOUBLE_EQ(j[Part::kVrm], (j.of_dies() + j[Part::kIoDies]) * (1 / tile.p.parts.vrm_efficiency - 1));
}

TEST(Energy, ATrayAtFullMatrixLoadTakesItsPublishedPower) {
  File tray;
  tray.m.level = topology::Level::kTray;
  Counts c = full_load(150);
  c.hbm_bytes = 20 * 8e11;
  c.tile_crossing_bytes = 20 * 8e11;
  const double watts = joules_of(c, {kSites, 150, 6, 1, 20, 4}, tray).total();
  EXPECT_GE(watts, 85e3) << "W03: more than 100 kW as rated";
  EXPECT_LE(watts, 115e3);
}

TEST(Energy, EachCountHasItsFigure) {
  const File f = die_file();
  const double pj = 1e-12;
  Counts c;
  c.vector_flops = 1e12;
  c.noc_bytes = 1e12;
  c.die_crossing_bytes = 2e12;
  c.tile_crossing_bytes = 3e12;
  c.hbm_bytes = 4e12;
  c.pcie_bytes = 5e12;
  c.ethernet_bytes = 6e12;
  EXPECT_DOUBLE_EQ(watts(c, Part::kVector), 1e12 * f.p.parts.vector_pj_per_flop * pj);
  EXPECT_DOUBLE_EQ(watts(c, Part::kNoc), 8e12 * f.m.energy.noc_pj_per_bit_hop * pj);
  EXPECT_DOUBLE_EQ(watts(c, Part::kDieCrossing), 16e12 * f.m.energy.die_crossing_pj_per_bit * pj);
  EXPECT_DOUBLE_EQ(watts(c, Part::kTileCrossing), 24e12 * f.m.energy.tile_crossing_pj_per_bit * pj);
  EXPECT_DOUBLE_EQ(watts(c, Part::kHbm), 32e12 * f.m.energy.hbm_pj_per_bit * pj);
  EXPECT_DOUBLE_EQ(watts(c, Part::kPcie), 40e12 * f.p.parts.pcie_pj_per_bit * pj);
  EXPECT_DOUBLE_EQ(watts(c, Part::kEthernet), 48e12 * f.p.parts.ethernet_pj_per_bit * pj);
  EXPECT_EQ(watts(c, Part::kIdle), 0) << "no time has passed";
}

TEST(Energy, TwiceTheSramMakesAccessesAndIdleDearer) {
  File large = die_file();
  large.m.node.sram_bytes *= 2;
  const Counts c = full_load(1);
  EXPECT_NEAR(watts(c, Part::kSram, large) / watts(c, Part::kSram), std::sqrt(2), 1e-12);
  // 360 sites x 0.56 mm2 more on a die of 645 mm2.
  EXPECT_NEAR(watts(c, Part::kIdle, large) / watts(c, Part::kIdle), 1 + 360 * 0.56 / 645.04, 1e-9);
  EXPECT_DOUBLE_EQ(watts(c, Part::kMatrix, large), watts(c, Part::kMatrix));
}

TEST(Energy, TwiceThePortsMakeAccessesDearer) {
  File ports = die_file();
  ports.m.node.load_ports *= 2;
  ports.m.node.store_ports *= 2;
  ports.m.node.noc_read_ports *= 2;
  ports.m.node.noc_write_ports *= 2;
  const Counts c = full_load(1);
  EXPECT_NEAR(watts(c, Part::kSram, ports) / watts(c, Part::kSram), std::sqrt(2), 1e-12);
}

TEST(Energy, TwiceTheClockRaisesTheSupply) {
  File fast = die_file();
  fast.m.clock_hz *= 2;
  const Counts c = full_load(1);
  const double square = 1.4 * 1.4;  // 40 % more volts
  for (const Part part : {Part::kMatrix, Part::kIssue, Part::kSram})
    EXPECT_NEAR(watts(c, part, fast) / watts(c, part), square, 1e-12);
  EXPECT_NEAR(watts(c, Part::kIdle, fast) / watts(c, Part::kIdle), square * (0.6 + 0.4 * 2), 1e-12);
  Counts crossing;
  crossing.die_crossing_bytes = 1;
  EXPECT_DOUBLE_EQ(watts(crossing, Part::kDieCrossing, fast), watts(crossing, Part::kDieCrossing)) << "SerDes";
}

TEST(Energy, ALowerSupplySavesItsSquare) {
  File low = die_file();
  low.p.scaling.core_volts = 0.6;
  const Counts c = full_load(1);
  EXPECT_NEAR(joules_of(c, one_die(), low).of_dies() / joules_of(c, one_die(), die_file()).of_dies(), 0.5625, 1e-12);
}

TEST(Energy, ADeeperMatrixUnitWritesItsSumsLessOften) {
  File deep = die_file();
  deep.m.node.matrix_depth *= 2;
  const Counts c = full_load(1);
  EXPECT_NEAR(watts(c, Part::kMatrix, deep) / watts(c, Part::kMatrix), 0.7 + 0.3 / 2, 1e-12);
}

TEST(Energy, ALargerNodeHasLongerHops) {
  File large = die_file();
  large.m.node.sram_bytes *= 4;
  Counts c;
  c.noc_bytes = 1e12;
  EXPECT_NEAR(watts(c, Part::kNoc, large) / watts(c, Part::kNoc), std::sqrt((1.274 + 3 * 0.56) / 1.274), 1e-9);
}

TEST(Energy, BoundsHoldTheFigureAndLeaveWhatWasReplaced) {
  File f = die_file();
  Counts c;
  c.noc_bytes = 1e12;
  const Machine none{kSites, 0, 0, 0, 0, 0};
  Bounds b = bounds(c, none, f.m, f.p);
  EXPECT_NEAR(b.low, 8e12 * 0.024e-12 / 0.92, 1e-9);
  EXPECT_NEAR(b.high, 8e12 * 0.1e-12 / 0.75, 1e-9);
  f.m.energy.noc_pj_per_bit_hop = 0.05;
  f.p.parts.vrm_efficiency = 1;
  b = bounds(c, none, f.m, f.p);
  EXPECT_DOUBLE_EQ(b.low, b.high);
  EXPECT_NEAR(b.low, 8e12 * 0.05e-12, 1e-12);
}

TEST(Energy, SpansAreOfFiguresAndHoldTheirDefaults) {
  std::size_t found = 0;
  const auto look_in = [&found](const std::string& group, const auto& params) {
    std::decay_t<decltype(params)>::fields(params, [&](const char* name, double value, const auto&...) {
      for (const Span& span : spans()) {
        if (span.key != group + name) continue;
        ++found;
        EXPECT_LE(span.low, value) << span.key;
        EXPECT_GE(span.high, value) << span.key;
      }
    });
  };
  look_in("energy.", topology::EnergyParams{});
  look_in("energy_parts.", PartParams{});
  EXPECT_EQ(found, spans().size());
}

TEST(Area, APublishedDieIs645SquareMillimetres) {
  const File f = die_file();
  EXPECT_NEAR(die_mm2(f.m, f.p.area, kSites), 645, 0.65) << "D02";
  EXPECT_NEAR(f.p.area.die_edges_mm2 / 645, 0.289, 0.001) << "D11";
  EXPECT_DOUBLE_EQ(published_die_mm2(f.p.area), die_mm2(f.m, f.p.area, kSites));
}

TEST(Area, PartsFollowTheirSizes) {
  const AreaParams area;
  const MachineParams d1 = die_file().m;
  MachineParams m = d1;
  const double before = node_mm2(m, area);
  m.node.matrix_rows *= 3;
  EXPECT_NEAR(node_mm2(m, area) - before, 2 * area.node_matrix_mm2, 1e-12);
  m = d1;
  m.node.vector_bytes_per_cycle *= 2;
  EXPECT_NEAR(node_mm2(m, area) - before, area.node_vector_mm2, 1e-12);
  m = d1;
  m.noc.link_bytes_per_cycle *= 2;
  EXPECT_NEAR(node_mm2(m, area) - before, area.node_router_mm2, 1e-12);
  m = d1;
  m.node.load_ports += 15;  // 20 for 5
  EXPECT_NEAR(node_mm2(m, area) - before, area.node_sram_mm2, 1e-12);
  m = d1;
  m.die.edge_bytes_per_s *= 2;
  EXPECT_NEAR(die_mm2(m, area, kSites) - die_mm2(d1, area, kSites), area.die_edges_mm2, 1e-9);
  m.level = topology::Level::kNode;
  EXPECT_DOUBLE_EQ(die_mm2(m, area, 1), before);
}

}  // namespace
}  // namespace dojo::energy
