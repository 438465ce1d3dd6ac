// SPDX-License-Identifier: Apache-2.0
// Generated workloads: sizes and FLOPs against ResNet-50's layer table written down independently here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "dojo/trace/trace.h"

namespace dojo::workload {
namespace {

struct Layer {  // output channels, input channels, filter, output size: as published for v1.5
  std::int64_t k, c, r, out;
};

/// conv1, then per stage the blocks of (1x1, 3x3, 1x1) and one projection.
std::vector<Layer> published_convolutions() {
  std::vector<Layer> layers{{64, 3, 7, 112}};
  const std::int64_t blocks[] = {3, 4, 6, 3}, width[] = {64, 128, 256, 512}, size[] = {56, 28, 14, 7};
  std::int64_t in = 64;
  for (int stage = 0; stage < 4; ++stage) {
    for (std::int64_t b = 0; b < blocks[stage]; ++b) {
      const std::int64_t before = b == 0 && stage > 0 ? size[stage] * 2 : size[stage];  // the stride sits in the 3 x 3
      layers.push_back({width[stage], in, 1, before});
      layers.push_back({width[stage], width[stage], 3, size[stage]});
      layers.push_back({4 * width[stage], width[stage], 1, size[stage]});
      if (b == 0) layers.push_back({4 * width[stage], in, 1, size[stage]});
      in = 4 * width[stage];
    }
  }
  return layers;
}

std::int64_t flops(const Layer& l) {
  return 2 * l.k * l.c * l.r * l.r * l.out * l.out;
}

ResNet50Options options(std::int64_t ranks, std::int64_t batch = 8) {
  ResNet50Options made;
  made.ranks = ranks;
  made.batch = batch;
  return made;
}

std::int64_t sum_flops(const Graph& graph) {
  std::int64_t sum = 0;
  for (const Op& op : graph.ops) sum += op.flops;
  return sum;
}

TEST(GenerateResNet50, HasThePublishedParameters) {
  std::int64_t parameters = 2048 * 1000 + 1000;
  for (const Layer& l : published_convolutions()) parameters += l.k * l.c * l.r * l.r + 2 * l.k;
  ASSERT_EQ(parameters, 25557032);
  const Workload workload = generate_resnet50(options(25));
  std::map<TensorRole, Bytes> bytes;
  for (const Tensor& t : workload.graphs[0].tensors) bytes[t.role] += t.bytes;
  EXPECT_EQ(bytes[TensorRole::kWeight], 2 * parameters);
  EXPECT_EQ(bytes[TensorRole::kGradient], 2 * parameters);
  EXPECT_EQ(bytes[TensorRole::kOptimizerState], 8 * parameters);
  EXPECT_EQ(bytes[TensorRole::kInput], 8 * 3 * 224 * 224);
  std::int64_t updated = 0, reduced = 0;
  for (const Op& op : workload.graphs[0].ops) {
    if (op.kind == OpKind::kOptimizer) updated += op.elements;
    if (op.kind == OpKind::kAllReduce && op.group == 0) reduced += op.bytes;
  }
  EXPECT_EQ(updated, parameters);
  EXPECT_EQ(reduced, 2 * parameters);
}

TEST(GenerateResNet50, HasThePublishedFlops) {
  std::int64_t forward = 2 * 2048 * 1000;
  for (const Layer& l : published_convolutions()) forward += flops(l);
  ASSERT_EQ(forward, 8178368512);
  const std::int64_t step = 3 * forward - flops(published_convolutions()[0]);  // no input gradient of the first layer
  ASSERT_EQ(step, 24299077632);
  const Workload workload = generate_resnet50(options(3000));
  std::int64_t made_forward = 0;
  for (const Op& op : workload.graphs[0].ops) {
    if (op.phase == Phase::kForward) made_forward += op.flops;
  }
  EXPECT_EQ(made_forward, 8 * forward);
  EXPECT_EQ(sum_flops(workload.graphs[0]), 8 * step);
  EXPECT_EQ(sum_flops(workload.graphs[0]) * workload.ranks(), 583177863168000);
}

TEST(GenerateResNet50, EveryConvolutionIsInTheTableOnce) {
  std::multiset<std::vector<std::int64_t>> expected, forward, weight, input;
  for (const Layer& l : published_convolutions()) expected.insert({l.k, l.c, l.r, l.out});
  const Workload workload = generate_resnet50(options(25));
  for (const Op& op : workload.graphs[0].ops) {
    const std::vector<std::int64_t> row{op.conv.k, op.conv.c, op.conv.r, op.conv.p};
    if (op.kind == OpKind::kConv) forward.insert(row);
    if (op.kind == OpKind::kConvWeightGrad) weight.insert(row);
    if (op.kind == OpKind::kConvInputGrad) input.insert(row);
  }
  EXPECT_EQ(forward, expected);
  EXPECT_EQ(weight, expected);
  EXPECT_EQ(input.size() + 1, expected.size());
  EXPECT_EQ(input.count({64, 3, 7, 112}), 0u);
}

TEST(GenerateResNet50, BatchNormSumsAreReducedOverGroupsTwiceALayer) {
  const Workload workload = generate_resnet50(options(75));
  ASSERT_EQ(workload.group_classes.size(), 2u);
  ASSERT_EQ(workload.group_classes[1].groups.size(), 3u);
  EXPECT_EQ(workload.group_classes[1].groups[2].ranks.front(), 50u);
  std::int64_t count = 0, bytes = 0, expected = 0;
  for (const Layer& l : published_convolutions()) expected += 2 * (2 * l.k * 4);
  for (const Op& op : workload.graphs[0].ops) {
    if (op.kind != OpKind::kAllReduce || op.group != 1) continue;
    ++count;
    bytes += op.bytes;
  }
  EXPECT_EQ(count, 2 * 53);
  EXPECT_EQ(bytes, expected);
}

TEST(GenerateResNet50, EveryInputIsMadeBeforeItIsReadAndByADependency) {
  const Workload workload = generate_resnet50(options(25));
  const Graph& graph = workload.graphs[0];
  std::vector<std::set<std::uint32_t>> before(graph.ops.size());  // all operations that an operation waits for
  std::map<std::uint32_t, std::vector<std::uint32_t>> makers;
  for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    for (std::uint32_t d = op.deps_begin; d < op.deps_end; ++d) {
      ASSERT_LT(graph.deps[d], i) << graph.op_name(op);
      before[i].insert(graph.deps[d]);
      before[i].insert(before[graph.deps[d]].begin(), before[graph.deps[d]].end());
    }
    for (std::uint32_t t = op.inputs_begin; t < op.inputs_end; ++t) {
      const Tensor& tensor = graph.tensors[graph.tensor_refs[t]];
      const auto made = makers.find(graph.tensor_refs[t]);
      if (tensor.role == TensorRole::kWeight || tensor.role == TensorRole::kOptimizerState) continue;
      ASSERT_NE(made, makers.end()) << graph.op_name(op) << " reads " << graph.str(tensor.name);
      for (const std::uint32_t maker : made->second)
        EXPECT_TRUE(before[i].count(maker)) << graph.op_name(op) << " does not wait for " << graph.str(tensor.name);
    }
    for (std::uint32_t t = op.outputs_begin; t < op.outputs_end; ++t) {
      if (graph.tensors[graph.tensor_refs[t]].role == TensorRole::kWeight) {
        for (std::uint32_t j = 0; j < i; ++j) {  // a weight is written only after all that read it
          for (std::uint32_t r = graph.ops[j].inputs_begin; r < graph.ops[j].inputs_end; ++r) {
            if (graph.tensor_refs[r] != graph.tensor_refs[t]) continue;
            EXPECT_TRUE(before[i].count(j)) << graph.op_name(op) << " overtakes " << graph.op_name(graph.ops[j]);
          }
        }
      }
      makers[graph.tensor_refs[t]].push_back(i);
    }
  }
}

TEST(GenerateResNet50, ChecksWithoutFindings) {
  for (const std::int64_t group : {1, 25}) {
    ResNet50Options made = options(3000);
    made.batch_norm_group = group;
    made.dtype = group == 1 ? DType::kCfp8 : DType::kBf16;
    Findings findings;
    check_workload(generate_resnet50(made), findings);
    EXPECT_THAT(findings.lines(), testing::IsEmpty());
  }
}

TEST(GenerateResNet50, Cfp8HalvesWeightsAndActivations) {
  ResNet50Options narrow = options(25);
  narrow.dtype = DType::kCfp8;
  const Workload a = generate_resnet50(options(25)), b = generate_resnet50(narrow);
  const auto sum = [](const Workload& w, TensorRole role) {
    Bytes bytes = 0;
    for (const Tensor& t : w.graphs[0].tensors) bytes += t.role == role ? t.bytes : 0;
    return bytes;
  };
  EXPECT_EQ(sum(a, TensorRole::kWeight), 2 * sum(b, TensorRole::kWeight));
  EXPECT_EQ(sum(a, TensorRole::kActivation), 2 * sum(b, TensorRole::kActivation));
  EXPECT_EQ(sum(a, TensorRole::kOptimizerState), sum(b, TensorRole::kOptimizerState));
}

TEST(GenerateResNet50, BucketsHoldAtLeastTheirSizeButTheLast) {
  ResNet50Options made = options(25);
  made.bucket_bytes = 4 << 20;
  std::vector<Bytes> buckets;
  const Workload workload = generate_resnet50(made);
  for (const Op& op : workload.graphs[0].ops) {
    if (op.kind == OpKind::kAllReduce && op.group == 0) buckets.push_back(op.bytes);
  }
  ASSERT_GT(buckets.size(), 4u);
  for (std::size_t i = 0; i + 1 < buckets.size(); ++i) EXPECT_GE(buckets[i], made.bucket_bytes);
}

TEST(GenerateResNet50, ReportsAllBadOptionsAtOnce) {
  ResNet50Options bad = options(30, 0);
  bad.bucket_bytes = 0;
  bad.dtype = DType::kInt8;
  try {
    (void)generate_resnet50(bad);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    ASSERT_EQ(error.lines().size(), 4u);
    EXPECT_THAT(error.lines()[2], testing::HasSubstr("found 30 ranks with batch_norm_group 25"));
  }
}

TEST(GenerateMatMul, HasTheFlopsAndBytesOfItsShape) {
  const Workload workload = generate_matmul(4096, 4096, 4096, DType::kBf16);
  EXPECT_EQ(workload.graphs[0].ops[0].flops, 2LL * 4096 * 4096 * 4096);
  EXPECT_EQ(workload.graphs[0].tensors[2].bytes, 2 * 4096 * 4096);
  EXPECT_THROW((void)generate_matmul(0, 1, 1, DType::kBf16), Error);
}

TEST(GenerateCollective, IsOneOperationForAllRanks) {
  const Workload workload = generate_collective(OpKind::kAllReduce, 64 << 20, 3000);
  EXPECT_EQ(workload.ranks(), 3000u);
  EXPECT_EQ(workload.graphs[0].ops[0].bytes, 64 << 20);
  EXPECT_THROW((void)generate_collective(OpKind::kConv, 1, 2), Error);
  EXPECT_THROW((void)generate_collective(OpKind::kAllReduce, 0, 2), Error);
}

}  // namespace
}  // namespace dojo::workload
