// SPDX-License-Identifier: Apache-2.0
// Trains that meet at an edge: each takes what others have left of a slot of 32 cycles.
#include "dojo/fabric/edge_slots.h"

#include <gtest/gtest.h>

namespace dojo::fabric {
namespace {

constexpr std::int64_t cycles(std::int64_t number) {
  return number << EdgeSlots::kUnitBits;
}

TEST(EdgeSlots, ATrainAloneIsDoneAfterItsTimeAtTheEdge) {
  EdgeSlots slots;
  EXPECT_EQ(slots.take(1000, 64, cycles(4), 1000), 1057) << "16 lanes: half a cycle of the slot from 1056 on";
  EXPECT_EQ(slots.take(3000, 128, cycles(512), 3000), 3512) << "an edge slower than a link, begun within a slot";
  EXPECT_EQ(slots.take(5000, 1, cycles(4) + 1, 5000), 5005) << "any part of a cycle is a cycle";
}

// Both take the whole edge for 32 cycles.
TEST(EdgeSlots, WhatComesLateLeavesEarlierSlotsToOthers) {
  EdgeSlots slots;
  EXPECT_EQ(slots.take(3200, 32, cycles(32), 0), 3232);
  EXPECT_EQ(slots.take(0, 32, cycles(32), 0), 32);
  EXPECT_EQ(slots.take(0, 32, cycles(32), 0), 64) << "behind the one of its time";
  EXPECT_EQ(slots.take(3200, 32, cycles(32), 0), 3264);
}

// Two lanes fill the edge, so a third lane's train has to wait for the next slot.
TEST(EdgeSlots, LanesPassSideBySide) {
  EdgeSlots slots;
  EXPECT_EQ(slots.take(0, 32, cycles(16), 0), 16);
  EXPECT_EQ(slots.take(0, 32, cycles(16), 0), 32);
  EXPECT_EQ(slots.take(0, 32, cycles(16), 0), 48);
}

// A long train has half of the edge in each slot: 16 cycles of each are left to others.
TEST(EdgeSlots, AShortTrainPassesBesideALongOne) {
  EdgeSlots slots;
  EXPECT_EQ(slots.take(0, 640, cycles(320), 0), 608 + 16);
  EXPECT_EQ(slots.take(320, 8, cycles(4), 0), 320 + 16 + 4);
  EXPECT_EQ(slots.take(64, 32, cycles(16), 0), 64 + 16 + 16);
}

TEST(EdgeSlots, OfASlotNoMoreIsTakenThanHasCome) {
  EdgeSlots slots;
  // Its head comes 8 cycles before the slot ends: it takes these, and 24 cycles of the next slot.
  EXPECT_EQ(slots.take(24, 32, cycles(32), 0), 56);
  EXPECT_EQ(slots.take(24, 8, cycles(8), 0), 64) << "of the first slot nothing is left for what comes as late";
  EXPECT_EQ(slots.take(0, 24, cycles(24), 0), 32) << "24 cycles for what came earlier";
  EXPECT_EQ(slots.take(0, 1, cycles(1), 0), 65) << "both are full";
}

TEST(EdgeSlots, InASlotOneGoesAfterTheOther) {
  EdgeSlots slots;
  EXPECT_EQ(slots.take(100, 2, cycles(2), 90), 102);
  EXPECT_EQ(slots.take(100, 2, cycles(2), 90), 104);
  EXPECT_EQ(slots.take(110, 2, cycles(2), 90), 112);
}

TEST(EdgeSlots, WhatIsOverIsForgotten) {
  EdgeSlots slots;
  for (int i = 0; i < 4; ++i) slots.take(0, 32, cycles(32), 0);
  EXPECT_EQ(slots.take(128, 32, cycles(32), 128), 160) << "behind the fourth, which has the slot from 96 to 128";
  EXPECT_EQ(slots.take(100000, 32, cycles(32), 100000), 100032);
}

// However they come, the edge moves no more than its rate.
TEST(EdgeSlots, TheRateHolds) {
  EdgeSlots slots;
  Cycles last = 0;
  std::int64_t all = 0;
  for (Cycles i = 0; i < 500; ++i) {
    const Flits flits = 1 + i * 37 % 90;
    const std::int64_t units = cycles(flits) / 3 + 1;
    last = std::max(last, slots.take(i * 61 % 700, flits, units, 0));
    all += units;
  }
  EXPECT_GE(cycles(last), all);
  EXPECT_LE(cycles(last), all + cycles(700 + 64));
}

}  // namespace
}  // namespace dojo::fabric
