// SPDX-License-Identifier: Apache-2.0
// The ledger on graphs small enough to add up by hand.
#include "lower/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dojo::workload {
namespace {

/// x -> apply -> y -> apply -> z; backward reads y (last), then x. One node; sizes in bytes.
struct Chain {
  Chain() {
    tensor(1000, TensorRole::kWeight);      // 0
    tensor(4000, TensorRole::kInput);       // 1: x
    tensor(6000, TensorRole::kActivation);  // 2: y
    tensor(5000, TensorRole::kActivation);  // 3: z
    op(OpKind::kBatchNormApply, {1}, {2});
    op(OpKind::kConv, {2, 0}, {3});
    op(OpKind::kElementwise, {3}, {});
    op(OpKind::kElementwise, {3}, {});
    op(OpKind::kElementwise, {2}, {});
    op(OpKind::kElementwise, {1}, {});
  }
  void tensor(Bytes bytes, TensorRole role) {
    Tensor t;
    t.bytes = bytes;
    t.role = role;
    graph.tensors.push_back(t);
  }
  void op(OpKind kind, const std::vector<std::uint32_t>& inputs, const std::vector<std::uint32_t>& outputs) {
    Op o;
    o.kind = kind;
    o.inputs_begin = static_cast<std::uint32_t>(graph.tensor_refs.size());
    graph.tensor_refs.insert(graph.tensor_refs.end(), inputs.begin(), inputs.end());
    o.inputs_end = o.outputs_begin = static_cast<std::uint32_t>(graph.tensor_refs.size());
    graph.tensor_refs.insert(graph.tensor_refs.end(), outputs.begin(), outputs.end());
    o.outputs_end = static_cast<std::uint32_t>(graph.tensor_refs.size());
    order.push_back(static_cast<std::uint32_t>(graph.ops.size()));
    graph.ops.push_back(o);
  }
  [[nodiscard]] LedgerResult plan(Bytes capacity, CapacityPolicy policy = CapacityPolicy::kRecomputeThenSpill) const {
    const Ledger ledger({graph, order, 1, capacity, 1, policy});
    return ledger.plan(std::vector<Bytes>(order.size(), 0), 0);
  }
  Graph graph;
  std::vector<std::uint32_t> order;
};

TEST(Ledger, SaysWhatIsMissingWhenNothingMayLeave) {
  // Fullest from the convolution on: weights 1,000 + x 4,000 + y 6,000 + z 5,000.
  EXPECT_EQ(Chain().plan(15999, CapacityPolicy::kFail).missing_per_node, 1);
  EXPECT_EQ(Chain().plan(16000, CapacityPolicy::kFail).missing_per_node, 0);
}

TEST(Ledger, SaysWhatIsMissingWhenNothingCanLeave) {
  // While the convolution runs, its operands are there: 1,000 + 6,000 + 5,000; x can leave.
  EXPECT_EQ(Chain().plan(11999).missing_per_node, 1);
}

TEST(Ledger, KeepsEverythingThatFits) {
  const LedgerResult result = Chain().plan(16000);
  EXPECT_TRUE(result.evictions.empty());
  EXPECT_EQ(result.plan.node_peak, 16000);
  EXPECT_EQ(result.plan.weights, 1000);
  EXPECT_EQ(result.plan.activations_peak, 15000);
}

TEST(Ledger, RecomputesBeforeItSpills) {
  // With y away between the convolution and its own use, the ops on z need 1,000 + 4,000 + 5,000; the convolution still
  // needs x away as well, and x is no cheap result: it is spilled.
  const LedgerResult result = Chain().plan(12000);
  EXPECT_EQ(result.missing_per_node, 0);
  EXPECT_LE(result.plan.node_peak, 12000);
  EXPECT_GT(result.plan.spilled, 0);
}

TEST(Ledger, SpillsOnlyWhereThatIsThePolicy) {
  const LedgerResult result = Chain().plan(12000, CapacityPolicy::kSpill);
  EXPECT_EQ(result.plan.recomputed, 0);
  EXPECT_GT(result.plan.spilled, 0);
  for (const Eviction& eviction : result.evictions) {
    EXPECT_FALSE(eviction.recompute);
  }
}

/// A machine without DIPs has nowhere to spill to: x and y stay, or what may be recomputed leaves.
TEST(Ledger, SpillsNothingWithoutHbm) {
  const Chain chain;
  const std::vector<Bytes> none(chain.order.size(), 0);
  for (const CapacityPolicy policy : {CapacityPolicy::kSpill, CapacityPolicy::kRecomputeThenSpill}) {
    ASSERT_GT(chain.plan(12000, policy).plan.spilled, 0);
    const LedgerResult result = Ledger({chain.graph, chain.order, 1, 12000, 1, policy, false}).plan(none, 0);
    EXPECT_GT(result.missing_per_node, 0);
    EXPECT_EQ(result.plan.spilled, 0);
  }
  const Ledger larger({chain.graph, chain.order, 1, 16000, 1, CapacityPolicy::kSpill, false});
  EXPECT_EQ(larger.plan(none, 0).missing_per_node, 0);
}

TEST(Ledger, BytesOfEvictionsAddUp) {
  const Chain chain;
  for (const Bytes capacity : {12000, 13000, 14000, 15000, 16000}) {
    const LedgerResult result = chain.plan(capacity);
    Bytes sum = 0;
    for (const Eviction& eviction : result.evictions) {
      EXPECT_LT(eviction.last_use + 1, eviction.next_use);
      sum += chain.graph.tensors[eviction.tensor].bytes;
    }
    EXPECT_EQ(sum, result.plan.recomputed + result.plan.spilled) << capacity;
    EXPECT_LE(result.plan.node_peak, capacity);
  }
}

/// Nothing is spilled by the way: what does not fit is streamed, which needs to know the times of the operations.
TEST(Ledger, StreamsInsteadOfSpilling) {
  const Chain chain;
  EXPECT_EQ(chain.plan(15999, CapacityPolicy::kStream).missing_per_node, 1);
  const Ledger ledger({chain.graph, chain.order, 1, 11999, 1, CapacityPolicy::kStream});
  const std::vector<Bytes> none(chain.order.size(), 0);
  // The convolution alone needs weights, y and z.
  EXPECT_EQ(ledger.plan_streamed(none, 0, {std::vector<double>(chain.order.size(), 1), 1, 0}).missing_per_node, 1);
  const Ledger larger({chain.graph, chain.order, 1, 12000, 1, CapacityPolicy::kStream});
  const LedgerResult streamed = larger.plan_streamed(none, 0, {std::vector<double>(chain.order.size(), 1), 1, 0});
  EXPECT_EQ(streamed.missing_per_node, 0);
  EXPECT_EQ(streamed.plan.node_peak, 12000);
  EXPECT_EQ(streamed.plan.spilled, 0);
  EXPECT_GT(streamed.plan.streamed, 0);
}

/// What lies on fewer nodes takes more of each.
TEST(Ledger, CountsTheNodesOfAPart) {
  const Chain chain;
  Ledger ledger({chain.graph, chain.order, 4, 1 << 20, 1, CapacityPolicy::kFail});
  const std::vector<Bytes> none(chain.order.size(), 0);
  const Bytes spread = ledger.plan(none, 0).plan.node_peak;
  for (std::uint32_t t = 0; t < chain.graph.tensors.size(); ++t) ledger.set_nodes(t, 1);
  const Bytes on_one = ledger.plan(none, 0).plan.node_peak;
  EXPECT_GT(on_one, 3 * spread);
  EXPECT_LE(on_one, 4 * spread);
}

}  // namespace
}  // namespace dojo::workload
