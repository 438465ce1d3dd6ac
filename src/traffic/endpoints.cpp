// SPDX-License-Identifier: Apache-2.0
// Patterns of synthetic traffic on any grid, absent sites included.
#include "dojo/traffic/endpoints.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::traffic {

Site image(Pattern pattern, bool mirror_rows, std::int32_t rows, std::int32_t columns, Site from) {
  const std::int32_t r = from.row, c = from.column;
  switch (pattern) {
    case Pattern::kBitcomp:  // N - 1 - id
      return {rows - 1 - r, columns - 1 - c};
    case Pattern::kMirror:
      return mirror_rows ? Site{rows - 1 - r, c} : Site{r, columns - 1 - c};
    case Pattern::kNeighbor:
      return {(r + 1) % rows, (c + 1) % columns};
    case Pattern::kTornado:
      return {(r + (rows + 1) / 2 - 1) % rows, (c + (columns + 1) / 2 - 1) % columns};
    case Pattern::kTranspose:
      return {c * rows / columns, r * columns / rows};
    case Pattern::kExchange:
    case Pattern::kHotspot:
    case Pattern::kUniform:
      break;
  }
  return from;
}

Endpoints::Endpoints(const topology::Topology& topology, const NetParams& params)
    : rows_(topology.die_rows() * topology.site_rows()), columns_(topology.die_columns() * topology.site_columns()) {
  rings_ = topology::rings_of(topology.params().noc, static_cast<std::uint32_t>(rows_),
                              static_cast<std::uint32_t>(columns_));
  set_area(topology, params.area);
  add_nodes(topology);
  if (params.pattern == Pattern::kUniform) {
    map_uniform(topology, params.scope == "die");
  } else if (params.pattern == Pattern::kHotspot) {
    map_hotspots(topology, params);
  } else if (params.pattern == Pattern::kExchange) {
    map_exchange(topology);
  } else {
    map_pattern(topology, params);
  }
  sends_.resize(sites_.size());
  for (std::uint32_t node = 0; node < count(); ++node) {
    sends_[node] = area_.holds(sites_[node]) && (fixed_.empty() || fixed_[node] != kNone) ? 1 : 0;
    senders_ += sends_[node];
  }
  if (senders_ > 0) return;
  throw Error(ExitCode::kInvalidInput,
              "net.area: found no node that works and sends in these dies, expected one; take others, or let the "
              "pattern run over the whole machine");
}

void Endpoints::set_area(const topology::Topology& topology, const AreaParams& area) {
  const std::int64_t rows = area.rows == 0 ? topology.die_rows() - area.row : area.rows;
  const std::int64_t columns = area.columns == 0 ? topology.die_columns() - area.column : area.columns;
  if (rows < 1 || columns < 1 || area.row + rows > topology.die_rows() ||
      area.column + columns > topology.die_columns()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("net.area: found {} x {} dies from row {}, column {}, expected some of the machine's {} x "
                            "{} dies",
                            rows, columns, area.row, area.column, topology.die_rows(), topology.die_columns()));
  }
  area_.origin = {static_cast<std::int32_t>(area.row) * topology.site_rows(),
                  static_cast<std::int32_t>(area.column) * topology.site_columns()};
  area_.rows = static_cast<std::int32_t>(rows) * topology.site_rows();
  area_.columns = static_cast<std::int32_t>(columns) * topology.site_columns();
}

Endpoints::Grid Endpoints::grid_of(const topology::Topology& topology, const NetParams& params, Site at) const {
  if (params.scope != "die") return area_;
  const std::int32_t rows = topology.site_rows(), columns = topology.site_columns();
  return {{at.row / rows * rows, at.column / columns * columns}, rows, columns};
}

void Endpoints::add_nodes(const topology::Topology& topology) {
  nodes_.assign(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_), kNone);
  std::size_t site = 0;
  for (std::int32_t row = 0; row < rows_; ++row) {
    for (std::int32_t column = 0; column < columns_; ++column, ++site) {
      const DieId die = topology.die_at(row / topology.site_rows(), column / topology.site_columns());
      const std::int32_t in_die =
          row % topology.site_rows() * topology.site_columns() + column % topology.site_columns();
      if (topology.site_map(die).enabled[static_cast<std::size_t>(in_die)] == 0) continue;
      nodes_[site] = static_cast<std::uint32_t>(sites_.size());
      sites_.push_back({row, column});
    }
  }
}

/// As nearest_node(), but what would go to a dead die stays silent (kNone): all of it would meet at the first column of
/// the next die.
std::uint32_t Endpoints::image_node(const topology::Topology& topology, const Grid& grid, Site at) const {
  const std::int32_t row = (grid.origin.row + at.row) / topology.site_rows();
  const std::int32_t column = (grid.origin.column + at.column) / topology.site_columns();
  return topology.is_dead(topology.die_at(row, column)) ? kNone : nearest_node(grid, at);
}

/// The node at `at` of the grid, or the next one of that grid, row by row and round its end.
std::uint32_t Endpoints::nearest_node(const Grid& grid, Site at) const {
  const std::int64_t sites = std::int64_t{grid.rows} * grid.columns;
  const std::int64_t first = std::int64_t{at.row} * grid.columns + at.column;
  for (std::int64_t i = 0; i < sites; ++i) {
    const std::int64_t id = (first + i) % sites;
    const std::uint32_t node = node_at(grid.origin.row + static_cast<std::int32_t>(id / grid.columns),
                                       grid.origin.column + static_cast<std::int32_t>(id % grid.columns));
    if (node != kNone) return node;
  }
  return kNone;
}

void Endpoints::map_pattern(const topology::Topology& topology, const NetParams& params) {
  fixed_.assign(sites_.size(), kNone);
  for (std::uint32_t node = 0; node < count(); ++node) {
    const Site place = sites_[node];
    if (!area_.holds(place)) continue;
    const Grid grid = grid_of(topology, params, place);
    const Site here{place.row - grid.origin.row, place.column - grid.origin.column};
    fixed_[node] =
        image_node(topology, grid, image(params.pattern, params.mirror == "rows", grid.rows, grid.columns, here));
  }
}

void Endpoints::map_exchange(const topology::Topology& topology) {
  constexpr std::int32_t kDown[] = {0, 0, 1, -1}, kAcross[] = {1, -1, 0, 0};
  const auto& dies = topology.params().tile.dies;
  Grid tile{{},
            static_cast<std::int32_t>(dies.rows) * topology.site_rows(),
            static_cast<std::int32_t>(dies.columns) * topology.site_columns()};
  tile.origin = {rows_ / tile.rows / 2 * tile.rows, columns_ / tile.columns / 2 * tile.columns};
  fixed_.assign(sites_.size(), kNone);
  bool any = false;
  for (std::uint32_t node = 0; node < count(); ++node) {
    const Site place = sites_[node];
    if (!tile.holds(place)) continue;
    const Site here{place.row - tile.origin.row, place.column - tile.origin.column};
    const auto side = static_cast<std::size_t>((here.row + here.column) % 4);
    Grid other = tile;
    other.origin.row += kDown[side] * tile.rows;
    other.origin.column += kAcross[side] * tile.columns;
    if (other.origin.row < 0 || other.origin.row >= rows_ || other.origin.column < 0 || other.origin.column >= columns_)
      continue;
    fixed_[node] = image_node(topology, other, here);
    if (fixed_[node] != kNone) fixed_[fixed_[node]] = node;
    any = true;
  }
  if (any) return;
  throw Error(ExitCode::kInvalidInput,
              "net.pattern: found \"exchange\" on a machine of one tile, expected several tiles");
}

void Endpoints::map_uniform(const topology::Topology& topology, bool per_die) {
  groups_.resize(per_die ? topology.die_count() : 1);
  for (std::uint32_t node = 0; node < count(); ++node) {
    DieId die = 0;
    if (per_die) {
      die = topology.die_at(sites_[node].row / topology.site_rows(), sites_[node].column / topology.site_columns());
      group_of_.push_back(die);
    }
    if (area_.holds(sites_[node])) groups_[die].push_back(node);
  }
}

void Endpoints::map_hotspots(const topology::Topology& topology, const NetParams& params) {
  const bool per_die = params.scope == "die";
  const Grid grid = grid_of(topology, params, area_.origin);
  const std::int64_t sites = std::int64_t{grid.rows} * grid.columns;
  Findings findings;
  if (params.hotspots.empty()) findings.add("net.hotspots: found none, expected ids of nodes; give --hotspot ID,...");
  for (const std::int64_t id : params.hotspots) {
    if (id >= sites) {
      findings.add("net.hotspots: found {}, expected 0 to {} (id = row x {} + column of {} x {} sites)", id, sites - 1,
                   grid.columns, grid.rows, grid.columns);
    }
  }
  findings.throw_if_any();
  groups_.resize(per_die ? topology.die_count() : 1);
  for (DieId die = 0; die < groups_.size(); ++die) {
    const topology::DieCoordinates at = topology.coordinates(die);
    const Grid here = per_die ? Grid{{at.row * grid.rows, at.column * grid.columns}, grid.rows, grid.columns} : grid;
    for (const std::int64_t id : params.hotspots) {
      const Site place{static_cast<std::int32_t>(id / grid.columns), static_cast<std::int32_t>(id % grid.columns)};
      const std::uint32_t node = nearest_node(here, place);
      if (node != kNone) groups_[die].push_back(node);  // kNone: all of them are dead
    }
  }
  if (!per_die) return;
  for (const Site place : sites_)
    group_of_.push_back(topology.die_at(place.row / grid.rows, place.column / grid.columns));
}

namespace {

using Counts = std::map<std::int32_t, std::int64_t>;  ///< how many in each row, or column
using Positions = std::vector<std::int64_t>;

/// Sum over all pairs (a of one, b of the other) of the distance from a to b.
double sum_of_distances(const Counts& from, const Counts& to, const Endpoints::Between& between) {
  double sum = 0;
  for (const auto& [a, na] : from) {
    for (const auto& [b, nb] : to) sum += static_cast<double>(na * nb) * static_cast<double>(between(a, b));
  }
  return sum;
}

Endpoints::Between differences(Positions positions) {
  return [at = std::move(positions)](std::int32_t a, std::int32_t b) {
    return std::abs(at[static_cast<std::size_t>(a)] - at[static_cast<std::size_t>(b)]);
  };
}

Endpoints::Between hops_along(const topology::Line& line) {
  return [line](std::int32_t a, std::int32_t b) {
    return std::int64_t{line.hops(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b))};
  };
}

}  // namespace

double Endpoints::mean_of_groups(const Between& rows_between, const Between& columns_between) const {
  struct Axis {
    Counts from, to;
  };
  std::vector<Axis> rows(groups_.size()), columns(groups_.size());
  for (std::uint32_t node = 0; node < count(); ++node) {
    if (!sends(node)) continue;
    const std::uint32_t group = group_of_.empty() ? 0 : group_of_[node];
    ++rows[group].from[sites_[node].row];
    ++columns[group].from[sites_[node].column];
  }
  double sum = 0;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    if (groups_[group].empty()) continue;  // a die outside the area
    for (const std::uint32_t node : groups_[group]) {
      ++rows[group].to[sites_[node].row];
      ++columns[group].to[sites_[node].column];
    }
    sum += (sum_of_distances(rows[group].from, rows[group].to, rows_between) +
            sum_of_distances(columns[group].from, columns[group].to, columns_between)) /
           static_cast<double>(groups_[group].size());
  }
  return sum / senders();
}

double Endpoints::mean_of(const Between& rows, const Between& columns) const {
  if (fixed_.empty()) return mean_of_groups(rows, columns);
  double sum = 0;
  for (std::uint32_t node = 0; node < count(); ++node) {
    if (!sends(node)) continue;
    const Site from = sites_[node], to = sites_[fixed_[node]];
    sum += static_cast<double>(rows(from.row, to.row) + columns(from.column, to.column));
  }
  return sum / senders();
}

double Endpoints::mean_distance() const {
  return mean_of(hops_along(rings_.column), hops_along(rings_.row));
}

double Endpoints::mean_crossing_cycles(const topology::Topology& topology) const {
  return mean_of(differences(crossing_positions(topology, true)), differences(crossing_positions(topology, false)));
}

std::vector<topology::Edge> edges_along(const topology::Topology& topology, bool down) {
  using topology::Direction;
  const std::int32_t dies = down ? topology.die_rows() : topology.die_columns();
  const std::int32_t lines = down ? topology.die_columns() : topology.die_rows();
  std::vector<topology::Edge> edges(static_cast<std::size_t>(dies - 1));
  for (std::int32_t die = 0; die + 1 < dies; ++die) {
    topology::Edge& edge = edges[static_cast<std::size_t>(die)];
    for (std::int32_t line = 0; line < lines && edge.latency_cycles == 0; ++line) {
      const DieId from = down ? topology.die_at(die, line) : topology.die_at(line, die);
      edge = topology.edge(from, down ? Direction::kSouth : Direction::kEast);
    }
  }
  return edges;
}

std::vector<std::int64_t> crossing_positions(const topology::Topology& topology, bool down) {
  const auto sites = static_cast<std::size_t>(down ? topology.site_rows() : topology.site_columns());
  Positions all(sites, 0);
  for (const topology::Edge& edge : edges_along(topology, down))
    all.insert(all.end(), sites, all.back() + edge.latency_cycles);
  return all;
}

}  // namespace dojo::traffic
