// SPDX-License-Identifier: Apache-2.0
// The digest is the same for any number of threads, any order of shards within a window, and every run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/run.h"
#include "support/temporary_folder.h"

namespace dojo::test {
namespace {

struct Job {
  const char* name;
  RunRequest request;
};

std::vector<Job> jobs() {
  const std::string tile = "configs/machines/tile.json";
  return {{"product_on_a_die", {"configs/runs/matmul_die.json", "", "", {}, {}}},
          {"all_reduce_on_a_tile",
           {"", tile, "configs/workloads/allreduce_64mib.json", {"workload.generate.bytes=4194304"}, {}}},
          {"all_to_all_on_a_tile",
           {"",
            tile,
            "configs/workloads/allreduce_64mib.json",
            {"workload.generate.model=all_to_all", "workload.generate.bytes=1048576"},
            {}}},
          {"resnet50_on_a_tile", {"configs/runs/resnet50_tile.json", "", "", {"workload.generate.batch=2"}, {}}}};
}

class Digest : public testing::TestWithParam<std::size_t> {
 protected:
  static machine::Results results(std::uint32_t threads, bool reverse) {
    RunRequest request = jobs()[GetParam()].request;
    request.settings.threads = threads;
    request.settings.reverse_order = reverse;
    return run(request).results;
  }
};

TEST_P(Digest, DoesNotDependOnThreadsOrOrder) {
  const machine::Results one = results(1, false);
  EXPECT_TRUE(one.finished);
  const std::vector<std::pair<std::uint32_t, bool>> ways{{1, false}, {1, true}, {2, false}, {4, false}, {4, true}};
  for (const auto& [threads, reverse] : ways) {
    const machine::Results other = results(threads, reverse);
    EXPECT_EQ(other.digest, one.digest) << threads << " threads" << (reverse ? ", reverse order" : "");
    EXPECT_EQ(other.end_cycle, one.end_cycle);
    EXPECT_EQ(other.events, one.events);
    EXPECT_EQ(other.tasks_copied, one.tasks_copied);
  }
}

INSTANTIATE_TEST_SUITE_P(Jobs, Digest, testing::Range<std::size_t>(0, 4),
                         [](const auto& test) { return std::string(jobs()[test.param].name); });

/// Records of tasks are kept up to a limit; a trace of more operations runs the rest, with the same result.
TEST(CopiedTasks, OfVeryManyOperationsAreNotAllRecorded) {
  constexpr int kOperations = 5000;
  std::string trace =
      R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"batch": 1, "ops": [)";
  for (int id = 0; id < kOperations; ++id) {
    trace += fmt::format(R"({}{{"id": {}, "name": "op{}", "kind": "elementwise", "elements": 4096, "deps": [{}]}})",
                         id == 0 ? "" : ",", id, id, id == 0 ? "" : std::to_string(id - 1));
  }
  const TemporaryFolder folder;
  const std::string file = folder.write("trace.json", trace + "]}]}");
  RunRequest request{"", "configs/machines/die.json", file, {"workload.rank_unit=die"}, {}};
  const machine::Results copied = run(request).results;
  request.set.emplace_back("run.copy_tasks=false");
  const machine::Results all_run = run(request).results;
  EXPECT_EQ(copied.digest, all_run.digest);
  EXPECT_GT(copied.tasks_copied, 0u);
  EXPECT_LT(copied.tasks_copied, static_cast<std::uint64_t>(kOperations));
}

/// Links that are taken in turns may stay taken beyond the end of a task, and with several ports nothing else does:
/// such a task is not copied.
TEST(CopiedTasks, AreThoseThatLeaveTheNetworkAtRest) {
  for (const int ports : {2, 4}) {
    std::vector<machine::Results> results;
    for (const bool copied : {true, false}) {
      RunRequest request{
          "tests/golden/resnet50_small_tile/config.json",
          "",
          "",
          {fmt::format("machine.node.noc_read_ports={}", ports), fmt::format("machine.node.noc_write_ports={}", ports),
           fmt::format("run.copy_tasks={}", copied)},
          {}};
      results.push_back(run(request).results);
    }
    EXPECT_EQ(results[0].digest, results[1].digest) << ports << " ports";
  }
}

TEST(DigestOfAnother, ChangesWithTheMachine) {
  RunRequest request{"configs/runs/matmul_die.json", "", "", {}, {}};
  const std::uint64_t before = run(request).results.digest;
  request.set = {"machine.node.kernel_launch_cycles=41"};
  EXPECT_NE(run(request).results.digest, before);
}

}  // namespace
}  // namespace dojo::test
