// SPDX-License-Identifier: Apache-2.0
// Operands gathered along a row or column of a die: the multicasts of all its nodes as one step.
#include "dojo/fabric/die_network.h"

namespace dojo::fabric {

void DieNetwork::gather(Gathering& g) {
  prefetch_links(g.horizontal ? Direction::kEast : Direction::kSouth, g.lane);
  prefetch_links(g.horizontal ? Direction::kWest : Direction::kNorth, g.lane);
  for (std::uint32_t i = 0; i < g.count; ++i) {
    __builtin_prefetch(
        &ports_[g.horizontal ? site_at(g.lane, g.nodes[i].position) : site_at(g.nodes[i].position, g.lane)], 1);
  }
  const std::int32_t length = g.horizontal ? columns_ : rows_;
  std::fill_n(stops_.begin(), length, Stop{});
  for (std::uint32_t i = 0; i < g.count; ++i) {
    GatherNode& node = g.nodes[i];
    Stop& stop = stops_[node.position];
    if (node.piece_bytes == 0) continue;
    Port& port = ports_[g.horizontal ? site_at(g.lane, node.position) : site_at(node.position, g.lane)];
    const Cycles start = std::max(node.ready, port.inject_free);
    stop.piece = flits(node.piece_bytes);
    stop.head = start + hop_;  // SRAM read port to router
    port.inject_free = start + stop.piece;
    port.bytes_injected += node.piece_bytes;
    g.bytes += node.piece_bytes;
    g.first_start = std::min(g.first_start, start);
  }
  gather_towards(g, true);
  gather_towards(g, false);
  gather_at_nodes(g);
}

/// Pieces flow towards one end: a link carries those of all nodes behind it, without a gap once they are there.
void DieNetwork::gather_towards(Gathering& g, bool high) {
  const std::int32_t first = g.nodes[0].position;
  const std::int32_t last = g.nodes[g.count - 1].position;
  const std::int32_t step = high ? 1 : -1;
  const bool leaves = high ? g.leaves_high : g.leaves_low;
  const std::int32_t begin = high ? first : last;
  const std::int32_t border = high ? (g.horizontal ? columns_ : rows_) - 1 : 0;
  const std::int32_t end = leaves ? border + step : (high ? last : first);  // no link is needed from there on
  const std::size_t from = high ? 0 : 1;                                    // side from which pieces come
  const std::size_t to = 1 - from;
  Link* link = gather_link(g, high, begin);
  Flits total = 0;
  Cycles head = kNever;
  Cycles tail = 0;
  Cycles free = 0;
  for (std::int32_t at = begin; at != end; at += step, ++link) {
    Stop& stop = stops_[static_cast<std::size_t>(at)];
    if (stop.piece > 0) {
      total += stop.piece;
      head = std::min(head, stop.head);
      tail = std::max(tail, stop.head + stop.piece);
    }
    if (total == 0) continue;
    const Cycles start = std::max(head, link->free);
    link->queue_cycles += static_cast<std::uint64_t>(start - head);
    link->busy_cycles += static_cast<std::uint64_t>(total);
    ++link->bursts;
    link->free = std::max(start + total, tail);
    free = std::max(free, link->free);
    stop.starts[to] = start;
    head = start + hop_;
    tail = link->free + hop_;
    if (at == border) break;
    Stop& next = stops_[static_cast<std::size_t>(at + step)];
    next.came[from] = total;
    next.heads[from] = head;
    next.tails[from] = tail;
  }
  g.links_free = std::max(g.links_free, free);
  if (leaves && total > 0) (high ? g.high_head : g.low_head) = head;
}

/// The link from a position towards one end; the next one on that way lies behind it in memory.
Link* DieNetwork::gather_link(const Gathering& g, bool high, std::int32_t at) {
  const Direction d =
      g.horizontal ? (high ? Direction::kEast : Direction::kWest) : (high ? Direction::kSouth : Direction::kNorth);
  return &links_[static_cast<std::size_t>(d)][g.horizontal ? index(d, g.lane, at) : index(d, at, g.lane)];
}

/// Write ports take what comes from both sides; a busy one holds the links that lead to it.
void DieNetwork::gather_at_nodes(Gathering& g) {
  const std::int32_t last = g.nodes[g.count - 1].position;
  Link* const up = gather_link(g, true, 0);        // from position 0 on, towards the high end
  Link* const down = gather_link(g, false, last);  // from the last node on, towards the low end
  for (std::uint32_t i = 0; i < g.count; ++i) {
    GatherNode& node = g.nodes[i];
    const Stop& stop = stops_[node.position];
    Port& port = ports_[g.horizontal ? site_at(g.lane, node.position) : site_at(node.position, g.lane)];
    const Flits came = stop.came[0] + stop.came[1];
    if (came > 0) {
      const Cycles head = std::min(stop.heads[0], stop.heads[1]);
      const Cycles tail = std::max(stop.tails[0], stop.tails[1]);
      node.done = std::max(std::max(port.eject_free, head) + came, tail);
      port.eject_free = node.done;
      port.bytes_ejected += static_cast<std::uint64_t>(g.bytes - node.piece_bytes);
      g.delivered += came;
      g.first_head = std::min(g.first_head, head);
      g.last_tail = std::max(g.last_tail, node.done);
      const Cycles held = node.done - buffer_flits_;
      if (stop.came[0] > 0) up[node.position - 1].free = std::max(up[node.position - 1].free, held);
      if (stop.came[1] > 0) down[last - node.position - 1].free = std::max(down[last - node.position - 1].free, held);
      g.links_free = std::max(g.links_free, held);
    }
    if (stop.piece > 0) {
      // The read port stalls when the first link does not take the piece beyond the buffer.
      const Cycles begun = std::max(stop.starts[0], stop.starts[1]);
      port.inject_free = std::max(port.inject_free, begun + stop.piece - hop_ - buffer_flits_);
    }
    latest_ = std::max({latest_, port.inject_free, port.eject_free});
  }
  latest_ = std::max(latest_, g.links_free);
}

}  // namespace dojo::fabric
