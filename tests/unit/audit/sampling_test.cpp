// SPDX-License-Identifier: Apache-2.0
// Draws by weight and what they say of all: bad and edge cases, then figures worked out by hand.
#include "audit/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace dojo::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::size_t> indices(const std::vector<Drawn>& drawn) {
  std::vector<std::size_t> all;
  for (const Drawn& each : drawn) all.push_back(each.index);
  return all;
}

double sum(const std::vector<Drawn>& drawn) {
  return std::accumulate(drawn.begin(), drawn.end(), 0.0,
                         [](double to, const Drawn& each) { return to + each.weight; });
}

Sample sample(double exposed, double stands_for, Cycles fast, Cycles reference) {
  Sample s;
  s.exposed = exposed;
  s.stands_for = stands_for;
  s.fast = fast;
  s.reference = reference;
  return s;
}

TEST(DrawByWeight, DrawsNothingFromNothing) {
  EXPECT_THAT(draw_by_weight({}, 3, 1), IsEmpty());
  EXPECT_THAT(draw_by_weight({0, 0}, 3, 1), IsEmpty());
  EXPECT_THAT(draw_by_weight({5, 7}, 0, 1), IsEmpty());
}

TEST(DrawByWeight, TakesAllWhenThereAreNoMore) {
  const std::vector<Drawn> drawn = draw_by_weight({5, 0, 7, 1}, 9, 1);
  EXPECT_THAT(indices(drawn), ElementsAre(0, 2, 3));
  EXPECT_EQ(sum(drawn), 13);
}

TEST(DrawByWeight, WhatIsTooLargeToBeMissedStandsForItself) {
  std::vector<Cycles> weights(100, 1);
  weights[40] = 1000;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<Drawn> drawn = draw_by_weight(weights, 5, seed);
    ASSERT_EQ(drawn.size(), 5u);
    for (const Drawn& each : drawn) EXPECT_EQ(each.weight, each.index == 40 ? 1000 : 99.0 / 4);
    EXPECT_NEAR(sum(drawn), 1099, 1e-9);
  }
}

TEST(DrawByWeight, IsAsLikelyAsTheWeightSays) {
  const std::vector<Cycles> weights{1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<int> hits(weights.size(), 0);
  constexpr int kDraws = 4000;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed)
    for (const Drawn& each : draw_by_weight(weights, 3, seed)) ++hits[each.index];
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(hits[i], kDraws * 3.0 * static_cast<double>(weights[i]) / 36, 200) << i;
}

TEST(DrawByWeight, FollowsFromTheSeed) {
  std::vector<Cycles> weights(500, 3);
  EXPECT_EQ(indices(draw_by_weight(weights, 7, 4)), indices(draw_by_weight(weights, 7, 4)));
  EXPECT_NE(indices(draw_by_weight(weights, 7, 4)), indices(draw_by_weight(weights, 7, 5)));
}

TEST(DrawSome, TakesEachOnce) {
  EXPECT_THAT(draw_some(0, 4, 1), IsEmpty());
  EXPECT_THAT(draw_some(3, 9, 1), ElementsAre(0, 1, 2));
  const std::vector<std::uint32_t> few = draw_some(3000, 4, 1);
  EXPECT_EQ(few.size(), 4u);
  EXPECT_EQ(few, draw_some(3000, 4, 1));
  EXPECT_NE(few, draw_some(3000, 4, 2));
}

TEST(EstimateTest, OfNothingSaysNothing) {
  const Estimate e = estimate({}, 100, 50, 3);
  EXPECT_EQ(e.step_error, 0);
  EXPECT_FALSE(e.confidence);
}

/// 60 of 100 cycles are operations; those take 30 in the fast network where the reference takes 33, and 30 for 24.
TEST(EstimateTest, WeighsSignedErrorsByTheTimeThatTheyStandFor) {
  const Estimate e = estimate({sample(30, 30, 30, 33), sample(30, 30, 10, 8)}, 100, 60, 2);
  EXPECT_NEAR(e.step_error, 100.0 / (40 + 33 + 24) - 1, 1e-12);
  EXPECT_EQ(e.confidence, 0.0) << "both stand for themselves";
  EXPECT_NEAR(e.ratio_worst, 1.25, 1e-12);
  EXPECT_EQ(e.worst, 1u);
  EXPECT_NEAR(e.ratio_median, std::sqrt(1.1 * 1.25), 1e-12);
  EXPECT_NEAR(e.ratio_p95, 1.25, 1e-12);
}

TEST(EstimateTest, ItsIntervalFollowsFromTheSpreadOfThoseThatStandForOthers) {
  // Two of 20, each for 40 of 100 cycles: mean ratio 1.1, deviation of a ratio sqrt(0.02), t of one degree 12.706.
  const Estimate e = estimate({sample(4, 40, 10, 10), sample(4, 40, 10, 12)}, 100, 80, 20);
  const double reference = 20 + 80 * 1.1;
  EXPECT_NEAR(e.step_error, 100 / reference - 1, 1e-12);
  ASSERT_TRUE(e.confidence);
  EXPECT_NEAR(*e.confidence, 12.7062 * 80 * std::sqrt(0.02 / 2 * 0.9) * 100 / reference / reference, 1e-3);
  EXPECT_FALSE(estimate({sample(4, 80, 10, 12)}, 100, 80, 20).confidence) << "one says nothing of the spread";
}

TEST(EstimateTest, WhatWasNotReplayedIsTakenToBeLikeTheOthers) {
  const Estimate e = estimate({sample(10, 40, 10, 11)}, 100, 80, 20);
  EXPECT_NEAR(e.step_error, 100.0 / (20 + 88) - 1, 1e-12);
}

}  // namespace
}  // namespace dojo::audit
