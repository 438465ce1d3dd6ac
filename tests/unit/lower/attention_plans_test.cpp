// SPDX-License-Identifier: Apache-2.0
// Candidates of attention: each does all the work, brings each node what it lacks, and the choice has no cliffs.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include "lower/attention_cut.h"

namespace dojo::workload {
namespace {

struct Die {
  explicit Die(topology::MachineParams params = at(topology::Level::kDie))
      : topology(std::move(params)),
        slice(SliceMaker(topology).make(0, 0, topology.site_rows(), topology.site_columns())),
        parts(slice_parts(slice, topology)),
        cost(topology.params().node, node::NodeModel::kTable),
        context{parts.front(), cost, 0, &parts} {}
  static topology::MachineParams at(topology::Level level) {
    topology::MachineParams params;
    params.level = level;
    return params;
  }
  static topology::MachineParams small(std::vector<std::int64_t> disabled = {}) {
    topology::MachineParams params = at(topology::Level::kDie);
    params.die.grid = {3, 4};
    params.die.enabled = 12 - static_cast<std::int64_t>(disabled.size());
    params.die.disabled_sites = std::move(disabled);
    return params;
  }
  topology::Topology topology;
  Slice slice;
  std::vector<SliceGrid> parts;
  node::NodeCost cost;
  PlanContext context;
};

AttentionRequest request(std::int64_t batch, std::int64_t heads, std::int64_t tokens, bool grad = false) {
  AttentionRequest r;
  r.shape = {batch, heads, tokens, tokens, 64, 0, 1, 0, 0};
  r.grad = grad;
  return r;
}

std::vector<Bytes> arriving(const Kernel& kernel) {
  std::vector<Bytes> bytes(kernel.cycles.size() / kernel.steps, 0);
  for (const Unicast& u : kernel.unicasts) bytes[u.destination] += u.bytes;
  return bytes;
}

TEST(AttentionPlans, EachDoesAllTheWork) {
  const Die die(Die::small({1, 6}));
  std::mt19937 random(4711);
  std::set<bool> groups;
  for (int i = 0; i < 40; ++i) {
    const auto size = [&](std::int64_t most) { return static_cast<std::int64_t>(1 + random() % most); };
    AttentionRequest r = request(size(5), 1, 1, i % 2 == 1);
    const std::int64_t ratio = size(3), key_heads = size(6);
    r.shape = {size(5), ratio * key_heads, size(100), size(100), 8 * size(8), key_heads, 0, 0, size(2) - 1};
    constexpr Layout kLayouts[] = {Layout::kAny, Layout::kPixels, Layout::kBandChannels, Layout::kOther};
    r.last_part = static_cast<std::uint8_t>(size(3) - 1);
    r.queries = {kLayouts[random() % 4], r.last_part}, r.keys = {kLayouts[random() % 4], r.last_part};
    for (const AttentionChoice& choice : evaluate_attention(r, die.context)) {
      const KernelPlan plan = build_attention(r, choice, die.context);
      groups.insert(choice.groups.down > 0);
      EXPECT_LE(choice.part, r.last_part);
      EXPECT_EQ(plan.cycles, choice.cycles) << i << " " << plan.name;
      EXPECT_EQ(plan.buffer_bytes, choice.buffer_bytes);
      const auto& flops = plan.kernel.matrix_flops;
      const std::int64_t all = (r.grad ? 8 : 4) * r.shape.batch * r.shape.heads * r.shape.pairs() * r.shape.head_size;
      EXPECT_EQ(std::accumulate(flops.begin(), flops.end(), std::int64_t{0}), all) << i << " " << plan.name;
    }
  }
  EXPECT_EQ(groups.size(), 2u) << "bands and groups";
}

/// Of 6 heads on 12 nodes, each pair of nodes has one: half of its keys and values come from the other node, in any
/// number of steps.
TEST(AttentionPlans, ANodeGetsWhatItLacks) {
  const Die die(Die::small());
  const AttentionRequest r = request(2, 3, 64);
  constexpr Bytes kHalf = 32 * 64 * 2 * 2, kResult = 32 * 64 * 2;
  for (const std::uint32_t steps : {1u, 2u, 4u, 8u}) {
    AttentionChoice choice;
    choice.groups = {3, 2};
    choice.steps = steps;
    const KernelPlan plan = build_attention(r, choice, die.context);
    for (const Bytes bytes : arriving(plan.kernel)) {
      EXPECT_GE(bytes, kHalf) << steps;
      EXPECT_LE(bytes, kHalf + 4 * kResult) << "and what goes back to its band " << steps;
    }
  }
  AttentionChoice alone;
  alone.groups = {3, 4};
  const AttentionRequest heads = request(1, 12, 64);
  for (const Bytes bytes : arriving(build_attention(heads, alone, die.context).kernel))
    EXPECT_LE(bytes, 4 * kResult) << "whole heads need nobody else's keys";
}

/// What lies in bands comes from there: queries too.
TEST(AttentionPlans, OperandsComeFromWhereTheyLie) {
  const Die die(Die::small());
  AttentionRequest r = request(2, 6, 64);
  AttentionChoice choice;
  choice.groups = {3, 4};
  const auto sum = [&] {
    const std::vector<Bytes> bytes = arriving(build_attention(r, choice, die.context).kernel);
    return std::accumulate(bytes.begin(), bytes.end(), Bytes{0});
  };
  const Bytes free = sum();
  r.last_part = 0;
  r.queries = r.keys = {Layout::kBandChannels, 0};
  const Bytes head = 64 * 64 * 2;
  EXPECT_GE(sum() - free, 12 * 3 * head / 4) << "most of queries, keys and values lie elsewhere";
  EXPECT_LE(sum() - free, 12 * 3 * head);
}

double cost_of_choice(const AttentionRequest& r, const Die& die) {
  return choose_attention(evaluate_attention(r, die.context), 0).cycles;
}

TEST(AttentionPlans, MoreIsNotCheaper) {
  const Die die;
  for (const bool grad : {false, true}) {
    double least = 0;  // of what does more
    for (std::int64_t batch = 8; batch >= 1; --batch) {
      const double cycles = cost_of_choice(request(batch, 12, 256, grad), die);
      if (least > 0) {
        EXPECT_LE(cycles, 1.05 * least) << batch << " sequences" << (grad ? ", gradient" : "");
      }
      least = least == 0 ? cycles : std::min(least, cycles);
    }
  }
}

/// Steps keep what is in flight below any share of the SRAM.
TEST(AttentionPlans, FitWhereStepsCanMakeThem) {
  const Die die;
  const AttentionRequest r = request(1, 16, 16384);
  for (const Bytes budget : {300'000, 200'000}) {
    EXPECT_LE(choose_attention(evaluate_attention(r, die.context), budget).buffer_bytes, budget);
  }
}

TEST(AttentionPlans, TheNextCheaperCutsMayBeTaken) {
  const Die die;
  const auto choices = evaluate_attention(request(2, 12, 256), die.context);
  double before = 0;
  std::set<std::tuple<int, std::uint32_t, std::uint32_t, int>> cuts;
  for (std::uint32_t rank = 0; rank < 3; ++rank) {
    const AttentionChoice choice = choose_attention(choices, 0, rank);
    EXPECT_TRUE(
        cuts.emplace(static_cast<int>(choice.stays), choice.groups.down, choice.groups.across, choice.part).second);
    EXPECT_GE(1.01 * choice.cycles, before);
    before = choice.cycles;
  }
}

}  // namespace
}  // namespace dojo::workload
