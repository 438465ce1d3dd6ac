// SPDX-License-Identifier: Apache-2.0
// All-reduces over dies against injection, bisection and the latency-bandwidth time of the chosen algorithm.
#include <gtest/gtest.h>

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
  const double expected = time.of(ran.job->plans.at(0));
  for (const machine::CollectiveRecord& record : ran.results.collectives) EXPECT_EQ(record.bytes, 1 << 20);
  double measured = 0;
  for (const machine::CollectiveRecord& record : ran.results.collectives)
    measured = std::max(measured, ran.topology->seconds(record.cycles_max));
  judge({"all_reduce_chakra", "all_reduce_8npus_1MB replayed on 8 dies of a tile",
         "latency-bandwidth time of the chosen algorithm", "s", 1, 1.5},
        expected, measured);
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
         "latency-bandwidth time of the chosen algorithm", "s", 1, 1.5},
        time.of(ran.job->plans.at(0)), measured);
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
           "latency-bandwidth time", "s", 1, 1.5},
          time.of(ran.job->plans.at(0)), collective_s(ran));
  }
}

}  // namespace
}  // namespace dojo::test
