// SPDX-License-Identifier: Apache-2.0
// Counts, places, neighbours and edges of a machine.
#include "dojo/topology/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/topology/routes.h"
#include "topology/dead_parts.h"
#include "topology/dips.h"
#include "topology/levels.h"

namespace dojo::topology {
namespace {

/// Times in files are decimal nanoseconds: whole femtoseconds keep the arithmetic below exact.
Int128 femtoseconds(double ns) {
  return std::llround(ns * 1e6);
}
constexpr Int128 kFemtosecondsPerSecond = 1'000'000'000'000'000;

std::int64_t up(Int128 dividend, Int128 divisor) {
  return static_cast<std::int64_t>((dividend + divisor - 1) / divisor);
}

std::int32_t narrow(std::int64_t value) {
  return static_cast<std::int32_t>(value);
}

/// Of the levels above dies.
bool same_grids(const MachineParams& a, const MachineParams& b) {
  const auto same = [](const Grid& x, const Grid& y) { return x.rows == y.rows && x.columns == y.columns; };
  return same(a.tile.dies, b.tile.dies) && same(a.tray.tiles, b.tray.tiles) && same(a.cabinet.trays, b.cabinet.trays) &&
         same(a.exapod.tile_mesh, b.exapod.tile_mesh);
}

}  // namespace

const char* direction_name(Direction d) {
  static constexpr const char* kNames[kDirections] = {"east", "west", "north", "south"};
  return kNames[static_cast<int>(d)];
}

Topology::Topology(MachineParams params, const std::string& file) {
  std::vector<Problem> problems;
  build(std::move(params), problems);
  Findings findings;
  for (const Problem& problem : problems) findings.add("{}: {}: {}", file, problem.json_path, problem.text);
  findings.throw_if_any();
}

std::vector<Problem> find_problems(const MachineParams& params) {
  std::vector<Problem> problems;
  Topology topology;
  topology.build(params, problems);
  return problems;
}

void Topology::build(MachineParams params, std::vector<Problem>& problems) {
  params_ = levelled(std::move(params));
  const MachineParams said = params_;
  find_grid_problems(params_, problems);
  if (same_grids(said, params_)) {
    find_dip_problems(params_, problems);
  } else {  // what a wrong grid has no room for is no finding
    place_dips_by_default(params_.dip);
  }
  levels_ = levels_of(params_);
  site_rows_ = narrow(params_.die.grid.rows);
  site_columns_ = narrow(params_.die.grid.columns);
  const Grid dies = times(params_.exapod.tile_mesh, params_.tile.dies);
  die_rows_ = narrow(dies.rows);
  die_columns_ = narrow(dies.columns);
  place_dips();
  DeadParts parts = find_dead_parts(problems);
  std::map<DieId, SiteMap> changed = changed_maps(parts, problems);
  if (!problems.empty()) return;
  share_site_maps(std::move(changed));
  find_routes(std::move(parts), problems);
  find_detailed(problems);
  if (problems.empty() && node_count_ == 0) {
    problems.push_back({params_.defects.empty() ? "/defects_random" : "/defects",
                        "found no node whose core works, expected at least one; take a dead core out",
                        {}});
  }
}

std::uint32_t Topology::part_count(Level level) const {
  return die_count() / static_cast<std::uint32_t>(area(this->level(level).dies));
}

std::uint32_t Topology::host_count() const {
  // A tile, die or node by itself hangs on one host.
  if (params_.level < Level::kTray) return 1;
  return tray_count() * static_cast<std::uint32_t>(params_.tray.hosts);
}

Cycles Topology::cycles_from_ns(double ns, Cycles at_least) const {
  const Int128 clock_hz = std::llround(params_.clock_hz);
  return std::max(at_least, up(femtoseconds(ns) * clock_hz, kFemtosecondsPerSecond));
}

std::uint32_t Topology::part_of(Level level, DieId die) const {
  const DieCoordinates at = coordinates(die);
  const Grid& dies = this->level(level).dies;
  return static_cast<std::uint32_t>(at.row / dies.rows * (die_columns_ / dies.columns) + at.column / dies.columns);
}

std::uint32_t Topology::index_in_parent(Level level, DieId die) const {
  const DieCoordinates at = coordinates(die);
  const Grid &dies = this->level(level).dies, &grid = this->level(level).grid;
  return static_cast<std::uint32_t>(at.row / dies.rows % grid.rows * grid.columns +
                                    at.column / dies.columns % grid.columns);
}

Edge Topology::edge(DieId die, Direction d) const {
  const DieCoordinates at = coordinates(die);
  const int step_column = d == Direction::kEast ? 1 : d == Direction::kWest ? -1 : 0;
  const int step_row = d == Direction::kSouth ? 1 : d == Direction::kNorth ? -1 : 0;
  const std::int32_t row = at.row + step_row, column = at.column + step_column;
  Edge edge;
  double ns = 0;
  const bool border = row < 0 || row >= die_rows_ || column < 0 || column >= die_columns_;
  const std::uint32_t dip = border ? dip_of_line(d, step_row == 0 ? at.row : at.column) : kNone;
  if (border && dip == kNone) return edge;
  if (!dead_edges_.empty() && (dead_edges_[die] >> static_cast<unsigned>(d) & 1u) != 0) return edge;
  if (border) {
    edge.neighbour = die_count() + dip;
    edge.link_class = LinkClass::kDip;
    edge.bytes_per_s = params_.dip.ttp_bytes_per_s;
    // A die outside a tile has no I/O dies to go through, a lone node not even a die edge.
    if (params_.level == Level::kDie) edge.bytes_per_s = std::min(edge.bytes_per_s, params_.die.edge_bytes_per_s);
    if (params_.level > Level::kDie)
      edge.bytes_per_s = std::min(edge.bytes_per_s, params_.tile.die_edge_out_bytes_per_s);
    ns = params_.dip.ttp_link_ns;
  } else {
    edge.neighbour = die_at(row, column);
    const LevelInfo& crossed = level_between(die, edge.neighbour);
    edge.link_class = crossed.link_class;
    edge.bytes_per_s = crossed.link_bytes_per_s;
    ns = crossed.link_ns;
  }
  edge.latency_cycles = cycles_from_ns(ns, 1);
  edge.buffer_bytes = params_.die.crossing_buffer_bytes;
  if (edge.buffer_bytes == 0) {
    edge.buffer_bytes = std::max<Bytes>(
        64, up(2 * femtoseconds(ns) * static_cast<Int128>(std::llround(edge.bytes_per_s)), kFemtosecondsPerSecond));
  }
  return edge;
}

const LevelInfo& Topology::level_between(DieId a, DieId b) const {
  for (auto info = levels_.rbegin(); info != levels_.rend(); ++info)
    if (info->level > Level::kDie && part_of(info->level, a) != part_of(info->level, b)) return *info;
  return level(Level::kDie);
}

Cycles Topology::lookahead_cycles() const {
  Cycles smallest = dip_count() > 0 ? cycles_from_ns(params_.dip.ttp_link_ns, 1) : kNever;
  for (const LevelInfo& info : levels_) {
    if (info.level != Level::kNode && area(info.grid) > 1)
      smallest = std::min(smallest, cycles_from_ns(info.link_ns, 1));
  }
  return smallest;
}

}  // namespace dojo::topology
