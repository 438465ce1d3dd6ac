// SPDX-License-Identifier: Apache-2.0
// Synthetic traffic over the fast model: the routers of each die, joined by crossings.
#pragma once
#include <memory>

#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"

namespace dojo::traffic {

/// Throws Error(kInvalidInput) for a load above one packet a cycle. `topology` and `endpoints` must outlive it.
[[nodiscard]] std::unique_ptr<Network> make_fast_network(const topology::Topology& topology, const Endpoints& endpoints,
                                                         const NetworkSettings& settings);

}  // namespace dojo::traffic
