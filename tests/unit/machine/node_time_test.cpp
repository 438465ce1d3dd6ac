// SPDX-License-Identifier: Apache-2.0
// Node-cycles by class, and the adders of a die, against sums written out by hand.
#include "machine/die/node_time.h"

#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "machine/die/adders.h"

namespace dojo::machine {
namespace {

void expect_breakdown(const Breakdown& found, const Breakdown& expected) {
  EXPECT_EQ(found.compute, expected.compute) << "compute";
  EXPECT_EQ(found.communication, expected.communication) << "communication";
  EXPECT_EQ(found.overlapped, expected.overlapped) << "overlapped";
  EXPECT_EQ(found.memory, expected.memory) << "memory";
  EXPECT_EQ(found.idle, expected.idle) << "idle";
}

TEST(NodeTime, CountsNothingBackwards) {
  NodeTime time;
  time.add_rank(3);
  time.account(0, 100);
  time.account(0, 40);
  expect_breakdown(time.counted(0), {0, 0, 0, 0, 300});
  expect_breakdown(time.breakdown(60), {0, 0, 0, 0, 300});
}

// Node 0 is busy in [10, 30), node 1 in [5, 10) and [15, 25).
TEST(NodeTime, DividesCyclesByWhatTheRankWaitsFor) {
  NodeTime time;
  time.add_rank(2);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 10, 20, 0);
  time.compute(0, 0, 20, 30, 0);  // follows at once: one span
  time.compute(0, 1, 5, 10, 0);
  time.compute(0, 1, 15, 25, 0);
  time.network_starts(0, 12);
  const std::uint64_t busy_before = 2 + 5;
  expect_breakdown(time.counted(0), {busy_before, 0, 0, 0, 2 * 12 - busy_before});
  time.network_ends(0, 30);
  const std::uint64_t overlapped = 18 + 10;
  expect_breakdown(time.counted(0), {busy_before, 2 * 18 - overlapped, overlapped, 0, 17});
  time.memory_starts(0, 30);
  time.memory_ends(0, 40);
  expect_breakdown(time.breakdown(50), {busy_before, 8, overlapped, 2 * 10, 17 + 2 * 10});
}

TEST(NodeTime, RefusesAKnownTaskThatWasOverAlready) {
  NodeTime time;
  time.add_rank(2);
  time.account(0, 100);
  EXPECT_THROW(time.add_known(0, {80, 0, 0, 0, 0}, 20, 60), Error);
}

/// 40 cycles of 2 nodes from 20 on. What was counted up to 25 is taken off, idle cycles first.
TEST(NodeTime, AddsWhatIsKnownOfCyclesToCome) {
  NodeTime time;
  time.add_rank(2);
  time.account(0, 25);
  time.add_known(0, {60, 14, 0, 0, 6}, 20, 60);
  expect_breakdown(time.counted(0), {60, 10, 0, 0, 50});
  time.network_starts(0, 40);  // meanwhile: what was known stays
  time.network_ends(0, 70);
  expect_breakdown(time.breakdown(70), {60, 30, 0, 0, 50});
}

TEST(NodeTime, TheNetworkComesBeforeMemory) {
  NodeTime time;
  time.add_rank(1);
  time.memory_starts(0, 0);
  time.network_starts(0, 10);
  EXPECT_TRUE(time.waits_for_memory(0));
  EXPECT_TRUE(time.waits_for_network(0));
  time.network_ends(0, 25);
  time.memory_ends(0, 27);
  expect_breakdown(time.breakdown(30), {0, 15, 0, 10 + 2, 3});
}

// One of two nodes is busy in [0, 10), recorded streams pass in [4, 20) and [8, 30), the network is used from 25 on.
TEST(NodeTime, AllNodesComputeWhileARecordedStreamPasses) {
  NodeTime time;
  time.add_rank(2);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 0, 10, 0);
  time.stream_starts(0, 4);
  expect_breakdown(time.counted(0), {4, 0, 0, 0, 4});
  time.stream_starts(0, 8);
  time.stream_ends(0, 20);
  time.network_starts(0, 25);
  expect_breakdown(time.counted(0), {4 + 2 * 21, 0, 0, 0, 4});
  time.stream_ends(0, 30);
  expect_breakdown(time.breakdown(35), {4 + 2 * 21, 2 * 5, 2 * 5, 0, 4});
}

TEST(NodeTime, WaitsUntilTheLastOfSeveralTasksEnds) {
  NodeTime time;
  time.add_rank(1);
  time.network_starts(0, 0);
  time.network_starts(0, 10);
  time.network_ends(0, 20);
  EXPECT_TRUE(time.waits_for_network(0));
  time.network_ends(0, 30);
  EXPECT_FALSE(time.waits_for_network(0));
  expect_breakdown(time.breakdown(31), {0, 30, 0, 0, 1});
}

TEST(NodeTime, KeepsTwoRanksApartAndAddsThemUp) {
  NodeTime time;
  time.add_rank(1);
  time.add_rank(4);
  time.network_starts(1, 0);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 2, 6, 0);
  expect_breakdown(time.breakdown(10), {4, 4 * 10, 0, 0, 6});
  EXPECT_FALSE(time.waits_for_network(0));
}

TEST(NodeTime, ASpanIsCountedInPartsAndOnce) {
  NodeTime time;
  time.add_rank(1);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 0, 100, 0);
  for (Cycles now = 10; now <= 120; now += 10) time.account(0, now);
  expect_breakdown(time.counted(0), {100, 0, 0, 0, 20});
}

// It follows a span that has been counted to its end.
TEST(NodeTime, ASpanThatFollowsACountedOneIsCounted) {
  NodeTime time;
  time.add_rank(1);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 0, 10, 0);
  time.account(0, 10);
  time.compute(0, 0, 10, 30, 10);
  expect_breakdown(time.breakdown(40), {30, 0, 0, 0, 10});
}

// Whether spans are over when others come, or are all still to come.
TEST(NodeTime, KeepsAsManySpansAsThereAre) {
  for (const bool as_they_come : {true, false}) {
    NodeTime time;
    time.add_rank(2);
    time.kernel_starts(0, 0);
    for (Cycles i = 0; i < 240; ++i) {
      const Cycles now = as_they_come ? 10 * i : 0;
      time.compute(0, 0, 10 * i + 1, 10 * i + 4, now);
      if (i % 3 == 0) time.compute(0, 1, 10 * i + 2, 10 * i + 3, now);
    }
    expect_breakdown(time.breakdown(2400), {3 * 240 + 80, 0, 0, 0, 2 * 2400 - 3 * 240 - 80});
    time.kernel_starts(0, 2400);
    time.compute(0, 1, 2400, 2410, 2400);
    expect_breakdown(time.breakdown(2410), {3 * 240 + 80 + 10, 0, 0, 0, 2 * 2400 - 3 * 240 - 80 + 10});
  }
}

TEST(NodeTime, AnotherKernelForgetsTheSpansOfTheOneBefore) {
  NodeTime time;
  time.add_rank(1);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 0, 10, 0);
  time.kernel_starts(0, 10);
  time.compute(0, 0, 12, 14, 10);
  time.compute(0, 0, 16, 18, 10);
  time.compute(0, 0, 20, 22, 10);
  expect_breakdown(time.breakdown(30), {10 + 6, 0, 0, 0, 14});
}

TEST(NodeTime, TakesWhatSomebodyElseKnows) {
  NodeTime time;
  time.add_rank(2);
  time.account(0, 10);
  time.add_known(0, {3, 4, 5, 6, 2}, 20);
  expect_breakdown(time.breakdown(25), {3, 4, 5, 6, 2 + 20 + 10});
}

TEST(NodeTime, ACopyGoesOnByItself) {
  NodeTime time;
  time.add_rank(1);
  time.kernel_starts(0, 0);
  time.compute(0, 0, 5, 15, 0);
  time.network_starts(0, 10);
  NodeTime other;
  other.add_rank(1);
  other.copy(time);
  EXPECT_TRUE(other.waits_for_network(0));
  other.network_ends(0, 20);
  expect_breakdown(other.breakdown(20), {5, 5, 5, 0, 5});
  expect_breakdown(time.counted(0), {5, 0, 0, 0, 5});
}

topology::NodeParams node_params() {
  topology::NodeParams params;  // three addresses over two generators: 64 bytes in 1.5 cycles
  params.port_bytes_per_cycle = 64;
  params.vector_latency_cycles = 4;
  return params;
}

TEST(Adders, OneAddAtATimeOnANode) {
  Adders adders(node_params());
  adders.add_rank(2);
  EXPECT_EQ(adders.add(0, 0, 640, 100), 100 + 15 + 4);
  EXPECT_EQ(adders.add(0, 0, 64, 105), 115 + 2 + 4) << "waits for the add before it, not for its latency";
  EXPECT_EQ(adders.add(0, 1, 65, 105), 105 + 3 + 4) << "another node";
  EXPECT_EQ(adders.latest(), 117);
}

TEST(Adders, TheStorePortRulesWhereAddressesDoNot) {
  topology::NodeParams params = node_params();
  params.core.address_generators = 6;
  Adders adders(params);
  adders.add_rank(1);
  EXPECT_EQ(adders.add(0, 0, 640, 100), 100 + 10 + 4);
}

TEST(Adders, NothingToAddTakesTheLatencyAlone) {
  Adders adders(node_params());
  adders.add_rank(1);
  EXPECT_EQ(adders.add(0, 0, 0, 7), 7 + 4);
}

TEST(Adders, EverywhereEndsWithTheLastNode) {
  Adders adders(node_params());
  adders.add_rank(2);
  adders.add_rank(1);
  adders.add(0, 1, 640, 100);
  EXPECT_EQ(adders.add_everywhere(0, 128, 103), 115 + 3 + 4);
  EXPECT_EQ(adders.add(0, 0, 64, 103), 106 + 2 + 4) << "the other node added in [103, 106)";
  EXPECT_EQ(adders.add(1, 0, 64, 103), 103 + 2 + 4) << "of another rank";
  EXPECT_EQ(adders.latest(), 118);
}

TEST(Adders, ASlowNodeAddsSlowly) {
  Adders adders(node_params());
  adders.add_rank(2, {1.0F, 0.5F});
  EXPECT_EQ(adders.add(0, 0, 640, 100), 100 + 15 + 4);
  EXPECT_EQ(adders.add(0, 1, 640, 100), 100 + 30 + 8);
  EXPECT_EQ(adders.add_everywhere(0, 64, 200), 200 + 4 + 8);
  EXPECT_EQ(adders.latest(), 204);
}

TEST(Adders, ACopyGoesOnByItself) {
  Adders adders(node_params()), other(node_params());
  adders.add_rank(1);
  other.add_rank(1);
  adders.add(0, 0, 640, 0);
  other.copy(adders);
  EXPECT_EQ(other.add(0, 0, 64, 0), 15 + 2 + 4);
  EXPECT_EQ(adders.latest(), 15);
}

}  // namespace
}  // namespace dojo::machine
