// SPDX-License-Identifier: Apache-2.0
// How many parts each level has, and what each kind of edge can do.
#include <gtest/gtest.h>

#include <chrono>

#include "dojo/topology/topology.h"

namespace dojo::topology {
namespace {

MachineParams at_level(Level level) {
  MachineParams params;
  params.level = level;
  if (level == Level::kNode) params.dip.present = false;
  return params;
}

TEST(Counts, Exapod) {
  const Topology pod{MachineParams{}};
  EXPECT_EQ(pod.node_count(), 1062000);  // 3,000 x 354
  EXPECT_EQ(pod.die_count(), 3000u);
  EXPECT_EQ(pod.die_rows(), 200);
  EXPECT_EQ(pod.die_columns(), 15);
  EXPECT_EQ(pod.tile_count(), 120u);
  EXPECT_EQ(pod.tray_count(), 20u);
  EXPECT_EQ(pod.cabinet_count(), 10u);
  EXPECT_EQ(pod.host_count(), 80u);
  EXPECT_EQ(pod.dip_count(), 400u);
  EXPECT_EQ(pod.shard_count(), 3400u);
  EXPECT_EQ(pod.site_maps().size(), 1u);
}

TEST(Counts, EachLevel) {
  const struct {
    Level level;
    std::int64_t nodes;
    std::uint32_t dies, tiles, dips;
  } cases[] = {{Level::kNode, 1, 1, 1, 0},
               {Level::kDie, 354, 1, 1, 2},
               {Level::kTile, 25 * 354, 25, 1, 10},
               {Level::kTray, 150 * 354, 150, 6, 20},
               {Level::kCabinet, 300 * 354, 300, 12, 40}};
  for (const auto& expected : cases) {
    const Topology machine(at_level(expected.level));
    SCOPED_TRACE(machine.root_name());
    EXPECT_EQ(machine.node_count(), expected.nodes);
    EXPECT_EQ(machine.die_count(), expected.dies);
    EXPECT_EQ(machine.tile_count(), expected.tiles);
    EXPECT_EQ(machine.dip_count(), expected.dips);
  }
}

TEST(Counts, AnotherMesh) {
  MachineParams params;
  params.exapod.tile_mesh = {12, 10};
  params.tray.tiles = {2, 5};  // cabinets of 4 x 5 tiles: 3 x 2 of them
  const Topology pod(params);
  EXPECT_EQ(pod.cabinet_count(), 6u);
  EXPECT_EQ(pod.tray_count(), 12u);
  EXPECT_EQ(pod.die_count(), 3000u);
  EXPECT_EQ(pod.dip_count(), 120u);  // 60 rows of dies
  // Two trays lie side by side, so each has DIPs at one end only: ten of them.
  EXPECT_EQ(pod.dip_path(0), "exapod.cabinet[0].tray[0].dip[0]");
  EXPECT_EQ(pod.dip_path(1), "exapod.cabinet[1].tray[0].dip[0]");
  EXPECT_EQ(pod.dip_path(2 * 10 + 1), "exapod.cabinet[1].tray[1].dip[0]");
}

TEST(Counts, DefectsTakeNodesAndSlowNodesDoNot) {
  MachineParams params = at_level(Level::kTile);
  params.defects = {{"tile.die[3].node[0]", "core"}, {"tile.die[4].node[0].core", "core"}};
  params.slow_nodes = {{"tile.die[5].node[17]", 0.25}};
  const Topology tile(params);
  EXPECT_EQ(tile.node_count(), 25 * 354 - 2);
  EXPECT_EQ(tile.site_maps().size(), 3u) << "dies 3 and 4 are equal, 5 is slow, the others are whole";
  EXPECT_EQ(tile.site_map_index(3), tile.site_map_index(4));
  EXPECT_EQ(tile.site_map(3).enabled_count, 353);
  EXPECT_EQ(tile.site_map(3).enabled[0], 0);
  EXPECT_EQ(tile.site_map(5).enabled_count, 354);
  EXPECT_FLOAT_EQ(tile.site_map(5).core_speed[17], 0.25f);
  EXPECT_FLOAT_EQ(tile.site_map(5).core_speed[18], 1.0f);
}

TEST(Levels, GridsAndSizesFitIntoEachOther) {
  for (const auto& entry : kLevelTexts) {
    const Topology machine(at_level(entry.value));
    SCOPED_TRACE(entry.text);
    const Levels& levels = machine.levels();
    for (std::size_t i = 1; i < levels.size(); ++i) {
      EXPECT_EQ(levels[i].level, static_cast<Level>(i));
      const Grid& inner = levels[i - 1].dies;
      if (i == 1) continue;  // a node is no rectangle of dies
      EXPECT_EQ(levels[i].dies.rows, inner.rows * levels[i - 1].grid.rows);
      EXPECT_EQ(levels[i].dies.columns, inner.columns * levels[i - 1].grid.columns);
      if (levels[i].level > entry.value) {
        EXPECT_EQ(levels[i].grid.rows * levels[i].grid.columns, 1);
      }
    }
    const LevelInfo& cabinet = machine.level(Level::kCabinet);
    EXPECT_EQ(cabinet.dies.rows * cabinet.grid.rows, machine.die_rows());
    EXPECT_EQ(cabinet.dies.columns * cabinet.grid.columns, machine.die_columns());
  }
}

TEST(Levels, PartsOfADie) {
  const Topology pod{MachineParams{}};
  const DieId die = pod.die_at(10 + 7, 12);  // second tray of cabinet 0, lower row of tiles, third tile
  EXPECT_EQ(pod.part_path(Level::kCabinet, die), "exapod.cabinet[0]");
  EXPECT_EQ(pod.part_path(Level::kTray, die), "exapod.cabinet[0].tray[1]");
  EXPECT_EQ(pod.part_path(Level::kTile, die), "exapod.cabinet[0].tray[1].tile[5]");
  EXPECT_EQ(pod.part_of(Level::kTile, die), 3u * 3 + 2);
  EXPECT_EQ(Topology(at_level(Level::kTile)).part_path(Level::kTray, 3), "tile") << "a machine below a tray";
}

struct EdgeCase {
  DieId die;
  Direction direction;
  LinkClass link_class;
  double bytes_per_s;
  Cycles latency_cycles;
};

TEST(Edges, RatesAndLatenciesByClass) {
  const Topology pod{MachineParams{}};
  // Die rows 0-4 are a tile, 0-9 a tray, 0-19 a cabinet; 2 GHz: 2 cycles a ns.
  const EdgeCase cases[] = {{pod.die_at(0, 0), Direction::kEast, LinkClass::kDieToDie, 2.016e12, 200},
                            {pod.die_at(0, 4), Direction::kEast, LinkClass::kTileToTile, 8.96e11, 400},
                            {pod.die_at(4, 7), Direction::kSouth, LinkClass::kTileToTile, 8.96e11, 400},
                            {pod.die_at(9, 7), Direction::kSouth, LinkClass::kTileToTile, 8.96e11, 600},
                            {pod.die_at(19, 7), Direction::kSouth, LinkClass::kTileToTile, 8.96e11, 800},
                            {pod.die_at(20, 7), Direction::kNorth, LinkClass::kTileToTile, 8.96e11, 800},
                            {pod.die_at(7, 0), Direction::kWest, LinkClass::kDip, 8.96e11, 400},
                            {pod.die_at(7, 14), Direction::kEast, LinkClass::kDip, 8.96e11, 400}};
  for (const EdgeCase& expected : cases) {
    const Edge edge = pod.edge(expected.die, expected.direction);
    SCOPED_TRACE(pod.edge_path(expected.die, expected.direction));
    EXPECT_EQ(edge.link_class, expected.link_class);
    EXPECT_DOUBLE_EQ(edge.bytes_per_s, expected.bytes_per_s);
    EXPECT_EQ(edge.latency_cycles, expected.latency_cycles);
    // 2 x latency x rate; 2 x 100 ns x 2.016e12 = 403,200 bytes.
    const double latency_s = static_cast<double>(expected.latency_cycles) / 2e9;
    EXPECT_NEAR(static_cast<double>(edge.buffer_bytes), 2 * latency_s * expected.bytes_per_s, 1);
  }
  EXPECT_EQ(pod.edge(0, Direction::kNorth).neighbour, kNone);
  EXPECT_EQ(pod.edge(2999, Direction::kSouth).neighbour, kNone);
  EXPECT_EQ(pod.lookahead_cycles(), 200);
}

TEST(Edges, TheSlowerOfDipAndTileEdgeCounts) {
  MachineParams params = at_level(Level::kTile);
  params.dip.ttp_bytes_per_s = 4e11;
  EXPECT_DOUBLE_EQ(Topology(params).edge(0, Direction::kWest).bytes_per_s, 4e11);
  params.dip.ttp_bytes_per_s = 4e12;
  EXPECT_DOUBLE_EQ(Topology(params).edge(0, Direction::kWest).bytes_per_s, 8.96e11);
}

TEST(Edges, LeadToTheTwoDipsOfARowOfDies) {
  const Topology pod{MachineParams{}};
  EXPECT_EQ(pod.edge(pod.die_at(7, 0), Direction::kWest).neighbour, pod.die_count() + 14);
  EXPECT_EQ(pod.edge(pod.die_at(7, 14), Direction::kEast).neighbour, pod.die_count() + 15);
  EXPECT_EQ(pod.edge(pod.die_at(0, 0), Direction::kWest).neighbour, pod.die_count());
}

TEST(Edges, ThatAreDeadLeadNowhere) {
  MachineParams params = at_level(Level::kTile);
  params.defects = {{"tile.die[6].edge.south", "edge"}};
  const Topology tile(params);
  for (int d = 0; d < kDirections; ++d) {
    const auto direction = static_cast<Direction>(d);
    EXPECT_EQ(tile.edge(6, direction).neighbour == kNone, direction == Direction::kSouth) << d;
    EXPECT_EQ(tile.edge(11, direction).neighbour == kNone, direction == Direction::kNorth) << d;
    EXPECT_NE(tile.edge(12, direction).neighbour, kNone) << d;
  }
}

TEST(Edges, OfADieByItselfPassNoTileEdge) {
  MachineParams params = at_level(Level::kDie);
  params.dip.ttp_bytes_per_s = 5e12;
  EXPECT_DOUBLE_EQ(Topology(params).edge(0, Direction::kWest).bytes_per_s, 2.016e12) << "the die's own edge";
  params.dip.ttp_bytes_per_s = 1.5e12;
  EXPECT_DOUBLE_EQ(Topology(params).edge(0, Direction::kWest).bytes_per_s, 1.5e12);
}

TEST(Edges, HoldAtLeastAPacketAndTakeAtLeastACycle) {
  MachineParams params = at_level(Level::kTile);
  params.die.crossing_ns = 0.001;  // 2 x 1 ps x 2.016e12 = 4 bytes
  const Topology tile(params);
  EXPECT_EQ(tile.edge(0, Direction::kEast).buffer_bytes, 64);
  EXPECT_EQ(tile.edge(0, Direction::kEast).latency_cycles, 1);
  EXPECT_EQ(tile.lookahead_cycles(), 1);
}

TEST(Edges, TheLookaheadIsTheFastestLinkThatIsThere) {
  MachineParams params = at_level(Level::kTile);
  params.tile.dies = {1, 2};
  EXPECT_EQ(Topology(params).lookahead_cycles(), 200) << "between the two dies";
  params.tile.dies = {1, 1};
  EXPECT_EQ(Topology(params).lookahead_cycles(), 400) << "to the DIPs";
  params.dip.ttp_link_ns = 0.1;
  EXPECT_EQ(Topology(params).lookahead_cycles(), 1);
  params.dip.ttp_link_ns = 50;
  params.tile.dies = {2, 1};
  EXPECT_EQ(Topology(params).lookahead_cycles(), 100);
}

TEST(Edges, WithoutDipsTheMachineEndsThere) {
  MachineParams params = at_level(Level::kDie);
  params.dip.present = false;
  const Topology die(params);
  for (int d = 0; d < kDirections; ++d) EXPECT_EQ(die.edge(0, static_cast<Direction>(d)).neighbour, kNone);
  EXPECT_EQ(die.lookahead_cycles(), kNever);
  EXPECT_EQ(die.nearest_dip(0), kNone);
}

TEST(Edges, AGivenBufferReplacesTheRule) {
  MachineParams params;
  params.die.crossing_buffer_bytes = 8192;
  EXPECT_EQ(Topology(params).edge(0, Direction::kEast).buffer_bytes, 8192);
}

TEST(Time, NanosecondsRoundUpExactly) {
  MachineParams params;
  params.clock_hz = 1e10;
  const Topology pod(params);
  EXPECT_EQ(pod.cycles_from_ns(1.1), 11) << "binary 1.1 x 10 is a little above 11, decimal 1.1 is not";
  EXPECT_EQ(pod.cycles_from_ns(1.11), 12);
  EXPECT_EQ(pod.cycles_from_ns(0), 0);
  EXPECT_EQ(pod.cycles_from_ns(0, 1), 1);
  EXPECT_DOUBLE_EQ(pod.seconds(20), 2e-9);
}

TEST(Dips, NearestEndOfTheRowTiesToTheLeft) {
  const Topology pod{MachineParams{}};
  EXPECT_EQ(pod.nearest_dip(pod.die_at(3, 0)), 6u);
  EXPECT_EQ(pod.nearest_dip(pod.die_at(3, 7)), 6u) << "column 7 of 15 is the middle";
  EXPECT_EQ(pod.nearest_dip(pod.die_at(3, 8)), 7u);
  EXPECT_EQ(pod.dip_die(7), pod.die_at(3, 14));
  EXPECT_EQ(pod.dip_side(6), Direction::kWest);
  EXPECT_EQ(pod.dip_side(7), Direction::kEast);
  EXPECT_EQ(pod.dip_path(7), "exapod.cabinet[0].tray[0].dip[7]");
  EXPECT_EQ(pod.dip_path(20), "exapod.cabinet[0].tray[1].dip[0]");
}

TEST(Speed, AnExapodIsBuiltAndWalkedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  MachineParams params;
  params.die.site_map_seed = 1;  // a map of its own for every die is the slow case
  const Topology pod(params);
  Bytes sum = 0;
  for (DieId die = 0; die < pod.die_count(); ++die)
    for (int d = 0; d < kDirections; ++d) sum += pod.edge(die, static_cast<Direction>(d)).buffer_bytes;
  EXPECT_GT(sum, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << "elaboration has 10 s for everything";
}

}  // namespace
}  // namespace dojo::topology
