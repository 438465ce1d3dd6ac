// SPDX-License-Identifier: Apache-2.0
// The edges of a die alone: rate, credits, what waits for them and in which order it is woken.
#include "machine/network/border.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using topology::Direction;
constexpr Bytes kBurst = 128;  // the receive buffers hold two

fabric::Burst burst(std::int32_t row, std::uint32_t bytes = kBurst) {
  fabric::Burst burst;
  burst.row = row;
  burst.bytes = bytes;
  return burst;
}

struct Die {
  Die(Bench& bench, DieId die) : border(context_of(bench), die, mail, moment) {}
  static Context& context_of(Bench& bench) {
    bench.settings.burst_bytes = kBurst;
    return bench.context();
  }
  void leave(Direction d, const fabric::Burst& b, Cycles head) { border.leave(d, 1, b, (b.bytes + 63) / 64, head); }
  /// Runs wakes up to `end`; the ways for which there was room.
  std::vector<std::size_t> wake(Cycles end = kNever) {
    std::vector<std::size_t> rooms;
    while (border.next_wake() < end) {
      moment.now = border.next_wake();
      border.run_wakes([&](const WayOut& way) { rooms.push_back(way.index()); });
    }
    return rooms;
  }
  [[nodiscard]] std::vector<Cycles> times() const {
    std::vector<Cycles> times;
    for (const FakeMail::Sent& sent : mail.crossings) times.push_back(sent.crossing.time);
    return times;
  }
  FakeMail mail;
  Moment moment;
  Border border;
};

class BorderTest : public ::testing::Test {
 protected:
  BorderTest() : bench_(tile_params(2, 3, 2, 2, 64)), die_(bench_, 1) {}
  Bench bench_;
  Die die_;  // in the middle of the upper row: neighbours east, west and south
};

TEST_F(BorderTest, RefusesABurstThatLeavesWhereTheMachineEnds) {
  EXPECT_FALSE(die_.border.edge(Direction::kNorth).present());
  EXPECT_THROW(die_.leave(Direction::kNorth, burst(0), 10), Error);
}

// 64 bytes a cycle and 10 cycles to the other side; the second waits for the serialiser.
TEST_F(BorderTest, BurstsTakeTheRateAndTheLatencyOfTheEdge) {
  die_.moment.now = 90;
  die_.leave(Direction::kEast, burst(1), 100);
  die_.leave(Direction::kEast, burst(2), 100);
  EXPECT_THAT(die_.times(), ElementsAre(100 + 10, 100 + 2 + 10));
  EXPECT_EQ(die_.mail.crossings[1].direction, Direction::kEast);
  EXPECT_EQ(die_.mail.crossings[1].crossing.lane, 1);
  EXPECT_EQ(die_.mail.crossings[1].crossing.burst.row, 2);
  EXPECT_TRUE(die_.border.at_rest());
  EXPECT_EQ(die_.border.latency(Direction::kEast), 10);
}

TEST_F(BorderTest, WhatFindsNoCreditWaitsForIt) {
  for (int i = 0; i < 3; ++i) die_.leave(Direction::kEast, burst(i), 100);
  EXPECT_TRUE(die_.border.any_waiting());
  EXPECT_EQ(die_.border.next_wake(), kNever) << "no credit is known to come";
  EXPECT_FALSE(die_.border.at_rest());
  die_.border.add_credit(Direction::kEast, {200, kBurst, 0});
  die_.border.plan_wake(Direction::kEast);
  EXPECT_EQ(die_.border.next_wake(), 200);
  EXPECT_TRUE(die_.wake().empty());
  EXPECT_THAT(die_.times(), ElementsAre(110, 112, 200 + 10));
  EXPECT_EQ(die_.border.wakes(), 1u);
  EXPECT_TRUE(die_.border.at_rest());
}

TEST_F(BorderTest, CreditsMayBeToldInAnyOrderAndAtAnyTime) {
  const std::vector<Cycles> order[] = {{200, 300, 400}, {400, 300, 200}, {300, 400, 200}};
  for (const std::vector<Cycles>& times : order) {
    Die die(bench_, 1);
    for (int i = 0; i < 5; ++i) die.leave(Direction::kEast, burst(i), 100);
    for (const Cycles time : times) {
      die.border.add_credit(Direction::kEast, {time, kBurst, 0});
      die.border.plan_wake(Direction::kEast);
    }
    die.wake();
    EXPECT_THAT(die.times(), ElementsAre(110, 112, 210, 310, 410));
  }
}

TEST_F(BorderTest, ACreditOfAFewPacketsLetsABurstStart) {
  for (int i = 0; i < 3; ++i) die_.leave(Direction::kEast, burst(i), 100);
  die_.border.add_credit(Direction::kEast, {150, 64, 0});
  die_.border.plan_wake(Direction::kEast);
  die_.wake();
  EXPECT_EQ(die_.times().back(), 160);
}

// Beyond 64 bursts that wait, new ones stay at their routers; the first that goes makes room.
TEST_F(BorderTest, AFullEdgeTellsWhenThereIsRoomAgain) {
  const WayOut east{Direction::kEast, 0};
  for (int i = 0; i < 2 + 63; ++i) die_.leave(Direction::kEast, burst(i), 100);
  EXPECT_FALSE(die_.border.is_full(east));
  die_.leave(Direction::kEast, burst(65), 100);
  EXPECT_TRUE(die_.border.is_full(east));
  EXPECT_FALSE(die_.border.is_full({Direction::kWest, 0}));
  EXPECT_TRUE(die_.border.any_full());
  die_.border.add_credit(Direction::kEast, {200, kBurst, 0});
  die_.border.plan_wake(Direction::kEast);
  EXPECT_THAT(die_.wake(), ElementsAre(east.index()));
  EXPECT_FALSE(die_.border.any_full());
  EXPECT_FALSE(die_.border.at_rest()) << "63 wait still";
}

TEST_F(BorderTest, EdgesThatWakeInOneCycleGoByDirection) {
  for (const Direction d : {Direction::kSouth, Direction::kWest, Direction::kEast}) {
    for (int i = 0; i < 2 + 64; ++i) die_.leave(d, burst(i), 100);
    die_.border.add_credit(d, {500, kBurst, 0});
    die_.border.plan_wake(d);
  }
  die_.mail.crossings.clear();
  EXPECT_THAT(die_.wake(), ElementsAre(WayOut{Direction::kEast, 0}.index(), WayOut{Direction::kWest, 0}.index(),
                                       WayOut{Direction::kSouth, 0}.index()));
  ASSERT_EQ(die_.mail.crossings.size(), 3u);
  EXPECT_EQ(die_.mail.crossings[0].direction, Direction::kEast);
  EXPECT_EQ(die_.mail.crossings[1].direction, Direction::kWest);
  EXPECT_EQ(die_.mail.crossings[2].direction, Direction::kSouth);
  EXPECT_EQ(die_.border.wakes(), 3u);
}

TEST(BorderWithDetours, EachLegHasABufferOfItsOwn) {
  topology::MachineParams params = tile_params(1, 2, 3, 3, 64);
  params.defects.push_back({"tile.die[0].node[4].router", "router"});
  Bench bench(params);
  ASSERT_NE(bench.topology.routes(), nullptr);
  Die die(bench, 0);
  for (int i = 0; i < 2 + 64; ++i) die.leave(Direction::kEast, burst(i), 100);
  fabric::Burst turned = burst(99);
  turned.leg = 1;
  die.leave(Direction::kEast, turned, 100);
  EXPECT_EQ(die.mail.crossings.back().crossing.burst.row, 99) << "passes those of the first leg";
  EXPECT_TRUE(die.border.is_full({Direction::kEast, 0}));
  EXPECT_FALSE(die.border.is_full({Direction::kEast, 1}));
  for (int i = 0; i < 1 + 64; ++i) die.leave(Direction::kEast, turned, 100);
  EXPECT_TRUE(die.border.is_full({Direction::kEast, 1}));
  for (const std::uint32_t leg : {0u, 1u}) die.border.add_credit(Direction::kEast, {400, kBurst, leg});
  die.border.plan_wake(Direction::kEast);
  EXPECT_THAT(die.wake(), ElementsAre(WayOut{Direction::kEast, 0}.index(), WayOut{Direction::kEast, 1}.index()));
}

// In the ideal network every burst goes at once; one of two flits is as long as the edge takes for it.
TEST(BorderOfTheIdealNetwork, NothingWaits) {
  topology::MachineParams params = tile_params(1, 2, 2, 2, 64);
  params.die.edge_bytes_per_s = 16e9;  // a quarter of a link
  Bench bench(params);
  bench.settings.network_model = NetworkModel::kIdeal;
  Die die(bench, 0);
  for (int i = 0; i < 100; ++i) die.leave(Direction::kEast, burst(i), 100);
  EXPECT_TRUE(die.border.at_rest());
  ASSERT_EQ(die.mail.crossings.size(), 100u);
  for (const Cycles time : die.times()) EXPECT_EQ(time, 100 + (8 - 2) + 10) << "128 bytes take eight cycles, not two";
  EXPECT_EQ(die.border.edge(Direction::kEast).serialiser().bytes(), 100u * 128u);
}

// Die 4 lies below die 1. Its southern edge does not exist, its northern one leads to another row of tiles.
TEST_F(BorderTest, ACopyHasItsOwnNamesAndKeepsTheEdgesToOtherRows) {
  Die below(bench_, 4);
  for (int i = 0; i < 3; ++i) die_.leave(Direction::kEast, burst(i), 100);
  die_.border.add_credit(Direction::kEast, {200, kBurst, 0});
  die_.border.plan_wake(Direction::kEast);
  RowNames names = row_names(2, {}, {});
  names.shard = {3, 4, 5};
  below.border.copy(die_.border, names);
  EXPECT_EQ(below.border.next_wake(), 200);
  EXPECT_EQ(below.border.wakes(), die_.border.wakes());
  EXPECT_EQ(below.border.edge(Direction::kEast).serialiser().bytes(), 2u * kBurst);
  below.wake();
  ASSERT_EQ(below.mail.crossings.size(), 1u);
  EXPECT_EQ(below.mail.crossings[0].crossing.time, 210);
  EXPECT_EQ(below.mail.crossings[0].crossing.burst.row, 2 + 2);
  EXPECT_TRUE(below.border.edge(Direction::kNorth).present());
  EXPECT_FALSE(below.border.edge(Direction::kSouth).present());
  EXPECT_TRUE(die_.border.any_waiting()) << "the one that was copied has not moved";
}

}  // namespace
}  // namespace dojo::machine::test
