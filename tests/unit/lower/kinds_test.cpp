// SPDX-License-Identifier: Apache-2.0
// Traffic and claims of the kinds beside products: rows, look-ups, grouped convolutions, optimizers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dojo/lower/lower.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {
namespace {

constexpr std::int64_t kNodes = 354;

Program lowered(const Graph& graph) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  Workload workload;
  workload.graphs.push_back(graph);
  workload.graph_of_rank = {0};
  workload.group_classes = {{"all", {{"all", {0}}}}};
  return std::move(lower(workload, {}, topology::Topology(params)).programs.at(0));
}

Kernel kernel_of(const Op& op) {
  Graph graph;
  graph.ops.push_back(op);
  return lowered(graph).kernels.at(0);
}

Cycles slowest(const Kernel& kernel) {
  return *std::max_element(kernel.cycles.begin(), kernel.cycles.end());
}

Op lookup(OpKind kind, const LookupShape& shape) {
  Op op;
  op.kind = kind;
  op.lookup = shape;
  op.elements = shape_elements(op);
  op.vector_flops_per_element = default_vector_flops(op);
  return op;
}

/// Every row goes once, but for those that lie where they are wanted.
TEST(Lookups, MoveTheirRowsOnce) {
  for (const OpKind kind : {OpKind::kEmbedding, OpKind::kEmbeddingGrad, OpKind::kGather, OpKind::kDispatch}) {
    const Kernel kernel = kernel_of(lookup(kind, {4096, 768, 1, 100}));
    std::int64_t bytes = 0;
    std::set<std::uint32_t> from, to;
    for (const Unicast& u : kernel.unicasts) bytes += u.bytes, from.insert(u.source), to.insert(u.destination);
    EXPECT_LE(bytes, 4096 * 768 * 2);
    EXPECT_GE(bytes, 4096 * 768 * 2 * 98 / 100) << op_kind_name(kind);
    EXPECT_EQ(from.size(), static_cast<std::size_t>(kNodes));
    EXPECT_EQ(to.size(), static_cast<std::size_t>(kNodes));
  }
}

TEST(Lookups, PooledRowsAreStoredOnceAndDistinctOnesAddedOnce) {
  // 354 x 1,000 rows of 64 elements: a node loads 128,000 B of them.
  const auto cycles = [](OpKind kind, std::int64_t pooled, std::int64_t percent) {
    Op op = lookup(kind, {354000, 64, pooled, percent});
    op.vector_flops_per_element = 0;
    return slowest(kernel_of(op));
  };
  const Cycles one = cycles(OpKind::kEmbedding, 1, 100), ten = cycles(OpKind::kEmbedding, 10, 100);
  EXPECT_GE(one, 128000 / 64);   // the store port
  EXPECT_GE(ten, 128000 / 128);  // the load ports
  EXPECT_LT(ten, one);
  EXPECT_GE(cycles(OpKind::kEmbeddingGrad, 1, 100), 2 * 128000 / 128);
  EXPECT_LT(cycles(OpKind::kEmbeddingGrad, 1, 10), cycles(OpKind::kEmbeddingGrad, 1, 100));
  EXPECT_LT(cycles(OpKind::kScatter, 1, 10), cycles(OpKind::kEmbeddingGrad, 1, 10));
}

/// 512 rows of 1,024: the product leaves them by rows and channels, or by rows.
TEST(Rows, SumsOfRowsThatAreCutGoAlongTheRow) {
  Graph graph;
  const auto tensor = [&](Bytes bytes, TensorRole role) {
    graph.tensors.push_back({0, bytes, role});
    return static_cast<std::uint32_t>(graph.tensors.size() - 1);
  };
  const std::uint32_t x = tensor(1024 * 2048 * 2, TensorRole::kActivation);
  const std::uint32_t w = tensor(2048 * 2048 * 2, TensorRole::kWeight);
  const std::uint32_t y = tensor(1024 * 2048 * 2, TensorRole::kActivation);
  const std::uint32_t z = tensor(1024 * 2048 * 2, TensorRole::kActivation);
  graph.tensor_refs = {x, w, y, y, z};
  Op product;
  product.kind = OpKind::kMatMul;
  product.mat = {1024, 2048, 2048, 1};
  product.flops = shape_flops(product);
  product.inputs_begin = 0, product.inputs_end = 2, product.outputs_begin = 2, product.outputs_end = 3;
  Op norm;
  norm.id = 1;
  norm.kind = OpKind::kLayerNorm;
  norm.elements = 1024 * 2048, norm.channels = 2048, norm.vector_flops_per_element = 7;
  norm.inputs_begin = 3, norm.inputs_end = 4, norm.outputs_begin = 4, norm.outputs_end = 5;
  graph.deps = {0};
  norm.deps_begin = 0, norm.deps_end = 1;
  graph.ops = {product, norm};
  const Program program = lowered(graph);
  ASSERT_EQ(program.kernels.size(), 2u);
  ASSERT_NE(program.kernel_plans[0].partition.find("N over 20 columns"), std::string::npos);
  const Kernel& kernel = program.kernels[1];
  ASSERT_EQ(kernel.steps, 2u);
  // Two sums of 4 B for each row of a band, from each node.
  std::int64_t bytes = 0;
  for (const Piece& piece : kernel.pieces) bytes += piece.bytes;
  EXPECT_NEAR(static_cast<double>(bytes), 20.0 * 1024 * 8, 0.03 * 20 * 1024 * 8);
  // Two loads of x and a store by the ports, at least.
  const std::int64_t share = 1024 * 2048 * 2 / kNodes;
  EXPECT_GE(kernel.cycles[0] + kernel.cycles[1], std::max(2 * share / 128, share / 64));
}

TEST(Rows, WholeRowsNeedNobody) {
  Op op;
  op.kind = OpKind::kSoftmax;
  op.elements = 354 * 10 * 128, op.channels = 128, op.vector_flops_per_element = 8;
  const Kernel kernel = kernel_of(op);
  EXPECT_EQ(kernel.steps, 1u);
  EXPECT_TRUE(kernel.pieces.empty());
  const std::int64_t elements = 10 * 128;
  EXPECT_GE(slowest(kernel), elements * 8 / 32);      // FLOP over lanes of bf16
  EXPECT_GE(slowest(kernel), 2 * elements * 2 / 64);  // stored twice
}

ConvShape conv(std::int64_t channels, std::int64_t groups) {
  ConvShape s;
  s.n = 8, s.c = s.k = channels, s.h = s.w = 56, s.r = s.s = 3, s.pad = 1, s.groups = groups;
  EXPECT_EQ(complete(s), "");
  return s;
}

/// The vector unit works on all channels of a pixel at once: a multiply-accumulate is 2 FLOP of its 32 a cycle.
TEST(GroupedConvolution, OneChannelAFilterRunsOnTheVectorUnit) {
  Op op;
  op.kind = OpKind::kConv;
  op.conv = conv(256, 256);
  op.flops = shape_flops(op);
  const Kernel kernel = kernel_of(op);
  const std::int64_t of_node = op.flops / kNodes;
  Cycles busy = 0;
  for (std::uint32_t step = 0; step < kernel.steps; ++step) busy += kernel.cycles[step];
  EXPECT_GE(slowest(kernel), of_node / 64);
  EXPECT_LE(busy, of_node / 32 * 12 / 10 + 300);
}

TEST(GroupedConvolution, GroupsDoLessWork) {
  const auto cycles = [](std::int64_t groups, OpKind kind) {
    Op op;
    op.kind = kind;
    op.conv = conv(256, groups);
    op.flops = shape_flops(op);
    const Kernel kernel = kernel_of(op);
    Cycles most = 0;
    for (std::size_t node = 0; node < static_cast<std::size_t>(kNodes); ++node) {
      Cycles sum = 0;
      for (std::uint32_t step = 0; step < kernel.steps; ++step) sum += kernel.cycles[node * kernel.steps + step];
      most = std::max(most, sum);
    }
    return most;
  };
  for (const OpKind kind : {OpKind::kConv, OpKind::kConvInputGrad, OpKind::kConvWeightGrad})
    EXPECT_LT(cycles(4, kind) * 2, cycles(1, kind)) << op_kind_name(kind);
}

/// A transposed convolution's products are those of the one that it mirrors.
TEST(TransposedConvolution, IsAnInputGradient) {
  Op up;
  up.kind = OpKind::kConv;
  up.conv = {4, 256, 28, 28, 128, 2, 2, 2, 0, 0, 0};
  up.conv.transposed = 1;
  ASSERT_EQ(complete(up.conv), "");
  up.flops = shape_flops(up);
  Op down = up;
  down.kind = OpKind::kConvInputGrad;
  down.conv = mirrored(up.conv);
  EXPECT_EQ(kernel_of(up).cycles, kernel_of(down).cycles);
}

/// Gradient and state in, weights and state out, never faster than the store port.
TEST(Optimizers, TakeTheTimeOfTheirPorts) {
  constexpr std::int64_t kParameters = 4'000'000;
  const auto cycles = [](OptimizerRule rule) {
    Op op;
    op.kind = OpKind::kOptimizer;
    op.rule = rule;
    op.elements = kParameters;
    op.vector_flops_per_element = default_vector_flops(op);
    return slowest(kernel_of(op));
  };
  EXPECT_GE(cycles(OptimizerRule::kSgd), kParameters * (2 + 4) / 64 / kNodes);
  EXPECT_GE(cycles(OptimizerRule::kMomentum), kParameters * (2 + 8) / 64 / kNodes);
  EXPECT_GE(cycles(OptimizerRule::kAdam), kParameters * (2 + 12) / 64 / kNodes);
  EXPECT_GE(cycles(OptimizerRule::kAdam), kParameters * 11 / 16 / kNodes);  // 21 FLOP, 10 of them in multiply-adds
  EXPECT_LT(cycles(OptimizerRule::kSgd), cycles(OptimizerRule::kMomentum));
  EXPECT_LT(cycles(OptimizerRule::kMomentum), cycles(OptimizerRule::kLars));
}

/// Of four ranks that share products by twos, two have the same parameters: they share out the state, and each of the
/// others' weights comes from the other one.
TEST(Optimizers, ShareTheirStateOnlyWithRanksOfTheSameParameters) {
  topology::MachineParams params;
  params.level = topology::Level::kTile;
  const topology::Topology tile(params);
  constexpr std::int64_t kParameters = 4'000'000;
  Op op;
  op.kind = OpKind::kOptimizer;
  op.rule = OptimizerRule::kAdam;
  op.elements = kParameters;
  Workload workload;
  workload.graphs.emplace_back();
  workload.graphs[0].ops.push_back(op);
  workload.graph_of_rank = {0, 0, 0, 0};
  workload.group_classes = {{"all", {{"all", {0, 1, 2, 3}}}}};
  LowerOptions options;
  options.placement.rank_unit.unit = PlacementUnit::kDie;
  options.placement.ranks = 4;
  const auto lowered_job = [&] { return lower(workload, options, tile); };
  const auto most_members = [](const Job& job) {
    std::size_t members = 0;
    for (const DataflowInstance& instance : job.instances) members = std::max(members, instance.participants.size());
    return members;
  };
  const auto store_cycles = [](std::int64_t ranks) { return kParameters / ranks * (2 + 12) / 64 / kNodes; };
  const Job all = lowered_job();
  EXPECT_EQ(most_members(all), 4u);
  EXPECT_LT(slowest(all.programs[0].kernels[0]), store_cycles(2));
  workload.group_classes.push_back({"tensor", {{"tensor[0]", {0, 1}}, {"tensor[1]", {2, 3}}}});
  EXPECT_GE(slowest(lowered_job().programs[0].kernels[0]), store_cycles(1));
  EXPECT_TRUE(lowered_job().instances.empty());
  workload.group_classes.push_back({"data", {{"data[0]", {0, 2}}, {"data[1]", {1, 3}}}});
  const Job shared = lowered_job();
  EXPECT_EQ(most_members(shared), 2u);
  EXPECT_GE(slowest(shared.programs[0].kernels[0]), store_cycles(2));
  EXPECT_LT(slowest(shared.programs[0].kernels[0]), store_cycles(1));
}

}  // namespace
}  // namespace dojo::workload
