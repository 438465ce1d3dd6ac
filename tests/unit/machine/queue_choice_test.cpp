// SPDX-License-Identifier: Apache-2.0
// An operation takes the emptier send queue.
#include "machine/die/queue_choice.h"

#include <gtest/gtest.h>

namespace dojo::machine {
namespace {

TEST(QueueChoice, TakesTheQueueOfTheShorterOperations) {
  QueueChoice choice(2);
  EXPECT_EQ(choice.take(0, 1, 1000), 0u);
  EXPECT_EQ(choice.take(0, 2, 100), 1u);
  EXPECT_EQ(choice.take(0, 3, 100), 1u);
  EXPECT_EQ(choice.take(1, 3, 900), 1u);
  EXPECT_EQ(choice.emptier(), 0u);
  choice.give_back(1, 3);
  EXPECT_EQ(choice.emptier(), 1u);
  choice.give_back(0, 1);
  EXPECT_EQ(choice.take(0, 4, 10), 0u);
}

TEST(QueueChoice, WhatSendsNothingFillsNothing) {
  QueueChoice choice(2);
  EXPECT_EQ(choice.take(0, 1, 0), 0u);
  EXPECT_EQ(choice.take(0, 2, 10), 0u);
  EXPECT_EQ(choice.take(0, 3, 0), 1u);
  choice.give_back(0, 1);
  choice.give_back(0, 3);
  EXPECT_EQ(choice.emptier(), 1u);
}

TEST(QueueChoice, OneQueueServesAll) {
  QueueChoice choice(1);
  EXPECT_EQ(choice.take(0, 1, 1000), 0u);
  EXPECT_EQ(choice.take(0, 2, 1000), 0u);
  choice.give_back(0, 1);
  EXPECT_EQ(choice.emptier(), 0u);
}

TEST(QueueChoice, ACopyGoesOnByItself) {
  QueueChoice choice(2), other(2);
  choice.take(0, 1, 1000);
  other.copy(choice);
  choice.give_back(0, 1);
  EXPECT_EQ(choice.emptier(), 0u);
  EXPECT_EQ(other.emptier(), 1u);
  other.give_back(0, 1);
  EXPECT_EQ(other.emptier(), 0u);
}

}  // namespace
}  // namespace dojo::machine
