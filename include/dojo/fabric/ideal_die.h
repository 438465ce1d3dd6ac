// SPDX-License-Identifier: Apache-2.0
// The mesh of one die without contention: links are never shared. A message takes its latency and its own
// serialisation; only the read and write ports of nodes are finite. Geometry and counters are those of DieNetwork, and
// so is every time where a message meets nobody.
#pragma once
#include "dojo/fabric/die_network.h"

namespace dojo::fabric {

/// Has the functions of DieNetwork that give times, with the same arguments and results.
class IdealDie : public DieNetwork {
 public:
  template <class Sink>
  Cycles inject(SiteIndex site, const Burst& burst, Cycles now, Sink&& sink) {
    const Flits n = flits(burst.bytes);
    port_use_[site].bytes_injected += burst.bytes;
    Burst sent = burst;
    sent.created = now;
    const std::int32_t row = site / columns_, column = site % columns_;
    Cycles& free = reads_.take_first(site, now);
    if (burst.traffic_class != TrafficClass::kControl) free = now + n;
    latest_ = std::max(latest_, free);
    go(row, column, sent, now + hop_, sink);
    return reads_.first(site);
  }
  template <class Sink>
  Cycles inject_in_turn(SiteIndex site, std::uint32_t, const Burst& burst, Cycles now, Sink&& sink) {
    port_use_[site].bytes_injected += burst.bytes;
    Burst sent = burst;
    sent.created = now;
    go(site / columns_, site % columns_, sent, now + hop_, sink);
    return now + flits(burst.bytes);
  }
  template <class Sink>
  Cycles enter(Direction side, std::int32_t lane, const Burst& burst, Cycles now, Sink&& sink) {
    const bool along_row = side == Direction::kEast || side == Direction::kWest;
    const std::int32_t row = along_row ? lane : side == Direction::kNorth ? 0 : rows_ - 1;
    const std::int32_t column = !along_row ? lane : side == Direction::kWest ? 0 : columns_ - 1;
    if (burst.shape != Shape::kUnicast) {
      pass_line(row, column, burst, now, sink);
    } else {
      go(row, column, burst, now, sink);
    }
    return now;
  }
  void gather(Gathering& g);

  Stripe stripe_out(Direction d, unsigned group, Bytes bytes, Cycles now);
  Stripe stripe_through(Direction d, unsigned group, Bytes bytes, Cycles now);
  Stripe stripe_in(Direction d, unsigned group, Bytes bytes, Cycles now);
  /// Of one node's piece: the pieces of others do not delay it.
  [[nodiscard]] Flits stripe_flits(Direction, unsigned group, Bytes bytes) const { return piece_flits(group, bytes); }

 private:
  /// Over `links` links from a router; returns when the head is at the end of them.
  Cycles cross(Direction d, std::int32_t row, std::int32_t column, std::int32_t links, Flits n, Cycles head) {
    std::vector<LinkUse>& use = use_[static_cast<std::size_t>(d)];
    const std::size_t first = index(d, row, column);
    for (std::size_t i = first; i < first + static_cast<std::size_t>(links); ++i) {
      use[i].busy_cycles += static_cast<std::uint64_t>(n);
      ++use[i].bursts;
    }
    return head + links * hop_;
  }
  template <class Sink>
  void go(std::int32_t row, std::int32_t column, Burst burst, Cycles head, Sink&& sink);
  template <class Sink>
  void pass_line(std::int32_t row, std::int32_t column, const Burst& burst, Cycles head, Sink&& sink);
};

/// A unicast from a router, leg by leg: X, then Y, then the node; or off the die.
template <class Sink>
void IdealDie::go(std::int32_t row, std::int32_t column, Burst burst, Cycles head, Sink&& sink) {
  const Flits n = flits(burst.bytes);
  for (;;) {
    const bool to_dip = burst.column < 0 || burst.column >= machine_columns_;
    const std::int32_t to_row = burst.row - first_row_;
    const std::int32_t to_column =
        (to_dip ? std::clamp(burst.column, 0, machine_columns_ - 1) : burst.column) - first_column_;
    if (to_column != column) {
      const Direction d = to_column > column ? Direction::kEast : Direction::kWest;
      const std::int32_t end = std::clamp(to_column, -1, columns_);
      head = cross(d, row, column, std::abs(end - column), n, head);
      if (end != to_column || !on_die(row, end)) return sink.leave(d, row, burst, head);
      column = end;
    }
    if (to_row != row) {
      const Direction d = to_row > row ? Direction::kSouth : Direction::kNorth;
      const std::int32_t end = std::clamp(to_row, -1, rows_);
      head = cross(d, row, column, std::abs(end - row), n, head);
      if (end != to_row || !on_die(end, column)) return sink.leave(d, column, burst, head);
      row = end;
    }
    if (to_dip) {
      const Direction d = burst.column < 0 ? Direction::kWest : Direction::kEast;
      return sink.leave(d, row, burst, cross(d, row, column, 1, n, head));
    }
    if (burst.legs_left == 0) break;
    routes_.next_leg(burst);  // a turn of a detour: the next leg begins at this router
  }
  const SiteIndex site = site_at(row, column);
  sink.deliver(site, burst, eject(site, burst, n, head));
}

/// A multicast along a row or column from the border, where its head is now, to the nodes of this die and beyond.
template <class Sink>
void IdealDie::pass_line(std::int32_t row, std::int32_t column, const Burst& burst, Cycles head, Sink&& sink) {
  const bool horizontal = burst.shape == Shape::kRowEast || burst.shape == Shape::kRowWest;
  const bool high = burst.shape == Shape::kRowEast || burst.shape == Shape::kColumnSouth;
  const Direction d =
      horizontal ? (high ? Direction::kEast : Direction::kWest) : (high ? Direction::kSouth : Direction::kNorth);
  const std::int32_t step = high ? 1 : -1, limit = horizontal ? columns_ : rows_;
  const std::int32_t target = (high ? burst.reach.high : burst.reach.low) - (horizontal ? first_column_ : first_row_);
  const Flits n = flits(burst.bytes);
  for (std::int32_t at = horizontal ? column : row;; at += step) {
    const std::int32_t r = horizontal ? row : at, c = horizontal ? at : column;
    if (enabled(site_at(r, c))) sink.deliver(site_at(r, c), burst, eject(site_at(r, c), burst, n, head));
    if (at == target) return;
    head = cross(d, r, c, 1, n, head);
    if (at + step < 0 || at + step >= limit) return sink.leave(d, horizontal ? row : column, burst, head);
  }
}

}  // namespace dojo::fabric
