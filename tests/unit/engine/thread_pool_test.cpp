// SPDX-License-Identifier: Apache-2.0
// The pool calls every piece once and passes exceptions on.
#include "dojo/engine/thread_pool.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace dojo::engine {
namespace {

TEST(ThreadPool, CallsEveryPieceOnce) {
  for (const std::uint32_t threads : {1u, 2u, 4u}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 200; ++round) {
      std::vector<int> calls(static_cast<std::size_t>(round) * 3, 0);
      pool.run(static_cast<std::uint32_t>(calls.size()), [&](std::uint32_t i, std::uint32_t thread) {
        EXPECT_LT(thread, threads);
        ++calls[i];
      });
      for (const int count : calls) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPool, ThrowsTheFailureOfTheLowestPiece) {
  ThreadPool pool(2);
  const auto work = [](std::uint32_t i, std::uint32_t) {
    if (i >= 40) throw std::runtime_error(std::to_string(i));
  };
  try {
    pool.run(100, work);
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "40");
  }
  int calls = 0;
  pool.run(1, [&](std::uint32_t, std::uint32_t) { ++calls; });
  EXPECT_EQ(calls, 1) << "the pool goes on after a failure";
}

}  // namespace
}  // namespace dojo::engine
