// SPDX-License-Identifier: Apache-2.0
// Detours of bursts: their legs, one after the other, and what they add.
#include "dojo/fabric/burst_routes.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "dojo/base/error.h"
#include "dojo/topology/topology.h"

namespace dojo::fabric {
namespace {

/// A die of three by three nodes with DIPs at the ends of its row; the links east of the listed nodes are dead.
topology::Topology die(const std::vector<int>& dead_east) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {3, 3};
  params.die.enabled = 9;
  for (const int node : dead_east) {
    topology::NodeDefect defect;
    defect.path = "die.node[" + std::to_string(node) + "].router.east";
    defect.kind = "link";
    params.defects.push_back(defect);
  }
  return topology::Topology(params);
}

Burst to(std::int32_t row, std::int32_t column) {
  Burst burst;
  burst.row = row;
  burst.column = column;
  return burst;
}

TEST(BurstRoutes, AMachineWithoutDeadPartsNeedsNone) {
  const topology::Topology whole = die({});
  BurstRoutes routes;
  routes.configure(whole);
  EXPECT_FALSE(routes.needed());
  Burst burst = to(2, 2);
  EXPECT_EQ(routes.start(burst, {0, 0}), 0);
  EXPECT_EQ(burst.row, 2);
  EXPECT_EQ(burst.legs_left, 0);
}

TEST(BurstRoutes, DimensionOrderIsTakenWhereItWorks) {
  const topology::Topology broken = die({0});
  BurstRoutes routes;
  routes.configure(broken);
  EXPECT_TRUE(routes.needed());
  Burst burst = to(2, 2);
  EXPECT_EQ(routes.start(burst, {1, 0}), 0);
  EXPECT_EQ(burst.legs_left, 0);
  EXPECT_EQ(burst.row, 2);
  EXPECT_EQ(burst.column, 2);
}

/// Follows all legs; each goes in dimension order over what works. Returns the hops.
std::int32_t follow(const topology::Topology& topology, BurstRoutes& routes, Burst burst, topology::Site at) {
  std::int32_t hops = 0;
  for (;;) {
    const topology::Site end{burst.row, burst.column < 0 ? 0 : std::min(burst.column, 2)};
    EXPECT_TRUE(topology.routes()->leg_works(at, end));
    hops += std::abs(end.row - at.row) + std::abs(end.column - at.column);
    at = end;
    if (burst.legs_left == 0) return hops;
    const int leg = burst.leg, left = burst.legs_left;
    routes.next_leg(burst);
    EXPECT_EQ(burst.leg, leg + 1);
    EXPECT_EQ(burst.legs_left, left - 1);
  }
}

TEST(BurstRoutes, LegsLeadAroundADeadLinkToTheDestination) {
  const topology::Topology broken = die({0});
  BurstRoutes routes;
  routes.configure(broken);
  for (int twice = 0; twice < 2; ++twice) {  // the second time from what is known
    Burst burst = to(0, 2);
    const std::int32_t added = routes.start(burst, {0, 0});
    EXPECT_EQ(added, 2) << "a row down and up again";
    EXPECT_GT(burst.legs_left, 0);
    EXPECT_EQ(burst.leg, 0);
    EXPECT_EQ(follow(broken, routes, burst, {0, 0}), 2 + added);
  }
}

TEST(BurstRoutes, ADetourToADipLeavesTheMachineAtItsEnd) {
  const topology::Topology broken = die({0, 1});
  BurstRoutes routes;
  routes.configure(broken);
  for (const bool east : {true, false}) {
    Burst burst = to(0, east ? 3 : -1);
    const topology::Site source{0, east ? 0 : 2};
    EXPECT_EQ(routes.start(burst, source), 2);
    EXPECT_EQ(burst.exit, east ? 2 : 1);
    while (burst.legs_left > 0) {
      EXPECT_GE(burst.column, 0);
      EXPECT_LT(burst.column, 3) << "earlier legs end at routers";
      routes.next_leg(burst);
    }
    EXPECT_EQ(burst.row, 0);
    EXPECT_EQ(burst.column, east ? 3 : -1);
  }
}

TEST(BurstRoutes, CopiesOfABurstFindTheSameLegs) {
  const topology::Topology broken = die({0});
  BurstRoutes here, there;  // of two dies
  here.configure(broken);
  there.configure(broken);
  Burst burst = to(0, 1);
  here.start(burst, {0, 0});
  Burst same = burst;
  while (burst.legs_left > 0) {
    here.next_leg(burst);
    there.next_leg(same);
    EXPECT_EQ(burst.row, same.row);
    EXPECT_EQ(burst.column, same.column);
  }
}

}  // namespace
}  // namespace dojo::fabric
