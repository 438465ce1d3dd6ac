// SPDX-License-Identifier: Apache-2.0
// Loads of one configuration, measured one after another.
#pragma once
#include <memory>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/report/net.h"
#include "dojo/run/hooks.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/endpoints.h"
#include "dojo/traffic/network.h"

namespace dojo::run {

/// Each load on a fresh network of the same machine. What the network counted stays in `run`, of the last load.
class Measurements {
 public:
  Measurements(const config::RunConfig& config, const topology::Topology& topology, const Hooks& hooks,
               report::NetRun& run);
  traffic::Outcome at(double rate);

 private:
  [[nodiscard]] bool stopped() const { return hooks_.should_stop && hooks_.should_stop(); }
  [[nodiscard]] std::unique_ptr<traffic::Network> build(double rate) const;
  [[nodiscard]] double packet_flits() const { return static_cast<double>(config_.net.packet_flits); }

  const config::RunConfig& config_;
  const topology::Topology& topology_;
  const Hooks& hooks_;
  report::NetRun& run_;
  traffic::Endpoints endpoints_;
};

/// Largest load that does not saturate, to 1 %.
[[nodiscard]] double find_knee(Measurements& measurements);

/// Measures `loads`, or shares of the knee when there are none. Returns the load whose figures are in `run`.
double sweep(Measurements& measurements, std::vector<double> loads, double rate, report::NetRun& run);

}  // namespace dojo::run
