// SPDX-License-Identifier: Apache-2.0
// The job over days against closed forms, and the laws that hold for any rates.
#include "dojo/failures/failures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "failures/exponential.h"

namespace dojo::failures {
namespace {

constexpr double kMsPerYear = 365.25 * 86400e3;
constexpr std::int64_t kMsPerDay = 86400000;

double sum(const Shares& s) {
  return s.useful + s.lost + s.writing + s.restarting + s.waiting + s.absent;
}

/// Only the job itself fails, every `between_s` on average.
Job job_that_fails(double between_s, std::int64_t days) {
  Job job;
  job.failures_per_year[static_cast<std::size_t>(Part::kJob)] = kMsPerYear / (between_s * 1e3);
  job.days_ms = days * kMsPerDay;
  job.write_ms = 60000;
  job.restart_ms = 300000;
  return job;
}

TEST(Failures, LogarithmIsThatOfTheLibrary) {
  for (double x = 1e-300; x < 1; x *= 7.3) EXPECT_NEAR(own_log(x), std::log(x), 1e-13 * std::abs(std::log(x)) + 1e-15);
  EXPECT_NEAR(own_log(1), 0, 1e-15);
}

TEST(Failures, TimesBetweenFailuresAreExponential) {
  Exponential random(1, 2);
  constexpr int kDraws = 200000;
  constexpr double kMean = 1e6;
  double total = 0, above = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto ms = static_cast<double>(random.next_ms(kMean));
    total += ms;
    above += ms > kMean;
  }
  EXPECT_NEAR(total / kDraws / kMean, 1, 0.01);
  EXPECT_NEAR(above / kDraws, std::exp(-1), 0.005);
}

TEST(Failures, WithoutFailuresOnlyCheckpointsCost) {
  Job job;
  job.days_ms = 10 * kMsPerDay;
  job.write_ms = 60000;
  const Days days = simulate(job, 540000, 1, 0);
  EXPECT_NEAR(days.shares.useful, 0.9, 1e-6);
  EXPECT_NEAR(days.shares.writing, 0.1, 1e-6);
  EXPECT_EQ(days.shares.lost, 0);
  EXPECT_TRUE(std::isinf(job.mean_ms_between_failures()));
}

/// Daly (2006): exponential failures, in work, checkpoints and restarts alike.
TEST(Failures, GoodputIsThatOfTheClosedForm) {
  for (const double between_s : {3600.0, 20000.0, 200000.0}) {
    for (const double interval_s : {300.0, 1500.0, 6000.0}) {
      const Job job = job_that_fails(between_s, 3000);
      const double write_s = 60, restart_s = 300;
      const double expected =
          interval_s / (between_s * std::exp(restart_s / between_s) * std::expm1((interval_s + write_s) / between_s));
      const Days days = simulate(job, static_cast<std::int64_t>(interval_s * 1e3), 7, 0);
      EXPECT_NEAR(days.shares.useful / expected, 1, 0.015) << between_s << " " << interval_s;
    }
  }
}

TEST(Failures, BestIntervalIsDalys) {
  Params params;
  params.days = 2000;
  params.checkpoint_write_s = 60;
  params.restart_s = 240;
  params.job_failures_per_year = 365.25 * 2;  // each 12 h
  const Result r = study(params, {}, 0, 0, 3);
  EXPECT_NEAR(r.young_s, std::sqrt(2 * 60 * 43200.0), 1);
  EXPECT_LT(r.daly_s, r.young_s);
  EXPECT_GT(r.best_interval_s, r.daly_s / 2) << "the optimum is flat";
  EXPECT_LT(r.best_interval_s, r.daly_s * 2);
  double at_daly = 0;
  for (const IntervalGoodput& tried : r.intervals) {
    if (std::abs(tried.interval_s - r.daly_s) < 1) at_daly = tried.goodput;
  }
  EXPECT_GT(at_daly, 0.999 * r.shares.useful);
  EXPECT_GT(r.shares.useful, r.intervals.front().goodput + 0.01);
  EXPECT_GT(r.shares.useful, r.intervals.back().goodput + 0.01);
}

TEST(Failures, DalyEndsWhereWritingTakesLongerThanWorkLasts) {
  EXPECT_EQ(daly_interval(300, 100), 100);
  EXPECT_TRUE(std::isinf(daly_interval(1, INFINITY)));
}

TEST(Failures, SharesAddUpWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Exponential random(seed, 0);
    Job job;
    for (double& rate : job.failures_per_year) rate = static_cast<double>(random.next_ms(200));
    job.tiles = random.next_ms(5);
    job.days_ms = random.next_ms(30 * kMsPerDay);
    job.write_ms = random.next_ms(60000);
    job.restart_ms = random.next_ms(3600000);
    job.repair_ms = random.next_ms(3 * kMsPerDay);
    job.spare_tiles = random.next_ms(2) - 1;
    job.spare_policy = seed % 2 == 0 ? SparePolicy::kWait : SparePolicy::kShrink;
    const Days days = simulate(job, random.next_ms(3600000), seed, 1);
    EXPECT_NEAR(sum(days.shares), 1, 1e-12) << "seed " << seed;
    for (const double share : {days.shares.useful, days.shares.lost, days.shares.writing, days.shares.restarting,
                               days.shares.waiting, days.shares.absent})
      EXPECT_GE(share, 0) << "seed " << seed;
  }
}

TEST(Failures, FailuresComeAtTheirRates) {
  Job job;
  job.failures_per_year = {10, 20, 30, 0, 40, 50};
  job.days_ms = 365 * 20 * kMsPerDay;
  job.write_ms = 1;
  job.spare_tiles = 1000;
  const Days days = simulate(job, 3600000, 5, 0);
  for (std::size_t part = 0; part < kParts; ++part) {
    const double expected = job.failures_per_year[part] * 365 * 20 / 365.25;
    EXPECT_NEAR(static_cast<double>(days.failures[part]), expected, 5 * std::sqrt(expected)) << part;
  }
}

/// One of four tiles is away for a repair in about half of the time.
TEST(Failures, PoliciesDifferOnceSparesAreUsedUp) {
  Job job;
  job.failures_per_year[static_cast<std::size_t>(Part::kDie)] = kMsPerYear / (4.0 * kMsPerDay);
  job.tiles = 4;
  job.days_ms = 4000 * kMsPerDay;
  job.write_ms = 1000;
  job.restart_ms = 60000;
  job.repair_ms = 2 * kMsPerDay;
  const auto run = [&job](SparePolicy policy, std::int64_t spares) {
    job.spare_policy = policy;
    job.spare_tiles = spares;
    return simulate(job, 600000, 11, 0).shares;
  };
  const Shares wait = run(SparePolicy::kWait, 0), shrink = run(SparePolicy::kShrink, 0);
  // Works 4 days on average, then stands 2: nothing else fails meanwhile.
  EXPECT_NEAR(wait.waiting, 2.0 / 6.0, 0.02);
  EXPECT_EQ(wait.absent, 0);
  // Failures in 4 days, repairs of 2: half a tile is away on average, an eighth of four.
  EXPECT_NEAR(shrink.absent, 0.125, 0.015);
  EXPECT_LT(shrink.waiting, 0.01);
  const Shares spares = run(SparePolicy::kWait, 6);
  EXPECT_LT(spares.waiting + spares.absent, 0.001);
  EXPECT_GT(spares.useful, shrink.useful);
}

TEST(Failures, RepetitionsDifferAndRepeat) {
  const Job job = job_that_fails(20000, 30);
  EXPECT_EQ(simulate(job, 600000, 1, 0).shares.useful, simulate(job, 600000, 1, 0).shares.useful);
  EXPECT_NE(simulate(job, 600000, 1, 0).shares.useful, simulate(job, 600000, 1, 1).shares.useful);
  EXPECT_NE(simulate(job, 600000, 1, 0).shares.useful, simulate(job, 600000, 2, 0).shares.useful);
}

TEST(Failures, CheckpointsTakeBytesOverRateUnlessTold) {
  Params params;
  params.days = 1;
  EXPECT_EQ(study(params, {}, 6e12, 2e11, 1).job.write_ms, 30000);
  params.checkpoint_bytes = 1e12;
  EXPECT_EQ(study(params, {}, 6e12, 2e11, 1).job.write_ms, 5000);
  params.checkpoint_write_s = 2;
  const Result r = study(params, {}, 6e12, 2e11, 1);
  EXPECT_EQ(r.job.write_ms, 2000);
  EXPECT_EQ(r.job.restart_ms, 302000);
}

TEST(Failures, GivenIntervalIsTaken) {
  Params params;
  params.days = 100;
  params.checkpoint_write_s = 10;
  params.checkpoint_interval_s = 1234;
  const Result r = study(params, {}, 0, 0, 1);
  EXPECT_EQ(r.interval_s, 1234);
  EXPECT_LE(r.goodput_min, r.shares.useful);
  EXPECT_GE(r.goodput_max, r.shares.useful);
}

}  // namespace
}  // namespace dojo::failures
