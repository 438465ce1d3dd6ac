// SPDX-License-Identifier: Apache-2.0
// Work is stopped between two steps, and only where somebody asked for it.
#include "dojo/base/stop_point.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace dojo {
namespace {

TEST(StopPoint, WithoutAScopeNothingHappens) {
  EXPECT_NO_THROW(stop_point());
  EXPECT_NO_THROW(stop_point("operations", 1, 2));
}

TEST(StopPoint, StopsAtTheNextPointAfterItWasAskedTo) {
  bool stop = false;
  const StopScope scope([&] { return stop; });
  EXPECT_NO_THROW(stop_point());
  stop = true;
  EXPECT_THROW(stop_point(), Stopped);
  EXPECT_THROW(stop_point("operations", 1, 2), Stopped);
}

TEST(StopPoint, SaysHowFarItIs) {
  std::string words;
  const StopScope scope({}, [&](std::string_view what, std::size_t done, std::size_t all) {
    words = std::to_string(done) + " of " + std::to_string(all) + " " + std::string(what);
  });
  stop_point("operations", 3, 7);
  EXPECT_EQ(words, "3 of 7 operations");
}

TEST(StopPoint, TheInnermostScopeCountsAndEndsWithItsBlock) {
  const StopScope outer([] { return true; });
  {
    const StopScope inner([] { return false; });
    EXPECT_NO_THROW(stop_point());
  }
  EXPECT_THROW(stop_point(), Stopped);
}

TEST(StopPoint, ALoopOfShortTurnsIsStopped) {
  const StopScope scope([] { return true; });
  StopPoints points;
  std::size_t turns = 0;
  EXPECT_THROW(
      {
        for (; turns < 1'000'000; ++turns) points.pass();
      },
      Stopped);
  EXPECT_LT(turns, 10'000u);
}

TEST(StopPoint, OtherThreadsGoOn) {
  const StopScope scope([] { return true; });
  std::thread([] { EXPECT_NO_THROW(stop_point()); }).join();
}

}  // namespace
}  // namespace dojo
