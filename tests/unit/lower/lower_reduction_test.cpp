// SPDX-License-Identifier: Apache-2.0
// In-rank reductions: every node's sums reach the destinations, whatever the cut.
#include "lower/reduction.h"

#include <gtest/gtest.h>

#include <numeric>

#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace {

struct Die {
  Die() : topology(params()), slice(SliceMaker(topology).make(0, 0, 4, 5)), grid(slice, topology) {}
  static topology::MachineParams params() {
    topology::MachineParams p;
    p.level = topology::Level::kDie;
    p.die.grid = {4, 5};
    p.die.enabled = 18;
    p.die.disabled_sites = {3, 11};
    return p;
  }
  topology::Topology topology;
  Slice slice;
  SliceGrid grid;
};

/// Fires items as their tokens come; returns how many have fired.
std::size_t run(const DataflowPlan& plan) {
  std::vector<std::uint32_t> tokens(plan.items.size(), 0);
  std::vector<std::uint32_t> ready;
  std::size_t fired = 0;
  const auto give = [&](std::uint32_t item) {
    if (++tokens[item] == plan.items[item].need) {
      ready.push_back(item);
    }
  };
  for (std::uint32_t i = 0; i < plan.items.size(); ++i) {
    if (plan.items[i].start) {
      give(i);
    }
  }
  while (!ready.empty()) {
    const std::uint32_t item = ready.back();
    ready.pop_back();
    ++fired;
    for (std::uint32_t e = plan.items[item].edges_begin; e < plan.items[item].edges_end; ++e) {
      give(plan.edges[e].item);
    }
  }
  return fired;
}

TEST(Reduction, EveryItemFiresOnceAndBytesAddUp) {
  const Die die;
  for (const bool rows : {false, true}) {
    for (const bool columns : {false, true}) {
      for (const std::uint32_t arity : {1U, 2U, 3U}) {
        for (const std::uint32_t parts : {1U, 2U, 4U}) {
          const ReductionSpec spec{rows, columns, 4096, 9000, residency(die.grid.shape(), 9000)};
          const ReductionShape shape{rows ? parts : 1, columns ? parts : 1, arity, 1, 0};
          const InRankDataflow flow = build_reduction(spec, shape, die.grid);
          EXPECT_EQ(run(flow.plan), flow.plan.items.size()) << rows << columns << arity << parts;
          // All 18 nodes take part.
          EXPECT_EQ(flow.nodes.size(), 18U);
          EXPECT_EQ(flow.plan.item_begin.back(), flow.plan.items.size());
          for (const DataflowItem& item : flow.plan.items) {
            for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
              const bool local = flow.plan.items[flow.plan.edges[e].item].position == item.position;
              EXPECT_TRUE(!local || flow.plan.edges[e].bytes == 0) << "a token needs no bytes";
            }
          }
        }
      }
    }
  }
}

TEST(Reduction, RowSumsTravelOverTheNetworkOncePerNode) {
  // 4 rows of 5, 2 sites disabled: 18 nodes, 4 roots; one part: 14 messages of 1,000 B, then the result.
  const Die die;
  const ReductionSpec spec{true, false, 1000, 4000, {0}};
  const InRankDataflow flow = build_reduction(spec, {1, 1, 1, 1, 0}, die.grid);
  std::size_t sums = 0;
  for (const DataflowEdge& edge : flow.plan.edges) {
    sums += edge.bytes == 1000 ? 1 : 0;
  }
  EXPECT_GE(sums, 14U);
  EXPECT_LE(sums, 18U) << "the result's pieces of three or four rows are 1,000 B too";
}

TEST(Reduction, TheChosenShapeKeepsMessagesFew) {
  const Die die;
  const ReductionSpec spec{true, true, 1 << 20, 1 << 19, residency(die.grid.shape(), 1 << 19)};
  const ReductionShape shape = choose_reduction(spec, die.grid, die.topology.params().node);
  const InRankDataflow flow = build_reduction(spec, shape, die.grid);
  EXPECT_LE(flow.plan.edges.size() * shape.chunks, 20U * 18);
  EXPECT_GT(shape.cycles, 0);
}

/// The matrices of a batch lie one after the other over the rows: each is added up over the rows that share it.
TEST(Reduction, OfABatchJoinsOnlyTheRowsOfAMatrix) {
  const Die die;
  for (const std::int64_t matrices : {2, 3, 4, 7, 40}) {
    ReductionSpec spec{false, true, 4096, 9000, residency(die.grid.shape(), 9000)};
    spec.matrices = matrices;
    const ReductionShape shape = choose_reduction(spec, die.grid, die.topology.params().node);
    const DataflowPlan plan = build_reduction(spec, shape, die.grid).plan;
    EXPECT_EQ(run(plan), plan.items.size()) << matrices << " matrices";
  }
}

}  // namespace
}  // namespace dojo::workload
