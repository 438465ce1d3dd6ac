// SPDX-License-Identifier: Apache-2.0
// The communication threads of a die's nodes: they add what messages bring, one add at a time on a node.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/node/kernel_cost.h"
#include "dojo/topology/node_ports.h"

namespace dojo::machine {

class Adders {
 public:
  explicit Adders(const topology::NodeParams& params)
      : rate_(topology::add_rate(params)), latency_(params.vector_latency_cycles) {}
  /// `slow`: by node, the share of the nominal rate; empty where each has the whole.
  void add_rank(std::uint32_t nodes, std::vector<float> slow = {}) {
    state_.free.emplace_back(nodes, 0);
    slow_.push_back(std::move(slow));
  }

  /// Returns when the sum is there. The time of a message is rounded up.
  Cycles add(std::uint32_t rank_die, std::uint32_t node, Bytes bytes, Cycles now) {
    Cycles& free = state_.free[rank_die][node];
    const float speed = slow_[rank_die].empty() ? 1.0F : slow_[rank_die][node];
    free = std::max(free, now) + node::NodeCost::scaled(rate_.cycles_for(bytes), speed);
    state_.latest = std::max(state_.latest, free);
    return free + node::NodeCost::scaled(latency_, speed);
  }
  /// The same on all nodes of the rank at once; returns when the last has its sum.
  Cycles add_everywhere(std::uint32_t rank_die, Bytes bytes, Cycles now) {
    Cycles latest = now;
    if (!slow_[rank_die].empty()) {
      for (std::uint32_t node = 0; node < state_.free[rank_die].size(); ++node)
        latest = std::max(latest, add(rank_die, node, bytes, now));
      return latest;
    }
    const Cycles adding = rate_.cycles_for(bytes);
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
  topology::AddRate rate_;
  Cycles latency_ = 0;
  std::vector<std::vector<float>> slow_;  ///< by rank and node
  State state_;
};

}  // namespace dojo::machine
