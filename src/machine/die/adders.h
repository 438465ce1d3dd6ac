// SPDX-License-Identifier: Apache-2.0
// The communication threads of a die's nodes: they add what messages bring, one add at a time on a node.
#pragma once
#include <algorithm>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::machine {

class Adders {
 public:
  explicit Adders(const topology::NodeParams& params)
      : bytes_per_cycle_(params.store_ports * params.port_bytes_per_cycle), latency_(params.vector_latency_cycles) {}
  void add_rank(std::uint32_t nodes) { state_.free.emplace_back(nodes, 0); }

  /// Two operands are loaded and one stored, so the store port rules. Returns when the sum is there.
  Cycles add(std::uint32_t rank_die, std::uint32_t node, Bytes bytes, Cycles now) {
    Cycles& free = state_.free[rank_die][node];
    free = std::max(free, now) + ceil_div(bytes, bytes_per_cycle_);
    state_.latest = std::max(state_.latest, free);
    return free + latency_;
  }
  /// The same on all nodes of the rank at once; returns when the last has its sum.
  Cycles add_everywhere(std::uint32_t rank_die, Bytes bytes, Cycles now) {
    const Cycles adding = ceil_div(bytes, bytes_per_cycle_);
    Cycles latest = now;
    for (Cycles& free : state_.free[rank_die]) {
      free = std::max(free, now) + adding;
      latest = std::max(latest, free);
    }
    state_.latest = std::max(state_.latest, latest);
    return latest + latency_;
  }
  /// No node adds beyond this.
  [[nodiscard]] Cycles latest() const { return state_.latest; }
  /// Takes the state of another die's that has run for both.
  void copy(const Adders& from) { state_ = from.state_; }

 private:
  struct State {
    std::vector<std::vector<Cycles>> free;  ///< by rank and node
    Cycles latest = 0;
  };
  Bytes bytes_per_cycle_ = 64;
  Cycles latency_ = 0;
  State state_;
};

}  // namespace dojo::machine
