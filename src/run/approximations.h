// SPDX-License-Identifier: Apache-2.0
// The sentences of `fidelity.approximations`: what was simplified between a configuration and its results.
#pragma once
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::run {

/// Of lowering, and what the reader of the trace assumed or left out, once for all ranks.
[[nodiscard]] std::vector<std::string> approximations(const workload::Workload& workload, const workload::Job& job);

/// Of synthetic traffic.
[[nodiscard]] std::vector<std::string> net_approximations(const config::RunConfig& config,
                                                          const topology::Topology& topology);

}  // namespace dojo::run
