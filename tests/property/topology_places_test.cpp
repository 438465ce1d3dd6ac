// SPDX-License-Identifier: Apache-2.0
// Paths and places round trip, neighbours see each other, and site maps keep their promises, on machines of many
// shapes.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dojo/topology/topology.h"

namespace dojo::topology {
namespace {

std::vector<MachineParams> machines() {
  std::vector<MachineParams> all;
  for (const auto& entry : kLevelTexts) {
    MachineParams params;
    params.level = entry.value;
    params.dip.present = entry.value != Level::kNode;
    all.push_back(params);
  }
  MachineParams wide;  // trays side by side
  wide.exapod.tile_mesh = {12, 10};
  wide.tray.tiles = {2, 5};
  all.push_back(wide);
  MachineParams odd;  // nothing square, cabinets of two columns of trays
  odd.exapod.tile_mesh = {6, 8};
  odd.tray.tiles = {3, 1};
  odd.cabinet.trays = {1, 2};
  odd.tile.dies = {2, 3};
  odd.die.grid = {3, 5};
  odd.die.enabled = 13;
  odd.dip.present = false;
  all.push_back(odd);
  return all;
}

class Places : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Topology machine{machines()[GetParam()]};
};

TEST_P(Places, PathsRoundTripAndAreUnique) {
  std::set<std::string> seen;
  for (DieId die = 0; die < machine.die_count(); ++die) {
    const std::string path = machine.die_path(die);
    EXPECT_TRUE(seen.insert(path).second) << path;
    const auto part = machine.parse_path(path);
    ASSERT_TRUE(part.has_value()) << path;
    EXPECT_EQ(part->die, die);
    EXPECT_EQ(part->site.has_value(), machine.params().level == Level::kNode);
    const DieCoordinates place = machine.coordinates(die);
    EXPECT_EQ(machine.die_at(place.row, place.column), die);
  }
  for (int site = 0; site < machine.sites(); ++site)
    for (const char* rest : {"", "core", "sram", "router"}) {
      const DieId die = machine.die_count() - 1;
      std::string path = machine.node_path(die, static_cast<SiteIndex>(site));
      if (*rest != '\0') path += std::string(".") + rest;
      const auto part = machine.parse_path(path);
      ASSERT_TRUE(part.has_value()) << path;
      EXPECT_EQ(part->die, die);
      EXPECT_EQ(part->site, site);
      EXPECT_EQ(part->rest, rest);
    }
  std::set<std::string> dips;
  for (std::uint32_t dip = 0; dip < machine.dip_count(); ++dip) dips.insert(machine.dip_path(dip));
  EXPECT_EQ(dips.size(), machine.dip_count());
}

TEST_P(Places, ManglingAPathIsNoticed) {
  const std::string path = machine.node_path(0, 0);
  for (const std::string& bad : {path + ".", path + ".cores", path + ".core.core", "." + path, path + "[0]",
                                 std::string("x") + path, machine.die_path(0) + ".edge.east", std::string()})
    EXPECT_FALSE(machine.parse_path(bad).has_value()) << bad;
}

TEST_P(Places, IndicesCountTheChildrenOfTheirParent) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> tiles;  // (tile of the machine, die within it)
  std::set<std::uint32_t> trays, cabinets;
  for (DieId die = 0; die < machine.die_count(); ++die) {
    EXPECT_TRUE(tiles.insert({machine.tile_of(die), machine.index_in_parent(Level::kDie, die)}).second);
    trays.insert(machine.part_of(Level::kTray, die));
    cabinets.insert(machine.part_of(Level::kCabinet, die));
  }
  EXPECT_EQ(trays.size(), machine.tray_count());
  EXPECT_EQ(*trays.rbegin() + 1, machine.tray_count());
  EXPECT_EQ(cabinets.size(), machine.cabinet_count());
  EXPECT_EQ(*cabinets.rbegin() + 1, machine.cabinet_count());
}

TEST_P(Places, NeighboursSeeEachOther) {
  Cycles smallest = kNever;
  std::uint32_t dip_edges = 0;
  for (DieId die = 0; die < machine.die_count(); ++die)
    for (int d = 0; d < kDirections; ++d) {
      const auto direction = static_cast<Direction>(d);
      const Edge edge = machine.edge(die, direction);
      if (edge.neighbour == kNone) continue;
      smallest = std::min(smallest, edge.latency_cycles);
      if (edge.neighbour >= machine.die_count()) {
        const std::uint32_t dip = edge.neighbour - machine.die_count();
        EXPECT_EQ(machine.dip_die(dip), die);
        EXPECT_EQ(machine.dip_side(dip), direction);
        ++dip_edges;
        continue;
      }
      const Edge back = machine.edge(edge.neighbour, opposite(direction));
      EXPECT_EQ(back.neighbour, die);
      EXPECT_EQ(back.link_class, edge.link_class);
      EXPECT_EQ(back.latency_cycles, edge.latency_cycles);
      EXPECT_EQ(back.bytes_per_s, edge.bytes_per_s);
      EXPECT_EQ(edge.link_class == LinkClass::kDieToDie, machine.tile_of(die) == machine.tile_of(edge.neighbour));
    }
  EXPECT_EQ(dip_edges, machine.dip_count());
  EXPECT_EQ(machine.lookahead_cycles(), smallest);
}

INSTANTIATE_TEST_SUITE_P(ManyShapes, Places, ::testing::Range<std::size_t>(0, machines().size()));

/// Disabled sites of a die by row and by column.
struct Losses {
  std::vector<int> rows, columns;
  int total = 0;
};
Losses losses(const Topology& machine, DieId die) {
  Losses lost{std::vector<int>(static_cast<std::size_t>(machine.site_rows())),
              std::vector<int>(static_cast<std::size_t>(machine.site_columns())), 0};
  for (int site = 0; site < machine.sites(); ++site)
    if (machine.site_map(die).enabled[static_cast<std::size_t>(site)] == 0) {
      ++lost.rows[static_cast<std::size_t>(site / machine.site_columns())];
      ++lost.columns[static_cast<std::size_t>(site % machine.site_columns())];
      ++lost.total;
    }
  return lost;
}

TEST(SiteMaps, TheDefaultListSpreadsOverRowsAndColumns) {
  for (const Grid grid : {Grid{18, 20}, Grid{5, 4}, Grid{1, 7}, Grid{19, 19}})
    for (std::int64_t disabled = 0; disabled < grid.rows * grid.columns; ++disabled) {
      MachineParams params;
      params.level = Level::kDie;
      params.die.grid = grid;
      params.die.enabled = grid.rows * grid.columns - disabled;
      const Topology machine(params);
      const Losses lost = losses(machine, 0);
      ASSERT_EQ(lost.total, disabled);
      ASSERT_EQ(machine.node_count(), params.die.enabled);
      const auto most_in_row = *std::max_element(lost.rows.begin(), lost.rows.end());
      const auto most_in_column = *std::max_element(lost.columns.begin(), lost.columns.end());
      ASSERT_TRUE(disabled > grid.rows || most_in_row <= 1) << disabled;
      ASSERT_TRUE(disabled > grid.columns || most_in_column <= 1) << disabled;
    }
}

TEST(SiteMaps, DrawnMapsDifferByDieAndSeedAndRepeat) {
  MachineParams params;
  params.level = Level::kTile;
  params.die.site_map_seed = 7;
  const Topology one(params), same(params);
  params.die.site_map_seed = 8;
  const Topology other(params);
  EXPECT_EQ(one.site_maps().size(), 25u) << "two of 25 dies alike would be one chance in 10^9";
  for (DieId die = 0; die < one.die_count(); ++die) {
    EXPECT_EQ(losses(one, die).total, 6);
    EXPECT_EQ(one.site_map(die).enabled, same.site_map(die).enabled);
    EXPECT_NE(one.site_map(die).enabled, other.site_map(die).enabled);
  }
}

}  // namespace
}  // namespace dojo::topology
