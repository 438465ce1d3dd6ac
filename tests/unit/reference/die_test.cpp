// SPDX-License-Identifier: Apache-2.0
// A die of the reference model under messages: zero load exact to the cycle, forks, edges, back-pressure.
#include "dojo/reference/die.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace dojo::reference {
namespace {

using fabric::Burst;
using fabric::Shape;
using topology::Direction;

topology::MachineParams params(std::int64_t dies) {
  topology::MachineParams p;
  p.level = dies > 1 ? topology::Level::kTile : topology::Level::kDie;
  p.tile.dies = {1, dies};
  p.die.grid = {6, 8};
  p.die.enabled = 47;
  p.die.disabled_sites = {10};  // row 1, column 2
  return p;
}

struct Written {
  SiteIndex site;
  Cycles time, latency;
  Burst burst;
};

/// Dies in a row, run in windows as the machine runs them.
class Dies {
 public:
  explicit Dies(const topology::MachineParams& p) : topology_(p) {
    for (DieId die = 0; die < topology_.die_count(); ++die) {
      dies_.push_back(std::make_unique<Die>(topology_, die));
      last.emplace_back();
    }
  }
  Die& operator[](std::size_t i) { return *dies_[i]; }
  [[nodiscard]] const topology::Topology& topology() const { return topology_; }
  static SiteIndex site(int row, int column) { return static_cast<SiteIndex>(row * 8 + column); }
  [[nodiscard]] static Burst to(int row, int column) {
    Burst burst;
    burst.row = row;
    burst.column = column;
    return burst;
  }
  /// To the end; returns the cycle after the last.
  Cycles run(Cycles most = 1'000'000) {
    Cycles now = 0;
    for (;;) {
      Cycles next = kNever;
      for (auto& die : dies_) next = std::min(next, die->next_cycle());
      if (next == kNever || next > most) return now;
      const Cycles end = next + 100;
      for (std::size_t i = 0; i < dies_.size(); ++i) {
        while (dies_[i]->next_cycle() < end) {
          now = dies_[i]->next_cycle();
          dies_[i]->cycle(now);
          dies_[i]->deliver([&](const Delivery& d) {
            ++flits[d.site];
            latest_latency = d.latency();
            if (d.last) last[i].push_back({d.site, d.time, d.latency(), dies_[i]->burst(d.message)});
          });
        }
      }
      exchange();
    }
  }
  [[nodiscard]] bool settled() const {
    return std::all_of(dies_.begin(), dies_.end(), [](const auto& die) { return die->settled(); });
  }
  std::vector<std::vector<Written>> last;  ///< by die: ends of messages
  std::map<SiteIndex, int> flits;
  std::vector<fabric::Crossing> at_dip;
  Bytes dip_credit = 0;
  Cycles latest_latency = 0;

 private:
  void exchange() {
    for (std::size_t i = 0; i < dies_.size(); ++i) {
      for (const Direction d : {Direction::kEast, Direction::kWest}) {
        Leaves& leaves = dies_[i]->leaving(d);
        at_dip.insert(at_dip.end(), leaves.to_dip.begin(), leaves.to_dip.end());
        for (const fabric::Credit& credit : leaves.dip_credits) dip_credit += credit.bytes;
        leaves.to_dip.clear();
        leaves.dip_credits.clear();
        const std::size_t other = d == Direction::kEast ? i + 1 : i - 1;
        if (other < dies_.size()) dies_[other]->take(topology::opposite(d), leaves.mail);
      }
    }
  }
  topology::Topology topology_;
  std::vector<std::unique_ptr<Die>> dies_;
};

// SRAM to router, a cycle a link, router to SRAM; a flit a cycle.
TEST(ReferenceDie, ZeroLoadLatencyIsTheClosedForm) {
  for (const int hops : {0, 1, 4, 12}) {
    Dies dies(params(1));
    const int row = hops > 7 ? 5 : 0;
    dies[0].post(Dies::site(0, 0), Dies::to(row, hops - row), 64, 10, 0);
    EXPECT_EQ(dies[0].next_cycle(), 10);
    dies.run();
    ASSERT_EQ(dies.last[0].size(), 1u);
    EXPECT_EQ(dies.last[0][0].time, 10 + 1 + hops + 1);
    EXPECT_EQ(dies.last[0][0].latency, hops + 2);
    EXPECT_TRUE(dies.settled());
    EXPECT_EQ(dies[0].flit_hops(), static_cast<std::uint64_t>(hops));
  }
}

TEST(ReferenceDie, AMessageArrivesAFlitACycle) {
  Dies dies(params(1));
  dies[0].post(Dies::site(0, 0), Dies::to(3, 4), 64 * 100 + 1, 0, 0);
  dies.run();
  ASSERT_EQ(dies.last[0].size(), 1u);
  EXPECT_EQ(dies.flits[Dies::site(3, 4)], 101);
  EXPECT_EQ(dies.last[0][0].time, 7 + 2 + 100);
}

TEST(ReferenceDie, AMulticastIsReadOnceAndForksAtEachNode) {
  Dies dies(params(1));
  Burst burst;
  burst.shape = Shape::kRow;
  burst.reach.low = 0;
  burst.reach.high = 7;
  burst.purpose = fabric::Purpose::kOperand;
  dies[0].post(Dies::site(1, 4), burst, 640, 0, 0);
  dies.run();
  std::map<int, Cycles> time;
  for (const Written& w : dies.last[0]) {
    EXPECT_EQ(w.site / 8, 1);
    EXPECT_TRUE(time.emplace(w.site % 8, w.time).second) << "twice at column " << w.site % 8;
  }
  EXPECT_EQ(time.size(), 6u) << "all of the row but the sender and the dead core";
  EXPECT_EQ(time.count(2), 0u);
  for (const auto& [column, at] : time) EXPECT_EQ(at, 2 + std::abs(column - 4) + 9) << "column " << column;
  EXPECT_EQ(dies[0].link(Dies::site(1, 4), Direction::kEast).flits, 10u);
  EXPECT_EQ(dies[0].link(Dies::site(1, 1), Direction::kWest).flits, 10u);
  EXPECT_TRUE(dies.settled());
}

TEST(ReferenceDie, AMulticastThatEndsAtADeadCoreLeavesNothingBehind) {
  Dies dies(params(1));
  Burst burst;
  burst.shape = Shape::kRow;
  burst.reach.low = 2;
  burst.reach.high = 3;
  dies[0].post(Dies::site(1, 3), burst, 640, 0, 0);
  dies.run();
  EXPECT_TRUE(dies.last[0].empty());
  EXPECT_TRUE(dies.settled());
}

TEST(ReferenceDie, TwoStreamsShareALinkFairly) {
  Dies dies(params(1));
  dies[0].post(Dies::site(0, 0), Dies::to(0, 2), 64 * 1000, 0, 0);
  dies[0].post(Dies::site(0, 1), Dies::to(0, 3), 64 * 1000, 0, 0);
  dies.run();
  ASSERT_EQ(dies.last[0].size(), 2u);
  for (const Written& w : dies.last[0]) EXPECT_NEAR(static_cast<double>(w.time), 2000, 20);
  EXPECT_GT(dies[0].link(Dies::site(0, 1), Direction::kEast).wait_cycles, 900u);
}

TEST(ReferenceDie, AControlPacketDoesNotWaitForDataBeforeIt) {
  Dies dies(params(1));
  dies[0].post(Dies::site(0, 0), Dies::to(0, 5), 64 * 1000, 0, 0);
  Burst control = Dies::to(0, 5);
  control.traffic_class = fabric::TrafficClass::kControl;
  dies[0].post(Dies::site(0, 0), control, 64, 500, 0);
  dies.run();
  ASSERT_EQ(dies.last[0].size(), 2u);
  EXPECT_LE(dies.last[0][0].time, 500 + 7 + 8);
}

TEST(ReferenceDie, SendQueuesOfANodeTakeTurnsPacketByPacket) {
  for (const unsigned queue : {0u, 1u}) {
    Dies dies(params(1));
    dies[0].post(Dies::site(0, 0), Dies::to(0, 5), 64 * 200, 0, 0);
    dies[0].post(Dies::site(0, 0), Dies::to(0, 5), 64 * 10, 100, queue);
    dies.run();
    ASSERT_EQ(dies.last[0].size(), 2u);
    const Written& first = dies.last[0][0];
    if (queue == 0) {
      EXPECT_EQ(first.latency, 7) << "the long message: its last packet waits for nobody";
      EXPECT_EQ(first.time, 200 - 1 + 7);
    } else {
      EXPECT_NEAR(static_cast<double>(first.time), 100 + 2 * 10 + 6, 3);
    }
    EXPECT_NEAR(static_cast<double>(dies.last[0][1].time), 210 + 6, 2);
  }
}

TEST(ReferenceDie, ThreeSendQueuesShareAReadPortEqually) {
  topology::MachineParams p = params(1);
  p.node.communication_threads = 3;
  Dies dies(p);
  for (const unsigned queue : {0u, 1u, 2u}) {
    for (int i = 0; i < 4; ++i) dies[0].post(Dies::site(0, 0), Dies::to(0, 5), 64 * 25, 0, queue);
  }
  dies.run();
  ASSERT_EQ(dies.last[0].size(), 12u);
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_NEAR(static_cast<double>(dies.last[0][i].time), 75.0 * static_cast<double>(i / 3 + 1) + 6, 3);
}

TEST(ReferenceDie, CrossesToTheNextDie) {
  Dies dies(params(2));
  const topology::Edge edge = dies.topology().edge(0, Direction::kEast);
  dies[0].post(Dies::site(2, 3), Dies::to(4, 8 + 3), 64, 0, 0);
  dies.run();
  ASSERT_EQ(dies.last[1].size(), 1u);
  EXPECT_EQ(dies.last[1][0].site, Dies::site(4, 3));
  EXPECT_EQ(dies.last[1][0].time, 2 + 8 + 2 + edge.latency_cycles);
  EXPECT_EQ(dies[0].edge(Direction::kEast).flits, 1u);
  EXPECT_TRUE(dies.settled());
}

TEST(ReferenceDie, AnEdgeCarriesItsRateAndNoMore) {
  Dies dies(params(2));
  const topology::Edge edge = dies.topology().edge(0, Direction::kEast);
  const Bytes each = 64 * 2000;
  for (int row = 0; row < 6; ++row)
    for (int column = 4; column < 8; ++column)
      dies[0].post(Dies::site(row, column), Dies::to(row, 8 + column), each, 0, 0);
  const auto end = static_cast<double>(dies.run());
  ASSERT_EQ(dies.last[1].size(), 24u);
  const double flits = 24.0 * 2000;
  const double per_cycle = std::min(6.0, edge.bytes_per_s / 64 / dies.topology().params().clock_hz);
  EXPECT_GE(end, flits / per_cycle);
  EXPECT_LE(end, flits / per_cycle * 1.05 + 2.0 * static_cast<double>(edge.latency_cycles) + 100);
}

TEST(ReferenceDie, AMulticastGoesOnThroughTheNextDie) {
  Dies dies(params(2));
  Burst burst;
  burst.shape = Shape::kRow;
  burst.reach.low = 0;
  burst.reach.high = 15;
  dies[0].post(Dies::site(1, 4), burst, 640, 0, 0);
  dies.run();
  EXPECT_EQ(dies.last[0].size(), 6u);
  EXPECT_EQ(dies.last[1].size(), 7u);
  EXPECT_TRUE(dies.settled());
}

TEST(ReferenceDie, ADipTakesAndGivesEveryByte) {
  Dies dies(params(1));
  Burst out = Dies::to(3, -1);
  dies[0].post(Dies::site(1, 4), out, 1000, 0, 0);
  Burst in = Dies::to(5, 6);
  in.bytes = 1000;
  in.created = 50;
  for (int i = 0; i < 3; ++i) dies[0].take(Direction::kWest, {200 + i, 2, in});
  dies.run();
  Bytes bytes = 0;
  for (const fabric::Crossing& c : dies.at_dip) {
    bytes += c.burst.bytes;
    EXPECT_EQ(c.burst.last, &c == &dies.at_dip.back());
    EXPECT_EQ(c.lane, 3);
  }
  EXPECT_EQ(bytes, 1000);
  EXPECT_EQ(dies.last[0].size(), 3u);
  EXPECT_EQ(dies.dip_credit, 3000);
  EXPECT_TRUE(dies.settled());
}

/// Everybody multicasts along both lines and sends to random nodes of all dies, with the smallest buffers.
TEST(ReferenceDie, NothingIsLostOrStuckUnderLoad) {
  for (const std::int64_t channels : {2, 3, 6, 7}) {
    topology::MachineParams p = params(3);
    p.noc.virtual_channels = channels;
    p.node.noc_read_ports = channels == 3 ? 2 : channels == 7 ? 4 : 1;
    p.node.noc_write_ports = channels == 3 ? 3 : channels == 7 ? 4 : 1;
    p.noc.buffer_packets_per_vc = channels == 2 ? 1 : 4;
    p.die.crossing_buffer_bytes = 64 * 64;
    Dies dies(p);
    std::mt19937 random(7);
    std::size_t expected = 0;
    for (std::size_t die = 0; die < 3; ++die) {
      for (int row = 0; row < 6; ++row) {
        for (int column = 0; column < 8; ++column) {
          if (row == 1 && column == 2) continue;
          Burst burst;
          burst.purpose = fabric::Purpose::kOperand;
          burst.shape = Shape::kRow;
          burst.reach.low = 0;
          burst.reach.high = 23;
          dies[die].post(Dies::site(row, column), burst, 640, 0, 0);
          expected += row == 1 ? 20 : 23;
          burst.shape = Shape::kColumn;
          burst.reach.high = 5;
          dies[die].post(Dies::site(row, column), burst, 640, 0, 0);
          expected += column == 2 ? 4 : 5;
          for (int i = 0; i < 20; ++i) {
            int to_row = 1, to_column = 2;
            while (to_row == 1 && to_column % 8 == 2) {
              to_row = static_cast<int>(random() % 6);
              to_column = static_cast<int>(random() % 24);
            }
            dies[die].post(Dies::site(row, column), Dies::to(to_row, to_column),
                           1 + static_cast<Bytes>(random() % 2000), static_cast<Cycles>(i) * 10, 0);
            ++expected;
          }
        }
      }
    }
    dies.run();
    EXPECT_EQ(dies.last[0].size() + dies.last[1].size() + dies.last[2].size(), expected) << channels << " VCs";
    EXPECT_TRUE(dies.settled());
    EXPECT_TRUE(dies[0].open_messages().empty());
  }
}

TEST(ReferenceDie, SaysWhatStands) {
  Dies dies(params(1));
  dies[0].post(Dies::site(0, 0), Dies::to(3, 4), 6400, 5, 0);
  dies[0].post(Dies::site(0, 1), Dies::to(3, 4), 6400, 3, 0);
  dies.run(20);
  ASSERT_EQ(dies[0].open_messages().size(), 2u);
  EXPECT_EQ(dies[0].open_messages().front().created, 3);
  EXPECT_FALSE(dies.settled());
}

TEST(ReferenceDie, SaysWhatItCannotBeBuiltWith) {
  EXPECT_TRUE(die_problems(params(1)).empty());
  topology::MachineParams p = params(1);
  p.noc.virtual_channels = 9;
  p.noc.buffer_packets_per_vc = 200;
  const std::vector<std::string> problems = die_problems(p);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0], "machine.noc.virtual_channels: found 9, expected at most 8 with run.network_model=reference");
  EXPECT_EQ(problems[1],
            "machine.noc.buffer_packets_per_vc: found 200, expected at most 128 with run.network_model=reference");
}

TEST(ReferenceDie, TwoReadPortsSendTwoPacketsACycle) {
  for (const std::int64_t ports : {1, 2}) {
    topology::MachineParams p = params(1);
    p.node.noc_read_ports = ports;
    Dies dies(p);
    dies[0].post(Dies::site(0, 0), Dies::to(0, 4), 64 * 100, 0, 0);
    dies[0].post(Dies::site(0, 0), Dies::to(4, 0), 64 * 100, 0, 0);
    dies.run();
    ASSERT_EQ(dies.last[0].size(), 2u);
    const Cycles all = 1 + 4 + 1 + (ports == 2 ? 99 : 199);
    EXPECT_EQ(std::max(dies.last[0][0].time, dies.last[0][1].time), all);
    if (ports == 2) {
      EXPECT_EQ(dies.last[0][0].time, dies.last[0][1].time);
    }
    EXPECT_TRUE(dies.settled());
  }
}

TEST(ReferenceDie, TwoWritePortsTakeTwoPacketsACycle) {
  for (const std::int64_t ports : {1, 2}) {
    topology::MachineParams p = params(1);
    p.node.noc_write_ports = ports;
    Dies dies(p);
    dies[0].post(Dies::site(0, 0), Dies::to(0, 3), 64 * 100, 0, 0);
    dies[0].post(Dies::site(0, 6), Dies::to(0, 3), 64 * 100, 0, 0);
    dies.run();
    ASSERT_EQ(dies.last[0].size(), 2u);
    const Cycles first = 1 + 3 + 1, last = std::max(dies.last[0][0].time, dies.last[0][1].time);
    EXPECT_EQ(last, first + (ports == 2 ? 99 : 199));
    EXPECT_TRUE(dies.settled());
  }
}

/// A multicast is read once, whatever the number of ports; copies of two of them are written at the same time.
TEST(ReferenceDie, TwoWritePortsTakeCopiesFromBothSides) {
  topology::MachineParams p = params(1);
  p.node.noc_read_ports = p.node.noc_write_ports = 2;
  Dies dies(p);
  Burst burst;
  burst.shape = Shape::kRow;
  burst.purpose = fabric::Purpose::kOperand;
  burst.reach = {0, 3};
  dies[0].post(Dies::site(3, 0), burst, 6400, 0, 0);
  burst.reach = {3, 6};
  dies[0].post(Dies::site(3, 6), burst, 6400, 0, 0);
  dies.run();
  ASSERT_EQ(dies.last[0].size(), 6u);
  for (const Written& w : dies.last[0]) {
    if (w.site == Dies::site(3, 3)) {
      EXPECT_EQ(w.time, 1 + 3 + 1 + 99);
    }
  }
  EXPECT_TRUE(dies.settled());
}

}  // namespace
}  // namespace dojo::reference
