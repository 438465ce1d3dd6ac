// SPDX-License-Identifier: Apache-2.0
// Cycles become sc_time exactly where a cycle is a whole number of ps, and to the nearest ps otherwise.
#include "systemc/window.h"

#include <gtest/gtest.h>

namespace dojo::systemc {
namespace {

TEST(ToScTime, IsExactForAPeriodOfWholePicoseconds) {
  EXPECT_EQ(to_sc_time(0, 2e9).value(), 0u);
  EXPECT_EQ(to_sc_time(1, 2e9).value(), 500u);
  // Above 2^53 ps a double would have lost the last digit.
  EXPECT_EQ(to_sc_time(20'000'000'000'000'001, 2e9).value(), 10'000'000'000'000'000'500u);
}

TEST(ToScTime, RoundsTheCountItselfSoThatNothingAddsUp) {
  EXPECT_EQ(to_sc_time(1, 3e9).value(), 333u);
  EXPECT_EQ(to_sc_time(2, 3e9).value(), 667u);
  EXPECT_EQ(to_sc_time(3'000'000'000, 3e9).value(), 1'000'000'000'000u);
}

}  // namespace
}  // namespace dojo::systemc
