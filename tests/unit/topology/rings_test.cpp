// SPDX-License-Identifier: Apache-2.0
// The way round a ring, against the shortest way found step by step.
#include "dojo/topology/rings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dojo::topology {
namespace {

/// Hops of a packet that goes where goes_up() says at each router, and how often it crosses the seam.
struct Walk {
  std::uint32_t hops = 0, seams = 0;
  bool turned = false;  ///< changed its mind on the way
  bool marks_good = true;
};

Walk walk(const Line& line, std::uint32_t from, std::uint32_t to) {
  Walk walk;
  const bool up = from != to && line.goes_up(from, to);
  for (std::uint32_t at = from; at != to && walk.hops <= line.length; ++walk.hops) {
    walk.turned |= line.goes_up(at, to) != up;
    const bool before = line.before_seam(at, to);
    const bool crosses = up ? at == line.length - 1 : at == 0;
    walk.seams += crosses ? 1 : 0;
    at = up ? (at + 1) % line.length : (at + line.length - 1) % line.length;
    // Before the seam up to the hop that crosses it, never after it.
    walk.marks_good &= before == (walk.seams == 0 ? line.ring && (up ? to < at : to > at) : crosses);
  }
  return walk;
}

TEST(Rings, GoTheShorterWayRoundAndCrossTheSeamAtMostOnce) {
  for (std::uint32_t length = 1; length <= 9; ++length) {
    const Line open{length, false, false}, ring{length, true, false}, one_way{length, true, true};
    for (std::uint32_t from = 0; from < length; ++from) {
      for (std::uint32_t to = 0; to < length; ++to) {
        const std::uint32_t apart = std::max(from, to) - std::min(from, to);
        EXPECT_EQ(open.hops(from, to), apart);
        EXPECT_EQ(ring.hops(from, to), std::min(apart, length - apart));
        EXPECT_EQ(one_way.hops(from, to), (to + length - from) % length);
        for (const Line& line : {open, ring, one_way}) {
          const Walk walked = walk(line, from, to);
          EXPECT_EQ(walked.hops, line.hops(from, to)) << length << ": " << from << " to " << to;
          EXPECT_LE(walked.seams, line.ring ? 1u : 0u);
          EXPECT_FALSE(walked.turned);
          EXPECT_TRUE(walked.marks_good) << length << ": " << from << " to " << to;
        }
      }
    }
  }
}

TEST(Rings, OfTwoEqualWaysHalfOfTheRoutersTakeEach) {
  const Line ring{8, true, false};
  EXPECT_TRUE(ring.goes_up(0, 4));
  EXPECT_FALSE(ring.goes_up(1, 5));
}

TEST(Rings, TakeRowsOrColumnsFirst) {
  Rings rings{{4, true, true}, {3, true, true}, false};
  EXPECT_EQ(rings.side_towards(0, 0, 1, 1, 9), 0u);
  EXPECT_EQ(rings.side_towards(0, 1, 1, 1, 9), 2u);
  EXPECT_EQ(rings.side_towards(1, 1, 1, 1, 9), 9u);
  rings.columns_first = true;
  EXPECT_EQ(rings.side_towards(0, 0, 1, 1, 9), 2u);
  EXPECT_EQ(rings.side_towards(1, 0, 1, 1, 9), 0u);
}

}  // namespace
}  // namespace dojo::topology
