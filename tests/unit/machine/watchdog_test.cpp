// SPDX-License-Identifier: Apache-2.0
// The watchdog barks after a span of windows without activity, and only then.
#include "dojo/machine/watchdog.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dojo::machine {
namespace {

/// Windows until it barks; 0 when it did not within `most`. Activity stops after window `busy`.
std::uint64_t barks_after(std::uint64_t busy, std::uint64_t most) {
  Watchdog dog;
  for (std::uint64_t window = 1; window <= most; ++window) {
    if (dog.stalled([&] { return std::min(window, busy); })) return window;
  }
  return 0;
}

TEST(Watchdog, KeepsQuietWhileAnythingHappens) {
  EXPECT_EQ(barks_after(10 * Watchdog::kWindows, 10 * Watchdog::kWindows), 0u);
}

TEST(Watchdog, BarksWhenNothingCameOfASpanOfWindows) {
  EXPECT_EQ(barks_after(0, 3 * Watchdog::kWindows), Watchdog::kWindows);
  EXPECT_EQ(barks_after(5, 3 * Watchdog::kWindows), 2 * Watchdog::kWindows);
}

}  // namespace
}  // namespace dojo::machine
