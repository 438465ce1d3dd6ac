// SPDX-License-Identifier: Apache-2.0
#include "machine/die/reductions.h"

#include <algorithm>
#include <functional>

namespace dojo::machine {

using workload::DataflowItem;
using workload::DataflowPlan;

namespace {

/// Items that are ready this soon after an event fire in it: less than the shortest message takes to pass a die.
constexpr Cycles kAhead = 16;

}  // namespace

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
  run.finish = now;
  const std::uint32_t chunks = run.info->plan->chunks;
  run.ready.assign(std::size_t{chunks} * run.info->item_waits.size(), now);
  run.waits.clear();
  run.open.clear();
  for (std::uint32_t i = 0; i < run.ready.size(); ++i) {
    run.waits.push_back(run.info->item_waits[i / chunks]);
    if (run.waits.back() == 0) run.open.emplace_back(now, i);  // equal times: in ascending order, so it is a heap
  }
  time_.network_starts(rank_die, now);
  advance(run, now);
}

void Reductions::handle(const engine::Event& e) {
  Run& run = state_.runs[e.a];
  if (Timer::kind<Kind>(e) == Kind::kFire) return advance(run, e.time);
  run.in_use = false;
  time_.network_ends(run.rank_die, e.time);
  ends_.task_done(run.rank_die, run.task, e.time);
}

void Reductions::advance(Run& run, Cycles now) {
  while (!run.open.empty()) {
    const auto [ready, index] = run.open.front();
    if (ready > now + kAhead) return timer_.at(ready, Kind::kFire, run.index);
    std::pop_heap(run.open.begin(), run.open.end(), std::greater<>());
    run.open.pop_back();
    fire(run, index);
  }
  timer_.at(std::max(now, run.finish), Kind::kDone, run.index);
}

/// One of the messages that an item waits for is there at `time`.
void Reductions::come(Run& run, std::uint32_t index, Cycles time) {
  run.ready[index] = std::max(run.ready[index], time);
  if (--run.waits[index] != 0) return;
  run.open.emplace_back(run.ready[index], index);
  std::push_heap(run.open.begin(), run.open.end(), std::greater<>());
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
    const std::uint32_t target = edge.item * plan.chunks + chunk;
    if (to.position == item.position) {
      come(run, target, now);
      continue;
    }
    const workload::SliceShape::Node& there = shape.nodes[participants[to.position].index];
    fabric::Burst burst;
    burst.row = place.slice->first_site_row + there.row;
    burst.column = place.slice->first_site_column + there.column;
    const Bytes bytes = std::max<Bytes>(64, run.info->edge_splits[e].of(chunk));
    come(run, target, port_.send_within(shape.nodes[participants[item.position].index].site, burst, bytes, now));
  }
}

void Reductions::copy(const Reductions& from, const RowNames& names) {
  state_ = from.state_;
  auto& [runs] = state_;
  for (Run& each : runs) {
    auto& [info, index, instance, rank_die, task, in_use, finish, ready, waits, open] = each;
    instance = RowNames::of(names.instance, instance);
  }
}

}  // namespace dojo::machine
