// SPDX-License-Identifier: Apache-2.0
// Ways around dead parts: every pair has one, it uses live links only and turns as the rule says; the checker finds
// circles where a rule allows them.
#include "dojo/topology/routes.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace dojo::topology {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

MachineParams small_tile(std::int64_t dies) {
  MachineParams params;
  params.level = Level::kTile;
  params.tile.dies = {dies, dies};
  params.die.grid = {6, 6};
  params.die.enabled = 36;
  return params;
}

/// Follows a route hop by hop; false at a dead link. Counts its hops.
bool follow(const Routes& routes, Site at, const Route& route, std::int32_t& hops) {
  for (int leg = 0; leg < route.legs; ++leg) {
    const Site end = route.ends[static_cast<std::size_t>(leg)];
    while (!(at == end)) {
      const Site before = at;
      if (at.column != end.column) {
        at.column += end.column > at.column ? 1 : -1;
        if (!routes.row_works(at.row, before.column, at.column)) return false;
      } else {
        at.row += end.row > at.row ? 1 : -1;
        if (!routes.column_works(at.column, before.row, at.row)) return false;
      }
      if (!routes.router_works(at)) return false;
      ++hops;
    }
  }
  return true;
}

TEST(Routes, AHealthyMachineHasNoneAndDeadCoresNeedNone) {
  MachineParams params = small_tile(2);
  EXPECT_EQ(Topology(params).routes(), nullptr);
  params.defects = {{"tile.die[0].node[7]", "core"}};
  const Topology topology(params);
  EXPECT_EQ(topology.routes(), nullptr);
  EXPECT_EQ(topology.dead().cores, 1);
  EXPECT_EQ(topology.node_count(), 4 * 36 - 1);
}

TEST(Routes, ADeadRouterTakesItsCoreAndIsPassedInTwoLegs) {
  MachineParams params = small_tile(2);
  params.defects = {{"tile.die[0].node[8].router", "router"}};  // row 1, column 2
  const Topology topology(params);
  ASSERT_NE(topology.routes(), nullptr);
  EXPECT_EQ(topology.dead().routers, 1);
  EXPECT_EQ(topology.dead().cores, 0);
  EXPECT_EQ(topology.node_count(), 4 * 36 - 1);
  const Routes& routes = *topology.routes();
  const Route straight = routes.find({1, 0}, {1, 5});
  EXPECT_EQ(straight.legs, 2);
  EXPECT_EQ(straight.hops, 7);
  const Route corner = routes.find({1, 0}, {4, 2});  // the other corner is as short
  EXPECT_EQ(corner.legs, 2);
  EXPECT_EQ(corner.hops, 5);
  EXPECT_EQ(routes.find({0, 0}, {5, 5}).legs, 1);
  EXPECT_EQ(routes.find({1, 2}, {5, 5}).legs, 0);
}

TEST(Routes, EveryPairOfSmallMachinesHasOneOverLiveLinks) {
  for (std::int64_t seed = 1; seed <= 8; ++seed) {
    MachineParams params = small_tile(2);
    params.defects_random = {{"router", 0.05, 0, seed, 0}, {"link", 0.03, 0, seed + 100, 0}};
    const Topology topology(params);
    const Routes& routes = *topology.routes();
    for (std::int32_t from = 0; from < 144; ++from) {
      for (std::int32_t to = 0; to < 144; ++to) {
        const Site a{from / 12, from % 12}, b{to / 12, to % 12};
        if (!routes.router_works(a) || !routes.router_works(b)) continue;
        const Route route = routes.find(a, b);
        ASSERT_GT(route.legs, 0) << seed << " " << from << " " << to;
        std::int32_t hops = 0;
        EXPECT_TRUE(follow(routes, a, route, hops)) << seed << " " << from << " " << to;
        EXPECT_EQ(hops, route.hops);
        EXPECT_TRUE(route.ends[static_cast<std::size_t>(route.legs) - 1] == b);
      }
    }
    EXPECT_THAT(find_channel_cycle(topology, kRouteLegs, route_turn), IsEmpty());
  }
}

TEST(Routes, DeadDiesAndATilesEdgeArePassed) {
  MachineParams params;
  params.level = Level::kTray;
  params.defects = {{"tray.tile[0].edge.east", "edge"}, {"tray.tile[4].die[12]", "die"}};
  const Topology topology(params);
  const Routes& routes = *topology.routes();
  EXPECT_EQ(topology.dead().dies, 1);
  EXPECT_EQ(topology.dead().links, 90);
  EXPECT_EQ(topology.node_count(), 149 * 354);
  for (const auto& [a, b] :
       {std::pair<Site, Site>{{40, 0}, {40, 299}}, {{0, 99}, {0, 100}}, {{130, 130}, {130, 199}}}) {
    const Route route = routes.find(a, b);
    ASSERT_GT(route.legs, 1);
    std::int32_t hops = 0;
    EXPECT_TRUE(follow(routes, a, route, hops));
    EXPECT_EQ(hops, route.hops);
  }
  EXPECT_EQ(topology.edge(4, Direction::kEast).neighbour, kNone);
  EXPECT_NE(topology.edge(3, Direction::kEast).neighbour, kNone);
}

/// Each lane takes the same one of a die beside the dead one, half of the nodes above and half below.
TEST(Routes, LanesShareTheWaysAroundADeadDieOrEdge) {
  for (const char* const dead : {"tile.die[4]", "tile.die[3].edge.east"}) {
    MachineParams params = small_tile(3);
    params.defects = {{dead, std::string(dead).find("edge") == std::string::npos ? "die" : "edge"}};
    const Topology topology(params);
    const Routes& routes = *topology.routes();
    std::map<std::int32_t, int> users;  // by row of the turn
    for (std::int32_t row = 6; row < 12; ++row) {
      for (std::int32_t column = 0; column < 6; ++column) {
        const Route route = routes.find({row, column}, {row, column + 12});
        ASSERT_EQ(route.legs, 2);
        std::int32_t hops = 0;
        EXPECT_TRUE(follow(routes, {row, column}, route, hops));
        EXPECT_EQ(hops, 12 + 12);
        ++users[route.ends[0].row];
      }
    }
    for (const auto& [row, nodes] : users) EXPECT_EQ(nodes, 3) << dead << ": row " << row;
    EXPECT_EQ(users.size(), 12u) << dead;
  }
}

TEST(Routes, AWholeTilesEdgeIsPassedOnAllLanesOfTheDiesBelow) {
  MachineParams params = small_tile(3);
  params.level = Level::kTray;
  params.defects = {{"tray.tile[0].edge.east", "edge"}};
  const Topology topology(params);
  const Routes& routes = *topology.routes();
  std::set<std::int32_t> rows;
  for (std::int32_t row = 0; row < 18; ++row) {
    const Route route = routes.find({row, 17}, {row, 18});
    ASSERT_EQ(route.legs, 2) << row;
    rows.insert(route.ends[0].row);
  }
  EXPECT_EQ(rows.size(), 6u);
  EXPECT_EQ(*rows.begin(), 18);
}

TEST(Routes, ADieWhoseDipIsDeadIsServedByTheNearestThatWorks) {
  MachineParams params = small_tile(3);
  EXPECT_EQ(Topology(params).nearest_dip(3), 2u);
  params.defects = {{"tile.die[3].edge.west", "edge"}};
  EXPECT_EQ(Topology(params).nearest_dip(3), 0u);
}

TEST(Routes, RoutersThatReachNothingOnTheirDieAreCutOff) {
  MachineParams params = small_tile(2);
  params.defects = {{"tile.die[0].node[0].router.east", "link"}, {"tile.die[0].node[0].router.south", "link"}};
  const Topology topology(params);
  EXPECT_EQ(topology.dead().routers, 1);
  EXPECT_EQ(topology.dead().cut_off, 1);
  EXPECT_EQ(topology.node_count(), 4 * 36 - 1);
}

TEST(ChannelCycles, AreFoundAndNamedWhereARuleAllowsThem) {
  const Topology topology(small_tile(1));
  EXPECT_THAT(find_channel_cycle(topology, 1, route_turn), IsEmpty());
  const auto any_turn = [](Direction in, int, Direction out, int) { return out != opposite(in); };
  const std::vector<Channel> cycle = find_channel_cycle(topology, 1, any_turn);
  ASSERT_THAT(cycle, SizeIs(::testing::Ge(4)));
  for (std::size_t i = 0; i < cycle.size(); ++i) {  // each leads to the router of the next
    const Channel& channel = cycle[i];
    Site beyond = channel.router;
    beyond.row += channel.direction == Direction::kSouth ? 1 : channel.direction == Direction::kNorth ? -1 : 0;
    beyond.column += channel.direction == Direction::kEast ? 1 : channel.direction == Direction::kWest ? -1 : 0;
    EXPECT_TRUE(beyond == cycle[(i + 1) % cycle.size()].router);
  }
  EXPECT_THAT(channel_path(topology, cycle.front()), HasSubstr("tile.die[0].node["));
  // Two legs on one virtual network wait for each other; on two they do not.
  const auto one_network = [](Direction, int, Direction, int) { return true; };
  EXPECT_FALSE(find_channel_cycle(topology, 1, one_network).empty());
}

}  // namespace
}  // namespace dojo::topology
