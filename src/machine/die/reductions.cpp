// SPDX-License-Identifier: Apache-2.0
#include "machine/die/reductions.h"

#include <algorithm>

namespace dojo::machine {

using workload::DataflowItem;
using workload::DataflowPlan;

void Reductions::start(std::uint32_t rank_die, std::uint32_t task, std::uint32_t instance, Cycles now) {
  std::uint32_t index = 0;
  while (index < state_.runs.size() && state_.runs[index].in_use) ++index;
  if (index == state_.runs.size()) state_.runs.emplace_back().index = index;
  Run& run = state_.runs[index];
  run.info = &context_.plans[context_.job.instances[instance].plan];
  run.instance = instance;
  run.rank_die = rank_die;
  run.task = task;
  run.in_use = true;
  run.level = 0;
  run.finish = now;
  run.ready.assign(run.info->level_order.size(), now);
  time_.network_starts(rank_die, now);
  advance(run, now);
}

void Reductions::handle(const engine::Event& e) {
  Run& run = state_.runs[e.a];
  if (Timer::kind<Kind>(e) == Kind::kLevel) return advance(run, e.time);
  run.in_use = false;
  time_.network_ends(run.rank_die, e.time);
  ends_.task_done(run.rank_die, run.task, e.time);
}

void Reductions::advance(Run& run, Cycles now) {
  const PlanInfo& info = *run.info;
  for (; run.level + 1 < info.level_begin.size(); ++run.level) {
    const auto begin = info.level_order.begin() + info.level_begin[run.level];
    const auto end = info.level_order.begin() + info.level_begin[run.level + 1];
    Cycles first = kNever;
    for (auto at = begin; at != end; ++at) first = std::min(first, run.ready[*at]);
    if (first > now) return timer_.at(first, Kind::kLevel, run.index);
    for (auto at = begin; at != end; ++at) fire(run, *at);
  }
  timer_.at(run.finish, Kind::kDone, run.index);
}

/// An item adds what has come to what it has, and sends the sum on.
void Reductions::fire(Run& run, std::uint32_t index) {
  const DataflowPlan& plan = *run.info->plan;
  const std::uint32_t chunk = index % plan.chunks;
  const std::uint32_t item_index = index / plan.chunks;
  const DataflowItem& item = plan.items[item_index];
  const RankDie& place = residents_[run.rank_die];
  const auto& participants = context_.job.instances[run.instance].participants;
  const workload::SliceShape& shape = *place.slice->shape;
  Cycles now = run.ready[index];
  if (item.combine) {
    const std::uint32_t node = participants[item.position].index - place.first_node;
    now = adders_.add(run.rank_die, node, run.info->item_splits[item_index].of(chunk), now);
  }
  run.finish = std::max(run.finish, now);
  for (std::uint32_t e = item.edges_begin; e < item.edges_end; ++e) {
    const workload::DataflowEdge& edge = plan.edges[e];
    const DataflowItem& to = plan.items[edge.item];
    Cycles& ready = run.ready[edge.item * plan.chunks + chunk];
    if (to.position == item.position) {
      ready = std::max(ready, now);
      continue;
    }
    const workload::SliceShape::Node& there = shape.nodes[participants[to.position].index];
    fabric::Burst burst;
    burst.row = place.slice->first_site_row + there.row;
    burst.column = place.slice->first_site_column + there.column;
    const Bytes bytes = std::max<Bytes>(64, run.info->edge_splits[e].of(chunk));
    ready = std::max(ready, port_.send_within(shape.nodes[participants[item.position].index].site, burst, bytes, now));
  }
}

void Reductions::copy(const Reductions& from, const RowNames& names) {
  state_ = from.state_;
  auto& [runs] = state_;
  for (Run& each : runs) {
    auto& [info, index, instance, rank_die, task, in_use, level, finish, ready] = each;
    instance = RowNames::of(names.instance, instance);
  }
}

}  // namespace dojo::machine
