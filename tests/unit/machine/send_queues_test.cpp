// SPDX-License-Identifier: Apache-2.0
// Messages of a node take turns burst by burst.
#include "machine/network/send_queues.h"

#include <gtest/gtest.h>

#include <string>

namespace dojo::machine {
namespace {

fabric::Burst message(std::int32_t row) {
  fabric::Burst burst;
  burst.row = row;
  return burst;
}

/// All that a node sends, as "row:bytes", with "." behind the last burst of a message.
std::string drain(SendQueues& queues, SiteIndex site, Bytes limit) {
  std::string sent;
  while (!queues.empty(site)) {
    std::int32_t row = 0;
    const unsigned queue = queues.next(site, [&](const fabric::Burst& burst) {
      row = burst.row;
      return true;
    });
    const fabric::Burst burst = queues.take(site, queue, limit);
    EXPECT_EQ(burst.row, row) << "next() looks at what take() takes";
    sent += std::to_string(burst.row) + ":" + std::to_string(burst.bytes) + (burst.last ? ". " : " ");
  }
  return sent;
}

TEST(SendQueues, AMessageOfExactlyALimitIsOneBurst) {
  SendQueues queues(1);
  queues.add(0, 0, message(1), 128);
  EXPECT_EQ(drain(queues, 0, 128), "1:128. ");
  queues.add(0, 0, message(2), 129);
  EXPECT_EQ(drain(queues, 0, 128), "2:128 2:1. ");
}

TEST(SendQueues, MessagesTakeTurns) {
  SendQueues queues(2);
  queues.add(0, 0, message(1), 300);
  queues.add(0, 0, message(2), 100);
  queues.add(0, 0, message(3), 256);
  queues.add(1, 0, message(4), 64);
  EXPECT_EQ(queues.open(), 4);
  EXPECT_EQ(drain(queues, 0, 128), "1:128 2:100. 3:128 1:128 3:128. 1:44. ");
  EXPECT_EQ(queues.open(), 1);
  EXPECT_EQ(drain(queues, 1, 128), "4:64. ");
  EXPECT_EQ(queues.open(), 0);
}

TEST(SendQueues, AMessageThatComesLaterTakesItsTurnAtTheEnd) {
  SendQueues queues(1);
  queues.add(0, 0, message(1), 192);
  queues.add(0, 0, message(2), 192);
  EXPECT_EQ(queues.take(0, 0, 64).row, 1);
  queues.add(0, 0, message(3), 64);
  EXPECT_EQ(drain(queues, 0, 64), "2:64 1:64 3:64. 2:64 1:64. 2:64. ");
}

TEST(SendQueues, PlacesOfSentMessagesServeAgain) {
  SendQueues queues(2);
  for (std::int32_t round = 0; round < 5; ++round) {
    queues.add(0, 0, message(round), 64);
    queues.add(1, 0, message(10 + round), 128);
    EXPECT_EQ(drain(queues, 0, 64), std::to_string(round) + ":64. ");
    queues.add(0, 0, message(20 + round), 64);  // in the place of the one that is sent
    EXPECT_EQ(drain(queues, 1, 64), std::to_string(10 + round) + ":64 " + std::to_string(10 + round) + ":64. ");
    EXPECT_EQ(drain(queues, 0, 64), std::to_string(20 + round) + ":64. ");
  }
}

TEST(SendQueues, RemembersWhatIsPlanned) {
  SendQueues queues(2);
  EXPECT_FALSE(queues.planned(0));
  queues.planned(0) = true;
  EXPECT_TRUE(queues.planned(0));
  EXPECT_FALSE(queues.planned(1));
}

TEST(SendQueues, ACopyHasItsOwnNamesAndElseTheSame) {
  SendQueues queues(1);
  queues.add(0, 0, message(1), 200);
  queues.add(0, 0, message(2), 64);
  queues.take(0, 0, 64);
  SendQueues other = queues;
  other.rename([](fabric::Burst& burst) { burst.row += 100; });
  EXPECT_EQ(drain(other, 0, 128), "102:64. 101:128 101:8. ");
  EXPECT_EQ(drain(queues, 0, 128), "2:64. 1:128 1:8. ");
}

TEST(SendQueues, TheQueuesOfANodeTakeTurns) {
  SendQueues queues(2, 2);
  queues.add(1, 0, message(1), 300);
  queues.add(1, 0, message(2), 300);
  queues.add(1, 1, message(3), 200);
  EXPECT_TRUE(queues.empty(0));
  EXPECT_EQ(drain(queues, 1, 100), "1:100 3:100 2:100 3:100. 1:100 2:100 1:100. 2:100. ");
}

TEST(SendQueues, AQueueWhoseMessageMayNotGoLetsTheOtherGo) {
  SendQueues queues(1, 2);
  EXPECT_TRUE(queues.add(0, 0, message(1), 100));
  EXPECT_FALSE(queues.add(0, 0, message(2), 100));
  EXPECT_TRUE(queues.add(0, 1, message(3), 100));
  const auto but = [](std::int32_t row) { return [row](const fabric::Burst& burst) { return burst.row != row; }; };
  EXPECT_EQ(queues.next(0, but(1)), 1u);
  EXPECT_EQ(queues.next(0, but(3)), 0u);
  EXPECT_EQ(queues.next(0, [](const fabric::Burst&) { return false; }), kNone);
}

}  // namespace
}  // namespace dojo::machine
