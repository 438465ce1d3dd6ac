// SPDX-License-Identifier: Apache-2.0
// Records of kernels that repeat, and which tasks are of one class.
#include <gtest/gtest.h>

#include "machine/shortcuts/kernel_repeats.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

std::unique_ptr<SliceRecord> lasting(Cycles end) {
  auto record = std::make_unique<SliceRecord>();
  record->end = end;
  return record;
}

TEST(SliceRecords, AreTakenFromTheNextWindowOn) {
  SliceRecords records;
  records.offer({1, 2}, 5, lasting(50));
  EXPECT_EQ(records.find({1, 2}), nullptr);
  records.publish();
  ASSERT_NE(records.find({1, 2}), nullptr);
  EXPECT_EQ(records.find({1, 2})->end, 50);
  EXPECT_EQ(records.find({1, 3}), nullptr);
}

/// Which thread offers first does not matter, and what was there before stays.
TEST(SliceRecords, KeepTheLowestRanks) {
  SliceRecords records;
  for (const RankId rank : {8u, 3u, 6u}) records.offer({1}, rank, lasting(rank));
  records.publish();
  records.offer({1}, 0, lasting(99));
  records.offer({2}, 0, lasting(77));
  records.publish();
  EXPECT_EQ(records.find({1})->end, 3);
  EXPECT_EQ(records.find({2})->end, 77);
  for (const std::uint64_t key : {1u, 2u}) EXPECT_EQ(&records.by_id(records.find({key})->id), records.find({key}));
}

/// Two programs: the second has a kernel of the first, and one that differs in a single number.
TEST(TaskClasses, AreTheSameForEqualKernelsOnly) {
  Bench bench(tile_params(2, 2, 2, 2, 512));
  workload::Kernel kernel;
  kernel.steps = 2;
  kernel.cycles = {4, 4, 5, 5};
  workload::Kernel other = kernel;
  other.cycles.back() = 6;
  workload::Job job;
  job.programs.resize(3);
  job.programs[0].kernels = {kernel};
  job.programs[1].kernels = {other, kernel};
  job.programs[2].kernels = {kernel};
  job.programs[2].shape_index = 1;
  const TaskClasses classes(job, bench.topology);
  EXPECT_EQ(classes.of_kernel(1, 1), classes.of_kernel(0, 0));
  EXPECT_NE(classes.of_kernel(1, 0), classes.of_kernel(0, 0));
  EXPECT_NE(classes.of_kernel(2, 0), classes.of_kernel(0, 0)) << "another shape of slice";
}

/// One die after the other in a row: two dies of one tile meet at another edge than two of neighbouring tiles.
TEST(TaskClasses, TellPlacesApartByTheirEdges) {
  topology::MachineParams params = tile_params(1, 2, 2, 2, 512);
  params.level = topology::Level::kTray;
  params.tray.tiles = {1, 2};
  const Bench bench(params);
  workload::Job job;
  for (const std::vector<DieId>& dies : {std::vector<DieId>{0, 1}, {2, 3}, {1, 2}}) {
    job.slices.emplace_back();
    job.slices.back().dies = dies;
  }
  const TaskClasses classes(job, bench.topology);
  EXPECT_EQ(classes.of_place(1), classes.of_place(0));
  EXPECT_NE(classes.of_place(2), classes.of_place(0));
}

}  // namespace
}  // namespace dojo::machine::test
