// SPDX-License-Identifier: Apache-2.0
// The network models, one row each. Nothing else asks which model a run has: what differs is in the row, or in the
// class that it makes.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "machine/network/network_port.h"

namespace dojo::machine {

struct NetworkModelInfo {
  NetworkModel model = NetworkModel::kFast;
  /// When a message between nodes of one die is sent, its arrival is known. Then reductions go level by level, and what
  /// a task on a die at rest does can be recorded and copied.
  bool knows_arrivals = true;
  /// Collectives between whole dies move as striped messages; otherwise each node sends its own, and each piece of a
  /// gather arrives by itself.
  bool moves_lines_whole = true;
  /// Messages wait for each other on links and edges. Otherwise each takes its latency and its own serialisation.
  bool shares_links = true;
  /// Goes around dead routers, links, edges and dies.
  bool takes_detours = true;
  std::unique_ptr<NetworkPort> (*make)(Context& context, DieId die, engine::Wheel& wheel, const Moment& moment,
                                       NetworkPort::Receiver& receiver) = nullptr;
  /// Sentences for fidelity.approximations.
  std::vector<std::string> (*approximations)(const workload::Job& job, const topology::Topology& topology) = nullptr;
  /// Host memory of a die beyond what every model takes, estimated; null: none.
  std::uint64_t (*die_bytes)(const topology::MachineParams& machine) = nullptr;
};

[[nodiscard]] const NetworkModelInfo& network_model(NetworkModel model);

}  // namespace dojo::machine
