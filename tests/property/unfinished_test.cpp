// SPDX-License-Identifier: Apache-2.0
// What is said of a job that stands still, asked in the middle of one that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run.h"

namespace dojo::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

std::int64_t cycle_of(const std::string& packet) {
  const std::string words = "sent at cycle ";
  return std::stoll(packet.substr(packet.find(words) + words.size()));
}

TEST(Unfinished, BlockedPacketsAreListedOldestFirst) {
  // More than the buffers of the edges hold goes from every die to every other.
  JobRun ran = prepare(RunRequest{"",
                                  "configs/machines/tile.json",
                                  "configs/workloads/allreduce_64mib.json",
                                  {"workload.generate.model=all_to_all", "workload.generate.bytes=16777216"},
                                  {}});
  EXPECT_THAT(ran.machine->blocked_packets(), IsEmpty());
  std::vector<std::string> blocked;
  std::uint64_t activity = 0;
  while (ran.machine->next_time() != kNever && blocked.size() < 3) {
    ran.machine->run_window();
    blocked = ran.machine->blocked_packets();
    EXPECT_GE(ran.machine->progress().activity, activity);
    activity = ran.machine->progress().activity;
  }
  ASSERT_GE(blocked.size(), 3u);
  EXPECT_THAT(blocked[0],
              AllOf(HasSubstr(" bytes for row "), HasSubstr("without credit at tile.die["), HasSubstr(".edge.")));
  EXPECT_LE(cycle_of(blocked[0]), cycle_of(blocked[1]));
  EXPECT_GT(activity, 0u);
  finish(ran);
  EXPECT_THAT(ran.machine->blocked_packets(), IsEmpty());
}

/// In the reference model packets stand anywhere on a die, so all that are under way are told.
TEST(Unfinished, PacketsOfTheReferenceModelAreListedOldestFirst) {
  JobRun ran = prepare(
      RunRequest{"",
                 "configs/machines/tile.json",
                 "configs/workloads/allreduce_64mib.json",
                 {"workload.generate.model=all_to_all", "workload.generate.bytes=65536", "run.network_model=reference"},
                 {}});
  EXPECT_THAT(ran.machine->blocked_packets(), IsEmpty());
  std::vector<std::string> blocked;
  while (ran.machine->next_time() != kNever && blocked.size() < 3) {
    ran.machine->run_window();
    blocked = ran.machine->blocked_packets();
  }
  ASSERT_GE(blocked.size(), 3u);
  EXPECT_THAT(blocked[0], AllOf(HasSubstr(" bytes for row "), HasSubstr(", on tile.die[")));
  EXPECT_LE(cycle_of(blocked[0]), cycle_of(blocked[1]));
  finish(ran);
  EXPECT_THAT(ran.machine->blocked_packets(), IsEmpty());
}

}  // namespace
}  // namespace dojo::test
