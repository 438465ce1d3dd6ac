// SPDX-License-Identifier: Apache-2.0
// Bursts of single nodes have the rows and columns by which they leave a die in turn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/machine/burst_die.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;

// Each has two flits. The nearest node's head is at the border at 0 + 1 + 1, and the next one's a train later.
TEST(FastPortLanes, OfNodesThatSendAtOnceTheNearestToTheEdgeGoesFirst) {
  Bench bench(tile_params(1, 2, 1, 3, 1 << 20));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 0);
  for (SiteIndex site = 0; site < 3; ++site) die.post(site, to(0, 3, site), 128, 0);
  EXPECT_FALSE(die.port.settled());
  die.run();
  EXPECT_TRUE(die.port.settled());
  EXPECT_THAT(die.names(Direction::kEast), ElementsAre(2, 1, 0));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(die.out(Direction::kEast)[i].time, 2 + 2 * static_cast<Cycles>(i) + 10);
}

TEST(FastPortLanes, TheNearestToTheSouthernEdgeGoesFirstToo) {
  Bench bench(tile_params(2, 1, 3, 1, 1 << 20));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 0);
  for (SiteIndex site = 0; site < 3; ++site) die.post(site, to(3, 0, site), 128, 0);
  die.run();
  EXPECT_THAT(die.names(Direction::kSouth), ElementsAre(2, 1, 0));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(die.out(Direction::kSouth)[i].time, 2 + 2 * static_cast<Cycles>(i) + 10);
}

// A turn is two flits here: the node at the edge and the one behind it have every other one.
TEST(FastPortLanes, NodesTakeTurnsBurstByBurst) {
  Bench bench(tile_params(1, 2, 1, 2, 1 << 20));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 0);
  for (SiteIndex site = 0; site < 2; ++site) die.post(site, to(0, 2, site), 3 * kBurst, 0);
  die.run();
  EXPECT_THAT(die.names(Direction::kEast), ElementsAre(1, 0, 1, 0, 1, 0));
}

// Five routers in a row hold four packets of 64 bytes each.
TEST(FastPortLanes, ATurnIsWhatTheRoutersOfTheLongerSideHold) {
  for (const bool wide : {true, false}) {
    Bench bench(wide ? tile_params(1, 2, 1, 5, 1 << 20) : tile_params(1, 2, 5, 1, 1 << 20));
    bench.settings.burst_bytes = 8192;
    Die die(bench, 0);
    die.post(0, to(0, wide ? 5 : 1), 5 * 4 * 64 + 64, 0);
    die.run();
    ASSERT_EQ(die.out(Direction::kEast).size(), 2u);
    EXPECT_EQ(die.out(Direction::kEast)[0].burst.bytes, 5u * 4 * 64);
    EXPECT_EQ(die.out(Direction::kEast)[1].burst.bytes, 64u);
  }
}

// To the first column of the machine, as to any other.
TEST(FastPortLanes, WhatGoesToTheFirstColumnOfTheMachineTakesTurnsToo) {
  Bench bench(tile_params(1, 2, 1, 2, 1 << 20));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 1);
  for (SiteIndex site = 0; site < 2; ++site) die.post(site, to(0, 0, site), 3 * kBurst, 0);
  die.run();
  EXPECT_THAT(die.names(Direction::kWest), ElementsAre(0, 1, 0, 1, 0, 1));
}

// On the upper right of four dies: the first burst from the west turns to the south, whose edge is full; the second
// goes to a node of the row.
TEST(FastPortLanes, WhatComesBehindABurstThatWaitsStandsInTheReceiveBuffer) {
  Bench bench(tile_params(2, 2, 2, 2, 64));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 1);
  die.fill(Direction::kSouth, 2 + 64, 0);
  die.out(Direction::kSouth).clear();
  auto& mail = die.context.mail[die.context.mailbox_of_die(0, Direction::kEast)].crossings[1];
  Burst turns = to(3, 2, 1), stays = to(0, 3, 2), below = to(1, 3, 3);
  turns.bytes = stays.bytes = below.bytes = kBurst;
  mail.push_back({20, 0, turns});
  mail.push_back({21, 0, stays});
  mail.push_back({21, 1, below});
  die.port.read_mail();
  die.run(500);
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(3u, Cycles{21 + 1 + 2}))) << "on another row";
  EXPECT_EQ(die.credits(Direction::kWest).size(), 1u);
  EXPECT_FALSE(die.port.settled());
  EXPECT_FALSE(die.port.at_rest(500));
  die.give_credits(Direction::kSouth, 600, 200);
  die.run();
  EXPECT_TRUE(die.port.settled());
  EXPECT_EQ(die.names(Direction::kSouth).back(), 1u);
  ASSERT_EQ(die.arrived().size(), 2u);
  EXPECT_EQ(die.arrived()[1], std::make_pair(2u, Cycles{600 + 2 + 1 + 2})) << "behind two flits";
  EXPECT_EQ(die.credits(Direction::kWest).size(), 3u);
}

}  // namespace
}  // namespace dojo::machine::test
