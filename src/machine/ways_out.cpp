// SPDX-License-Identifier: Apache-2.0
// By which edge, and on which leg of a detour, a burst leaves a die, and whether it must wait for that.
#include "machine/die_shard.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::TrafficClass;
using topology::Direction;

/// Around what is dead; counted once for each message.
void DieShard::start_route(SiteIndex site, Burst& burst) {
  if (!network_.has_detours()) return;
  const std::int32_t added = network_.start_route(site, burst);
  sums_->add_detour(added, burst.legs_left);
}

/// The edge (and leg) that the burst would leave by, if new bursts must not queue there now; -1 otherwise.
int DieShard::blocked_edge(const Burst& burst) {
  if (full_edges_ == 0 || burst.traffic_class == TrafficClass::kControl) return -1;
  if (burst.shape != fabric::Shape::kUnicast || !network_.has_detours()) return blocked_way(burst);
  return blocked_way(network_.at_exit(burst));
}

int DieShard::blocked_way(const Burst& burst) const {
  const auto full = [&](Direction d) { return (full_edges_ >> static_cast<unsigned>(d) & 1u) != 0; };
  if (burst.shape == fabric::Shape::kUnicast || burst.shape == fabric::Shape::kStriped) {
    const std::int32_t to_column = burst.column - network_.first_column();
    const std::int32_t to_row = burst.row - network_.first_row();
    int out = -1;
    if (to_column < 0) {
      out = static_cast<int>(Direction::kWest);
    } else if (to_column >= network_.columns()) {
      out = static_cast<int>(Direction::kEast);
    } else if (to_row < 0) {
      out = static_cast<int>(Direction::kNorth);
    } else if (to_row >= network_.rows()) {
      out = static_cast<int>(Direction::kSouth);
    }
    if (out < 0) return -1;
    out += topology::kDirections * burst.leg;
    return (full_edges_ >> static_cast<unsigned>(out) & 1u) != 0 ? out : -1;
  }
  // A multicast goes on the way it came, so it never waits for the edge behind it: two that go opposite ways would
  // otherwise wait for each other.
  switch (burst.shape) {
    case fabric::Shape::kRowEast:
      return full(Direction::kEast) && burst.high >= network_.first_column() + network_.columns()
                 ? static_cast<int>(Direction::kEast)
                 : -1;
    case fabric::Shape::kRowWest:
      return full(Direction::kWest) && burst.low < network_.first_column() ? static_cast<int>(Direction::kWest) : -1;
    case fabric::Shape::kColumnSouth:
      return full(Direction::kSouth) && burst.high >= network_.first_row() + network_.rows()
                 ? static_cast<int>(Direction::kSouth)
                 : -1;
    case fabric::Shape::kColumnNorth:
      return full(Direction::kNorth) && burst.low < network_.first_row() ? static_cast<int>(Direction::kNorth) : -1;
    default:
      break;  // kernels send rows and columns as gathers
  }
  return -1;
}

}  // namespace dojo::machine
