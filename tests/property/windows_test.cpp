// SPDX-License-Identifier: Apache-2.0
// What must not matter: whether tasks of dies at rest are copied or run, and how long the windows are.
#include <gtest/gtest.h>

#include "support/run.h"

namespace dojo::test {
namespace {

machine::Results tile_step(bool copy_tasks, Cycles window_cycles) {
  RunRequest request;
  request.config = "configs/runs/resnet50_tile.json";
  request.set = {"workload.generate.batch=1"};
  if (!copy_tasks) request.set.emplace_back("run.copy_tasks=false");
  request.settings.window_cycles = window_cycles;
  return run(request).results;
}

TEST(Windows, CopiedTasksGiveTheSameDigest) {
  const machine::Results copied = tile_step(true, 0);
  const machine::Results all_run = tile_step(false, 0);
  EXPECT_GT(copied.tasks_copied, 0u);
  EXPECT_EQ(all_run.tasks_copied, 0u);
  EXPECT_EQ(copied.digest, all_run.digest);
  EXPECT_EQ(copied.end_cycle, all_run.end_cycle);
}

TEST(Windows, ShorterWindowsGiveTheSameDigest) {
  EXPECT_EQ(tile_step(true, 0).digest, tile_step(true, 77).digest);
}

// A tray has six tiles: one thread runs them as groups of dies, two threads run every die by itself.
TEST(Windows, GroupsOfDiesGiveTheSameDigest) {
  const auto digest = [](std::uint32_t threads) {
    RunRequest request;
    request.machine = "configs/machines/tray.json";
    request.workload = "configs/workloads/allreduce_64mib.json";
    request.set = {"workload.rank_unit=die", "workload.generate.bytes=4194304"};
    request.settings.threads = threads;
    const machine::Results results = run(request).results;
    EXPECT_TRUE(results.finished);
    return results.digest;
  };
  EXPECT_EQ(digest(1), digest(2));
}

// Operands that cross a tile in both directions over slow edges, in many small bursts: those that go east must not wait
// for the edge to the west, or all buffers fill up for good.
TEST(Kernels, OppositeMulticastsAcrossDiesDoNotWaitForEachOther) {
  RunRequest request;
  request.machine = "configs/machines/tile.json";
  request.workload = "configs/workloads/matmul_4096.json";
  request.set = {"workload.rank_unit=tile", "machine.die.edge_bytes_per_s=1e11"};
  EXPECT_TRUE(run(request).results.finished);
}

}  // namespace
}  // namespace dojo::test
