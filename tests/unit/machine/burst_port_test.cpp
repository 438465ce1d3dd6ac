// SPDX-License-Identifier: Apache-2.0
// Networks that move bursts, on a die whose neighbours are mailboxes: queues at nodes, full edges, striped messages,
// copies; and that in the ideal one nothing waits.
#include "machine/network/burst_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/burst_die.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Three dies side by side, each of two by two nodes; receive buffers for two bursts.
class FastPortTest : public ::testing::Test {
 protected:
  FastPortTest() : bench_(tile_params(1, 3, 2, 2, 64)) { bench_.settings.burst_bytes = kBurst; }
  Bench bench_;
};

TEST_F(FastPortTest, RefusesAStripeOfADieToItself) {
  Die die(bench_, 0);
  EXPECT_THROW(die.port.post_stripe(to(0, 0), 640, 0, 0), Error);
}

TEST_F(FastPortTest, RefusesAMessageWithinTheDieThatLeavesIt) {
  Die die(bench_, 0);
  EXPECT_THROW(die.port.send_within(0, to(0, 2), 640, 0), Error);
}

// A hop into the first router, one link, and the flits.
TEST_F(FastPortTest, AMessageArrivesAfterItsHopsAndFlits) {
  Die die(bench_, 0);
  die.post(0, to(0, 1, 5), 100, 10);
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(5u, Cycles{10 + 1 + 1 + 2})));
  EXPECT_EQ(die.receiver.messages[0].site, 1);
  EXPECT_EQ(die.sums.bytes_to_eject, 100u);
  EXPECT_EQ(die.sums.packets.packets, 2u);
  EXPECT_EQ(die.sums.packets.min, 1 + 1 + 1) << "of the first packet";
  EXPECT_TRUE(die.port.settled());
  EXPECT_FALSE(die.port.at_rest(11));
  EXPECT_TRUE(die.port.at_rest(die.port.latest()));
}

// Bursts of the first message at 0 and, as it was alone then, at 2; then of the second at 4, the first at 6, the second
// at 8.
TEST_F(FastPortTest, MessagesOfANodeTakeTurnsBurstByBurst) {
  Die die(bench_, 0);
  die.post(0, to(0, 1, 1), 384, 0);
  die.post(0, to(0, 1, 2), 256, 0);
  EXPECT_FALSE(die.port.settled());
  EXPECT_FALSE(die.port.at_rest(1000));
  die.run();
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(1u, Cycles{6 + 4}), std::make_pair(2u, Cycles{8 + 4})));
  EXPECT_TRUE(die.port.settled());
}

TEST_F(FastPortTest, AControlPacketOvertakesTheQueue) {
  Die die(bench_, 0);
  die.post(0, to(0, 1, 1), 6400, 0);
  Burst control = to(0, 1, 2);
  control.traffic_class = fabric::TrafficClass::kControl;
  die.post(0, control, 64, 0);
  die.run();
  ASSERT_EQ(die.receiver.messages.size(), 2u);
  EXPECT_EQ(die.receiver.messages[0].burst.payload.words[0], 2u);
  EXPECT_LE(die.receiver.messages[0].tail, 0 + 1 + 1 + 1 + 2) << "a packet of the burst on the link, one at the port";
}

TEST_F(FastPortTest, ALaterMessageWaitsForTheReadPort) {
  Die die(bench_, 0);
  EXPECT_EQ(die.port.send_within(0, to(0, 1), 256, 10), 12 + 1 + 1 + 2) << "two bursts, of two flits each";
  die.post(0, to(0, 1, 3), 64, 11);
  EXPECT_THAT(die.arrived(), IsEmpty());
  die.run();
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(3u, Cycles{14 + 1 + 1 + 1})));
}

// Somebody takes the read port between two bursts of a message.
TEST_F(FastPortTest, ABurstWaitsAgainWhenAReductionCameFirst) {
  Die die(bench_, 0);
  die.post(0, to(0, 1, 3), 256, 0);  // its second burst is planned for cycle 2
  die.port.send_within(0, to(0, 1), 640, 1);
  die.run();
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(3u, Cycles{12 + 1 + 1 + 2})));
}

// 640 bytes take the read port for ten cycles; a burst of two flits goes every other cycle.
TEST_F(FastPortTest, MessagesInTurnTakeTheReadPortAtOnceAndLinksBurstByBurst) {
  Die die(bench_, 0);
  die.port.post_in_turn(0, to(0, 1, 1), 640, 0);
  die.port.post_in_turn(0, to(0, 1, 2), 64, 0);
  EXPECT_FALSE(die.port.settled());
  EXPECT_FALSE(die.port.at_rest(1000));
  EXPECT_EQ(die.port.network().port(0).inject_free, 11);
  EXPECT_EQ(die.port.network().link(0, Direction::kEast).free, 1 + 2) << "the first burst of the first alone has gone";
  EXPECT_EQ(die.sums.bytes_to_eject, 640u + 64);
  die.run();
  EXPECT_TRUE(die.port.settled());
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(1u, Cycles{10 + 1 + 1}), std::make_pair(2u, Cycles{11 + 2})));
  EXPECT_TRUE(die.receiver.messages[0].burst.last);
  EXPECT_EQ(die.port.send_within(0, to(0, 1), 64, 0), 11 + 1 + 1 + 1) << "behind both at the port";
}

// Node 0 sends along the row to node 1 from cycle 0 to 10; node 2, below, has its turn after that and meets nobody.
TEST_F(FastPortTest, AMessageInTurnDoesNotHoldLinksBeforeItGoes) {
  Die die(bench_, 0);
  die.port.post_in_turn(2, to(1, 2, 8), 6400, 0);  // to the next die: node 2's port is busy for 100 cycles
  die.port.post_in_turn(2, to(0, 1, 2), 64, 0);
  die.port.post_in_turn(3, to(0, 1, 1), 64, 0);
  die.run(50);
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(1u, Cycles{0 + 1 + 1 + 1})));
  die.run();
  EXPECT_THAT(die.arrived().back(), std::make_pair(2u, Cycles{100 + 1 + 2 + 1}));
}

// Router, lane into the edge, ten cycles to the far side; there, one flit into the node.
TEST_F(FastPortTest, AMessageCrossesAnEdgeAndItsCreditComesBack) {
  Die west(bench_, 0), middle(bench_, 1);
  west.post(1, to(0, 2, 7), 64, 0);
  west.run();
  ASSERT_EQ(west.out(Direction::kEast).size(), 1u);
  EXPECT_EQ(west.out(Direction::kEast)[0].time, 1 + 1 + 10);
  bench_.context().parity = 1;
  EXPECT_EQ(middle.port.read_mail(), 12);
  EXPECT_EQ(middle.port.next_time(), 12);
  EXPECT_FALSE(middle.port.at_rest(11));
  middle.run();
  EXPECT_THAT(middle.arrived(), ElementsAre(std::make_pair(7u, Cycles{13})));
  ASSERT_EQ(middle.credits(Direction::kWest).size(), 1u);
  EXPECT_EQ(middle.credits(Direction::kWest)[0].time, 12 + 10);
  EXPECT_EQ(middle.credits(Direction::kWest)[0].bytes, 64u);
  EXPECT_EQ(middle.port.events(), 1u);
  EXPECT_EQ(middle.port.read_mail(), kNever) << "it has been taken";
  EXPECT_TRUE(west.port.has_edge(Direction::kEast));
  EXPECT_FALSE(west.port.has_edge(Direction::kWest));
  EXPECT_EQ(west.port.edge(Direction::kEast).bytes, 64u);
  EXPECT_EQ(west.port.edge(Direction::kEast).busy_units, kBusyUnitsPerCycle);
}

TEST_F(FastPortTest, ArrivalsOfOneCycleComeBySide) {
  Die die(bench_, 1);
  Burst burst = to(0, 2, 0);
  burst.bytes = 64;
  for (const Direction from : {Direction::kWest, Direction::kEast}) {
    const DieId neighbour = bench_.topology.edge(1, from).neighbour;
    burst.payload.words[0] = static_cast<std::uint32_t>(from);
    die.context.mail[die.context.mailbox_of_die(neighbour, topology::opposite(from))].crossings[1].push_back(
        {50, 0, burst});
  }
  die.port.read_mail();
  die.run();
  EXPECT_THAT(die.arrived(),
              ElementsAre(std::make_pair(0u, Cycles{50 + 1 + 1}), std::make_pair(1u, Cycles{50 + 1 + 2})))
      << "east first; the node's write port takes one after the other";
}

TEST_F(FastPortTest, WhatFindsItsEdgeFullStandsWhereItIs) {
  Die die(bench_, 1);
  die.fill(Direction::kEast, 2 + 64, 0);
  EXPECT_TRUE(die.port.is_full(Direction::kEast));
  EXPECT_FALSE(die.port.is_full(Direction::kWest));
  std::size_t standing = 0;
  die.port.each_standing([&](const Burst&, int d) { standing += d == static_cast<int>(Direction::kEast) ? 1 : 100; });
  EXPECT_EQ(standing, 64u);
  die.out(Direction::kEast).clear();
  die.post(0, to(0, 4, 1), 64, 10);
  die.post(2, to(1, 3, 2), 64, 10);  // does not leave the die
  Burst control = to(0, 4, 3);
  control.traffic_class = fabric::TrafficClass::kControl;
  die.post(0, control, 64, 10);
  EXPECT_EQ(die.receiver.messages.size(), 1u);
  die.port.each_standing([&](const Burst&, int) { ++standing; });
  EXPECT_EQ(standing, 64u + 65u) << "a control packet waits for credit alone";
  EXPECT_FALSE(die.port.settled());
}

/// What comes to a full edge: a burst from the west that goes on (1), a message of a node (2), a striped message (3)
/// and the row of a kernel (payload: its rank, 4).
class FullEdge : public ::testing::Test {
 protected:
  FullEdge() : bench_(tile_params(1, 3, 2, 2, 64)) {
    bench_.settings.burst_bytes = kBurst;
    for (std::uint32_t rank = 0; rank < 5; ++rank) bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 6), 0);
    bench_.job.programs[0].tasks = {kernel_task(0)};
    bench_.job.programs[0].kernels = {KernelMaker(bench_.shape(0), {10}).gather(4, 1, {{0, 64}}).kernel()};
    die_ = std::make_unique<Die>(bench_, 1);
    residents_.add(bench_.context(), 4, 1);
    time_.add_rank(4);
    kernels_ = std::make_unique<KernelRuns>(residents_, time_, die_->wheel, die_->moment, ends_);
    kernels_->use(die_->port.make_gathers(*kernels_));
    kernels_->add_rank(residents_[0]);
    die_->kernels = kernels_.get();
    die_->fill(Direction::kEast, 2 + 64, 0);
    die_->out(Direction::kEast).clear();
    die_->moment.now = 20;
    kernels_->start(0, 0, 20, 0);
    die_->port.post_stripe(to(0, 4, 3), 128, 20, 0);
    die_->post(0, to(0, 4, 2), 128, 20, 1);  // not behind the striped one
    Burst through = to(0, 4, 1);
    through.bytes = kBurst;
    die_->context.mail[die_->context.mailbox_of_die(0, Direction::kEast)].crossings[1].push_back({20, 0, through});
    die_->port.read_mail();
    die_->run(500);
  }
  Bench bench_;
  std::unique_ptr<Die> die_;
  Residents residents_{4};
  NodeTime time_;
  FakeEnds ends_;
  std::unique_ptr<KernelRuns> kernels_;
};

TEST_F(FullEdge, EverythingWaits) {
  EXPECT_THAT(die_->names(Direction::kEast), IsEmpty());
  EXPECT_THAT(die_->credits(Direction::kWest), IsEmpty()) << "what stands in the receive buffer keeps its credit";
  EXPECT_FALSE(die_->port.settled());
}

TEST_F(FullEdge, AllIsWokenInAFixedOrder) {
  die_->give_credits(Direction::kEast, 600, 200);
  die_->run(900);
  std::vector<std::uint32_t> names = die_->names(Direction::kEast);
  ASSERT_EQ(names.size(), 64u + 4u);
  names.erase(names.begin(), names.begin() + 64);
  EXPECT_THAT(names, ElementsAre(1, 3, 4, 2)) << "bursts that came, stripes, lines, and a node behind both the stripe "
                                                 "and the burst that came on its row";
  ASSERT_EQ(die_->credits(Direction::kWest).size(), 1u);
  EXPECT_GE(die_->credits(Direction::kWest)[0].time, 600 + 10);
}

// With credits one by one, each that goes makes the edge full again for those behind it. The node's message waits until
// the burst that came on its row has passed the edge.
TEST_F(FullEdge, OneCreditMakesRoomForOne) {
  const std::vector<std::uint32_t> expected[] = {{1}, {1, 3}, {1, 3, 4}, {1, 3, 4}};
  for (std::uint32_t i = 0; i < 4; ++i) {
    die_->give_credits(Direction::kEast, 600 + 100 * i, 1);
    die_->run(650 + 100 * i);
    std::vector<std::uint32_t> standing;
    die_->port.each_standing([&](const Burst& burst, int) {
      if (burst.payload.words[0] != 0) standing.push_back(burst.payload.words[0]);
    });
    EXPECT_EQ(standing, expected[i]);
    EXPECT_EQ(die_->port.is_full(Direction::kEast), i < 3);
  }
}

// The burst from the west fills the edge again. A reduction has node 0's read port then, so that node's message comes
// back when the port is free, and stands behind the one of node 1.
TEST_F(FullEdge, ANodeThatWaitsForItsReadPortComesBackLast) {
  die_->post(1, to(0, 4, 5), 128, 510);
  die_->port.send_within(0, to(0, 3), 640, 598);
  die_->give_credits(Direction::kEast, 600, 1);
  die_->run(650);
  die_->give_credits(Direction::kEast, 700, 200);
  die_->run(1000);
  std::vector<std::uint32_t> names = die_->names(Direction::kEast);
  ASSERT_EQ(names.size(), 64u + 5u);
  names.erase(names.begin(), names.begin() + 64);
  EXPECT_THAT(names, ElementsAre(1, 3, 4, 5, 2));
}

TEST_F(FastPortTest, MulticastsDoNotWaitForTheEdgeBehindThem) {
  Die die(bench_, 1);
  die.fill(Direction::kWest, 2 + 64, 0);
  die.fill(Direction::kEast, 2 + 64, 0);
  for (const Shape shape : {Shape::kRowEast, Shape::kRowWest, Shape::kColumnNorth, Shape::kColumnSouth, Shape::kRow}) {
    Burst burst = to(0, 0, 9);
    burst.shape = shape;
    burst.reach = {2, 3};  // the columns of this die, or rows beyond it: never over its edges east and west
    if (shape == Shape::kColumnNorth || shape == Shape::kColumnSouth) burst.reach = {0, 1};
    burst.bytes = 64;
    const bool from_west = shape == Shape::kRowEast;
    const Direction side = from_west ? Direction::kWest : Direction::kEast;
    const DieId neighbour = bench_.topology.edge(1, side).neighbour;
    die.context.mail[die.context.mailbox_of_die(neighbour, topology::opposite(side))].crossings[1].push_back(
        {50, 0, burst});
  }
  die.credits(Direction::kEast).clear();
  die.port.read_mail();
  die.run();
  EXPECT_EQ(die.credits(Direction::kEast).size() + die.credits(Direction::kWest).size(), 5u) << "all went on";
}

TEST_F(FastPortTest, AMulticastThatGoesOnWaitsForTheEdgeBeforeIt) {
  Die die(bench_, 1);
  die.fill(Direction::kEast, 2 + 64, 0);
  Burst burst = to(0, 0, 9);
  burst.shape = Shape::kRowEast;
  burst.reach = {0, 5};
  burst.bytes = 64;
  die.context.mail[die.context.mailbox_of_die(0, Direction::kEast)].crossings[1].push_back({50, 0, burst});
  die.port.read_mail();
  die.run();
  EXPECT_THAT(die.receiver.messages, IsEmpty());
  die.give_credits(Direction::kEast, 600, 100);
  die.run();
  EXPECT_EQ(die.receiver.messages.size(), 2u) << "both nodes of the row";
  EXPECT_EQ(die.names(Direction::kEast).back(), 9u);
}

// The same along a column that ends in the first row of the next die.
TEST(FastPortColumns, AMulticastToTheNextDieWaitsForTheEdgeBeforeIt) {
  Bench bench(tile_params(3, 1, 2, 2, 64));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 1);
  die.fill(Direction::kSouth, 2 + 64, 0);
  Burst burst = to(0, 0, 9);
  burst.shape = Shape::kColumnSouth;
  burst.reach = {0, 4};
  burst.bytes = 64;
  die.context.mail[die.context.mailbox_of_die(0, Direction::kSouth)].crossings[1].push_back({50, 0, burst});
  die.port.read_mail();
  die.run();
  EXPECT_THAT(die.receiver.messages, IsEmpty());
  die.give_credits(Direction::kSouth, 600, 100);
  die.run();
  EXPECT_EQ(die.receiver.messages.size(), 2u) << "both nodes of the column";
  EXPECT_EQ(die.names(Direction::kSouth).back(), 9u);
}

// Pieces of four flits at four nodes: a packet is as late as its flit, and the first came three before the last.
TEST(FastPortStripes, PacketsAreAsLateAsTheFirstFlitOfTheirTrain) {
  Bench bench(tile_params(1, 2, 2, 2, 1 << 20));
  bench.settings.burst_bytes = 256;
  Die west(bench, 0), east(bench, 1);
  bench.context().stripe_bytes = 1024;
  west.port.post_stripe(to(0, 2, 1), 1024, 0, 0);
  west.run();
  ASSERT_EQ(west.out(Direction::kEast).size(), 1u);
  bench.context().parity = 1;
  east.port.read_mail();
  east.run();
  ASSERT_EQ(east.receiver.messages.size(), 1u);
  EXPECT_EQ(east.sums.packets.packets, 4u * 4u);
  EXPECT_EQ(east.sums.packets.max, east.receiver.messages[0].tail - 3);
}

// Two messages of one burst each to the middle die, one through it to the last.
TEST(FastPortStripes, GoOneAfterAnotherAndThroughDies) {
  Bench bench(tile_params(1, 3, 2, 2, 1024));
  bench.settings.burst_bytes = kBurst;
  Die west(bench, 0), middle(bench, 1), east(bench, 2);
  bench.context().stripe_bytes = 256;
  west.port.post_stripe(to(0, 2, 1), 300, 0, 0);
  west.port.post_stripe(to(0, 4, 2), 128, 0, 0);
  west.run();
  EXPECT_THAT(west.names(Direction::kEast), ElementsAre(1, 1, 2)) << "300 bytes are two bursts of 150";
  EXPECT_EQ(west.out(Direction::kEast)[0].burst.bytes, 150u);
  EXPECT_FALSE(west.out(Direction::kEast)[0].burst.last);
  EXPECT_TRUE(west.out(Direction::kEast)[1].burst.last);
  EXPECT_EQ(west.sums.bytes_to_eject, 300u + 128u);
  bench.context().parity = 1;
  middle.port.read_mail();
  middle.run();
  ASSERT_EQ(middle.receiver.messages.size(), 1u);
  EXPECT_EQ(middle.receiver.messages[0].burst.payload.words[0], 1u);
  EXPECT_THAT(middle.names(Direction::kEast), ElementsAre(2));
  EXPECT_EQ(middle.credits(Direction::kWest).size(), 3u);
  bench.context().parity = 0;
  east.port.read_mail();
  east.run();
  ASSERT_EQ(east.receiver.messages.size(), 1u);
  EXPECT_EQ(east.receiver.messages[0].burst.payload.words[0], 2u);
  EXPECT_TRUE(west.port.settled());
  middle.port.settle();
  EXPECT_EQ(middle.port.network().port(0).bytes_ejected, 38u + 38u) << "150 bytes on four nodes, a byte more on two";
}

// A die of two rows and four columns, a node a group; groups 1 to 4 are its first row.
class FastPortGroups : public ::testing::Test {
 protected:
  FastPortGroups() : bench_(tile_params(1, 2, 2, 4, 1 << 20)) { bench_.settings.burst_bytes = kBurst; }
  /// What leaves after the first, which goes at once: group and chunk.
  std::vector<std::pair<int, int>> order(const std::vector<std::pair<int, int>>& posted) {
    Die die(bench_, 0);
    for (const auto& [group, chunk] : posted) {
      Burst burst = to(0, 4);
      burst.group = static_cast<std::uint8_t>(group);
      burst.payload = TokenRef{0, 0, 0, static_cast<std::uint16_t>(chunk)}.pack();
      die.port.post_stripe(burst, 8 * 64, 0, 0);
    }
    die.run();
    EXPECT_TRUE(die.port.settled());
    std::vector<std::pair<int, int>> left;
    for (const Crossing& crossing : die.out(Direction::kEast)) {
      EXPECT_EQ(crossing.burst.bytes, 64u) << "its share";
      left.emplace_back(crossing.burst.group, TokenRef::unpack(crossing.burst.payload).chunk);
    }
    return left;
  }
  Bench bench_;
};

TEST_F(FastPortGroups, TheNearestToTheEdgeGoesFirst) {
  EXPECT_THAT(order({{1, 0}, {1, 1}, {2, 0}, {3, 0}, {4, 1}, {4, 0}}),
              ElementsAre(std::pair(1, 0), std::pair(4, 1), std::pair(4, 0), std::pair(3, 0), std::pair(2, 0),
                          std::pair(1, 1)));
}

// Group 6 is below group 2; the first message goes at once.
TEST(FastPortStripes, TheNearestToTheSouthernEdgeGoesFirst) {
  Bench bench(tile_params(2, 1, 2, 4, 1 << 20));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 0);
  std::uint32_t name = 0;
  for (const int group : {2, 2, 6}) {
    Burst burst = to(2, 0, name++);
    burst.group = static_cast<std::uint8_t>(group);
    die.port.post_stripe(burst, 8 * 64, 0, 0);
  }
  die.run();
  EXPECT_THAT(die.names(Direction::kSouth), ElementsAre(0, 2, 1));
}

TEST_F(FastPortGroups, OrTheOldestChunk) {
  bench_.context().oldest_first = true;
  EXPECT_THAT(order({{1, 0}, {4, 2}, {3, 1}, {2, 1}, {1, 0}}),
              ElementsAre(std::pair(1, 0), std::pair(1, 0), std::pair(3, 1), std::pair(2, 1), std::pair(4, 2)));
}

// Node 0 (group 1) has a long message for the die in the east before one for the die in the south; node 1 has not.
TEST(FastPortStripes, MessagesOfAGroupGoInTheirOrderWhicheverWay) {
  Bench bench(tile_params(2, 2, 3, 4, 1 << 20));
  Die die(bench, 0);
  const auto post = [&](std::uint8_t group, std::int32_t row, std::int32_t column, Bytes bytes) {
    Burst burst = to(row, column);
    burst.group = group;
    die.port.post_stripe(burst, bytes, 0, 0);
  };
  post(1, 0, 4, 12 * 6400);
  post(1, 3, 0, 12 * 64);
  post(2, 3, 0, 12 * 64);
  die.run();
  EXPECT_TRUE(die.port.settled());
  ASSERT_EQ(die.out(Direction::kSouth).size(), 2u);
  EXPECT_EQ(die.out(Direction::kSouth)[0].burst.group, 2);
  EXPECT_LT(die.out(Direction::kSouth)[0].time, 50);
  EXPECT_GE(die.out(Direction::kSouth)[1].time, 100);
}

// Groups have two send queues: a long message for the east in the one, later a short one in the other.
TEST(FastPortStripes, SendQueuesOfAGroupTakeTurnsTrainByTrain) {
  for (const unsigned queue : {0u, 1u}) {
    Bench bench(tile_params(1, 2, 3, 4, 1 << 20));
    bench.settings.burst_bytes = kBurst;
    Die die(bench, 0);
    Burst burst = to(0, 4, 1);
    burst.group = 1;
    die.port.post_stripe(burst, 12 * 64 * 40, 0, 0);
    burst.payload.words[0] = 2;
    die.port.post_stripe(burst, 12 * 64, 0, queue);
    die.run();
    EXPECT_TRUE(die.port.settled());
    const std::vector<std::uint32_t> names = die.names(Direction::kEast);
    ASSERT_GT(names.size(), 3u);
    EXPECT_EQ(names[1], queue == 0 ? 1u : 2u);
    EXPECT_EQ(std::count(names.begin(), names.end(), 2u), 1);
  }
}

TEST(FastPortStripes, MessagesOfANodeWaitForStripedOnesBeforeThemInTheirQueue) {
  std::array<Cycles, 2> left{};
  for (const unsigned queue : {0u, 1u}) {
    Bench bench(tile_params(1, 2, 3, 4, 1 << 20));
    bench.settings.burst_bytes = kBurst;
    Die die(bench, 0);
    die.post(0, to(0, 4, 1), 64, 0);  // before all
    die.run();
    die.moment.now = 10;
    die.port.post_stripe(to(0, 4, 2), 12 * 64 * 40, 10, 0);
    die.post(0, to(0, 4, 3), 64, 10, queue);
    die.port.post_stripe(to(0, 4, 4), 12 * 64, 10, 0);
    die.run();
    EXPECT_TRUE(die.port.settled());
    const std::vector<std::uint32_t> names = die.names(Direction::kEast);
    EXPECT_EQ(names.front(), 1u);
    for (const Crossing& crossing : die.out(Direction::kEast)) {
      if (crossing.burst.payload.words[0] == 3) left[queue] = crossing.time;
    }
  }
  EXPECT_GE(left[0], left[1] + 100);
}

TEST_F(FastPortTest, ANodeWhoseOneQueueWaitsAtAFullEdgeSendsFromTheOther) {
  Die die(bench_, 1);
  die.fill(Direction::kEast, 2 + 64, 0);
  die.post(0, to(0, 4, 1), 128, 10, 0);
  die.post(0, to(1, 3, 2), 64, 10, 1);  // stays on the die
  die.run(20);
  ASSERT_EQ(die.receiver.messages.size(), 1u);
  EXPECT_EQ(die.receiver.messages[0].burst.payload.words[0], 2u);
  die.post(0, to(0, 4, 3), 64, 30, 1);
  die.give_credits(Direction::kEast, 600, 200);
  die.run();
  EXPECT_EQ(die.names(Direction::kEast).size(), 2u + 64u + 2u);
  EXPECT_TRUE(die.receiver.messages.size() == 1);
}

TEST_F(FastPortGroups, OtherRowsDoNotWait) {
  const auto left = order({{1, 0}, {1, 0}, {5, 0}});
  EXPECT_THAT(left, ElementsAre(std::pair(1, 0), std::pair(5, 0), std::pair(1, 0)));
}

TEST(FastPortWithDetours, CountsAMessageThatTurnsOffOnce) {
  topology::MachineParams params = tile_params(1, 2, 2, 2, 64);
  params.defects.push_back({"tile.die[0].node[0].router.east", "link"});
  Bench bench(params);
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 0);
  die.post(0, to(0, 1, 1), 300, 0);
  die.run();
  EXPECT_EQ(die.sums.detours, 1u);
  EXPECT_EQ(die.sums.detour_hops, 2u) << "down, along and up again";
  EXPECT_THAT(die.arrived(), ElementsAre(std::make_pair(1u, Cycles{4 + 1 + 3 + 1})));
  die.post(2, to(1, 1, 2), 64, 500);
  die.run();
  EXPECT_EQ(die.sums.detours, 1u);
  die.post(0, to(0, 2, 3), 64, 600);  // leaves the die on its way
  die.run();
  EXPECT_EQ(die.names(Direction::kEast).size(), 1u);
  EXPECT_EQ(die.sums.detours, 2u);
}

// Below each die of a row of tiles lies its like in another row.
TEST(FastPortCopies, ACopyGoesOnUnderItsOwnNames) {
  Bench bench(tile_params(2, 2, 2, 2, 64));
  bench.settings.burst_bytes = kBurst;
  Die die(bench, 0), below(bench, 2);
  die.fill(Direction::kEast, 2 + 64, 0);
  die.out(Direction::kEast).clear();
  Burst operand = to(0, 1, 3);
  operand.purpose = fabric::Purpose::kOperand;
  die.post(0, operand, 256, 0);      // its second burst is under way
  die.post(2, to(1, 2, 1), 128, 0);  // stands at the full edge
  die.port.post_stripe(to(0, 2, 2), 128, 0, 0);
  RowNames names = row_names(2, {10, 11, 12, 13}, {20, 21, 22});
  names.shard = {2, 3};
  below.wheel = die.wheel;
  below.port.copy(die.port, names);
  EXPECT_EQ(below.port.network().first_row(), 2);
  below.give_credits(Direction::kEast, 600, 100);
  below.run();
  ASSERT_EQ(below.receiver.messages.size(), 1u);
  EXPECT_EQ(below.receiver.messages[0].burst.payload.words[0], 13u) << "an operand names a rank";
  EXPECT_EQ(below.receiver.messages[0].burst.row, 2);
  const std::vector<std::uint32_t> sent = below.names(Direction::kEast);
  ASSERT_EQ(sent.size(), 64u + 2u);
  EXPECT_EQ(sent[0], 20u) << "a token names an instance";
  EXPECT_EQ(sent[64], 22u);
  EXPECT_EQ(sent[65], 21u) << "a node's message asks for a turn, and has it at the end of the cycle";
  EXPECT_EQ(below.out(Direction::kEast)[65].burst.row, 1 + 2);
  EXPECT_TRUE(below.port.settled());
  EXPECT_FALSE(die.port.settled()) << "the one that was copied waits still";
  EXPECT_THAT(die.names(Direction::kEast), IsEmpty());
}

// Long messages of both nodes of a row leave by one link and one edge: each takes the time that it takes alone. The
// edge moves 64 bytes a cycle, and has room for two short bursts in the fast model.
TEST(IdealPort, MessagesDoNotWaitForEachOther) {
  Bench bench(tile_params(1, 2, 2, 2, 64));
  bench.settings.network_model = NetworkModel::kIdeal;
  using Ideal = DieOf<BurstPort<fabric::IdealDie>>;
  Ideal west(bench, 0), east(bench, 1);
  west.post(0, to(0, 2, 1), 6400, 0);
  west.post(1, to(0, 3, 2), 6400, 0);
  west.run();
  ASSERT_EQ(west.out(Direction::kEast).size(), 2u) << "each message is one burst";
  EXPECT_EQ(west.out(Direction::kEast)[0].time, 1 + 2 + 10) << "router, two links, edge";
  EXPECT_EQ(west.out(Direction::kEast)[1].time, 1 + 1 + 10);
  EXPECT_FALSE(west.port.is_full(Direction::kEast));
  EXPECT_TRUE(west.port.settled());
  bench.context().parity = 1;
  east.port.read_mail();
  east.run();
  EXPECT_THAT(east.arrived(), ::testing::UnorderedElementsAre(std::make_pair(1u, Cycles{13 + 100}),
                                                              std::make_pair(2u, Cycles{12 + 1 + 100})));
}

TEST(NetworkModels, TellWhatTheySimplify) {
  MachineSettings settings;
  EXPECT_TRUE(network_model(settings.network_model).knows_arrivals);
  const topology::Topology whole(die_params(2, 2));
  workload::Job job;
  EXPECT_EQ(network_model(settings.network_model).approximations(job, whole).size(), 1u);
  job.programs.emplace_back().kernels.emplace_back().gathers.emplace_back();
  job.plans.emplace_back().striped = true;
  topology::MachineParams params = die_params(2, 2);
  params.defects.push_back({"die.node[0].router.east", "link"});
  EXPECT_EQ(network_model(settings.network_model).approximations(job, topology::Topology(params)).size(),
            1u + 1u + 1u + 2u);
  EXPECT_FALSE(network_model(NetworkModel::kIdeal).shares_links);
  EXPECT_EQ(network_model(NetworkModel::kIdeal).approximations(job, whole).size(), 1u);
  settings.network_model = NetworkModel::kReference;
  EXPECT_FALSE(network_model(settings.network_model).takes_detours);
  EXPECT_EQ(network_model(settings.network_model).approximations(job, whole).size(), 3u);
}

}  // namespace
}  // namespace dojo::machine::test
