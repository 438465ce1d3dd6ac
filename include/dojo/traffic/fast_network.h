// SPDX-License-Identifier: Apache-2.0
// Synthetic traffic over the fast model: the routers of each die, joined by crossings.
#pragma once
#include <cstdint>
#include <memory>

#include "dojo/fabric/router_params.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"

namespace dojo::traffic {

struct FastSettings {
  fabric::RouterParams router;
  double rate = 0.1;  ///< offered load, flits/node/cycle
  std::uint32_t packet_flits = 1;
  std::uint64_t seed = 1;
  std::uint32_t threads = 1;  ///< results do not depend on it
  bool express = true;        ///< packets that meet nobody pass without events; results do not depend on it
};

/// Throws Error(kInvalidInput) for a load above one packet a cycle. `topology` and `endpoints` must outlive it.
[[nodiscard]] std::unique_ptr<Network> make_fast_network(const topology::Topology& topology, const Endpoints& endpoints,
                                                         const FastSettings& settings);

}  // namespace dojo::traffic
