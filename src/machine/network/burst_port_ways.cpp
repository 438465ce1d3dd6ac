// SPDX-License-Identifier: Apache-2.0
// Where bursts leave a die in the fast model, whether they must wait for that, and striped messages.
#include <algorithm>
#include <bitset>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/fabric/ideal_die.h"
#include "machine/die/messages.h"
#include "machine/network/burst_port.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::Shape;
using topology::Direction;

/// Around what is dead; counted once for each message.
template <class Links>
void BurstPort<Links>::start_route(SiteIndex site, Burst& burst) {
  if (!links_.has_detours()) return;
  const std::int32_t added = links_.start_route(site, burst);
  moment_.sums->add_detour(added, burst.legs_left);
}

/// The edge towards a burst's destination, X before Y; none: it lies on this die.
template <class Links>
std::optional<Direction> BurstPort<Links>::way_to(const Burst& burst) const {
  if (burst.column < links_.first_column()) return Direction::kWest;
  if (burst.column >= links_.first_column() + links_.columns()) return Direction::kEast;
  if (burst.row < links_.first_row()) return Direction::kNorth;
  if (burst.row >= links_.first_row() + links_.rows()) return Direction::kSouth;
  return std::nullopt;
}

/// The way by which the burst would leave, if new bursts must not queue there now.
template <class Links>
std::optional<WayOut> BurstPort<Links>::full_way(const Burst& burst) {
  if (!border_.any_full() || burst.traffic_class == fabric::TrafficClass::kControl) return std::nullopt;
  if (burst.shape != Shape::kUnicast && burst.shape != Shape::kStriped) return full_way_of_line(burst);
  if (burst.shape == Shape::kUnicast && links_.has_detours()) return full_way_of_leg(links_.at_exit(burst));
  return full_way_of_leg(burst);
}

template <class Links>
std::optional<WayOut> BurstPort<Links>::full_way_of_leg(const Burst& burst) const {
  const std::optional<Direction> d = way_to(burst);
  if (!d || !border_.is_full({*d, burst.leg})) return std::nullopt;
  return WayOut{*d, burst.leg};
}

/// A multicast goes on the way it came, so it never waits for the edge behind it: two that go opposite ways would
/// otherwise wait for each other.
template <class Links>
std::optional<WayOut> BurstPort<Links>::full_way_of_line(const Burst& burst) const {
  const auto full = [&](Direction d, bool goes_on) {
    return goes_on && border_.is_full({d, 0}) ? std::optional<WayOut>(WayOut{d, 0}) : std::nullopt;
  };
  switch (burst.shape) {
    case Shape::kRowEast:
      return full(Direction::kEast, burst.reach.high >= links_.first_column() + links_.columns());
    case Shape::kRowWest:
      return full(Direction::kWest, burst.reach.low < links_.first_column());
    case Shape::kColumnSouth:
      return full(Direction::kSouth, burst.reach.high >= links_.first_row() + links_.rows());
    case Shape::kColumnNorth:
      return full(Direction::kNorth, burst.reach.low < links_.first_row());
    default:
      return std::nullopt;  // kernels send rows and columns as gathers
  }
}

/// What waited for room on a way out comes to the edge, in turn, until the edge is full again. What is left then goes
/// by the same way still, so it need not look for it.
template <class Links>
void BurstPort<Links>::room(const WayOut& way, Cycles now) {
  wake(state_.parked_entries[way.index()], [&](std::uint32_t entry) {
    if (border_.is_full(way)) return false;
    arrive(entry, now);
    return true;
  });
  wake(state_.parked_sites[way.index()],
       [&](std::uint32_t site) { return unpark(static_cast<SiteIndex>(site), way, now); });
  if (way.leg > 0) return;
  const auto d = static_cast<std::size_t>(way.direction);
  if (lanes_) {
    for (std::int32_t lane = 0; lane < std::max(links_.rows(), links_.columns()); ++lane)
      run_lane(way.direction, lane, now);
    run_asked(now);
  }
  for (unsigned queue = 0; queue < state_.stripes[d].size(); ++queue) {
    if (std::exchange(state_.stripes[d][queue].parked, false)) send_stripe(way.direction, queue, now);
  }
  for (const ParkedLine& line : std::exchange(state_.parked_lines[d], {})) gathers_->go_on(line, now);
}

/// Calls `go` for all that is parked; what it refuses stays, behind what is parked meanwhile.
template <class Links>
template <class Go>
void BurstPort<Links>::wake(std::vector<std::uint32_t>& parked, Go&& go) {
  woken_.clear();
  woken_.swap(parked);
  for (const std::uint32_t each : woken_) {
    if (!go(each)) parked.push_back(each);
  }
}

namespace {

struct Cell {
  unsigned row, column;
};
using Grid = fabric::StripeGroups::Grid;
/// Of a group of a die's nodes (1 and up) in their grid.
Cell cell(const Grid& grid, unsigned group) {
  const auto columns = static_cast<unsigned>(grid.columns);
  return {(group - 1) / columns, (group - 1) % columns};
}
bool is_along_rows(Direction d) {
  return d == Direction::kEast || d == Direction::kWest;
}
/// How many groups lie between it and the edge at that side.
unsigned depth(const Grid& grid, Direction d, unsigned group) {
  const auto [row, column] = cell(grid, group);
  switch (d) {
    case Direction::kEast:
      return static_cast<unsigned>(grid.columns) - 1 - column;
    case Direction::kWest:
      return column;
    case Direction::kSouth:
      return static_cast<unsigned>(grid.rows) - 1 - row;
    case Direction::kNorth:
      break;
  }
  return row;
}

}  // namespace

namespace {

/// Messages towards one edge along the same rows (columns) share a queue.
unsigned queue_of(const Grid& grid, Direction d, unsigned group) {
  if (group == 0) return 0;
  return 1 + (is_along_rows(d) ? cell(grid, group).row : cell(grid, group).column);
}

}  // namespace

template <class Links>
void BurstPort<Links>::post_stripe(const Burst& head, Bytes bytes, Cycles now, unsigned send_queue) {
  Burst burst = head;
  burst.shape = Shape::kStriped;
  burst.traffic_class = fabric::TrafficClass::kData;
  const std::optional<Direction> d = way_to(burst);
  DOJO_CHECK(d.has_value(), "a striped message of a die to itself");
  add_stripe(*d, {burst, links_.groups().share_of(burst.group, bytes), send_queue, -1}, now);
}

template <class Links>
void BurstPort<Links>::add_stripe(Direction d, const typename Stripes::Message& message, Cycles now) {
  const unsigned queue = queue_of(links_.groups().grid(), d, message.burst.group);
  Stripes& stripes = state_.stripes[static_cast<std::size_t>(d)][queue];
  stripes.queue.push_back(message);
  stripe_order(message.burst.group, message.send_queue).push_back(static_cast<std::uint8_t>(d));
  if (stripes.pending) return;
  stripes.pending = true;
  send_stripe(d, queue, now);
}

/// A message that leaves the die while striped ones wait there: routers that take turns serve what is nearer to the
/// edge first, and its node what came before it in its send queue.
template <class Links>
bool BurstPort<Links>::waits_behind_stripes(SiteIndex site, unsigned queue, const Burst& burst, Bytes bytes) {
  if (links_.has_detours()) return false;
  const std::optional<Direction> d = way_to(burst);
  if (!d) return false;
  const std::uint8_t group = group_of_site_[site];
  Stripes& stripes = state_.stripes[static_cast<std::size_t>(*d)][queue_of(links_.groups().grid(), *d, group)];
  if (stripes.queue.empty() && stripe_order(group, queue).empty()) return false;
  typename Stripes::Message message{burst, bytes, queue, site};
  message.burst.group = group;
  add_stripe(*d, message, moment_.now);
  return true;
}

/// A group's messages in a send queue go in the order in which they were posted, whichever way; its send queues take
/// turns train by train. Among groups, routers that take turns port by port serve the nodes of a row nearest to the
/// edge first; those that look at the age of packets serve the oldest chunk first. Returns the queue's size if none may
/// go.
template <class Links>
std::size_t BurstPort<Links>::next_stripe(Direction d, const Stripes& stripes) const {
  std::size_t best = stripes.queue.size();
  unsigned best_rank = kNone;
  std::bitset<fabric::StripeGroups::kMost * topology::kMostSendQueues>
      seen;  // by group and send queue: the first alone may go
  for (std::size_t i = 0; i < stripes.queue.size() && best_rank > 0; ++i) {
    const Burst& burst = stripes.queue[i].burst;
    const std::size_t from = std::size_t{burst.group} * send_queues_ + stripes.queue[i].send_queue;
    if (seen[from]) continue;
    seen[from] = true;
    if (state_.stripe_order[from].front() != static_cast<std::uint8_t>(d)) continue;
    const unsigned turns = stripes.queue[i].send_queue + send_queues_ - state_.stripe_turn[burst.group];
    const unsigned of_group = burst.group == 0        ? 0
                              : context_.oldest_first ? TokenRef::unpack(burst.payload).chunk
                                                      : depth(links_.groups().grid(), d, burst.group);
    const unsigned rank = of_group * send_queues_ + turns % send_queues_;
    if (rank >= best_rank) continue;
    best = i;
    best_rank = rank;
  }
  return best;
}

/// The next message of the group's send queue may go another way.
template <class Links>
void BurstPort<Links>::stripe_sent(Direction d, unsigned group, unsigned send_queue, Cycles next) {
  std::vector<std::uint8_t>& order = stripe_order(group, send_queue);
  order.erase(order.begin());
  if (order.empty() || order.front() == static_cast<std::uint8_t>(d)) return;
  const auto other = static_cast<Direction>(order.front());
  Stripes& stripes = state_.stripes[order.front()][queue_of(links_.groups().grid(), other, group)];
  if (stripes.pending) return;
  stripes.pending = true;
  timer_.at(next, Kind::kStripe, order.front(), queue_of(links_.groups().grid(), other, group));
}

template <class Links>
void BurstPort<Links>::send_stripe(Direction d, unsigned queue, Cycles now) {
  Stripes& stripes = state_.stripes[static_cast<std::size_t>(d)][queue];
  const std::size_t index = next_stripe(d, stripes);
  if (index == stripes.queue.size()) {
    stripes.pending = false;
    return;
  }
  if (border_.is_full({d, 0})) {
    stripes.parked = true;
    return;
  }
  auto& message = stripes.queue[index];
  if (message.site >= 0) {
    const typename Stripes::Message single = message;
    took_turn(single.burst.group, single.send_queue);
    stripes.queue.erase(stripes.queue.begin() + static_cast<std::ptrdiff_t>(index));
    timer_.at(now + 1, Kind::kStripe, static_cast<std::uint32_t>(d), queue);
    stripe_sent(d, single.burst.group, single.send_queue, now + 1);
    Burst burst = single.burst;
    burst.group = 0;
    return send(static_cast<SiteIndex>(single.site), single.send_queue, burst, single.remaining, now);
  }
  Burst burst = message.burst;
  const Bytes most = burst.group == 0 ? context_.stripe_bytes : context_.group_stripe_bytes;
  const Bytes parts = ceil_div(message.remaining, most);
  const Bytes bytes = ceil_div(message.remaining, parts);
  burst.bytes = static_cast<std::uint32_t>(bytes);
  burst.last = parts == 1;
  burst.created = now;
  message.remaining -= bytes;
  const unsigned send_queue = message.send_queue;
  took_turn(burst.group, send_queue);
  if (burst.last) stripes.queue.erase(stripes.queue.begin() + static_cast<std::ptrdiff_t>(index));
  moment_.sums->bytes_to_eject += burst.bytes;
  const fabric::DieNetwork::Stripe stripe = links_.stripe_out(d, burst.group, bytes, now);
  leave(d, 0, burst, stripe.head);
  const Cycles length = std::max(links_.rows(), links_.columns()) * links_.hop_cycles();
  const Cycles next = std::max(now + 1, stripe.links_free - length);
  timer_.at(next, Kind::kStripe, static_cast<std::uint32_t>(d), queue);
  if (burst.last) stripe_sent(d, burst.group, send_queue, next);
}

/// Returns when its heads have left the receive buffer.
template <class Links>
Cycles BurstPort<Links>::arrive_stripe(Direction side, const Burst& burst, Cycles now) {
  if (const std::optional<Direction> d = way_to(burst)) {
    const fabric::DieNetwork::Stripe stripe = links_.stripe_through(*d, burst.group, burst.bytes, now);
    leave(*d, 0, burst, stripe.head);
    return stripe.start;
  }
  const fabric::DieNetwork::Stripe stripe = links_.stripe_in(topology::opposite(side), burst.group, burst.bytes, now);
  const Flits piece = links_.piece_flits(burst.group, burst.bytes);
  moment_.sums->packets.add(stripe.done - (piece - 1) - burst.created,
                            static_cast<std::uint64_t>(piece) * links_.groups()[burst.group].sites.size());
  if (burst.last) receiver_.received(links_.first_node(), burst, stripe.done);
  return stripe.start;
}

template class BurstPort<fabric::DieNetwork>;
template class BurstPort<fabric::IdealDie>;

}  // namespace dojo::machine
