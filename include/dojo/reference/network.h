// SPDX-License-Identifier: Apache-2.0
// The reference model of a whole machine: a mesh of routers for each die, joined by crossings, run cycle by cycle.
#pragma once
#include <cstdint>
#include <memory>

#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"
#include "dojo/traffic/router_params.h"

namespace dojo::reference {

using traffic::NetworkSettings;
using traffic::RouterParams;

/// Throws Error(kInvalidInput) for a load above one packet a cycle. `topology` and `endpoints` must outlive it.
[[nodiscard]] std::unique_ptr<traffic::Network> make_network(const topology::Topology& topology,
                                                             const traffic::Endpoints& endpoints,
                                                             const NetworkSettings& settings);
/// Mean packet latency in an empty network over `distance` channels, crossings not included.
[[nodiscard]] double zero_load_cycles(const RouterParams& router, double distance, double packet_flits);
/// Host memory that make_network() will take, roughly.
[[nodiscard]] std::uint64_t estimate_bytes(const topology::Topology& topology, const RouterParams& router);

}  // namespace dojo::reference
