// SPDX-License-Identifier: Apache-2.0
// Which task a rank's time passes in.
#include "audit/exposure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dojo::audit {
namespace {

using machine::TaskTime;
using ::testing::ElementsAre;
using workload::Task;

workload::Program program_of(std::initializer_list<Task::Unit> units) {
  workload::Program program;
  for (const Task::Unit unit : units) {
    Task task;
    task.kind = unit == Task::Unit::kCore ? Task::Kind::kKernel : Task::Kind::kDataflow;
    task.unit = unit;
    program.tasks.push_back(task);
  }
  return program;
}
constexpr Task::Unit kCore = Task::Unit::kCore, kNetwork = Task::Unit::kNetwork;

TEST(Exposure, TasksThatDidNotRunTakeNoTime) {
  EXPECT_THAT(exposed_cycles(program_of({kCore, kNetwork}), {{}, {5, kNever}}, 10), ElementsAre(0, 0));
  EXPECT_THAT(exposed_cycles(program_of({kCore}), {{4, 4}}, 10), ElementsAre(0));
}

TEST(Exposure, ATaskBesideTheCoresTakesWhatTheyWaitForIt) {
  // A kernel, a reduction that outlasts the next kernel, which starts at once, and a third that waits for it.
  const workload::Program program = program_of({kCore, kNetwork, kCore, kCore});
  EXPECT_THAT(exposed_cycles(program, {{0, 100}, {100, 180}, {102, 150}, {182, 200}}, 200),
              ElementsAre(100, 30, 48, 18));
}

TEST(Exposure, AWaitIsSharedByThoseThatEndedInIt) {
  // Two messages one after the other, beside a transfer that goes on: nobody waits for that one.
  const workload::Program program = program_of({kCore, kNetwork, kNetwork, kNetwork, kCore});
  EXPECT_THAT(exposed_cycles(program, {{0, 10}, {10, 40}, {41, 90}, {5, 300}, {90, 300}}, 300),
              ElementsAre(10, 30, 49, 0, 210));
}

TEST(Exposure, WhatEndsTheRunIsWaitedFor) {
  EXPECT_THAT(exposed_cycles(program_of({kCore, kNetwork}), {{0, 10}, {8, 50}}, 50), ElementsAre(10, 40));
}

}  // namespace
}  // namespace dojo::audit
