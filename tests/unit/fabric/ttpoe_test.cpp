// SPDX-License-Identifier: Apache-2.0
// The two ends of a TTPoE link: window, order, going back.
#include "dojo/fabric/ttpoe.h"

#include <gtest/gtest.h>

namespace dojo::fabric {
namespace {

using Verdict = TtpoeReceiver::Verdict;

TtpoeMessage message(Bytes bytes) {
  TtpoeMessage m;
  m.bytes = bytes;
  return m;
}

TEST(Ttpoe, CutsMessagesIntoFramesAndMarksTheLast) {
  TtpoeSettings settings;
  TtpoeCounters counters;
  TtpoeSender sender(3, 5);
  sender.add(message(2500));
  const Bytes expected[] = {1024, 1024, 452};
  for (std::uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(sender.can_send(settings));
    const Frame frame = sender.take(settings, counters);
    EXPECT_EQ(frame.payload, expected[i]);
    EXPECT_EQ(frame.sequence, i);
    EXPECT_EQ(frame.last, i == 2);
    EXPECT_EQ(frame.from, 3u);
    EXPECT_EQ(frame.to, 5u);
  }
  EXPECT_FALSE(sender.can_send(settings));
  EXPECT_FALSE(sender.blocked_by_window(settings)) << "nothing is left to send";
}

TEST(Ttpoe, PayloadGoesInWholeBeatsBehindTheHeader) {
  const TtpoeSettings settings;
  Frame frame;
  EXPECT_EQ(settings.on_wire(frame), 84) << "an answer is its header";
  frame.payload = 1;
  EXPECT_EQ(settings.on_wire(frame), 84 + 64);
  frame.payload = 1024;
  EXPECT_EQ(settings.on_wire(frame), 84 + 1024);
}

TEST(Ttpoe, TheWindowHoldsBackUntilAnAnswerFreesIt) {
  TtpoeSettings settings;
  settings.window_bytes = 2048;
  TtpoeCounters counters;
  TtpoeSender sender(0, 1);
  sender.add(message(4096));
  sender.take(settings, counters);
  sender.take(settings, counters);
  EXPECT_TRUE(sender.blocked_by_window(settings));
  EXPECT_TRUE(sender.acknowledged(1));
  EXPECT_FALSE(sender.acknowledged(1)) << "the same again is no news";
  EXPECT_TRUE(sender.can_send(settings));
  EXPECT_EQ(sender.take(settings, counters).sequence, 2u);
  EXPECT_TRUE(sender.blocked_by_window(settings));
  EXPECT_TRUE(sender.acknowledged(3));
  sender.take(settings, counters);
  EXPECT_TRUE(sender.acknowledged(4));
  EXPECT_TRUE(sender.idle());
}

TEST(Ttpoe, GoesBackToTheMissingFrameAndDeliversEachOnce) {
  const TtpoeSettings settings;
  TtpoeCounters counters;
  TtpoeSender sender(0, 1);
  TtpoeReceiver receiver;
  sender.add(message(4 * 1024));
  EXPECT_EQ(receiver.receive(sender.take(settings, counters).sequence), Verdict::kAccepted);
  sender.take(settings, counters);  // lost
  EXPECT_EQ(receiver.receive(sender.take(settings, counters).sequence), Verdict::kMissing);
  EXPECT_EQ(receiver.receive(sender.take(settings, counters).sequence), Verdict::kIgnored) << "it asks only once";
  EXPECT_EQ(counters.resent, 0u);
  sender.acknowledged(receiver.expected());
  sender.go_back();
  for (std::uint32_t sequence = 1; sequence < 4; ++sequence) {
    const Frame frame = sender.take(settings, counters);
    EXPECT_EQ(frame.sequence, sequence);
    EXPECT_EQ(receiver.receive(frame.sequence), Verdict::kAccepted);
  }
  EXPECT_EQ(counters.frames, 7u);
  EXPECT_EQ(counters.resent, 3u);
  EXPECT_EQ(receiver.receive(2), Verdict::kOld) << "its acknowledgement was lost: say it again, take nothing";
  EXPECT_EQ(receiver.expected(), 4u);
}

TEST(Ttpoe, AnAnswerToWhatWasSentAgainMovesBothEnds) {
  const TtpoeSettings settings;
  TtpoeCounters counters;
  TtpoeSender sender(0, 1);
  sender.add(message(4 * 1024));
  for (int i = 0; i < 4; ++i) sender.take(settings, counters);
  sender.go_back();
  sender.take(settings, counters);  // 0 again, and then it turns out that 0 to 2 had come
  EXPECT_TRUE(sender.acknowledged(3));
  ASSERT_TRUE(sender.can_send(settings));
  EXPECT_EQ(sender.take(settings, counters).sequence, 3u);
}

}  // namespace
}  // namespace dojo::fabric
