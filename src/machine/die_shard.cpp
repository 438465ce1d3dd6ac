// SPDX-License-Identifier: Apache-2.0
// Set-up, event dispatch and network side of one die.
#include "machine/die_shard.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::Purpose;
using fabric::TrafficClass;
using topology::Direction;

void DieShard::configure_counters(const Context& context, DieId die) {
  const topology::Topology& topology = context.topology;
  network_.configure(topology, die);
  sites_.assign(static_cast<std::size_t>(topology.sites()), SiteState{});
  cores_.assign(static_cast<std::size_t>(topology.sites()), Core{});
}

void DieShard::configure(Context& context, DieId die) {
  context_ = &context;
  die_ = die;
  const topology::Topology& topology = context.topology;
  semaphore_ = context.topology.params().node.collective_semaphore_cycles;
  configure_counters(context, die);
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    const topology::Edge edge = topology.edge(die, d);
    if (edge.neighbour == kNone) continue;
    const auto at = static_cast<std::size_t>(i);
    neighbours_[at] = edge.neighbour;
    latencies_[at] = edge.latency_cycles;
    edges_[at].configure(edge.bytes_per_s, topology.params().clock_hz, edge.latency_cycles, edge.buffer_bytes,
                         context.settings.burst_bytes, topology.routes() == nullptr ? 1 : topology::kRoutePhases);
  }
  if (context.settings.network_model == NetworkModel::kReference)
    flits_ = std::make_unique<reference::Die>(topology, die);
}

void DieShard::run(Cycles window_end, ThreadSums& sums) {
  sums_ = &sums;
  if (flits_) return run_flits(window_end);
  engine::Event event;
  for (;;) {
    const Cycles arrival = arrivals_.next_time();
    // An event may plan a wake, so the limit is found anew each time.
    while (wheel_.take(std::min({window_end, stop_, next_wake_, arrival}), event)) dispatch(event);
    const Cycles wake = next_wake_;
    if (std::min(wake, arrival) >= std::min(window_end, stop_)) break;
    if (wake <= arrival) {
      run_wakes(wake);
    } else {
      run_arrivals(arrival);
    }
  }
}

/// All edges that get credits in one cycle, by direction.
void DieShard::run_wakes(Cycles time) {
  now_ = time;
  next_wake_ = kNever;
  for (unsigned d = 0; d < static_cast<unsigned>(topology::kDirections); ++d) {
    if (wake_at_[d] == time) {
      wake_at_[d] = kNever;
      ++wakes_;
      wake_edge(static_cast<Direction>(d), time);
    }
  }
  next_wake_ = *std::min_element(wake_at_.begin(), wake_at_.end());
}

/// All heads that reach the die's border in one cycle, by side.
void DieShard::run_arrivals(Cycles time) {
  now_ = time;
  arrived_.clear();
  while (arrivals_.next_time() == time) arrived_.push_back(arrivals_.take());
  if (arrived_.size() > 1) {
    std::stable_sort(arrived_.begin(), arrived_.end(),
                     [this](std::uint32_t x, std::uint32_t y) { return entries_[x].side < entries_[y].side; });
  }
  for (const std::uint32_t each : arrived_) arrive(each, time);
}

void DieShard::dispatch(const engine::Event& e) {
  const Cycles now = e.time;
  now_ = now;
  switch (static_cast<EventType>(e.type)) {
    case kInject:
      return inject(static_cast<SiteIndex>(e.a), now);
    case kGather:
      kernels_[e.a]->lines[e.b].pending = false;
      return advance_line(*kernels_[e.a], e.b, now);
    case kStepDone:
      return gathers_allowed(*kernels_[e.a], e.b, now);
    case kKernelQuiet:
      return change_traffic(rank_dies_[e.a], -1, 0, now);
    case kKernelDone:
      return kernel_done(e.a, now);
    case kToken: {
      const auto& item = context_->plans[context_->job.instances[e.a].plan].plan->items[e.b];
      DataflowRun& run = dataflow_run(e.a, item.position, sites_[e.small].rank_die);
      return token(run, e.b, e.c >> 16, e.c & 0xffff, now);
    }
    case kNodeToken: {
      const std::uint32_t rank_die = sites_[e.small].rank_die;
      const std::uint32_t instance = context_->job.instance_of[rank_dies_[rank_die].rank][e.a].instance;
      DataflowRun& run = dataflow_run(instance, 0, rank_die, e.a);
      return token(run, e.b, e.c >> 16, e.c & 0xffff, now);
    }
    case kFire:
      return fire(*dataflows_[e.a], e.b, now);
    case kStripe:
      return send_stripe(static_cast<Direction>(e.a), now);
    case kInRankLevel:
      return advance_in_rank(e.a, now);
    case kInRankDone:
      return in_rank_done(e.a, now);
    case kTaskStart:
      return run_or_copy(rank_die_of(e.a), e.b, now);
    case kRunTask:
      return task_started_on_die(e.a, e.b, now);
    case kCopyDone:
      return copy_done(e.a, now);
    case kTaskDone:
      return finish_task(controller_of(e.a), e.b, now);
    case kRankStart: {
      Controller& controller = *controllers_[e.a];
      for (std::uint32_t task = 0; task < controller.waits.size(); ++task) {
        if (controller.waits[task] == 0) schedule_ready(controller, task, now);
      }
      start_core(controller, now);
      return;
    }
  }
}

void DieShard::read_mail(ThreadSums& sums) {
  sums_ = &sums;
  Cycles first_arrival = kNever;
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const ShardId neighbour = neighbours_[at];
    if (neighbour == kNone) continue;
    const bool dip = neighbour >= context_->topology.die_count();
    const std::size_t mailbox =
        dip ? context_->mailbox_of_dip(neighbour - context_->topology.die_count())
            : context_->mailbox_of_die(neighbour, topology::opposite(static_cast<Direction>(i)));
    const int from = context_->readable(mailbox, die_);
    if (flits_) {
      read_flits(static_cast<Direction>(i), dip, mailbox, from);
      continue;
    }
    fabric::Mailbox& mail = context_->mail[mailbox];
    for (const fabric::Crossing& crossing : mail.crossings[from]) {
      first_arrival = std::min(first_arrival, crossing.time);
      std::uint32_t entry = free_entry_;
      if (entry == kNone) {
        entry = static_cast<std::uint32_t>(entries_.size());
        entries_.emplace_back();
      } else {
        free_entry_ = entries_[entry].next;
      }
      entries_[entry] = Entry{crossing, static_cast<std::uint8_t>(i), kNone};
      arrivals_.add(crossing.time, entry);
    }
    mail.crossings[from].clear();
    if (mail.credits[from].empty()) continue;
    for (const fabric::Credit& credit : mail.credits[from]) edges_[at].add_credit(credit);
    mail.credits[from].clear();
    plan_wake(static_cast<Direction>(i));
  }
  if (first_arrival != kNever) disturb(first_arrival);
}

void DieShard::arrive(std::uint32_t index, Cycles now) {
  const fabric::Crossing crossing = entries_[index].crossing;
  const auto side = static_cast<Direction>(entries_[index].side);
  const int blocked = blocked_edge(crossing.burst);
  if (blocked >= 0) {  // stays in the receive buffer, so its credit is not given back
    parked_entries_[static_cast<std::size_t>(blocked)].push_back(index);
    return;
  }
  DieSink sink{*this};
  const Cycles start = crossing.burst.shape == fabric::Shape::kStriped
                           ? arrive_stripe(side, crossing.burst, now)
                           : network_.enter(side, crossing.lane, crossing.burst, now, sink);
  const auto at = static_cast<std::size_t>(side);
  const fabric::Credit credit{std::max(start, now) + latencies_[at], crossing.burst.bytes, crossing.burst.leg};
  context_->post(context_->mailbox_of_die(die_, side), neighbours_[at], credit, *sums_);
  entries_[index].next = free_entry_;
  free_entry_ = index;
}

void DieShard::plan_wake(Direction d) {
  const Cycles time = edges_[static_cast<std::size_t>(d)].next_advance(now_);
  if (time == kNever) return;
  Cycles& at = wake_at_[static_cast<std::size_t>(d)];
  at = std::min(at, time);
  next_wake_ = std::min(next_wake_, at);
}

/// Credits have come: waiting bursts go, and when there is room again those that wait at their routers come to the
/// edge.
void DieShard::wake_edge(Direction d, Cycles now) {
  const auto at = static_cast<std::size_t>(d);
  edges_[at].woken();
  edges_[at].advance(now, [&](const fabric::Crossing& crossing) {
    context_->post(context_->mailbox_of_die(die_, d), neighbours_[at], crossing, *sums_);
  });
  const unsigned legs = network_.has_detours() ? topology::kRoutePhases : 1;
  for (unsigned leg = 0; leg < legs; ++leg) {
    const std::size_t way = at + std::size_t{topology::kDirections} * leg;
    if ((full_edges_ >> way & 1u) == 0 || edges_[at].full(leg)) continue;
    full_edges_ &= ~(1u << way);
    const std::vector<std::uint32_t> entries = std::exchange(parked_entries_[way], {});
    const std::vector<std::uint32_t> sites = std::exchange(parked_sites_[way], {});
    for (const std::uint32_t entry : entries) arrive(entry, now);
    for (const std::uint32_t site : sites) inject(static_cast<SiteIndex>(site), now);
    if (leg > 0) continue;
    if (std::exchange(stripes_[at].parked, false)) send_stripe(d, now);
    const std::vector<ParkedLine> lines = std::exchange(parked_lines_[at], {});
    for (const ParkedLine& parked : lines) {
      kernels_[parked.run]->lines[parked.line].pending = false;
      advance_line(*kernels_[parked.run], parked.line, now);
    }
  }
  plan_wake(d);
}

void DieShard::push_send(SiteIndex site, const Burst& head, Bytes bytes, Cycles now) {
  if (flits_) return post_flits(site, head, bytes, now);
  Burst burst = head;
  start_route(site, burst);
  if (burst.traffic_class == TrafficClass::kControl) {  // overtakes the queue: a packet of its own class
    Burst packet = burst;
    packet.bytes = static_cast<std::uint32_t>(bytes);
    packet.last = true;
    sums_->bytes_to_eject += packet.bytes;
    DieSink sink{*this};
    network_.inject(site, packet, now, sink);
    return;
  }
  std::uint32_t index = free_send_;
  if (index == kNone) {
    index = static_cast<std::uint32_t>(sends_.size());
    sends_.emplace_back();
  } else {
    free_send_ = sends_[index].next;
  }
  ++sends_open_;
  sends_[index] = Send{burst, bytes, kNone};
  SiteState& state = sites_[site];
  if (state.queue_head == kNone) {
    state.queue_head = index;
  } else {
    sends_[state.queue_tail].next = index;
  }
  state.queue_tail = index;
  if (!state.inject_pending) {
    const Cycles free = network_.inject_free(site);
    state.inject_pending = true;
    if (free <= now) {
      inject(site, now);
    } else {
      wheel_.add(free, kInject, site);
    }
  }
}

/// One burst of the first waiting message goes out; messages take turns burst by burst.
void DieShard::inject(SiteIndex site, Cycles now) {
  SiteState& state = sites_[site];
  const Cycles port_free = network_.inject_free(site);
  if (port_free > now) return wheel_.add(port_free, kInject, site);  // a kernel or a reduction came first
  const std::uint32_t index = state.queue_head;
  const int blocked = blocked_edge(sends_[index].burst);
  if (blocked >= 0) {
    parked_sites_[static_cast<std::size_t>(blocked)].push_back(site);
    return;  // inject_pending stays set: the woken edge brings the event
  }
  Burst burst = sends_[index].burst;
  const Bytes bytes = std::min(sends_[index].remaining, context_->settings.burst_bytes);
  burst.bytes = static_cast<std::uint32_t>(bytes);
  burst.last = bytes == sends_[index].remaining;
  sends_[index].remaining -= bytes;
  state.queue_head = sends_[index].next;
  if (state.queue_head == kNone) state.queue_tail = kNone;
  if (burst.last) {
    sends_[index].next = free_send_;
    free_send_ = index;
    --sends_open_;
  } else {
    sends_[index].next = kNone;
    if (state.queue_head == kNone) {
      state.queue_head = index;
    } else {
      sends_[state.queue_tail].next = index;
    }
    state.queue_tail = index;
  }
  if (burst.shape == fabric::Shape::kUnicast) sums_->bytes_to_eject += burst.bytes;
  DieSink sink{*this};
  const Cycles free = network_.inject(site, burst, now, sink);
  if (state.queue_head != kNone) {
    wheel_.add(std::max(free, now), kInject, site);
  } else {
    state.inject_pending = false;
  }
}

void DieShard::leave(Direction d, std::int32_t lane, const Burst& burst, Cycles head) {
  const auto at = static_cast<std::size_t>(d);
  DOJO_CHECK(edges_[at].present(), "die {}: a burst leaves {} where the machine ends", die_, direction_name(d));
  const Flits train =
      burst.shape == fabric::Shape::kStriped ? network_.stripe_flits(d, burst.bytes) : network_.flits(burst.bytes);
  edges_[at].offer(burst, lane, train, head, now_, [&](const fabric::Crossing& crossing) {
    context_->post(context_->mailbox_of_die(die_, d), neighbours_[at], crossing, *sums_);
  });
  if (edges_[at].waiting()) plan_wake(d);
  if (edges_[at].full(burst.leg)) full_edges_ |= 1u << (at + std::size_t{topology::kDirections} * burst.leg);
}

void DieShard::deliver(DieSink& sink, SiteIndex site, const Burst& burst, Cycles tail) {
  const Flits n = network_.flits(burst.bytes);
  sums_->packets.add(tail - (n - 1) - burst.created, static_cast<std::uint64_t>(n));
  if (burst.shape != fabric::Shape::kUnicast) sums_->bytes_to_eject += burst.bytes;
  if (burst.last) received(sink, site, burst, tail);
}

/// All of a message has come.
void DieShard::received(DieSink& sink, SiteIndex site, const Burst& burst, Cycles tail) {
  switch (burst.purpose) {
    case Purpose::kOperand: {
      const std::uint16_t rank_die = sites_[site].rank_die;
      if (sink.rank_die != rank_die) {
        const RankDie& place = rank_dies_[rank_die];
        sink.rank_die = rank_die;
        sink.run = &kernel_run(rank_die, burst.item);
        sink.local_of_site = &place.shape->local_of_site[place.slice_die * sites_.size()];
      }
      return operand_arrived(*sink.run, static_cast<std::uint32_t>(sink.local_of_site[site]), burst.lane, tail, now_);
    }
    case Purpose::kToken:
    case Purpose::kNodeToken:
      wheel_.add(tail, burst.purpose == Purpose::kToken ? kToken : kNodeToken, burst.subject, burst.item,
                 static_cast<std::uint32_t>(burst.lane) << 16 | burst.chunk, site);
      return;
    case Purpose::kTaskStart: {
      const RankDie& place = rank_dies_[rank_die_of(burst.subject)];
      return plan_start(burst.subject, burst.item, tail + place.shape->barrier_cycles[place.slice_die]);
    }
    case Purpose::kTaskDone:
      wheel_.add(tail, kTaskDone, burst.subject, burst.item);
      return;
  }
}

void DieShard::send_message(SiteIndex site, std::int32_t row, std::int32_t column, Bytes bytes, const Burst& head,
                            Cycles now) {
  Burst burst = head;
  burst.row = row;
  burst.column = column;
  burst.shape = fabric::Shape::kUnicast;
  burst.traffic_class = bytes == 0 ? TrafficClass::kControl : TrafficClass::kData;
  push_send(site, burst, bytes == 0 ? 64 : bytes, now);
}

}  // namespace dojo::machine
