// SPDX-License-Identifier: Apache-2.0
// Synthetic traffic without contention: what packets would take if they met only at the ports of nodes.
#pragma once
#include <memory>

#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"

namespace dojo::traffic {

/// A packet takes its latency, hop by hop and edge by edge, plus its own serialisation at the slowest part of its way.
/// Links and edges are never shared. A read port sends, and a write port takes, a flit a cycle, one packet after the
/// other. Links count a packet when its first flit is sent. Runs on one thread.
/// Throws Error(kInvalidInput) for a load above one packet a cycle. `topology` and `endpoints` must outlive it.
[[nodiscard]] std::unique_ptr<Network> make_ideal_network(const topology::Topology& topology,
                                                          const Endpoints& endpoints, const NetworkSettings& settings);

}  // namespace dojo::traffic
