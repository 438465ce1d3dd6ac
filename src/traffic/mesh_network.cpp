// SPDX-License-Identifier: Apache-2.0
// Load and ways of packets in both models.
#include "dojo/traffic/mesh_network.h"

namespace dojo::traffic {

double chance_of_a_packet(const NetworkSettings& settings, NodePorts ports) {
  const double p = settings.rate / settings.packet_flits / ports.read;
  if (p > 0 && p <= 1) return p;
  throw Error(ExitCode::kInvalidInput,
              fmt::format("net.rate: found {} flits/node/cycle in packets of {} flits, expected above 0 and at most "
                          "one packet a cycle{}",
                          settings.rate, settings.packet_flits, ports.read > 1 ? " for each read port" : ""));
}

std::unique_ptr<topology::Headings> make_headings(const topology::Topology& topology, const RouterParams& router) {
  if (topology.routes() == nullptr) return nullptr;
  return std::make_unique<topology::Headings>(topology, static_cast<int>(router.most_legs()));
}

}  // namespace dojo::traffic
