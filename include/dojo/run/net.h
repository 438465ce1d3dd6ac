// SPDX-License-Identifier: Apache-2.0
// Synthetic traffic of a configuration is measured in one call: at one load, or over several.
#pragma once
#include <memory>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/report/net.h"
#include "dojo/run/hooks.h"
#include "dojo/topology/topology.h"

namespace dojo::run {

struct NetOutcome {
  std::unique_ptr<config::RunConfig> config;  ///< net.rate: the load that the figures belong to
  std::unique_ptr<const topology::Topology> topology;
  report::NetRun run;

  /// For report::write_net_folder() and its like; good as long as this outcome.
  [[nodiscard]] report::NetContext context() const;
};

/// Warm-up, measurement and drain at `net.rate`. Throws Error: kInvalidInput, kHostMemory.
[[nodiscard]] NetOutcome net(config::RunConfig config, const Hooks& hooks = {});

/// The load-latency curve over `loads`; with none, over shares of the knee, which is searched first. The figures beside
/// the curve are those of the largest load that did not saturate.
[[nodiscard]] NetOutcome net_sweep(config::RunConfig config, std::vector<double> loads, const Hooks& hooks = {});

}  // namespace dojo::run
