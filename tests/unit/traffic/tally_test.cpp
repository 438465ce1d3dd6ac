// SPDX-License-Identifier: Apache-2.0
// Windows, latencies and their bins.
#include "dojo/traffic/tally.h"

#include <gtest/gtest.h>

namespace dojo::traffic {
namespace {

TEST(LatencyCounts, BinsJoinAndAreNarrow) {
  Cycles next = 0;
  for (std::size_t bin = 0; bin < LatencyCounts::kBins; ++bin) {
    const Cycles low = LatencyCounts::bin_low(bin), width = LatencyCounts::bin_width(bin);
    EXPECT_EQ(low, next);
    EXPECT_EQ(LatencyCounts::bin(low), bin);
    EXPECT_EQ(LatencyCounts::bin(low + width - 1), bin);
    EXPECT_LE(static_cast<double>(width - 1), 0.008 * static_cast<double>(low));
    next = low + width;
  }
  EXPECT_EQ(LatencyCounts::bin(Cycles{1} << 40), LatencyCounts::kBins - 1);
}

TEST(LatencyCounts, Percentiles) {
  LatencyCounts counts;
  EXPECT_EQ(counts.percentile(50), 0);
  for (Cycles latency = 1; latency <= 100; ++latency) counts.add(latency);
  EXPECT_EQ(counts.percentile(50), 50);
  EXPECT_EQ(counts.percentile(99), 99);
  EXPECT_EQ(counts.percentile(99.5), 100);
}

TEST(MeasurementWindow, IsHalfOpen) {
  const MeasurementWindow window{10, 20};
  EXPECT_FALSE(window.holds(9));
  EXPECT_TRUE(window.holds(10));
  EXPECT_TRUE(window.holds(19));
  EXPECT_FALSE(window.holds(20));
  EXPECT_FALSE(MeasurementWindow{}.holds(0));
}

TEST(Tally, MeasuresPacketsByCreationAndAcceptsFlitsByArrival) {
  Tally tally;
  tally.window = {100, 200};
  tally.eject(90, true, 110);    // created before: accepted, not measured
  tally.eject(150, false, 190);  // body flit
  tally.eject(150, true, 210);   // arrives after: measured, not accepted
  EXPECT_EQ(tally.accepted, 2u);
  EXPECT_EQ(tally.measured, 1u);
  EXPECT_EQ(tally.cycles, 60u);
  EXPECT_EQ(tally.packets_ejected, 2u);
  EXPECT_EQ(tally.flits_ejected, 3u);
  EXPECT_EQ(tally.batches[8].packets, 1u) << "half way through 16 batches";
  Tally sum = tally;
  sum.merge(tally);
  EXPECT_EQ(sum.cycles, 120u);
  EXPECT_EQ(sum.latencies.count(LatencyCounts::bin(60)), 2u);
}

}  // namespace
}  // namespace dojo::traffic
