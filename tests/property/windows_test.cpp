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
  request.settings.copy_tasks = copy_tasks;
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

}  // namespace
}  // namespace dojo::test
