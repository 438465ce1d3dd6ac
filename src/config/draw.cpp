// SPDX-License-Identifier: Apache-2.0
// `topo show`: the machine drawn in text, its counts, rates and totals.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "dojo/base/error.h"
#include "dojo/config/config.h"
#include "dojo/topology/topology.h"

namespace dojo::config {
namespace {

using topology::Direction;
using topology::Edge;
using topology::Level;
using topology::Topology;

constexpr std::int64_t kWidestMesh = 24;   ///< tiles drawn side by side
constexpr std::int64_t kTallestMesh = 80;  ///< rows of tiles drawn; beyond it the middle is left out

/// "2.016 TB/s"; thousands, as in the hardware's own documents.
std::string scaled(double value, const char* unit) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E", "Z"};
  std::size_t i = 0;
  while (value >= 1000 && i + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++i;
  }
  return fmt::format("{:.4g} {}{}", value, kPrefixes[i], unit);
}

/// Does a part of `level` begin in this row of tiles?
bool begins(const Topology& machine, Level level, std::int64_t row) {
  return row * machine.level(Level::kTile).dies.rows % machine.level(level).dies.rows == 0;
}

/// The first die of a tile.
DieId die_of_tile(const Topology& machine, std::int64_t row, std::int64_t column) {
  const topology::Grid& tile = machine.level(Level::kTile).dies;
  return machine.die_at(static_cast<std::int32_t>(row * tile.rows), static_cast<std::int32_t>(column * tile.columns));
}

std::string separator(const Topology& machine, std::int64_t row) {
  const char line = begins(machine, Level::kCabinet, row) ? '=' : begins(machine, Level::kTray, row) ? '-' : ' ';
  std::string text(8, ' ');
  for (std::int64_t column = 0; column < std::min(machine.params().exapod.tile_mesh.columns, kWidestMesh); ++column)
    text += "+" + std::string(6, line);
  return text + "+";
}

/// Of an edge of the machine, from a line of dies on.
std::int64_t count_dips(const Topology& machine, Direction side, std::int64_t first, std::int64_t lines) {
  std::int64_t count = 0;
  for (std::int64_t line = first; line < first + lines; ++line)
    if (machine.dip_of_line(side, static_cast<std::int32_t>(line)) != kNone) ++count;
  return count;
}

/// "5 DIP", or nothing.
std::string dips_of_tile(const Topology& machine, Direction side, std::int64_t tile) {
  const topology::Grid& dies = machine.params().tile.dies;
  const bool rows = side == Direction::kWest || side == Direction::kEast;
  const std::int64_t lines = rows ? dies.rows : dies.columns, count = count_dips(machine, side, tile * lines, lines);
  return count == 0 ? "" : fmt::format("{} DIP", count);
}

/// Above or below the mesh; nothing where no column has a DIP.
std::string dips_of_columns(const Topology& machine, Direction side) {
  std::string counts, lines;
  const std::int64_t columns = machine.params().exapod.tile_mesh.columns;
  for (std::int64_t column = 0; column < std::min(columns, kWidestMesh); ++column) {
    const std::string dips = dips_of_tile(machine, side, column);
    counts += fmt::format(" {:^6}", dips);
    lines += fmt::format(" {:^6}", dips.empty() ? "" : "||");
  }
  if (counts.find_first_not_of(' ') == std::string::npos) return "";
  const std::string left(8, ' ');
  return side == Direction::kNorth ? left + counts + "\n" + left + lines + "\n"
                                   : left + lines + "\n" + left + counts + "\n";
}

/// "10 (5 west, 5 east)".
std::string dips_by_side(const Topology& machine) {
  std::string sides;
  for (const Direction side : {Direction::kWest, Direction::kEast, Direction::kNorth, Direction::kSouth}) {
    const bool rows = side == Direction::kWest || side == Direction::kEast;
    const std::int64_t count = count_dips(machine, side, 0, rows ? machine.die_rows() : machine.die_columns());
    if (count > 0) sides += fmt::format("{}{} {}", sides.empty() ? "" : ", ", count, topology::direction_name(side));
  }
  return sides.empty() ? "0" : fmt::format("{} ({})", machine.dip_count(), sides);
}

std::string mesh_row(const Topology& machine, std::int64_t row) {
  const auto& p = machine.params();
  const std::int64_t columns = p.exapod.tile_mesh.columns;
  const std::string west = dips_of_tile(machine, Direction::kWest, row);
  const std::string east = dips_of_tile(machine, Direction::kEast, row);
  std::string text = fmt::format("{:>6}{} ", west, west.empty() ? ' ' : '=');
  for (std::int64_t column = 0; column < std::min(columns, kWidestMesh); ++column) {
    const bool tray_edge = column % machine.level(Level::kTile).grid.columns == 0;
    text += fmt::format("{}tile{:<2}", tray_edge ? '|' : ':',
                        machine.index_in_parent(Level::kTile, die_of_tile(machine, row, column)));
  }
  text += columns > kWidestMesh ? fmt::format(" ... {} columns ", columns) : "| ";
  if (!east.empty()) text += "=" + east;
  for (const Level level : {Level::kCabinet, Level::kTray}) {
    if (p.level > level && begins(machine, level, row)) {
      text += fmt::format("  {}[{}]", schema::enum_text(level),
                          machine.index_in_parent(level, die_of_tile(machine, row, 0)));
    }
  }
  return text;
}

std::string mesh(const Topology& machine) {
  const auto& grid = machine.params().exapod.tile_mesh;
  std::string text =
      fmt::format("Tile mesh, {} x {} (rows x columns); = ends a cabinet, - a tray\n\n", grid.rows, grid.columns);
  text += dips_of_columns(machine, Direction::kNorth);
  for (std::int64_t row = 0; row < grid.rows; ++row) {
    const bool skipped = grid.rows > kTallestMesh && row >= kTallestMesh / 2 && row < grid.rows - kTallestMesh / 2;
    if (skipped) {
      if (row == kTallestMesh / 2) text += fmt::format("\n        ... {} rows ...\n\n", grid.rows - kTallestMesh);
      continue;
    }
    text += separator(machine, row) + "\n" + mesh_row(machine, row) + "\n";
  }
  return text + separator(machine, grid.rows) + "\n" + dips_of_columns(machine, Direction::kSouth) + "\n";
}

std::string site_map(const Topology& machine) {
  const Topology::SiteMap& map = machine.site_map(0);
  std::string text =
      fmt::format("Sites of {}, {} x {}: {} nodes (.) and {} router-only sites (x)\n\n", machine.die_path(0),
                  machine.site_rows(), machine.site_columns(), map.enabled_count, machine.sites() - map.enabled_count);
  for (std::int32_t row = 0; row < machine.site_rows(); ++row) {
    text += fmt::format("{:>6}  ", row * machine.site_columns());
    for (std::int32_t column = 0; column < machine.site_columns(); ++column)
      text += map.enabled[static_cast<std::size_t>(row * machine.site_columns() + column)] != 0 ? " ." : " x";
    text += "\n";
  }
  if (machine.site_maps().size() > 1)
    text += fmt::format("\n{} different site maps in all\n", machine.site_maps().size());
  return text + "\n";
}

/// Dies among which every kind of edge has an example: those at the borders of tile, tray, cabinet and machine, and
/// many others in case that some there are dead. The largest machine has 16 million dies.
std::vector<DieId> dies_with_every_edge(const Topology& machine) {
  constexpr DieId kMany = 1 << 16;
  const auto& p = machine.params();
  const auto borders = [](std::int64_t tile, std::int64_t tray, std::int64_t cabinet, std::int64_t all) {
    std::vector<std::int32_t> places;
    for (const std::int64_t part : {std::int64_t{1}, tile, tile * tray, tile * tray * cabinet, all})
      places.push_back(static_cast<std::int32_t>(std::min(part, all) - 1));
    return places;
  };
  std::vector<DieId> dies;
  for (const std::int32_t row :
       borders(p.tile.dies.rows, p.tray.tiles.rows, p.cabinet.trays.rows, machine.die_rows())) {
    for (const std::int32_t column :
         borders(p.tile.dies.columns, p.tray.tiles.columns, p.cabinet.trays.columns, machine.die_columns()))
      dies.push_back(machine.die_at(row, column));
  }
  for (DieId die = 0; die < std::min<std::uint64_t>(machine.die_count(), kMany); ++die) dies.push_back(die);
  std::sort(dies.begin(), dies.end());
  return dies;
}

/// The largest part whose border an edge crosses.
Level border_of(const Topology& machine, DieId from, DieId to) {
  const topology::DieCoordinates a = machine.coordinates(from), b = machine.coordinates(to);
  for (const Level level : {Level::kCabinet, Level::kTray, Level::kTile}) {
    if (machine.params().level <= level) continue;
    const topology::Grid& dies = machine.level(level).dies;
    if (a.row / dies.rows != b.row / dies.rows || a.column / dies.columns != b.column / dies.columns) return level;
  }
  return Level::kDie;
}

/// One line per kind of edge that the machine has, by an example.
std::string edges(const Topology& machine) {
  std::string text = "Links, each way\n\n";
  const auto& p = machine.params();
  const double noc = static_cast<double>(p.noc.link_bytes_per_cycle) * p.clock_hz;
  text +=
      fmt::format("  {:<34}{:>14}{:>8} cycles a hop\n", "node to node on a die", scaled(noc, "B/s"), p.noc.hop_cycles);
  std::vector<std::tuple<topology::LinkClass, Level, Cycles>> seen;
  for (const DieId die : dies_with_every_edge(machine)) {
    for (int d = 0; d < topology::kDirections; ++d) {
      const Edge edge = machine.edge(die, static_cast<Direction>(d));
      if (edge.neighbour == kNone) continue;
      const bool to_dip = edge.link_class == topology::LinkClass::kDip;  // its neighbour is no die
      const Level border = to_dip ? Level::kDie : border_of(machine, die, edge.neighbour);
      const std::tuple kind{edge.link_class, border, edge.latency_cycles};
      if (std::find(seen.begin(), seen.end(), kind) != seen.end()) continue;
      seen.push_back(kind);
      text += fmt::format(
          "  {:<34}{:>14}{:>8} cycles, buffer {}\n",
          fmt::format("{} to {} ({})", schema::enum_text(border), to_dip ? "DIP" : schema::enum_text(border),
                      topology::link_class_name(edge.link_class)),
          scaled(edge.bytes_per_s, "B/s"), edge.latency_cycles, scaled(static_cast<double>(edge.buffer_bytes), "B"));
    }
  }
  if (machine.dip_count() > 0) {
    text += fmt::format("  {:<34}{:>14}\n", "HBM of a DIP", scaled(p.dip.hbm_bytes_per_s, "B/s"));
    text += fmt::format("  {:<34}{:>14}\n", "PCIe of a DIP", scaled(p.dip.pcie_bytes_per_s, "B/s"));
    text += fmt::format("  {:<34}{:>14}\n", "Ethernet of a DIP", scaled(p.dip.ethernet_bytes_per_s, "B/s"));
  }
  return text + "\n";
}

std::string summary(const Topology& machine) {
  const auto& p = machine.params();
  const auto nodes = static_cast<double>(machine.node_count());
  const double flop_per_cycle =
      static_cast<double>(2 * p.node.matrix_rows * p.node.matrix_columns * p.node.matrix_depth);
  std::string text = fmt::format("{} \"{}\"\n\n", machine.root_name(), p.name);
  const auto line = [&](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<12}{}\n", name, value);
  };
  for (auto info = machine.levels().rbegin(); info != machine.levels().rend(); ++info) {
    if (info->level == Level::kNode || info->level > p.level) continue;
    const std::uint32_t count = machine.part_count(info->level);
    line(fmt::format("{}s", schema::enum_text(info->level)),
         info->level == Level::kDie ? fmt::format("{} ({} x {})", count, machine.die_rows(), machine.die_columns())
                                    : fmt::format("{}", count));
  }
  line("nodes", fmt::format("{}", machine.node_count()));
  const topology::DeadCounts& dead = machine.dead();
  if (dead.cores + dead.routers + dead.links + dead.dies > 0) {
    line("dead", fmt::format("{} dies, {} routers ({} of them cut off), {} links, {} cores", dead.dies, dead.routers,
                             dead.cut_off, dead.links, dead.cores));
  }
  line("DIPs", dips_by_side(machine));
  line("hosts", fmt::format("{}", machine.host_count()));
  line("clock", scaled(p.clock_hz, "Hz"));
  line("peak bf16", scaled(nodes * flop_per_cycle * p.clock_hz, "FLOP/s"));
  line("peak fp32", scaled(nodes * static_cast<double>(p.node.fp32_flop_per_cycle) * p.clock_hz, "FLOP/s"));
  line("core", fmt::format("matrix unit {} x {} x {}, {} load and {} store ports, {} address generators, {} banks",
                           p.node.matrix_rows, p.node.matrix_columns, p.node.matrix_depth, p.node.load_ports,
                           p.node.store_ports, p.node.core.address_generators, p.node.core.sram_banks));
  line("SRAM", scaled(nodes * static_cast<double>(p.node.sram_bytes), "B"));
  line("HBM", scaled(static_cast<double>(machine.dip_count()) * static_cast<double>(p.dip.hbm_bytes), "B"));
  return text + "\n";
}

}  // namespace

std::string draw_machine(const topology::MachineParams& params) {
  const Topology machine(params);
  std::string text = summary(machine);
  if (params.level >= Level::kTile) text += mesh(machine);
  if (params.level >= Level::kDie) text += site_map(machine);
  return text + edges(machine);
}

}  // namespace dojo::config
