// SPDX-License-Identifier: Apache-2.0
// Published bandwidths of tiles and trays, reached by single packets: as many flits over the cut as the links that lie
// there would carry, in both network models. No key of a machine file is one of these totals.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/net.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::Direction;
using Settings = std::vector<std::string>;

struct Cut {
  Direction towards;                                                            ///< of the two that cross the cut
  std::int32_t first_row = 0, last_row = 0, first_column = 0, last_column = 0;  ///< dies whose edges are the cut
};

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

struct Published {
  const char* id;
  const char* what;
  const char* formula;
  const char* machine;
  double bytes_per_s;
  Settings set;
  std::vector<Cut> ways[2];
};

/// Bytes per second over the cuts of the slower way, after a warm-up.
double slower_rate(const Published& p, NetModel model, Cycles cycles) {
  config::LoadRequest request;
  request.machine_file = std::string(DOJO_SOURCE_DIR) + "/configs/machines/" + p.machine + ".json";
  request.overrides = p.set;
  request.purpose = config::Purpose::kNet;
  const config::RunConfig config = config::load(request);
  const topology::Topology topology(config.machine);
  const traffic::Endpoints endpoints(topology, config.net);
  const auto network = net_model(config, topology, endpoints, model);
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

/// Dies 0, 1 and 2, 3 of each row (column) inject, each node to its image across the cut between 1 and 2.
Published tile(const char* mirror) {
  const bool columns = std::string(mirror) == "columns";
  Published p{columns ? "published_tile_bisection_columns" : "published_tile_bisection_rows",
              columns ? "tile, between die columns 1 and 2, each way" : "tile, between die rows 1 and 2, each way",
              "10.08 TB/s (V03, T06)",
              "tile",
              10.08e12,
              {"net.pattern=mirror", std::string("net.mirror=") + mirror, "net.rate=0.6", "net.packet_flits=8",
               columns ? "net.area.columns=4" : "net.area.rows=4"},
              {}};
  if (columns) {
    p.ways[0] = {{Direction::kEast, 0, 4, 1, 1}};
    p.ways[1] = {{Direction::kWest, 0, 4, 2, 2}};
  } else {
    p.ways[0] = {{Direction::kSouth, 1, 1, 0, 4}};
    p.ways[1] = {{Direction::kNorth, 2, 2, 0, 4}};
  }
  return p;
}

Published tray() {
  return {"published_tray_bisection",
          "tray, between its two rows of tiles, each way",
          "13.44 TB/s (V03, T12)",
          "tray",
          13.44e12,
          {"net.pattern=mirror", "net.mirror=rows", "net.rate=0.2", "net.packet_flits=8", "net.area.row=3",
           "net.area.rows=4"},
          {{{Direction::kSouth, 4, 4, 0, 14}}, {{Direction::kNorth, 5, 5, 0, 14}}}};
}

/// The middle of 3 x 3 tiles: dies 5 to 9 of 15 rows and columns.
Published off_tile() {
  return {"published_off_tile",
          "middle one of 3 x 3 tiles, to and from its four neighbours at once, each way",
          "17.9 TB/s (V03, T06)",
          "tray",
          17.9e12,
          {"machine.tray.tiles.rows=3", "machine.tray.tiles.columns=3", "net.pattern=exchange", "net.rate=0.03",
           "net.packet_flits=8"},
          {{{Direction::kEast, 5, 9, 9, 9},
            {Direction::kWest, 5, 9, 5, 5},
            {Direction::kSouth, 9, 9, 5, 9},
            {Direction::kNorth, 5, 5, 5, 9}},
           {{Direction::kEast, 5, 9, 4, 4},
            {Direction::kWest, 5, 9, 10, 10},
            {Direction::kSouth, 4, 4, 5, 9},
            {Direction::kNorth, 10, 10, 5, 9}}}};
}

void expect_rate(const Published& p, NetModel model, Cycles cycles) {
  const std::string name = model == NetModel::kFast ? "fast" : "reference";
  judge({fmt::format("{}_{}", p.id, name), fmt::format("{} model: {}", name, p.what), p.formula, "bytes/s", 0.95, 1.01},
        p.bytes_per_s, slower_rate(p, model, cycles));
}

TEST(PublishedRates, TileBisectionFast) {
  expect_rate(tile("columns"), NetModel::kFast, 1500);
  expect_rate(tile("rows"), NetModel::kFast, 1500);
}
TEST(PublishedRates, TileBisectionReference) {
  expect_rate(tile("columns"), NetModel::kReference, 800);
}
TEST(PublishedRates, TrayBisectionFast) {
  expect_rate(tray(), NetModel::kFast, 1500);
}
TEST(PublishedRates, TrayBisectionReference) {
  expect_rate(tray(), NetModel::kReference, 800);
}
TEST(PublishedRates, OffTileFast) {
  expect_rate(off_tile(), NetModel::kFast, 1500);
}
TEST(PublishedRates, OffTileReference) {
  expect_rate(off_tile(), NetModel::kReference, 800);
}

}  // namespace
}  // namespace dojo::test
