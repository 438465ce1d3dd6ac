// SPDX-License-Identifier: Apache-2.0
#include "machine/die/die_dataflows.h"

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/topology/dip_gates.h"

namespace dojo::machine {

using fabric::Burst;
using topology::Direction;
using workload::DataflowItem;
using workload::DataflowPlan;
using Participant = workload::DataflowInstance::Participant;
using Replica = DataflowRun::Replica;

namespace {

constexpr Bytes kPacketBytes = 64;  // the least that a message moves

/// Whose pieces a track of a striped plan moves: the whole die's, or where it has several, those of a group of its
/// nodes.
std::uint8_t stripe_group(const DataflowPlan& plan, std::uint32_t track) {
  return static_cast<std::uint8_t>(plan.tracks == 1 ? 0 : track + 1);
}

}  // namespace

void DieDataflows::start(std::uint32_t rank_die, std::uint32_t task, Cycles now, unsigned queue) {
  const RankDie& place = at_.residents[rank_die];
  const workload::Task& what = place.program->tasks[task];
  const workload::Job::InstanceRef ref = context_.job.instance_of[place.rank][what.entry];
  DOJO_CHECK(ref.instance != kNone, "rank {}: task {} has no dataflow instance", place.rank, task);
  const bool nodes = context_.job.instances[ref.instance].participants[ref.position].kind == Participant::Kind::kNode;
  DataflowRun& run = runs_.find({ref.instance, nodes ? kNone : ref.position, rank_die, nodes ? what.entry : kNone});
  if (what.unit == workload::Task::Unit::kMemory) {
    at_.time.memory_starts(rank_die, now);
  } else {
    at_.time.network_starts(rank_die, now);
  }
  run.queue = queue;
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
    key.entry = token.instance;
    key.instance = context_.job.instance_of[at_.residents[key.rank_die].rank][key.entry].instance;
  }
  runs_.token(runs_.find(key), {token.item, token.track, token.chunk}, e.time);
}

DataflowRun::Share DieDataflows::share(const DataflowRun::Key& key) const {
  const RankDie& place = at_.residents[key.rank_die];
  const DataflowPlan& plan = *context_.plans[context_.job.instances[key.instance].plan].plan;
  DataflowRun::Share share;
  share.has_task = true;
  share.node_begin = place.first_node;
  share.node_end = place.first_node + place.node_count;
  if (key.position == kNone) {
    share.track_count = 1;
    return share;
  }
  const auto begin = plan.track_node.begin();
  const auto low = std::lower_bound(begin, plan.track_node.end(), share.node_begin);
  const auto high = std::lower_bound(low, plan.track_node.end(), share.node_end);
  share.track_low = static_cast<std::uint32_t>(low - begin);
  share.track_count = static_cast<std::uint32_t>(high - low);
  return share;
}

/// An item that combines adds what has come to what it has; the others go on at once, or after a semaphore's cost.
void DieDataflows::serve(DataflowRun& run, const Replica& replica, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const DataflowItem& item = plan.items[replica.item];
  const Participant& where = context_.job.instances[run.key.instance].participants[item.position];
  if (semaphore_ != 0 && where.kind == Participant::Kind::kRank) {
    now += semaphore_;
    if (!item.combine) return runs_.fire_at(run, replica, now);
  }
  if (!item.combine) return runs_.fire(run, replica, now);
  const RankDie& place = at_.residents[run.key.rank_die];
  const Bytes bytes = run.bytes_of(replica);
  if (plan.striped) {
    const Bytes of_node = ceil_div<Bytes>(bytes, place.node_count);
    if (plan.tracks == 1) return runs_.fire_at(run, replica, at_.adders.add_everywhere(run.key.rank_die, of_node, now));
    Cycles done = now;
    for (const SiteIndex site : at_.port.network().groups()[stripe_group(plan, replica.track)].sites) {
      const auto node = static_cast<std::uint32_t>(place.node_at(site));
      done = std::max(done, at_.adders.add(run.key.rank_die, node, of_node, now));
    }
    return runs_.fire_at(run, replica, done);
  }
  const std::uint32_t node = where.kind == Participant::Kind::kNode ? where.index : plan.track_node[replica.track];
  runs_.fire_at(run, replica, at_.adders.add(run.key.rank_die, node - place.first_node, bytes, now));
}

SiteIndex DieDataflows::site_of(const DataflowRun& run, const DataflowItem& item, std::uint32_t track) const {
  const Participant& place = context_.job.instances[run.key.instance].participants[item.position];
  const std::uint32_t node = place.kind == Participant::Kind::kNode ? place.index : run.info->plan->track_node[track];
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
  burst.payload = TokenRef{nodes ? run.key.entry : run.key.instance, to.item, static_cast<std::uint16_t>(to.track),
                           static_cast<std::uint16_t>(to.chunk)}
                      .pack();
  const SiteIndex site = site_of(run, from, from.single ? 0 : to.track);
  const Bytes bytes =
      edge.bytes == 0
          ? 0
          : std::max<Bytes>(kPacketBytes, run.info->edge_splits[edge_index].of(run.info->part(to.track, to.chunk)));
  const Participant& there = context_.job.instances[run.key.instance].participants[item.position];
  if (there.kind == Participant::Kind::kDip) return send_to_dip(there.index, site, bytes, burst, now, run.queue);
  send_to_rank(run, item, to.track, site, bytes, burst, now);
}

namespace {

/// A token without data is one packet of the control class.
void post_message(NetworkPort& port, SiteIndex site, Burst& burst, Bytes bytes, Cycles now, unsigned queue) {
  burst.traffic_class = bytes == 0 ? fabric::TrafficClass::kControl : fabric::TrafficClass::kData;
  port.post(site, burst, bytes == 0 ? kPacketBytes : bytes, now, queue);
}

}  // namespace

void DieDataflows::send_to_dip(std::uint32_t dip, SiteIndex site, Bytes bytes, Burst& burst, Cycles now,
                               unsigned queue) {
  const topology::Topology& topology = context_.topology;
  const topology::DieCoordinates at = topology.coordinates(die_);
  const topology::Site here{at.row * topology.site_rows() + site / topology.site_columns(),
                            at.column * topology.site_columns() + site % topology.site_columns()};
  const topology::Site beyond = topology::dip_gate(topology, dip, here).beyond;
  burst.row = beyond.row;
  burst.column = beyond.column;
  post_message(at_.port, site, burst, bytes, now, queue);
}

void DieDataflows::send_to_rank(const DataflowRun& run, const DataflowItem& to, std::uint32_t track, SiteIndex site,
                                Bytes bytes, Burst& burst, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const Participant& there = context_.job.instances[run.key.instance].participants[to.position];
  const bool node = there.kind == Participant::Kind::kNode;
  const workload::Slice& slice = node ? *at_.residents[run.key.rank_die].slice : context_.job.slices[there.index];
  const workload::SliceShape::Node& target =
      slice.shape->nodes[node ? there.index : plan.track_node[to.single ? 0 : track]];
  burst.row = slice.first_site_row + target.row;
  burst.column = slice.first_site_column + target.column;
  if (plan.striped && bytes > 0) {
    burst.group = stripe_group(plan, track);
    return at_.port.post_stripe(burst, bytes, now, run.queue);
  }
  post_message(at_.port, site, burst, bytes, now, run.queue);
}

void DieDataflows::rename(engine::Event& event, const RowNames& names) {
  if (Timer::kind<Kind>(event) == Kind::kToken) event.a = RowNames::of(names.instance, event.a);
}

}  // namespace dojo::machine
