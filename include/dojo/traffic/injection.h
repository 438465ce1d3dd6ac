// SPDX-License-Identifier: Apache-2.0
// When a node creates its next packet: with the same probability in every cycle (Bernoulli), drawn as the number of
// cycles between packets, in integers, from a generator of the node's own.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::traffic {

/// The generator of one node (SplitMix64): 8 bytes, a stream of its own for each seed and node.
class Random {
 public:
  Random() = default;
  Random(std::uint64_t seed, std::uint64_t node) : state_(mixed(mixed(seed) ^ ((node + 1) * kStep))) {}
  std::uint64_t next() { return mixed(state_ += kStep); }
  /// 0 .. count-1; count >= 1.
  std::uint32_t below(std::uint32_t count) {
    return static_cast<std::uint32_t>(static_cast<UInt128>(next()) * count >> 64);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
  static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  std::uint64_t state_ = 0;
};

/// Cycles from one creation to the next: k with probability p (1-p)^(k-1), to 2^-54.
class Gaps {
 public:
  /// 0 < probability <= 1, of a creation in a cycle.
  explicit Gaps(double probability);
  Cycles draw(Random& random) const;

 private:
  std::vector<std::uint64_t> longer_;  ///< [k] = 2^64 x probability that the gap is longer than k + 1
  std::vector<std::uint64_t> blocks_;  ///< the same in blocks of as many cycles as `longer_` has
};

}  // namespace dojo::traffic
