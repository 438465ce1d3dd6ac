// SPDX-License-Identifier: Apache-2.0
// The sums of a host thread: adding to them, adding them up, and recording what one task adds.
#include "machine/sums.h"

#include <gtest/gtest.h>

#include "machine/die_counters.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

TEST(OpCounters, AreTheSameInWhateverOrderTheyAreAdded) {
  OpCounters one, a, b;
  one.add(10, 30);
  one.add(5, 12);
  one.add(40, 41);
  b.add(40, 41);
  a.add(5, 12);
  b.add(10, 30);
  b.flops = 7;
  schema::merge(a, b);
  EXPECT_EQ(a.count, 3u);
  EXPECT_EQ(a.cycles_sum, 20u + 7u + 1u);
  EXPECT_EQ(a.cycles_sum, one.cycles_sum);
  EXPECT_EQ(a.cycles_min, 1);
  EXPECT_EQ(a.cycles_max, 20);
  EXPECT_EQ(a.first_start, 5);
  EXPECT_EQ(a.last_end, 41);
  EXPECT_EQ(a.flops, 7);
}

TEST(ThreadSums, AMessageWithoutATurnIsNoDetour) {
  ThreadSums sums;
  sums.add_detour(0, 0);
  sums.add_detour(4, 2);
  sums.add_detour(0, 1);  // a turn that adds no hop
  EXPECT_EQ(sums.detours, 2u);
  EXPECT_EQ(sums.detour_hops, 4u);
}

TEST(ThreadSums, AGatherThatReachesNobodyCountsNothing) {
  ThreadSums sums;
  fabric::Gathering g;
  g.bytes = 100;
  g.count = 1;
  sums.add_gather(g);
  EXPECT_EQ(sums.bytes_to_eject, 0u);
  EXPECT_EQ(sums.packets.packets, 0u);
}

// Ten packets between latency 5 and 5 + 80: parts of 2, 3, 2, 3 in the middles of the quarters, at 5 + 10, 30, 50, 70.
TEST(ThreadSums, AGathersLatenciesAreSpreadEvenly) {
  ThreadSums sums;
  fabric::Gathering g;
  g.count = 3;
  g.bytes = 320;
  g.delivered = 10;
  g.first_start = 100;
  g.first_head = 105;
  g.last_tail = 186;
  sums.add_gather(g);
  EXPECT_EQ(sums.bytes_to_eject, 2u * 320u);
  EXPECT_EQ(sums.packets.packets, 10u);
  EXPECT_EQ(sums.packets.cycles_sum, 2u * 15 + 3u * 35 + 2u * 55 + 3u * 75);
  EXPECT_EQ(sums.packets.min, 15);
  EXPECT_EQ(sums.packets.max, 75);
}

ThreadSums some_sums() {
  ThreadSums sums = empty_sums(2);
  sums.packets.add(20, 3);
  sums.packets.add(500, 1);
  sums.ops[0][1].add(10, 30);
  sums.ops[0][1].flops = 9;
  sums.tasks_done = 4;
  sums.ranks_done = 1;
  sums.flops_by[0] = 1;
  sums.flops_by[1] = 2;
  sums.flops_by[2] = 3;
  sums.flops_recomputed = 4;
  sums.bytes_to_eject = 640;
  sums.detours = 2;
  sums.detour_hops = 6;
  sums.rank_end = 30;
  sums.step_end[0] = 30;
  return sums;
}

TEST(ThreadSums, ManyThatDidTheSameAddAsOftenAndEndAtTheSameTime) {
  ThreadSums sums = some_sums();
  sums.multiply(3);
  EXPECT_EQ(sums.packets.packets, 12u);
  EXPECT_EQ(sums.packets.count[20], 9u);
  EXPECT_EQ(sums.packets.cycles_sum, 3u * (60 + 500));
  EXPECT_EQ(sums.packets.max, 500);
  EXPECT_EQ(sums.ops[0][1].count, 3u);
  EXPECT_EQ(sums.ops[0][1].cycles_sum, 60u);
  EXPECT_EQ(sums.ops[0][1].flops, 27);
  EXPECT_EQ(sums.ops[0][1].cycles_min, 20);
  EXPECT_EQ(sums.tasks_done, 12u);
  EXPECT_EQ(sums.ranks_done, 3u);
  EXPECT_EQ(sums.flops_by[0] + sums.flops_by[1] + sums.flops_by[2], 18);
  EXPECT_EQ(sums.flops_recomputed, 12);
  EXPECT_EQ(sums.bytes_to_eject, 1920u);
  EXPECT_EQ(sums.detours, 6u);
  EXPECT_EQ(sums.detour_hops, 18u);
  EXPECT_EQ(sums.rank_end, 30);
  EXPECT_EQ(sums.step_end[0], 30);
}

TEST(ThreadSums, WhatALoneTaskAddsIsAddedAgain) {
  ThreadSums lone = some_sums();
  lone.lone_op.add(0, 25);
  lone.lone_op.flops = 8;
  const TaskSums task = lone.of_lone_task();
  EXPECT_EQ(task.packet_bins.size(), 2u);
  ThreadSums sums = empty_sums(2);
  sums.add(task, 0, 1);
  sums.add(task, 0, 1);
  EXPECT_EQ(sums.packets.packets, 8u);
  EXPECT_EQ(sums.packets.count, [] {
    LatencyHistogram h;
    h.add(20, 6);
    h.add(500, 2);
    return h.count;
  }());
  EXPECT_EQ(sums.packets.cycles_sum, 2u * (60 + 500));
  EXPECT_EQ(sums.packets.min, 20);
  EXPECT_EQ(sums.packets.max, 500);
  EXPECT_EQ(sums.ops[0][1].count, 2u);
  EXPECT_EQ(sums.ops[0][1].flops, 16);
  EXPECT_EQ(sums.flops_by[2], 6);
  EXPECT_EQ(sums.flops_recomputed, 8);
  EXPECT_EQ(sums.bytes_to_eject, 1280u);
  EXPECT_EQ(sums.detours, 4u);
  EXPECT_EQ(sums.detour_hops, 12u);
  EXPECT_EQ(sums.tasks_done, 8u) << "of a record none: its end does not reach a sequencer";
}

TEST(ThreadSums, ATaskOfNoOperationAddsToNone) {
  ThreadSums lone, sums = empty_sums(1);
  lone.lone_op.add(0, 25);
  sums.add(lone.of_lone_task(), 0, kNone);
  EXPECT_EQ(sums.ops[0][0].count, 0u);
}

TEST(ThreadSums, OfOneTaskAloneThereIsOneOperation) {
  ThreadSums sums;
  EXPECT_EQ(&sums.op(3, 8), &sums.lone_op);
  sums = empty_sums(2);
  EXPECT_EQ(&sums.op(0, 1), &sums.ops[0][1]);
}

TEST(Breakdowns, AddByClass) {
  Breakdown sum{1, 2, 3, 4, 5};
  add(sum, {10, 20, 30, 40, 50});
  EXPECT_EQ(sum.compute, 11u);
  EXPECT_EQ(sum.communication, 22u);
  EXPECT_EQ(sum.overlapped, 33u);
  EXPECT_EQ(sum.memory, 44u);
  EXPECT_EQ(sum.idle, 55u);
}

TEST(DieCounters, AreListedAndAddedInOneOrder) {
  const topology::Topology topology(die_params(2, 2));
  fabric::DieNetwork network, other;
  network.configure(topology, 0);
  other.configure(topology, 0);
  std::vector<CoreCounters> cores(4), others(4);
  fabric::LinkUse& link = network.use(2, topology::Direction::kNorth);
  link = {11, 12, 13};
  network.use(1) = {21, 22};
  cores[3] = {31, 32, 33};
  std::vector<std::uint64_t> counters{1, 2, 3};  // is written over
  list_counters(network, cores, counters);
  ASSERT_EQ(counters.size(), 4u * (4 * 3 + 2 + 3));
  add_to_counters(other, others, counters);
  add_to_counters(other, others, counters);
  const fabric::Link twice = other.link(2, topology::Direction::kNorth);
  EXPECT_EQ(twice.busy_cycles, 22u);
  EXPECT_EQ(twice.queue_cycles, 24u);
  EXPECT_EQ(twice.bursts, 26u);
  EXPECT_EQ(other.port(1).bytes_injected, 42u);
  EXPECT_EQ(other.port(1).bytes_ejected, 44u);
  EXPECT_EQ(others[3].busy_cycles, 62u);
  EXPECT_EQ(others[3].matrix_flops, 64);
  EXPECT_EQ(others[3].vector_flops, 66);
}

}  // namespace
}  // namespace dojo::machine::test
