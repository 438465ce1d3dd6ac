// SPDX-License-Identifier: Apache-2.0
// Synthetic traffic over the fast model of one die: a packet is one burst.
#pragma once
#include <cstdint>
#include <memory>

#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"

namespace dojo::traffic {

struct FastSettings {
  double rate = 0.1;  ///< offered load, flits/node/cycle
  std::uint32_t packet_flits = 1;
  std::uint64_t seed = 1;
};

/// Throws Error(kInvalidInput) for a machine of several dies and for a load above one packet a cycle. `topology` and
/// `endpoints` must outlive it.
[[nodiscard]] std::unique_ptr<Network> make_fast_die(const topology::Topology& topology, const Endpoints& endpoints,
                                                     const FastSettings& settings);
/// Mean packet latency of an empty die over `distance` channels.
[[nodiscard]] double fast_zero_load_cycles(const topology::Topology& topology, double distance, double packet_flits);

}  // namespace dojo::traffic
