// SPDX-License-Identifier: Apache-2.0
// Schedules of send, receive, reduce and copy as plans: the same ring as the built-in one, to the cycle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "collectives/own.h"
#include "collectives/schedule.h"
#include "dojo/base/error.h"
#include "unit/collectives/collectives_support.h"

namespace dojo::workload {
namespace {

using test::Bench;
using test::entry_order;
using test::PlanRun;
using test::run_plan;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

/// As src/collectives/ring.cpp says it: parts of 1/n go around, then their sums.
CollectiveSchedule ring(const CollectiveCall& call) {
  const auto n = static_cast<std::uint32_t>(call.members.size());
  const bool scatter = call.kind != OpKind::kAllGather, gather = call.kind != OpKind::kReduceScatter;
  CollectiveSchedule s(n, call.kind == OpKind::kAllReduce ? n : 1);
  for (std::uint32_t me = 0; me < n; ++me) {
    const std::uint32_t next = (me + 1) % n, before = (me + n - 1) % n;
    for (std::uint32_t step = 0; scatter && step + 1 < n; ++step) {
      s.send(me, next, (me + 2 * n - step - 1) % n);
      s.reduce(me, before, (me + 2 * n - step - 2) % n);
    }
    for (std::uint32_t step = 0; gather && step + 1 < n; ++step) {
      s.send(me, next, (me + n - step) % n);
      s.receive(me, before, (me + n - step - 1) % n);
    }
  }
  return s;
}

Algorithm added(const std::string& name, const std::function<CollectiveSchedule(const CollectiveCall&)>& steps,
                std::vector<OpKind> kinds = {OpKind::kAllReduce, OpKind::kReduceScatter, OpKind::kAllGather}) {
  return add_collective({name, "", std::move(kinds), steps, {}, "this test"});
}

std::string refusal(const CollectiveRequest& request, const topology::Topology& topology) {
  try {
    (void)build_collective(request, topology);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    return error.what();
  }
  return "accepted";
}

TEST(OwnCollectives, WhatAPlugInDoesWrongIsTold) {
  Bench bench;
  bench.add_dies(1, 3);
  CollectiveRequest request = bench.request(OpKind::kAllReduce, 4096);
  request.algorithm =
      added("empty", [](const CollectiveCall& call) { return CollectiveSchedule(call.members.size()); });
  EXPECT_THAT(refusal(request, bench.topology),
              HasSubstr("this test: collective \"empty\", all_reduce of 3 members: it is not complete"));
  request.algorithm =
      added("throws", [](const CollectiveCall&) -> CollectiveSchedule { throw std::runtime_error("no licence"); });
  EXPECT_THAT(refusal(request, bench.topology),
              HasSubstr("this test: collective \"throws\": found an exception (no licence), expected a schedule"));
  request.algorithm = added("throws_number", [](const CollectiveCall&) -> CollectiveSchedule { throw 7; });
  EXPECT_THAT(refusal(request, bench.topology), HasSubstr("an exception of no known kind"));
  request.algorithm = added("at", [](const CollectiveCall&) {
    CollectiveSchedule s(1);
    s.send(5, 0, 0);
    return s;
  });
  EXPECT_THAT(refusal(request, bench.topology), HasSubstr("collective \"at\": found an exception"));
}

TEST(OwnCollectives, OtherKindsAndMembersAreRefused) {
  Bench bench;
  bench.add_dies(1, 3);
  CollectiveRequest request = bench.request(OpKind::kBroadcast, 4096, "", 1);
  OwnCollective own{
      "pairs",    "", {OpKind::kAllReduce}, ring, [](const CollectiveCall& call) {
                      return call.members.size() == 2; },
      "this test"};
  request.algorithm = add_collective(own);
  EXPECT_THAT(refusal(request, bench.topology),
              AllOf(HasSubstr("\"pairs\" of this test cannot serve broadcast of 3 members with root 1"),
                    HasSubstr("(all_reduce)")));
  request.kind = OpKind::kAllReduce;
  EXPECT_THAT(refusal(request, bench.topology), HasSubstr("(other members)"));
  request.members.pop_back();
  EXPECT_EQ(refusal(request, bench.topology), "accepted");
  request.bytes = -1;
  EXPECT_THAT(refusal(request, bench.topology), HasSubstr("bytes -1"));
}

TEST(OwnCollectives, AFileServesWhatItHas) {
  Bench bench;
  bench.add_dies(1, 3);
  CollectiveRequest request = bench.request(OpKind::kAllReduce, 4096);
  const Algorithm file = schedule_file("folder/three.json");
  request.algorithm = file;
  CollectiveCall call;
  call.members.resize(3);
  add_schedules(file, {{{OpKind::kAllReduce, 3, 0}, ring(call)}, {{OpKind::kReduce, 4, 2}, CollectiveSchedule(4)}});
  EXPECT_EQ(build_collective(request, bench.topology).algorithm, "three.json");
  request.members.pop_back();
  EXPECT_THAT(refusal(request, bench.topology),
              AllOf(HasSubstr("folder/three.json: found no schedule for all_reduce of 2 members"),
                    HasSubstr("it has: all_reduce of 3, reduce of 4 with root 2")));
}

TEST(OwnCollectives, ARingOfStepsIsTheBuiltInRing) {
  const Algorithm mine = added("my_ring", ring);
  struct Case {
    std::int32_t rows, columns;
    Bytes bytes;
  };
  for (const Case& c : {Case{1, 2, 4096}, Case{1, 5, 1 << 20}, Case{5, 5, 16 << 20}, Case{2, 2, 3001}}) {
    for (const OpKind kind : {OpKind::kAllReduce, OpKind::kReduceScatter, OpKind::kAllGather}) {
      Bench bench;
      bench.add_dies(c.rows, c.columns);
      const DataflowPlan built_in = build_collective(bench.request(kind, c.bytes, "ring"), bench.topology);
      CollectiveRequest request = bench.request(kind, c.bytes);
      request.algorithm = mine;
      const DataflowPlan plan = build_collective(request, bench.topology);
      EXPECT_EQ(plan.algorithm, "my_ring");
      EXPECT_EQ(plan.striped, built_in.striped);
      EXPECT_EQ(plan.track_node, built_in.track_node);
      EXPECT_EQ(plan.model_seconds, built_in.model_seconds) << op_kind_name(kind) << " " << c.bytes;
      EXPECT_GT(plan.model_seconds, 0);
      const auto n = static_cast<std::uint32_t>(request.members.size());
      EXPECT_EQ(run_plan(plan, entry_order(n)).bytes_moved, run_plan(built_in, entry_order(n)).bytes_moved);
    }
  }
}

/// Every item fires once whoever comes first, and nobody is done before all others have come.
TEST(OwnCollectives, PlansFireOnceInAnyOrderOfRanks) {
  Bench bench;
  bench.add_dies(2, 3);
  CollectiveRequest request = bench.request(OpKind::kAllReduce, 1 << 16);
  request.algorithm = added("any_order", ring);
  const DataflowPlan plan = build_collective(request, bench.topology);
  for (const bool reversed : {false, true}) {
    const PlanRun run = run_plan(plan, entry_order(6, reversed));
    EXPECT_THAT(run.fired, Each(1));
    EXPECT_THAT(run.done_at, Each(6U));
    EXPECT_FALSE(run.early_finish);
  }
}

/// Member 0 sends a vector of 4 parts in pieces of 3 and 1, where member 1 has them copied.
TEST(OwnCollectives, SlotsHaveTheirBytes) {
  Bench bench;
  bench.add_dies(1, 2);
  CollectiveRequest request = bench.request(OpKind::kBroadcast, 4003);
  request.algorithm = added("pieces",
                            [](const CollectiveCall&) {
                              CollectiveSchedule s(2, 4);
                              s.send(0, 1, 0, 3);
                              s.send(0, 1, 3);
                              s.receive(1, 0, 10, 3);
                              s.receive(1, 0, 3);
                              s.copy(1, 10, 0, 3);
                              return s;
                            },
                            {OpKind::kBroadcast});
  const DataflowPlan plan = build_collective(request, bench.topology);
  std::vector<Bytes> bytes;
  for (const DataflowEdge& edge : plan.edges)
    if (edge.bytes > 0) bytes.push_back(edge.bytes);
  EXPECT_EQ(bytes, (std::vector<Bytes>{3002, 1001}));
  EXPECT_EQ(std::accumulate(bytes.begin(), bytes.end(), Bytes{0}), 4003);
  EXPECT_THAT(run_plan(plan, entry_order(2)).fired, Each(1));
}

TEST(OwnCollectives, ABarriersMessagesAreSignals) {
  Bench bench;
  bench.add_dies(1, 2);
  CollectiveRequest request = bench.request(OpKind::kBarrier, 0);
  request.algorithm = added("meet",
                            [](const CollectiveCall&) {
                              CollectiveSchedule s(2);
                              for (std::uint32_t me = 0; me < 2; ++me) {
                                s.send(me, 1 - me, 0);
                                s.reduce(me, 1 - me, 0);
                              }
                              return s;
                            },
                            {OpKind::kBarrier});
  const PlanRun run = run_plan(build_collective(request, bench.topology), entry_order(2));
  EXPECT_EQ(run.bytes_moved, 2 * 64);
  EXPECT_THAT(run.done_at, Each(2U));
}

/// Of a chain of five, chunks that a walk chooses are faster than one, and as fast as the best that could be given.
TEST(OwnCollectives, ChunksAreChosenByWalks) {
  Bench bench;
  bench.add_dies(1, 5);
  const auto chain = [](std::uint32_t chunks) {
    return [chunks](const CollectiveCall&) {
      CollectiveSchedule s(5, 1, chunks);
      for (std::uint32_t me = 0; me < 5; ++me) {
        if (me > 0) s.receive(me, me - 1, 0);
        if (me < 4) s.send(me, me + 1, 0);
      }
      return s;
    };
  };
  const auto seconds = [&](std::uint32_t chunks) {
    CollectiveRequest request = bench.request(OpKind::kBroadcast, 16 << 20);
    request.algorithm = added("chain" + std::to_string(chunks), chain(chunks), {OpKind::kBroadcast});
    const DataflowPlan plan = build_collective(request, bench.topology);
    EXPECT_TRUE(chunks == 0 || plan.chunks == chunks);
    return plan.model_seconds;
  };
  double best = seconds(1);
  const double whole = best;
  for (const std::uint32_t chunks : {2U, 4U, 8U, 16U, 32U, 64U}) best = std::min(best, seconds(chunks));
  const double chosen = seconds(0);
  const DataflowPlan tree = build_collective(bench.request(OpKind::kBroadcast, 16 << 20, "tree"), bench.topology);
  EXPECT_EQ(chosen, best);
  EXPECT_LT(chosen, 0.5 * whole);
  EXPECT_NEAR(chosen, tree.model_seconds, 0.05 * tree.model_seconds) << "the tree of a row is the same chain";
}

}  // namespace
}  // namespace dojo::workload
