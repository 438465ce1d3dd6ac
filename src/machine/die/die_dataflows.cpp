// SPDX-License-Identifier: Apache-2.0
#include "machine/die/die_dataflows.h"

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::machine {

using fabric::Burst;
using topology::Direction;
using workload::DataflowItem;
using workload::DataflowPlan;
using Place = workload::DataflowInstance::Place;
using Replica = DataflowRun::Replica;

namespace {

constexpr Bytes kPacketBytes = 64;  // the least that a message moves

/// Whose pieces a lane of a striped plan moves: the whole die's, or where it has several, those of a group of its
/// nodes.
std::uint8_t stripe_group(const DataflowPlan& plan, std::uint32_t lane) {
  return static_cast<std::uint8_t>(plan.lanes == 1 ? 0 : lane + 1);
}

}  // namespace

void DieDataflows::start(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  const RankDie& place = at_.residents[rank_die];
  const workload::Task& what = place.program->tasks[task];
  const workload::Job::InstanceRef ref = context_.job.instance_of[place.rank][what.entry];
  DOJO_CHECK(ref.instance != kNone, "rank {}: task {} has no dataflow instance", place.rank, task);
  const bool nodes = context_.job.instances[ref.instance].places[ref.position].kind == Place::Kind::kNode;
  DataflowRun& run = runs_.find({ref.instance, nodes ? kNone : ref.position, rank_die, nodes ? what.entry : kNone});
  if (what.unit == workload::Task::Unit::kMemory) {
    at_.time.memory_starts(rank_die, now);
  } else {
    at_.time.network_starts(rank_die, now);
  }
  runs_.start(run, task, now);
}

void DieDataflows::finished(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  if (at_.residents[rank_die].program->tasks[task].unit == workload::Task::Unit::kMemory) {
    at_.time.memory_ends(rank_die, now);
  } else {
    at_.time.network_ends(rank_die, now);
  }
  at_.ends.task_done(rank_die, task, now);
}

void DieDataflows::received(SiteIndex site, const Burst& burst, Cycles tail) {
  const auto& words = burst.payload.words;
  const Kind kind = burst.purpose == fabric::Purpose::kToken ? Kind::kToken : Kind::kNodeToken;
  timer_.at(tail, kind, words[0], words[1], words[2], site);
}

void DieDataflows::handle(const engine::Event& e) {
  const TokenRef token = TokenRef::unpack(e.a, e.b, e.c);
  DataflowRun::Key key;
  key.rank_die = at_.residents.at_site(static_cast<SiteIndex>(e.small));
  if (Timer::kind<Kind>(e) == Kind::kToken) {
    key.instance = token.instance;
    key.position = context_.plans[context_.job.instances[token.instance].plan].plan->items[token.item].position;
  } else {
    key.slot = token.instance;
    key.instance = context_.job.instance_of[at_.residents[key.rank_die].rank][key.slot].instance;
  }
  runs_.token(runs_.find(key), {token.item, token.lane, token.chunk}, e.time);
}

DataflowRun::Share DieDataflows::share(const DataflowRun::Key& key) const {
  const RankDie& place = at_.residents[key.rank_die];
  const DataflowPlan& plan = *context_.plans[context_.job.instances[key.instance].plan].plan;
  DataflowRun::Share share;
  share.has_task = true;
  share.node_begin = place.first_node;
  share.node_end = place.first_node + place.node_count;
  if (key.position == kNone) {
    share.lane_count = 1;
    return share;
  }
  const auto begin = plan.lane_node.begin();
  const auto low = std::lower_bound(begin, plan.lane_node.end(), share.node_begin);
  const auto high = std::lower_bound(low, plan.lane_node.end(), share.node_end);
  share.lane_low = static_cast<std::uint32_t>(low - begin);
  share.lane_count = static_cast<std::uint32_t>(high - low);
  return share;
}

/// An item that combines adds what has come to what it has; the others go on at once, or after a semaphore's cost.
void DieDataflows::serve(DataflowRun& run, const Replica& replica, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const DataflowItem& item = plan.items[replica.item];
  const Place& where = context_.job.instances[run.key.instance].places[item.position];
  if (semaphore_ != 0 && where.kind == Place::Kind::kRank) {
    now += semaphore_;
    if (!item.combine) return runs_.fire_at(run, replica, now);
  }
  if (!item.combine) return runs_.fire(run, replica, now);
  const RankDie& place = at_.residents[run.key.rank_die];
  const Bytes bytes = run.bytes_of(replica);
  if (plan.striped) {
    const Bytes of_node = ceil_div<Bytes>(bytes, place.node_count);
    if (plan.lanes == 1) return runs_.fire_at(run, replica, at_.adders.add_everywhere(run.key.rank_die, of_node, now));
    Cycles done = now;
    for (const SiteIndex site : at_.port.network().sites_of(stripe_group(plan, replica.lane))) {
      const auto node = static_cast<std::uint32_t>(place.node_at(site));
      done = std::max(done, at_.adders.add(run.key.rank_die, node, of_node, now));
    }
    return runs_.fire_at(run, replica, done);
  }
  const std::uint32_t node = where.kind == Place::Kind::kNode ? where.index : plan.lane_node[replica.lane];
  runs_.fire_at(run, replica, at_.adders.add(run.key.rank_die, node - place.first_node, bytes, now));
}

SiteIndex DieDataflows::site_of(const DataflowRun& run, const DataflowItem& item, std::uint32_t lane) const {
  const Place& place = context_.job.instances[run.key.instance].places[item.position];
  const std::uint32_t node = place.kind == Place::Kind::kNode ? place.index : run.info->plan->lane_node[lane];
  return at_.residents[run.key.rank_die].slice->shape->nodes[node].site;
}

void DieDataflows::send(DataflowRun& run, std::uint32_t edge_index, const DataflowItem& from, const Replica& to,
                        Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const workload::DataflowEdge& edge = plan.edges[edge_index];
  const DataflowItem& item = plan.items[to.item];
  const bool nodes = run.key.position == kNone;
  Burst burst;
  burst.purpose = nodes ? fabric::Purpose::kNodeToken : fabric::Purpose::kToken;
  burst.payload = TokenRef{nodes ? run.key.slot : run.key.instance, to.item, static_cast<std::uint16_t>(to.lane),
                           static_cast<std::uint16_t>(to.chunk)}
                      .pack();
  const SiteIndex site = site_of(run, from, from.single ? 0 : to.lane);
  const Bytes bytes =
      edge.bytes == 0
          ? 0
          : std::max<Bytes>(kPacketBytes, run.info->edge_pieces[edge_index].of(run.info->part(to.lane, to.chunk)));
  const Place& there = context_.job.instances[run.key.instance].places[item.position];
  if (there.kind == Place::Kind::kDip) return send_to_dip(there.index, site, bytes, burst, now);
  send_to_rank(run, item, to.lane, site, bytes, burst, now);
}

namespace {

/// A token without data is one packet of the control class.
void post_message(NetworkPort& port, SiteIndex site, Burst& burst, Bytes bytes, Cycles now) {
  burst.traffic_class = bytes == 0 ? fabric::TrafficClass::kControl : fabric::TrafficClass::kData;
  port.post(site, burst, bytes == 0 ? kPacketBytes : bytes, now);
}

}  // namespace

/// Along the row of the sender, or the nearest at which the DIP lies.
void DieDataflows::send_to_dip(std::uint32_t dip, SiteIndex site, Bytes bytes, Burst& burst, Cycles now) {
  const topology::Topology& topology = context_.topology;
  const std::int32_t rows = topology.site_rows();
  const DieId die = topology.dip_die(dip);
  const std::int32_t first = topology.place(die).row * rows;
  const std::int32_t here = topology.place(die_).row * rows + site / topology.site_columns();
  burst.row = std::clamp(here, first, first + rows - 1);
  if (topology.routes() != nullptr)
    burst.row = first + topology.routes()->dip_lane(die, topology.dip_side(dip), burst.row - first);
  const bool west = topology.dip_side(dip) == Direction::kWest;
  burst.column = west ? -1 : topology.die_columns() * topology.site_columns();
  post_message(at_.port, site, burst, bytes, now);
}

void DieDataflows::send_to_rank(const DataflowRun& run, const DataflowItem& to, std::uint32_t lane, SiteIndex site,
                                Bytes bytes, Burst& burst, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const Place& there = context_.job.instances[run.key.instance].places[to.position];
  const bool node = there.kind == Place::Kind::kNode;
  const workload::Slice& slice = node ? *at_.residents[run.key.rank_die].slice : context_.job.slices[there.index];
  const workload::SliceShape::Node& target =
      slice.shape->nodes[node ? there.index : plan.lane_node[to.single ? 0 : lane]];
  burst.row = slice.first_site_row + target.row;
  burst.column = slice.first_site_column + target.column;
  if (plan.striped && bytes > 0) {
    burst.group = stripe_group(plan, lane);
    return at_.port.post_stripe(burst, bytes, now);
  }
  post_message(at_.port, site, burst, bytes, now);
}

void DieDataflows::rename(engine::Event& event, const RowNames& names) {
  if (Timer::kind<Kind>(event) == Kind::kToken) event.a = RowNames::of(names.instance, event.a);
}

}  // namespace dojo::machine
