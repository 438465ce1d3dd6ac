// SPDX-License-Identifier: Apache-2.0
#include "machine/network/burst_port.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/fabric/ideal_die.h"
#include "machine/link_counters.h"
#include "machine/network/models.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::TrafficClass;
using topology::Direction;

/// Bursts that come out of the die's links at a node or at the border.
template <class Links>
struct BurstPort<Links>::Sink {
  BurstPort& port;
  void deliver(SiteIndex site, const Burst& burst, Cycles tail) {
    const Flits n = port.links_.flits(burst.bytes);
    ThreadSums& sums = *port.moment_.sums;
    sums.packets.add(tail - (n - 1) - burst.created, static_cast<std::uint64_t>(n));
    if (burst.shape != fabric::Shape::kUnicast) sums.bytes_to_eject += burst.bytes;
    if (burst.last) port.receiver_.received(site, burst, tail);
  }
  void leave(Direction d, std::int32_t lane, const Burst& burst, Cycles head) { port.leave(d, lane, burst, head); }
};

/// The last arrival of a message whose bursts all stay on the die.
template <class Links>
struct BurstPort<Links>::MessageSink {
  const fabric::DieNetwork& network;
  ThreadSums& sums;
  Cycles arrived = 0;
  void deliver(SiteIndex, const Burst& burst, Cycles tail) {
    const Flits n = network.flits(burst.bytes);
    sums.packets.add(tail - (n - 1) - burst.created, static_cast<std::uint64_t>(n));
    arrived = std::max(arrived, tail);
  }
  static void leave(Direction, std::int32_t, const Burst&, Cycles) {
    DOJO_CHECK(false, "a message between nodes of one die leaves it");
  }
};

namespace {

/// What a node sends in its turn on a lane: as much as the routers of a row hold. More would stand in the way of what
/// crosses that, which in the hardware has its turn packet by packet.
Bytes bytes_of_turn(const Context& context) {
  const topology::NocParams& noc = context.topology.params().noc;
  const Bytes routers = std::max(context.topology.site_rows(), context.topology.site_columns());
  return std::min(context.turn_bytes, routers * noc.buffer_packets_per_vc * noc.link_bytes_per_cycle);
}

}  // namespace

template <class Links>
BurstPort<Links>::BurstPort(Context& context, DieId die, engine::Wheel& wheel, const Moment& moment, Receiver& receiver)
    : context_(context),
      timer_(wheel, Part::kNetwork),
      moment_(moment),
      receiver_(receiver),
      mail_(context, die, moment),
      border_(context, die, mail_, moment),
      send_queues_(static_cast<unsigned>(context.topology.params().node.communication_threads)),
      lanes_(context.model.shares_links && context.topology.routes() == nullptr),
      lane_bytes_(bytes_of_turn(context)),
      group_of_site_(static_cast<std::size_t>(context.topology.sites()), 0) {
  links_.configure(context.topology, die, context.stripe_groups[context.topology.site_map_index(die)]);
  state_.sends = SendQueues(group_of_site_.size(), send_queues_);
  state_.stripe_order.resize(std::size_t{links_.groups().count()} * send_queues_);
  const auto lines = static_cast<std::size_t>(std::max(links_.rows(), links_.columns())) * topology::kDirections;
  state_.lanes.resize(lines);
  state_.inlets.resize(lines);
  if (!context.groups_stripes) return;
  for (unsigned group = 1; group < links_.groups().count(); ++group) {
    for (const SiteIndex site : links_.groups()[group].sites) group_of_site_[site] = static_cast<std::uint8_t>(group);
  }
}

template <class Links>
std::unique_ptr<Gathers> BurstPort<Links>::make_gathers(KernelRuns& kernels) {
  auto gathers = std::make_unique<LineGathers>(kernels, *this, moment_, context_.topology, context_.trains);
  gathers_ = gathers.get();
  return gathers;
}

template <class Links>
void BurstPort<Links>::handle(const engine::Event& e) {
  switch (Timer::kind<Kind>(e)) {
    case Kind::kInject:
      return inject(static_cast<SiteIndex>(e.a), e.time);
    case Kind::kStripe:
      return send_stripe(static_cast<Direction>(e.a), e.b, e.time);
    case Kind::kInTurn:
      return send_in_turn(e.a, e.time);
    case Kind::kLane: {
      const auto d = static_cast<Direction>(e.a);
      const auto number = static_cast<std::int32_t>(e.b);
      state_.lanes[lane_index(d, number)].planned = false;
      run_lane(d, number, e.time);
      return run_asked(e.time);
    }
    case Kind::kInlet:
      state_.inlets[e.a].planned = false;
      run_inlet(e.a, e.time);
      return run_asked(e.time);
  }
}

/// In a cycle, waiting edges come first, then arrivals by side, then the die's own events: an order that does not
/// depend on when mail was read.
template <class Links>
void BurstPort<Links>::run_next() {
  const Cycles now = moment_.now;
  if (border_.next_wake() == now) {
    border_.run_wakes([&](const WayOut& way) { room(way, now); });
    return note_passed(now);
  }
  arrived_.clear();
  while (state_.arrivals.next_time() == now) arrived_.push_back(state_.arrivals.take());
  if (arrived_.size() > 1) {
    std::stable_sort(arrived_.begin(), arrived_.end(), [this](std::uint32_t x, std::uint32_t y) {
      return state_.entries[x].side < state_.entries[y].side;
    });
  }
  for (const std::uint32_t each : arrived_) arrive(each, now);
  run_asked(now);
}

template <class Links>
Cycles BurstPort<Links>::read_mail() {
  Cycles first_arrival = kNever;
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    if (!mail_.has_neighbour(d)) continue;
    mail_.take_crossings(d, [&](const fabric::Crossing& crossing) {
      first_arrival = std::min(first_arrival, crossing.time);
      std::uint32_t entry = state_.free_entry;
      if (entry == kNone) {
        entry = static_cast<std::uint32_t>(state_.entries.size());
        state_.entries.emplace_back();
      } else {
        state_.free_entry = state_.entries[entry].next;
      }
      state_.entries[entry] = Entry{crossing, d, kNone};
      state_.arrivals.add(crossing.time, entry);
    });
    if (mail_.take_credits(d, [&](const fabric::Credit& credit) { border_.add_credit(d, credit); }))
      border_.plan_wake(d);
  }
  return first_arrival;
}

/// A burst that finds its way out full stays in the receive buffer, so its credit is not given back.
template <class Links>
void BurstPort<Links>::arrive(std::uint32_t index, Cycles now) {
  const auto& [crossing, side, unused] = state_.entries[index];  // stays where it is: entries are added by mail alone
  if (takes_turns(crossing.burst)) return come(index, now);
  if (const auto way = full_way(crossing.burst)) {
    state_.parked_entries[way->index()].push_back(index);
    return;
  }
  const Cycles start = crossing.burst.shape == fabric::Shape::kStriped
                           ? arrive_stripe(side, crossing.burst, now)
                           : links_.enter(side, crossing.lane, crossing.burst, now, Sink{*this});
  leave_buffer(index, start, now);
}

template <class Links>
Cycles BurstPort<Links>::enter_burst(Direction side, const fabric::Crossing& crossing, Cycles now) {
  return links_.enter(side, crossing.lane, crossing.burst, now, Sink{*this});
}

template <class Links>
void BurstPort<Links>::post(SiteIndex site, const Burst& head, Bytes bytes, Cycles now, unsigned queue) {
  Burst burst = head;
  start_route(site, burst);
  if (burst.traffic_class == TrafficClass::kControl) {  // overtakes the queue: a packet of its own class
    burst.bytes = static_cast<std::uint32_t>(bytes);
    burst.last = true;
    moment_.sums->bytes_to_eject += burst.bytes;
    links_.inject(site, burst, now, Sink{*this});
    return;
  }
  if (!waits_behind_stripes(site, queue, burst, bytes)) send(site, queue, burst, bytes, now);
}

template <class Links>
void BurstPort<Links>::send(SiteIndex site, unsigned queue, const Burst& burst, Bytes bytes, Cycles now) {
  const bool first = state_.sends.add(site, queue, burst, bytes);
  bool& planned = state_.sends.planned(site);
  bool& parked = state_.sends.parked(site);
  if (planned && !(parked && first)) return;
  planned = true;
  parked = false;
  const Cycles free = links_.inject_free(site);
  if (free > now) return timer_.at(free, Kind::kInject, site);
  inject(site, now);
}

/// One burst of the message whose turn it is goes out.
template <class Links>
void BurstPort<Links>::inject(SiteIndex site, Cycles now) {
  const Cycles port_free = links_.inject_free(site);
  if (port_free > now) return timer_.at(port_free, Kind::kInject, site);  // a kernel or a reduction came first
  std::uint32_t full = 0;
  const unsigned queue = state_.sends.next(site, [&](const Burst& burst) {
    const std::optional<WayOut> way = full_way(burst);
    if (way) full |= 1u << way->index();
    return !way;
  });
  if (queue == kNone) return park(site, full);  // stays planned: the woken edge brings it
  const Burst& first = state_.sends.first(site, queue);
  if (takes_turns(first) && ask_lane(site, queue, first, now)) return;  // stays planned: its turn comes
  send_burst(site, queue, context_.turn_bytes, now);
}

/// Of at most `limit` bytes, from the first message of the queue.
template <class Links>
void BurstPort<Links>::send_burst(SiteIndex site, unsigned queue, Bytes limit, Cycles now) {
  const Burst burst = state_.sends.take(site, queue, limit);
  if (burst.shape == fabric::Shape::kUnicast) moment_.sums->bytes_to_eject += burst.bytes;
  const Cycles free = links_.inject(site, burst, now, Sink{*this});
  if (state_.sends.empty(site)) {
    state_.sends.planned(site) = false;
  } else {
    timer_.at(std::max(free, now), Kind::kInject, site);
  }
}

/// Its first messages all wait for room on these ways.
template <class Links>
void BurstPort<Links>::park(SiteIndex site, std::uint32_t ways) {
  state_.sends.parked(site) = true;
  std::uint32_t& listed = state_.sends.listed(site);
  for (std::uint32_t left = ways & ~listed; left != 0; left &= left - 1)
    state_.parked_sites[static_cast<std::size_t>(__builtin_ctz(left))].push_back(site);
  listed |= ways;
}

/// There is room on the way for which a node waited, unless others come first. Returns whether it waits no longer.
template <class Links>
bool BurstPort<Links>::unpark(SiteIndex site, const WayOut& way, Cycles now) {
  bool& parked = state_.sends.parked(site);
  if (parked && border_.is_full(way) && links_.inject_free(site) <= now) return false;
  state_.sends.listed(site) &= ~(1u << way.index());
  if (!parked) return true;  // it has gone on by another way
  parked = false;
  inject(site, now);
  return true;
}

template <class Links>
void BurstPort<Links>::post_in_turn(SiteIndex site, const Burst& head, Bytes bytes, Cycles now) {
  std::uint32_t index = state_.free_in_turn;
  if (index == kNone) {
    index = static_cast<std::uint32_t>(state_.in_turn.size());
    state_.in_turn.emplace_back();
  } else {
    state_.free_in_turn = state_.in_turn[index].next;
  }
  ++state_.open_in_turn;
  const auto [port, start] = links_.take_read_port(site, links_.flits(bytes), now);
  InTurn& message = state_.in_turn[index];
  message = {head, bytes, site, port, kNone};
  start_route(site, message.burst);
  moment_.sums->bytes_to_eject += static_cast<std::uint64_t>(bytes);
  if (start <= now) return send_in_turn(index, now);  // before gathers that start in this cycle take its links
  timer_.at(start, Kind::kInTurn, index);
}

template <class Links>
void BurstPort<Links>::send_in_turn(std::uint32_t index, Cycles now) {
  InTurn& message = state_.in_turn[index];
  Burst burst = message.burst;
  burst.bytes = static_cast<std::uint32_t>(std::min(message.left, context_.burst_bytes));
  burst.last = burst.bytes == message.left;
  message.left -= burst.bytes;
  const SiteIndex site = message.site;
  const std::uint32_t port = message.port;
  if (burst.last) {
    message.next = state_.free_in_turn;
    state_.free_in_turn = index;
    --state_.open_in_turn;
  }
  const Cycles next = links_.inject_in_turn(site, port, burst, now, Sink{*this});  // may post others
  if (!burst.last) timer_.at(next, Kind::kInTurn, index);
}

/// From `now`, or when the read port is free.
template <class Links>
Cycles BurstPort<Links>::send_within(SiteIndex site, const Burst& head, Bytes bytes, Cycles now) {
  MessageSink sink{links_, *moment_.sums};
  moment_.sums->bytes_to_eject += static_cast<std::uint64_t>(bytes);
  Burst burst = head;
  start_route(site, burst);
  for (Bytes left = bytes; left > 0; left -= burst.bytes) {
    burst.bytes = static_cast<std::uint32_t>(std::min(left, context_.burst_bytes));
    links_.inject(site, burst, std::max(now, links_.inject_free(site)), sink);
  }
  return sink.arrived;
}

template <class Links>
void BurstPort<Links>::leave(Direction d, std::int32_t lane, const Burst& burst, Cycles head) {
  const Flits train = burst.shape == fabric::Shape::kStriped ? links_.stripe_flits(d, burst.group, burst.bytes)
                                                             : links_.flits(burst.bytes);
  border_.leave(d, lane, burst, train, head);
  if (takes_turns(burst)) state_.lanes[lane_index(d, lane)].at_edge = border_.edge(d).waiting();
  note_passed(moment_.now);
}

template <class Links>
LinkCounters BurstPort<Links>::edge(Direction d) const {
  return link_counters(border_.edge(d).serialiser());
}

template <class Links>
void BurstPort<Links>::add_to_edge(Direction d, const LinkCounters& carried) {
  border_.edge(d).serialiser().add_served(carried.bytes, carried.busy_units, carried.queue_cycles, carried.transfers);
}

template <class Links>
bool BurstPort<Links>::settled() const {
  return state_.sends.open() == 0 && state_.open_in_turn == 0 && state_.in_inlets == 0 && !border_.any_waiting() &&
         std::all_of(state_.stripes.begin(), state_.stripes.end(), [](const auto& queues) {
           return std::all_of(queues.begin(), queues.end(), [](const Stripes& s) { return s.queue.empty(); });
         });
}

/// Everything that stands anywhere stands behind an edge: links on a die never refuse a burst.
template <class Links>
void BurstPort<Links>::each_standing(const std::function<void(const Burst&, int)>& look) const {
  for (int d = 0; d < topology::kDirections; ++d)
    border_.edge(static_cast<Direction>(d)).each_waiting([&](const Burst& burst) { look(burst, d); });
}

template <class Links>
void BurstPort<Links>::copy(const NetworkPort& other, const RowNames& names) {
  const auto& from = dynamic_cast<const BurstPort&>(other);
  links_.take_over(from.links_);
  border_.copy(from.border_, names);
  state_ = from.state_;
  const auto rename = [&](Burst& burst) { names.rename(burst); };
  auto& [arrivals, entries, free_entry, sends, in_turn, free_in_turn, open_in_turn, stripes, stripe_order, stripe_turn,
         parked_sites, parked_entries, parked_lines, lanes, inlets, in_inlets] = state_;
  for (Entry& entry : entries) rename(entry.crossing.burst);
  sends.rename(rename);
  for (InTurn& message : in_turn) rename(message.burst);
  for (auto& queues : stripes) {
    for (Stripes& of : queues) {
      for (auto& message : of.queue) rename(message.burst);
    }
  }
}

template class BurstPort<fabric::DieNetwork>;
template class BurstPort<fabric::IdealDie>;

}  // namespace dojo::machine
