// SPDX-License-Identifier: Apache-2.0
// The ways that a pattern's packets take on a machine with dead parts.
#pragma once
#include <cstdint>
#include <functional>

#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"

namespace dojo::traffic {

/// Means over pairs of nodes between which a pattern sends.
struct Ways {
  double hops = 0;             ///< channels between routers
  double crossing_cycles = 0;  ///< in crossings between dies, waits not included
  double detours = 0;          ///< share of the pairs that have to go around something
  double extra_hops = 0;       ///< of those
  std::uint64_t pairs = 0;     ///< looked at: all up to kMostPairs, else kDrawnPairs drawn ones
  int legs = 1;                ///< of the route with the most
};
inline constexpr std::uint64_t kMostPairs = 200'000, kDrawnPairs = 20'000;

/// Requires topology.routes(). Throws Error(kInvalidInput) with pairs that have no way of at most `most_legs` legs.
/// When stop() says so, the means are those of the pairs so far.
[[nodiscard]] Ways find_ways(const topology::Topology& topology, const Endpoints& endpoints, int most_legs,
                             std::uint64_t seed, const std::function<bool()>& stop);

}  // namespace dojo::traffic
