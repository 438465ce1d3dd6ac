// SPDX-License-Identifier: Apache-2.0
// The table of levels.
#include "topology/levels.h"

#include <algorithm>

namespace dojo::topology {

Levels levels_of(const MachineParams& params) {
  const Grid tile = params.tile.dies;
  const Grid tray = times(params.tray.tiles, tile);
  const Grid cabinet = times(params.cabinet.trays, tray);
  const Grid machine = times(params.exapod.tile_mesh, tile);
  // At least one: of a file whose counts do not divide, paths can still be read.
  const Grid cabinets{std::max<std::int64_t>(1, machine.rows / cabinet.rows),
                      std::max<std::int64_t>(1, machine.columns / cabinet.columns)};
  constexpr double kNsPerS = 1e9;
  const double hop_ns = static_cast<double>(params.noc.hop_cycles) * kNsPerS / params.clock_hz;
  const double noc_rate = static_cast<double>(params.noc.link_bytes_per_cycle) * params.clock_hz;
  const double off_tile_rate = params.tile.die_edge_out_bytes_per_s;
  constexpr LinkClass kOffTile = LinkClass::kTileToTile;
  return {{{Level::kNode, params.die.grid, {1, 1}, LinkClass::kNoc, hop_ns, noc_rate, {"/die/grid"}, ""},
           {Level::kDie,
            tile,
            {1, 1},
            LinkClass::kDieToDie,
            params.die.crossing_ns,
            params.die.edge_bytes_per_s,
            {"/tile/dies"},
            "/die/crossing_ns"},
           {Level::kTile,
            params.tray.tiles,
            tile,
            kOffTile,
            params.tile.tile_link_ns,
            off_tile_rate,
            {"/tray/tiles"},
            "/tile/tile_link_ns"},
           {Level::kTray,
            params.cabinet.trays,
            tray,
            kOffTile,
            params.tray.tray_link_ns,
            off_tile_rate,
            {"/cabinet/trays"},
            "/tray/tray_link_ns"},
           {Level::kCabinet,
            cabinets,
            cabinet,
            kOffTile,
            params.tray.cabinet_link_ns,
            off_tile_rate,
            {"/exapod", "/cabinet/trays", "/tray/tiles"},
            "/tray/cabinet_link_ns"}}};
}

}  // namespace dojo::topology
