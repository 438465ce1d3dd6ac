// SPDX-License-Identifier: Apache-2.0
// What leaves SRAM and when it comes back, on sequences small enough to follow by hand; and on random ones the laws.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lower/stream_plan.h"
#include "support/draw.h"

namespace dojo::workload {
namespace {

/// Operations of 100 cycles each; a load takes 100 cycles for 1,000 bytes.
StreamInput sequence(std::uint32_t operations, Bytes capacity) {
  StreamInput input;
  input.buffers.assign(operations, 0);
  input.cycles.assign(operations, 100);
  input.capacity = capacity;
  return input;
}

void add(StreamInput& input, Bytes bytes, bool persistent, std::vector<StreamTensor::Use> uses) {
  input.tensors.push_back({bytes, 0.1 * static_cast<double>(bytes), persistent, std::move(uses)});
}
StreamTensor::Use reads(std::uint32_t position) {
  return {position, true, false};
}
StreamTensor::Use writes(std::uint32_t position) {
  return {position, false, true};
}
StreamTensor::Use updates(std::uint32_t position) {
  return {position, true, true};
}

TEST(StreamPlan, SaysWhatAnOperationAloneIsTooLargeBy) {
  StreamInput input = sequence(2, 999);
  add(input, 400, true, {reads(0), reads(1)});
  add(input, 500, true, {reads(1)});
  input.buffers = {0, 100};
  const StreamPlan plan = plan_stream(input);
  EXPECT_EQ(plan.missing, 1);
  EXPECT_EQ(plan.fullest, 1u);
  EXPECT_THAT(plan.present, testing::ElementsAre(0, 1));
  input.capacity = 1000;
  EXPECT_EQ(plan_stream(input).missing, 0);
}

TEST(StreamPlan, NoOperationsNeedNothing) {
  EXPECT_TRUE(plan_stream(sequence(0, 10)).evictions.empty());
}

TEST(StreamPlan, WhatFitsStays) {
  StreamInput input = sequence(3, 1000);
  add(input, 600, true, {reads(0), reads(2)});
  add(input, 400, false, {writes(0), reads(1)});
  EXPECT_TRUE(plan_stream(input).evictions.empty());
}

/// Three weights, room for two: that which is used last waits in HBM, and its load begins when the first is done.
TEST(StreamPlan, LoadsAWeightAheadOfItsUse) {
  StreamInput input = sequence(3, 2000);
  for (std::uint32_t i = 0; i < 3; ++i) add(input, 1000, true, {reads(i)});
  const StreamPlan plan = plan_stream(input);
  // At operation 0 the third leaves, and is loaded before operation 2, as soon as the first has left.
  ASSERT_EQ(plan.evictions.size(), 2u);
  EXPECT_EQ(plan.evictions[1].tensor, 2u);
  EXPECT_EQ(plan.evictions[1].next_use, 2u);
  EXPECT_EQ(plan.evictions[1].load_at, 1u);
  EXPECT_FALSE(plan.evictions[1].stores);
  // The first left for it, and is loaded as the next step begins.
  EXPECT_EQ(plan.evictions[0].tensor, 0u);
  EXPECT_EQ(plan.evictions[0].load_at, 0u);
  EXPECT_LE(*std::max_element(plan.live.begin(), plan.live.end()), 2000);
}

/// A load does not begin earlier than it has to.
TEST(StreamPlan, BeginsLoadsInTimeButNotAtOnce) {
  StreamInput input = sequence(10, 2000);
  add(input, 1500, false, {writes(0), reads(1)});
  add(input, 1000, true, {reads(9)});
  const StreamPlan plan = plan_stream(input);
  ASSERT_EQ(plan.evictions.size(), 1u);
  EXPECT_EQ(plan.evictions[0].load_at, 8u);
  input.latency_cycles = 250;
  EXPECT_EQ(plan_stream(input).evictions[0].load_at, 5u);
}

/// A result that comes back was stored; HBM has weights that nobody wrote, and what was stored once.
TEST(StreamPlan, StoresOnlyWhatHbmDoesNotHave) {
  StreamInput input = sequence(7, 1000);
  add(input, 800, false, {writes(0), reads(2), reads(4), updates(6)});
  for (const std::uint32_t i : {1u, 3u, 5u}) add(input, 900, true, {reads(i)});
  const StreamPlan plan = plan_stream(input);
  EXPECT_EQ(plan.missing, 0);
  std::vector<bool> stores;
  for (const Eviction& eviction : plan.evictions)
    if (eviction.tensor == 0) stores.push_back(eviction.stores);
  EXPECT_EQ(stores, (std::vector<bool>{true, false, false}));
  for (const Eviction& eviction : plan.evictions)
    if (eviction.tensor != 0) {
      EXPECT_FALSE(eviction.stores);
    }
}

/// State of an optimizer is loaded and stored once a step; a weight that is overwritten need not be loaded for that.
TEST(StreamPlan, UpdatesStateInHbm) {
  StreamInput input = sequence(4, 1000);
  add(input, 900, true, {updates(3)});            // state
  add(input, 100, true, {reads(0), writes(3)});   // weight
  add(input, 900, false, {writes(0), reads(1)});  // activation
  const StreamPlan plan = plan_stream(input);
  EXPECT_EQ(plan.missing, 0);
  ASSERT_EQ(plan.evictions.size(), 1u);
  EXPECT_EQ(plan.evictions[0].tensor, 0u);
  EXPECT_TRUE(plan.evictions[0].stores && plan.evictions[0].loads);
  EXPECT_EQ(plan.evictions[0].free_at, kNone);  // nothing needs its place in this step
}

class RandomStreams : public testing::TestWithParam<std::uint64_t> {};

/// SRAM is never above its capacity, whatever is used is there, and nothing is loaded before its place is free.
TEST_P(RandomStreams, KeepToTheCapacity) {
  test::Draw draw(GetParam());
  const auto operations = static_cast<std::uint32_t>(draw.between(1, 40));
  StreamInput input = sequence(operations, 0);
  for (Bytes& bytes : input.buffers) bytes = draw.between(0, 100);
  for (std::int64_t t = draw.between(1, 30); t > 0; --t) {
    const bool persistent = draw.one_in(3);
    std::vector<StreamTensor::Use> uses;
    for (std::uint32_t p = 0; p < operations; ++p) {
      if (!draw.one_in(6)) continue;
      const bool first = uses.empty() && !persistent;
      uses.push_back({p, !first && !draw.one_in(5), first || draw.one_in(4)});
    }
    if (!uses.empty()) add(input, draw.between(1, 1000), persistent, std::move(uses));
  }
  Bytes least = 0;
  for (std::uint32_t p = 0; p < operations; ++p) {
    Bytes here = input.buffers[p];
    for (const StreamTensor& tensor : input.tensors)
      for (const StreamTensor::Use& use : tensor.uses) here += use.position == p ? tensor.node_bytes : 0;
    least = std::max(least, here);
  }
  input.capacity = least + draw.between(0, 2000);
  const StreamPlan plan = plan_stream(input);
  EXPECT_EQ(plan.missing, 0);
  std::vector<Bytes> live = input.buffers;
  for (std::uint32_t t = 0; t < input.tensors.size(); ++t) {
    const StreamTensor& tensor = input.tensors[t];
    std::vector<bool> there(operations, tensor.persistent);
    if (!tensor.persistent)
      for (std::uint32_t p = tensor.uses.front().position; p <= tensor.uses.back().position; ++p) there[p] = true;
    for (const Eviction& eviction : plan.evictions) {
      if (eviction.tensor != t) continue;
      const bool over_steps = eviction.next_use <= eviction.last_use;
      const std::uint32_t back = eviction.loads ? eviction.load_at : eviction.next_use;
      EXPECT_LE(back, eviction.next_use);
      if (over_steps) {
        for (std::uint32_t p = 0; p < back; ++p) there[p] = false;
        for (std::uint32_t p = eviction.free_at; p < operations; ++p) there[p] = false;
      } else {
        EXPECT_GT(eviction.free_at, eviction.last_use);
        EXPECT_LT(eviction.free_at, eviction.next_use);
        for (std::uint32_t p = eviction.free_at; p < back; ++p) there[p] = false;
      }
    }
    for (const StreamTensor::Use& use : tensor.uses) EXPECT_TRUE(there[use.position]) << t;
    for (std::uint32_t p = 0; p < operations; ++p) live[p] += there[p] ? tensor.node_bytes : 0;
  }
  EXPECT_EQ(live, plan.live);
  for (const Bytes bytes : live) EXPECT_LE(bytes, input.capacity);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomStreams, testing::Range<std::uint64_t>(1, 200));

}  // namespace
}  // namespace dojo::workload
