// SPDX-License-Identifier: Apache-2.0
// Service of transfers at one DIP.
#include "machine/dip_shard.h"

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::machine {

using fabric::Burst;
using workload::DataflowItem;
using workload::DataflowPlan;
using Place = workload::DataflowInstance::Place;

void DipShard::configure(Context& context, std::uint32_t dip) {
  context_ = &context;
  dip_ = dip;
  const topology::Topology& topology = context.topology;
  die_ = topology.dip_die(dip);
  side_ = topology.dip_side(dip);
  const topology::MachineParams& params = topology.params();
  const topology::DipParams& d = params.dip;
  const topology::Edge edge = topology.edge(die_, side_);
  routes_.configure(topology);
  if (edge.neighbour != kNone) {  // not behind a dead die or edge
    edge_.configure(edge.bytes_per_s, params.clock_hz, edge.latency_cycles, edge.buffer_bytes,
                    context.settings.burst_bytes, topology.routes() == nullptr ? 1 : topology::kRoutePhases);
    edge_latency_ = edge.latency_cycles;
  }
  hbm_.configure(d.hbm_bytes_per_s * d.hbm_efficiency, params.clock_hz);
  pcie_.configure(d.pcie_bytes_per_s, params.clock_hz);
  ethernet_.configure(d.ethernet_bytes_per_s, params.clock_hz);
  hbm_latency_ = topology.cycles_from_ns(d.hbm_latency_ns);
  bridge_ = topology.cycles_from_ns(d.bridge_ns);
  pcie_latency_ = topology.cycles_from_ns(d.pcie_latency_ns);
  ethernet_latency_ = topology.cycles_from_ns(d.ethernet_latency_ns);
  if (context.zplane) zplane_ = std::make_unique<ZplanePort>(context, dip, hbm_);
  link_bytes_ = params.noc.link_bytes_per_cycle;
  first_row_ = topology.place(die_).row * topology.site_rows();
  last_row_ = first_row_ + topology.site_rows() - 1;
}

void DipShard::add_instance(std::uint32_t instance, std::uint32_t position) {
  const DataflowPlan& plan = *context_->plans[context_->job.instances[instance].plan].plan;
  for (std::uint32_t i = plan.item_begin[position]; i < plan.item_begin[position + 1]; ++i) {
    if (plan.items[i].need == 0) {
      wheel_.add(0, kStart, instance, position);
      return;
    }
  }
}

void DipShard::run(Cycles window_end, ThreadSums& sums) {
  sums_ = &sums;
  engine::Event event;
  for (;;) {
    const Cycles arrival = arrivals_.next_time();
    // An event may plan a wake, so the limit is found anew each time.
    while (wheel_.take(std::min({window_end, wakes_.next_time(), arrival, zplane_time()}), event)) dispatch(event);
    const Cycles wake = wakes_.next_time();
    if (const Cycles frame = zplane_time(); frame < std::min({wake, arrival, window_end})) {
      now_ = frame;
      zplane_->run_next(sums, [&](const fabric::TtpoeMessage& m) {
        token(dataflow_run(m.subject,
                           context_->plans[context_->job.instances[m.subject].plan].plan->items[m.item].position),
              m.item, m.lane, m.chunk, now_);
      });
      continue;
    }
    if (std::min(wake, arrival) >= window_end) break;
    (wake <= arrival ? wakes_ : arrivals_).take(window_end, event);
    dispatch(event);
  }
}

void DipShard::dispatch(const engine::Event& e) {
  now_ = e.time;
  {
    switch (static_cast<EventType>(e.type)) {
      case kToken:
        token(dataflow_run(e.a, context_->plans[context_->job.instances[e.a].plan].plan->items[e.b].position), e.b,
              e.c >> 16, e.c & 0xffff, e.time);
        break;
      case kFire:
        fire(*dataflows_[e.a], e.b, e.time);
        break;
      case kHostDone: {  // what came from a host goes through HBM
        const DataflowRun& run = *dataflows_[e.a];
        const std::uint32_t copies = run.lane_count * run.info->plan->chunks;
        const std::uint32_t item = run.first_item + e.b / copies;
        hbm_.occupy(e.time, run.info->item_pieces[item].of(run.info->plan->items[item].single ? 0 : e.b % copies));
        wheel_.add(hbm_.free_cycle(), kFire, e.a, e.b);
        break;
      }
      case kEdgeWake:
        advance_edge(e.time);
        break;
      case kStart:
        start_instance(e.a, e.b, e.time);
        break;
    }
  }
}

void DipShard::plan_wake() {
  const Cycles time = edge_.next_advance(now_);
  if (time != kNever) wakes_.add(time, kEdgeWake);
}

void DipShard::advance_edge(Cycles now) {
  edge_.woken();
  edge_.advance(now, [&](const fabric::Crossing& crossing) {
    context_->post(context_->mailbox_of_dip(dip_), die_, crossing, *sums_);
  });
  plan_wake();
}

void DipShard::read_mail(ThreadSums& sums) {
  sums_ = &sums;
  const std::size_t mailbox = context_->mailbox_of_die(die_, side_);
  const int from = context_->readable(mailbox, context_->topology.die_count() + dip_);
  fabric::Mailbox& mail = context_->mail[mailbox];
  for (const fabric::Crossing& crossing : mail.crossings[from]) {
    const Burst& burst = crossing.burst;
    const Flits flits = ceil_div<Bytes>(burst.bytes, link_bytes_);
    bytes_received_ += burst.bytes;
    sums.packets.add(crossing.time - burst.created, static_cast<std::uint64_t>(flits));
    // The bridge takes everything as it comes: its buffer is free again at once.
    context_->post(context_->mailbox_of_dip(dip_), die_,
                   fabric::Credit{crossing.time + edge_latency_, burst.bytes, burst.leg}, sums);
    if (burst.last) {
      arrivals_.add(crossing.time + flits + bridge_, kToken, burst.subject, burst.item,
                    static_cast<std::uint32_t>(burst.lane) << 16 | burst.chunk);
    }
  }
  mail.crossings[from].clear();
  if (zplane_) zplane_->read_mail();
  for (const fabric::Credit& credit : mail.credits[from]) edge_.add_credit(credit);
  mail.credits[from].clear();
  plan_wake();
}

DataflowRun& DipShard::dataflow_run(std::uint32_t instance, std::uint32_t position) {
  for (const std::uint32_t i : active_) {
    if (dataflows_[i]->instance == instance && dataflows_[i]->position == position) return *dataflows_[i];
  }
  std::uint32_t unused = 0;
  while (unused < dataflows_.size() && dataflows_[unused]->in_use) ++unused;
  if (unused == dataflows_.size()) dataflows_.push_back(std::make_unique<DataflowRun>());
  DataflowRun& run = *dataflows_[unused];
  const PlanInfo& info = context_->plans[context_->job.instances[instance].plan];
  const DataflowPlan& plan = *info.plan;
  run.index = unused;
  run.info = &info;
  run.instance = instance;
  run.position = position;
  run.in_use = run.started = true;
  run.first_item = plan.item_begin[position];
  run.item_count = plan.item_begin[position + 1] - run.first_item;
  run.lane_low = 0;
  run.lane_count = plan.lanes;
  run.fire_left = 0;
  const std::size_t copies = static_cast<std::size_t>(plan.lanes) * plan.chunks;
  run.tokens.resize(run.item_count * copies);
  for (std::uint32_t i = 0; i < run.item_count; ++i) {
    const DataflowItem& item = plan.items[run.first_item + i];
    std::fill_n(run.tokens.begin() + static_cast<std::ptrdiff_t>(i * copies), copies, item.need);
    run.fire_left += item.single ? 1 : static_cast<std::uint32_t>(copies);
  }
  active_.push_back(unused);
  return run;
}

void DipShard::start_instance(std::uint32_t instance, std::uint32_t position, Cycles now) {
  const std::uint32_t index = dataflow_run(instance, position).index;
  const DataflowPlan& plan = *dataflows_[index]->info->plan;
  for (std::uint32_t i = plan.item_begin[position]; i < plan.item_begin[position + 1]; ++i) {
    if (plan.items[i].need != 0) continue;
    const std::uint32_t copies = plan.items[i].single ? 1 : plan.lanes * plan.chunks;
    for (std::uint32_t piece = 0; piece < copies; ++piece) {
      DataflowRun& run = *dataflows_[index];
      serve(run, i, (i - run.first_item) * run.lane_count * plan.chunks + piece, now);
    }
  }
}

void DipShard::token(DataflowRun& run, std::uint32_t item_index, std::uint32_t lane, std::uint32_t chunk, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  if (plan.items[item_index].single) lane = chunk = 0;
  const std::uint32_t index = ((item_index - run.first_item) * run.lane_count + lane) * plan.chunks + chunk;
  DOJO_CHECK(run.tokens[index] > 0, "DIP {}: item {} of dataflow {} got more tokens than it needs", dip_, item_index,
             run.instance);
  if (--run.tokens[index] == 0) serve(run, item_index, index, now);
}

/// Passes HBM or the way to the hosts, one transfer after the other on each.
void DipShard::serve(DataflowRun& run, std::uint32_t item_index, std::uint32_t index, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const DataflowItem& item = plan.items[item_index];
  const Bytes bytes = run.info->item_pieces[item_index].of(item.single ? 0 : index % (run.lane_count * plan.chunks));
  Cycles done = now;
  switch (item.service) {
    case DataflowItem::Service::kNone:
      break;
    case DataflowItem::Service::kHbmRead:
    case DataflowItem::Service::kHbmWrite:
      hbm_.occupy(now, bytes);
      done = hbm_.free_cycle() + hbm_latency_;
      break;
    case DataflowItem::Service::kHostRead:
    case DataflowItem::Service::kHostWrite: {
      // Two ways to the hosts; a transfer takes the one that is free earlier, for its whole length.
      const bool by_pcie = pcie_.free_units() <= ethernet_.free_units();
      fabric::Serialiser& way = by_pcie ? pcie_ : ethernet_;
      way.occupy(now, bytes);
      wheel_.add(way.free_cycle() + (by_pcie ? pcie_latency_ : ethernet_latency_), kHostDone, run.index, index);
      return;
    }
  }
  wheel_.add(done, kFire, run.index, index);
}

void DipShard::fire(DataflowRun& run, std::uint32_t index, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const std::uint32_t chunk = index % plan.chunks;
  const std::uint32_t lane = index / plan.chunks % run.lane_count;
  const DataflowItem& item = plan.items[run.first_item + index / plan.chunks / run.lane_count];
  const std::uint32_t pool_index = run.index;
  for (std::uint32_t edge = item.edges_begin; edge < item.edges_end; ++edge) {
    follow_edge(*dataflows_[pool_index], edge, item, lane, chunk, now);
  }
  if (--run.fire_left == 0) {
    run.in_use = false;
    run.instance = kNone;
    active_.erase(std::find(active_.begin(), active_.end(), run.index));
  }
}

void DipShard::follow_edge(DataflowRun& run, std::uint32_t edge_index, const DataflowItem& from, std::uint32_t lane,
                           std::uint32_t chunk, Cycles now) {
  const DataflowPlan& plan = *run.info->plan;
  const workload::DataflowEdge& edge = plan.edges[edge_index];
  const DataflowItem& to = plan.items[edge.item];
  const auto one = [&](std::uint32_t l, std::uint32_t c) {
    if (to.position == from.position) return token(run, edge.item, l, c, now);
    const Place& there = context_->job.instances[run.instance].places[to.position];
    const Bytes bytes = edge.bytes == 0 ? 0 : run.info->edge_pieces[edge_index].of(l * plan.chunks + c);
    if (there.kind == Place::Kind::kDip) {
      return send_to_dip(there.index,
                         {run.instance, edge.item, static_cast<std::uint16_t>(l), static_cast<std::uint16_t>(c), now,
                          std::max<Bytes>(1, bytes)},
                         now);
    }
    DOJO_CHECK(there.kind == Place::Kind::kRank, "DIP {}: a transfer to something that is not a rank", dip_);
    const workload::Slice& slice = context_->job.slices[there.index];
    const workload::SliceShape::Node& node = slice.shape->nodes[plan.lane_node[to.single ? 0 : l]];
    Burst burst;
    burst.row = slice.first_site_row + node.row;
    burst.column = slice.first_site_column + node.column;
    burst.subject = run.instance;
    burst.item = edge.item;
    burst.lane = static_cast<std::uint16_t>(l);
    burst.chunk = static_cast<std::uint16_t>(c);
    send(burst, std::max<Bytes>(64, bytes), now + bridge_);
  };
  if (from.single && !to.single) {
    for (std::uint32_t l = 0; l < plan.lanes; ++l) {
      for (std::uint32_t c = 0; c < plan.chunks; ++c) one(l, c);
    }
  } else {
    one(lane, chunk);
  }
}

/// A DIP that is both ends only turns the message round.
void DipShard::send_to_dip(std::uint32_t to, const fabric::TtpoeMessage& message, Cycles now) {
  if (to != dip_) return zplane_->send(to, message, now);
  wheel_.add(now, kToken, message.subject, message.item,
             static_cast<std::uint32_t>(message.lane) << 16 | message.chunk);
}

/// Into the die's edge in bursts, at the row of the destination or the nearest row of this DIP.
void DipShard::send(const Burst& head, Bytes bytes, Cycles now) {
  std::int32_t lane = std::clamp(head.row, first_row_, last_row_) - first_row_;
  Burst burst = head;
  if (routes_.needed()) {
    lane = context_->topology.routes()->dip_lane(die_, side_, lane);
    const std::int32_t columns = context_->topology.site_columns();
    const std::int32_t column =
        side_ == topology::Direction::kWest ? 0 : context_->topology.die_columns() * columns - 1;
    const std::int32_t added = routes_.start(burst, {first_row_ + lane, column});
    sums_->add_detour(added, burst.legs_left);
  }
  burst.created = now;
  while (bytes > 0) {
    const Bytes piece = std::min(bytes, context_->settings.burst_bytes);
    burst.bytes = static_cast<std::uint32_t>(piece);
    bytes -= piece;
    burst.last = bytes == 0;
    sums_->bytes_to_eject += burst.bytes;
    edge_.offer(burst, lane, ceil_div<Bytes>(piece, link_bytes_), now, now_, [&](const fabric::Crossing& crossing) {
      context_->post(context_->mailbox_of_dip(dip_), die_, crossing, *sums_);
    });
  }
  if (edge_.waiting()) plan_wake();
}

}  // namespace dojo::machine
