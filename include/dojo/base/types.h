// SPDX-License-Identifier: Apache-2.0
// Words every module uses: simulated time, sizes and identifiers. Units are in the name.
#pragma once
#include <cstdint>
#include <limits>

namespace dojo {

using Cycles = std::int64_t;  ///< simulated core-clock cycles; 0 is the start of the run
using Bytes = std::int64_t;
using Flits = std::int64_t;  ///< 64-byte units of flow control (one packet of the on-die network)

inline constexpr Cycles kNever = std::numeric_limits<Cycles>::max();

using ShardId = std::uint32_t;  ///< a die or a DIP; dies come first (see topology::Topology)
using DieId = std::uint32_t;    ///< row-major over the machine's whole die grid
using RankId = std::uint32_t;
using SiteIndex = std::uint16_t;  ///< row-major within a die's site grid, `node[i]` in paths

inline constexpr std::uint32_t kNone = 0xffffffffu;

/// 128-bit integers for exact products; an extension that every compiler of the project has.
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

/// a * b, or the largest number when that is larger; requires a >= 0, b >= 0.
constexpr std::int64_t saturating_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::int64_t>::max() : product;
}
/// a + b, or the largest number when that is larger; requires a >= 0, b >= 0.
constexpr std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

/// Integer division rounded up; requires a >= 0, b > 0.
template <class T>
constexpr T ceil_div(T a, T b) {
  return a / b + (a % b != 0 ? 1 : 0);  // a + b - 1 would wrap for the largest a
}

/// First element of the i-th of `parts` nearly equal pieces of `total` (pieces differ by at most one).
constexpr std::int64_t piece_begin(std::int64_t total, std::int64_t parts, std::int64_t i) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(total, i, &product)) return product / parts;  // planners ask this millions of times
  return static_cast<std::int64_t>(static_cast<Int128>(total) * i / parts);
}

/// Elements of the i-th of those pieces.
constexpr std::int64_t piece_size(std::int64_t total, std::int64_t parts, std::int64_t i) {
  return piece_begin(total, parts, i + 1) - piece_begin(total, parts, i);
}

}  // namespace dojo
