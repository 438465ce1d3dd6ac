// SPDX-License-Identifier: Apache-2.0
// The reference network behind the port of a die: what it delivers and counts, and what goes into the mailboxes.
#include "machine/network/flit_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "dojo/base/error.h"
#include "machine/die/kernel_runs.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using fabric::Burst;
using ::testing::IsEmpty;
using topology::Direction;

struct Die {
  Die(Bench& bench, DieId die) : port(bench.context(), die, wheel, moment, receiver) { moment.sums = &sums; }
  void run(Cycles end = kNever) {
    while (port.next_time() < end) {
      EXPECT_EQ(port.own_events_until(), port.next_time() + 1) << "own events of a cycle come before its flits";
      moment.now = port.next_time();
      port.run_next();
    }
    port.end_window();
  }
  engine::Wheel wheel;
  Moment moment;
  ThreadSums sums = empty_sums();
  FakeReceiver receiver;
  FlitPort port;
};

class FlitPortTest : public ::testing::Test {
 protected:
  FlitPortTest() : bench_(params()) { bench_.settings.network_model = NetworkModel::kReference; }
  static topology::MachineParams params() {
    topology::MachineParams params = tile_params(1, 2, 2, 2);
    params.dip.present = true;
    params.dip.ttp_link_ns = 10;
    return params;
  }
  static Burst to(std::int32_t row, std::int32_t column) {
    Burst burst;
    burst.row = row;
    burst.column = column;
    return burst;
  }
  /// In windows as long as the way over an edge.
  void run(std::deque<Die>& dies) {
    for (;;) {
      Cycles next = kNever;
      for (const Die& die : dies) next = std::min(next, die.port.next_time());
      if (next == kNever) return;
      for (Die& die : dies) die.run(next + 10);
      bench_.context().parity = 1 - bench_.context().parity;
      for (Die& die : dies) EXPECT_EQ(die.port.read_mail(), kNever) << "no arrival is told beforehand";
    }
  }
  Bench bench_;
};

TEST_F(FlitPortTest, RefusesWhatTheModelCannotDo) {
  Die die(bench_, 0), other(bench_, 1);
  EXPECT_THROW(die.port.post_stripe(to(0, 2), 64, 0, 0), Error);
  EXPECT_THROW(die.port.send_within(0, to(0, 1), 64, 0), Error);
  EXPECT_THROW(die.port.copy(other.port, {}), Error);
}

// Into the router, over a link, out of the router: three cycles, one flit after another.
TEST_F(FlitPortTest, AMessageArrivesWithItsLastFlit) {
  Die die(bench_, 0);
  EXPECT_EQ(die.port.next_time(), kNever);
  EXPECT_EQ(die.port.own_events_until(), kNever);
  EXPECT_TRUE(die.port.at_rest(0));
  EXPECT_EQ(die.port.latest(), 0);
  die.port.post(0, to(0, 1), 150, 10, 0);
  EXPECT_FALSE(die.port.settled());
  EXPECT_EQ(die.port.latest(), kNever);
  die.run();
  ASSERT_EQ(die.receiver.messages.size(), 1u);
  EXPECT_EQ(die.receiver.messages[0].site, 1);
  EXPECT_EQ(die.receiver.messages[0].tail, 10 + 3 + 2);
  EXPECT_EQ(die.sums.packets.packets, 3u);
  EXPECT_EQ(die.sums.bytes_to_eject, 150u);
  EXPECT_EQ(die.port.network().port(0).bytes_injected, 150u);
  EXPECT_EQ(die.port.network().port(1).bytes_ejected, 150u);
  EXPECT_TRUE(die.port.settled());
  die.port.settle();
  die.port.settle();  // again: nothing is counted twice
  EXPECT_EQ(die.port.network().link(0, Direction::kEast).busy_cycles, 3u);
  EXPECT_EQ(die.port.network().link(0, Direction::kEast).bursts, 3u);
  EXPECT_EQ(die.port.events(), 3u) << "flits over links";
}

TEST_F(FlitPortTest, OfAMulticastWhatComesIsCounted) {
  Die die(bench_, 0);
  Burst burst = to(0, 0);
  burst.shape = fabric::Shape::kColumn;
  burst.reach = {0, 1};
  die.port.post(1, burst, 64, 0, 0);
  EXPECT_EQ(die.sums.bytes_to_eject, 0u);
  std::vector<int> where;
  die.port.each_standing([&](const Burst&, int d) { where.push_back(d); });
  EXPECT_THAT(where, ::testing::ElementsAre(topology::kDirections)) << "on the die";
  die.run();
  ASSERT_EQ(die.receiver.messages.size(), 1u);
  EXPECT_EQ(die.receiver.messages[0].site, 3);
  EXPECT_EQ(die.sums.bytes_to_eject, 64u);
}

TEST_F(FlitPortTest, FlitsCrossAnEdgeInTheMailOfAWindow) {
  std::deque<Die> dies;
  dies.emplace_back(bench_, 0);
  dies.emplace_back(bench_, 1);
  dies[0].port.post(1, to(0, 2), 64 * 20, 0, 0);
  run(dies);
  ASSERT_EQ(dies[1].receiver.messages.size(), 1u);
  EXPECT_EQ(dies[1].sums.packets.packets, 20u);
  EXPECT_TRUE(dies[0].port.settled()) << "every credit is back";
  EXPECT_TRUE(dies[1].port.settled());
  EXPECT_TRUE(dies[0].port.has_edge(Direction::kEast));
  EXPECT_FALSE(dies[0].port.has_edge(Direction::kNorth));
  const LinkCounters edge = dies[0].port.edge(Direction::kEast);
  EXPECT_EQ(edge.bytes, 64u * 20u);
  EXPECT_EQ(edge.transfers, 20u);
  EXPECT_EQ(edge.busy_units, 20u * kBusyUnitsPerCycle) << "64 bytes a cycle";
}

/// Between tiles the windows of a die are shorter than those of its neighbour.
TEST_F(FlitPortTest, WhatLeavesInSeveralWindowsWaitsForItsReader) {
  Die die(bench_, 0);
  die.port.post(1, to(0, 2), 64, 0, 0);
  die.run(50);
  die.port.post(1, to(0, 2), 128, 60, 0);
  die.run();
  const reference::EdgeMail& mail = bench_.context().flit_mail[bench_.context().mailbox_of_die(0, Direction::kEast)][0];
  ASSERT_EQ(mail.flits.size(), 3u);
  EXPECT_LT(mail.flits[0].time, 60);
  EXPECT_GT(mail.flits[1].time, 60);
  ASSERT_EQ(mail.records.size(), 2u);
  EXPECT_EQ(mail.records[1].at, 1u);
}

TEST_F(FlitPortTest, SpeaksBurstsWithADip) {
  Die die(bench_, 0);
  Context& context = bench_.context();
  die.port.post(0, to(0, -1), 64, 0, 0);
  die.run();
  auto& out = context.mail[context.mailbox_of_die(0, Direction::kWest)].crossings[0];
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].burst.bytes, 64u);
  EXPECT_GE(out[0].time, 10);
  EXPECT_THAT(die.receiver.messages, IsEmpty());
  Burst burst = to(1, 1);
  burst.bytes = 128;
  fabric::Mailbox& mail = context.mail[context.mailbox_of_dip(0)];
  mail.crossings[1].push_back({100, 1, burst});
  mail.credits[1].push_back({100, 64, 0});
  die.port.read_mail();
  EXPECT_THAT(mail.crossings[1], IsEmpty());
  EXPECT_THAT(mail.credits[1], IsEmpty());
  die.run();
  ASSERT_EQ(die.receiver.messages.size(), 1u);
  EXPECT_EQ(die.receiver.messages[0].site, 3);
  EXPECT_FALSE(context.mail[context.mailbox_of_die(0, Direction::kWest)].credits[0].empty());
}

TEST_F(FlitPortTest, MakesGathersOfPieces) {
  Die die(bench_, 0);
  Residents residents(4);
  NodeTime time;
  FakeEnds ends;
  KernelRuns kernels(residents, time, die.wheel, die.moment, ends);
  EXPECT_NE(die.port.make_gathers(kernels), nullptr);
}

}  // namespace
}  // namespace dojo::machine::test
