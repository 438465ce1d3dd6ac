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
  // 1,008 B a cycle: the serialiser is busy for 1800 x 4096 / 1008 cycles.
  EXPECT_EQ(edge.serialiser().free_cycle(), ceil_div<Bytes>(1800 * 4096, 1008));
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

TEST(EdgeOut, IsFullBeyondABound) {
  EdgeOut edge;
  edge.configure(128e9, 2e9, 100, 0, 8192);
  int i = 0;
  while (!edge.full() && i < 10000) {
    edge.offer(burst_of(8192), 0, 128, 0, 0, [](const Crossing&) {});
    ++i;
  }
  EXPECT_LT(i, 200);
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
  const double cycles = static_cast<double>(edge.serialiser().free_cycle());
  EXPECT_GT(4000 * 4096.0 / cycles, 0.98 * 1008);
}

}  // namespace
}  // namespace dojo::fabric
