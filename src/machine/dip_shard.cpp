// SPDX-License-Identifier: Apache-2.0
// Service of transfers at one DIP.
#include "machine/dip_shard.h"

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/topology/dip_gates.h"

namespace dojo::machine {

using fabric::Burst;
using workload::DataflowItem;
using workload::DataflowPlan;
using Participant = workload::DataflowInstance::Participant;
using Replica = DataflowRun::Replica;

DipShard::DipShard(Context& context, std::uint32_t dip)
    : context_(context),
      dip_(dip),
      die_(context.topology.dip_die(dip)),
      side_(context.topology.dip_side(dip)),
      timer_(wheel_, Part::kShard),
      runs_(context, wheel_, *this) {
  const topology::Topology& topology = context.topology;
  const topology::MachineParams& params = topology.params();
  const topology::DipParams& d = params.dip;
  const topology::Edge edge = topology.edge(die_, side_);
  routes_.configure(topology);
  if (edge.neighbour != kNone) {  // not behind a dead die or edge
    configure_edge(context, edge, state_.edge);
    edge_latency_ = edge.latency_cycles;
  }
  state_.hbm.configure(d.hbm_bytes_per_s * d.hbm_efficiency, params.clock_hz);
  state_.pcie.configure(d.pcie_bytes_per_s, params.clock_hz);
  state_.ethernet.configure(d.ethernet_bytes_per_s, params.clock_hz);
  hbm_latency_ = topology.cycles_from_ns(d.hbm_latency_ns);
  bridge_ = topology.cycles_from_ns(d.bridge_ns);
  pcie_latency_ = topology.cycles_from_ns(d.pcie_latency_ns);
  ethernet_latency_ = topology.cycles_from_ns(d.ethernet_latency_ns);
  if (context.zplane) zplane_ = std::make_unique<ZplanePort>(context, dip, state_.hbm);
  link_bytes_ = params.noc.link_bytes_per_cycle;
}

void DipShard::add_instance(std::uint32_t instance, std::uint32_t position) {
  const DataflowPlan& plan = *context_.plans[context_.job.instances[instance].plan].plan;
  for (std::uint32_t i = plan.item_begin[position]; i < plan.item_begin[position + 1]; ++i) {
    if (plan.items[i].need == 0) return timer_.at(0, Kind::kStart, instance, position);
  }
}

void DipShard::run(Cycles window_end, ThreadSums& sums) {
  moment_.sums = &sums;
  engine::Event event;
  for (;;) {
    const Cycles arrival = state_.arrivals.next_time();
    // An event may plan a wake, so the limit is found anew each time.
    while (wheel_.take(std::min({window_end, state_.wakes.next_time(), arrival, zplane_time()}), event))
      dispatch(event);
    const Cycles wake = state_.wakes.next_time();
    if (const Cycles frame = zplane_time(); frame < std::min({wake, arrival, window_end})) {
      moment_.now = frame;
      zplane_->run_next(
          sums, [&](const fabric::TtpoeMessage& message) { token(TokenRef::unpack(message.payload), moment_.now); });
      continue;
    }
    if (std::min(wake, arrival) >= window_end) break;
    (wake <= arrival ? state_.wakes : state_.arrivals).take(window_end, event);
    dispatch(event);
  }
}

void DipShard::dispatch(const engine::Event& e) {
  moment_.now = e.time;
  if (Timer::part(e) == Part::kDataflows) return runs_.handle(e);
  switch (Timer::kind<Kind>(e)) {
    case Kind::kToken:
      return token(TokenRef::unpack(e.a, e.b, e.c), e.time);
    case Kind::kHostDone: {  // what came from a host goes through HBM
      const DataflowRun& run = runs_.run(e.a);
      const Replica replica = run.replica(e.b);
      state_.hbm.occupy(e.time, run.bytes_of(replica));
      return runs_.fire_at(run, replica, state_.hbm.free_cycle());
    }
    case Kind::kEdgeWake:
      return advance_edge(e.time);
    case Kind::kStart:
      return start_instance(e.a, e.b, e.time);
  }
}

void DipShard::plan_wake() {
  const Cycles time = state_.edge.next_advance(moment_.now);
  if (time != kNever) Timer(state_.wakes, Part::kShard).at(time, Kind::kEdgeWake);
}

void DipShard::advance_edge(Cycles now) {
  state_.edge.woken();
  state_.edge.advance(now, [&](const fabric::Crossing& crossing) { post(crossing); });
  plan_wake();
}

void DipShard::read_mail(ThreadSums& sums) {
  moment_.sums = &sums;
  const std::size_t mailbox = context_.mailbox_of_die(die_, side_);
  const int from = context_.readable(mailbox, context_.topology.die_count() + dip_);
  fabric::Mailbox& mail = context_.mail[mailbox];
  Timer arrivals(state_.arrivals, Part::kShard);
  for (const fabric::Crossing& crossing : mail.crossings[from]) {
    const Burst& burst = crossing.burst;
    const Flits flits = ceil_div<Bytes>(burst.bytes, link_bytes_);
    state_.bytes_received += burst.bytes;
    sums.packets.add(crossing.time - burst.created, static_cast<std::uint64_t>(flits));
    // The bridge takes everything as it comes: its buffer is free again at once.
    context_.post(context_.mailbox_of_dip(dip_), die_,
                  fabric::Credit{crossing.time + edge_latency_, burst.bytes, burst.leg}, sums);
    if (!burst.last) continue;
    const auto& words = burst.payload.words;
    arrivals.at(crossing.time + flits + bridge_, Kind::kToken, words[0], words[1], words[2]);
  }
  mail.crossings[from].clear();
  if (zplane_) zplane_->read_mail();
  for (const fabric::Credit& credit : mail.credits[from]) state_.edge.add_credit(credit);
  mail.credits[from].clear();
  plan_wake();
}

DataflowRun::Share DipShard::share(const DataflowRun::Key& key) const {
  DataflowRun::Share share;
  share.track_count = context_.plans[context_.job.instances[key.instance].plan].plan->tracks;
  return share;
}

/// The run of the position at which an item lies.
DataflowRun& DipShard::run_of(std::uint32_t instance, std::uint32_t item) {
  DataflowRun::Key key;
  key.instance = instance;
  key.position = context_.plans[context_.job.instances[instance].plan].plan->items[item].position;
  return runs_.find(key);
}

void DipShard::token(const TokenRef& token, Cycles now) {
  runs_.token(run_of(token.instance, token.item), {token.item, token.track, token.chunk}, now);
}

void DipShard::start_instance(std::uint32_t instance, std::uint32_t position, Cycles now) {
  DataflowRun::Key key;
  key.instance = instance;
  key.position = position;
  DataflowRun& run = runs_.find(key);
  const DataflowPlan& plan = *run.info->plan;
  for (std::uint32_t i = plan.item_begin[position]; i < plan.item_begin[position + 1]; ++i) {
    if (plan.items[i].need != 0) continue;
    const std::uint32_t copies = plan.items[i].single ? 1 : plan.tracks * plan.chunks;
    for (std::uint32_t piece = 0; piece < copies; ++piece)
      serve(run, {i, piece / plan.chunks, piece % plan.chunks}, now);
  }
}

/// Passes HBM or the way to the hosts, one transfer after the other on each.
void DipShard::serve(DataflowRun& run, const Replica& replica, Cycles now) {
  const Bytes bytes = run.bytes_of(replica);
  switch (run.info->plan->items[replica.item].service) {
    case DataflowItem::Service::kNone:
      return runs_.fire_at(run, replica, now);
    case DataflowItem::Service::kHbmRead:
    case DataflowItem::Service::kHbmWrite:
      state_.hbm.occupy(now, bytes);
      return runs_.fire_at(run, replica, state_.hbm.free_cycle() + hbm_latency_);
    case DataflowItem::Service::kHostRead:
    case DataflowItem::Service::kHostWrite:
      break;
  }
  // Two ways to the hosts; a transfer takes the one that is free earlier, for its whole length.
  const bool by_pcie = state_.pcie.free_units() <= state_.ethernet.free_units();
  fabric::Serialiser& way = by_pcie ? state_.pcie : state_.ethernet;
  way.occupy(now, bytes);
  timer_.at(way.free_cycle() + (by_pcie ? pcie_latency_ : ethernet_latency_), Kind::kHostDone, run.index,
            run.index_of(replica));
}

void DipShard::send(DataflowRun& run, std::uint32_t edge_index, const DataflowItem&, const Replica& to, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const workload::DataflowEdge& edge = plan.edges[edge_index];
  const DataflowItem& item = plan.items[to.item];
  const Participant& there = context_.job.instances[run.key.instance].participants[item.position];
  const Bytes bytes = edge.bytes == 0 ? 0 : run.info->edge_splits[edge_index].of(to.track * plan.chunks + to.chunk);
  const TokenRef token{run.key.instance, to.item, static_cast<std::uint16_t>(to.track),
                       static_cast<std::uint16_t>(to.chunk)};
  if (there.kind == Participant::Kind::kDip) {
    // A DIP that is both ends only turns the message round.
    const fabric::Payload p = token.pack();
    if (there.index == dip_) return timer_.at(now, Kind::kToken, p.words[0], p.words[1], p.words[2]);
    return zplane_->send(there.index, {p, now, std::max<Bytes>(1, bytes)}, now);
  }
  DOJO_CHECK(there.kind == Participant::Kind::kRank, "DIP {}: a transfer to something that is not a rank", dip_);
  const workload::Slice& slice = context_.job.slices[there.index];
  const workload::SliceShape::Node& node = slice.shape->nodes[plan.track_node[item.single ? 0 : to.track]];
  Burst burst;
  burst.row = slice.first_site_row + node.row;
  burst.column = slice.first_site_column + node.column;
  burst.payload = token.pack();
  send_bursts(burst, std::max<Bytes>(64, bytes), now + bridge_);
}

/// No task of a rank waits for what a DIP does by itself.
void DipShard::finished(std::uint32_t, std::uint32_t task, Cycles) {
  DOJO_CHECK(false, "DIP {}: the end of task {}", dip_, task);
}

/// Into the die's edge in bursts.
void DipShard::send_bursts(const Burst& head, Bytes bytes, Cycles now) {
  const topology::DipGate gate = topology::dip_gate(context_.topology, dip_, {head.row, head.column});
  Burst burst = head;
  if (routes_.needed()) {
    const std::int32_t added = routes_.start(burst, gate.router);
    moment_.sums->add_detour(added, burst.legs_left);
  }
  burst.created = now;
  while (bytes > 0) {
    const Bytes piece = std::min(bytes, context_.burst_bytes);
    burst.bytes = static_cast<std::uint32_t>(piece);
    bytes -= piece;
    burst.last = bytes == 0;
    moment_.sums->bytes_to_eject += burst.bytes;
    state_.edge.offer(burst, gate.lane, ceil_div<Bytes>(piece, link_bytes_), now, moment_.now,
                      [&](const fabric::Crossing& crossing) { post(crossing); });
  }
  if (state_.edge.waiting()) plan_wake();
}

void DipShard::copy(const DipShard& from, const RowNames& names) {
  DOJO_CHECK(!zplane_, "DIP {}: copied while it sends over the Z-plane", dip_);
  moment_.now = from.moment_.now;
  wheel_ = from.wheel_;
  state_ = from.state_;
  auto& [wakes, arrivals, edge, hbm, pcie, ethernet, bytes_received] = state_;
  for (engine::Wheel* wheel : {&wheel_, &arrivals}) {
    wheel->each([&](engine::Event& e) {
      if (Timer::part(e) != Part::kShard) return;
      const Kind kind = Timer::kind<Kind>(e);
      if (kind == Kind::kToken || kind == Kind::kStart) e.a = RowNames::of(names.instance, e.a);
    });
  }
  edge.change_waiting([&](Burst& burst) { names.rename(burst); });
  runs_.copy(from.runs_, names);
}

}  // namespace dojo::machine
