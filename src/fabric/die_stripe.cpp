// SPDX-License-Identifier: Apache-2.0
// Striped bursts on a die: the pieces of a group of nodes move one die further along their rows or columns.
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

/// The steps of a way on which the group's nodes lie.
DieNetwork::Steps DieNetwork::steps_of(Direction d, const StripeGroups::Group& group) const {
  const std::size_t along = is_horizontal(d) ? 0 : 1;
  const std::int32_t length = is_horizontal(d) ? columns_ : rows_;
  const bool up = d == Direction::kEast || d == Direction::kSouth;
  if (up) return {group.begin[along], group.end[along]};
  return {length - group.end[along], length - group.begin[along]};
}

Flits DieNetwork::stripe_flits(Direction d, unsigned group, Bytes bytes) const {
  return (*groups_)[group].fullest[is_horizontal(d) ? 0 : 1] * piece_flits(group, bytes);
}

/// From every node to the border: a link carries the pieces of all nodes behind it.
DieNetwork::Stripe DieNetwork::stripe_out(Direction d, unsigned group, Bytes bytes, Cycles now) {
  return reads_.run([&](auto ports) { return stripe_out_of(d, group, bytes, now, ports); });
}

template <class Ports>
DieNetwork::Stripe DieNetwork::stripe_out_of(Direction d, unsigned g, Bytes bytes, Cycles now, Ports ports) {
  const StripeGroups::Group& group = (*groups_)[g];
  const std::size_t across = is_horizontal(d) ? 1 : 0;
  const std::int32_t length = is_horizontal(d) ? columns_ : rows_;
  const Flits piece = piece_flits(g, bytes);
  const Cycles hop = hop_;
  const auto at = static_cast<std::size_t>(d);
  const Steps steps = steps_of(d, group);
  striped_out_[at][g].add(piece, bytes, group.nodes());
  Stripe stripe{now, now, 0, 0};
  for (std::int32_t lane = group.begin[across]; lane < group.end[across]; ++lane) {
    const Way on = way(d, lane);
    Train train;
    std::int32_t site = on.first + steps.begin * on.stride;
    LinkTime* const links = times_[at].data() + on.link;
    for (std::int32_t i = steps.begin; i < length; ++i, site += on.stride) {
      if (i < steps.end && enabled_[static_cast<std::size_t>(site)] != 0) {
        Cycles& port_free = ports.take_first(static_cast<std::size_t>(site), now);
        const Cycles start = std::max(now, port_free);
        port_free = start + piece;
        train.flits += piece;
        train.head = std::min(train.head, start + hop);
        train.tail = std::max(train.tail, start + hop + piece);
        stripe.start = std::max(stripe.start, start);
      }
      if (train.flits > 0) pass(links[i], train, hop);
    }
    if (train.flits == 0) continue;
    stripe.head = std::max(stripe.head, train.tail - train.flits);
    stripe.links_free = std::max(stripe.links_free, train.tail - hop);
    latest_ = std::max(latest_, train.tail);
  }
  return stripe;
}

DieNetwork::Stripe DieNetwork::stripe_through(Direction d, unsigned g, Bytes bytes, Cycles now) {
  const StripeGroups::Group& group = (*groups_)[g];
  const std::size_t along = is_horizontal(d) ? 0 : 1, across = 1 - along;
  const std::int32_t length = is_horizontal(d) ? columns_ : rows_;
  const Flits piece = piece_flits(g, bytes);
  striped_through_[static_cast<std::size_t>(d)][g].add(piece, 0, group.nodes());
  Stripe stripe{now, now, 0, 0};
  for (std::int32_t lane = group.begin[across]; lane < group.end[across]; ++lane) {
    const Flits total = group.on_lane[along][static_cast<std::size_t>(lane)] * piece;
    if (total == 0) continue;
    const Walk w = walk<false>(d, way(d, lane).link, length, total, now);
    stripe.head = std::max(stripe.head, w.head);
    stripe.start = std::max(stripe.start, w.first_start);
  }
  stripe.links_free = stripe.head + stripe_flits(d, g, bytes) - hop_;
  return stripe;
}

/// From the border to every node, the farthest node's piece first, as the way out orders them.
DieNetwork::Stripe DieNetwork::stripe_in(Direction d, unsigned group, Bytes bytes, Cycles now) {
  return writes_.run([&](auto ports) { return stripe_into(d, group, bytes, now, ports); });
}

template <class Ports>
DieNetwork::Stripe DieNetwork::stripe_into(Direction d, unsigned g, Bytes bytes, Cycles now, Ports ports) {
  const StripeGroups::Group& group = (*groups_)[g];
  const std::size_t along = is_horizontal(d) ? 0 : 1, across = 1 - along;
  const Flits piece = piece_flits(g, bytes);
  Stripe stripe{0, now, now, 0};
  const auto at = static_cast<std::size_t>(d);
  striped_in_[at][g].add(piece, bytes, group.nodes());
  const Cycles hop = hop_;
  const Steps steps = steps_of(d, group);
  for (std::int32_t lane = group.begin[across]; lane < group.end[across]; ++lane) {
    const Way on = way(d, lane);
    const Flits whole = group.on_lane[along][static_cast<std::size_t>(lane)] * piece;
    Train train{whole, now, now + whole};
    std::int32_t site = on.first;
    LinkTime* const links = times_[at].data() + on.link;
    for (std::int32_t i = 0; train.flits > 0; ++i, site += on.stride) {
      if (i >= steps.begin && enabled_[static_cast<std::size_t>(site)] != 0) {
        Cycles& port_free = ports.take_first(static_cast<std::size_t>(site), train.tail - piece);
        const Cycles done = std::max(port_free, train.tail - piece) + piece;
        port_free = done;
        stripe.done = std::max(stripe.done, done);
        train.flits -= piece;
        train.tail -= piece;
        if (train.flits == 0) break;
      }
      const Cycles start = pass(links[i], train, hop);
      if (i == 0) stripe.start = std::max(stripe.start, start);
    }
  }
  latest_ = std::max(latest_, stripe.done);
  return stripe;
}

void DieNetwork::settle() {
  for (std::size_t at = 0; at < use_.size(); ++at) {
    for (std::size_t i = 0; i < use_[at].size(); ++i) {
      use_[at][i].queue_cycles += times_[at][i].waited;
      times_[at][i].waited = 0;
    }
    for (unsigned g = 0; g < groups_->count(); ++g) {
      StripeUse& out = striped_out_[at][g];
      StripeUse& through = striped_through_[at][g];
      StripeUse& in = striped_in_[at][g];
      if (out.bursts == 0 && through.bursts == 0 && in.bursts == 0) continue;
      settle(static_cast<Direction>(at), (*groups_)[g], out, through, in);
      out.clear();
      through.clear();
      in.clear();
    }
  }
}

void DieNetwork::settle(Direction d, const StripeGroups::Group& group, const StripeUse& out, const StripeUse& through,
                        const StripeUse& in) {
  const std::size_t along = is_horizontal(d) ? 0 : 1, across = 1 - along;
  const std::int32_t length = is_horizontal(d) ? columns_ : rows_;
  const Steps steps = steps_of(d, group);
  for (std::int32_t lane = group.begin[across]; lane < group.end[across]; ++lane) {
    const Way on = way(d, lane);
    const auto all = static_cast<std::uint64_t>(group.on_lane[along][static_cast<std::size_t>(lane)]);
    std::uint64_t behind = 0;  // nodes of the lane up to here, from the side where stripes come in
    for (std::int32_t i = 0; i < length; ++i) {
      if (i >= steps.begin && i < steps.end) behind += enabled_[static_cast<std::size_t>(on.first + i * on.stride)];
      LinkUse& link = use_[static_cast<std::size_t>(d)][on.link + static_cast<std::size_t>(i)];
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
  std::uint64_t injected = out.bytes, ejected = in.bytes;
  for (std::size_t node = group.sites.size(); node > 0; --node) {
    injected += out.more(node);
    ejected += in.more(node);
    PortUse& use = port_use_[static_cast<std::size_t>(group.sites[node - 1])];
    use.bytes_injected += injected;
    use.bytes_ejected += ejected;
  }
}

}  // namespace dojo::fabric
