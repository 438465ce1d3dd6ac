// SPDX-License-Identifier: Apache-2.0
// The network models that synthetic traffic can run over. A model is one row of the table.
#pragma once
#include <memory>

#include "dojo/fabric/network_model.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"

namespace dojo::run {

struct NetModel {
  fabric::NetworkModel model;
  /// Throws Error(kInvalidInput) for a load above one packet a cycle. Topology and endpoints must outlive the network.
  std::unique_ptr<traffic::Network> (*make)(const topology::Topology&, const traffic::Endpoints&,
                                            const traffic::NetworkSettings&);
  const char* sentence;  ///< what it simplifies
};

[[nodiscard]] const NetModel& net_model(fabric::NetworkModel model);

}  // namespace dojo::run
