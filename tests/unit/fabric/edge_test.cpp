// SPDX-License-Identifier: Apache-2.0
// A crossing: exact long-run rate, latency, and credits that hold back what the far side cannot take.
#include "dojo/fabric/edge.h"

#include <gtest/gtest.h>

#include <vector>

namespace dojo::fabric {
namespace {

Burst burst_of(std::uint32_t bytes) {
  Burst burst;
  burst.bytes = bytes;
  return burst;
}

TEST(Serialiser, LongRunRateIsExact) {
  Serialiser serialiser;
  serialiser.configure(3e9, 2e9);  // 1.5 B a cycle: 64 B take 42 2/3 cycles
  for (int i = 0; i < 3000; ++i) serialiser.occupy(0, 64);
  EXPECT_EQ(serialiser.free_units(), std::int64_t{128000} << Serialiser::kUnitBits) << "3000 x 64 / 1.5 cycles";
  EXPECT_EQ(serialiser.busy_units(), std::uint64_t{128000} << Serialiser::kUnitBits);
}

TEST(Serialiser, IdleTimeIsNotBusy) {
  Serialiser serialiser;
  serialiser.configure(128e9, 2e9);
  serialiser.occupy(100, 6400);
  serialiser.occupy(500, 6400);
  EXPECT_EQ(serialiser.free_cycle(), 600);
  EXPECT_EQ(serialiser.busy_units(), std::uint64_t{200} << Serialiser::kUnitBits);
  EXPECT_EQ(serialiser.queue_cycles(), 0u);
}

TEST(Serialiser, CountsWhatItMovesAndWhatWaits) {
  Serialiser serialiser;
  serialiser.configure(3e9, 2e9);  // 1.5 B a cycle
  EXPECT_EQ(serialiser.occupy(10, 64), std::int64_t{10} << Serialiser::kUnitBits);
  EXPECT_EQ(serialiser.free_cycle(), 53) << "10 + 42 2/3, rounded up";
  serialiser.occupy(20, 32);  // 21 1/3 more
  EXPECT_EQ(serialiser.free_cycle(), 74) << "whole again";
  EXPECT_EQ(serialiser.queue_cycles(), 52u - 20u);
  EXPECT_EQ(serialiser.bytes(), 96u);
  EXPECT_EQ(serialiser.bursts(), 2u);
  EXPECT_EQ(serialiser.count(100), 67) << "66 2/3, rounded up";
  EXPECT_EQ(serialiser.count(300), 200);
  EXPECT_EQ(serialiser.free_cycle(), 74) << "counted at no time in particular";
  EXPECT_EQ(serialiser.bytes(), 496u);
  EXPECT_EQ(serialiser.bursts(), 4u);
  EXPECT_NEAR(static_cast<double>(serialiser.busy_units()), (64 + 266.67) * 65536, 1000);
}

TEST(Serialiser, AnyPartOfACycleIsACycle) {
  Serialiser serialiser;
  serialiser.configure(65536e6, 1e6);  // a byte is the 65,536th part of a cycle
  serialiser.occupy(0, 1);
  EXPECT_EQ(serialiser.free_cycle(), 1);
  EXPECT_EQ(serialiser.count(1), 1);
  EXPECT_EQ(serialiser.count(65536), 1);
  EXPECT_EQ(serialiser.count(65537), 2);
}

// So many bytes that their cycles need more than 64 bits on the way: the remainder is carried all the same.
TEST(Serialiser, IsExactForTheLargestTransfers) {
  Serialiser serialiser;
  serialiser.configure(3e12, 2e9);  // 1,500 B a cycle
  constexpr std::int64_t kBytes = (std::int64_t{1} << 55) + 1;
  std::int64_t end = 0;
  for (int i = 1; i <= 3; ++i) {
    serialiser.occupy(0, kBytes);
    end = static_cast<std::int64_t>(static_cast<Int128>(i) * kBytes * 65536 / 1500);
    EXPECT_EQ(serialiser.free_units(), end);
  }
}

TEST(EdgeOut, AddsItsLatencyToTheHead) {
  EdgeOut edge;
  edge.configure(2.016e12, 2e9, 200, 1 << 20, 8192);
  std::vector<Crossing> sent;
  edge.offer(burst_of(64), 3, 1, 1000, 1000, [&](const Crossing& c) { sent.push_back(c); });
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].time, 1200);
  EXPECT_EQ(sent[0].lane, 3);
}

TEST(EdgeOut, SharesItsRateBetweenLanes) {
  EdgeOut edge;
  edge.configure(2.016e12, 2e9, 200, 1 << 30, 8192);
  std::vector<Crossing> sent;
  for (int i = 0; i < 1800; ++i) {
    edge.offer(burst_of(4096), i % 18, 64, 0, 0, [&](const Crossing& c) { sent.push_back(c); });
  }
  ASSERT_EQ(sent.size(), 1800u);
  // 1,008 B a cycle: the edge is busy for 1800 x 4096 / 1008 cycles, and the last train goes whole.
  EXPECT_EQ(sent.back().time, ceil_div<Bytes>(1800 * 4096, 1008) - 64 + 200);
}

TEST(EdgeOut, WaitsForCreditsAndGoesOnWhenTheyAreUsable) {
  EdgeOut edge;
  edge.configure(128e9, 2e9, 100, 2 * 8192, 8192);
  std::vector<Crossing> sent;
  const auto send = [&](const Crossing& c) { sent.push_back(c); };
  for (int i = 0; i < 3; ++i) edge.offer(burst_of(8192), 0, 128, 0, 0, send);
  EXPECT_EQ(sent.size(), 2u);
  EXPECT_TRUE(edge.waiting());
  edge.add_credit({5000, 8192});
  edge.advance(4999, send);
  EXPECT_EQ(sent.size(), 2u) << "not before the credit is usable";
  EXPECT_EQ(edge.next_advance(1000), 5000);
  EXPECT_EQ(edge.next_advance(1000), kNever) << "said already";
  edge.advance(5000, send);
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[2].time, 5100);
}

TEST(EdgeOut, ACreditOfThePastCountsNow) {
  EdgeOut edge;
  edge.configure(128e9, 2e9, 100, 0, 8192);
  for (int i = 0; i < 3; ++i) edge.offer(burst_of(8192), 0, 128, 0, 0, [](const Crossing&) {});
  edge.add_credit({5000, 8192});
  EXPECT_EQ(edge.next_advance(6000), 6000);
}

// 16 B a cycle: 128 flits take 512 cycles. The head is held back so long that the other flits follow without a gap.
TEST(EdgeOut, SlowerThanALinkDelaysTheHead) {
  EdgeOut edge;
  edge.configure(32e9, 2e9, 100, 1 << 20, 8192);
  std::vector<Crossing> sent;
  const auto send = [&](const Crossing& c) { sent.push_back(c); };
  edge.offer(burst_of(8192), 0, 128, 1000, 1000, send);
  edge.offer(burst_of(64), 0, 1, 1000, 1000, send);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].time, 1000 + 512 - 128 + 100);
  EXPECT_EQ(sent[1].time, 1000 + 512 + 4 - 1 + 100);
}

// Both pass within a cycle.
TEST(EdgeOut, TheHeadStartsInAWholeCycle) {
  EdgeOut edge;
  edge.configure(65536e6, 1e6, 10, 1 << 20, 8192);
  std::vector<Crossing> sent;
  for (int i = 0; i < 2; ++i) edge.offer(burst_of(1), 0, 1, 50, 50, [&](const Crossing& c) { sent.push_back(c); });
  EXPECT_EQ(sent.at(0).time, 60);
  EXPECT_EQ(sent.at(1).time, 60);
}

// Two bursts take the credit of 16,384 bytes, 64 wait.
TEST(EdgeOut, IsFullBeyondABound) {
  EdgeOut edge;
  edge.configure(128e9, 2e9, 100, 0, 8192);
  int i = 0;
  while (!edge.full() && i < 10000) {
    edge.offer(burst_of(8192), 0, 128, 0, 0, [](const Crossing&) {});
    ++i;
  }
  EXPECT_EQ(i, 2 + 64);
}

TEST(EdgeOut, LegsOfDetoursHaveTheirOwnCreditsAndLaterOnesGoFirst) {
  EdgeOut edge;
  edge.configure(128e9, 2e9, 100, 8192, 4096, 3);
  std::vector<std::uint32_t> sent;
  const auto send = [&](const Crossing& c) { sent.push_back(c.burst.leg); };
  const auto offer = [&](std::uint8_t leg) {
    Burst burst = burst_of(8192);
    burst.leg = leg;
    edge.offer(burst, 0, 128, 0, 0, send);
  };
  for (int leg = 0; leg < 3; ++leg) offer(static_cast<std::uint8_t>(leg));
  EXPECT_EQ(sent, (std::vector<std::uint32_t>{0, 1, 2})) << "each has a buffer";
  for (int leg = 0; leg < 3; ++leg) offer(static_cast<std::uint8_t>(leg));
  EXPECT_EQ(sent.size(), 3u);
  for (const std::uint32_t leg : {0u, 1u, 2u}) edge.add_credit({700, 8192, leg});
  edge.advance(700, send);
  EXPECT_EQ(sent, (std::vector<std::uint32_t>{0, 1, 2, 2, 1, 0}));
  for (int i = 0; i < 64; ++i) offer(2);
  EXPECT_TRUE(edge.full(2));
  EXPECT_FALSE(edge.full(1));
  EXPECT_FALSE(edge.full(0));
}

// 32 B a cycle: 8,192 bytes take 256 cycles, of which ten flits are a part; the others go beside them.
TEST(EdgeOut, ThatNothingSharesTakesTheTimeOfOneMessage) {
  EdgeOut edge;
  edge.configure(64e9, 2e9, 100, 0, 64);
  edge.never_share(64);
  std::vector<Cycles> sent;
  const auto send = [&](const Crossing& c) { sent.push_back(c.time); };
  edge.offer(burst_of(8192), 0, 10, 1000, 1000, send);
  edge.offer(burst_of(8192), 0, 10, 1000, 1000, send);
  EXPECT_EQ(sent, (std::vector<Cycles>(2, 1000 + 20 - 10 + 100)));
  edge.offer(burst_of(100), 0, 2, 2000, 2000, send);  // the second flit is padded: 4 cycles
  EXPECT_EQ(sent.back(), 2000 + 4 - 2 + 100);
  edge.configure(256e9, 2e9, 100, 0, 64);
  edge.offer(burst_of(6400), 0, 100, 3000, 3000, send);
  EXPECT_EQ(sent.back(), 3000 + 100) << "faster than a link: no delay";
  EXPECT_FALSE(edge.waiting());
}

// Two times latency x rate of buffer sustain the full rate: credits come back exactly in time.
TEST(EdgeOut, DefaultBufferSustainsTheRate) {
  constexpr Cycles kLatency = 200;
  EdgeOut edge;
  edge.configure(2.016e12, 2e9, kLatency, 2 * kLatency * 1008, 8192);
  std::vector<Crossing> sent;
  const auto send = [&](const Crossing& c) {
    sent.push_back(c);
    edge.add_credit({c.time + kLatency, c.burst.bytes});  // the far side takes the head at once
  };
  for (int i = 0; i < 4000; ++i) edge.offer(burst_of(4096), 0, 64, 0, 0, send);
  while (edge.waiting()) {
    const Cycles next = edge.next_advance(0);
    edge.woken();
    edge.advance(next, send);
  }
  const double cycles = static_cast<double>(sent.back().time - kLatency + 64);
  EXPECT_GT(4000 * 4096.0 / cycles, 0.98 * 1008);
}

}  // namespace
}  // namespace dojo::fabric
