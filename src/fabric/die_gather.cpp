// SPDX-License-Identifier: Apache-2.0
// Operands gathered along a row or column of a die: the multicasts of all its nodes as one step.
#include "dojo/fabric/die_network.h"

namespace dojo::fabric {

void DieNetwork::gather(Gathering& g) {
  const std::int32_t length = g.horizontal ? columns_ : rows_;
  std::fill_n(stops_.begin(), length, Stop{});
  for (std::uint32_t i = 0; i < g.count; ++i) {
    GatherNode& node = g.nodes[i];
    Stop& stop = stops_[node.position];
    stop.node = static_cast<std::int32_t>(i);
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
  const std::int32_t border = high ? (g.horizontal ? columns_ : rows_) - 1 : 0;
  const std::int32_t end = leaves ? border + step : (high ? last : first);  // no link is needed from there on
  const Direction d =
      g.horizontal ? (high ? Direction::kEast : Direction::kWest) : (high ? Direction::kSouth : Direction::kNorth);
  const std::size_t from = high ? 0 : 1;  // side from which pieces come
  const std::size_t to = 1 - from;
  Link* const links = links_[static_cast<std::size_t>(d)].data();
  Flits total = 0;
  Cycles head = kNever;
  Cycles tail = 0;
  for (std::int32_t at = high ? first : last; at != end; at += step) {
    Stop& stop = stops_[static_cast<std::size_t>(at)];
    if (stop.piece > 0) {
      total += stop.piece;
      head = std::min(head, stop.head);
      tail = std::max(tail, stop.head + stop.piece);
    }
    if (total == 0) continue;
    Link& link = links[g.horizontal ? index(d, g.lane, at) : index(d, at, g.lane)];
    const Cycles start = std::max(head, link.free);
    link.queue_cycles += static_cast<std::uint64_t>(start - head);
    link.busy_cycles += static_cast<std::uint64_t>(total);
    ++link.bursts;
    link.free = std::max(start + total, tail);
    stop.starts[to] = start;
    head = start + hop_;
    tail = link.free + hop_;
    g.links_free = std::max(g.links_free, link.free);
    if (at + step == end && leaves) break;
    Stop& next = stops_[static_cast<std::size_t>(at + step)];
    next.came[from] = total;
    next.heads[from] = head;
    next.tails[from] = tail;
  }
  if (leaves && total > 0) (high ? g.high_head : g.low_head) = head;
}

/// Write ports take what comes from both sides; a busy one holds the links that lead to it.
void DieNetwork::gather_at_nodes(Gathering& g) {
  const Direction towards_high = g.horizontal ? Direction::kEast : Direction::kSouth;
  const Direction towards_low = g.horizontal ? Direction::kWest : Direction::kNorth;
  Link* const up = links_[static_cast<std::size_t>(towards_high)].data();
  Link* const down = links_[static_cast<std::size_t>(towards_low)].data();
  const auto link_from = [&](Direction d, std::int32_t at) {
    return g.horizontal ? index(d, g.lane, at) : index(d, at, g.lane);
  };
  for (std::uint32_t i = 0; i < g.count; ++i) {
    GatherNode& node = g.nodes[i];
    Stop& stop = stops_[node.position];
    Port& port = ports_[g.horizontal ? site_at(g.lane, node.position) : site_at(node.position, g.lane)];
    const Flits came = stop.came[0] + stop.came[1];
    if (came > 0) {
      Cycles head = kNever;
      Cycles tail = 0;
      for (std::size_t side = 0; side < 2; ++side) {
        if (stop.came[side] == 0) continue;
        head = std::min(head, stop.heads[side]);
        tail = std::max(tail, stop.tails[side]);
      }
      node.done = std::max(std::max(port.eject_free, head) + came, tail);
      port.eject_free = node.done;
      port.bytes_ejected += static_cast<std::uint64_t>(g.bytes - node.piece_bytes);
      g.delivered += came;
      g.first_head = std::min(g.first_head, head);
      g.last_tail = std::max(g.last_tail, node.done);
      const std::int32_t at = node.position;
      if (stop.came[0] > 0) {
        Cycles& free = up[link_from(towards_high, at - 1)].free;
        free = std::max(free, node.done - buffer_flits_);
        g.links_free = std::max(g.links_free, free);
      }
      if (stop.came[1] > 0) {
        Cycles& free = down[link_from(towards_low, at + 1)].free;
        free = std::max(free, node.done - buffer_flits_);
        g.links_free = std::max(g.links_free, free);
      }
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
