// SPDX-License-Identifier: Apache-2.0
// How many packets a cycle pass between a node's SRAM and its router, as all network models have it.
#pragma once
#include <algorithm>
#include <cstdint>

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

}  // namespace dojo::topology
