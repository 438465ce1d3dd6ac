// SPDX-License-Identifier: Apache-2.0
// Measures synthetic traffic in this process as `dojosim net` does.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/reference/network.h"
#include "dojo/topology/topology.h"
#include "dojo/traffic/detours.h"
#include "dojo/traffic/measurement.h"
#include "run/net_models.h"

namespace dojo::test {

struct NetMeasured {
  traffic::Outcome outcome;
  double zero_load_cycles = 0, distance = 0;
  std::uint64_t flit_hops = 0, packet_hops = 0;
  std::vector<traffic::LinkLoad> links;
};

/// `file` below the project's folder or "", `set` as of --set.
inline config::RunConfig net_config(const std::string& file, const std::vector<std::string>& set) {
  config::LoadRequest request;
  request.config_file = file.empty() ? "" : std::string(DOJO_SOURCE_DIR) + "/" + file;
  request.overrides = set;
  request.purpose = config::Purpose::kNet;
  return config::load(request);
}

using NetModel = fabric::NetworkModel;

/// Without cycles of a plan: a network that has not run yet.
inline std::unique_ptr<traffic::Network> net_model(const config::RunConfig& config, const topology::Topology& topology,
                                                   const traffic::Endpoints& endpoints, NetModel model,
                                                   std::int32_t largest_block = 1024) {
  return run::net_model(model).make(
      topology, endpoints,
      {config.router, config.net.rate, static_cast<std::uint32_t>(config.net.packet_flits),
       static_cast<std::uint64_t>(config.run.seed), static_cast<std::uint32_t>(config.run.threads), largest_block});
}

inline NetMeasured measure_net(const config::RunConfig& config, NetModel model, std::int32_t largest_block = 1024) {
  const topology::Topology topology(config.machine);
  const traffic::Endpoints endpoints(topology, config.net);
  const auto network = net_model(config, topology, endpoints, model, largest_block);
  NetMeasured measured;
  measured.distance = endpoints.mean_distance();
  traffic::Plan plan;
  plan.warmup = config.net.warmup_cycles;
  plan.measure = config.net.measure_cycles;
  plan.nodes = endpoints.senders();
  plan.rate = config.net.rate;
  plan.packet_flits = static_cast<double>(config.net.packet_flits);
  double crossings = endpoints.mean_crossing_cycles(topology);
  if (topology.routes() != nullptr) {
    const traffic::Ways ways = traffic::find_ways(topology, endpoints, static_cast<int>(config.router.most_legs()),
                                                  static_cast<std::uint64_t>(config.run.seed), [] { return false; });
    measured.distance = ways.hops;
    crossings = ways.crossing_cycles;
  }
  plan.zero_load_cycles = crossings + reference::zero_load_cycles(config.router, measured.distance, plan.packet_flits);
  measured.zero_load_cycles = plan.zero_load_cycles;
  measured.outcome = traffic::measure(*network, plan);
  network->check();
  measured.flit_hops = network->flit_hops();
  measured.packet_hops = network->packet_hops();
  measured.links = network->links();
  return measured;
}

/// In the reference model.
inline NetMeasured measure_net(const std::string& file, const std::vector<std::string>& set,
                               std::int32_t largest_block = 1024) {
  return measure_net(net_config(file, set), NetModel::kReference, largest_block);
}

}  // namespace dojo::test
