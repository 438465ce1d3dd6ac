// SPDX-License-Identifier: Apache-2.0
#include "machine/die/line_senders.h"

#include <gtest/gtest.h>

#include <vector>

namespace dojo::machine {
namespace {

std::vector<LineSender> alike(std::size_t count, Flits all, Flits before, Flits after) {
  return std::vector<LineSender>(count, LineSender{all, before, after});
}

TEST(LineSenders, WithoutFlitsNothingIsForeseen) {
  std::vector<LineSender> senders(3);
  foresee_ends(senders, 5, 9);
  for (const LineSender& s : senders) EXPECT_EQ(s.end, LineSender::kUnknown);
}

TEST(LineSenders, OneEndsWithItsLastFlit) {
  std::vector<LineSender> senders(3);
  senders[1] = {40, 0, 10};
  foresee_ends(senders, 100, 120);
  EXPECT_EQ(senders[1].end, 120 + 30) << "twenty cycles for the first ten, then one for each";
  EXPECT_EQ(senders[0].end, LineSender::kUnknown);
  senders[1] = {40, 30, 40};
  foresee_ends(senders, 200, 220);
  EXPECT_EQ(senders[1].end, 220);
}

// 20 senders of 50 flits: a node in the middle ends with 0.235 of 1,000 flits and 0.05 / 2 of the rest.
TEST(LineSenders, InTheMiddleOfALineEndFirst) {
  std::vector<LineSender> senders = alike(20, 50, 0, 2);
  foresee_ends(senders, 0, 40);
  EXPECT_NEAR(static_cast<double>(senders[9].end), 1000 * (0.235 + 0.765 * 0.05), 3);
  EXPECT_EQ(senders[9].end, senders[10].end);
  EXPECT_NEAR(static_cast<double>(senders[0].end), 1000 * (0.235 + 0.765 * 0.95), 3);
  for (std::size_t i = 1; i < 10; ++i) EXPECT_LT(senders[i].end, senders[i - 1].end) << i;
}

TEST(LineSenders, ThatAreDoneStayAsTheyWere) {
  std::vector<LineSender> senders = alike(20, 50, 20, 22);
  foresee_ends(senders, 1000, 1080);
  EXPECT_EQ(senders[10].end, LineSender::kUnknown) << "ended when 273 of 1,000 flits had passed";
  EXPECT_GT(senders[0].end, 1080);
}

// Of four senders of very different sizes none can end before it has sent its own.
TEST(LineSenders, NeedTheTimeOfTheirOwnFlits) {
  std::vector<LineSender> senders = {{1, 0, 1}, {400, 0, 10}, {1, 0, 1}, {1, 0, 1}};
  foresee_ends(senders, 0, 13);
  EXPECT_GE(senders[1].end, 400);
  EXPECT_LE(senders[3].end, 403);
}

}  // namespace
}  // namespace dojo::machine
