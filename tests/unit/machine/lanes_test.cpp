// SPDX-License-Identifier: Apache-2.0
// Whose turn it is on a row or column that leads to an edge.
#include "machine/network/lanes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dojo::machine {
namespace {

using ::testing::ElementsAre;

Lane::Ask ask(std::uint32_t who, std::int32_t from_edge, LaneInput input = LaneInput::kNode) {
  Lane::Ask made;
  made.who = who;
  made.from_edge = from_edge;
  made.input = input;
  return made;
}

std::vector<std::uint32_t> all(Lane& lane, bool oldest_first = false) {
  std::vector<std::uint32_t> order;
  while (!lane.empty()) order.push_back(lane.take(oldest_first).who);
  return order;
}

TEST(Lane, OfNodesThatAskOnceTheNearestToTheEdgeGoesFirst) {
  Lane lane;
  for (const int place : {7, 2, 19, 0, 5}) lane.add(ask(static_cast<std::uint32_t>(place), place));
  EXPECT_THAT(all(lane), ElementsAre(0, 2, 5, 7, 19));
}

TEST(Lane, WithOldestFirstWhoAskedFirstGoesFirst) {
  Lane lane;
  for (const int place : {7, 2, 19}) lane.add(ask(static_cast<std::uint32_t>(place), place));
  EXPECT_THAT(all(lane, true), ElementsAre(7, 2, 19));
}

// The router at the edge takes turns between its node and what comes from behind; so does the next one.
TEST(Lane, ANodeThatAsksAgainHasHalfOfTheTurns) {
  Lane lane;
  for (const std::int32_t place : {0, 1, 2}) lane.add(ask(static_cast<std::uint32_t>(place), place));
  std::vector<std::uint32_t> order;
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t who = lane.take(false).who;
    order.push_back(who);
    lane.add(ask(who, static_cast<std::int32_t>(who)));
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 0, 2, 0, 1, 0, 2));
}

TEST(Lane, ARouterServesItsNodeAndBothSidesInTurnAndThenWhatComesFromBehind) {
  Lane lane;
  lane.add(ask(4, 9));
  lane.add(ask(3, 5, LaneInput::kOn));  // over the edge at the far end
  lane.add(ask(2, 5, LaneInput::kHigh));
  lane.add(ask(1, 5, LaneInput::kLow));
  lane.add(ask(0, 5));
  EXPECT_THAT(all(lane), ElementsAre(0, 1, 2, 3, 4));
}

// A die whose lanes are empty is as if nothing had ever been sent: what it does next may be copied to others.
TEST(Lane, TurnsBeginAnewWhenNobodyWaits) {
  Lane lane;
  lane.add(ask(0, 0));
  lane.add(ask(1, 1));
  EXPECT_EQ(lane.take(false).who, 0u);
  EXPECT_EQ(lane.take(false).who, 1u);
  lane.add(ask(1, 1));
  lane.add(ask(0, 0));
  EXPECT_EQ(lane.take(false).who, 0u) << "and not from behind, whose turn it would be";
}

}  // namespace
}  // namespace dojo::machine
