// SPDX-License-Identifier: Apache-2.0
// Residency, tracks and the latency-bandwidth model, against arithmetic done by hand with the values of the D1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "dojo/collectives/bounds.h"
#include "dojo/workload/residency.h"
#include "unit/collectives/collectives_support.h"

namespace dojo::workload {
namespace {

using test::Bench;
using ::testing::Each;
using topology::Level;

// 2 GHz; 64 bytes a cycle on links, ports and the vector unit; 1 cycle a hop; 18 x 20 sites; a die edge inside a tile
// is 200 cycles and 1008 bytes a cycle, at the tile's boundary 448 bytes a cycle.
constexpr double kCycle = 0.5e-9;

double model(const Bench& bench, OpKind kind, Bytes bytes, const char* algorithm) {
  const CollectiveRequest request = bench.request(kind, bytes, algorithm);
  return choose_algorithm(request, bench.topology).model_seconds(request, bench.topology);
}

TEST(Residency, AllNodesWhenPiecesAreLargeEnough) {
  const Bench bench;
  const auto shape = bench.die_shape();
  const auto nodes = residency(*shape, 354 * 512);
  ASSERT_EQ(nodes.size(), 354u);
  for (std::uint32_t i = 0; i < 354; ++i) EXPECT_EQ(nodes[i], i);
}

TEST(Residency, OneNodeIsNearTheCentre) {
  const Bench bench;
  const auto shape = bench.die_shape();
  for (const Bytes bytes : {Bytes{0}, Bytes{1}, Bytes{512}, Bytes{1023}}) {
    const auto nodes = residency(*shape, bytes);
    ASSERT_EQ(nodes.size(), 1u);
    EXPECT_EQ(shape->nodes[nodes[0]].row, 9);
    EXPECT_EQ(shape->nodes[nodes[0]].column, 9);
  }
}

TEST(Residency, FewNodesSpreadOverTheRowsOfTheMiddleColumns) {
  const Bench bench;
  const auto shape = bench.die_shape();
  for (std::size_t count = 1; count < 354; ++count) {
    const auto nodes = residency(*shape, static_cast<Bytes>(count) * 512);
    ASSERT_EQ(nodes.size(), count);
    EXPECT_TRUE(std::is_sorted(nodes.begin(), nodes.end()));
    std::set<std::uint32_t> rows, columns, distinct(nodes.begin(), nodes.end());
    for (const std::uint32_t n : nodes) {
      rows.insert(shape->nodes[n].row);
      columns.insert(shape->nodes[n].column);
    }
    EXPECT_EQ(distinct.size(), count);
    EXPECT_EQ(rows.size(), std::min<std::size_t>(count, 18));
    if (count <= 36) {  // 16 KiB of statistics and more: within the two middle columns
      EXPECT_THAT(columns, Each(::testing::AllOf(::testing::Ge(9u), ::testing::Le(10u))));
    }
  }
}

TEST(Residency, ANodeByItselfHoldsAll) {
  const Bench bench;
  EXPECT_EQ(residency(*bench.node_shape(), 1 << 20).size(), 1u);
}

TEST(CollectiveModel, TreeOfTwoDies) {
  Bench bench;
  bench.add_dies(1, 2);
  // 512 bytes: one track, one message. Up 20 hops + 200 + 8 to send + 8 to add, down 20 + 200 + 8.
  EXPECT_NEAR(model(bench, OpKind::kAllReduce, 512, "tree"), (236 + 228) * kCycle, 1e-15);
  EXPECT_NEAR(model(bench, OpKind::kReduce, 512, "tree"), 236 * kCycle, 1e-15);
  EXPECT_NEAR(model(bench, OpKind::kBroadcast, 512, "tree"), 228 * kCycle, 1e-15);
  // A signal is one packet: 1 cycle instead of 8, nothing to add.
  EXPECT_NEAR(model(bench, OpKind::kBarrier, 0, "tree"), 2 * 221 * kCycle, 1e-15);
}

TEST(CollectiveModel, TreeOfATile) {
  Bench bench;
  bench.add_dies(5, 5);
  // 5 x 5 towards the middle die: two vertical edges (18 hops) where one child is added, then two horizontal ones (20
  // hops). The first two vertical edges: leaf -> 1 child; the trunk's outer member and inner member add 2 and 3, the
  // root 4. Path up: 18+200+8, +8 (1 child); 18+200+8, +16 (2 children: the trunk's outermost member);
  //          20+200+8, +24 (3 children); 20+200+8, +32 (4 children).
  // Path down: to the child with the deepest subtree first; the root's two horizontal children are equally deep, the
  // second one leaves 8 cycles later: 8 + 20+200+8; then 20+200+8; then the outer member's two vertical children, again
  // + 8.
  const double up = (226 + 8) + (226 + 16) + (228 + 24) + (228 + 32);
  const double down = (8 + 228) + 228 + (8 + 226) + 226;
  EXPECT_NEAR(model(bench, OpKind::kAllReduce, 512, "tree"), (up + down) * kCycle, 1e-15);
}

TEST(CollectiveModel, RingOfTwoDies) {
  Bench bench;
  bench.add_dies(1, 2);
  // 512 bytes: parts of 256, one track: 4 cycles to send, 4 to add; 220 of way, both ways.
  EXPECT_NEAR(model(bench, OpKind::kAllReduce, 512, "ring"), (228 + 224) * kCycle, 1e-15);
  EXPECT_NEAR(model(bench, OpKind::kReduceScatter, 512, "ring"), 228 * kCycle, 1e-15);
  EXPECT_NEAR(model(bench, OpKind::kAllGather, 256, "ring"), 224 * kCycle, 1e-15);
}

TEST(CollectiveModel, RingCountsItsClosingEdge) {
  Bench bench;
  bench.add_dies(1, 5);
  // 640 bytes in parts of 128 (2 cycles): ways of 4 x 220 and 880 back, mean 352; 4 steps with 2 to add, 4 without.
  EXPECT_NEAR(model(bench, OpKind::kAllReduce, 640, "ring"), (4 * (352 + 2 + 2) + 4 * (352 + 2)) * kCycle, 1e-15);
}

TEST(CollectiveModel, RingIsBandwidthBoundForLongVectors) {
  Bench bench;
  bench.add_dies(1, 5);
  // 2 x 4 steps of 64 MiB / 5 over the pooled edge of 1008 bytes a cycle.
  const double bytes = 64.0 * (1 << 20);
  EXPECT_NEAR(model(bench, OpKind::kAllReduce, 64 << 20, "ring"), 8 * bytes / 5 / 1008 * kCycle, 1e-6 * bytes * kCycle);
}

TEST(CollectiveModel, Mesh2dOfFourDies) {
  Bench bench;
  bench.add_dies(2, 2);
  // 256 bytes: rows in parts of 128: 220 + 2 + 2 to add, and 220 + 2 to gather; columns 2 x (218 + 2) + 2 to add.
  EXPECT_NEAR(model(bench, OpKind::kAllReduce, 256, "mesh2d"), (224 + 222 + 442) * kCycle, 1e-15);
}

TEST(CollectiveModel, DirectAllToAllOfTwoDies) {
  Bench bench;
  bench.add_dies(1, 2);
  // 128 bytes: one packet each way: 220 + 1.
  EXPECT_NEAR(model(bench, OpKind::kAllToAll, 128, "direct"), 221 * kCycle, 1e-15);
}

TEST(CollectiveModel, DirectAllToAllIsBoundByTheMiddle) {
  Bench bench;
  bench.add_dies(1, 4);
  // 4 MiB parts: 2 x 2 of them cross the middle edge each way. 660 cycles of latency add 4 %, the choice of chunks up
  // to 5 %.
  const double part = 4.0 * (1 << 20);
  const double seconds = model(bench, OpKind::kAllToAll, 16 << 20, "direct");
  EXPECT_GE(seconds, 4 * part / 1008 * kCycle);
  EXPECT_LE(seconds, 1.1 * 4 * part / 1008 * kCycle);
}

TEST(CollectiveModel, DirectBroadcastRepeatsTheMessageOnTheFirstEdge) {
  Bench bench;
  bench.add_dies(1, 4);
  const double bytes = 4.0 * (1 << 20);  // root 0: three messages over its only edge
  const double seconds = model(bench, OpKind::kBroadcast, 4 << 20, "direct");
  EXPECT_GE(seconds, 0.999 * 3 * bytes / 1008 * kCycle);
  EXPECT_LE(seconds, 1.1 * 3 * bytes / 1008 * kCycle);
}

TEST(CollectiveChoice, BatchNormStatisticsOfATile) {
  Bench bench;
  bench.add_dies(5, 5);
  for (const Bytes bytes : {Bytes{512}, Bytes{16384}}) {
    const DataflowPlan plan = build_collective(bench.request(OpKind::kAllReduce, bytes), bench.topology);
    EXPECT_EQ(plan.tracks, bytes / 512);
    // Four hops of at least 218 cycles up and down are the least; 1 to 3 us is the expected magnitude.
    EXPECT_GE(plan.model_seconds, 8 * 218 * kCycle);
    EXPECT_LE(plan.model_seconds, 3e-6);
  }
}

TEST(CollectiveChoice, AllReduceOfTheExapod) {
  Bench bench(Level::kExapod);
  bench.add_dies(200, 15);
  const Bytes bytes = Bytes{64} << 20;
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, bytes);
  const CollectiveAlgorithm& chosen = choose_algorithm(request, bench.topology);
  EXPECT_STRNE(chosen.name(), "ring");
  const DataflowPlan plan = chosen.build(request, bench.topology).plan;
  EXPECT_GE(plan.model_seconds, static_cast<double>(bytes) / 0.896e12);  // the trunk crosses tile edges
  EXPECT_LE(plan.model_seconds, 200e-6);
  EXPECT_GE(plan.model_seconds, all_reduce_injection_bound_seconds(request, bench.topology));
  EXPECT_GE(plan.model_seconds, all_reduce_bisection_bound_seconds(request, bench.topology));
  EXPECT_LE(static_cast<double>(plan.edges.size()) * plan.tracks * plan.chunks, 40e6);
  EXPECT_LE(plan.items.size(), 2u * 3000);
}

TEST(CollectiveChoice, ScatterAndGatherServeTheWholeMachine) {
  Bench bench(Level::kExapod);
  bench.add_dies(200, 15);
  for (const OpKind kind : {OpKind::kReduceScatter, OpKind::kAllGather}) {
    const Bytes bytes = kind == OpKind::kReduceScatter ? Bytes{50} << 20 : (Bytes{50} << 20) / 3000;
    const DataflowPlan plan = build_collective(bench.request(kind, bytes), bench.topology);
    EXPECT_EQ(plan.algorithm, "mesh2d");
    std::size_t messages = 0;
    for (const DataflowItem& item : plan.items) messages += item.edges_end - item.edges_begin;
    EXPECT_LE(static_cast<double>(messages) * plan.tracks * plan.chunks, 80e6);
  }
}

TEST(CollectiveChoice, RanksOfWholeTilesUseAllParallelEdges) {
  Bench bench(Level::kTray);
  const auto tile = bench.die_shape(5, 5);
  for (std::int32_t c = 0; c < 3; ++c) bench.add(tile, 0, c * 100);
  const double bytes = 64.0 * (1 << 20);
  const double seconds = model(bench, OpKind::kAllReduce, 64 << 20, "tree");
  EXPECT_GE(seconds, 0.99 * bytes / (5 * 448) * kCycle);
  EXPECT_LE(seconds, 1.3 * bytes / (5 * 448) * kCycle);
}

TEST(CollectiveBounds, OfARowOfDies) {
  Bench bench;
  bench.add_dies(1, 2);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 1 << 20);
  const double bytes = 1 << 20;
  // Corner die: 2 edges, its neighbour: 3 edges of 2.016 TB/s. 2 (n - 1) vectors leave through five edges.
  EXPECT_NEAR(all_reduce_injection_bound_seconds(request, bench.topology), 2 * bytes / (5 * 2.016e12), 1e-15);
  // The cut between die columns 0 and 1 has five edges.
  EXPECT_NEAR(all_reduce_bisection_bound_seconds(request, bench.topology), bytes / (5 * 2.016e12), 1e-15);
}

TEST(CollectiveBounds, OfTheExapod) {
  Bench bench(Level::kExapod);
  bench.add_dies(200, 15);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 1 << 20);
  // The narrowest cut: 15 tile edges of 0.896 TB/s.
  EXPECT_NEAR(all_reduce_bisection_bound_seconds(request, bench.topology), (1 << 20) / (15 * 0.896e12), 1e-15);
}

TEST(CollectiveBounds, OfSingleNodes) {
  Bench bench;
  for (std::int32_t c = 0; c < 3; ++c) bench.add(bench.node_shape(), 0, c);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 6400);
  EXPECT_NEAR(all_reduce_injection_bound_seconds(request, bench.topology), 4 * 6400 / (3 * 128e9), 1e-15);
  EXPECT_EQ(all_reduce_bisection_bound_seconds(request, bench.topology), 0);  // within a die
}

}  // namespace
}  // namespace dojo::workload
