// SPDX-License-Identifier: Apache-2.0
// Turns items and edges collected in any order into a dataflow plan grouped by position.
#include "dojo/workload/plan_builder.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::workload {

std::uint32_t PlanBuilder::item(std::uint32_t position, Flags flags) {
  DataflowItem item;
  item.position = position;
  item.start = flags.start;
  item.finish = flags.finish;
  item.combine = flags.combine_bytes > 0;
  item.service = flags.service;
  item.bytes = flags.service == DataflowItem::Service::kNone ? flags.combine_bytes : flags.service_bytes;
  positions_ = std::max(positions_, position + 1);
  items_.push_back(item);
  return static_cast<std::uint32_t>(items_.size() - 1);
}

void PlanBuilder::edge(std::uint32_t from, std::uint32_t to, Bytes bytes) {
  edges_.push_back({from, to, bytes});
}

DataflowPlan PlanBuilder::build(std::string algorithm, std::vector<std::uint32_t> track_node,
                                std::uint32_t chunks) const {
  DataflowPlan plan;
  plan.algorithm = std::move(algorithm);
  plan.positions = positions_;
  plan.tracks = static_cast<std::uint32_t>(track_node.size());
  plan.track_node = std::move(track_node);
  plan.chunks = chunks;

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
    DataflowItem& item = plan.items[i];
    begin[i + 1] += begin[i];
    item.edges_begin = begin[i];
    item.edges_end = begin[i + 1];
    need[i] += item.start ? 1u : 0u;
    const std::uint32_t least = item.service == DataflowItem::Service::kNone ? 1 : 0;
    DOJO_CHECK(need[i] >= least && need[i] <= kMaxNeed, "{} plan: item {} needs {} tokens", plan.algorithm, i, need[i]);
    item.need = static_cast<std::uint16_t>(need[i]);
  }
  plan.edges.resize(edges_.size());
  for (const RawEdge& e : edges_) plan.edges[begin[new_index[e.from]]++] = {new_index[e.to], e.bytes};
  return plan;
}

}  // namespace dojo::workload
