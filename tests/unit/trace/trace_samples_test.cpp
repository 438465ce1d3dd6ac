// SPDX-License-Identifier: Apache-2.0
// Real traces, found through DOJOSIM_SAMPLES: counts that their makers' descriptions give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "dojo/trace/trace.h"

namespace dojo::workload {
namespace {

using testing::Contains;
using testing::HasSubstr;

class TraceSamples : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("DOJOSIM_SAMPLES");
    if (folder == nullptr) GTEST_SKIP() << "set DOJOSIM_SAMPLES to a folder of sample traces to run this test";
    folder_ = folder;
  }
  Workload read(const std::string& name, const TraceOptions& options = {}) const {
    return read_trace(folder_ + "/chakra-et/" + name, options, nullptr);
  }
  static std::map<OpKind, int> kinds(const Graph& graph) {
    std::map<OpKind, int> count;
    for (const Op& op : graph.ops) ++count[op.kind];
    return count;
  }
  std::string folder_;
};

TEST_F(TraceSamples, MicrobenchmarksAreOneCollectiveOfOneMebibyte) {
  for (const auto& [name, ranks, kind] : {std::tuple{"all_reduce_8npus_1MB/all_reduce", 8u, OpKind::kAllReduce},
                                          std::tuple{"all_reduce_4npus_1MB/all_reduce", 4u, OpKind::kAllReduce},
                                          std::tuple{"all_gather_8npus_1MB/all_gather", 8u, OpKind::kAllGather}}) {
    const Workload workload = read(name);
    EXPECT_EQ(workload.ranks(), ranks);
    for (RankId rank = 0; rank < ranks; ++rank) {
      const Graph& graph = workload.graphs[workload.graph_of_rank[rank]];
      ASSERT_EQ(graph.ops.size(), 1u);
      EXPECT_EQ(graph.ops[0].id, rank);
      EXPECT_EQ(graph.ops[0].kind, kind);
      EXPECT_EQ(graph.ops[0].bytes, 1 << 20);
    }
  }
}

TEST_F(TraceSamples, TheFeederTraceHasSevenRealCollectives) {
  const Workload workload = read("feeder_test/chakra");
  const Graph& graph = workload.graphs[0];
  EXPECT_EQ(graph.ops.size(), 3664u);
  int collectives = 0;
  for (const Op& op : graph.ops) collectives += is_collective(op.kind) ? 1 : 0;
  EXPECT_EQ(collectives, 7);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("14 communication nodes are launches")));
}

TEST_F(TraceSamples, TheGeneratedTransformerHasGroupsAndMessages) {
  const Workload workload = read("dense_dp2tp2pp2/dense_dp2tp2pp2");
  EXPECT_EQ(workload.ranks(), 8u);
  auto count = kinds(workload.graphs[workload.graph_of_rank[0]]);
  EXPECT_EQ(count[OpKind::kSend], 4);
  EXPECT_EQ(count[OpKind::kRecv], 4);
  EXPECT_EQ(count[OpKind::kAllGather], 48);
  EXPECT_EQ(count[OpKind::kReduceScatter], 32);
  EXPECT_EQ(count[OpKind::kAllReduce], 10);
  EXPECT_THAT(workload.graphs[0].warnings, Contains(HasSubstr("counts elements, not bytes")));
  for (const Op& op : workload.graphs[0].ops) {
    if (op.kind != OpKind::kSend) continue;
    EXPECT_EQ(op.bytes, 2 * 524288);
  }
}

TEST_F(TraceSamples, TheCustomRingSendsAndReceivesInEveryStep) {
  const Workload workload = read("custom_ring_allreduce_8npus/custom_allreduce");
  EXPECT_EQ(workload.ranks(), 8u);
  for (const Graph& graph : workload.graphs) {
    auto count = kinds(graph);
    EXPECT_EQ(count[OpKind::kSend], 14);  // 2 (n - 1) for n = 8
    EXPECT_EQ(count[OpKind::kRecv], 14);
  }
}

TEST_F(TraceSamples, ATextConvertedTraceReplaysItsDurations) {
  const Workload workload = read("text-converted/MLP_ModelParallel");
  EXPECT_EQ(workload.ranks(), 2u);
  EXPECT_EQ(workload.graphs[0].ops.size(), 29u);
  EXPECT_EQ(workload.graphs[0].ops[0].duration_ns, 32291000);
}

TEST_F(TraceSamples, TheJsonFormOfChakraReplaysTheCollectiveItSaysNothingAbout) {
  const Workload workload = read_trace(folder_ + "/chakra-json/small_chakra.0.json", {}, nullptr);
  const Graph& graph = workload.graphs[0];
  ASSERT_EQ(graph.ops.size(), 7u);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 collectives say neither comm_type nor comm_size")));
}

TEST_F(TraceSamples, ProfilerStepsOfAKinetoTraceAreItsWhole) {
  std::size_t kernels = 0;
  std::int64_t ns = 0;
  const auto count = [](const Workload& workload, std::int64_t& sum) {
    for (const Op& op : workload.graphs[0].ops) sum += op.duration_ns;
    return workload.graphs[0].ops.size();
  };
  TraceOptions options;
  options.ranks = 2;
  options.replicate = true;
  for (const std::int64_t step : {4, 5, 6}) {
    options.profiler_step = step;
    kernels += count(read_trace(folder_ + "/kineto/nccl_data.json.gz", options, nullptr), ns);
  }
  options.profiler_step.reset();
  std::int64_t whole_ns = 0;
  const std::size_t whole = count(read_trace(folder_ + "/kineto/nccl_data.json.gz", options, nullptr), whole_ns);
  // Some is launched between the steps, and before the first.
  EXPECT_LE(kernels, whole);
  EXPECT_GE(kernels, whole * 99 / 100);
  EXPECT_GE(ns, whole_ns / 100 * 99);
}

}  // namespace
}  // namespace dojo::workload
