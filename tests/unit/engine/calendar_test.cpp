// SPDX-License-Identifier: Apache-2.0
// The ring of cycles in which something is due: no cycle is missed, wherever a word or the ring ends.
#include "dojo/engine/calendar.h"

#include <gtest/gtest.h>

namespace dojo::engine {
namespace {

TEST(DueCycles, SeesEachCycleUpToItsHorizonAtItsPlace) {
  for (const Cycles horizon : {1, 63, 64, 100, 2048}) {
    DueCycles due(horizon);
    for (Cycles now = 0; now < 3 * horizon + 400; now += 7) {
      for (const Cycles ahead : {Cycles{0}, Cycles{1}, horizon / 2, horizon}) {
        const Cycles at = now + ahead;
        due.add(at);
        for (Cycles from = now; from <= at; from += 13)
          EXPECT_EQ(due.ahead(from), at - from < 64 ? 1ull << (at - from) : 0) << horizon << ' ' << at << ' ' << from;
        due.pass(at);
        EXPECT_EQ(due.ahead(now), 0u);
      }
    }
  }
}

TEST(DueCycles, HoldsManyAndPassesOne) {
  DueCycles due(200);
  for (const Cycles at : {60, 63, 64, 65, 200}) due.add(at);
  EXPECT_EQ(due.ahead(60), 0b111001u);
  due.pass(64);
  EXPECT_EQ(due.ahead(60), 0b101001u);
  EXPECT_EQ(due.ahead(137), 1ull << 63);
}

}  // namespace
}  // namespace dojo::engine
