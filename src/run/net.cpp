// SPDX-License-Identifier: Apache-2.0
// config -> topology -> endpoints -> network -> measurement.
#include "dojo/run/net.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/reference/network.h"
#include "dojo/run/host_memory.h"
#include "run/approximations.h"
#include "run/load_sweep.h"

namespace dojo::run {
namespace {

using Clock = std::chrono::steady_clock;

/// Of machines whose rows or columns close to rings, only the reference model knows the way.
void refuse_rings(const config::RunConfig& config) {
  const topology::NocParams& noc = config.machine.noc;
  if (noc.networks > 1) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("machine.noc.networks: found {}, expected 1, because a pattern is sent over one network; "
                            "add --set machine.noc.networks=1, or give events with --replay FILE",
                            noc.networks));
  }
  if (noc.wrap == topology::Wrap::kNone) return;
  if (config.run.network_model != fabric::NetworkModel::kReference) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("run.network_model: found \"{}\" on a machine with machine.noc.wrap \"{}\", expected "
                            "\"reference\", the only model that knows rings; add --model reference",
                            schema::enum_text(config.run.network_model), schema::enum_text(noc.wrap)));
  }
  if (config.router.virtual_channels < 2) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("router.virtual_channels: found {} on a machine with machine.noc.wrap \"{}\", expected 2 or "
                    "more: packets that have still to cross the link that closes a ring have channels of their "
                    "own",
                    config.router.virtual_channels, schema::enum_text(noc.wrap)));
  }
}

void refuse_what_cannot_run(const config::RunConfig& config, const topology::Topology& topology) {
  if (config.machine.noc.arbitration != topology::Arbitration::kRoundRobin) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("machine.noc.arbitration: found \"{}\", expected \"round_robin\", because the routers of "
                            "`dojosim net` know no other; add --set machine.noc.arbitration=round_robin",
                            schema::enum_text(config.machine.noc.arbitration)));
  }
  if (config.net.pattern != traffic::Pattern::kHotspot && !config.net.hotspots.empty()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("net.hotspots: found ids with pattern \"{}\", expected none; leave them out, or choose "
                            "pattern hotspot",
                            schema::enum_text(config.net.pattern)));
  }
  refuse_rings(config);
  require_host_memory(
      reference::estimate_bytes(topology, config.router),
      fmt::format("{} with {} routers", topology.root_name(), std::int64_t{topology.sites()} * topology.die_count()));
}

/// `measure` fills the outcome's run by its measurements.
template <class Measure>
NetOutcome measured(config::RunConfig config, const Hooks& hooks, Measure&& measure) {
  const Clock::time_point start = Clock::now();
  NetOutcome outcome;
  outcome.config = std::make_unique<config::RunConfig>(std::move(config));
  outcome.topology = std::make_unique<topology::Topology>(
      outcome.config->machine, outcome.config->machine_file.empty() ? "machine" : outcome.config->machine_file);
  refuse_what_cannot_run(*outcome.config, *outcome.topology);
  Measurements measurements(*outcome.config, *outcome.topology, hooks, outcome.run);
  measure(measurements, outcome);
  outcome.run.approximations = net_approximations(*outcome.config, *outcome.topology);
  outcome.run.wall_s = std::chrono::duration<double>(Clock::now() - start).count();
  outcome.run.peak_rss_bytes = peak_resident_bytes();
  return outcome;
}

}  // namespace

report::NetContext NetOutcome::context() const {
  return {*config, *topology, run};
}

NetOutcome net(config::RunConfig config, const Hooks& hooks) {
  return measured(std::move(config), hooks, [](Measurements& measurements, NetOutcome& outcome) {
    outcome.run.outcome = measurements.at(outcome.config->net.rate);
  });
}

NetOutcome net_sweep(config::RunConfig config, std::vector<double> loads, const Hooks& hooks) {
  return measured(std::move(config), hooks, [&](Measurements& measurements, NetOutcome& outcome) {
    outcome.config->net.rate = sweep(measurements, std::move(loads), outcome.config->net.rate, outcome.run);
  });
}

}  // namespace dojo::run
