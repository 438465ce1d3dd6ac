// SPDX-License-Identifier: Apache-2.0
// A network under synthetic traffic, whatever its model: what the measurement needs of it.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/router_params.h"
#include "dojo/traffic/tally.h"

namespace dojo::traffic {

/// Of every model.
struct NetworkSettings {
  RouterParams router;
  double rate = 0.1;  ///< offered load, flits/node/cycle
  std::uint32_t packet_flits = 1;
  std::uint64_t seed = 1;
  // Results do not depend on these:
  std::uint32_t threads = 1;
  std::int32_t largest_block = 1024;  ///< reference model: routers of a part that one thread runs
  bool express = true;                ///< fast model: packets that meet nobody pass without events
};

/// Flits over the links of a kind that lie on one die, or leave it on one side.
struct LinkLoad {
  DieId die = 0;
  topology::Direction direction = topology::Direction::kEast;
  topology::LinkClass link_class = topology::LinkClass::kNoc;
  std::uint32_t links = 0;
  std::uint64_t flits = 0, busiest_flits = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  /// Runs all cycles before `end`.
  virtual void run_until(Cycles end) = 0;
  /// Measures packets created in the window, which begins later by as much as the model looks ahead, or now.
  virtual void measure(MeasurementWindow window) = 0;
  /// All packets created in the window have arrived.
  [[nodiscard]] virtual bool all_arrived() const = 0;
  [[nodiscard]] virtual Tally tally() const = 0;
  /// Packets of the window that nobody has looked at yet, because their node still sends an earlier one.
  virtual void count_waiting(Cycles now, std::uint64_t& packets, std::uint64_t& cycles) const = 0;
  /// Over channels between routers since the start; in the ideal model a packet counts when its first flit is sent.
  [[nodiscard]] virtual std::uint64_t packet_hops() const = 0;
  [[nodiscard]] virtual std::uint64_t flit_hops() const = 0;
  [[nodiscard]] virtual std::vector<LinkLoad> links() const = 0;
  /// Throws Error(kInternal) where flits or credits were lost.
  virtual void check() const = 0;
};

}  // namespace dojo::traffic
