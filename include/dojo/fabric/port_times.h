// SPDX-License-Identifier: Apache-2.0
// The read (or write) ports of the nodes of a die in the burst model: when each may take its next packet, one a cycle.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::fabric {

class PortTimes {
 public:
  void configure(std::size_t sites, std::uint32_t ports_of_a_node) {
    ports_ = ports_of_a_node;
    free_.assign(sites * ports_, 0);
  }
  /// When the first of a node's ports is free.
  [[nodiscard]] Cycles first(std::size_t site) const { return free_[number_of_first(site, 0)]; }
  /// That port, for what comes over one link or goes over one at `now` or later: it keeps one port busy. Of those that
  /// are free by then it is the one with the lowest number, so what was long ago decides nothing.
  [[nodiscard]] Cycles& take_first(std::size_t site, Cycles now) { return free_[number_of_first(site, now)]; }
  // take_first() for loops over many nodes, which are compiled once for nodes of one port and once for others.
  struct Single {
    Cycles* free;
    [[nodiscard]] Cycles& take_first(std::size_t site, Cycles /*now*/) const { return free[site]; }
  };
  struct Several {
    PortTimes& ports;
    [[nodiscard]] Cycles& take_first(std::size_t site, Cycles now) const { return ports.take_first(site, now); }
  };
  template <class Loop>
  auto run(Loop&& loop) {
    return ports_ == 1 ? loop(Single{free_.data()}) : loop(Several{*this});
  }
  /// The same by its number among all ports of the die.
  [[nodiscard]] std::size_t number_of_first(std::size_t site, Cycles now) const {
    return ports_ == 1 ? site : earliest(site, now);
  }
  [[nodiscard]] Cycles& port(std::size_t number) { return free_[number]; }
  /// `flits` that come over several links, the first at `head`, the last before `tail`: each goes to the port that is
  /// free first. Returns when the last one has passed.
  Cycles share(std::size_t site, Cycles head, Cycles tail, Flits flits) {
    if (ports_ != 1) return share_among(free_.data() + site * ports_, head, tail, flits);
    return free_[site] = std::max(std::max(free_[site], head) + flits, tail);
  }
  /// The same in turns with what has taken a single port before: two other inputs have as much to give to it at most.
  /// The port stays taken for the flits of all. Several ports are shared as by share().
  Cycles share_in_turns(std::size_t site, Cycles head, Cycles tail, Flits flits) {
    if (ports_ != 1) return share_among(free_.data() + site * ports_, head, tail, flits);
    Cycles& free = free_[site];
    const Cycles wait = std::clamp<Cycles>(free - head, 0, 2 * flits);
    free = std::max(free, head) + flits;
    return std::max(head + wait + flits, tail);
  }
  void prefetch(std::size_t site) const { __builtin_prefetch(free_.data() + site * ports_, 1); }

 private:
  [[nodiscard]] std::size_t earliest(std::size_t site, Cycles now) const;
  Cycles share_among(Cycles* ports, Cycles head, Cycles tail, Flits flits) const;

  std::uint32_t ports_ = 1;
  std::vector<Cycles> free_;  ///< by site, then port
};

}  // namespace dojo::fabric
