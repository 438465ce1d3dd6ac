// SPDX-License-Identifier: Apache-2.0
// Where bursts leave a die in the fast model, whether they must wait for that, and striped messages.
#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/fabric/ideal_die.h"
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

/// Messages towards one edge go one after another.
template <class Links>
void BurstPort<Links>::post_stripe(const Burst& head, Bytes bytes, Cycles now) {
  Burst burst = head;
  burst.shape = Shape::kStriped;
  burst.traffic_class = fabric::TrafficClass::kData;
  const std::optional<Direction> d = way_to(burst);
  DOJO_CHECK(d.has_value(), "a striped message of a die to itself");
  Stripes& stripes = state_.stripes[static_cast<std::size_t>(*d)];
  stripes.queue.push_back({burst, bytes});
  if (stripes.pending) return;
  stripes.pending = true;
  send_stripe(*d, now);
}

template <class Links>
void BurstPort<Links>::send_stripe(Direction d, Cycles now) {
  Stripes& stripes = state_.stripes[static_cast<std::size_t>(d)];
  if (stripes.queue.empty()) {
    stripes.pending = false;
    return;
  }
  if (border_.is_full({d, 0})) {
    stripes.parked = true;
    return;
  }
  auto& message = stripes.queue.front();
  Burst burst = message.burst;
  const Bytes parts = ceil_div(message.remaining, context_.stripe_bytes);
  const Bytes bytes = ceil_div(message.remaining, parts);
  burst.bytes = static_cast<std::uint32_t>(bytes);
  burst.last = parts == 1;
  burst.created = now;
  message.remaining -= bytes;
  if (burst.last) stripes.queue.pop_front();
  moment_.sums->bytes_to_eject += burst.bytes;
  const fabric::DieNetwork::Stripe stripe = links_.stripe_out(d, bytes, now);
  leave(d, 0, burst, stripe.head);
  const Cycles length = std::max(links_.rows(), links_.columns()) * links_.hop_cycles();
  timer_.at(std::max(now + 1, stripe.links_free - length), Kind::kStripe, static_cast<std::uint32_t>(d));
}

/// Returns when its heads have left the receive buffer.
template <class Links>
Cycles BurstPort<Links>::arrive_stripe(Direction side, const Burst& burst, Cycles now) {
  if (const std::optional<Direction> d = way_to(burst)) {
    const fabric::DieNetwork::Stripe stripe = links_.stripe_through(*d, burst.bytes, now);
    leave(*d, 0, burst, stripe.head);
    return stripe.start;
  }
  const fabric::DieNetwork::Stripe stripe = links_.stripe_in(topology::opposite(side), burst.bytes, now);
  const Flits piece = links_.flits(ceil_div<Bytes>(burst.bytes, links_.nodes()));
  moment_.sums->packets.add(stripe.done - (piece - 1) - burst.created,
                            static_cast<std::uint64_t>(piece) * links_.nodes());
  if (burst.last) receiver_.received(links_.first_node(), burst, stripe.done);
  return stripe.start;
}

template class BurstPort<fabric::DieNetwork>;
template class BurstPort<fabric::IdealDie>;

}  // namespace dojo::machine
