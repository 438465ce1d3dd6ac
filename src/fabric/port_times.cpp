// SPDX-License-Identifier: Apache-2.0
// Nodes with more than one read or write port.
#include "dojo/fabric/port_times.h"

namespace dojo::fabric {

std::size_t PortTimes::earliest(std::size_t site, Cycles now) const {
  const auto ports = free_.begin() + static_cast<std::ptrdiff_t>(site * ports_);
  return static_cast<std::size_t>(
      std::min_element(ports, ports + ports_,
                       [now](Cycles a, Cycles b) { return std::max(a, now) < std::max(b, now); }) -
      free_.begin());
}

/// The flits fill up the earliest ports to one level, over as many ports as lie below it.
Cycles PortTimes::share_among(Cycles* ports, Cycles head, Cycles tail, Flits flits) const {
  for (std::uint32_t i = 0; i < ports_; ++i) ports[i] = std::max(ports[i], head);
  std::sort(ports, ports + ports_);
  std::uint32_t used = 1;
  Cycles sum = ports[0] + flits;
  while (used < ports_ && sum > ports[used] * static_cast<Cycles>(used)) sum += ports[used++];
  const Cycles level = sum / static_cast<Cycles>(used), higher = sum % static_cast<Cycles>(used);
  for (std::uint32_t i = 0; i < used; ++i) ports[i] = level + (i < static_cast<std::uint32_t>(higher) ? 1 : 0);
  Cycles& last = *std::max_element(ports, ports + used);
  return last = std::max(last, tail);
}

}  // namespace dojo::fabric
