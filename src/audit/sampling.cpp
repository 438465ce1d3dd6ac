// SPDX-License-Identifier: Apache-2.0
#include "audit/sampling.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "topology/split_mix.h"

namespace dojo::audit {
namespace {

/// Weights of which each is at least an equal share of those that are left stand for themselves.
std::vector<std::uint8_t> certain(const std::vector<Cycles>& weights, std::size_t most) {
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  double rest = 0;
  for (const Cycles weight : weights) rest += static_cast<double>(std::max<Cycles>(weight, 0));
  std::vector<std::uint8_t> chosen(weights.size(), 0);
  for (const std::size_t index : order) {
    const auto weight = static_cast<double>(weights[index]);
    if (most == 0 || weight <= 0 || weight * static_cast<double>(most) < rest) break;
    chosen[index] = 1;
    rest -= weight;
    --most;
  }
  return chosen;
}

double share_of_one(topology::SplitMix64& random) {
  return static_cast<double>(random.next() >> 11) * 0x1p-53;
}

/// Smallest value that at least `share` of the sorted ones do not exceed.
double quantile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

double median(const std::vector<double>& sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double reference_over_fast(const Sample& sample) {
  return static_cast<double>(sample.reference) / static_cast<double>(sample.fast);
}

}  // namespace

std::vector<Drawn> draw_by_weight(const std::vector<Cycles>& weights, std::size_t most, std::uint64_t seed) {
  const std::vector<std::uint8_t> surely = certain(weights, most);
  const auto sure = static_cast<std::size_t>(std::count(surely.begin(), surely.end(), 1));
  double rest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    rest += surely[i] != 0 ? 0.0 : static_cast<double>(std::max<Cycles>(weights[i], 0));
  const auto others = static_cast<double>(most - sure);
  const double step = others > 0 ? rest / others : 0;
  topology::SplitMix64 random(seed);
  double next = step * share_of_one(random), passed = 0;
  std::vector<Drawn> drawn;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (surely[i] != 0) drawn.push_back({i, static_cast<double>(weights[i])});
    if (surely[i] != 0 || weights[i] <= 0) continue;
    passed += static_cast<double>(weights[i]);
    if (step <= 0 || next >= passed) continue;
    drawn.push_back({i, step});
    next += step;
  }
  return drawn;
}

std::vector<std::uint32_t> draw_some(std::uint32_t count, std::uint32_t most, std::uint64_t seed) {
  topology::SplitMix64 random(seed);
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0u);
  const std::uint32_t taken = std::min(count, most);
  for (std::uint32_t i = 0; i < taken; ++i) {
    const auto pick = static_cast<std::size_t>(i + random.below(std::int64_t{count} - i));
    std::swap(all[i], all[pick]);
  }
  all.resize(taken);
  std::sort(all.begin(), all.end());
  return all;
}

namespace {

/// Half of the 95 % interval of the samples' sum: those that stand for themselves are known, so only the others count,
/// as `all` they were drawn from. None: fewer than two of them.
std::optional<double> confidence_of_sum(const std::vector<Sample>& samples, double scale, std::int64_t all) {
  std::vector<double> ratios;
  double weight = 0;
  std::int64_t sure = 0;
  for (const Sample& sample : samples) {
    if (sample.stands_for <= sample.exposed) {
      ++sure;
      continue;
    }
    ratios.push_back(reference_over_fast(sample));
    weight += sample.stands_for * scale;
  }
  const auto n = static_cast<double>(ratios.size());
  const auto from = static_cast<double>(std::max<std::int64_t>(all - sure, 1));
  if (ratios.empty()) return 0.0;
  if (ratios.size() < 2) return std::nullopt;
  const double mean = std::accumulate(ratios.begin(), ratios.end(), 0.0) / n;
  double squares = 0;
  for (const double ratio : ratios) squares += (ratio - mean) * (ratio - mean);
  const double left = std::max(0.0, 1 - n / from);
  const boost::math::students_t_distribution<double> student(n - 1);
  return boost::math::quantile(student, 0.975) * weight * std::sqrt(squares / (n - 1) / n * left);
}

}  // namespace

Estimate estimate(const std::vector<Sample>& samples, double total, double covered, std::int64_t all) {
  Estimate out;
  if (samples.empty()) return out;
  std::vector<double> errors;
  double weight = 0, weighted = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double ratio = reference_over_fast(samples[i]);
    errors.push_back(std::fabs(std::log(ratio)));
    if (errors[i] > errors[out.worst]) out.worst = i;
    weight += samples[i].stands_for;
    weighted += samples[i].stands_for * ratio;
  }
  const double scale = covered / weight;  // 1, but for samples that were not replayed
  const double reference = total - covered + weighted * scale;
  out.step_error = total / reference - 1;
  if (const auto half = confidence_of_sum(samples, scale, all))
    out.confidence = *half * total / (reference * reference);
  std::sort(errors.begin(), errors.end());
  out.ratio_median = std::exp(median(errors));
  out.ratio_p95 = std::exp(quantile(errors, 0.95));
  out.ratio_worst = std::exp(errors.back());
  return out;
}

}  // namespace dojo::audit
