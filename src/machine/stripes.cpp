// SPDX-License-Identifier: Apache-2.0
// Striped messages of collectives: from all nodes of this die to all nodes of another.
#include <algorithm>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using fabric::Burst;
using topology::Direction;

namespace {

/// The way to the die of a striped burst's destination site; kDirections when it is this die.
int way(const Burst& burst, const fabric::DieNetwork& network) {
  if (burst.column < network.first_column()) return static_cast<int>(Direction::kWest);
  if (burst.column >= network.first_column() + network.columns()) return static_cast<int>(Direction::kEast);
  if (burst.row < network.first_row()) return static_cast<int>(Direction::kNorth);
  if (burst.row >= network.first_row() + network.rows()) return static_cast<int>(Direction::kSouth);
  return topology::kDirections;
}

}  // namespace

/// Messages towards one edge go one after another.
void DieShard::push_stripe(const Burst& head, Bytes bytes, Cycles now) {
  Burst burst = head;
  burst.shape = fabric::Shape::kStriped;
  burst.traffic_class = fabric::TrafficClass::kData;
  const int d = way(burst, network_);
  DOJO_CHECK(d < topology::kDirections, "die {}: a striped message to itself", die_);
  Stripes& stripes = stripes_[static_cast<std::size_t>(d)];
  stripes.queue.push_back({burst, bytes, kNone});
  if (stripes.pending) return;
  stripes.pending = true;
  send_stripe(static_cast<Direction>(d), now);
}

void DieShard::send_stripe(Direction d, Cycles now) {
  const auto at = static_cast<std::size_t>(d);
  Stripes& stripes = stripes_[at];
  if (stripes.queue.empty()) {
    stripes.pending = false;
    return;
  }
  if ((full_edges_ >> at & 1u) != 0) {
    stripes.parked = true;
    return;
  }
  Send& message = stripes.queue.front();
  Burst burst = message.burst;
  const Bytes parts = ceil_div(message.remaining, context_->stripe_bytes);
  const Bytes bytes = ceil_div(message.remaining, parts);
  burst.bytes = static_cast<std::uint32_t>(bytes);
  burst.last = parts == 1;
  burst.created = now;
  message.remaining -= bytes;
  if (burst.last) stripes.queue.pop_front();
  sums_->bytes_to_eject += burst.bytes;
  const fabric::DieNetwork::Stripe stripe = network_.stripe_out(d, bytes, now);
  leave(d, 0, burst, stripe.head);
  const Cycles length = std::max(network_.rows(), network_.columns()) * network_.hop_cycles();
  wheel_.add(std::max(now + 1, stripe.links_free - length), kStripe, static_cast<std::uint32_t>(d));
}

Cycles DieShard::arrive_stripe(Direction side, const Burst& burst, Cycles now) {
  const int d = way(burst, network_);
  if (d < topology::kDirections) {
    const fabric::DieNetwork::Stripe stripe = network_.stripe_through(static_cast<Direction>(d), burst.bytes, now);
    leave(static_cast<Direction>(d), 0, burst, stripe.head);
    return stripe.start;
  }
  const fabric::DieNetwork::Stripe stripe = network_.stripe_in(topology::opposite(side), burst.bytes, now);
  const Flits piece = network_.flits(ceil_div<Bytes>(burst.bytes, network_.nodes()));
  sums_->packets.add(stripe.done - (piece - 1) - burst.created, static_cast<std::uint64_t>(piece) * network_.nodes());
  if (burst.last) {
    const SiteIndex site = rank_dies_.front().slice->shape->nodes.front().site;
    wheel_.add(stripe.done, kToken, burst.subject, burst.item, burst.chunk, site);
  }
  return stripe.start;
}

}  // namespace dojo::machine
