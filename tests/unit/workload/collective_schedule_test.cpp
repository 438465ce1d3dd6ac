// SPDX-License-Identifier: Apache-2.0
// The check of a schedule: what is no collective is told, by member and step.
#include "dojo/workload/collective_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace dojo::workload {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> findings(const CollectiveSchedule& schedule, OpKind kind, std::uint32_t root = 0) {
  Findings found;
  const CollectiveTask task{kind, static_cast<std::uint32_t>(schedule.steps.size()), root};
  const CollectiveOrder order = check_schedule(schedule, task, "mine", found);
  EXPECT_TRUE(found.empty() || order.steps.empty());
  return found.lines();
}

/// Everyone sends its vector to everyone, and adds what comes.
CollectiveSchedule all_to_all_sum(std::uint32_t n) {
  CollectiveSchedule s(n);
  for (std::uint32_t from = 0; from < n; ++from)
    for (std::uint32_t i = 1; i < n; ++i) s.send(from, (from + i) % n, 0);
  for (std::uint32_t to = 0; to < n; ++to)
    for (std::uint32_t i = 1; i < n; ++i) s.reduce(to, (to + n - i) % n, 0);
  return s;
}

/// Parts go around; `gather`: and their sums once more.
CollectiveSchedule ring(std::uint32_t n, bool gather) {
  CollectiveSchedule s(n, gather ? n : 1);
  for (std::uint32_t me = 0; me < n; ++me) {
    const std::uint32_t next = (me + 1) % n, before = (me + n - 1) % n;
    for (std::uint32_t step = 0; step + 1 < n; ++step) {
      s.send(me, next, (me + 2 * n - step - 1) % n);
      s.reduce(me, before, (me + 2 * n - step - 2) % n);
    }
    for (std::uint32_t step = 0; gather && step + 1 < n; ++step) {
      s.send(me, next, (me + n - step) % n);
      s.receive(me, before, (me + n - step - 1) % n);
    }
  }
  return s;
}

TEST(CollectiveScheduleCheck, WrongNumbersAreTold) {
  CollectiveSchedule s(2);
  Findings found;
  (void)check_schedule(s, {OpKind::kAllReduce, 3, 0}, "mine", found);
  EXPECT_THAT(found.lines(), ElementsAre("mine: found steps of 2 members, expected of 3"));
  s.parts = 0;
  s.chunks = 1'000'000;
  EXPECT_THAT(findings(s, OpKind::kAllReduce),
              ElementsAre(HasSubstr("found 0 parts, expected from 1"), HasSubstr("found 1000000 chunks")));
  CollectiveSchedule self(2);
  self.send(0, 0, 0);
  self.send(1, 2, 0);
  self.copy(1, 0, 1, 0);
  EXPECT_THAT(findings(self, OpKind::kAllReduce),
              ElementsAre(HasSubstr("member 0, step 0 (send of slot 0 to member 0): found member 0, expected another "
                                    "one from 0 to 1"),
                          HasSubstr("found member 2"), HasSubstr("found 0 slots from 1 on")));
  CollectiveSchedule barrier(2, 2);
  EXPECT_THAT(findings(barrier, OpKind::kBarrier), ElementsAre(HasSubstr("found 2 parts of a barrier, expected 1")));
}

TEST(CollectiveScheduleCheck, WhatIsTooLargeToCheckIsTold) {
  CollectiveSchedule parts(10, 2'000'000);
  EXPECT_THAT(findings(parts, OpKind::kAllReduce), ElementsAre(HasSubstr("found 20000000 slots with something")));
  CollectiveSchedule slots(2);
  for (int i = 0; i < 3; ++i) slots.copy(0, 0, 1, 4'000'000);
  EXPECT_THAT(findings(slots, OpKind::kAllReduce), ElementsAre(HasSubstr("found steps on 12000000 slots in all")));
  CollectiveSchedule steps(2);
  steps.steps[0].resize(1'000'001);
  EXPECT_THAT(findings(steps, OpKind::kAllReduce), ElementsAre(HasSubstr("found 1000001 steps, expected at most")));
}

TEST(CollectiveScheduleCheck, MessagesHaveTwoEnds) {
  CollectiveSchedule s(3, 2);
  s.send(0, 1, 0);
  s.reduce(2, 1, 0);
  EXPECT_THAT(findings(s, OpKind::kAllReduce),
              ElementsAre(AllOf(HasSubstr("mine: member 0, step 0 (send of slot 0 to member 1)"),
                                HasSubstr("a message that nobody takes")),
                          AllOf(HasSubstr("member 2, step 0 (reduce of slot 0 from member 1)"),
                                HasSubstr("found nothing that member 1 sends for it"))));
  CollectiveSchedule sizes(2, 2);
  sizes.send(0, 1, 0, 2);
  sizes.reduce(1, 0, 0);
  EXPECT_THAT(
      findings(sizes, OpKind::kAllReduce),
      ElementsAre(AllOf(HasSubstr("found a message of slots 0 to 1, expected 1 as in"), HasSubstr("member 1"))));
}

TEST(CollectiveScheduleCheck, ADeadlockIsToldStepByStep) {
  CollectiveSchedule s(2);  // each sends on what it has received first
  for (std::uint32_t me = 0; me < 2; ++me) {
    s.receive(me, 1 - me, 0);
    s.send(me, 1 - me, 0);
  }
  EXPECT_THAT(findings(s, OpKind::kAllReduce),
              ElementsAre("mine: found a deadlock, expected steps that do not wait for themselves: member 0, step 0 "
                          "(receive of slot 0 from member 1) waits for member 1, step 1 (send of slot 0 to member 0) "
                          "waits for member 1, step 0 (receive of slot 0 from member 0) waits for member 0, step 1 "
                          "(send of slot 0 to member 1) waits for the first"));
  CollectiveSchedule ring_of_ten(10);
  for (std::uint32_t me = 0; me < 10; ++me) {
    ring_of_ten.receive(me, (me + 9) % 10, 0);
    ring_of_ten.send(me, (me + 1) % 10, 0);
  }
  EXPECT_THAT(findings(ring_of_ten, OpKind::kAllReduce), ElementsAre(HasSubstr("and so on for 14 steps")));
}

TEST(CollectiveScheduleCheck, StepsOnOtherSlotsDoNotWait) {
  CollectiveSchedule s(2);  // the same with what comes beside what is sent
  for (std::uint32_t me = 0; me < 2; ++me) {
    s.receive(me, 1 - me, me == 0 ? 1 : 0);
    s.send(me, 1 - me, me);
  }
  EXPECT_THAT(findings(s, OpKind::kAllGather), IsEmpty());
}

TEST(CollectiveScheduleCheck, WhatIsNotThereCannotBeSent) {
  CollectiveSchedule s(2);
  s.send(1, 0, 0);
  s.receive(0, 1, 0);
  EXPECT_THAT(findings(s, OpKind::kBroadcast),
              ElementsAre(AllOf(HasSubstr("member 1, step 0"), HasSubstr("found nothing in slot 0"))));
}

TEST(CollectiveScheduleCheck, EachMembersPartIsAddedOnce) {
  CollectiveSchedule twice = all_to_all_sum(2);
  twice.send(0, 1, 0);  // by now the sum of both
  twice.reduce(1, 0, 0);
  EXPECT_THAT(findings(twice, OpKind::kAllReduce),
              ElementsAre(AllOf(HasSubstr("in slot 0 and in what comes"), HasSubstr("to be added once"))));
  CollectiveSchedule other(2, 2);
  other.send(0, 1, 1);
  other.reduce(1, 0, 0);
  EXPECT_THAT(findings(other, OpKind::kAllReduce),
              ElementsAre(HasSubstr("found part 0 in slot 0 and part 1 in what comes, expected the same part")));
  CollectiveSchedule gather(2);
  gather.send(0, 1, 0);
  gather.reduce(1, 0, 1);
  EXPECT_THAT(findings(gather, OpKind::kAllGather), ElementsAre(HasSubstr("found a reduce of all_gather")));
}

TEST(CollectiveScheduleCheck, WhatIsMissingAtTheEndIsTold) {
  CollectiveSchedule s = all_to_all_sum(3);
  s.steps[2].pop_back();  // member 2 does not take what member 1 sends
  s.steps[0].erase(s.steps[0].begin() + 1);
  EXPECT_THAT(findings(s, OpKind::kAllReduce),
              ElementsAre("mine: it is not complete: found a sum without member 0 in slot 0 of member 2 at the end, "
                          "expected the sum of all members' part 0"));
  CollectiveSchedule none(2);
  EXPECT_THAT(
      findings(none, OpKind::kAllGather),
      ElementsAre(HasSubstr("found nothing in slot 1 of member 0 at the end, expected member 1's part 0 of block 1"),
                  HasSubstr("found nothing in slot 0 of member 1")));
  CollectiveSchedule many(20);
  EXPECT_THAT(findings(many, OpKind::kAllReduce).back(), "mine: and 15 more findings");
  CollectiveSchedule wrong_place(2, 2);
  wrong_place.send(0, 1, 0);
  wrong_place.receive(1, 0, 1);
  EXPECT_THAT(findings(wrong_place, OpKind::kBroadcast),
              ElementsAre(HasSubstr("found nothing in slot 0 of member 1"), HasSubstr("found part 0 in slot 1")));
}

TEST(CollectiveScheduleCheck, SoundOnesOfEachKind) {
  EXPECT_THAT(findings(all_to_all_sum(4), OpKind::kAllReduce), IsEmpty());
  EXPECT_THAT(findings(all_to_all_sum(4), OpKind::kBarrier), IsEmpty());
  EXPECT_THAT(findings(all_to_all_sum(4), OpKind::kReduce, 3), IsEmpty());
  EXPECT_THAT(findings(ring(5, true), OpKind::kAllReduce), IsEmpty());
  EXPECT_THAT(findings(ring(5, false), OpKind::kReduceScatter), IsEmpty());
  CollectiveSchedule chain(3, 2);
  chain.send(1, 2, 0, 2);
  chain.receive(2, 1, 0, 2);
  chain.send(2, 0, 0, 2);
  chain.receive(0, 2, 0, 2);
  EXPECT_THAT(findings(chain, OpKind::kBroadcast, 1), IsEmpty());
  CollectiveSchedule exchange(2);  // slot 2 + m: what came from m
  exchange.send(0, 1, 1);
  exchange.receive(1, 0, 2);
  exchange.send(1, 0, 0);
  exchange.receive(0, 1, 7);
  exchange.copy(0, 7, 3);
  EXPECT_THAT(findings(exchange, OpKind::kAllToAll), IsEmpty());
}

/// A ring of five: a reduce waits for the step that last touched its slot, and for the message of the member before.
TEST(CollectiveScheduleCheck, OrderHasWhatEachStepWaitsFor) {
  Findings found;
  const CollectiveSchedule s = ring(5, false);
  const CollectiveOrder order = check_schedule(s, {OpKind::kReduceScatter, 5, 0}, "mine", found);
  ASSERT_EQ(order.order.size(), 5U * 8);
  std::vector<std::size_t> at(order.steps.size());
  for (std::size_t i = 0; i < order.order.size(); ++i) at[order.order[i]] = i;
  for (StepIndex i = 0; i < order.steps.size(); ++i) {
    const CollectiveOrder::Step& step = order.steps[i];
    for (const StepIndex other : step.waits) {
      EXPECT_EQ(order.steps[other].member, step.member);
      EXPECT_LT(at[other], at[i]);
    }
    if (s.steps[step.member][step.number].kind != CollectiveStep::Kind::kReduce) continue;
    EXPECT_EQ(order.steps[step.message].member, (step.member + 4) % 5);
    EXPECT_LT(at[step.message], at[i]);
    EXPECT_EQ(step.units.size(), 1U);
  }
}

}  // namespace
}  // namespace dojo::workload
