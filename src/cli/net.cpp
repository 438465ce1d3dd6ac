// SPDX-License-Identifier: Apache-2.0
// `dojosim net`: config -> topology -> endpoints -> network -> measurement -> report.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/reference/network.h"
#include "dojo/report/net.h"
#include "dojo/traffic/detours.h"
#include "dojo/traffic/fast_network.h"
#include "host_memory.h"
#include "interrupt.h"
#include "net_options.h"
#include "output_folder.h"

namespace dojo::cli {
namespace {

using Clock = std::chrono::steady_clock;
using traffic::Endpoints;
using traffic::Outcome;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Measures one load after another on the same machine, each on a fresh network.
class Measurements {
 public:
  Measurements(const config::RunConfig& config, const topology::Topology& topology, report::NetRun& run)
      : config_(config), topology_(topology), run_(run), endpoints_(topology, config.net) {
    double hops = endpoints_.mean_distance(), crossings = endpoints_.mean_crossing_cycles(topology);
    if (topology.routes() != nullptr) {
      run_.ways =
          traffic::find_ways(topology, endpoints_, static_cast<int>(config.router.most_legs()),
                             static_cast<std::uint64_t>(config.run.seed), [this] { return interrupt_.interrupted(); });
      hops = run_.ways->hops;
      crossings = run_.ways->crossing_cycles;
    }
    run_.zero_load_cycles = crossings + reference::zero_load_cycles(config.router, hops, packet_flits());
    run_.model = schema::enum_text(config.run.network_model);
    run_.threads = config.run.threads > 0 ? static_cast<std::uint32_t>(config.run.threads)
                                          : std::max(1u, std::thread::hardware_concurrency());
  }

  Outcome at(double rate) {
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
    plan.stop = [this] { return interrupt_.interrupted(); };
    const Clock::time_point built = Clock::now();
    Outcome outcome = traffic::measure(*network, plan);
    run_.simulation_s = seconds_since(built);
    network->check();
    run_.links = network->links();
    run_.packet_hops = network->packet_hops();
    run_.flit_hops = network->flit_hops();
    spdlog::info("load {:.4f}: mean latency {:.2f} cycles{}, {} cycles run", rate, outcome.mean_cycles,
                 outcome.saturated ? " (saturated)" : "", outcome.end);
    return outcome;
  }

 private:
  [[nodiscard]] bool reference() const { return config_.run.network_model == fabric::NetworkModel::kReference; }
  [[nodiscard]] std::unique_ptr<traffic::Network> build(double rate) const {
    const auto flits = static_cast<std::uint32_t>(config_.net.packet_flits);
    const auto seed = static_cast<std::uint64_t>(config_.run.seed);
    if (!reference())
      return traffic::make_fast_network(topology_, endpoints_, {config_.router, rate, flits, seed, run_.threads});
    reference::NetworkSettings settings;
    settings.router = config_.router;
    settings.rate = rate;
    settings.packet_flits = flits;
    settings.seed = seed;
    settings.threads = run_.threads;
    return reference::make_network(topology_, endpoints_, settings);
  }
  [[nodiscard]] double packet_flits() const { return static_cast<double>(config_.net.packet_flits); }
  const config::RunConfig& config_;
  const topology::Topology& topology_;
  report::NetRun& run_;
  Endpoints endpoints_;
  InterruptGuard interrupt_;
};

/// Largest load that does not saturate, to 1 %: halving between what did not and what did.
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

void sweep(Measurements& measurements, std::vector<double> loads, config::RunConfig& config, report::NetRun& run) {
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
      config.net.rate = load;
    }
    if (interrupted) break;
    if (!run.outcome.saturated) knee = std::max(knee, load);
  }
  run = best;
  run.outcome.interrupted = interrupted;
  run.curve = std::move(curve);
  run.knee = knee;
}

void refuse_what_cannot_run(const config::RunConfig& config, const topology::Topology& topology) {
  if (config.net.pattern != traffic::Pattern::kHotspot && !config.net.hotspots.empty()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("net.hotspots: found ids with pattern \"{}\", expected none; leave them out, or choose "
                            "pattern hotspot",
                            schema::enum_text(config.net.pattern)));
  }
  require_host_memory(
      reference::estimate_bytes(topology, config.router),
      fmt::format("{} with {} routers", topology.root_name(), std::int64_t{topology.sites()} * topology.die_count()));
}

}  // namespace

int net_command(const Arguments& arguments) {
  const Clock::time_point start = Clock::now();
  Options options = net_options();
  if (!options.parse(arguments)) return 0;
  config::RunConfig config = load_net_config(options);
  const std::vector<double> loads = options.has("sweep") ? sweep_loads(options) : std::vector<double>{};
  const std::string out = options.text("out");
  std::optional<OutputFolder> folder;
  if (!out.empty()) folder.emplace(out);
  const topology::Topology topology(config.machine, config.machine_file.empty() ? "machine" : config.machine_file);
  refuse_what_cannot_run(config, topology);

  report::NetRun run;
  Measurements measurements(config, topology, run);
  if (options.has("sweep")) {
    sweep(measurements, loads, config, run);
  } else {
    run.outcome = measurements.at(config.net.rate);
  }
  run.approximations = {
      config.run.network_model == fabric::NetworkModel::kReference
          ? "Reference model: routes are dimension order, along the row first; DIPs take no part."
          : "Fast model: flits of a long packet cross switches in pieces of an eighth of it; routes are "
            "dimension order, along the row first; DIPs take no part."};
  if (topology.routes() != nullptr) {
    run.approximations.push_back(fmt::format(
        "Detours around dead parts consist of at most {} legs in dimension order; each leg has {} virtual channels of "
        "its own, whose buffers cost nothing.",
        config.router.most_legs(), config.router.virtual_channels));
  }
  run.wall_s = seconds_since(start);
  run.peak_rss_bytes = peak_resident_bytes();
  const report::NetContext context{config, topology, run};
  if (!out.empty()) report::write_net_folder(context, out);
  fmt::print("{}", report::net_report_text(context));
  if (!run.outcome.interrupted) return static_cast<int>(ExitCode::kGood);
  spdlog::warn("interrupted; the report is marked partial");
  return static_cast<int>(ExitCode::kInterrupted);
}

}  // namespace dojo::cli
