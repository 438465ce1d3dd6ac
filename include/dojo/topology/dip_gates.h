// SPDX-License-Identifier: Apache-2.0
// By which lane of a die's edge a message goes to its DIP, or comes from it.
#pragma once
#include <cstdint>

#include "dojo/topology/routes.h"

namespace dojo::topology {

struct DipGate {
  std::int32_t lane = 0;  ///< row of the die at a western or eastern edge, else its column
  Site router;            ///< at the end of the lane
  Site beyond;            ///< the place past the edge by which bursts name the DIP
};
/// The lane of `end`'s own row (at a western or eastern edge; else its column) where it passes the DIP's die. Beside
/// it, the nearest lane where `end`'s die has a DIP of its own at that side; where it has none, the lane that lies in
/// the die as `end` lies in its own: dies that share a DIP use all its lanes. With dead parts: the nearest that works.
[[nodiscard]] DipGate dip_gate(const Topology& topology, std::uint32_t dip, const Site& end);

}  // namespace dojo::topology
