// SPDX-License-Identifier: Apache-2.0
// Reductions among the nodes of one die: a level of the tree at a time, all its messages in one step.
#include <algorithm>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using fabric::Burst;
using workload::DataflowItem;
using workload::DataflowPlan;

namespace {

/// The last arrival of a message whose bursts all stay on the die.
struct MessageSink {
  const fabric::DieNetwork& network;
  ThreadSums& sums;
  Cycles arrived = 0;
  void deliver(SiteIndex, const Burst& burst, Cycles tail) {
    const Flits n = network.flits(burst.bytes);
    sums.packets.add(tail - (n - 1) - burst.created, static_cast<std::uint64_t>(n));
    arrived = std::max(arrived, tail);
  }
  static void leave(topology::Direction, std::int32_t, const Burst&, Cycles) {
    DOJO_CHECK(false, "a message between nodes of one die leaves it");
  }
};

}  // namespace

void DieShard::start_in_rank(std::uint32_t rank_die, std::uint32_t task, std::uint32_t instance, Cycles now) {
  std::uint32_t index = 0;
  while (index < in_rank_runs_.size() && in_rank_runs_[index]->in_use) ++index;
  if (index == in_rank_runs_.size()) in_rank_runs_.push_back(std::make_unique<InRankRun>());
  InRankRun& run = *in_rank_runs_[index];
  run.info = &context_->plans[context_->job.instances[instance].plan];
  run.instance = instance;
  run.rank_die = rank_die;
  run.task = task;
  run.in_use = true;
  run.level = 0;
  run.finish = now;
  run.ready.assign(run.info->level_order.size(), now);
  change_traffic(rank_dies_[rank_die], 1, 0, now);
  advance_in_rank(index, now);
}

void DieShard::advance_in_rank(std::uint32_t index, Cycles now) {
  InRankRun& run = *in_rank_runs_[index];
  const PlanInfo& info = *run.info;
  for (; run.level + 1 < info.level_begin.size(); ++run.level) {
    const auto begin = info.level_order.begin() + info.level_begin[run.level];
    const auto end = info.level_order.begin() + info.level_begin[run.level + 1];
    Cycles first = kNever;
    for (auto at = begin; at != end; ++at) first = std::min(first, run.ready[*at]);
    if (first > now) return wheel_.add(first, kInRankLevel, index);
    for (auto at = begin; at != end; ++at) fire_in_rank(run, *at);
  }
  wheel_.add(run.finish, kInRankDone, index);
}

/// An item adds what has come to what it has, and sends the sum on.
void DieShard::fire_in_rank(InRankRun& run, std::uint32_t index) {
  const DataflowPlan& plan = *run.info->plan;
  const std::uint32_t chunk = index % plan.chunks;
  const std::uint32_t item_index = index / plan.chunks;
  const DataflowItem& item = plan.items[item_index];
  RankDie& place = rank_dies_[run.rank_die];
  const auto& places = context_->job.instances[run.instance].places;
  const workload::SliceShape& shape = *place.slice->shape;
  Cycles now = run.ready[index];
  if (item.combine) {
    const std::uint32_t node = places[item.position].index - place.first_node;
    now = combine(place, node, run.info->item_pieces[item_index].of(chunk), now);
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
    const workload::SliceShape::Node& there = shape.nodes[places[to.position].index];
    Burst burst;
    burst.row = place.slice->first_site_row + there.row;
    burst.column = place.slice->first_site_column + there.column;
    const Bytes bytes = std::max<Bytes>(64, run.info->edge_pieces[e].of(chunk));
    ready = std::max(ready, send_on_die(shape.nodes[places[item.position].index].site, burst, bytes, now));
  }
}

/// Sends a message to a node of this die from `now`, or when the read port is free; returns its last arrival.
Cycles DieShard::send_on_die(SiteIndex site, Burst burst, Bytes bytes, Cycles now) {
  MessageSink sink{network_, *sums_};
  sums_->bytes_to_eject += static_cast<std::uint64_t>(bytes);
  start_route(site, burst);
  for (Bytes left = bytes; left > 0; left -= burst.bytes) {
    burst.bytes = static_cast<std::uint32_t>(std::min(left, context_->settings.burst_bytes));
    network_.inject(site, burst, std::max(now, network_.inject_free(site)), sink);
  }
  return sink.arrived;
}

/// The communication thread of a node adds `bytes`: two operands are loaded and one stored, 64 B a cycle each, so the
/// store port rules; one add at a time on a node. Returns when the sum is there.
Cycles DieShard::combine(RankDie& place, std::uint32_t node, Bytes bytes, Cycles now) {
  Cycles& free = place.combine_free[node];
  free = std::max(free, now) + adding_cycles(bytes);
  combine_latest_ = std::max(combine_latest_, free);
  return free + context_->topology.params().node.vector_latency_cycles;
}

Cycles DieShard::adding_cycles(Bytes bytes) const {
  const topology::NodeParams& params = context_->topology.params().node;
  return ceil_div(bytes, params.store_ports * params.port_bytes_per_cycle);
}

/// The same on all nodes at once; returns when the last has its sum.
Cycles DieShard::combine_everywhere(RankDie& place, Bytes bytes, Cycles now) {
  const Cycles adding = adding_cycles(bytes);
  Cycles latest = now;
  for (Cycles& free : place.combine_free) {
    free = std::max(free, now) + adding;
    latest = std::max(latest, free);
  }
  combine_latest_ = std::max(combine_latest_, latest);
  return latest + context_->topology.params().node.vector_latency_cycles;
}

void DieShard::in_rank_done(std::uint32_t index, Cycles now) {
  InRankRun& run = *in_rank_runs_[index];
  run.in_use = false;
  change_traffic(rank_dies_[run.rank_die], -1, 0, now);
  task_done_on_die(run.rank_die, run.task, now);
}

}  // namespace dojo::machine
