// SPDX-License-Identifier: Apache-2.0
// Detours of bursts on machines with dead routers, links, edges or dies. A burst names both ends of its route, so that
// any shard finds its next leg.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "dojo/fabric/burst.h"
#include "dojo/topology/routes.h"

namespace dojo::fabric {

class BurstRoutes {
 public:
  void configure(const topology::Topology& topology) { routes_ = topology.routes(); }
  [[nodiscard]] bool needed() const { return routes_ != nullptr; }
  /// Gives a unicast its first leg. Returns the hops beyond dimension order, 0 for a burst that needs no detour.
  std::int32_t start(Burst& burst, const topology::Site& source) {
    return routes_ == nullptr ? 0 : start_detour(burst, source);
  }
  /// At the end of a leg that is not the last.
  void next_leg(Burst& burst);

 private:
  std::int32_t start_detour(Burst& burst, const topology::Site& source);
  const topology::Route& find(std::int32_t from, std::int32_t to);
  [[nodiscard]] std::int32_t number(const topology::Site& s) const { return s.row * routes_->columns() + s.column; }
  [[nodiscard]] topology::Site site(std::int32_t number) const {
    return {number / routes_->columns(), number % routes_->columns()};
  }
  void aim(Burst& burst, const topology::Route& route) const;

  const topology::Routes* routes_ = nullptr;
  std::unordered_map<std::uint64_t, topology::Route> known_;  // detours only; never walked
};

}  // namespace dojo::fabric
