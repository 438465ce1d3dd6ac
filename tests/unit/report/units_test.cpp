// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.
#include "report/units.h"

#include <gtest/gtest.h>

namespace dojo::report {
namespace {

TEST(Units, HaveThreeDigitsAndThePrefixThatFits) {
  EXPECT_EQ(si(2.016e12, "B/s"), "2.02 TB/s");
  EXPECT_EQ(si(999.6, "B"), "1.00 kB");
  EXPECT_EQ(si(0, "B"), "0 B");
  EXPECT_EQ(duration(0.00107305), "1.07 ms");
  EXPECT_EQ(duration(999.6e-9), "1.00 us");
  EXPECT_EQ(duration(2e-10), "0.20 ns");
  EXPECT_EQ(percent(0.0001), "0.01 %");
  EXPECT_EQ(grouped(-1062000), "-1,062,000");
  EXPECT_EQ(shortened("abcdefghij", 6), "ab..ij");
}

TEST(Units, EnergyOfASmallJobIsNotNothing) {
  EXPECT_EQ(energy_text(0.00067935), "679 uJ");
  EXPECT_EQ(energy_text(0.16), "160 mJ");
  EXPECT_EQ(energy_text(3.79), "3.79 J");
  EXPECT_EQ(energy_text(12345), "12.3 kJ");
  EXPECT_EQ(energy_text(0), "0 J");
}

}  // namespace
}  // namespace dojo::report
