// SPDX-License-Identifier: Apache-2.0
// Draws of failures: times between them and what fails. The logarithm is our own, of operations that every host rounds
// alike, so that the order of events is the same everywhere.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

#include "topology/split_mix.h"

namespace dojo::failures {

/// Natural logarithm for 0 < x <= 1: x = m 2^e with m in [0.5, 1), ln m = 2 atanh((m - 1) / (m + 1)).
inline double own_log(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  int exponent = 0;
  const double m = std::frexp(x, &exponent);
  const double z = (m - 1) / (m + 1);  // -1/3 to 0
  double power = z, sum = 0;
  for (int n = 1; n < 40; n += 2) {
    sum += power / n;
    power *= z * z;
  }
  return 2 * sum + exponent * kLn2;
}

class Exponential {
 public:
  Exponential(std::uint64_t seed, std::uint64_t part) : random_(seed, part) {}
  /// Exponential with this mean, at least 1.
  std::int64_t next_ms(double mean_ms) {
    constexpr double kMost = 4e18;
    const double ms = -own_log(share()) * mean_ms;
    return ms < 1 ? 1 : static_cast<std::int64_t>(ms < kMost ? ms : kMost);
  }
  /// Index of one of the weights, each by its share.
  template <std::size_t N>
  std::size_t weighted(const std::array<double, N>& weights) {
    double all = 0;
    for (const double weight : weights) all += weight;
    double left = share() * all;
    std::size_t last = 0;
    for (std::size_t i = 0; i < N; ++i) {
      if (weights[i] <= 0) continue;
      last = i;
      if (left < weights[i]) break;
      left -= weights[i];
    }
    return last;
  }

 private:
  /// Above 0, below 1.
  double share() { return (static_cast<double>(random_.next() >> 12) + 0.5) * 0x1p-52; }
  topology::SplitMix64 random_;
};

}  // namespace dojo::failures
