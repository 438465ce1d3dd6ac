// SPDX-License-Identifier: Apache-2.0
#include "machine/die_counters.h"

namespace dojo::machine {

using topology::Direction;

void list_counters(const fabric::DieNetwork& network, const std::vector<CoreUse>& cores,
                   std::vector<std::uint64_t>& out) {
  out.clear();
  for (SiteIndex site = 0; site < cores.size(); ++site) {
    for (int d = 0; d < topology::kDirections; ++d) {
      const fabric::Link link = network.link(site, static_cast<Direction>(d));
      out.insert(out.end(), {link.busy_cycles, link.queue_cycles, link.bursts});
    }
    const fabric::Port port = network.port(site);
    const CoreUse& core = cores[site];
    out.insert(out.end(),
               {port.bytes_injected, port.bytes_ejected, core.busy_cycles, core.matrix_flops, core.vector_flops});
  }
}

void add_to_counters(fabric::DieNetwork& network, std::vector<CoreUse>& cores,
                     const std::vector<std::uint64_t>& increase) {
  auto next = increase.begin();
  const auto take = [&](auto&... counters) { ((counters += *next++), ...); };
  for (SiteIndex site = 0; site < cores.size(); ++site) {
    for (int d = 0; d < topology::kDirections; ++d) {
      fabric::LinkUse& link = network.use(site, static_cast<Direction>(d));
      take(link.busy_cycles, link.queue_cycles, link.bursts);
    }
    fabric::PortUse& port = network.use(site);
    CoreUse& core = cores[site];
    take(port.bytes_injected, port.bytes_ejected, core.busy_cycles, core.matrix_flops, core.vector_flops);
  }
}

}  // namespace dojo::machine
