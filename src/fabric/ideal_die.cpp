// SPDX-License-Identifier: Apache-2.0
#include "dojo/fabric/ideal_die.h"

#include <cstdlib>

namespace dojo::fabric {

/// Each piece goes from its node's read port to every other node of the line, and is written there after others that
/// came before it.
void IdealDie::gather(Gathering& g) {
  const auto site = [&](const GatherNode& node) {
    return g.horizontal ? site_at(g.lane, node.offset) : site_at(node.offset, g.lane);
  };
  const std::int32_t border = (g.horizontal ? columns_ : rows_) - 1;
  Flits total = 0;
  Cycles low_tail = 0, high_tail = 0;  // of the last piece at the border
  for (std::uint32_t i = 0; i < g.count; ++i) {
    GatherNode& node = g.nodes[i];
    if (node.piece_bytes == 0) continue;
    const Flits piece = flits(node.piece_bytes);
    Cycles& free = reads_.take_first(site(node), node.ready);
    const Cycles start = std::max(node.ready, free);
    node.ready = start;
    free = start + piece;
    latest_ = std::max(latest_, free);
    g.links_free = std::max(g.links_free, free);
    g.first_start = std::min(g.first_start, start);
    g.bytes += node.piece_bytes;
    total += piece;
    const Cycles low = start + hop_ * (2 + node.offset), high = start + hop_ * (2 + border - node.offset);
    g.low_head = std::min(g.low_head, low);
    g.high_head = std::min(g.high_head, high);
    low_tail = std::max(low_tail, low + piece);
    high_tail = std::max(high_tail, high + piece);
  }
  // So late that the pieces follow one another without a gap.
  g.low_head = g.leaves_low && total > 0 ? std::max(g.low_head, low_tail - total) : kNever;
  g.high_head = g.leaves_high && total > 0 ? std::max(g.high_head, high_tail - total) : kNever;
  for (std::uint32_t i = 0; i < g.count; ++i) {
    GatherNode& node = g.nodes[i];
    Flits come = 0;
    Cycles head = kNever, tail = 0;
    for (std::uint32_t other = 0; other < g.count; ++other) {
      const GatherNode& from = g.nodes[other];
      if (other == i || from.piece_bytes == 0) continue;
      const Flits piece = flits(from.piece_bytes);
      const Cycles at = from.ready + hop_ * (1 + std::abs(from.offset - node.offset));
      come += piece;
      head = std::min(head, at);
      tail = std::max(tail, at + piece);
    }
    if (come == 0) continue;
    node.done = writes_.share(static_cast<std::size_t>(site(node)), head, tail, come);
    g.delivered += come;
    g.first_head = std::min(g.first_head, head);
    g.last_tail = std::max(g.last_tail, node.done);
  }
  g.links_free = std::max(g.links_free, g.last_tail);  // the next round cannot be written earlier
  latest_ = std::max(latest_, g.last_tail);
}

namespace {

bool is_horizontal(Direction d) {
  return d == Direction::kEast || d == Direction::kWest;
}

}  // namespace

/// A piece ends at the same place of another die, so its way is a whole number of dies long: all of a die's length is
/// charged here, none on the way in.
DieNetwork::Stripe IdealDie::stripe_out(Direction d, unsigned group, Bytes bytes, Cycles now) {
  const Flits piece = piece_flits(group, bytes);
  striped_out_[static_cast<std::size_t>(d)][group].add(piece, bytes, (*groups_)[group].nodes());
  Cycles last = now;
  for (const SiteIndex site : (*groups_)[group].sites) {
    Cycles& free = reads_.take_first(site, now);
    const Cycles start = std::max(now, free);
    free = start + piece;
    last = std::max(last, start);
  }
  latest_ = std::max(latest_, last + piece);
  const Cycles length = is_horizontal(d) ? columns_ : rows_;
  // The read ports alone make the next stripe wait: senders plan it a way's length before links_free.
  return {last + hop_ * (1 + length), last, 0, last + piece + std::max<Cycles>(rows_, columns_) * hop_};
}

DieNetwork::Stripe IdealDie::stripe_through(Direction d, unsigned group, Bytes bytes, Cycles now) {
  const Flits piece = piece_flits(group, bytes);
  striped_through_[static_cast<std::size_t>(d)][group].add(piece, 0, (*groups_)[group].nodes());
  return {now + hop_ * (is_horizontal(d) ? columns_ : rows_), now, 0, now};
}

DieNetwork::Stripe IdealDie::stripe_in(Direction d, unsigned group, Bytes bytes, Cycles now) {
  const Flits piece = piece_flits(group, bytes);
  striped_in_[static_cast<std::size_t>(d)][group].add(piece, bytes, (*groups_)[group].nodes());
  Cycles done = now;
  for (const SiteIndex site : (*groups_)[group].sites) {
    Cycles& free = writes_.take_first(site, now);
    free = std::max(free, now) + piece;
    done = std::max(done, free);
  }
  latest_ = std::max(latest_, done);
  return {0, now, done, 0};
}

}  // namespace dojo::fabric
