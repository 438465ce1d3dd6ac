// SPDX-License-Identifier: Apache-2.0
// A die whose links are never shared: the times of the fast model where a message meets nobody, and the same times
// where it meets others.
#include "dojo/fabric/ideal_die.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace dojo::fabric {
namespace {

struct Sink {
  std::vector<std::tuple<SiteIndex, Cycles>> delivered;
  std::vector<std::tuple<Direction, std::int32_t, Cycles>> left;
  void deliver(SiteIndex site, const Burst&, Cycles tail) { delivered.emplace_back(site, tail); }
  void leave(Direction d, std::int32_t lane, const Burst&, Cycles head) { left.emplace_back(d, lane, head); }
};

/// The right upper of two by two dies, each of four rows and five columns.
class IdealDieTest : public ::testing::Test {
 protected:
  IdealDieTest() : topology_(params()) {
    ideal_.configure(topology_, 1);
    fast_.configure(topology_, 1);
  }
  static topology::MachineParams params() {
    topology::MachineParams params;
    params.level = topology::Level::kTile;
    params.tile.dies = {2, 2};
    params.die.grid = {4, 5};
    params.die.enabled = 19;
    params.die.disabled_sites = {7};  // row 1, column 2
    params.noc.hop_cycles = 2;
    return params;
  }
  static SiteIndex site(int row, int column) { return static_cast<SiteIndex>(row * 5 + column); }
  static Burst to(int row, int column, std::uint32_t bytes) {
    Burst burst;
    burst.row = row;
    burst.column = column;
    burst.bytes = bytes;
    return burst;
  }
  topology::Topology topology_;
  IdealDie ideal_;
  DieNetwork fast_;
  Sink sink_, other_;
};

// Columns 5 to 9 and rows 0 to 3 are on this die; column 10 is the DIP in the east.
TEST_F(IdealDieTest, AMessageThatMeetsNobodyIsAsInTheFastModel) {
  for (const auto& [row, column] : {std::pair{0, 5}, {3, 9}, {2, 6}, {0, 0}, {6, 7}, {7, 1}, {2, 10}, {3, -1}}) {
    for (const TrafficClass traffic : {TrafficClass::kData, TrafficClass::kControl}) {
      SCOPED_TRACE(testing::Message() << row << ", " << column);
      IdealDie ideal;
      DieNetwork fast;
      ideal.configure(topology_, 1);
      fast.configure(topology_, 1);
      Sink a, b;
      Burst burst = to(row, column, traffic == TrafficClass::kData ? 1000 : 64);
      burst.traffic_class = traffic;
      EXPECT_EQ(ideal.inject(site(1, 3), burst, 100, a), fast.inject(site(1, 3), burst, 100, b));
      EXPECT_EQ(a.delivered, b.delivered);
      EXPECT_EQ(a.left, b.left);
      for (SiteIndex s = 0; s < 20; ++s) {
        for (int d = 0; d < topology::kDirections; ++d) {
          const auto direction = static_cast<Direction>(d);
          EXPECT_EQ(ideal.link(s, direction).busy_cycles, fast.link(s, direction).busy_cycles);
          EXPECT_EQ(ideal.link(s, direction).bursts, fast.link(s, direction).bursts);
        }
        EXPECT_EQ(ideal.port(s).bytes_ejected, fast.port(s).bytes_ejected);
      }
    }
  }
}

TEST_F(IdealDieTest, WhatComesOverAnEdgeIsAsInTheFastModel) {
  std::vector<std::tuple<Direction, Shape>> all = {
      {Direction::kWest, Shape::kUnicast},      {Direction::kSouth, Shape::kUnicast},
      {Direction::kWest, Shape::kRowEast},      {Direction::kEast, Shape::kRowWest},
      {Direction::kNorth, Shape::kColumnSouth}, {Direction::kSouth, Shape::kColumnNorth}};
  for (const auto& [side, shape] : all) {
    for (const bool goes_on : {false, true}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(shape) << goes_on);
      IdealDie ideal;
      DieNetwork fast;
      ideal.configure(topology_, 1);
      fast.configure(topology_, 1);
      Burst burst = to(2, 8, 640);
      burst.shape = shape;
      const bool row = shape == Shape::kRowEast || shape == Shape::kRowWest;
      if (shape != Shape::kUnicast) burst.reach = goes_on ? Reach{-20, 40} : row ? Reach{5, 9} : Reach{0, 3};
      Sink a, b;
      ideal.enter(side, 2, burst, 50, a);
      fast.enter(side, 2, burst, 50, b);
      EXPECT_EQ(a.delivered, b.delivered);
      EXPECT_EQ(a.left, b.left);
      EXPECT_EQ(a.left.size(), goes_on && shape != Shape::kUnicast ? 1u : 0u);
    }
  }
}

// From the first two nodes of a row over the same links to different nodes.
TEST_F(IdealDieTest, MessagesThatShareLinksDoNotWait) {
  ideal_.inject(site(0, 0), to(0, 9, 6400), 0, sink_);
  ideal_.inject(site(0, 1), to(0, 8, 6400), 0, sink_);
  ASSERT_EQ(sink_.delivered.size(), 2u);
  EXPECT_EQ(std::get<1>(sink_.delivered[0]), 2 * (1 + 4) + 100);
  EXPECT_EQ(std::get<1>(sink_.delivered[1]), 2 * (1 + 2) + 100);
  EXPECT_EQ(ideal_.link(site(0, 2), Direction::kEast).busy_cycles, 200u) << "counted nevertheless";
  EXPECT_EQ(ideal_.link(site(0, 2), Direction::kEast).queue_cycles, 0u);
}

TEST_F(IdealDieTest, PortsOfNodesAreFinite) {
  EXPECT_EQ(ideal_.inject(site(0, 0), to(0, 9, 6400), 10, sink_), 10 + 100) << "the read port";
  ideal_.inject(site(3, 4), to(0, 9, 6400), 10, sink_);
  EXPECT_EQ(std::get<1>(sink_.delivered[1]), 10 + 2 * (1 + 4) + 200) << "the write port takes one after the other";
}

Gathering gather(std::vector<GatherNode>& nodes, std::int32_t lane, bool horizontal = true) {
  Gathering g;
  g.horizontal = horizontal;
  g.lane = lane;
  g.nodes = nodes.data();
  g.count = static_cast<std::uint32_t>(nodes.size());
  return g;
}

TEST_F(IdealDieTest, AGatherOfOnePieceIsAsInTheFastModel) {
  for (const bool horizontal : {true, false}) {
    const Cycles start = horizontal ? 100 : 1000;  // nobody meets anybody
    std::vector<GatherNode> nodes;
    for (std::uint16_t i = 0; i < (horizontal ? 5 : 4); ++i) nodes.push_back({i, i == 1 ? 640u : 0u, start, 0});
    std::vector<GatherNode> others = nodes;
    Gathering a = gather(nodes, 0, horizontal), b = gather(others, 0, horizontal);
    a.leaves_low = b.leaves_low = a.leaves_high = b.leaves_high = true;
    ideal_.gather(a);
    fast_.gather(b);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (i == 1) continue;  // sends alone
      EXPECT_EQ(nodes[i].done, others[i].done) << i;
    }
    EXPECT_EQ(a.low_head, b.low_head);
    EXPECT_EQ(a.high_head, b.high_head);
    EXPECT_EQ(a.delivered, b.delivered);
    EXPECT_EQ(a.bytes, b.bytes);
    EXPECT_EQ(a.last_tail, b.last_tail);
  }
}

// Each node's write port takes the four pieces of the others; the neighbours' heads come two hops after the start.
TEST_F(IdealDieTest, AGatherOfAllPiecesIsBoundByTheWritePorts) {
  std::vector<GatherNode> nodes;
  for (std::uint16_t i = 0; i < 5; ++i) nodes.push_back({i, 640, 0, 0});
  Gathering g = gather(nodes, 0);
  ideal_.gather(g);
  for (const GatherNode& node : nodes) EXPECT_EQ(node.done, 2 * 2 + 4 * 10) << node.offset;
  EXPECT_EQ(g.low_head, kNever) << "stays on the die";
}

TEST_F(IdealDieTest, AGatherWithoutPiecesChangesNothing) {
  std::vector<GatherNode> nodes = {{0, 0, 10, 7}, {1, 0, 10, 8}};
  Gathering g = gather(nodes, 0);
  g.leaves_high = true;
  ideal_.gather(g);
  EXPECT_EQ(nodes[0].done, 7);
  EXPECT_EQ(g.high_head, kNever);
  EXPECT_EQ(g.delivered, 0);
}

// 19 nodes of two flits each. A piece's way is a whole number of dies long: here five or four links of two cycles.
TEST_F(IdealDieTest, PiecesOfAStripeDoNotWaitForEachOther) {
  const Bytes bytes = 19 * 128;
  EXPECT_EQ(ideal_.stripe_flits(Direction::kEast, 0, bytes), 2);
  const DieNetwork::Stripe out = ideal_.stripe_out(Direction::kEast, 0, bytes, 100);
  EXPECT_EQ(out.head, 100 + 2 * (1 + 5));
  const DieNetwork::Stripe next = ideal_.stripe_out(Direction::kNorth, 0, bytes, 100);
  EXPECT_EQ(next.head, 102 + 2 * (1 + 4)) << "the read ports are busy with the one before it";
  EXPECT_EQ(ideal_.stripe_through(Direction::kEast, 0, bytes, 100).head, 100 + 2 * 5);
  const DieNetwork::Stripe in = ideal_.stripe_in(Direction::kEast, 0, bytes, 100);
  EXPECT_EQ(in.start, 100);
  EXPECT_EQ(in.done, 102);
  EXPECT_EQ(ideal_.stripe_in(Direction::kEast, 0, bytes, 100).done, 104) << "the write ports";
  ideal_.settle();
  EXPECT_EQ(ideal_.port(site(0, 0)).bytes_injected, 2u * 128u);
  EXPECT_EQ(ideal_.port(site(1, 2)).bytes_injected, 0u) << "no node there";
}

}  // namespace
}  // namespace dojo::fabric
