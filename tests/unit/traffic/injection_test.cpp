// SPDX-License-Identifier: Apache-2.0
// Gaps between packets have the geometric distribution, from a stream of each node's own.
#include "dojo/traffic/injection.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dojo/base/error.h"

namespace dojo::traffic {
namespace {

TEST(Gaps, RefusesWhatIsNoProbability) {
  EXPECT_THROW(Gaps(0), Error);
  EXPECT_THROW(Gaps(-0.5), Error);
  EXPECT_THROW(Gaps(1.5), Error);
  EXPECT_THROW(Gaps(std::nan("")), Error);
}

TEST(Gaps, ProbabilityOneIsEveryCycle) {
  const Gaps gaps(1);
  Random random(1, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(gaps.draw(random), 1);
}

/// Mean 1/p, variance (1-p)/p^2, and a share p of gaps of one cycle.
TEST(Gaps, AreGeometric) {
  for (const double p : {0.9, 0.5, 0.03, 0.001, 0.0001, 1e-7}) {
    const Gaps gaps(p);
    Random random(7, 3);
    constexpr int kDraws = 200000;
    double sum = 0, squares = 0, ones = 0;
    for (int i = 0; i < kDraws; ++i) {
      const auto gap = static_cast<double>(gaps.draw(random));
      EXPECT_GE(gap, 1);
      sum += gap;
      squares += gap * gap;
      ones += gap == 1 ? 1 : 0;
    }
    const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
    const double deviation = std::sqrt(1 - p) / p;  // of one gap
    EXPECT_NEAR(mean, 1 / p, 4 * deviation / std::sqrt(kDraws)) << p;
    EXPECT_NEAR(variance / (deviation * deviation), 1, 0.05) << p;
    EXPECT_NEAR(ones / kDraws, p, 4 * std::sqrt(p * (1 - p) / kDraws)) << p;
  }
}

TEST(Random, StreamsOfNodesAndSeedsDiffer) {
  Random a(1, 0), again(1, 0), other_node(1, 1), other_seed(2, 0);
  const std::uint64_t first = a.next();
  EXPECT_EQ(first, again.next());
  EXPECT_NE(first, other_node.next());
  EXPECT_NE(first, other_seed.next());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(7), 7u);
}

}  // namespace
}  // namespace dojo::traffic
