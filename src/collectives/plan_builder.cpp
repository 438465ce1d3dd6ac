// SPDX-License-Identifier: Apache-2.0
// Turns items and edges collected in any order into a dataflow plan grouped by position.
#include "collectives/common.h"
#include "dojo/base/error.h"

namespace dojo::workload::collectives {

std::uint32_t PlanBuilder::item(std::uint32_t position, Flags flags) {
  DataflowItem item;
  item.position = position;
  item.start = flags.start;
  item.finish = flags.finish;
  item.combine = flags.combine_bytes > 0;
  item.bytes = flags.combine_bytes;
  items_.push_back(item);
  return static_cast<std::uint32_t>(items_.size() - 1);
}

void PlanBuilder::edge(std::uint32_t from, std::uint32_t to, Bytes bytes) {
  edges_.push_back({from, to, bytes});
}

DataflowPlan PlanBuilder::build(Algorithm algorithm, const Lanes& lanes, const ChunkChoice& choice,
                                const topology::Topology& topology) const {
  DataflowPlan plan;
  plan.algorithm = schema::enum_text(algorithm);
  plan.positions = positions_;
  plan.striped = lanes.striped;
  plan.lane_node = lanes.striped ? std::vector<std::uint32_t>{0} : lanes.nodes;
  plan.lanes = static_cast<std::uint32_t>(plan.lane_node.size());
  plan.chunks = static_cast<std::uint32_t>(choice.chunks);
  plan.model_seconds = choice.cycles / topology.params().clock_hz;

  plan.item_begin.assign(positions_ + 1, 0);
  for (const DataflowItem& item : items_) ++plan.item_begin[item.position + 1];
  for (std::uint32_t p = 0; p < positions_; ++p) plan.item_begin[p + 1] += plan.item_begin[p];
  std::vector<std::uint32_t> new_index(items_.size()), next(plan.item_begin.begin(), plan.item_begin.end() - 1);
  plan.items.resize(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    new_index[i] = next[items_[i].position]++;
    plan.items[new_index[i]] = items_[i];
  }

  std::vector<std::uint32_t> need(plan.items.size(), 0), begin(plan.items.size() + 1, 0);
  for (const RawEdge& e : edges_) {
    ++need[new_index[e.to]];
    ++begin[new_index[e.from] + 1];
  }
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    begin[i + 1] += begin[i];
    plan.items[i].edges_begin = begin[i];
    plan.items[i].edges_end = begin[i + 1];
    need[i] += plan.items[i].start ? 1u : 0u;
    DOJO_CHECK(need[i] >= 1 && need[i] <= kMaxNeed, "{} plan: item {} needs {} tokens", plan.algorithm, i, need[i]);
    plan.items[i].need = static_cast<std::uint16_t>(need[i]);
  }
  plan.edges.resize(edges_.size());
  for (const RawEdge& e : edges_) plan.edges[begin[new_index[e.from]]++] = {new_index[e.to], e.bytes};
  return plan;
}

DataflowPlan trivial_plan(Algorithm algorithm, const topology::Topology& topology) {
  PlanBuilder builder(1);
  PlanBuilder::Flags flags;
  flags.start = flags.finish = true;
  builder.item(0, flags);
  Lanes lanes;
  lanes.nodes = {0};
  return builder.build(algorithm, lanes, ChunkChoice{}, topology);
}

}  // namespace dojo::workload::collectives
