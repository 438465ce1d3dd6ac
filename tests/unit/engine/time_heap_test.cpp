// SPDX-License-Identifier: Apache-2.0
// Order of a short queue: by time, then by insertion.
#include "dojo/engine/time_heap.h"

#include <gtest/gtest.h>

namespace dojo::engine {
namespace {

TEST(TimeHeap, ComesOutByTimeThenByInsertion) {
  TimeHeap heap;
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.next_time(), kNever);
  for (std::uint32_t i = 0; i < 50; ++i) heap.add(static_cast<Cycles>(i * 7 % 5), i);
  EXPECT_EQ(heap.taken(), 0u);
  Cycles before = 0;
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const Cycles time = heap.next_time();
    const std::uint32_t what = heap.take();
    EXPECT_EQ(time, what * 7 % 5);
    EXPECT_GE(time, before);
    if (i > 0 && time == before) EXPECT_GT(what, last);
    before = time;
    last = what;
  }
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.taken(), 50u);
}

}  // namespace
}  // namespace dojo::engine
