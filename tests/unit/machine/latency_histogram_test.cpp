// SPDX-License-Identifier: Apache-2.0
// The packet latency histogram against counts and percentiles worked out by hand.
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/machine/results.h"

namespace dojo::machine {
namespace {

using H = LatencyHistogram;

TEST(LatencyHistogram, RefusesAPercentileOutsideItsRange) {
  EXPECT_THROW((void)H().percentile(0), Error);
  EXPECT_THROW((void)H().percentile(100), Error);
}

TEST(LatencyHistogram, IsZeroWithoutPackets) {
  H h;
  h.add(17, 0);
  EXPECT_EQ(h.packets, 0u);
  EXPECT_EQ(h.min, kNever);
  EXPECT_EQ(h.percentile(50), 0);
}

TEST(LatencyHistogram, EveryLatencyLiesInItsBinAndBinsAreAtMostOnePercentWide) {
  for (int i = 0; i + 1 < H::kBins; ++i) {
    const Cycles low = H::bin_low(i), next = H::bin_low(i + 1);
    ASSERT_EQ(H::bin(low), i) << "first latency of the bin";
    ASSERT_EQ(H::bin(next - 1), i) << "last latency of the bin";
    ASSERT_LE(next - low, std::max<Cycles>(1, low / 100)) << "bin " << i;
  }
  EXPECT_EQ(H::bin(kNever), H::kBins - 1);
  EXPECT_EQ(H::bin(0), 0);
}

TEST(LatencyHistogram, IsExactBelowTwoHundredCycles) {
  H h;
  for (Cycles c = 1; c <= 100; ++c) h.add(c, 1);
  EXPECT_EQ(h.percentile(50), 50);  // nearest rank: the 50th of 1 .. 100
  EXPECT_EQ(h.percentile(95), 95);
  EXPECT_EQ(h.percentile(99), 99);
  EXPECT_EQ(h.percentile(0.5), 1);
  EXPECT_EQ(h.cycles_sum, 5050u);
}

TEST(LatencyHistogram, IsWithinOnePercentAbove) {
  H h;
  for (Cycles c = 1; c <= 100000; ++c) h.add(c, 3);
  EXPECT_NEAR(h.percentile(50), 50000, 500);
  EXPECT_NEAR(h.percentile(99), 99000, 990);
  EXPECT_LE(h.percentile(99.9999), 100000) << "never above the largest latency seen";
}

TEST(LatencyHistogram, OneLatencyIsItsOwnPercentile) {
  H h;
  h.add(123457, 1000);
  EXPECT_EQ(h.percentile(1), 123457);
  EXPECT_EQ(h.percentile(99), 123457);
}

TEST(LatencyHistogram, MergingEqualsAddingEverythingToOne) {
  H one, a, b;
  for (Cycles c = 3; c < 50000; c += 7) {
    one.add(c, static_cast<std::uint64_t>(c % 5));
    (c % 2 ? a : b).add(c, static_cast<std::uint64_t>(c % 5));
  }
  a.merge(b);
  EXPECT_EQ(a.count, one.count);
  EXPECT_EQ(a.packets, one.packets);
  EXPECT_EQ(a.cycles_sum, one.cycles_sum);
  EXPECT_EQ(a.min, one.min);
  EXPECT_EQ(a.max, one.max);
}

}  // namespace
}  // namespace dojo::machine
