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
  for (std::int32_t at = 0; at < length; ++at) stops_[static_cast<std::size_t>(at)] = Stop{};
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
  // Copies, because the compiler has to assume that links alias members.
  Link* link = gather_link(g, high, begin);
  Stop* stop = stops_.data() + begin;
  const Cycles hop = hop_;
  Train train;
  Cycles free = 0;
  for (std::int32_t at = begin; at != end; at += step, ++link) {
    if (stop->piece > 0) {
      train.flits += stop->piece;
      train.head = std::min(train.head, stop->head);
      train.tail = std::max(train.tail, stop->head + stop->piece);
    }
    if (train.flits > 0) {
      stop->starts[to] = pass(*link, train, hop);
      free = std::max(free, link->free);
    }
    if (at == border) break;
    stop += step;
    stop->came[from] = train.flits;
    stop->heads[from] = train.head;
    stop->tails[from] = train.tail;
  }
  g.links_free = std::max(g.links_free, free);
  if (leaves && train.flits > 0) (high ? g.high_head : g.low_head) = train.head;
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
  Port* const ports = ports_.data() + (g.horizontal ? site_at(g.lane, 0) : site_at(0, g.lane));
  const std::int32_t stride = g.horizontal ? 1 : columns_;
  const Flits buffer = buffer_flits_;
  const Bytes bytes = g.bytes;
  Flits delivered = 0;
  Cycles first_head = kNever;
  Cycles last_tail = 0;
  Cycles latest = latest_;
  for (GatherNode *node = g.nodes, *const end = g.nodes + g.count; node != end; ++node) {
    const Stop& stop = stops_[node->position];
    Port& port = ports[node->position * stride];
    const Flits came = stop.came[0] + stop.came[1];
    if (came > 0) {
      const Cycles head = std::min(stop.heads[0], stop.heads[1]);
      const Cycles tail = std::max(stop.tails[0], stop.tails[1]);
      const Cycles done = std::max(std::max(port.eject_free, head) + came, tail);
      node->done = port.eject_free = done;
      port.bytes_ejected += static_cast<std::uint64_t>(bytes - node->piece_bytes);
      delivered += came;
      first_head = std::min(first_head, head);
      last_tail = std::max(last_tail, done);
      if (stop.came[0] > 0) {
        Cycles& free = up[node->position - 1].free;
        free = std::max(free, done - buffer);
      }
      if (stop.came[1] > 0) {
        Cycles& free = down[last - node->position - 1].free;
        free = std::max(free, done - buffer);
      }
    }
    if (stop.piece > 0) {
      // The read port stalls when the first link does not take the piece beyond the buffer.
      const Cycles begun = std::max(stop.starts[0], stop.starts[1]);
      port.inject_free = std::max(port.inject_free, begun + stop.piece - hop_ - buffer);
      latest = std::max(latest, port.inject_free);
    }
  }
  g.delivered = delivered;
  g.first_head = first_head;
  g.last_tail = last_tail;
  g.links_free = std::max(g.links_free, last_tail - buffer);
  latest_ = std::max({latest, last_tail, g.links_free});
}

}  // namespace dojo::fabric
