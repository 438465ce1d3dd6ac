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
DieNetwork::Way DieNetwork::way(Direction d, std::int32_t lane) const {
  const auto of = [&](std::int32_t row, std::int32_t column, std::int32_t stride) {
    return Way{row * columns_ + column, stride, index(d, row, column)};
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

/// From every node to the border: a link carries the pieces of all nodes behind it.
DieNetwork::Stripe DieNetwork::stripe_out(Direction d, Bytes bytes, Cycles now) {
  const bool horizontal = is_horizontal(d);
  const std::int32_t lanes = horizontal ? rows_ : columns_;
  const std::int32_t length = horizontal ? columns_ : rows_;
  const Flits piece = flits(ceil_div<Bytes>(bytes, nodes_));
  const Cycles hop = hop_;
  const auto at = static_cast<std::size_t>(d);
  striped_out_[at].add(piece, bytes / nodes_, bytes % nodes_);
  Stripe stripe{now, now, 0, 0};
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    const Way on = way(d, lane);
    Train train;
    std::int32_t site = on.first;
    Cycles* const free = free_[at].data() + on.link;
    LinkUse* const use = use_[at].data() + on.link;
    for (std::int32_t i = 0; i < length; ++i, site += on.stride) {
      if (enabled_[static_cast<std::size_t>(site)] != 0) {
        Cycles& port_free = reads_.first(static_cast<std::size_t>(site));
        const Cycles start = std::max(now, port_free);
        port_free = start + piece;
        train.flits += piece;
        train.head = std::min(train.head, start + hop);
        train.tail = std::max(train.tail, start + hop + piece);
        stripe.start = std::max(stripe.start, start);
      }
      if (train.flits > 0) pass(free[i], use[i], train, hop);
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
  striped_through_[static_cast<std::size_t>(d)].add(piece, 0, 0);
  Stripe stripe{now, now, 0, 0};
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    const Way on = way(d, lane);
    const Flits total = nodes_on(on, length) * piece;
    if (total == 0) continue;
    const Walk w = walk<false>(d, on.link, length, total, now);
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
  const auto at = static_cast<std::size_t>(d);
  striped_in_[at].add(piece, bytes / nodes_, bytes % nodes_);
  const Cycles hop = hop_;
  const Flits buffer = buffer_flits_;
  for (std::int32_t lane = 0; lane < lanes; ++lane) {
    const Way on = way(d, lane);
    const Flits whole = nodes_on(on, length) * piece;
    Train train{whole, now, now + whole};
    std::int32_t site = on.first;
    Cycles* const free = free_[at].data() + on.link;
    LinkUse* const use = use_[at].data() + on.link;
    for (std::int32_t i = 0; train.flits > 0; ++i, site += on.stride) {
      if (enabled_[static_cast<std::size_t>(site)] != 0) {
        Cycles& port_free = writes_.first(static_cast<std::size_t>(site));
        const Cycles done = std::max(port_free, train.tail - piece) + piece;
        port_free = done;
        if (i > 0) free[i - 1] = std::max(free[i - 1], done - buffer);
        stripe.done = std::max(stripe.done, done);
        train.flits -= piece;
        train.tail -= piece;
        if (train.flits == 0) break;
      }
      const Cycles start = pass(free[i], use[i], train, hop);
      if (i == 0) stripe.start = std::max(stripe.start, start);
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

void DieNetwork::StripeUse::add(Flits piece, Bytes each, Bytes rest) {
  flits += static_cast<std::uint64_t>(piece);
  ++bursts;
  bytes += static_cast<std::uint64_t>(each);
  if (rest == 0) return;
  const auto nodes = static_cast<std::uint32_t>(rest);
  auto at = std::find_if(uneven.begin(), uneven.end(), [&](const Uneven& u) { return u.nodes == nodes; });
  if (at == uneven.end()) at = uneven.insert(at, {nodes, 0});
  ++at->bursts;
}

std::vector<std::uint64_t> DieNetwork::StripeUse::uneven_by_nodes(std::uint32_t nodes_of_die) const {
  std::vector<std::uint64_t> bursts_by_nodes(std::size_t{nodes_of_die} + 1, 0);
  for (const Uneven& u : uneven) bursts_by_nodes[u.nodes] = u.bursts;
  return bursts_by_nodes;
}

void DieNetwork::settle() {
  for (std::size_t at = 0; at < use_.size(); ++at) {
    StripeUse& out = striped_out_[at];
    StripeUse& through = striped_through_[at];
    StripeUse& in = striped_in_[at];
    if (out.bursts == 0 && through.bursts == 0 && in.bursts == 0) continue;
    const auto d = static_cast<Direction>(at);
    const std::int32_t length = is_horizontal(d) ? columns_ : rows_;
    for (std::int32_t lane = 0; lane < (is_horizontal(d) ? rows_ : columns_); ++lane) {
      const Way on = way(d, lane);
      const auto all = static_cast<std::uint64_t>(nodes_on(on, length));
      std::uint64_t behind = 0;  // nodes of the lane up to here, from the side where stripes come in
      for (std::int32_t i = 0; i < length; ++i) {
        behind += enabled_[static_cast<std::size_t>(on.first + i * on.stride)];
        LinkUse& link = use_[at][on.link + static_cast<std::size_t>(i)];
        const auto carried = [&](const StripeUse& use, std::uint64_t pieces) {
          if (pieces == 0) return;
          link.busy_cycles += use.flits * pieces;
          link.bursts += use.bursts;
        };
        carried(out, behind);
        carried(through, all);
        carried(in, all - behind);
      }
    }
    const std::vector<std::uint64_t> more_out = out.uneven_by_nodes(nodes_), more_in = in.uneven_by_nodes(nodes_);
    std::uint64_t injected = out.bytes, ejected = in.bytes;
    for (std::size_t site = enabled_.size(), node = nodes_; site-- > 0;) {
      if (enabled_[site] == 0) continue;
      injected += more_out[node];
      ejected += more_in[node--];
      port_use_[site].bytes_injected += injected;
      port_use_[site].bytes_ejected += ejected;
    }
    out = through = in = {};
  }
}

}  // namespace dojo::fabric
