// SPDX-License-Identifier: Apache-2.0
// The timing wheel against a sorted list: same events, same order, for near, far and very far times.
#include "dojo/engine/wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dojo::engine {
namespace {

TEST(Wheel, GivesNothingBeforeTheLimit) {
  Wheel wheel;
  wheel.add(10, 1);
  Event event;
  EXPECT_FALSE(wheel.take(10, event));
  EXPECT_TRUE(wheel.take(11, event));
  EXPECT_EQ(event.time, 10);
  EXPECT_TRUE(wheel.empty());
}

TEST(Wheel, KeepsTheOrderOfInsertionWithinACycle) {
  Wheel wheel;
  constexpr Cycles kFar = 1'000'000;
  wheel.add(kFar, 1);  // beyond the far ring: waits in the heap
  wheel.add(kFar - 300, 9);
  Event event;
  ASSERT_TRUE(wheel.take(kNever, event));
  EXPECT_EQ(event.type, 9);
  wheel.add(kFar, 2);  // in the far ring by now
  wheel.add(kFar - 10, 8);
  ASSERT_TRUE(wheel.take(kNever, event));
  EXPECT_EQ(event.type, 8);
  wheel.add(kFar, 3);  // in the near ring by now
  for (std::uint16_t expected = 1; expected <= 3; ++expected) {
    ASSERT_TRUE(wheel.take(kNever, event));
    EXPECT_EQ(event.type, expected);
    EXPECT_EQ(event.time, kFar);
  }
}

TEST(Wheel, NextTimeSeesEveryRing) {
  for (const Cycles time :
       {Cycles{0}, Cycles{255}, Cycles{256}, Cycles{65535}, Cycles{65536}, Cycles{90'000'000'000}}) {
    Wheel wheel;
    EXPECT_EQ(wheel.next_time(), kNever);
    wheel.add(time, 0);
    EXPECT_EQ(wheel.next_time(), time);
  }
}

TEST(Wheel, EqualsASortedListForAnyTimes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::uint64_t state = seed;
    const auto draw = [&](std::uint64_t below) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      return (state >> 33) % below;
    };
    struct Expected {
      Cycles time;
      std::uint32_t order;
    };
    Wheel wheel;
    std::vector<Expected> waiting;
    Cycles now = 0;
    std::uint32_t order = 0;
    for (int round = 0; round < 3000; ++round) {
      const std::uint64_t spans[] = {1, 100, 5000, 200'000, 100'000'000};
      const Cycles time = now + static_cast<Cycles>(draw(spans[draw(5)]));
      wheel.add(time, 0, order);
      waiting.push_back({time, order++});
      if (draw(2) == 0) continue;
      const auto first = std::min_element(waiting.begin(), waiting.end(), [](const Expected& x, const Expected& y) {
        return x.time != y.time ? x.time < y.time : x.order < y.order;
      });
      EXPECT_EQ(wheel.next_time(), first->time);
      Event event;
      ASSERT_TRUE(wheel.take(kNever, event));
      EXPECT_EQ(event.time, first->time);
      EXPECT_EQ(event.a, first->order);
      now = event.time;
      waiting.erase(first);
    }
  }
}

}  // namespace
}  // namespace dojo::engine
