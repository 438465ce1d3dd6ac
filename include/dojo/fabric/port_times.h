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
  /// Of a node's ports the one that is free first: what comes or goes over one link keeps one port busy.
  [[nodiscard]] Cycles& first(std::size_t site) {
    Cycles* const ports = of(site);
    return ports_ == 1 ? *ports : *std::min_element(ports, ports + ports_);
  }
  [[nodiscard]] Cycles first(std::size_t site) const {
    const Cycles* const ports = free_.data() + site * ports_;
    return ports_ == 1 ? *ports : *std::min_element(ports, ports + ports_);
  }
  /// The same by its number among all ports of the die.
  [[nodiscard]] std::uint32_t number_of_first(std::size_t site) {
    return static_cast<std::uint32_t>(&first(site) - free_.data());
  }
  [[nodiscard]] Cycles& port(std::uint32_t number) { return free_[number]; }
  /// `flits` that come over several links, the first at `head`, the last before `tail`: each goes to the port that is
  /// free first. Returns when the last one has passed.
  Cycles share(std::size_t site, Cycles head, Cycles tail, Flits flits) {
    Cycles* const ports = of(site);
    if (ports_ == 1) return *ports = std::max(std::max(*ports, head) + flits, tail);
    for (std::uint32_t i = 0; i < ports_; ++i) ports[i] = std::max(ports[i], head);
    std::sort(ports, ports + ports_);
    // The flits fill up the earliest ports to one level, over as many ports as lie below it.
    std::uint32_t used = 1;
    Cycles sum = ports[0] + flits;
    while (used < ports_ && sum > ports[used] * static_cast<Cycles>(used)) sum += ports[used++];
    const Cycles level = sum / static_cast<Cycles>(used), higher = sum % static_cast<Cycles>(used);
    for (std::uint32_t i = 0; i < used; ++i) ports[i] = level + (i < static_cast<std::uint32_t>(higher) ? 1 : 0);
    Cycles& last = *std::max_element(ports, ports + used);
    return last = std::max(last, tail);
  }
  void prefetch(std::size_t site) const { __builtin_prefetch(free_.data() + site * ports_, 1); }

 private:
  [[nodiscard]] Cycles* of(std::size_t site) { return free_.data() + site * ports_; }

  std::uint32_t ports_ = 1;
  std::vector<Cycles> free_;  ///< by site, then port
};

}  // namespace dojo::fabric
