// SPDX-License-Identifier: Apache-2.0
// Scans of bit masks of 32, 64 or 128 bits.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"

namespace dojo {

/// Round robin: the first set bit at or after `from`, else the lowest. Requires bits != 0 and `from` below the width of
/// the mask.
template <class Mask>
[[gnu::always_inline]] inline unsigned next_bit(Mask bits, unsigned from) {
  const Mask after = static_cast<Mask>(bits >> from << from);
  const Mask left = after != 0 ? after : bits;
  if constexpr (sizeof(Mask) == 16) {
    const auto low = static_cast<std::uint64_t>(left);
    return static_cast<unsigned>(low != 0 ? __builtin_ctzll(low)
                                          : 64 + __builtin_ctzll(static_cast<std::uint64_t>(left >> 64)));
  } else if constexpr (sizeof(Mask) == 8) {
    return static_cast<unsigned>(__builtin_ctzll(left));
  } else {
    return static_cast<unsigned>(__builtin_ctz(static_cast<std::uint32_t>(left)));
  }
}
/// Requires bits != 0.
template <class Mask>
[[gnu::always_inline]] inline unsigned lowest_bit(Mask bits) {
  return next_bit(bits, 0);
}
/// At most one bit is set.
template <class Mask>
[[gnu::always_inline]] inline bool at_most_one_bit(Mask bits) {
  return (bits & (bits - 1)) == 0;
}

}  // namespace dojo
