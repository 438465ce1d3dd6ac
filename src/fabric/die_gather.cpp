// SPDX-License-Identifier: Apache-2.0
// Operands gathered along a row or column of a die: the multicasts of all its nodes as one step.
#include <type_traits>

#include "dojo/fabric/die_network.h"

namespace dojo::fabric {

void DieNetwork::gather(Gathering& g) {
  prefetch_links(g.horizontal ? Direction::kEast : Direction::kSouth, g.lane);
  prefetch_links(g.horizontal ? Direction::kWest : Direction::kNorth, g.lane);
  for (std::uint32_t i = 0; i < g.count; ++i) {
    const SiteIndex site = g.horizontal ? site_at(g.lane, g.nodes[i].offset) : site_at(g.nodes[i].offset, g.lane);
    writes_.prefetch(site);
    reads_.prefetch(site);
  }
  const SiteIndex first_site = g.horizontal ? site_at(g.lane, 0) : site_at(0, g.lane);
  const std::int32_t stride = g.horizontal ? 1 : columns_;
  Stop* const stops = scratch().stops.data();
  std::int32_t at = 0;
  for (GatherNode *node = g.nodes, *const end = g.nodes + g.count; node != end; ++node) {
    for (; at < node->offset; ++at) stops[at].piece = 0;
    Stop& stop = stops[at++];
    stop.piece = 0;
    if (node->piece_bytes == 0) continue;
    Cycles& port_free = reads_.take_first(static_cast<std::size_t>(first_site + node->offset * stride), node->ready);
    const Cycles start = std::max(node->ready, port_free);
    stop.piece = flits(node->piece_bytes);
    stop.head = start + hop_;  // SRAM read port to router
    port_free = start + stop.piece;
    stop.read_port = &port_free;
    g.bytes += node->piece_bytes;
    g.first_start = std::min(g.first_start, start);
  }
  for (const std::int32_t length = g.horizontal ? columns_ : rows_; at < length; ++at) stops[at].piece = 0;
  gather_towards(g, true);
  gather_towards(g, false);
  gather_at_nodes(g);
}

/// Pieces flow towards one end: a link carries those of all nodes behind it, without a gap once they are there.
void DieNetwork::gather_towards(Gathering& g, bool high) {
  const std::int32_t first = g.nodes[0].offset;
  const std::int32_t last = g.nodes[g.count - 1].offset;
  const std::int32_t step = high ? 1 : -1;
  const bool leaves = high ? g.leaves_high : g.leaves_low;
  const std::int32_t begin = high ? first : last;
  const std::int32_t border = high ? (g.horizontal ? columns_ : rows_) - 1 : 0;
  const std::int32_t end = leaves ? border + step : (high ? last : first);  // no link is needed from there on
  const std::size_t from = high ? 0 : 1;                                    // side from which pieces come
  const std::size_t to = 1 - from;
  LinkTime* link = times_[static_cast<std::size_t>(gather_direction(g, high))].data() + gather_link(g, high, begin);
  Stop* stop = scratch().stops.data() + begin;
  const Cycles hop = hop_;  // a copy, because the compiler has to assume that links alias members
  Train train;
  Cycles taken = 0;
  Cycles turns = 0;  // of others that the train may still let pass
  const auto come = [&] {
    stop->came[from] = train.flits;
    stop->heads[from] = train.head;
    stop->tails[from] = train.tail;
  };
  const auto move = [&](auto in_turns) {
    for (std::int32_t left = (end - begin) * step; left > 0; --left, stop += step, ++link) {
      come();
      if (stop->piece > 0) {
        train.flits += stop->piece;
        turns += stop->piece;
        train.head = std::min(train.head, stop->head);
        train.tail = std::max(train.tail, stop->head + stop->piece);
      }
      if (train.flits == 0) continue;
      stop->starts[to] = in_turns ? pass_in_turns(*link, train, hop, turns) : pass(*link, train, hop);
      taken = std::max(taken, link->free);
    }
  };
  g.in_turns ? move(std::true_type()) : move(std::false_type());
  if (!leaves) {
    come();
    stop->starts[to] = 0;
  }
  if (train.flits == 0) return;
  g.links_free = std::max(g.links_free, train.tail - hop);  // the last link is free last
  latest_ = std::max(latest_, taken);
  if (leaves) (high ? g.high_head : g.low_head) = train.head;
}

Direction DieNetwork::gather_direction(const Gathering& g, bool high) {
  if (g.horizontal) return high ? Direction::kEast : Direction::kWest;
  return high ? Direction::kSouth : Direction::kNorth;
}

/// The link from an offset towards one end; the next one on that way lies behind it in memory.
std::size_t DieNetwork::gather_link(const Gathering& g, bool high, std::int32_t at) const {
  const Direction d = gather_direction(g, high);
  return g.horizontal ? index(d, g.lane, at) : index(d, at, g.lane);
}

/// Write ports take what comes from both sides.
void DieNetwork::gather_at_nodes(Gathering& g) {
  const SiteIndex first_site = g.horizontal ? site_at(g.lane, 0) : site_at(0, g.lane);
  const std::int32_t stride = g.horizontal ? 1 : columns_;
  const Flits buffer = buffer_flits_, stall = hop_ + buffer_flits_;
  const Stop* const stops = scratch().stops.data();
  Flits delivered = 0;
  Cycles first_head = kNever;
  Cycles last_tail = 0;
  Cycles latest = latest_;
  const auto take = [&](auto in_turns, GatherNode& node) {
    const Stop& stop = stops[node.offset];
    const Flits came = stop.came[0] + stop.came[1];
    if (came > 0) {
      const Cycles head = std::min(stop.heads[0], stop.heads[1]);
      const Cycles tail = std::max(stop.tails[0], stop.tails[1]);
      const auto site = static_cast<std::size_t>(first_site + node.offset * stride);
      if (in_turns) {
        const bool of_both = stop.came[0] > 0 && stop.came[1] > 0;
        node.done = writes_.share_in_turns(site, head, tail, came + (of_both ? lost_in_turns(came) : 0));
      } else {
        node.done = writes_.share(site, head, tail, came + lost(writes_.first(site) - head, came));
      }
      latest = std::max(latest, writes_.first(site));
      delivered += came;
      first_head = std::min(first_head, head);
      last_tail = std::max(last_tail, node.done);
    }
    if (stop.piece > 0) {
      // The read port stalls when the first link does not take the piece beyond the buffer.
      const Cycles begun = std::max(stop.starts[0], stop.starts[1]);
      Cycles& port_free = *stop.read_port;
      port_free = std::max(port_free, begun + stop.piece - stall);
      latest = std::max(latest, port_free);
    }
  };
  const auto take_all = [&](auto in_turns) {
    for (GatherNode *node = g.nodes, *const end = g.nodes + g.count; node != end; ++node) take(in_turns, *node);
  };
  g.in_turns ? take_all(std::true_type()) : take_all(std::false_type());
  g.delivered = delivered;
  g.first_head = first_head;
  g.last_tail = last_tail;
  g.links_free = std::max(g.links_free, last_tail - buffer);
  latest_ = std::max({latest, last_tail, g.links_free});
}

void DieNetwork::count(const Gathering& g, std::uint64_t times) {
  Bytes bytes = 0;
  for (std::uint32_t i = 0; i < g.count; ++i) bytes += g.nodes[i].piece_bytes;
  for (std::uint32_t i = 0; i < g.count; ++i) {
    const GatherNode& node = g.nodes[i];
    PortUse& use = port_use_[g.horizontal ? site_at(g.lane, node.offset) : site_at(node.offset, g.lane)];
    use.bytes_injected += times * node.piece_bytes;
    use.bytes_ejected += times * static_cast<std::uint64_t>(bytes - node.piece_bytes);
  }
  count_towards(g, true, times);
  count_towards(g, false, times);
}

/// A link carries the pieces of all nodes behind it as far as there is somebody to take them.
void DieNetwork::count_towards(const Gathering& g, bool high, std::uint64_t times) {
  const std::int32_t border = high ? (g.horizontal ? columns_ : rows_) - 1 : 0;
  const bool leaves = high ? g.leaves_high : g.leaves_low;
  const std::int32_t step = high ? 1 : -1;
  const std::int32_t last = g.nodes[high ? g.count - 1 : 0].offset;
  const std::int32_t end = leaves ? border + step : last;
  std::vector<LinkUse>& uses = use_[static_cast<std::size_t>(gather_direction(g, high))];
  std::uint32_t next = 0;  // node, counted from the end where the pieces start
  std::uint64_t flits_behind = 0;
  for (std::int32_t at = g.nodes[high ? 0 : g.count - 1].offset; at != end; at += step) {
    if (next < g.count) {
      const GatherNode& node = g.nodes[high ? next : g.count - 1 - next];
      if (node.offset == at) {
        if (node.piece_bytes > 0) flits_behind += static_cast<std::uint64_t>(flits(node.piece_bytes));
        ++next;
      }
    }
    if (flits_behind == 0) continue;
    LinkUse& use = uses[gather_link(g, high, at)];
    use.busy_cycles += times * flits_behind;
    use.bursts += times;
  }
}

}  // namespace dojo::fabric
