// SPDX-License-Identifier: Apache-2.0
// Silicon of a node and of a die, from their sizes.
#pragma once
#include "dojo/energy/params.h"
#include "dojo/topology/machine_params.h"

namespace dojo::energy {

/// The published machine: the defaults of a machine file.
[[nodiscard]] const topology::MachineParams& published();

/// Ports of a node's SRAM: of the core and of the network.
[[nodiscard]] double sram_ports(const topology::NodeParams& node);
[[nodiscard]] double node_mm2(const topology::MachineParams& machine, const AreaParams& area);
/// All sites, the spare ones too, and what stands around them. A machine that is one node has no edges.
[[nodiscard]] double die_mm2(const topology::MachineParams& machine, const AreaParams& area, double sites);
[[nodiscard]] double published_die_mm2(const AreaParams& area);

}  // namespace dojo::energy
