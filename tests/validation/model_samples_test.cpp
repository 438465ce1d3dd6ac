// SPDX-License-Identifier: Apache-2.0
// A sample of docs/model_accuracy.md: single operations in the fast and in the reference model. Kernels within 7 %,
// collectives within 12 % (the bounds of their 95th percentiles); what lies outside is a known gap with its size.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/run.h"
#include "support/temporary_folder.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

double cycles(RunRequest request, const char* model) {
  request.set.push_back(std::string("run.network_model=") + model);
  return static_cast<double>(run(request).results.end_cycle);
}

void compare(const std::string& id, const std::string& what, const RunRequest& request, double within, bool known_gap) {
  judge({"sample_" + id, what + ": fast model", "the same in the reference model", "cycles", 1 - within, 1 + within,
         known_gap},
        cycles(request, "reference"), cycles(request, "fast"));
}

struct Convolution {
  const char* id;
  int images, channels, size, filters, window, stride;
  bool known_gap;
};

class ConvolutionOnADie : public testing::TestWithParam<Convolution> {};

TEST_P(ConvolutionOnADie, TakesTheTimeOfTheReference) {
  const Convolution& c = GetParam();
  const TemporaryFolder folder;
  const std::string op = fmt::format(
      R"({{"id": 0, "name": "c", "kind": "conv", "conv": {{"n": {}, "c": {}, "h": {}, "w": {}, "k": {}, "r": {}, "s": {}, )"
      R"("stride": {}, "pad": {}}}}})",
      c.images, c.channels, c.size, c.size, c.filters, c.window, c.window, c.stride, c.window / 2);
  const std::string trace = folder.write(
      "conv.json",
      R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"ops": [)" + op + "]}]}");
  compare(c.id,
          fmt::format("convolution {0} x {0}, {1} to {2} channels of {3} x {3}, stride {4}, {5} images, on a die",
                      c.window, c.channels, c.filters, c.size, c.stride, c.images),
          {"", "configs/machines/die.json", trace, {"workload.rank_unit=die"}, {}}, 0.07, c.known_gap);
}

INSTANTIATE_TEST_SUITE_P(Layers, ConvolutionOnADie,
                         testing::Values(Convolution{"conv_128x28_n7", 7, 128, 28, 128, 3, 1, false},
                                         Convolution{"conv_64x56_n2", 2, 64, 56, 64, 3, 1, true},
                                         Convolution{"conv_1024x14_n16", 16, 1024, 14, 256, 1, 1, false},
                                         Convolution{"conv_stride_128x56_n1", 1, 128, 56, 128, 3, 2, false}),
                         [](const auto& test) { return std::string(test.param.id); });

/// Each node sends a row of 12 packets to one far away.
TEST(ModelSamples, AShortLookUp) {
  const TemporaryFolder folder;
  const std::string trace = folder.write(
      "gather.json", R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 1}], "graphs": [{"ops": [)"
                     R"({"id": 0, "kind": "gather", "lookup": {"lookups": 64, "width": 2048}}]}]})");
  compare("gather_64_rows", "look-up of 64 rows of 2048 elements on a die",
          {"", "configs/machines/die.json", trace, {"workload.rank_unit=die"}, {}}, 0.07, false);
}

TEST(ModelSamples, AProductOnSeveralDies) {
  for (const char* dies : {"1x2", "2x2"}) {
    compare(std::string("product_") + dies, std::string("bf16 product 1536 x 2048 x 1024, one rank on dies ") + dies,
            {"",
             "configs/machines/tile.json",
             "configs/workloads/matmul_4096.json",
             {fmt::format(R"(workload.rank_unit={{"unit": "die", "rows": {}, "columns": 2}})", dies[0]),
              "workload.ranks=1", "workload.generate.m=1536", "workload.generate.n=2048", "workload.generate.k=1024"},
             {}},
            0.07, false);
  }
}

struct Collective {
  const char* kind;
  const char* algorithm;
  int dies, kib;
  bool known_gap;
};

class CollectiveOverDies : public testing::TestWithParam<Collective> {};

TEST_P(CollectiveOverDies, TakesTheTimeOfTheReference) {
  const Collective& c = GetParam();
  compare(fmt::format("{}_{}_{}_{}_KiB", c.kind, c.algorithm, c.dies, c.kib),
          fmt::format("{} of {} KiB by {} over {} dies", c.kind, c.kib, c.algorithm, c.dies),
          {"",
           "configs/machines/tile.json",
           "configs/workloads/allreduce_64mib.json",
           {fmt::format("workload.generate.model={}", c.kind), fmt::format("workload.generate.bytes={}", c.kib * 1024),
            fmt::format("workload.ranks={}", c.dies), fmt::format("workload.collective_algorithm={}", c.algorithm)},
           {}},
          0.12, c.known_gap);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, CollectiveOverDies,
                         testing::Values(Collective{"all_reduce", "tree", 8, 1024, false},
                                         Collective{"all_reduce", "mesh2d", 4, 4096, false},
                                         Collective{"reduce_scatter", "ring", 8, 4096, true},
                                         Collective{"all_gather", "direct", 9, 256, false}),
                         [](const auto& test) { return fmt::format("{}_{}", test.param.kind, test.param.algorithm); });

/// Each die sends to the dies beside it.
TEST(ModelSamples, AHaloExchange) {
  const auto job = [] {
    JobText text(9);
    for (RankId a = 0; a < 9; ++a) {
      if (a % 3 != 2) text.message(a, a + 1, 65536);
      if (a % 3 != 0) text.message(a, a - 1, 65536);
      if (a < 6) text.message(a, a + 3, 65536);
      if (a > 2) text.message(a, a - 3, 65536);
    }
    return text.take();
  };
  topology::MachineParams machine = machine_file("tile");
  machine.tile.dies = {3, 3};
  const auto measured = [&](fabric::NetworkModel model) {
    machine::MachineSettings settings;
    settings.network_model = model;
    return static_cast<double>(run(machine, job(), placed("die", 9), settings).results.end_cycle);
  };
  judge({"sample_halo_9_64_KiB", "halo exchange of 64 KiB among 3 x 3 dies: fast model",
         "the same in the reference model", "cycles", 0.88, 1.12},
        measured(fabric::NetworkModel::kReference), measured(fabric::NetworkModel::kFast));
}

}  // namespace
}  // namespace dojo::test
