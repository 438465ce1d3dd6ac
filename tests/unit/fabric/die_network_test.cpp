// SPDX-License-Identifier: Apache-2.0
// Timing of the fast model on one die, exact to the cycle: zero load, serialisation, queueing, back-pressure,
// multicast.
#include "dojo/fabric/die_network.h"

#include <gtest/gtest.h>

#include <map>
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
  network_.inject(site(0, 1), unicast(0, 3, 64), 0, sink_);   // would be there at 1, before the other's head
  network_.inject(site(1, 0), unicast(1, 5, 64), 0, sink_);   // another row
  ASSERT_EQ(sink_.delivered.size(), 3u);
  EXPECT_EQ(sink_.delivered[0].tail, 5 + 1 + 10);
  EXPECT_EQ(network_.link(site(0, 1), Direction::kEast).queue_cycles, 12u - 1u);
  EXPECT_EQ(sink_.delivered[1].tail, 12 + 2 + 1);
  EXPECT_EQ(sink_.delivered[2].tail, 5 + 1 + 1);
}

TEST_F(DieNetworkTest, ABlockedHeadHoldsTheLinksBehindItBeyondTheBuffers) {
  network_.inject(site(0, 5), unicast(0, 8, 64 * 100), 0, sink_);  // east link of column 5 busy from 1 to 101
  network_.inject(site(0, 0), unicast(0, 8, 64 * 10), 0, sink_);   // its head is there at 6 and waits until 101
  const Cycles buffer = topology_.params().noc.buffer_packets_per_vc;
  // Its last flit leaves column 4's link when all but a buffer's worth has gone on: 111 - buffer - 1.
  EXPECT_EQ(network_.link(site(0, 4), Direction::kEast).free, 101 + 10 - buffer - 1);
  EXPECT_GT(network_.port(site(0, 0)).inject_free, 10) << "the read port stalls too";
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
  burst.low = 0;
  burst.high = 19;
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
  burst.low = -20;
  burst.high = 19;
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

}  // namespace
}  // namespace dojo::fabric
