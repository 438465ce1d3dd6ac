// SPDX-License-Identifier: Apache-2.0
// The walk over a plan, against arithmetic done by hand with the values of the D1.
#include <gtest/gtest.h>

#include "collectives/schedule.h"
#include "collectives/schedule_links.h"
#include "unit/collectives/collectives_support.h"

namespace dojo::workload {
namespace {

using test::Bench;

// As in collectives_model_test.cpp. Besides: a rank's nodes know of its operation after 9 + 10 hops and two semaphores;
// a message takes a cycle from its port to the first router, and its flits; adding takes 4 cycles more than its bytes.
constexpr double kCycle = 0.5e-9;
constexpr double kStart = 9 + 10 + 2, kWay = 1 + 20 + 200, kAdderLatency = 4;

double walked(const Bench& bench, OpKind kind, Bytes bytes, const char* algorithm) {
  return build_collective(bench.request(kind, bytes, algorithm), bench.topology).model_seconds / kCycle;
}

/// So that messages may be striped.
void add_real_dies(Bench& bench, std::int32_t rows, std::int32_t columns) {
  bench.add_dies(rows, columns);
  for (std::size_t i = 0; i < bench.slices.size(); ++i) {
    const auto at = static_cast<std::int32_t>(i);
    bench.slices[i]->dies = {bench.topology.die_at(at / columns, at % columns)};
  }
}

TEST(CollectiveSchedule, TreeOfTwoDies) {
  Bench bench;
  bench.add_dies(1, 2);
  // 512 bytes: 8 flits each way, 8 cycles to add. A signal is one flit, and is not added.
  EXPECT_NEAR(walked(bench, OpKind::kBroadcast, 512, "tree"), kStart + kWay + 8, 1e-9);
  EXPECT_NEAR(walked(bench, OpKind::kReduce, 512, "tree"), kStart + kWay + 8 + 8 + kAdderLatency, 1e-9);
  EXPECT_NEAR(walked(bench, OpKind::kAllReduce, 512, "tree"), kStart + 2 * (kWay + 8) + 8 + kAdderLatency, 1e-9);
  EXPECT_NEAR(walked(bench, OpKind::kBarrier, 0, "tree"), kStart + 2 * (kWay + 1), 1e-9);
}

TEST(CollectiveSchedule, RingOfTwoDies) {
  Bench bench;
  bench.add_dies(1, 2);
  // Parts of 256 bytes: 4 flits, 4 cycles to add, then 4 flits back.
  EXPECT_NEAR(walked(bench, OpKind::kAllReduce, 512, "ring"), kStart + 2 * (kWay + 4) + 4 + kAdderLatency, 1e-9);
}

/// Both messages of the middle one's neighbours end at one node: its port takes them one after the other.
TEST(CollectiveSchedule, MessagesWaitForAPort) {
  Bench bench;
  bench.add_dies(1, 3);
  EXPECT_NEAR(walked(bench, OpKind::kReduce, 512, "tree"), kStart + kWay + 20 + 200 + 8, 200 + 60)
      << "the root is the first member";
  CollectiveRequest request = bench.request(OpKind::kReduce, 512, "tree", 1);
  // 8 flits of one, then 8 of the other; both are added at once.
  EXPECT_NEAR(build_collective(request, bench.topology).model_seconds / kCycle,
              kStart + kWay + 8 + 8 + 16 + kAdderLatency, 1e-9);
}

/// The root's three messages to each node leave by its only edge, and by rows that up to three tracks share.
TEST(CollectiveSchedule, MessagesShareAnEdge) {
  Bench bench;
  bench.add_dies(1, 4);
  const double bytes = 4.0 * (1 << 20), cycles = walked(bench, OpKind::kBroadcast, 4 << 20, "direct");
  EXPECT_GE(cycles, 3 * bytes / 1008);
  EXPECT_LE(cycles, 1.5 * 3 * 3 * bytes / 40 / 64);
}

/// Two messages of ten flits along the same three links of a die, a cycle one after the other.
TEST(ScheduleLinks, AMessageWaitsForItsFirstLink) {
  Bench bench;
  bench.add_dies(1, 2);
  const CollectiveRequest request = bench.request(OpKind::kBroadcast, 512, "tree");
  collectives::ScheduleLinks links(build_collective(request, bench.topology), request, bench.topology);
  const auto first = links.unicast({0, 0}, {0, 3}, 10, 5), second = links.unicast({0, 0}, {0, 3}, 10, 6);
  EXPECT_EQ(first.start, 5);
  EXPECT_EQ(first.first_link_free, 5 + 10);
  EXPECT_EQ(first.head, 5 + 3);
  EXPECT_EQ(second.start, 15);
  EXPECT_EQ(second.first_link_free, 15 + 10);
  EXPECT_EQ(second.head, 15 + 3);
}

TEST(CollectiveSchedule, StripesTakeTheRateOfAnEdge) {
  Bench bench;
  add_real_dies(bench, 1, 2);
  const CollectiveRequest request = bench.request(OpKind::kBroadcast, 8 << 20, "tree");
  const DataflowPlan plan = build_collective(request, bench.topology);
  ASSERT_TRUE(plan.striped);
  const double bytes = 8.0 * (1 << 20);
  EXPECT_GE(plan.model_seconds / kCycle, kStart + 200 + bytes / 1008);
  EXPECT_LE(plan.model_seconds / kCycle, 1.05 * (kStart + 220 + bytes / 1008));
}

/// Of a single chunk, each group sends one message.
TEST(CollectiveSchedule, AStripedMessageIsSentAtOnce) {
  Bench bench;
  add_real_dies(bench, 1, 2);
  const CollectiveRequest request = bench.request(OpKind::kBroadcast, 160 << 10, "tree");
  const DataflowPlan plan = build_collective(request, bench.topology);
  ASSERT_TRUE(plan.striped);
  ASSERT_EQ(plan.chunks, 1u);
  EXPECT_GE(plan.model_seconds / kCycle, kStart + 200 + 163840.0 / 1008);
  EXPECT_LE(plan.model_seconds / kCycle, 2 * (kStart + 220 + 163840.0 / 1008));
}

/// What comes in and what goes on use the same links, and the nodes nearest to an edge go first: long sums take about
/// three times their bytes over an edge (in both networks).
TEST(CollectiveSchedule, LongSumsOnATileAreNotBoundByTheirBytesAlone) {
  Bench bench;
  add_real_dies(bench, 5, 5);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 16 << 20, "tree");
  const DataflowPlan plan = build_collective(request, bench.topology);
  const double over_an_edge = 16.0 * (1 << 20) / 1008 * kCycle;
  EXPECT_GE(plan.model_seconds, 2.5 * over_an_edge);
  EXPECT_LE(plan.model_seconds, 3.5 * over_an_edge);
}

/// Combs use all edges. What they take beyond the bytes of an edge is within what a walk says of trees.
TEST(CollectiveSchedule, CombsAreFasterThanOneTreeOnATile) {
  Bench bench;
  add_real_dies(bench, 5, 5);
  for (const Bytes bytes : {Bytes{4} << 20, Bytes{64} << 20}) {
    const double combs = walked(bench, OpKind::kAllReduce, bytes, "combs");
    EXPECT_GE(combs, 0.6 * static_cast<double>(bytes) / 1008);
    EXPECT_LE(combs, 0.7 * walked(bench, OpKind::kAllReduce, bytes, "tree"));
  }
}

/// With a window a rank's later chunks wait for its earlier ones: of one chunk at a time each goes all the way alone.
TEST(CollectiveSchedule, AWindowHoldsChunksBack) {
  Bench bench;
  add_real_dies(bench, 1, 3);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 8 << 20, "tree");
  DataflowPlan plan = build_collective(request, bench.topology);
  ASSERT_EQ(plan.window, 0u);
  ASSERT_GE(plan.chunks, 8u);
  const double all = *collectives::scheduled_cycles(plan, request, bench.topology);
  plan.window = plan.chunks;
  EXPECT_EQ(*collectives::scheduled_cycles(plan, request, bench.topology), all);
  plan.window = 1;
  EXPECT_GE(*collectives::scheduled_cycles(plan, request, bench.topology), plan.chunks * 2 * (200.0 + 20));
}

/// How combs may be cut depends on bytes and sizes. Rates only say which of the cuttings is the fastest.
TEST(CollectiveSchedule, CombsHaveTheFastestCuttingOfAFewThatNoRateChanges) {
  const auto combs = [](const Bench& bench, const CollectiveRequest& request) {
    for (const CollectiveAlgorithm& a : collective_algorithms())
      if (a.id == Algorithm::kCombs) return a.build(request, bench.topology).cuttings;
    return std::vector<Cutting>{};
  };
  topology::MachineParams slow = Bench::parameters(topology::Level::kTile);
  slow.noc.hop_cycles = 9;
  slow.die.crossing_ns = 1000;
  slow.die.edge_bytes_per_s /= 8;
  slow.node.vector_bytes_per_cycle /= 4;
  for (const Bytes bytes : {Bytes{1} << 20, Bytes{8} << 20, Bytes{64} << 20}) {
    Bench bench, other(topology::Level::kTile);
    other.topology = topology::Topology(slow);
    add_real_dies(bench, 3, 3);
    add_real_dies(other, 3, 3);
    const CollectiveRequest request = bench.request(OpKind::kAllReduce, bytes, "combs");
    const std::vector<Cutting> cuttings = combs(bench, request);
    const std::vector<Cutting> same = combs(other, other.request(OpKind::kAllReduce, bytes, "combs"));
    ASSERT_EQ(cuttings.size(), same.size()) << bytes;
    DataflowPlan plan = build_collective(request, bench.topology);
    const double chosen = plan.model_seconds / kCycle;
    bool found = false;
    for (std::size_t i = 0; i < cuttings.size(); ++i) {
      const auto [chunks, window] = cuttings[i];
      EXPECT_EQ(chunks, same[i].chunks) << bytes;
      EXPECT_EQ(window, same[i].window) << bytes;
      found = found || (chunks == plan.chunks && window == plan.window);
      DataflowPlan cut = plan;
      cut.chunks = chunks;
      cut.window = window;
      EXPECT_LE(chosen, *collectives::scheduled_cycles(cut, request, bench.topology) * (1 + 1e-9)) << bytes;
    }
    EXPECT_TRUE(found) << bytes;
  }
}

TEST(CollectiveSchedule, MoreBytesTakeLonger) {
  Bench bench;
  add_real_dies(bench, 2, 2);
  for (const char* algorithm : {"mesh2d", "ring", "tree"}) {
    double before = 0;
    for (Bytes bytes = 1 << 20; bytes <= 64 << 20; bytes *= 2) {
      const double now = walked(bench, OpKind::kAllReduce, bytes, algorithm);
      EXPECT_GT(now, before) << algorithm << ", " << bytes;
      before = now;
    }
  }
}

/// A walk that can no longer be the shortest ends; one that can is not changed by that.
TEST(CollectiveSchedule, WalksEndAtTheTimeToBeat) {
  Bench bench;
  bench.add_dies(3, 3);
  for (const Bytes bytes : {Bytes{2} << 10, Bytes{1} << 20, Bytes{64} << 20}) {
    const CollectiveRequest request = bench.request(OpKind::kAllReduce, bytes, "ring");
    const DataflowPlan plan = build_collective(request, bench.topology);
    const double whole = *collectives::scheduled_cycles(plan, request, bench.topology);
    EXPECT_EQ(collectives::scheduled_cycles(plan, request, bench.topology, whole + 1), whole) << bytes;
    const double early = *collectives::scheduled_cycles(plan, request, bench.topology, whole / 2);
    EXPECT_GE(early, whole / 2) << bytes;
    EXPECT_LT(early, whole) << bytes;
  }
}

/// A walk has a limit: of a ring of 128 ranks the formula is left.
TEST(CollectiveSchedule, PlansOfVeryManyMessagesKeepTheirFormula) {
  Bench bench(topology::Level::kTray);
  bench.add_dies(10, 12);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 64 << 20, "ring");
  const CollectiveAlgorithm& ring = choose_algorithm(request, bench.topology);
  EXPECT_EQ(build_collective(request, bench.topology).model_seconds, ring.model_seconds(request, bench.topology));
}

}  // namespace
}  // namespace dojo::workload
