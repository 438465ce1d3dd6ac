// SPDX-License-Identifier: Apache-2.0
// A network for each load, the search for the knee, and the curve.
#include "run/load_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dojo/reference/network.h"
#include "dojo/run/host_memory.h"
#include "dojo/run/run.h"
#include "dojo/traffic/detours.h"
#include "run/net_models.h"

namespace dojo::run {
namespace {

using Clock = std::chrono::steady_clock;
using traffic::Outcome;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Measurements::Measurements(const config::RunConfig& config, const topology::Topology& topology, const Hooks& hooks,
                           report::NetRun& run)
    : config_(config), topology_(topology), hooks_(hooks), run_(run), endpoints_(topology, config.net) {
  double hops = endpoints_.mean_distance(), crossings = endpoints_.mean_crossing_cycles(topology);
  if (topology.routes() != nullptr) {
    run_.ways = traffic::find_ways(topology, endpoints_, static_cast<int>(config.router.most_legs()),
                                   static_cast<std::uint64_t>(config.run.seed), [this] { return stopped(); });
    hops = run_.ways->hops;
    crossings = run_.ways->crossing_cycles;
  }
  run_.zero_load_cycles = crossings + reference::zero_load_cycles(config.router, hops, packet_flits());
  run_.model = schema::enum_text(config.run.network_model);
  run_.threads = given_threads(thread_count(config.run), hooks);
}

Outcome Measurements::at(double rate) {
  const Clock::time_point start = Clock::now();
  const std::unique_ptr<traffic::Network> network = build(rate);
  run_.elaboration_s = seconds_since(start);
  traffic::Plan plan;
  plan.warmup = config_.net.warmup_cycles;
  plan.measure = config_.net.measure_cycles;
  plan.nodes = endpoints_.senders();
  plan.rate = rate;
  plan.packet_flits = packet_flits();
  plan.zero_load_cycles = run_.zero_load_cycles;
  plan.stop = [this] { return stopped(); };
  const Clock::time_point built = Clock::now();
  Outcome outcome = traffic::measure(*network, plan);
  run_.simulation_s = seconds_since(built);
  network->check();
  run_.links = network->links();
  run_.packet_hops = network->packet_hops();
  run_.flit_hops = network->flit_hops();
  if (hooks_.note)
    hooks_.note(fmt::format("load {:.4f}: mean latency {:.2f} cycles{}, {} cycles run", rate, outcome.mean_cycles,
                            outcome.saturated ? " (saturated)" : "", outcome.end));
  return outcome;
}

std::unique_ptr<traffic::Network> Measurements::build(double rate) const {
  traffic::NetworkSettings settings;
  settings.router = config_.router;
  settings.rate = rate;
  settings.packet_flits = static_cast<std::uint32_t>(config_.net.packet_flits);
  settings.seed = static_cast<std::uint64_t>(config_.run.seed);
  settings.threads = run_.threads;
  return net_model(config_.run.network_model).make(topology_, endpoints_, settings);
}

/// By halving between what did not saturate and what did.
double find_knee(Measurements& measurements) {
  constexpr double kPrecision = 0.01;
  double low = 0, high = 1;
  if (!measurements.at(high).saturated) return high;
  while (high - low > kPrecision * high) {
    const double middle = (low + high) / 2;
    const Outcome outcome = measurements.at(middle);
    if (outcome.interrupted) break;
    (outcome.saturated ? high : low) = middle;
  }
  return low;
}

double sweep(Measurements& measurements, std::vector<double> loads, double rate, report::NetRun& run) {
  double knee = 0;
  if (loads.empty()) {
    knee = find_knee(measurements);
    for (const double share : {0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0}) loads.push_back(share * knee);
    if (knee < 1) loads.push_back(std::min(1.0, 1.1 * knee));
  }
  // The figures beside the curve are those of the largest load that did not saturate.
  report::NetRun best;
  bool interrupted = false;
  std::vector<report::LoadPoint> curve;
  for (const double load : loads) {
    run.outcome = measurements.at(load);
    interrupted = run.outcome.interrupted;
    if (interrupted && !curve.empty()) break;
    curve.push_back({load, run.outcome});
    if (curve.size() == 1 || !run.outcome.saturated) {
      best = run;
      rate = load;
    }
    if (interrupted) break;
    if (!run.outcome.saturated) knee = std::max(knee, load);
  }
  run = best;
  run.outcome.interrupted = interrupted;
  run.curve = std::move(curve);
  run.knee = knee;
  return rate;
}

}  // namespace dojo::run
