// SPDX-License-Identifier: Apache-2.0
// Processors that a process may use: damaged and missing files, both versions of control groups, affinity.
#include "dojo/base/processors.h"

#include <gmock/gmock.h>
#include <sched.h>

#include "support/temporary_folder.h"

namespace dojo {
namespace {

using test::TemporaryFolder;

class Processors : public ::testing::Test {
 protected:
  unsigned allowed() const { return processors_of(control_groups("cpu", folder_ / "list", folder_.path() / "root")); }
  TemporaryFolder folder_;
};

TEST_F(Processors, FilesThatAreNotThereOrDamagedAreNoLimit) {
  EXPECT_EQ(allowed(), 0u);
  folder_.write("list", "nonsense\n0:\n::\n0::/a/b\n");
  EXPECT_EQ(allowed(), 0u);
  for (const char* text : {"", "max 100000", "100000", "x y", "-1 100000", "200000 0"}) {
    folder_.write("root/a/cpu.max", text);
    EXPECT_EQ(allowed(), 0u) << text;
  }
}

TEST_F(Processors, TheSmallestQuotaOfAGroupAndThoseAboveItCounts) {
  folder_.write("list", "0::/a/b\n");
  folder_.write("root/cpu.max", "800000 100000");
  EXPECT_EQ(allowed(), 8u);
  folder_.write("root/a/cpu.max", "150000 100000");
  EXPECT_EQ(allowed(), 2u) << "one and a half: the second is used in part";
  folder_.write("root/a/b/cpu.max", "10000 100000");
  EXPECT_EQ(allowed(), 1u);
}

TEST_F(Processors, TheFirstVersionOfControlGroupsHasFilesOfItsOwn) {
  folder_.write("list", "9:memory:/m\n4:cpu,cpuacct:/c\n");
  folder_.write("root/cpu/c/cpu.cfs_quota_us", "-1");
  folder_.write("root/cpu/c/cpu.cfs_period_us", "100000");
  EXPECT_EQ(allowed(), 0u);
  folder_.write("root/cpu/c/cpu.cfs_quota_us", "300000");
  EXPECT_EQ(allowed(), 3u);
}

TEST_F(Processors, AffinityCounts) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; CPU_COUNT(&one) == 0; ++i) {
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_processors(), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_LE(available_processors(), static_cast<unsigned>(CPU_COUNT(&all)));
}

}  // namespace
}  // namespace dojo
