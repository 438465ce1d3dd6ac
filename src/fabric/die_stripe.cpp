// SPDX-License-Identifier: Apache-2.0
// Striped bursts on a die: a whole die's pieces move one die further along their rows or columns.
#include "dojo/base/error.h"
#include "dojo/fabric/die_network.h"

namespace dojo::fabric {

namespace {

bool is_horizontal(Direction d) {
  return d == Direction::kEast || d == Direction::kWest;
}

}  // namespace

/// Sites first, first + stride, ... lie on the way of row (column) `lane`; its links follow each other in memory.
DieNetwork::Way DieNetwork::way(Direction d, std::int32_t lane) {
  const auto of = [&](std::int32_t row, std::int32_t column, std::int32_t stride) {
    return Way{row * columns_ + column, stride, &links_[static_cast<std::size_t>(d)][index(d, row, column)]};
  };
  switch (d) {
    case Direction::kEast:
      return of(lane, 0, 1);
    case Direction::kWest:
      return of(lane, columns_ - 1, -1);
    case Direction::kSouth:
      return of(0, lane, columns_);
    case Direction::kNorth:
      break;
  }
  return of(rows_ - 1, lane, -columns_);
}

Flits DieNetwork::stripe_flits(Direction d, Bytes bytes) const {
  return fullest_[is_horizontal(d) ? 0 : 1] * flits(ceil_div<Bytes>(bytes, nodes_));
}

void DieNetwork::prefetch_stripe(Direction d, std::int32_t lane) const {
  prefetch_links(d, lane);
  const bool horizontal = is_horizontal(d);
  const std::int32_t length = horizontal ? columns_ : rows_;
  for (std::int32_t at = 0; at < length; at += horizontal ? 2 : 1) {  // two ports of a row share a line of the cache
    __builtin_prefetch(&ports_[horizontal ? site_at(lane, at) : site_at(at, lane)], 1);
  }
}

/// From every node to the border: a link carries the pieces of all nodes behind it.
DieNetwork::Stripe DieNetwork::stripe_out(Direction d, Bytes bytes, Cycles now) {
  const bool horizontal = is_horizontal(d);
  const std::int32_t lanes = horizontal ? rows_ : columns_;
  const std::int32_t length = horizontal ? columns_ : rows_;
  const Flits piece = flits(ceil_div<Bytes>(bytes, nodes_));
  const Bytes each = bytes / nodes_;
  const Bytes rest = bytes % nodes_;
  const Cycles hop = hop_;
  Stripe stripe{now, now, 0, 0};
  prefetch_stripe(d, 0);
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    if (lane + 1 < lanes) prefetch_stripe(d, lane + 1);
    const Way on = way(d, lane);
    Train train;
    std::int32_t site = on.first;
    for (Link *link = on.links, *const end = link + length; link != end; ++link, site += on.stride) {
      if (enabled_[static_cast<std::size_t>(site)] != 0) {
        Port& port = ports_[static_cast<std::size_t>(site)];
        const Cycles start = std::max(now, port.inject_free);
        port.inject_free = start + piece;
        const bool longer = node_number_[static_cast<std::size_t>(site)] < rest;
        port.bytes_injected += static_cast<std::uint64_t>(each + (longer ? 1 : 0));
        train.flits += piece;
        train.head = std::min(train.head, start + hop);
        train.tail = std::max(train.tail, start + hop + piece);
        stripe.start = std::max(stripe.start, start);
      }
      if (train.flits > 0) pass(*link, train, hop);
    }
    if (train.flits == 0) continue;
    stripe.head = std::max(stripe.head, train.tail - train.flits);
    stripe.links_free = std::max(stripe.links_free, train.tail - hop);
    latest_ = std::max(latest_, train.tail);
  }
  return stripe;
}

DieNetwork::Stripe DieNetwork::stripe_through(Direction d, Bytes bytes, Cycles now) {
  const bool horizontal = is_horizontal(d);
  const std::int32_t lanes = horizontal ? rows_ : columns_;
  const std::int32_t length = horizontal ? columns_ : rows_;
  const Flits piece = flits(ceil_div<Bytes>(bytes, nodes_));
  Stripe stripe{now, now, 0, 0};
  prefetch_stripe(d, 0);
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    if (lane + 1 < lanes) prefetch_stripe(d, lane + 1);
    const Way on = way(d, lane);
    const Flits total = nodes_on(on, length) * piece;
    if (total == 0) continue;
    const Walk w =
        walk(d, static_cast<std::size_t>(on.links - links_[static_cast<std::size_t>(d)].data()), length, total, now);
    stripe.head = std::max(stripe.head, w.head);
    stripe.start = std::max(stripe.start, w.first_start);
  }
  stripe.links_free = stripe.head + stripe_flits(d, bytes) - hop_;
  return stripe;
}

/// From the border to every node, the farthest node's piece first, as the way out orders them.
DieNetwork::Stripe DieNetwork::stripe_in(Direction d, Bytes bytes, Cycles now) {
  const bool horizontal = is_horizontal(d);
  const std::int32_t lanes = horizontal ? rows_ : columns_;
  const std::int32_t length = horizontal ? columns_ : rows_;
  const Flits piece = flits(ceil_div<Bytes>(bytes, nodes_));
  Stripe stripe{0, now, now, 0};
  prefetch_stripe(d, 0);
  const Bytes each = bytes / nodes_;
  const Bytes rest = bytes % nodes_;
  const Cycles hop = hop_;
  const Flits buffer = buffer_flits_;
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    if (lane + 1 < lanes) prefetch_stripe(d, lane + 1);
    const Way on = way(d, lane);
    const Flits whole = nodes_on(on, length) * piece;
    Train train{whole, now, now + whole};
    std::int32_t site = on.first;
    for (Link* link = on.links; train.flits > 0; ++link, site += on.stride) {
      if (enabled_[static_cast<std::size_t>(site)] != 0) {
        Port& port = ports_[static_cast<std::size_t>(site)];
        const Cycles done = std::max(port.eject_free, train.tail - piece) + piece;
        port.eject_free = done;
        const bool longer = node_number_[static_cast<std::size_t>(site)] < rest;
        port.bytes_ejected += static_cast<std::uint64_t>(each + (longer ? 1 : 0));
        if (link != on.links) link[-1].free = std::max(link[-1].free, done - buffer);
        stripe.done = std::max(stripe.done, done);
        train.flits -= piece;
        train.tail -= piece;
        if (train.flits == 0) break;
      }
      const Cycles start = pass(*link, train, hop);
      if (link == on.links) stripe.start = std::max(stripe.start, start);
    }
  }
  latest_ = std::max(latest_, stripe.done);
  return stripe;
}

Flits DieNetwork::nodes_on(const Way& on, std::int32_t length) const {
  Flits count = 0;
  for (std::int32_t step = 0; step < length; ++step) {
    count += enabled_[static_cast<std::size_t>(on.first + step * on.stride)] != 0 ? 1 : 0;
  }
  return count;
}

}  // namespace dojo::fabric
