// SPDX-License-Identifier: Apache-2.0
// Jobs on the reference network: they end, with every byte delivered (collect() checks), and the same on any number of
// threads, in any order of shards and with shorter windows.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/run.h"

namespace dojo::test {
namespace {

/// Four small dies with DIPs, one dead core on each; a die's routers have all they have on the hardware.
std::vector<std::string> small_tile(std::vector<std::string> more) {
  std::vector<std::string> set{
      "run.network_model=reference",    "machine.tile.dies.rows=2",   "machine.tile.dies.columns=2",
      "machine.die.grid.rows=6",        "machine.die.grid.columns=6", "machine.die.enabled=35",
      "machine.die.disabled_sites=[7]", "workload.ranks=0",           "machine.die.edge_bytes_per_s=5e11"};
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

struct Case {
  const char* name;
  RunRequest request;
};
std::vector<Case> cases() {
  const auto job = [](const char* workload, std::vector<std::string> more) {
    return RunRequest{"", "configs/machines/tile.json", workload, small_tile(std::move(more)), {}};
  };
  const char* const product = "configs/workloads/matmul_4096.json";
  const char* const reduce = "configs/workloads/allreduce_64mib.json";
  const std::vector<std::string> size{"workload.generate.m=256", "workload.generate.n=256", "workload.generate.k=256"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), size.begin(), size.end());
    return more;
  };
  return {
      {"product_on_each_die", job(product, with({}))},
      {"product_over_the_tile", job(product, with({"workload.rank_unit=tile", "workload.ranks=1"}))},
      {"product_with_several_ports",
       job(product, with({"machine.node.noc_read_ports=3", "machine.node.noc_write_ports=2"}))},
      {"striped_all_reduce", job(reduce, {"workload.generate.bytes=262144", "workload.collective_algorithm=ring"})},
      {"small_all_reduce", job(reduce, {"workload.generate.bytes=2000"})},
      {"all_to_all", job(reduce, {"workload.generate.model=all_to_all", "workload.generate.bytes=65536"})},
      {"all_reduce_of_nodes",
       job(reduce, {"workload.rank_unit=node", "workload.ranks=60", "workload.generate.bytes=10000"})},
  };
}

class ReferenceRun : public testing::TestWithParam<std::size_t> {};

TEST_P(ReferenceRun, DoesNotDependOnThreadsOrderOrWindows) {
  RunRequest request = cases()[GetParam()].request;
  const machine::Results one = run(request).results;
  ASSERT_TRUE(one.finished);
  EXPECT_GT(one.packets.packets, 0u);
  EXPECT_EQ(one.tasks_copied, 0u);
  request.settings.threads = 2;
  request.settings.reverse_order = true;
  EXPECT_EQ(run(request).results.digest, one.digest) << "two threads";
  request.settings.window_cycles = 37;
  EXPECT_EQ(run(request).results.digest, one.digest) << "windows of 37 cycles";
}

TEST_P(ReferenceRun, MovesTheSameBytesAsTheFastModel) {
  RunRequest request = cases()[GetParam()].request;
  const machine::Results reference = run(request).results;
  request.set.front() = "run.network_model=fast";
  const machine::Results fast = run(request).results;
  EXPECT_EQ(reference.ports.bytes_ejected, fast.ports.bytes_ejected);
  EXPECT_EQ(reference.ports.bytes_injected, fast.ports.bytes_injected);
  EXPECT_EQ(reference.cores.matrix_flops, fast.cores.matrix_flops);
  // Each report says what its own model simplifies.
  const auto of_fast = [](const machine::Results& r) {
    return std::any_of(r.approximations.begin(), r.approximations.end(),
                       [](const std::string& sentence) { return sentence.find("burst") != std::string::npos; });
  };
  EXPECT_TRUE(of_fast(fast));
  EXPECT_FALSE(of_fast(reference));
  EXPECT_GE(reference.approximations.size(), 3u);
  EXPECT_NEAR(static_cast<double>(reference.noc.busy_cycles), static_cast<double>(fast.noc.busy_cycles),
              0.03 * static_cast<double>(fast.noc.busy_cycles));
}

INSTANTIATE_TEST_SUITE_P(Jobs, ReferenceRun, testing::Range<std::size_t>(0, 7),
                         [](const auto& test) { return std::string(cases()[test.param].name); });

/// Samples from the hosts, spills to HBM, batch norm over two dies, gradients: everything at once.
TEST(ReferenceRunOfAStep, UsesDipsAndEdges) {
  RunRequest request{"tests/golden/resnet50_small_tile/config.json", "", "", {"run.network_model=reference"}, {}};
  machine::Results one;
  for (const std::uint32_t threads : {2u, 1u}) {
    request.settings.threads = threads;
    JobRun ran = prepare(request);
    // The forward pass of the first layers is enough: 40,000 of 630,000 cycles.
    while (ran.machine->next_time() < 40'000) ran.machine->run_window();
    const machine::Results part = ran.machine->collect(true);
    EXPECT_GT(part.classes[static_cast<std::size_t>(topology::LinkClass::kDip)].counters.bytes, 0u);
    if (threads == 2)
      one = part;
    else
      EXPECT_EQ(part.digest, one.digest);
  }
  EXPECT_TRUE(one.interrupted);
}

// A tray has six tiles: one thread runs them as groups of dies, whose windows inside are shorter than those between
// them. A die then sends several times over the edge of its tile before the neighbour there reads.
TEST(ReferenceRunOfATray, DoesNotDependOnGroupsOfDies) {
  RunRequest request{"",
                     "configs/machines/tray.json",
                     "configs/workloads/allreduce_64mib.json",
                     small_tile({"workload.generate.bytes=65536", "workload.collective_algorithm=ring"}),
                     {}};
  request.settings.threads = 1;
  const machine::Results groups = run(request).results;
  ASSERT_TRUE(groups.finished);
  request.settings.threads = 2;
  EXPECT_EQ(run(request).results.digest, groups.digest);
}

TEST(ReferenceRunEstimate, SaysThatFlitsTakeMemory) {
  const topology::Topology topology(machine_file("exapod"));
  const std::uint64_t fast = machine::Machine::estimate_bytes(topology, 3000, 1000);
  const std::uint64_t reference =
      machine::Machine::estimate_bytes(topology, 3000, 1000, machine::NetworkModel::kReference);
  EXPECT_GT(reference, fast + 3000u * 360 * 900);
}

}  // namespace
}  // namespace dojo::test
