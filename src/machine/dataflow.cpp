// SPDX-License-Identifier: Apache-2.0
// Dataflow plans on one die: items fire when their tokens have come, then send messages on.
#include <algorithm>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using fabric::Burst;
using workload::DataflowEdge;
using workload::DataflowInstance;
using workload::DataflowItem;
using workload::DataflowPlan;
using Place = DataflowInstance::Place;

/// Finds the run of an instance here, or makes it: tokens may come before the task starts here.
DataflowRun& DieShard::dataflow_run(std::uint32_t instance, std::uint32_t position, std::uint32_t rank_die,
                                    std::uint32_t slot) {
  const DataflowInstance& what = context_->job.instances[instance];
  const bool nodes = what.places[position].kind == Place::Kind::kNode;
  const std::uint32_t key = nodes ? kNone : position;
  for (const std::uint32_t i : active_dataflows_) {
    const DataflowRun& run = *dataflows_[i];
    const bool same = nodes ? run.slot == slot : run.slot == kNone && run.instance == instance;
    if (same && run.position == key && run.rank_die == rank_die) return *dataflows_[i];
  }
  std::uint32_t unused = 0;
  while (unused < dataflows_.size() && dataflows_[unused]->in_use) ++unused;
  if (unused == dataflows_.size()) dataflows_.push_back(std::make_unique<DataflowRun>());
  DataflowRun& run = *dataflows_[unused];
  const PlanInfo& info = context_->plans[what.plan];
  const DataflowPlan& plan = *info.plan;
  run.index = unused;
  run.info = &info;
  run.instance = instance;
  run.position = key;
  run.slot = nodes ? slot : kNone;
  run.rank_die = rank_die;
  run.in_use = true;
  run.started = false;
  run.task = kNone;
  run.first_item = nodes ? 0 : plan.item_begin[position];
  run.item_count =
      nodes ? static_cast<std::uint32_t>(plan.items.size()) : plan.item_begin[position + 1] - run.first_item;
  run.finish_left = run.fire_left = 0;
  const RankDie& place = rank_dies_[rank_die];
  if (nodes) {
    run.lane_low = 0;
    run.lane_count = 1;
  } else {
    const auto begin = plan.lane_node.begin();
    const auto low = std::lower_bound(begin, plan.lane_node.end(), place.first_node);
    const auto high = std::lower_bound(low, plan.lane_node.end(), place.first_node + place.node_count);
    run.lane_low = static_cast<std::uint32_t>(low - begin);
    run.lane_count = static_cast<std::uint32_t>(high - low);
  }
  const std::uint32_t copies = run.lane_count * plan.chunks;
  run.tokens.resize(static_cast<std::size_t>(run.item_count) * copies);
  for (std::uint32_t i = 0; i < run.item_count; ++i) {
    const DataflowItem& item = plan.items[run.first_item + i];
    std::uint32_t exist = item.single ? (run.lane_low == 0 && copies > 0 ? 1u : 0u) : copies;
    if (nodes) {  // a slice of several dies: only the nodes here
      const std::uint32_t node = what.places[item.position].index;
      if (node < place.first_node || node >= place.first_node + place.node_count) exist = 0;
    }
    std::fill_n(run.tokens.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * copies), copies,
                item.need);
    run.fire_left += exist;
    if (item.finish) run.finish_left += exist;
  }
  active_dataflows_.push_back(unused);
  return run;
}

SiteIndex DieShard::site_of(const DataflowRun& run, const DataflowItem& item, std::uint32_t lane) const {
  const workload::SliceShape& shape = *rank_dies_[run.rank_die].slice->shape;
  const Place& place = context_->job.instances[run.instance].places[item.position];
  const std::uint32_t node = place.kind == Place::Kind::kNode ? place.index : run.info->plan->lane_node[lane];
  return shape.nodes[node].site;
}

void DieShard::start_dataflow(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  RankDie& place = rank_dies_[rank_die];
  const workload::Task& what = place.program->tasks[task];
  const workload::Job::InstanceRef ref = context_->job.instance_of[place.rank][what.index];
  DOJO_CHECK(ref.instance != kNone, "rank {}: task {} has no dataflow instance", place.rank, task);
  if (place.slice->dies.size() == 1 && !flits_ &&
      context_->job.instances[ref.instance].places.front().kind == Place::Kind::kNode) {
    return start_in_rank(rank_die, task, ref.instance, now);
  }
  DataflowRun& run = dataflow_run(ref.instance, ref.position, rank_die, what.index);
  DOJO_CHECK(!run.started, "rank {}: task {} uses dataflow {} while another task does", place.rank, task, ref.instance);
  run.started = true;
  run.task = task;
  const bool memory = what.unit == workload::Task::Unit::kMemory;
  change_traffic(place, memory ? 0 : 1, memory ? 1 : 0, now);
  const DataflowPlan& plan = *run.info->plan;
  const DataflowInstance& instance = context_->job.instances[ref.instance];
  const std::uint32_t index = run.index;
  const std::uint32_t finish_before = run.finish_left;
  for (std::uint32_t i = 0; i < run.item_count; ++i) {
    const std::uint32_t item_index = run.first_item + i;
    const DataflowItem& item = plan.items[item_index];
    if (!item.start) continue;
    if (run.position == kNone) {
      const std::uint32_t node = instance.places[item.position].index;
      if (node < place.first_node || node >= place.first_node + place.node_count) continue;
    }
    if (item.single) {
      if (run.lane_low == 0 && run.lane_count > 0) token(*dataflows_[index], item_index, 0, 0, now);
      continue;
    }
    for (std::uint32_t lane = run.lane_low; lane < run.lane_low + run.lane_count; ++lane) {
      for (std::uint32_t chunk = 0; chunk < plan.chunks; ++chunk)
        token(*dataflows_[index], item_index, lane, chunk, now);
    }
  }
  if (finish_before == 0 && dataflows_[index]->in_use && dataflows_[index]->task == task) {
    position_finished(*dataflows_[index], now);  // none of its lanes lie here, or all was over before it started
  }
}

void DieShard::token(DataflowRun& run, std::uint32_t item_index, std::uint32_t lane, std::uint32_t chunk, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const DataflowItem& item = plan.items[item_index];
  if (item.single) lane = chunk = 0;
  const std::uint32_t index =
      ((item_index - run.first_item) * run.lane_count + (lane - run.lane_low)) * plan.chunks + chunk;
  DOJO_CHECK(run.tokens[index] > 0, "die {}: item {} of dataflow {} got more tokens than it needs", die_, item_index,
             run.instance);
  if (--run.tokens[index] != 0) return;
  if (semaphore_ != 0 && context_->job.instances[run.instance].places[item.position].kind == Place::Kind::kRank) {
    now += semaphore_;
    if (!item.combine) return wheel_.add(now, kFire, run.index, index);
  }
  if (!item.combine) return fire(run, index, now);
  RankDie& place = rank_dies_[run.rank_die];
  const Place& where = context_->job.instances[run.instance].places[item.position];
  const std::uint32_t node = (where.kind == Place::Kind::kNode ? where.index : plan.lane_node[lane]) - place.first_node;
  const Bytes bytes = run.info->item_pieces[item_index].of(item.single ? 0 : lane * plan.chunks + chunk);
  if (plan.striped) {
    const Cycles done = combine_everywhere(place, ceil_div<Bytes>(bytes, place.node_count), now);
    return wheel_.add(done, kFire, run.index, index);
  }
  wheel_.add(combine(place, node, bytes, now), kFire, run.index, index);
}

void DieShard::fire(DataflowRun& run, std::uint32_t index, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const std::uint32_t chunk = index % plan.chunks;
  const std::uint32_t lane = run.lane_low + index / plan.chunks % run.lane_count;
  const std::uint32_t item_index = run.first_item + index / plan.chunks / run.lane_count;
  const DataflowItem& item = plan.items[item_index];
  const std::uint32_t pool_index = run.index;
  for (std::uint32_t edge = item.edges_begin; edge < item.edges_end; ++edge) {
    follow_edge(*dataflows_[pool_index], edge, item, lane, chunk, now);
  }
  --run.fire_left;
  if (item.finish && --run.finish_left == 0 && run.started) return position_finished(run, now);
  if (run.fire_left == 0 && run.started && run.finish_left == 0 && run.task == kNone) release(run);
}

void DieShard::follow_edge(DataflowRun& run, std::uint32_t edge_index, const DataflowItem& from, std::uint32_t lane,
                           std::uint32_t chunk, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const DataflowEdge& edge = plan.edges[edge_index];
  const DataflowItem& to = plan.items[edge.item];
  const DataflowInstance& instance = context_->job.instances[run.instance];
  const auto one = [&](std::uint32_t l, std::uint32_t c) {
    const Place& there = instance.places[to.position];
    if (to.position == from.position) {
      const bool local = there.kind == Place::Kind::kNode || (l >= run.lane_low && l < run.lane_low + run.lane_count);
      if (local && !(to.single && run.lane_low != 0)) return token(run, edge.item, l, c, now);
    }
    const RankDie& place = rank_dies_[run.rank_die];
    const topology::Topology& topology = context_->topology;
    Burst burst;
    burst.subject = run.slot == kNone ? run.instance : run.slot;
    burst.item = edge.item;
    burst.lane = static_cast<std::uint16_t>(l);
    burst.chunk = static_cast<std::uint16_t>(c);
    burst.purpose = run.slot == kNone ? fabric::Purpose::kToken : fabric::Purpose::kNodeToken;
    const SiteIndex site = site_of(run, from, from.single ? 0 : l);
    const Bytes bytes =
        edge.bytes == 0 ? 0 : std::max<Bytes>(64, run.info->edge_pieces[edge_index].of(l * plan.chunks + c));
    const std::int32_t rows = topology.site_rows();
    const std::int32_t columns = topology.site_columns();
    if (there.kind == Place::Kind::kDip) {
      const topology::DiePlace die = topology.place(topology.dip_die(there.index));
      const std::int32_t here = topology.place(die_).row * rows + site / columns;
      std::int32_t row = std::clamp(here, die.row * rows, die.row * rows + rows - 1);
      if (topology.routes() != nullptr) {
        row = die.row * rows + topology.routes()->dip_lane(topology.dip_die(there.index),
                                                           topology.dip_side(there.index), row - die.row * rows);
      }
      const bool west = topology.dip_side(there.index) == topology::Direction::kWest;
      return send_message(site, row, west ? -1 : topology.die_columns() * columns, bytes, burst, now);
    }
    const workload::Slice& slice = there.kind == Place::Kind::kNode ? *place.slice : context_->job.slices[there.index];
    const std::uint32_t node = there.kind == Place::Kind::kNode ? there.index : plan.lane_node[to.single ? 0 : l];
    const workload::SliceShape::Node& target = slice.shape->nodes[node];
    if (plan.striped && bytes > 0) {
      burst.row = slice.first_site_row + target.row;
      burst.column = slice.first_site_column + target.column;
      return push_stripe(burst, bytes, now);
    }
    send_message(site, slice.first_site_row + target.row, slice.first_site_column + target.column, bytes, burst, now);
  };
  if (from.single && !to.single) {
    for (std::uint32_t l = 0; l < plan.lanes; ++l) {
      for (std::uint32_t c = 0; c < plan.chunks; ++c) one(l, c);
    }
  } else {
    one(lane, chunk);
  }
}

/// All `finish` items here have fired: this die's part of the task is done.
void DieShard::position_finished(DataflowRun& run, Cycles now) {
  const std::uint32_t rank_die = run.rank_die;
  const std::uint32_t task = run.task;
  RankDie& place = rank_dies_[rank_die];
  const bool memory = place.program->tasks[task].unit == workload::Task::Unit::kMemory;
  change_traffic(place, memory ? 0 : -1, memory ? -1 : 0, now);
  run.task = kNone;
  if (run.fire_left == 0) release(run);
  task_done_on_die(rank_die, task, now);
}

void DieShard::release(DataflowRun& run) {
  run.in_use = false;
  run.instance = kNone;
  active_dataflows_.erase(std::find(active_dataflows_.begin(), active_dataflows_.end(), run.index));
}

}  // namespace dojo::machine
