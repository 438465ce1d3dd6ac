// SPDX-License-Identifier: Apache-2.0
// The packet network of a machine file.
#pragma once
#include "dojo/reference/packets.h"
#include "dojo/topology/machine_params.h"

namespace dojo::replay {

inline constexpr std::uint32_t kRequestClass = 0, kDataClass = 1;  ///< classes of packets

/// Cycles that 1024 flits take at `bytes_per_cycle`; 0: as fast as a link.
[[nodiscard]] std::uint32_t cycles_of_1024_flits(const topology::NocParams& noc, double bytes_per_cycle);
[[nodiscard]] reference::PacketNetworkParams network_params(const topology::MachineParams& machine);

}  // namespace dojo::replay
