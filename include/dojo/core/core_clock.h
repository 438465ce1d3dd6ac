// SPDX-License-Identifier: Apache-2.0
// The cycles of a core that is slower than its die (machine.slow_nodes): its k-th cycle begins with the first cycle of
// the die at or after k / speed. Integers only, so that the two sides never differ by a rounding.
#pragma once
#include <cmath>
#include <cstdint>

#include "dojo/base/types.h"

namespace dojo::core {

class CoreClock {
 public:
  /// `speed`: share of the die's clock, 0.001 to 1.
  explicit CoreClock(double speed = 1) : period_(speed == 1 ? kOne : std::llround(static_cast<double>(kOne) / speed)) {}

  [[nodiscard]] bool is_slow() const { return period_ != kOne; }
  /// The cycle of the die with which a cycle of the core begins.
  [[nodiscard]] Cycles begin(Cycles cycle) const {
    if (period_ == kOne || cycle >= kNever) return cycle;
    return static_cast<Cycles>((Int128{cycle} * period_ + kOne - 1) / kOne);
  }
  /// The cycle of the core that has begun last at cycle `now` of the die.
  [[nodiscard]] Cycles at(Cycles now) const {
    if (period_ == kOne || now >= kNever) return now;
    return static_cast<Cycles>(Int128{now} * kOne / period_);
  }

 private:
  static constexpr std::int64_t kOne = std::int64_t{1} << 32;
  std::int64_t period_;  ///< cycles of the die, times 2^32
};

}  // namespace dojo::core
