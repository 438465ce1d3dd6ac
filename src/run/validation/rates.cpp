// SPDX-License-Identifier: Apache-2.0
// Published bandwidths of tiles and trays, reached by packets of the fast network: what crosses a cut after a warm-up.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "dojo/config/config.h"
#include "dojo/topology/topology.h"
#include "run/net_models.h"
#include "run/validation/published_rates.h"
#include "run/validation/suites.h"

namespace dojo::run {
namespace {

using topology::Direction;

std::uint64_t flits_over(const traffic::Network& network, const topology::Topology& topology,
                         const std::vector<Cut>& cuts) {
  std::uint64_t flits = 0;
  for (const traffic::LinkLoad& load : network.links()) {
    if (load.link_class == topology::LinkClass::kNoc) continue;
    const topology::DieCoordinates at = topology.coordinates(load.die);
    for (const Cut& cut : cuts) {
      if (load.direction == cut.towards && at.row >= cut.first_row && at.row <= cut.last_row &&
          at.column >= cut.first_column && at.column <= cut.last_column)
        flits += load.flits;
    }
  }
  return flits;
}

}  // namespace

double slower_rate(const PublishedRate& p, fabric::NetworkModel model, std::uint64_t cycles) {
  config::LoadRequest request;
  request.overrides = p.set;
  request.purpose = config::Purpose::kNet;
  const config::RunConfig config = config::load(request);
  const topology::Topology topology(config.machine);
  const traffic::Endpoints endpoints(topology, config.net);
  const auto network =
      net_model(model).make(topology, endpoints,
                            {config.router, config.net.rate, static_cast<std::uint32_t>(config.net.packet_flits),
                             static_cast<std::uint64_t>(config.run.seed)});
  constexpr Cycles kWarmUp = 1500;
  network->run_until(kWarmUp);
  const auto over = [&](int way) { return flits_over(*network, topology, p.ways[way]); };
  const std::uint64_t before[] = {over(0), over(1)};
  network->run_until(kWarmUp + cycles);
  network->check();
  const auto flits = static_cast<double>(std::min(over(0) - before[0], over(1) - before[1]));
  return flits * static_cast<double>(config.machine.noc.link_bytes_per_cycle) / static_cast<double>(cycles) *
         config.machine.clock_hz;
}

const std::vector<PublishedRate>& published_rate_table() {
  static const std::string tile = "machine.level=tile", tray = "machine.level=tray", mirror = "net.pattern=mirror";
  static const std::vector<PublishedRate> table{
      {"tile_bisection_columns",
       "bisection of a tile, between die columns, each way",
       "T06: 10 TB/s",
       10e12,
       {tile, mirror, "net.mirror=columns", "net.rate=0.6", "net.packet_flits=8", "net.area.columns=4"},
       {{{Direction::kEast, 0, 4, 1, 1}}, {{Direction::kWest, 0, 4, 2, 2}}}},
      {"tile_bisection_rows",
       "bisection of a tile, between die rows, each way",
       "T06: 10 TB/s",
       10e12,
       {tile, mirror, "net.mirror=rows", "net.rate=0.6", "net.packet_flits=8", "net.area.rows=4"},
       {{{Direction::kSouth, 1, 1, 0, 4}}, {{Direction::kNorth, 2, 2, 0, 4}}}},
      {"tray_bisection",
       "bisection of a tray, between its two rows of tiles, each way",
       "V03: 13.4 TB/s",
       13.4e12,
       {tray, mirror, "net.mirror=rows", "net.rate=0.2", "net.packet_flits=8", "net.area.row=3", "net.area.rows=4"},
       {{{Direction::kSouth, 4, 4, 0, 14}}, {{Direction::kNorth, 5, 5, 0, 14}}}},
      {"off_tile",
       "off a tile, to and from four neighbours at once, each way",
       "T06: 36 TB/s both ways",
       18e12,
       {tray, "machine.tray.tiles.rows=3", "machine.tray.tiles.columns=3", "net.pattern=exchange", "net.rate=0.03",
        "net.packet_flits=8"},
       {{{Direction::kEast, 5, 9, 9, 9},
         {Direction::kWest, 5, 9, 5, 5},
         {Direction::kSouth, 9, 9, 5, 9},
         {Direction::kNorth, 5, 5, 5, 9}},
        {{Direction::kEast, 5, 9, 4, 4},
         {Direction::kWest, 5, 9, 10, 10},
         {Direction::kSouth, 4, 4, 5, 9},
         {Direction::kNorth, 10, 10, 5, 9}}}}};
  return table;
}

std::vector<ValidationPoint> published_rates(const ValidationRequest&) {
  std::vector<ValidationPoint> points;
  for (const PublishedRate& p : published_rate_table()) {
    points.push_back(
        {p.what, p.source, "B/s", p.bytes_per_s, slower_rate(p, fabric::NetworkModel::kFast, 1500), 0.95, 1.05});
  }
  return points;
}

}  // namespace dojo::run
