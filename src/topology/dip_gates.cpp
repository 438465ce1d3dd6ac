// SPDX-License-Identifier: Apache-2.0
#include "dojo/topology/dip_gates.h"

#include <algorithm>

namespace dojo::topology {

DipGate dip_gate(const Topology& topology, std::uint32_t dip, const Site& end) {
  const DieId die = topology.dip_die(dip);
  const Direction side = topology.dip_side(dip);
  const bool by_rows = side == Direction::kWest || side == Direction::kEast;
  const bool low = side == Direction::kWest || side == Direction::kNorth;
  const DieCoordinates at = topology.coordinates(die);
  const std::int32_t lanes = by_rows ? topology.site_rows() : topology.site_columns();
  const std::int32_t first = (by_rows ? at.row : at.column) * lanes, wanted = by_rows ? end.row : end.column;
  DipGate gate;
  gate.lane = std::clamp(wanted, first, first + lanes - 1) - first;
  if (gate.lane != wanted - first && topology.dip_of_line(side, wanted / lanes) == kNone) gate.lane = wanted % lanes;
  if (topology.routes() != nullptr) gate.lane = topology.routes()->dip_lane(die, side, gate.lane);
  const std::int32_t across =
      by_rows ? topology.die_columns() * topology.site_columns() : topology.die_rows() * topology.site_rows();
  const std::int32_t last = low ? 0 : across - 1, past = low ? -1 : across;
  gate.router = by_rows ? Site{first + gate.lane, last} : Site{last, first + gate.lane};
  gate.beyond = by_rows ? Site{first + gate.lane, past} : Site{past, first + gate.lane};
  return gate;
}

}  // namespace dojo::topology
