// SPDX-License-Identifier: Apache-2.0
// Timing of the fast model on one die, exact to the cycle: zero load, serialisation, queueing, back-pressure,
// multicast.
#include "dojo/fabric/die_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace dojo::fabric {
namespace {

struct Sink {
  struct Delivery {
    SiteIndex site;
    Cycles tail;
    std::uint32_t bytes;
  };
  struct Leaving {
    Direction direction;
    std::int32_t lane;
    Cycles head;
    Shape shape;
  };
  std::vector<Delivery> delivered;
  std::vector<Leaving> left;
  void deliver(SiteIndex site, const Burst& burst, Cycles tail) { delivered.push_back({site, tail, burst.bytes}); }
  void leave(Direction d, std::int32_t lane, const Burst& burst, Cycles head) {
    left.push_back({d, lane, head, burst.shape});
  }
};

topology::MachineParams die_params() {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {18, 20};
  params.die.enabled = 360;
  return params;
}

class DieNetworkTest : public ::testing::Test {
 protected:
  DieNetworkTest() : topology_(die_params()) { network_.configure(topology_, 0); }
  static SiteIndex site(int row, int column) { return static_cast<SiteIndex>(row * 20 + column); }
  static Burst unicast(int row, int column, std::uint32_t bytes) {
    Burst burst;
    burst.row = row;
    burst.column = column;
    burst.bytes = bytes;
    return burst;
  }
  topology::Topology topology_;
  DieNetwork network_;
  Sink sink_;
};

// Zero-load latency = (hops + 1) x hop latency + flits: one cycle from the SRAM read port into the first router.
TEST_F(DieNetworkTest, ZeroLoadLatencyIsHopsPlusSerialisation) {
  for (const auto& [row, column, bytes] : {std::tuple{0, 1, 64u}, std::tuple{17, 19, 64u}, std::tuple{5, 0, 4096u},
                                           std::tuple{0, 0, 640u}, std::tuple{9, 13, 65u}}) {
    SCOPED_TRACE(testing::Message() << row << "," << column << " " << bytes);
    DieNetwork network;
    network.configure(topology_, 0);
    Sink sink;
    network.inject(site(0, 0), unicast(row, column, bytes), 1000, sink);
    ASSERT_EQ(sink.delivered.size(), 1u);
    const Cycles flits = (bytes + 63) / 64;
    EXPECT_EQ(sink.delivered[0].tail, 1000 + row + column + 1 + flits);
    EXPECT_EQ(sink.delivered[0].site, site(row, column));
  }
}

TEST_F(DieNetworkTest, RoutesAlongXThenY) {
  network_.inject(site(2, 3), unicast(4, 6, 64), 0, sink_);
  for (int column = 3; column < 6; ++column) EXPECT_EQ(network_.link(site(2, column), Direction::kEast).bursts, 1u);
  for (int row = 2; row < 4; ++row) EXPECT_EQ(network_.link(site(row, 6), Direction::kSouth).bursts, 1u);
  EXPECT_EQ(network_.link(site(2, 3), Direction::kSouth).bursts, 0u);
}

TEST_F(DieNetworkTest, ABurstWaitsForTheLinkAndForNothingElse) {
  network_.inject(site(0, 0), unicast(0, 5, 640), 0, sink_);  // east link of column 1 busy 2 .. 12
  network_.inject(site(0, 1), unicast(0, 3, 64), 1, sink_);   // there at 2, with the other's head
  network_.inject(site(1, 0), unicast(1, 5, 64), 0, sink_);   // another row
  ASSERT_EQ(sink_.delivered.size(), 3u);
  EXPECT_EQ(sink_.delivered[0].tail, 5 + 1 + 10);
  EXPECT_EQ(network_.link(site(0, 1), Direction::kEast).queue_cycles, 12u - 2u);
  EXPECT_EQ(sink_.delivered[1].tail, 12 + 2 + 1);
  EXPECT_EQ(sink_.delivered[2].tail, 5 + 1 + 1);
}

/// A burst of 20 flits is on the south link of (0, 9) from 10 on. The others took that link later, and are there
/// before.
TEST_F(DieNetworkTest, AShortBurstPassesInTheGapBeforeOneThatTookTheLinkEarlier) {
  network_.inject(site(0, 0), unicast(5, 9, 64 * 20), 0, sink_);
  network_.inject(site(0, 9), unicast(1, 9, 64 * 5), 1, sink_);   // from 2 to 7
  network_.inject(site(0, 10), unicast(1, 9, 64 * 4), 1, sink_);  // there at 3; 7 to 11 is no room
  network_.inject(site(0, 11), unicast(2, 9, 64 * 3), 4, sink_);  // there at 7, and through at 10
  ASSERT_EQ(sink_.delivered.size(), 4u);
  EXPECT_EQ(sink_.delivered[1].tail, 2 + 1 + 5);
  EXPECT_EQ(sink_.delivered[2].tail, 30 + 1 + 4);
  EXPECT_EQ(sink_.delivered[3].tail, 7 + 2 + 3);
  EXPECT_EQ(network_.link(site(0, 9), Direction::kSouth).queue_cycles, 30u - 3u);
  EXPECT_EQ(network_.link(site(0, 9), Direction::kSouth).free, 30 + 4);
}

TEST_F(DieNetworkTest, ABurstOfMoreThanThreeBuffersPassesInNoGap) {
  const Cycles flits = 3 * topology_.params().noc.buffer_packets_per_vc + 1;
  network_.inject(site(0, 0), unicast(0, 19, 64), 1000, sink_);  // on the east link of column 9 at 1010
  network_.inject(site(0, 9), unicast(0, 10, static_cast<std::uint32_t>(64 * flits)), 1, sink_);
  EXPECT_EQ(network_.link(site(0, 9), Direction::kEast).free, 1011 + flits);
}

TEST_F(DieNetworkTest, ABlockedHeadHoldsNoLinkBehindIt) {
  network_.inject(site(0, 5), unicast(0, 8, 64 * 100), 0, sink_);  // east link of column 5 busy from 1 to 101
  network_.inject(site(0, 0), unicast(0, 8, 64 * 10), 0, sink_);   // its head is there at 6 and waits until 101
  EXPECT_EQ(network_.link(site(0, 4), Direction::kEast).free, 5 + 10);
  EXPECT_EQ(network_.link(site(0, 5), Direction::kEast).free, 101 + 10);
}

/// The write port of the node is taken from 2 to 102 by what comes from the south. 10 flits from the west are there at
/// 3. In turns among four sides they are through at 3 + 40, and 4 of them fit into each buffer on their way.
TEST_F(DieNetworkTest, ABurstBeforeABusyWritePortHoldsTheLinksOfItsLastFlits) {
  network_.inject(site(1, 8), unicast(0, 8, 64 * 100), 0, sink_);
  network_.inject(site(0, 5), unicast(0, 8, 64 * 10), 1, sink_);
  ASSERT_EQ(sink_.delivered.size(), 2u);
  EXPECT_EQ(sink_.delivered[1].tail, 102 + 10);
  const Cycles head = 1 + 1 + 3;
  EXPECT_EQ(network_.link(site(0, 7), Direction::kEast).free, head + 40 - 4);
  EXPECT_EQ(network_.link(site(0, 6), Direction::kEast).free, head + 40 - 4 - 5);
  EXPECT_EQ(network_.link(site(0, 5), Direction::kEast).free, 1 + 1 + 10) << "all other flits have room further on";
}

TEST_F(DieNetworkTest, ABurstThatFitsIntoTheBufferBeforeABusyWritePortHoldsNoLink) {
  network_.inject(site(1, 8), unicast(0, 8, 64 * 100), 0, sink_);
  network_.inject(site(0, 6), unicast(0, 8, 64 * 4), 0, sink_);
  EXPECT_EQ(network_.link(site(0, 7), Direction::kEast).free, 2 + 4);
}

TEST_F(DieNetworkTest, AReadPortStallsWhenItsFirstLinkIsBusy) {
  network_.inject(site(0, 4), unicast(0, 8, 64 * 100), 0, sink_);  // east link of column 5 busy from 2 to 102
  network_.inject(site(0, 5), unicast(0, 8, 64 * 10), 0, sink_);
  const Cycles buffer = topology_.params().noc.buffer_packets_per_vc;
  EXPECT_EQ(network_.port(site(0, 5)).inject_free, 102 + 10 - 1 - buffer);
}

// The port is taken for both messages at once. The first one's second burst finds the link busy, so that it stalls.
TEST_F(DieNetworkTest, MessagesTakeTheReadPortBeforeTheirLinks) {
  const DieNetwork::ReadTurn first = network_.take_read_port(site(0, 0), 10, 100);
  const DieNetwork::ReadTurn second = network_.take_read_port(site(0, 0), 5, 100);
  EXPECT_EQ(first.start, 100);
  EXPECT_EQ(second.start, 110);
  EXPECT_EQ(network_.port(site(0, 0)).inject_free, 115);
  EXPECT_EQ(network_.inject_in_turn(site(0, 0), first.port, unicast(0, 3, 64 * 5), 100, sink_), 105);
  EXPECT_EQ(sink_.delivered.at(0).tail, 100 + 1 + 3 + 5);
  EXPECT_EQ(network_.port(site(0, 0)).inject_free, 115) << "taken already";
  network_.enter(Direction::kWest, 0, unicast(0, 5, 64 * 100), 106, sink_);  // first link busy up to 206
  const Cycles buffer = topology_.params().noc.buffer_packets_per_vc;
  EXPECT_EQ(network_.inject_in_turn(site(0, 0), first.port, unicast(0, 3, 64 * 5), 105, sink_), 206 + 5 - 1 - buffer);
  EXPECT_EQ(network_.port(site(0, 0)).inject_free, 206 + 5 - 1 - buffer);
  EXPECT_EQ(network_.port(site(0, 0)).bytes_injected, 640u);
}

TEST_F(DieNetworkTest, AControlPacketWaitsAtMostOnePacketOfABurst) {
  network_.inject(site(0, 0), unicast(0, 9, 64 * 128), 0, sink_);
  Burst packet = unicast(0, 9, 64);
  packet.traffic_class = TrafficClass::kControl;
  network_.inject(site(0, 0), packet, 20, sink_);
  const Cycles zero_load = 20 + 9 + 1 + 1;
  EXPECT_GE(sink_.delivered[1].tail, zero_load);
  EXPECT_LE(sink_.delivered[1].tail, zero_load + 9 + 1) << "one packet a hop and one at the write port";
}

TEST_F(DieNetworkTest, ARowMulticastReachesEveryOtherNodeOnce) {
  Burst burst;
  burst.shape = Shape::kRow;
  burst.reach.low = 0;
  burst.reach.high = 19;
  burst.bytes = 640;
  network_.inject(site(3, 7), burst, 0, sink_);
  std::map<SiteIndex, Cycles> tails;
  for (const Sink::Delivery& d : sink_.delivered) EXPECT_TRUE(tails.emplace(d.site, d.tail).second);
  ASSERT_EQ(tails.size(), 19u);
  EXPECT_EQ(tails.count(site(3, 7)), 0u);
  for (const auto& [at, tail] : tails) EXPECT_EQ(tail, std::abs(at % 20 - 7) + 1 + 10);
}

TEST_F(DieNetworkTest, MulticastGoesOnAcrossTheEdge) {
  Burst burst;
  burst.shape = Shape::kRow;
  burst.reach.low = -20;
  burst.reach.high = 19;
  burst.bytes = 64;
  network_.inject(site(3, 7), burst, 0, sink_);
  ASSERT_EQ(sink_.left.size(), 1u);
  EXPECT_EQ(sink_.left[0].direction, Direction::kWest);
  EXPECT_EQ(sink_.left[0].lane, 3);
  EXPECT_EQ(sink_.left[0].shape, Shape::kRowWest);
  EXPECT_EQ(sink_.left[0].head, 1 + 8);
}

TEST_F(DieNetworkTest, EntersAtTheBorderAndTurns) {
  network_.enter(Direction::kWest, 4, unicast(6, 2, 64), 100, sink_);
  ASSERT_EQ(sink_.delivered.size(), 1u);
  EXPECT_EQ(sink_.delivered[0].tail, 100 + 2 + 2 + 1);
}

TEST_F(DieNetworkTest, AStreamReachesTheLinkRate) {
  Cycles now = 0;
  for (int i = 0; i < 100; ++i) now = network_.inject(site(0, 0), unicast(0, 10, 4096), now, sink_);
  EXPECT_EQ(sink_.delivered.back().tail, 100 * 64 + 10 + 1);
}

TEST_F(DieNetworkTest, BytesInEqualBytesOut) {
  for (int i = 0; i < 50; ++i) {
    network_.inject(site(i % 18, i % 20), unicast((i * 7) % 18, (i * 3) % 20, static_cast<std::uint32_t>(64 + i * 32)),
                    10000 * i, sink_);
  }
  std::uint64_t in = 0, out = 0;
  for (SiteIndex s = 0; s < 360; ++s) {
    in += network_.port(s).bytes_injected;
    out += network_.port(s).bytes_ejected;
  }
  EXPECT_EQ(in, out);
}

/// A row of all its nodes; the pieces of those listed are `bytes` long.
struct RowGather {
  RowGather(std::int32_t row, const std::vector<int>& senders, std::uint32_t bytes, Cycles ready) : nodes(20) {
    for (std::uint16_t column = 0; column < 20; ++column) nodes[column] = {column, 0, ready, 0};
    for (const int sender : senders) nodes[static_cast<std::size_t>(sender)].piece_bytes = bytes;
    g.lane = row;
    g.nodes = nodes.data();
    g.count = 20;
  }
  std::vector<GatherNode> nodes;
  Gathering g;
};

TEST_F(DieNetworkTest, AGatherOfOnePieceIsAMulticast) {
  Burst burst;
  burst.shape = Shape::kRow;
  burst.reach.low = 0;
  burst.reach.high = 19;
  burst.bytes = 1000;
  DieNetwork other;
  other.configure(topology_, 0);
  other.inject(site(4, 7), burst, 100, sink_);
  RowGather row(4, {7}, 1000, 100);
  network_.gather(row.g);
  network_.count(row.g, 1);
  ASSERT_EQ(sink_.delivered.size(), 19u);
  for (const Sink::Delivery& delivery : sink_.delivered) {
    EXPECT_EQ(row.nodes[delivery.site % 20].done, delivery.tail) << delivery.site;
  }
  for (const Direction d : {Direction::kEast, Direction::kWest}) {
    for (int column = 0; column < 20; ++column) {
      EXPECT_EQ(network_.link(site(4, column), d).busy_cycles, other.link(site(4, column), d).busy_cycles);
      EXPECT_EQ(network_.link(site(4, column), d).free, other.link(site(4, column), d).free) << column;
    }
  }
  EXPECT_EQ(network_.port(site(4, 7)).inject_free, other.port(site(4, 7)).inject_free);
}

// All write ports take 19 pieces of n flits from the second cycle on, when the neighbours' heads are there.
TEST_F(DieNetworkTest, AGatherOfAllPiecesFillsEveryWritePort) {
  std::vector<int> all(20);
  for (int i = 0; i < 20; ++i) all[static_cast<std::size_t>(i)] = i;
  RowGather row(3, all, 640, 50);
  network_.gather(row.g);
  network_.count(row.g, 1);
  for (const GatherNode& node : row.nodes) EXPECT_EQ(node.done, 50 + 2 + 19 * 10) << node.offset;
  EXPECT_EQ(row.g.delivered, 20 * 19 * 10);
  EXPECT_EQ(row.g.bytes, 20 * 640);
  for (int column = 0; column < 19; ++column) {
    EXPECT_EQ(network_.link(site(3, column), Direction::kEast).busy_cycles, 10u * static_cast<unsigned>(column + 1));
    EXPECT_EQ(network_.link(site(3, column + 1), Direction::kWest).busy_cycles,
              10u * static_cast<unsigned>(19 - column));
    EXPECT_EQ(network_.port(site(3, column)).bytes_ejected, 19u * 640);
  }
  EXPECT_EQ(network_.link(site(3, 19), Direction::kEast).bursts, 0u) << "stays on the die";
}

TEST_F(DieNetworkTest, AGatherWaitsForLinksAndForItsLateSenders) {
  network_.inject(site(0, 0), unicast(0, 2, 6400), 0, sink_);  // the first link is busy in [1, 101)
  RowGather busy(0, {0}, 64, 10);
  network_.gather(busy.g);
  network_.count(busy.g, 1);
  EXPECT_GE(busy.nodes[1].done, 101);
  RowGather late(5, {0, 19}, 64, 10);
  late.nodes[19].ready = 500;
  network_.gather(late.g);
  network_.count(late.g, 1);
  EXPECT_EQ(late.nodes[0].done, 500 + 20 + 1) << "nineteen hops from the read port's router, one flit";
  EXPECT_EQ(late.nodes[19].done, 10 + 20 + 1) << "does not wait for what others wait for";
}

// The write port of the node right of the sender is taken from 2 to 102; ten flits come from 12 on.
TEST_F(DieNetworkTest, AGatherLosesAtATakenWritePortWhatItsBufferCannotAbsorb) {
  for (const auto& [buffer, lost] : {std::pair<std::int64_t, Cycles>{4, 3}, {1, 4}, {128, 0}}) {
    topology::MachineParams params = die_params();
    params.noc.buffer_packets_per_vc = buffer;
    const topology::Topology topology(params);
    network_.configure(topology, 0);
    network_.inject(site(2, 5), unicast(3, 5, 64 * 100), 0, sink_);
    RowGather row(3, {4}, 640, 10);
    network_.gather(row.g);
    EXPECT_EQ(row.nodes[5].done, 102 + 10 + lost) << buffer;
    EXPECT_EQ(row.nodes[3].done, 12 + 10) << "nobody there";
  }
}

// The same in turns: ten flits let twenty of others pass at the port, which is taken for all of them then.
TEST_F(DieNetworkTest, AGatherInTurnsWaitsAtAWritePortForTwiceItsOwn) {
  network_.inject(site(2, 5), unicast(3, 5, 64 * 100), 0, sink_);
  RowGather row(3, {4}, 640, 10);
  row.g.in_turns = true;
  network_.gather(row.g);
  EXPECT_EQ(row.nodes[5].done, 12 + 20 + 10);
  EXPECT_EQ(network_.port(site(3, 5)).eject_free, 102 + 10);
  EXPECT_EQ(row.nodes[3].done, 12 + 10) << "nobody there";
}

TEST_F(DieNetworkTest, AGatherInTurnsOfOneSenderLosesNothingToEitherSide) {
  RowGather row(0, {10}, 6400, 10);
  row.g.in_turns = true;
  network_.gather(row.g);
  EXPECT_EQ(row.nodes[9].done, 12 + 100);
  EXPECT_EQ(row.nodes[11].done, 12 + 100);
}

// The second link is taken until 102. Four flits wait for four others on their whole way.
TEST_F(DieNetworkTest, AGatherInTurnsWaitsOnItsWayForAsMuchAsItIs) {
  network_.inject(site(0, 0), unicast(0, 2, 6400), 0, sink_);
  RowGather row(0, {1}, 4 * 64, 10);
  row.g.in_turns = true;
  network_.gather(row.g);
  EXPECT_EQ(row.nodes[19].done, 11 + 4 + 18 + 4);
  EXPECT_EQ(network_.link(site(0, 1), Direction::kEast).free, 102 + 4) << "later traffic finds both";
}

TEST_F(DieNetworkTest, AGatherLeavesTheDieWhereTheSliceGoesOn) {
  RowGather row(6, {3}, 128, 0);
  row.g.leaves_high = true;
  network_.gather(row.g);
  network_.count(row.g, 1);
  EXPECT_EQ(row.g.high_head, 1 + 17) << "sixteen links of the die and the lane into the edge";
  EXPECT_EQ(row.g.low_head, kNever);
  EXPECT_EQ(network_.link(site(6, 19), Direction::kEast).busy_cycles, 2u);
  EXPECT_EQ(network_.latest(), network_.link(site(6, 19), Direction::kEast).free) << "the last thing that is taken";
}

// The link to the edge is taken from 1 to 101. Four flits go between those, which end four later.
TEST_F(DieNetworkTest, AGatherThatLeavesIsNotOverBeforeItsLastLink) {
  network_.inject(site(6, 19), unicast(6, 20, 6400), 0, sink_);
  RowGather row(6, {3}, 4 * 64, 10);
  row.g.in_turns = row.g.leaves_high = true;
  network_.gather(row.g);
  EXPECT_EQ(network_.link(site(6, 19), Direction::kEast).free, 101 + 4);
  EXPECT_EQ(network_.latest(), 101 + 4);
}

// 360 pieces of two flits: twenty of them pass the end of each row.
TEST_F(DieNetworkTest, AStripeLeavesAlongAllRowsAndArrivesFarthestFirst) {
  const Bytes bytes = 360 * 128;
  const DieNetwork::Stripe out = network_.stripe_out(Direction::kEast, 0, bytes, 100);
  EXPECT_EQ(out.head, 102);
  EXPECT_EQ(out.links_free, 101 + 40);
  EXPECT_EQ(network_.stripe_flits(Direction::kEast, 0, bytes), 40);
  EXPECT_EQ(network_.stripe_flits(Direction::kSouth, 0, bytes), 36);
  network_.settle();
  for (int row = 0; row < 18; ++row) {
    EXPECT_EQ(network_.link(site(row, 19), Direction::kEast).busy_cycles, 40u);
    EXPECT_EQ(network_.link(site(row, 0), Direction::kEast).busy_cycles, 2u);
    EXPECT_EQ(network_.port(site(row, 5)).bytes_injected, 128u);
  }
  DieNetwork far;
  far.configure(topology_, 0);
  const DieNetwork::Stripe in = far.stripe_in(Direction::kEast, 0, bytes, 400);
  far.settle();
  EXPECT_EQ(in.start, 400);
  EXPECT_EQ(in.done, 400 + 40) << "the first column's pieces are the last of their trains";
  EXPECT_EQ(far.port(site(7, 19)).eject_free, 400 + 19 + 2);
  EXPECT_EQ(far.port(site(7, 5)).bytes_ejected, 128u);
  EXPECT_EQ(far.link(site(7, 18), Direction::kEast).busy_cycles, 2u);
  EXPECT_EQ(far.link(site(7, 0), Direction::kEast).busy_cycles, 38u);
  DieNetwork between;
  between.configure(topology_, 0);
  const DieNetwork::Stripe through = between.stripe_through(Direction::kNorth, 0, bytes, 700);
  between.settle();
  EXPECT_EQ(through.head, 700 + 18);
  EXPECT_EQ(between.link(site(9, 9), Direction::kNorth).busy_cycles, 36u);
}

TEST_F(DieNetworkTest, GroupsAreRectanglesThatTogetherAreTheDie) {
  std::vector<int> times(360, 0);
  Bytes shares = 0;
  for (unsigned group = 1; group < network_.groups().count(); ++group) {
    EXPECT_EQ(network_.groups()[group].sites.size(), 45u);
    for (const SiteIndex at : network_.groups()[group].sites) ++times[at];
    shares += network_.groups().share_of(group, 1'000'003);
  }
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), 360);
  EXPECT_EQ(shares, 1'000'003);
  EXPECT_EQ(network_.groups().share_of(0, 1'000'003), 1'000'003);
  EXPECT_EQ(network_.groups()[2].sites.front(), site(0, 5));
}

// Rows 0 to 8, columns 5 to 9: five pieces of two flits on each row, over ten links to the east, five to the west.
TEST_F(DieNetworkTest, AStripeOfAGroupMovesItsNodesAlone) {
  const Bytes bytes = 45 * 128;
  EXPECT_EQ(network_.stripe_flits(Direction::kEast, 2, bytes), 10);
  EXPECT_EQ(network_.stripe_flits(Direction::kNorth, 2, bytes), 18);
  EXPECT_EQ(network_.stripe_out(Direction::kEast, 2, bytes, 100).head, 101 + 11 + 2 - 2);
  network_.settle();
  EXPECT_EQ(network_.link(site(0, 4), Direction::kEast).busy_cycles, 0u);
  EXPECT_EQ(network_.link(site(0, 5), Direction::kEast).busy_cycles, 2u);
  EXPECT_EQ(network_.link(site(0, 19), Direction::kEast).busy_cycles, 10u);
  EXPECT_EQ(network_.link(site(9, 19), Direction::kEast).busy_cycles, 0u);
  EXPECT_EQ(network_.port(site(5, 9)).bytes_injected, 128u);
  EXPECT_EQ(network_.port(site(5, 10)).bytes_injected, 0u);
  DieNetwork far;
  far.configure(topology_, 0);
  const DieNetwork::Stripe in = far.stripe_in(Direction::kWest, 2, bytes, 400);
  far.settle();
  EXPECT_EQ(in.done, 400 + 10 + 10) << "ten links to the first of them, then five pieces";
  EXPECT_EQ(far.link(site(0, 19), Direction::kWest).busy_cycles, 10u);
  EXPECT_EQ(far.link(site(0, 6), Direction::kWest).busy_cycles, 2u);
  EXPECT_EQ(far.link(site(0, 5), Direction::kWest).busy_cycles, 0u);
  EXPECT_EQ(far.port(site(0, 5)).bytes_ejected, 128u);
  DieNetwork between;
  between.configure(topology_, 0);
  EXPECT_EQ(between.stripe_through(Direction::kEast, 2, bytes, 700).head, 720);
  between.settle();
  EXPECT_EQ(between.link(site(5, 0), Direction::kEast).busy_cycles, 10u);
  EXPECT_EQ(between.link(site(9, 0), Direction::kEast).busy_cycles, 0u);
}

TEST_F(DieNetworkTest, AStripeWaitsForTheSlowestRow) {
  network_.inject(site(2, 18), unicast(2, 19, 64 * 300), 0, sink_);
  const DieNetwork::Stripe out = network_.stripe_out(Direction::kEast, 0, 360 * 64, 0);
  EXPECT_GE(out.head, 300);
}

topology::MachineParams several_ports(std::int64_t read, std::int64_t write) {
  topology::MachineParams params = die_params();
  params.node.noc_read_ports = read;
  params.node.noc_write_ports = write;
  return params;
}

class DieNetworkPorts : public DieNetworkTest {
 protected:
  void configure(std::int64_t read, std::int64_t write) {
    ports_ = std::make_unique<topology::Topology>(several_ports(read, write));
    network_.configure(*ports_, 0);
  }
  std::unique_ptr<topology::Topology> ports_;
};

TEST_F(DieNetworkPorts, TwoReadPortsSendTwoBurstsAtATime) {
  configure(2, 1);
  EXPECT_EQ(network_.inject(site(0, 0), unicast(0, 5, 640), 100, sink_), 0) << "the other port has sent nothing yet";
  EXPECT_EQ(network_.inject(site(0, 0), unicast(5, 0, 640), 100, sink_), 110);
  EXPECT_EQ(network_.inject_free(site(0, 0)), 110);
  ASSERT_EQ(sink_.delivered.size(), 2u);
  for (const Sink::Delivery& each : sink_.delivered) EXPECT_EQ(each.tail, 100 + 1 + 5 + 10);
}

TEST_F(DieNetworkPorts, TwoWritePortsTakeTwoBurstsAtATime) {
  for (const std::int64_t ports : {1, 2}) {
    configure(1, ports);
    sink_.delivered.clear();
    network_.inject(site(3, 4), unicast(3, 7, 640), 0, sink_);
    network_.inject(site(3, 10), unicast(3, 7, 640), 0, sink_);
    ASSERT_EQ(sink_.delivered.size(), 2u);
    EXPECT_EQ(sink_.delivered[0].tail, 1 + 3 + 10);
    EXPECT_EQ(sink_.delivered[1].tail, 1 + 3 + (ports == 1 ? 20 : 10));
  }
}

// Node i receives i pieces of ten flits from the low side and 19 - i from the high side, one a cycle each.
TEST_F(DieNetworkPorts, TwoWritePortsTakeAGatherFromBothSides) {
  configure(1, 2);
  std::vector<int> all(20);
  for (int i = 0; i < 20; ++i) all[static_cast<std::size_t>(i)] = i;
  RowGather row(3, all, 640, 50);
  network_.gather(row.g);
  for (const GatherNode& node : row.nodes) {
    const Cycles longer_side = std::max<Cycles>(node.offset, 19 - node.offset) * 10;
    EXPECT_EQ(node.done, 50 + 2 + std::max<Cycles>(longer_side, 95)) << node.offset;
  }
}

TEST_F(DieNetworkPorts, TwoReadPortsSendTwoStripesAtATime) {
  for (const std::int64_t ports : {1, 2}) {
    configure(ports, 1);
    EXPECT_EQ(network_.stripe_out(Direction::kEast, 0, 360 * 128, 100).start, 100);
    EXPECT_EQ(network_.stripe_out(Direction::kSouth, 0, 360 * 128, 100).start, ports == 1 ? 102 : 100);
  }
}

TEST_F(DieNetworkPorts, TwoWritePortsTakeTwoStripesAtATime) {
  for (const std::int64_t ports : {1, 2}) {
    configure(1, ports);
    const auto last = [&](Direction d) { return network_.stripe_in(d, 0, 360 * 128, 400).done; };
    EXPECT_EQ(last(Direction::kEast), 400 + 40);
    // The first row's pieces are the last of a column's 36 flits; in the first column they find the port busy.
    EXPECT_EQ(last(Direction::kSouth), ports == 1 ? 440 + 2 : 400 + 36);
  }
}

TEST_F(DieNetworkPorts, MoreThanFourAreAsGoodAsFour) {
  for (const std::int64_t ports : {4, 16}) {
    configure(ports, 1);
    for (int i = 0; i < 4; ++i) network_.inject(site(5, 5), unicast(5, 6 + i, 640), 0, sink_);
    EXPECT_GE(network_.inject_free(site(5, 5)), 10) << ports;
  }
}

/// Each flit goes to the port that is free first.
TEST(PortTimes, ShareAmongPortsAsFlitsComeOneByOne) {
  for (std::uint32_t ports = 1; ports <= 4; ++ports) {
    PortTimes times;
    times.configure(1, ports);
    std::vector<Cycles> expected(ports, 0);
    for (int step = 1; step < 200; ++step) {
      const Cycles head = step * 3 + step * step % 7;
      const Flits flits = 1 + step * 5 % 11;
      for (Cycles& free : expected) free = std::max(free, head);
      for (Flits i = 0; i < flits; ++i) ++*std::min_element(expected.begin(), expected.end());
      ASSERT_EQ(times.share(0, head, 0, flits), *std::max_element(expected.begin(), expected.end())) << ports << step;
      ASSERT_EQ(times.first(0), *std::min_element(expected.begin(), expected.end()));
    }
  }
}

}  // namespace
}  // namespace dojo::fabric
