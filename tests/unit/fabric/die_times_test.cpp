// SPDX-License-Identifier: Apache-2.0
// Times of the fast and of the ideal model on a die that few jobs show: control packets, ports that stall, losses at
// ports, gathers against their definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/fabric/ideal_die.h"
#include "support/draw.h"

namespace dojo::fabric {
namespace {

struct Sink {
  std::vector<Cycles> tails, heads;
  void deliver(SiteIndex, const Burst&, Cycles tail) { tails.push_back(tail); }
  void leave(Direction, std::int32_t, const Burst&, Cycles head) { heads.push_back(head); }
};

topology::MachineParams die_params() {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {18, 20};
  params.die.enabled = 360;
  return params;
}

class DieTimes : public ::testing::Test {
 protected:
  DieTimes() : topology_(die_params()) {
    network_.configure(topology_, 0);
    ideal_.configure(topology_, 0);
  }
  static SiteIndex site(int row, int column) { return static_cast<SiteIndex>(row * 20 + column); }
  static Burst unicast(int row, int column, std::uint32_t flits) {
    Burst burst;
    burst.row = row;
    burst.column = column;
    burst.bytes = 64 * flits;
    return burst;
  }
  static Burst control(int row, int column) {
    Burst packet = unicast(row, column, 1);
    packet.traffic_class = TrafficClass::kControl;
    return packet;
  }
  static Burst multicast(Shape shape, int low, int high, std::uint32_t flits) {
    Burst burst = unicast(0, 0, flits);
    burst.shape = shape;
    burst.reach = {low, high};
    return burst;
  }
  [[nodiscard]] Cycles buffer() const { return topology_.params().noc.buffer_packets_per_vc; }
  topology::Topology topology_;
  DieNetwork network_;
  IdealDie ideal_;
  Sink sink_;
};

// The burst's 128 flits hold link i up to cycle 129 + i. A packet lets one of them go first, at each link and at the
// write port; what is behind it waits a cycle more.
TEST_F(DieTimes, AControlPacketLetsOneFlitGoFirst) {
  network_.inject(site(0, 0), unicast(0, 9, 128), 0, sink_);
  const Cycles port_free = network_.inject_free(site(0, 0));
  EXPECT_EQ(network_.inject(site(0, 0), control(0, 9), 20, sink_), port_free) << "takes no turn at the read port";
  EXPECT_EQ(sink_.tails[1], 20 + 1 + 9 * 2 + 1 + 1);
  EXPECT_EQ(network_.link(site(0, 0), Direction::kEast).free, 129 + 1);
  EXPECT_EQ(network_.link(site(0, 8), Direction::kEast).free, 137 + 1);
  EXPECT_EQ(network_.link(site(0, 8), Direction::kEast).queue_cycles, 1u);
  EXPECT_EQ(network_.link(site(0, 8), Direction::kEast).busy_cycles, 129u);
  EXPECT_EQ(network_.port(site(0, 9)).eject_free, 138 + 1);
  network_.inject(site(0, 0), control(0, 9), 20, sink_);
  EXPECT_EQ(sink_.tails[2], sink_.tails[1] + 1) << "packets follow one another";
  EXPECT_EQ(network_.link(site(0, 0), Direction::kEast).free, 129 + 2);
}

TEST_F(DieTimes, AControlPacketBehindABurstWaitsForNothing) {
  network_.inject(site(0, 0), unicast(0, 9, 10), 0, sink_);  // link 0 is free at 11, when the packet's head is there
  network_.inject(site(0, 0), control(0, 9), 10, sink_);
  EXPECT_EQ(sink_.tails[1], 10 + 1 + 9 + 1);
  EXPECT_EQ(network_.link(site(0, 3), Direction::kEast).queue_cycles, 0u);
  EXPECT_EQ(network_.port(site(0, 9)).eject_free, 21);
  network_.inject(site(0, 9), unicast(0, 9, 100), 500, sink_);  // nothing is left of it
  EXPECT_EQ(sink_.tails[2], 500 + 1 + 100);
}

TEST_F(DieTimes, OneFlitIsAtMostALinksWidth) {
  EXPECT_EQ(network_.flits(1), 1);
  EXPECT_EQ(network_.flits(64), 1);
  EXPECT_EQ(network_.flits(65), 2);
  EXPECT_EQ(network_.flits(128), 2);
  EXPECT_EQ(network_.first_node(), 0);
}

TEST_F(DieTimes, TheFirstNodeIsTheFirstThatWorks) {
  topology::MachineParams params = die_params();
  params.die.enabled = 357;
  params.die.disabled_sites = {0, 1, 2};
  const topology::Topology topology(params);
  network_.configure(topology, 0);
  EXPECT_EQ(network_.first_node(), 3);
}

// No link is between: the write port alone holds the read port back.
TEST_F(DieTimes, AMessageToItsOwnNodeStallsAtTheWritePort) {
  network_.inject(site(3, 4), unicast(2, 4, 200), 0, sink_);  // free at 2 + 200
  EXPECT_EQ(network_.inject(site(2, 4), unicast(2, 4, 10), 0, sink_), 202 + 10 - 1 - buffer());
  EXPECT_EQ(sink_.tails[1], 212);
}

TEST_F(DieTimes, AMulticastStallsItsReadPortUntilBothLinksHaveTakenIt) {
  for (const int busy : {4, 8}) {  // the source's neighbours, which send past it
    network_.configure(topology_, 0);
    network_.inject(site(6, busy), unicast(6, busy == 4 ? 12 : 0, 300), 0, sink_);
    const Cycles link_free = network_.link(site(6, 6), busy == 4 ? Direction::kEast : Direction::kWest).free;
    EXPECT_EQ(link_free, 1 + 2 + 300);
    EXPECT_EQ(network_.inject(site(6, 6), multicast(Shape::kRow, 0, 19, 10), 0, sink_), link_free + 10 - 1 - buffer());
  }
}

// Its row ends there, and others leave the die over that lane.
TEST_F(DieTimes, AMulticastFromTheBorderDoesNotWaitForTheLaneOfOthers) {
  network_.enter(Direction::kWest, 5, multicast(Shape::kRowEast, 0, 40, 500), 0, sink_);
  EXPECT_EQ(network_.link(site(5, 19), Direction::kEast).free, 19 + 500);
  EXPECT_EQ(network_.inject(site(5, 19), multicast(Shape::kRow, 0, 19, 10), 0, sink_), 10);
}

// Returns when its head has left the receive buffer: with the first node's port and the first link.
TEST_F(DieTimes, AMulticastStaysInTheReceiveBufferUntilPortAndLinkTakeIt) {
  EXPECT_EQ(network_.enter(Direction::kWest, 2, multicast(Shape::kRowEast, 0, 19, 10), 100, sink_), 100);
  EXPECT_EQ(network_.enter(Direction::kWest, 2, multicast(Shape::kRowEast, 0, 19, 10), 100, sink_), 110);
  EXPECT_EQ(network_.enter(Direction::kNorth, 0, multicast(Shape::kColumnSouth, 0, 0, 10), 100, sink_), 100);
  EXPECT_EQ(network_.enter(Direction::kNorth, 0, multicast(Shape::kColumnSouth, 0, 0, 10), 100, sink_), 110)
      << "the first node's port is taken";
  EXPECT_EQ(network_.enter(Direction::kNorth, 0, multicast(Shape::kColumnSouth, 0, 3, 10), 0, sink_), 120)
      << "the link to the next node is free";
}

// Per cent of the wait: 46, and 7 less for each doubling of the buffer.
TEST_F(DieTimes, LossesAtAPortByBuffer) {
  const std::pair<std::int64_t, Cycles> kLosses[] = {{1, 46},  {2, 39},  {3, 39}, {4, 32},  {8, 25},
                                                     {16, 18}, {32, 11}, {64, 4}, {128, 0}, {1024, 0}};
  for (const auto& [packets, lost] : kLosses) {
    topology::MachineParams params = die_params();
    params.noc.buffer_packets_per_vc = packets;
    const topology::Topology topology(params);
    network_.configure(topology, 0);
    network_.inject(site(2, 5), unicast(3, 5, 2000), 0, sink_);  // the port is taken from 2 to 2002
    std::vector<GatherNode> nodes = {{4, 64 * 1000, 10, 0}, {5, 0, 10, 0}};
    Gathering g;
    g.lane = 3;
    g.nodes = nodes.data();
    g.count = 2;
    network_.gather(g);
    EXPECT_EQ(nodes[1].done, 2002 + 1000 + 10 * lost) << packets;
  }
}

// A wait shorter than the pieces are long: only that is lost a part of.
TEST_F(DieTimes, LossesAtAPortByTheWait) {
  network_.inject(site(2, 5), unicast(3, 5, 100), 0, sink_);  // up to 102; the head is there at 12
  std::vector<GatherNode> nodes = {{4, 64 * 1000, 10, 0}, {5, 0, 10, 0}};
  Gathering g;
  g.lane = 3;
  g.nodes = nodes.data();
  g.count = 2;
  network_.gather(g);
  EXPECT_EQ(nodes[1].done, 102 + 1000 + 90 * 32 / 100);
}

// Far apart in time nothing of a piece meets another: a gather is then one multicast after the other.
TEST_F(DieTimes, AGatherOfPiecesFarApartIsTheirMulticasts) {
  for (const bool horizontal : {true, false}) {
    DieNetwork together, apart;
    together.configure(topology_, 0);
    apart.configure(topology_, 0);
    const int length = horizontal ? 20 : 18;
    std::vector<GatherNode> nodes;
    for (int i = 0; i < length; ++i) {
      const bool sends = i % 3 == 1;
      const Cycles ready = 100 + i * 1000;
      nodes.push_back({static_cast<std::uint16_t>(i), sends ? 640u : 0u, ready, 0});
    }
    Gathering g;
    g.horizontal = horizontal;
    g.lane = 4;
    g.nodes = nodes.data();
    g.count = static_cast<std::uint32_t>(length);
    together.gather(g);
    std::vector<GatherNode> senders;
    for (const GatherNode& node : nodes) {
      if (node.piece_bytes > 0) senders.push_back(node);
    }
    std::sort(senders.begin(), senders.end(), [](const auto& x, const auto& y) { return x.ready < y.ready; });
    for (const GatherNode& node : senders) {
      const SiteIndex from = horizontal ? site(4, node.offset) : site(node.offset, 4);
      const Cycles start = std::max(node.ready, apart.inject_free(from));
      apart.inject(from, multicast(horizontal ? Shape::kRow : Shape::kColumn, 0, length - 1, 10), start, sink_);
    }
    for (int i = 0; i < length; ++i) {
      const SiteIndex at = horizontal ? site(4, i) : site(i, 4);
      EXPECT_EQ(together.port(at).eject_free, apart.port(at).eject_free) << i;
    }
  }
}

/// Cycles of a gather as the header states them, with every port free at first.
struct Expected {
  explicit Expected(const std::vector<GatherNode>& nodes, Cycles hop, Cycles border) {
    Cycles low_tail = 0, high_tail = 0;
    for (const GatherNode& node : nodes) {
      const Flits piece = (node.piece_bytes + 63) / 64;
      if (piece == 0) continue;
      total += piece;
      first_start = std::min(first_start, node.ready);
      low = std::min(low, node.ready + hop * (2 + node.offset));
      high = std::min(high, node.ready + hop * (2 + border - node.offset));
      low_tail = std::max(low_tail, node.ready + hop * (2 + node.offset) + piece);
      high_tail = std::max(high_tail, node.ready + hop * (2 + border - node.offset) + piece);
    }
    low = std::max(low, low_tail - total);
    high = std::max(high, high_tail - total);
    for (const GatherNode& to : nodes) {
      Cycles head = kNever, tail = 0;
      Flits come = 0;
      for (const GatherNode& from : nodes) {
        const Flits piece = (from.piece_bytes + 63) / 64;
        if (from.offset == to.offset || piece == 0) continue;
        const Cycles there = from.ready + hop * (1 + std::abs(from.offset - to.offset));
        head = std::min(head, there);
        tail = std::max(tail, there + piece);
        come += piece;
      }
      done.push_back(come == 0 ? 0 : std::max(head + come, tail));
      delivered += come;
    }
  }
  Flits total = 0, delivered = 0;
  Cycles first_start = kNever, low = kNever, high = kNever;
  std::vector<Cycles> done;
};

TEST_F(DieTimes, AnIdealGatherIsItsDefinition) {
  test::Draw draw(5);
  topology::MachineParams params = die_params();
  params.noc.hop_cycles = 3;
  const topology::Topology topology(params);
  for (int round = 0; round < 300; ++round) {
    const bool horizontal = draw.one_in(2);
    const int length = horizontal ? 20 : 18, lane = static_cast<int>(draw.between(0, 17));
    ideal_.configure(topology, 0);
    std::vector<GatherNode> nodes;
    for (int i = 0; i < length; ++i) {
      if (draw.one_in(3)) continue;
      const auto bytes = static_cast<std::uint32_t>(draw.one_in(3) ? 0 : draw.between(1, 3000));
      nodes.push_back({static_cast<std::uint16_t>(i), bytes, draw.between(100, 160), 0});
    }
    if (nodes.empty()) continue;
    const Expected expected(nodes, 3, length - 1);
    if (expected.total == 0) continue;
    Gathering g;
    g.horizontal = horizontal;
    g.lane = lane;
    g.nodes = nodes.data();
    g.count = static_cast<std::uint32_t>(nodes.size());
    g.leaves_low = draw.one_in(2);
    g.leaves_high = draw.one_in(2);
    ideal_.gather(g);
    EXPECT_EQ(g.first_start, expected.first_start);
    EXPECT_EQ(g.low_head, g.leaves_low ? expected.low : kNever);
    EXPECT_EQ(g.high_head, g.leaves_high ? expected.high : kNever);
    EXPECT_EQ(g.delivered, expected.delivered);
    for (std::size_t i = 0; i < nodes.size(); ++i) EXPECT_EQ(nodes[i].done, expected.done[i]) << round << " " << i;
    EXPECT_EQ(g.last_tail, *std::max_element(expected.done.begin(), expected.done.end()));
    EXPECT_GE(g.links_free, g.last_tail);
    for (const GatherNode& node : nodes) {
      const SiteIndex at = horizontal ? site(lane, node.offset) : site(node.offset, lane);
      if (node.piece_bytes == 0) continue;
      EXPECT_EQ(ideal_.inject_free(at), node.ready + ideal_.flits(node.piece_bytes));
    }
    if (HasFailure()) return;
  }
}

// Each message's read port is taken for it alone; its bursts follow one another at the rate of the port.
TEST_F(DieTimes, AnIdealMessageInTurnTakesItsOwnTime) {
  const DieNetwork::ReadTurn turn = ideal_.take_read_port(site(2, 2), 30, 50);
  EXPECT_EQ(turn.start, 50);
  EXPECT_EQ(ideal_.latest(), 80);
  EXPECT_EQ(ideal_.inject_in_turn(site(2, 2), turn.port, unicast(4, 7, 10), 50, sink_), 60);
  EXPECT_EQ(sink_.tails.at(0), 50 + 1 + 7 + 10);
  EXPECT_EQ(ideal_.port(site(2, 2)).bytes_injected, 640u);
}

}  // namespace
}  // namespace dojo::fabric
