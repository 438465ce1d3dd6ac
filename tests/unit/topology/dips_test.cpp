// SPDX-License-Identifier: Apache-2.0
// Where a machine file puts the DIPs: number and place on the four edges, the DIPs that are near a die, and the lanes
// by which messages reach them. And what is wrong with files that put them nowhere or twice.
#include <gmock/gmock.h>

#include <algorithm>

#include "dojo/topology/dip_gates.h"
#include "dojo/topology/topology.h"

namespace dojo::topology {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MachineParams at_level(Level level) {
  MachineParams params;
  params.level = level;
  return params;
}

MachineParams without_dips(Level level) {
  MachineParams params = at_level(level);
  params.dip.west = params.dip.east = {};
  return params;
}

/// Rows or columns of dies that have a DIP at a side of the machine.
std::vector<std::int32_t> lines(const Topology& machine, Direction side) {
  const bool rows = side == Direction::kWest || side == Direction::kEast;
  std::vector<std::int32_t> found;
  for (std::int32_t line = 0; line < (rows ? machine.die_rows() : machine.die_columns()); ++line)
    if (machine.dip_of_line(side, line) != kNone) found.push_back(line);
  return found;
}

TEST(Dips, DefaultsPutOneAtBothEndsOfEachRow) {
  const Topology tray(at_level(Level::kTray));
  ASSERT_EQ(tray.dip_count(), 20u);
  for (std::uint32_t dip = 0; dip < tray.dip_count(); ++dip) {
    EXPECT_EQ(tray.coordinates(tray.dip_die(dip)).row, static_cast<std::int32_t>(dip / 2));
    EXPECT_EQ(tray.coordinates(tray.dip_die(dip)).column, dip % 2 == 0 ? 0 : 14);
    EXPECT_EQ(tray.dip_side(dip), dip % 2 == 0 ? Direction::kWest : Direction::kEast);
    EXPECT_EQ(tray.dip_path(dip), "tray.dip[" + std::to_string(dip) + "]");
  }
}

TEST(Dips, SitOnTheEdgesThatTheFileNames) {
  MachineParams params = without_dips(Level::kTile);
  params.dip.north.number = -1;
  params.dip.south = {2, {0, 3}};
  params.dip.east.number = 1;
  const Topology tile(params);
  EXPECT_THAT(lines(tile, Direction::kWest), IsEmpty());
  EXPECT_THAT(lines(tile, Direction::kEast), ElementsAre(2));
  EXPECT_THAT(lines(tile, Direction::kNorth), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(lines(tile, Direction::kSouth), ElementsAre(0, 3));
  ASSERT_EQ(tile.dip_count(), 8u);
  // Rows first; then column by column, the northern end first.
  EXPECT_EQ(tile.dip_of_line(Direction::kEast, 2), 0u);
  EXPECT_EQ(tile.dip_of_line(Direction::kNorth, 0), 1u);
  EXPECT_EQ(tile.dip_of_line(Direction::kSouth, 0), 2u);
  EXPECT_EQ(tile.dip_of_line(Direction::kNorth, 1), 3u);
  EXPECT_EQ(tile.dip_die(2), tile.die_at(4, 0));
  EXPECT_EQ(tile.dip_side(2), Direction::kSouth);
}

TEST(Dips, AreSpreadEvenlyOverTheEdgeOfEachBlock) {
  const auto west = [](std::int64_t number, DipBlock block, Level level) {
    MachineParams params = without_dips(level);
    params.dip.west.number = number;
    params.dip.block = block;
    return lines(Topology(params), Direction::kWest);
  };
  EXPECT_THAT(west(1, DipBlock::kTile, Level::kTile), ElementsAre(2));
  EXPECT_THAT(west(2, DipBlock::kTile, Level::kTile), ElementsAre(1, 3));
  EXPECT_THAT(west(3, DipBlock::kTile, Level::kTile), ElementsAre(0, 2, 4));
  EXPECT_THAT(west(4, DipBlock::kTile, Level::kTile), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(west(2, DipBlock::kTile, Level::kTray), ElementsAre(1, 3, 6, 8)) << "two tiles";
  EXPECT_THAT(west(2, DipBlock::kTray, Level::kTray), ElementsAre(2, 7));
  EXPECT_THAT(west(2, DipBlock::kTray, Level::kCabinet), ElementsAre(2, 7, 12, 17));
  EXPECT_THAT(west(2, DipBlock::kCabinet, Level::kCabinet), ElementsAre(5, 15));
  EXPECT_THAT(west(1, DipBlock::kMachine, Level::kCabinet), ElementsAre(10));
  EXPECT_THAT(west(1, DipBlock::kTray, Level::kTile), ElementsAre(2)) << "a tile is all there is of its tray";
}

TEST(Dips, AtListedPlacesOfEachBlock) {
  MachineParams params = without_dips(Level::kTray);
  params.dip.south = {-1, {4, 1}};
  EXPECT_THAT(lines(Topology(params), Direction::kSouth), ElementsAre(1, 4, 6, 9, 11, 14)) << "three tiles across";
  params.dip.block = DipBlock::kTray;
  params.dip.south = {1, {7}};
  const Topology tray(params);
  EXPECT_THAT(lines(tray, Direction::kSouth), ElementsAre(7));
  EXPECT_EQ(tray.dip_path(0), "tray.dip[0]");
}

TEST(Dips, AreNumberedWithinTheirTray) {
  MachineParams params = without_dips(Level::kCabinet);  // two trays, one above the other
  params.dip.north.number = params.dip.south.number = 1;
  params.dip.west.number = 1;
  const Topology cabinet(params);
  ASSERT_EQ(cabinet.dip_count(), 4u + 6u);
  EXPECT_EQ(cabinet.dip_path(0), "cabinet.tray[0].dip[0]");
  EXPECT_EQ(cabinet.dip_path(2), "cabinet.tray[1].dip[0]");
  EXPECT_EQ(cabinet.dip_path(4), "cabinet.tray[0].dip[2]") << "after the two in the west";
  EXPECT_EQ(cabinet.dip_path(5), "cabinet.tray[1].dip[2]") << "in the south";
}

TEST(Dips, EdgesOfDiesLeadToThem) {
  MachineParams params = without_dips(Level::kTile);
  params.dip.north = {1, {3}};
  const Topology tile(params);
  const Edge edge = tile.edge(3, Direction::kNorth);
  EXPECT_EQ(edge.neighbour, tile.die_count());
  EXPECT_EQ(edge.link_class, LinkClass::kDip);
  EXPECT_EQ(edge.bytes_per_s, 8.96e11);
  EXPECT_EQ(edge.latency_cycles, 400);
  for (const DieId die : {0u, 2u, 4u}) EXPECT_EQ(tile.edge(die, Direction::kNorth).neighbour, kNone);
  for (DieId die = 0; die < tile.die_count(); die += 5) EXPECT_EQ(tile.edge(die, Direction::kWest).neighbour, kNone);
  EXPECT_EQ(tile.edge(8, Direction::kNorth).neighbour, 3u) << "a die lies there";
}

TEST(Dips, NearestIsTheOneWithTheFewestDiesBetween) {
  MachineParams params = without_dips(Level::kTile);
  params.dip.west = {2, {0, 2}};
  params.dip.south = {1, {4}};
  const Topology tile(params);
  EXPECT_EQ(tile.nearest_dip(tile.die_at(0, 0)), 0u);
  EXPECT_EQ(tile.nearest_dip(tile.die_at(2, 1)), 1u);
  EXPECT_EQ(tile.nearest_dip(tile.die_at(1, 0)), 0u) << "both are as near";
  EXPECT_THAT(tile.nearest_dips(tile.die_at(1, 0)), ElementsAre(0, 1));
  EXPECT_EQ(tile.nearest_dip(tile.die_at(4, 4)), 2u);
  EXPECT_EQ(tile.nearest_dip(tile.die_at(3, 3)), 2u);
  const Topology usual(at_level(Level::kTile));
  EXPECT_EQ(usual.nearest_dip(usual.die_at(3, 2)), 6u) << "the western one of two that are as near";
  EXPECT_THAT(usual.nearest_dips(usual.die_at(3, 2)), ElementsAre(6, 7));
}

TEST(DipGates, LieInTheLineOfTheOtherEnd) {
  MachineParams params = at_level(Level::kTile);
  params.dip.north.number = params.dip.south.number = -1;
  const Topology tile(params);  // dies of 18 x 20
  const auto gate = [&](Direction side, std::int32_t line, Site end) {
    return dip_gate(tile, tile.dip_of_line(side, line), end);
  };
  const DipGate west = gate(Direction::kWest, 1, {20, 50});
  EXPECT_EQ(west.lane, 2);
  EXPECT_EQ(west.router, (Site{20, 0}));
  EXPECT_EQ(west.beyond, (Site{20, -1}));
  const DipGate east = gate(Direction::kEast, 1, {20, 50});
  EXPECT_EQ(east.router, (Site{20, 99}));
  EXPECT_EQ(east.beyond, (Site{20, 100}));
  const DipGate north = gate(Direction::kNorth, 2, {20, 43});
  EXPECT_EQ(north.lane, 3);
  EXPECT_EQ(north.router, (Site{0, 43}));
  EXPECT_EQ(north.beyond, (Site{-1, 43}));
  const DipGate south = gate(Direction::kSouth, 2, {20, 43});
  EXPECT_EQ(south.router, (Site{89, 43}));
  EXPECT_EQ(south.beyond, (Site{90, 43}));
  EXPECT_EQ(gate(Direction::kWest, 0, {20, 50}).lane, 17) << "row 1 of dies has a DIP of its own: the nearest lane";
}

TEST(DipGates, ShareAllLanesWhereALineHasNoDip) {
  MachineParams params = without_dips(Level::kTile);
  params.dip.west = {1, {0}};
  const Topology tile(params);
  for (std::int32_t row = 0; row < 90; ++row) EXPECT_EQ(dip_gate(tile, 0, {row, 7}).lane, row % 18) << row;
  params.dip.west = {};
  params.dip.south = {1, {4}};
  const Topology turned(params);
  for (std::int32_t column = 0; column < 100; ++column)
    EXPECT_EQ(dip_gate(turned, 0, {7, column}).lane, column % 20) << column;
}

TEST(DipGates, TakeTheNearestLaneThatWorks) {
  MachineParams params = without_dips(Level::kDie);
  params.dip.north.number = 1;
  params.defects = {{"die.node[4].router.north", "link"}, {"die.node[5].router", "router"}};
  const Topology die(params);
  EXPECT_EQ(dip_gate(die, 0, {9, 4}).lane, 3);
  EXPECT_EQ(dip_gate(die, 0, {9, 5}).lane, 6);
  EXPECT_EQ(dip_gate(die, 0, {9, 6}).lane, 6);
  EXPECT_TRUE(die.dip_works(0));
}

std::vector<std::string> problems(const MachineParams& params) {
  std::vector<std::string> found;
  for (const Problem& problem : find_problems(params)) found.push_back(problem.json_path + ": " + problem.text);
  return found;
}

TEST(BadDips, TwoAtOnePlace) {
  MachineParams params = at_level(Level::kTile);
  params.dip.west = {-1, {1, 3, 1}};
  EXPECT_THAT(problems(params), ElementsAre(AllOf(HasSubstr("/dip/west/places/2: found 1 a second time"),
                                                  HasSubstr("expected each row of dies once"),
                                                  HasSubstr("one link to a DIP"), HasSubstr("take it out"))));
}

TEST(BadDips, PlacesOffTheEdge) {
  MachineParams params = at_level(Level::kTile);
  params.dip.north = {-1, {0, 5}};
  EXPECT_THAT(problems(params),
              ElementsAre(AllOf(HasSubstr("/dip/north/places/1: found 5, expected a column of dies from 0 to 4, the "
                                          "length of the northern edge of each tile (5 dies)"),
                                HasSubstr("take it out, or let dip.block speak of a larger part"))));
  params.level = Level::kTray;  // 10 x 15 dies
  params.dip.block = DipBlock::kMachine;
  EXPECT_THAT(problems(params), IsEmpty());
  params.dip.east = {-1, {14}};
  EXPECT_THAT(problems(params),
              ElementsAre(HasSubstr("/dip/east/places/0: found 14, expected a row of dies from 0 to 9")));
}

TEST(BadDips, MoreThanTheEdgeHasLinks) {
  MachineParams params = at_level(Level::kTile);
  params.dip.east.number = 6;
  EXPECT_THAT(problems(params),
              ElementsAre(AllOf(HasSubstr("/dip/east/number: found 6 DIPs on the eastern edge of each tile (5 dies), "
                                          "expected at most 5"),
                                HasSubstr("one link to a DIP"), HasSubstr("lower it"))));
  params.dip.block = DipBlock::kMachine;
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("the eastern edge of the machine as a whole (5 dies)")));
  params.level = Level::kTray;
  EXPECT_THAT(problems(params), IsEmpty()) << "its edge has ten";
}

TEST(BadDips, ANumberThatContradictsThePlaces) {
  MachineParams params = at_level(Level::kTile);
  params.dip.south.places = {2};  // its number is 0
  EXPECT_THAT(problems(params),
              ElementsAre(AllOf(HasSubstr("/dip/south/number: found 0 beside 1 places, expected as many of both"),
                                HasSubstr("say 1, or leave places empty"))));
  params.dip.south.number = -1;
  EXPECT_THAT(problems(params), IsEmpty());
}

TEST(BadDips, DipsThatLieNowhere) {
  MachineParams params = without_dips(Level::kTile);
  EXPECT_THAT(problems(params), ElementsAre(AllOf(HasSubstr("/dip/present: found true and no DIP on any edge"),
                                                  HasSubstr("say false for a machine without DIPs"))));
  params.dip.present = false;
  EXPECT_THAT(problems(params), IsEmpty());
}

TEST(BadDips, AllAreFoundAtOnceAndWrongGridsHideNone) {
  MachineParams params = at_level(Level::kTile);
  params.dip.west.number = 9;
  params.dip.north = {1, {8}};
  EXPECT_EQ(problems(params).size(), 2u);
  params = at_level(Level::kExapod);
  params.exapod.tile_mesh = {41, 3};
  params.dip.block = DipBlock::kMachine;
  params.dip.west.number = 205;  // fits what the file says, not the mesh that it is checked as
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("/exapod/tile_mesh")));
}

}  // namespace
}  // namespace dojo::topology
