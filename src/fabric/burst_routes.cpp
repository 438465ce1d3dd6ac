// SPDX-License-Identifier: Apache-2.0
// Legs of detours.
#include "dojo/fabric/burst_routes.h"

#include <algorithm>
#include <cstdlib>

#include "dojo/base/error.h"

namespace dojo::fabric {
namespace {

/// Values of Burst::exit.
enum Exit : std::uint8_t { kNoExit, kWest, kEast, kNorth, kSouth };

}  // namespace

std::int32_t BurstRoutes::start_detour(Burst& burst, const topology::Site& source) {
  const topology::Site end{std::clamp(burst.row, 0, routes_->rows() - 1),
                           std::clamp(burst.column, 0, routes_->columns() - 1)};
  if (routes_->leg_works(source, end)) return 0;
  burst.exit = burst.column < 0            ? kWest
               : burst.column > end.column ? kEast
               : burst.row < 0             ? kNorth
               : burst.row > end.row       ? kSouth
                                           : kNoExit;
  burst.route = {number(source), number(end)};
  const topology::Route& route = find(burst.route.from, burst.route.to);
  burst.leg = 0;
  burst.legs_left = static_cast<std::uint8_t>(route.legs - 1);
  aim(burst, route);
  return route.hops - std::abs(source.row - end.row) - std::abs(source.column - end.column);
}

void BurstRoutes::next_leg(Burst& burst) {
  ++burst.leg;
  --burst.legs_left;
  aim(burst, find(burst.route.from, burst.route.to));
}

void BurstRoutes::aim(Burst& burst, const topology::Route& route) const {
  burst.row = route.ends[burst.leg].row;
  burst.column = route.ends[burst.leg].column;
  if (burst.legs_left != 0) return;
  switch (burst.exit) {
    case kWest:
      burst.column = -1;
      break;
    case kEast:
      burst.column = routes_->columns();
      break;
    case kNorth:
      burst.row = -1;
      break;
    case kSouth:
      burst.row = routes_->rows();
      break;
    default:
      break;
  }
}

const topology::Route& BurstRoutes::find(std::int32_t from, std::int32_t to) {
  const std::uint64_t key =
      static_cast<std::uint64_t>(static_cast<std::uint32_t>(from)) << 32 | static_cast<std::uint32_t>(to);
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  const topology::Route& route = known_.emplace(key, routes_->find(site(from), site(to))).first->second;
  DOJO_CHECK(route.legs > 0, "no route from site ({}, {}) to ({}, {})", site(from).row, site(from).column, site(to).row,
             site(to).column);
  return route;
}

}  // namespace dojo::fabric
