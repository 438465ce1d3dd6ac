// SPDX-License-Identifier: Apache-2.0
// What kernels add to a die's counters, worked out from the program alone; and the table of recorded tasks.
#include "machine/shortcuts/kernel_counts.h"

#include <gtest/gtest.h>

#include "machine/die/residents.h"
#include "machine/shortcuts/task_copy.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

// Counters of a site: by direction busy and queue cycles and bursts, then the ports and the core (die_counters.h).
constexpr std::size_t kOfSite = 4 * 3 + 2 + 3;
std::size_t busy(SiteIndex site, topology::Direction d) {
  return site * kOfSite + static_cast<std::size_t>(d) * 3;
}
std::size_t injected(SiteIndex site) {
  return site * kOfSite + 12;
}
std::size_t core(SiteIndex site) {
  return site * kOfSite + 14;
}

class KernelCountsTest : public ::testing::Test {
 protected:
  KernelCountsTest() : KernelCountsTest(die_params(2, 3)) {}
  explicit KernelCountsTest(const topology::MachineParams& params) : bench_(params), residents_(6) {
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 3), 0);
    Program& program = bench_.job.programs[0];
    program.tasks = {kernel_task(0), kernel_task(1)};
    Kernel gathers = KernelMaker(bench_.shape(0), {10, 5}).gather(0, 1, {{0, 300}}).kernel();
    gathers.matrix_flops = {1, 2, 3, 4, 5, 6};
    gathers.vector_flops.assign(6, 7);
    program.kernels = {gathers, plain_kernel(6, {8})};
  }
  KernelCounts::Counters count(const std::vector<std::uint32_t>& done) {
    bench_.context().trains = {2, 2};
    if (residents_.size() == 0) residents_.add(bench_.context(), 0, 0);
    return *counts_.of(bench_.context(), 0, residents_[0], done);
  }
  Bench bench_;
  Residents residents_;
  KernelCounts counts_;
};

// The kernel with gathers ran twice, and once again as repeated work; the other one three times.
TEST_F(KernelCountsTest, CoresAreBusyWithEveryRunAndExecuteFlopsOnce) {
  const KernelCounts::Counters c = count({2, 1, 3, 0});
  ASSERT_EQ(c.size(), 6 * kOfSite);
  for (SiteIndex site = 0; site < 6; ++site) {
    EXPECT_EQ(c[core(site)], 3u * 15 + 3u * 8);
    EXPECT_EQ(c[core(site) + 1], 2u * (site + 1u)) << "matrix FLOPs of repeated work are counted elsewhere";
    EXPECT_EQ(c[core(site) + 2], 3u * 7);
  }
}

// 300 bytes are trains of 128, 128 and 44: five flits over both links of the row, three times.
TEST_F(KernelCountsTest, LinksAndPortsCarryThePiecesTrainByTrain) {
  const KernelCounts::Counters c = count({2, 1, 3, 0});
  for (SiteIndex site = 0; site < 2; ++site) {
    EXPECT_EQ(c[busy(site, topology::Direction::kEast)], 3u * 5);
    EXPECT_EQ(c[busy(site, topology::Direction::kEast) + 2], 3u * 3) << "bursts";
  }
  EXPECT_EQ(c[busy(2, topology::Direction::kEast)], 0u) << "the slice ends here";
  EXPECT_EQ(c[busy(1, topology::Direction::kWest)], 0u);
  EXPECT_EQ(c[injected(0)], 3u * 300);
  EXPECT_EQ(c[injected(0) + 1], 0u);
  EXPECT_EQ(c[injected(1) + 1], 3u * 300);
  EXPECT_EQ(c[injected(2) + 1], 3u * 300);
  EXPECT_EQ(c[injected(3) + 1], 0u) << "another row";
}

TEST_F(KernelCountsTest, AreAsTheyWereWhenTheyAreAskedForAgain) {
  const KernelCounts::Counters one = count({1, 0, 0, 0});
  EXPECT_EQ(count({1, 0, 0, 0}), one);
  const KernelCounts::Counters two = count({2, 0, 0, 0});
  EXPECT_EQ(two[core(0)], 2 * one[core(0)]);
  EXPECT_EQ(count({1, 0, 0, 0}), one);
  EXPECT_TRUE(count({0, 0, 0, 0}).empty());
}

TEST_F(KernelCountsTest, OfAModelThatMovesPiecesTheCoresAlone) {
  bench_.settings.network_model = NetworkModel::kReference;
  const KernelCounts::Counters c = count({1, 0, 0, 0});
  EXPECT_EQ(c[core(0)], 15u);
  EXPECT_EQ(c[injected(0)], 0u) << "counted as they move";
}

topology::MachineParams with_dead_link() {
  topology::MachineParams params = die_params(2, 3);
  params.defects.push_back({"die.node[0].router.east", "link"});
  return params;
}
class KernelCountsOfBrokenLines : public KernelCountsTest {
 protected:
  KernelCountsOfBrokenLines() : KernelCountsTest(with_dead_link()) {}
};

TEST_F(KernelCountsOfBrokenLines, ABrokenLineIsLeftOut) {
  const KernelCounts::Counters c = count({1, 0, 0, 0});
  EXPECT_EQ(c[core(0)], 15u);
  EXPECT_EQ(c[busy(1, topology::Direction::kEast)], 0u);
  EXPECT_EQ(c[injected(0)], 0u);
}

workload::Job two_programs() {
  workload::Job job;
  job.programs.resize(2);
  job.programs[0].tasks.resize(3);
  job.programs[1].tasks.resize(2);
  return job;
}

TEST(CopyTable, HasAPlaceForEachProgramTaskPartnerAndWait) {
  CopyTable table;
  table.configure(two_programs());
  std::vector<std::uint32_t> all;
  for (std::uint32_t program : {0u, 1u}) {
    for (std::uint32_t task = 0; task < 3 - program; ++task) {
      for (int bits = 0; bits < 8; ++bits)
        all.push_back(table.index(program, {task, (bits & 4) != 0 ? 1u : kNone}, (bits & 1) != 0, (bits & 2) != 0));
    }
  }
  std::sort(all.begin(), all.end());
  for (std::uint32_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i);
  EXPECT_EQ(all.size(), (3u + 2u) * 8u);
}

TEST(CopyTable, KeepsTheFirstRecordOfTheSameTasks) {
  CopyTable table;
  table.configure(two_programs());
  const Tasks pair{0, 1}, other_pair{0, 2};
  EXPECT_EQ(table.find(5, pair), nullptr);
  const auto publish = [&](std::uint32_t index, const Tasks& tasks, Cycles after) {
    auto copy = std::make_unique<TaskCopy>();
    copy->tasks = tasks;
    copy->event_after = after;
    table.publish(index, std::move(copy));
  };
  publish(5, pair, 10);
  publish(5, pair, 20);
  publish(5, other_pair, 30);
  publish(6, pair, 40);
  ASSERT_NE(table.find(5, pair), nullptr);
  EXPECT_EQ(table.find(5, pair)->event_after, 10);
  EXPECT_EQ(table.find(5, pair)->id, 0u);
  ASSERT_NE(table.find(5, other_pair), nullptr) << "the first task alone does not say which record it is";
  EXPECT_EQ(table.find(5, other_pair)->event_after, 30);
  EXPECT_EQ(table.find(6, pair)->id, 2u) << "the one that was dropped has no number";
  EXPECT_EQ(table.find(6, other_pair), nullptr);
  EXPECT_EQ(&table.kept(2), table.find(6, pair));
}

TEST(CopyTable, IsFullAfterSomeThousandRecords) {
  workload::Job job;
  job.programs.resize(1);
  job.programs[0].tasks.resize(512);
  CopyTable table;
  table.configure(job);
  for (std::uint32_t i = 0; i < 4096; ++i) {
    EXPECT_FALSE(table.full());
    table.publish(i, std::make_unique<TaskCopy>());
  }
  EXPECT_TRUE(table.full());
}

}  // namespace
}  // namespace dojo::machine::test
