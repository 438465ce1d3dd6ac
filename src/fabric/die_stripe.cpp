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

SiteIndex DieNetwork::stripe_site(Direction d, std::int32_t lane, std::int32_t step) const {
  switch (d) {
    case Direction::kEast:
      return site_at(lane, step);
    case Direction::kWest:
      return site_at(lane, columns_ - 1 - step);
    case Direction::kSouth:
      return site_at(step, lane);
    case Direction::kNorth:
      break;
  }
  return site_at(rows_ - 1 - step, lane);
}

Bytes DieNetwork::piece_bytes(SiteIndex site, Bytes bytes) const {
  const auto nodes = static_cast<Bytes>(nodes_);
  return bytes / nodes + (node_number_[site] < bytes % nodes ? 1 : 0);
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
  Stripe stripe{now, now, 0, 0};
  prefetch_stripe(d, 0);
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    if (lane + 1 < lanes) prefetch_stripe(d, lane + 1);
    const SiteIndex first = stripe_site(d, lane, 0);
    Link* const links = &links_[static_cast<std::size_t>(d)][index(d, first / columns_, first % columns_)];
    Flits total = 0;
    Cycles head = kNever;
    Cycles tail = 0;
    for (std::int32_t step = 0; step < length; ++step) {
      const SiteIndex site = stripe_site(d, lane, step);
      if (enabled_[site] != 0) {
        Port& port = ports_[site];
        const Cycles start = std::max(now, port.inject_free);
        port.inject_free = start + piece;
        port.bytes_injected += static_cast<std::uint64_t>(piece_bytes(site, bytes));
        total += piece;
        head = std::min(head, start + hop_);
        tail = std::max(tail, start + hop_ + piece);
        stripe.start = std::max(stripe.start, start);
      }
      if (total == 0) continue;
      Link& link = links[step];
      const Cycles start = std::max(head, link.free);
      link.queue_cycles += static_cast<std::uint64_t>(start - head);
      link.busy_cycles += static_cast<std::uint64_t>(total);
      ++link.bursts;
      link.free = std::max(start + total, tail);
      head = start + hop_;
      tail = link.free + hop_;
    }
    if (total == 0) continue;
    stripe.head = std::max(stripe.head, tail - total);
    stripe.links_free = std::max(stripe.links_free, tail - hop_);
    latest_ = std::max(latest_, tail);
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
    Flits total = 0;
    for (std::int32_t step = 0; step < length; ++step) total += enabled_[stripe_site(d, lane, step)] != 0 ? piece : 0;
    if (total == 0) continue;
    const SiteIndex first = stripe_site(d, lane, 0);
    const Walk w = walk(d, index(d, first / columns_, first % columns_), length, total, now);
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
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    if (lane + 1 < lanes) prefetch_stripe(d, lane + 1);
    const SiteIndex first = stripe_site(d, lane, 0);
    Link* const links = &links_[static_cast<std::size_t>(d)][index(d, first / columns_, first % columns_)];
    Flits left = 0;
    for (std::int32_t step = 0; step < length; ++step) left += enabled_[stripe_site(d, lane, step)] != 0 ? piece : 0;
    Cycles head = now;
    Cycles tail = now + left;
    bool first_link = true;
    for (std::int32_t step = 0; left > 0; ++step) {
      const SiteIndex site = stripe_site(d, lane, step);
      if (enabled_[site] != 0) {
        Port& port = ports_[site];
        const Cycles done = std::max(port.eject_free, tail - piece) + piece;
        port.eject_free = done;
        port.bytes_ejected += static_cast<std::uint64_t>(piece_bytes(site, bytes));
        if (step > 0) links[step - 1].free = std::max(links[step - 1].free, done - buffer_flits_);
        stripe.done = std::max(stripe.done, done);
        left -= piece;
        tail -= piece;
        if (left == 0) break;
      }
      Link& link = links[step];
      const Cycles start = std::max(head, link.free);
      link.queue_cycles += static_cast<std::uint64_t>(start - head);
      link.busy_cycles += static_cast<std::uint64_t>(left);
      ++link.bursts;
      link.free = std::max(start + left, tail);
      if (first_link) stripe.start = std::max(stripe.start, start);
      first_link = false;
      head = start + hop_;
      tail = link.free + hop_;
    }
  }
  latest_ = std::max(latest_, stripe.done);
  return stripe;
}

}  // namespace dojo::fabric
