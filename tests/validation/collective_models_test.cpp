// SPDX-License-Identifier: Apache-2.0
// Collectives alone on some dies: the time by which an algorithm is chosen against the simulated one, and the chosen
// algorithm against the best. A sample of what tools/collective_scan runs (docs/collectives_accuracy.md).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "dojo/collectives/collectives.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

struct Collective {
  int ranks;
  const char* kind;
  const char* algorithm;  ///< empty: as chosen
  Bytes bytes;            ///< of the whole vector
  bool known_gap = false;

  [[nodiscard]] std::string size(const char* between = " ") const {
    return bytes >= 1 << 20 ? fmt::format("{}{}MiB", bytes >> 20, between)
                            : fmt::format("{}{}KiB", bytes >> 10, between);
  }
};

JobRun simulate(const Collective& what) {
  const Bytes own = std::string(what.kind) == "all_gather" ? what.bytes / what.ranks : what.bytes;
  RunRequest request{
      "",
      "configs/machines/" + std::string(what.ranks > 25 ? "tray" : "tile") + ".json",
      "configs/workloads/allreduce_64mib.json",
      {fmt::format("workload.ranks={}", what.ranks), fmt::format("workload.generate.model={}", what.kind),
       fmt::format("workload.generate.bytes={}", own)},
      {}};
  if (*what.algorithm != 0) request.set.push_back(fmt::format("workload.collective_algorithm={}", what.algorithm));
  return run(request);
}

double collective_s(const JobRun& ran) {
  return ran.topology->seconds(ran.results.collectives.at(0).cycles_max);
}

class Predicted : public testing::TestWithParam<Collective> {};

TEST_P(Predicted, IsWithinATenthOfTheSimulation) {
  const Collective& what = GetParam();
  const JobRun ran = simulate(what);
  ASSERT_EQ(ran.job->plans.at(0).algorithm, what.algorithm);
  judge({fmt::format("model_{}_{}_{}_{}", what.kind, what.algorithm, what.ranks, what.size("_")),
         fmt::format("{} of {} over {} dies by {}", what.kind, what.size(), what.ranks, what.algorithm),
         "walk over its plan", "s", 0.9, 1.1, what.known_gap},
        ran.job->plans.at(0).model_seconds, collective_s(ran));
}

std::string name_of(const Collective& what) {
  return fmt::format("{}_{}_{}_{}", what.kind, what.algorithm, what.ranks, what.size("_"));
}

constexpr Bytes kKiB = 1 << 10, kMiB = 1 << 20;

INSTANTIATE_TEST_SUITE_P(
    Sample, Predicted,
    testing::Values(Collective{3, "all_reduce", "tree", kMiB}, Collective{4, "all_reduce", "mesh2d", 4 * kKiB},
                    Collective{4, "all_reduce", "ring", 64 * kMiB}, Collective{8, "all_reduce", "tree", 64 * kKiB},
                    Collective{25, "all_reduce", "tree", 64 * kMiB}, Collective{25, "all_reduce", "mesh2d", 8 * kMiB},
                    Collective{25, "all_reduce", "ring", 4 * kMiB}, Collective{3, "reduce_scatter", "ring", kMiB},
                    // The walk knows no turns of nodes on the rows by which their messages leave.
                    Collective{4, "reduce_scatter", "direct", 64 * kMiB, true},
                    Collective{9, "reduce_scatter", "tree", 256 * kKiB},
                    Collective{25, "reduce_scatter", "mesh2d", kMiB}, Collective{4, "all_gather", "mesh2d", 16 * kMiB},
                    Collective{8, "all_gather", "direct", 64 * kKiB}, Collective{8, "all_gather", "ring", 16 * kMiB},
                    Collective{25, "all_gather", "tree", 4 * kMiB}, Collective{9, "broadcast", "tree", 16 * kMiB},
                    Collective{25, "broadcast", "direct", 16 * kKiB}, Collective{8, "reduce", "tree", 4 * kMiB},
                    Collective{9, "all_to_all", "direct", 4 * kMiB, true}, Collective{25, "all_to_all", "direct", kMiB},
                    Collective{150, "all_reduce", "tree", 256 * kKiB}, Collective{150, "all_reduce", "tree", 4 * kMiB},
                    Collective{25, "all_reduce", "ring", 64 * kMiB}),
    [](const auto& of) { return name_of(of.param); });

class Chosen : public testing::TestWithParam<Collective> {};

TEST_P(Chosen, IsNearlyTheFastest) {
  Collective what = GetParam();
  const JobRun ran = simulate(what);
  const std::string chosen = ran.job->plans.at(0).algorithm;
  double best = std::numeric_limits<double>::infinity();
  workload::CollectiveRequest request;
  for (const workload::Slice& slice : ran.job->slices) request.members.push_back(&slice);
  request.kind = ran.workload->graphs.at(0).ops.at(0).kind;
  for (const workload::CollectiveAlgorithm& algorithm : workload::collective_algorithms()) {
    if (!algorithm.supports(request) || !algorithm.by_cost(request, *ran.topology)) continue;
    what.algorithm = algorithm.name();
    best = std::min(best, algorithm.name() == chosen ? collective_s(ran) : collective_s(simulate(what)));
  }
  judge({fmt::format("choice_{}_{}_{}", what.kind, what.ranks, what.size("_")),
         fmt::format("chosen {} of {} over {} dies", what.kind, what.size(), what.ranks), "fastest algorithm simulated",
         "s", 1, 1.05, what.known_gap},
        best, collective_s(ran));
}

INSTANTIATE_TEST_SUITE_P(
    Sample, Chosen,
    testing::Values(Collective{3, "all_reduce", "", kMiB}, Collective{4, "all_reduce", "", 4 * kMiB},
                    Collective{9, "all_reduce", "", 16 * kMiB}, Collective{25, "all_reduce", "", 8 * kMiB},
                    Collective{4, "reduce_scatter", "", 64 * kMiB}, Collective{8, "reduce_scatter", "", kMiB},
                    Collective{3, "all_gather", "", 256 * kKiB}, Collective{4, "all_gather", "", 16 * kMiB},
                    Collective{8, "all_gather", "", 512 * kKiB}, Collective{9, "all_gather", "", 64 * kKiB},
                    Collective{25, "all_gather", "", kMiB}, Collective{8, "broadcast", "", 64 * kKiB}),
    [](const auto& of) { return name_of(of.param); });

}  // namespace
}  // namespace dojo::test
