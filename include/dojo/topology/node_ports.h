// SPDX-License-Identifier: Apache-2.0
// How many packets a cycle pass between a node's SRAM and its router, as all network models have it.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::topology {

/// More read or write ports of a node than its router has links gain nothing.
inline constexpr std::uint32_t kMostNodePorts = 4;

struct NodePorts {
  std::uint32_t read = 1, write = 1;
  [[nodiscard]] bool single() const { return read == 1 && write == 1; }
};
inline NodePorts node_ports(const NodeParams& node) {
  const auto useful = [](std::int64_t ports) {
    return static_cast<std::uint32_t>(std::min<std::int64_t>(ports, kMostNodePorts));
  };
  return {useful(node.noc_read_ports), useful(node.noc_write_ports)};
}

/// How fast a communication thread adds what has come to what its node has.
struct AddRate {
  std::int64_t cycles = 1, lines = 1;  ///< a ratio
  Bytes line_bytes = 64;
  /// Rounded up.
  [[nodiscard]] Cycles cycles_for(Bytes bytes) const { return ceil_div(ceil_div(bytes, line_bytes) * cycles, lines); }
  [[nodiscard]] double bytes_per_cycle() const {
    return static_cast<double>(line_bytes * lines) / static_cast<double>(cycles);
  }
};
/// Two loads, an FMA and a store of each line: the rate of the busiest of ports, address generators and vector unit.
/// It is that of the core's pipeline when nothing else runs (dojo/core/kernels.h, Communication::kAdd).
inline AddRate add_rate(const NodeParams& node) {
  constexpr std::int64_t kLoads = 2, kStores = 1;
  const Bytes line = node.port_bytes_per_cycle;
  const std::int64_t addresses = kLoads + (node.core.store_takes_address_generator ? kStores : 0);
  AddRate rate{kLoads, node.load_ports, line};
  for (const AddRate& other :
       {AddRate{kStores, node.store_ports, line}, AddRate{addresses, node.core.address_generators, line},
        AddRate{line, node.vector_bytes_per_cycle, line}})
    if (other.cycles * rate.lines > rate.cycles * other.lines) rate = other;
  return rate;
}

}  // namespace dojo::topology
