// SPDX-License-Identifier: Apache-2.0
#include "replay/packet_params.h"

#include <algorithm>
#include <cmath>

namespace dojo::replay {

using reference::PacketNetworkParams;
using topology::MachineParams;
using topology::NocParams;

std::uint32_t cycles_of_1024_flits(const NocParams& noc, double bytes_per_cycle) {
  if (bytes_per_cycle <= 0) return 1024;
  return static_cast<std::uint32_t>(
      std::lround(std::max(1024.0, 1024 * static_cast<double>(noc.link_bytes_per_cycle) / bytes_per_cycle)));
}

PacketNetworkParams network_params(const MachineParams& machine) {
  const NocParams& noc = machine.noc;
  PacketNetworkParams params;
  params.rings = topology::rings_of(noc, static_cast<std::uint32_t>(machine.die.grid.rows),
                                    static_cast<std::uint32_t>(machine.die.grid.columns));
  params.hop_cycles = noc.hop_cycles;
  params.endpoint_cycles = noc.endpoint_cycles;
  params.virtual_channels = static_cast<std::uint32_t>(noc.virtual_channels);
  params.buffer_flits = static_cast<std::uint32_t>(noc.buffer_packets_per_vc);
  params.shared_flits = static_cast<std::uint32_t>(noc.shared_buffer_packets);
  params.shared_flits_of_channel = static_cast<std::uint32_t>(noc.shared_packets_per_vc);
  params.credit_cycles = noc.credit_cycles;
  params.switch_order = noc.switch_order;
  params.lane_choice = noc.lane_choice;
  params.endpoint_cycles_of_1024_flits = cycles_of_1024_flits(noc, noc.endpoint_bytes_per_cycle);
  return params;
}

}  // namespace dojo::replay
