// SPDX-License-Identifier: Apache-2.0
// From rates and times to goodput: the optimum of the checkpoint interval by formula and by simulation.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dojo/failures/failures.h"

namespace dojo::failures {
namespace {

constexpr double kMsPerS = 1e3, kMsPerHour = 3600e3, kMsPerDay = 86400e3;
constexpr int kStepsAside = 8, kStepsPerDoubling = 4;  ///< intervals tried: a quarter to four times Daly's
constexpr double kMostCheckpoints = 1e7;               ///< of all repetitions: some seconds of the host

std::int64_t ms(double value) {
  constexpr double kMost = 4e15;
  return static_cast<std::int64_t>(std::min(value, kMost));
}

Job job_of(const Params& p, const Machine& m, double transfer_s) {
  Job job;
  job.failures_per_year = {m.dies * p.die_failures_per_year,   m.nodes * p.node_failures_per_year,
                           m.links * p.link_failures_per_year, m.dips * p.dip_failures_per_year,
                           m.hosts * p.host_failures_per_year, p.job_failures_per_year};
  job.tiles = std::max<std::int64_t>(1, m.tiles);
  job.days_ms = ms(p.days * kMsPerDay);
  job.write_ms = std::max<std::int64_t>(1, ms(transfer_s * kMsPerS));
  job.restart_ms = ms((p.restart_s + transfer_s) * kMsPerS);
  job.repair_ms = ms(p.repair_hours * kMsPerHour);
  job.spare_tiles = p.spare_tiles;
  job.spare_policy = p.spare_policy;
  return job;
}

double mean_goodput(const Job& job, std::int64_t interval_ms, std::uint64_t seed, std::int64_t repetitions) {
  double sum = 0;
  for (std::int64_t r = 0; r < repetitions; ++r)
    sum += simulate(job, interval_ms, seed, static_cast<std::uint64_t>(r)).shares.useful;
  return sum / static_cast<double>(repetitions);
}

Shares& operator+=(Shares& sum, const Shares& more) {
  sum.useful += more.useful;
  sum.lost += more.lost;
  sum.writing += more.writing;
  sum.restarting += more.restarting;
  sum.waiting += more.waiting;
  sum.absent += more.absent;
  return sum;
}

/// Around Daly's optimum, never more than the days and never less than a checkpoint's own time.
std::vector<std::int64_t> intervals_to_try(const Job& job, std::int64_t shortest_ms) {
  constexpr double kQuarters[kStepsPerDoubling] = {1, 1.189207115002721, 1.4142135623730951, 1.681792830507429};
  const double daly = std::min(daly_interval(static_cast<double>(job.write_ms), job.mean_ms_between_failures()),
                               static_cast<double>(job.days_ms));
  const std::int64_t least = std::max(job.write_ms, shortest_ms), most = std::max(least, job.days_ms);
  std::vector<std::int64_t> all;
  for (int step = 0; step <= 2 * kStepsAside; ++step) {
    const int doublings = step / kStepsPerDoubling - kStepsAside / kStepsPerDoubling;
    const double factor = std::ldexp(kQuarters[step % kStepsPerDoubling], doublings);
    const std::int64_t interval = std::clamp(ms(daly * factor), least, most);
    if (all.empty() || all.back() != interval) all.push_back(interval);
  }
  return all;
}

}  // namespace

double young_interval(double write, double between_failures) {
  return std::sqrt(2 * write * between_failures);
}

double daly_interval(double write, double between_failures) {
  if (!std::isfinite(between_failures)) return between_failures;
  if (write >= 2 * between_failures) return between_failures;
  const double x = write / (2 * between_failures);
  return young_interval(write, between_failures) * (1 + std::sqrt(x) / 3 + x / 9) - write;
}

double shortest_interval_s(const Params& params) {
  return params.days * kMsPerDay * static_cast<double>(params.repetitions) / kMostCheckpoints / kMsPerS;
}

Result study(const Params& params, const Machine& machine, double checkpoint_bytes, double bytes_per_s,
             std::uint64_t seed) {
  Result result;
  result.checkpoint_bytes = params.checkpoint_bytes > 0 ? params.checkpoint_bytes : checkpoint_bytes;
  const double transfer_s = params.checkpoint_write_s > 0 ? params.checkpoint_write_s
                            : bytes_per_s > 0             ? result.checkpoint_bytes / bytes_per_s
                                                          : 0;
  result.job = job_of(params, machine, transfer_s);
  const Job& job = result.job;
  const double write_s = static_cast<double>(job.write_ms) / kMsPerS;
  const double between_s = job.mean_ms_between_failures() / kMsPerS;
  result.young_s = young_interval(write_s, between_s);
  result.daly_s = daly_interval(write_s, between_s);

  double best = -1;
  for (const std::int64_t interval : intervals_to_try(job, 1 + ms(shortest_interval_s(params) * kMsPerS))) {
    const double goodput = mean_goodput(job, interval, seed, params.repetitions);
    const double interval_s = static_cast<double>(interval) / kMsPerS;
    result.intervals.push_back({interval_s, goodput});
    if (goodput <= best) continue;
    best = goodput;
    result.best_interval_s = interval_s;
  }
  result.interval_s = params.checkpoint_interval_s > 0 ? params.checkpoint_interval_s : result.best_interval_s;

  const auto repetitions = static_cast<double>(params.repetitions);
  result.goodput_min = std::numeric_limits<double>::infinity();
  for (std::int64_t r = 0; r < params.repetitions; ++r) {
    const Days days = simulate(job, ms(result.interval_s * kMsPerS), seed, static_cast<std::uint64_t>(r));
    result.shares += days.shares;
    result.goodput_min = std::min(result.goodput_min, days.shares.useful);
    result.goodput_max = std::max(result.goodput_max, days.shares.useful);
    for (std::size_t part = 0; part < kParts; ++part)
      result.failures[part] += static_cast<double>(days.failures[part]) / repetitions;
  }
  for (double* share : {&result.shares.useful, &result.shares.lost, &result.shares.writing, &result.shares.restarting,
                        &result.shares.waiting, &result.shares.absent})
    *share /= repetitions;
  return result;
}

}  // namespace dojo::failures
