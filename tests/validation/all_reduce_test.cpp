// SPDX-License-Identifier: Apache-2.0
// All-reduces over dies against injection, bisection, latency-bandwidth times and the time by which an algorithm is
// chosen.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/all_reduce_time.h"
#include "support/run.h"
#include "support/samples.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

constexpr int kTileRanks = 25;

/// From the first rank's entry to the last rank's completion.
double collective_s(const JobRun& ran) {
  return ran.topology->seconds(ran.results.collectives.at(0).cycles_max);
}

TEST(AllReduce, OfTheReplayedTraceOver8Dies) {
  DOJO_NEEDS_SAMPLE(prefix, "chakra-et/all_reduce_8npus_1MB/all_reduce");
  const JobRun ran = run(RunRequest{"", "configs/machines/tile.json", prefix, {"workload.rank_unit=die"}, {}});
  ASSERT_EQ(ran.workload->ranks(), 8u);
  ASSERT_EQ(ran.results.collectives.size(), ran.workload->graphs.size());
  const AllReduceTime time(*ran.topology, ran.job->slices, 1 << 20);
  ASSERT_TRUE(time.fills_rectangle());
  const double expected = ran.job->plans.at(0).model_seconds;
  for (const machine::CollectiveRecord& record : ran.results.collectives) EXPECT_EQ(record.bytes, 1 << 20);
  double measured = 0;
  for (const machine::CollectiveRecord& record : ran.results.collectives)
    measured = std::max(measured, ran.topology->seconds(record.cycles_max));
  judge({"all_reduce_chakra", "all_reduce_8npus_1MB replayed on 8 dies of a tile",
         "walk over the plan of the chosen algorithm", "s", 0.9, 1.1},
        expected, measured);
  if (ran.job->plans.at(0).algorithm != "combs") {  // which no textbook has
    EXPECT_GE(measured, time.of(ran.job->plans.at(0)));
  }
  EXPECT_GE(measured, time.injection_s());
  EXPECT_GE(measured, time.bisection_s());
}

TEST(AllReduce, OverATileLiesAboveItsBounds) {
  const double bytes = 16 << 20;
  const JobRun ran = run(RunRequest{"",
                                    "configs/machines/tile.json",
                                    "configs/workloads/allreduce_64mib.json",
                                    {"workload.generate.bytes=16777216"},
                                    {}});
  ASSERT_EQ(ran.workload->ranks(), static_cast<RankId>(kTileRanks));
  const AllReduceTime time(*ran.topology, ran.job->slices, bytes);
  ASSERT_TRUE(time.fills_rectangle());
  const double measured = collective_s(ran);
  judge({"all_reduce_tile_bound", "all-reduce of 16 MiB over the 25 dies of a tile",
         "max of injection and bisection bound", "s", 1, kNoLimit},
        std::max(time.injection_s(), time.bisection_s()), measured);
  judge({"all_reduce_tile", "all-reduce of 16 MiB over the 25 dies of a tile",
         "walk over the plan of the chosen algorithm", "s", 0.9, 1.1},
        ran.job->plans.at(0).model_seconds, measured);
}

TEST(AllReduce, EachAlgorithmOnATileLiesAboveItsLatencyBandwidthTime) {
  for (const char* algorithm : {"mesh2d", "ring", "tree"}) {
    const JobRun ran =
        run(RunRequest{"",
                       "configs/machines/tile.json",
                       "configs/workloads/allreduce_64mib.json",
                       {"workload.generate.bytes=4194304", std::string("workload.collective_algorithm=") + algorithm},
                       {}});
    const AllReduceTime time(*ran.topology, ran.job->slices, 4 << 20);
    ASSERT_EQ(ran.job->plans.at(0).algorithm, algorithm);
    judge({std::string("all_reduce_") + algorithm, std::string("all-reduce of 4 MiB over a tile by ") + algorithm,
           "walk over its plan", "s", 0.9, 1.1},
          ran.job->plans.at(0).model_seconds, collective_s(ran));
    EXPECT_GE(collective_s(ran), time.of(ran.job->plans.at(0)));
  }
}

/// 2 (n - 1) x (latency + bytes / n / rate + reduction), all from the machine file: crossings of the ring's edges, the
/// closing one included, the slowest edge's rate, and the vector units of all nodes of a die.
double textbook_ring_s(const JobRun& ran, double bytes) {
  const topology::Topology& topology = *ran.topology;
  const std::vector<workload::Slice>& ranks = ran.job->slices;
  double latency_cycles = 0, rate = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const DieId from = ranks[i].dies.front(), to = ranks[(i + 1) % ranks.size()].dies.front();
    bool neighbours = false;
    for (int d = 0; d < topology::kDirections; ++d) {
      const topology::Edge edge = topology.edge(from, static_cast<topology::Direction>(d));
      if (edge.neighbour != to) continue;
      neighbours = true;
      latency_cycles += static_cast<double>(edge.latency_cycles) / static_cast<double>(ranks.size());
      rate = std::min(rate, edge.bytes_per_s);
    }
    EXPECT_TRUE(neighbours) << "ranks " << i << " and its successor are not on neighbouring dies";
  }
  const double n = static_cast<double>(ranks.size()), nodes = static_cast<double>(ranks[0].shape->node_count());
  const topology::MachineParams& machine = topology.params();
  const double reduction_s =
      bytes / n / nodes / static_cast<double>(machine.node.vector_bytes_per_cycle) / machine.clock_hz;
  return 2 * (n - 1) * (latency_cycles / machine.clock_hz + bytes / n / rate + reduction_s);
}

/// Known gaps: the textbook's nodes move as one. Here, and in the reference network (63 us over 4 dies and 100 us over
/// 8 for 64 MiB), nodes near an edge go before those behind them, and short rings overlap their steps.
class RingOnNeighbours : public testing::TestWithParam<int> {};

TEST_P(RingOnNeighbours, OfARealTraceTakesTheTextbooksTime) {
  const std::string name = fmt::format("all_reduce_{}npus_1MB", GetParam());
  DOJO_NEEDS_SAMPLE(prefix, "chakra-et/" + name + "/all_reduce");
  const JobRun ran = run(RunRequest{
      "", "configs/machines/tray.json", prefix, {"workload.rank_unit=die", "workload.collective_algorithm=ring"}, {}});
  double measured = 0;
  for (const machine::CollectiveRecord& record : ran.results.collectives)
    measured = std::max(measured, ran.topology->seconds(record.cycles_max));
  judge({fmt::format("ring_{}_1MiB", GetParam()), name + " by ring on neighbouring dies",
         "2 (n - 1) (latency + bytes / n / rate + reduction)", "s", 0.9, 1.1, true},
        textbook_ring_s(ran, 1 << 20), measured);
}

TEST_P(RingOnNeighbours, Of64MebibytesTakesTheTextbooksTime) {
  const JobRun ran =
      run(RunRequest{"",
                     "configs/machines/tray.json",
                     "configs/workloads/allreduce_64mib.json",
                     {"workload.collective_algorithm=ring", fmt::format("workload.ranks={}", GetParam())},
                     {}});
  judge({fmt::format("ring_{}_64MiB", GetParam()),
         fmt::format("all-reduce of 64 MiB over {} neighbouring dies by ring", GetParam()),
         "2 (n - 1) (latency + bytes / n / rate + reduction)", "s", 0.95, 1.05, true},
        textbook_ring_s(ran, 64 << 20), collective_s(ran));
}

INSTANTIATE_TEST_SUITE_P(Ranks, RingOnNeighbours, testing::Values(4, 8));

}  // namespace
}  // namespace dojo::test
