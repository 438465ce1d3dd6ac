// SPDX-License-Identifier: Apache-2.0
// Draws of the machine file: sites without a core, defects.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"

namespace dojo::topology {

/// splitmix64 (Steele, Lea, Flood 2014): small, and the same everywhere, unlike the standard library's distributions.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  /// A generator of its own for each part of a machine.
  SplitMix64(std::uint64_t seed, std::uint64_t part) : state_(SplitMix64(seed).next() ^ (part * 0xd1342543de82ef95u)) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::int64_t below(std::int64_t limit) {
    const auto wide = static_cast<UInt128>(next()) * static_cast<std::uint64_t>(limit);
    return static_cast<std::int64_t>(wide >> 64);
  }

 private:
  std::uint64_t state_;
};

}  // namespace dojo::topology
