// SPDX-License-Identifier: Apache-2.0
// Names of algorithms of plug-ins and of files.
#include "dojo/workload/own_algorithms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"

namespace dojo::workload {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

OwnCollective collective(const std::string& name) {
  return {name,
          "does nothing",
          {OpKind::kAllReduce},
          [](const CollectiveCall& call) { return CollectiveSchedule(call.members.size()); },
          {},
          "this test"};
}

std::string refusal(OwnCollective own) {
  try {
    (void)add_collective(std::move(own));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    return error.what();
  }
  return "accepted";
}

TEST(OwnAlgorithms, WhatCannotBeAddedIsTold) {
  EXPECT_THAT(refusal(collective("")), HasSubstr("expected up to 64 letters"));
  EXPECT_THAT(refusal(collective("two words")), HasSubstr("collective \"two words\": found this name"));
  EXPECT_THAT(refusal(collective("ring.json")), HasSubstr("found this name"));
  EXPECT_THAT(refusal(collective("ring")), HasSubstr("found a name that a built-in algorithm has"));
  OwnCollective own = collective("stepless");
  own.steps = nullptr;
  EXPECT_THAT(refusal(own), HasSubstr("found no function for its steps"));
  own = collective("kindless");
  own.kinds.clear();
  EXPECT_THAT(refusal(own), HasSubstr("found no kinds"));
  own.kinds = {OpKind::kConv};
  EXPECT_THAT(refusal(own), HasSubstr("found the kind conv"));
  EXPECT_FALSE(algorithm_named("kindless"));
}

TEST(OwnAlgorithms, AreKnownByTheirNames) {
  const Algorithm added = add_collective(collective("known"));
  EXPECT_EQ(algorithm_named("known"), added);
  EXPECT_EQ(algorithm_name(added), "known");
  EXPECT_THAT(algorithm_names(), Contains("known"));
  ASSERT_NE(own_collective(added), nullptr);
  EXPECT_EQ(own_collective(added)->sentence, "does nothing");
  EXPECT_EQ(file_of(added), "");
  EXPECT_THAT(refusal(collective("known")), HasSubstr("found a name that this test has"));
}

TEST(OwnAlgorithms, BuiltInOnesStayAsTheyAre) {
  EXPECT_EQ(algorithm_named("ring"), Algorithm::kRing);
  EXPECT_EQ(algorithm_name(Algorithm::kTree), "tree");
  EXPECT_EQ(own_collective(Algorithm::kRing), nullptr);
  EXPECT_EQ(file_of(Algorithm::kRing), "");
  EXPECT_EQ(schedules_of(Algorithm::kRing), nullptr);
}

TEST(OwnAlgorithms, AFileIsOneAlgorithmWhereverItIsNamed) {
  EXPECT_TRUE(names_schedule_file("a/b.json"));
  EXPECT_FALSE(names_schedule_file(".json"));
  EXPECT_FALSE(names_schedule_file("json"));
  const Algorithm file = schedule_file("some/x/../mine.json");
  EXPECT_EQ(schedule_file("some/mine.json"), file);
  EXPECT_NE(schedule_file("other/mine.json"), file);
  EXPECT_EQ(file_of(file), "some/mine.json");
  EXPECT_EQ(algorithm_name(file), "some/mine.json");
  EXPECT_EQ(own_collective(file), nullptr);
  EXPECT_EQ(schedules_of(file), nullptr);
  EXPECT_FALSE(algorithm_named("some/mine.json"));
  add_schedules(file, {{{OpKind::kReduce, 4, 1}, CollectiveSchedule(4)}});
  ASSERT_NE(schedules_of(file), nullptr);
  EXPECT_NE(schedule_for(file, {OpKind::kReduce, 4, 1}), nullptr);
  EXPECT_EQ(schedule_for(file, {OpKind::kReduce, 4, 0}), nullptr);
  EXPECT_EQ(schedule_for(file, {OpKind::kReduce, 3, 1}), nullptr);
  EXPECT_EQ(algorithms_of_plan("mine.json").size(), 2U);
}

}  // namespace
}  // namespace dojo::workload
