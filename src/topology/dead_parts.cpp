// SPDX-License-Identifier: Apache-2.0
// Marks of dead parts, and what they take along.
#include "topology/dead_parts.h"

#include <algorithm>

namespace dojo::topology {

namespace {

std::uint8_t bit(Direction d) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(d));
}

}  // namespace

DieId DeadParts::neighbour(DieId die, Direction d) const {
  const DieCoordinates at = topology_->coordinates(die);
  const std::int32_t row = at.row + (d == Direction::kSouth ? 1 : d == Direction::kNorth ? -1 : 0);
  const std::int32_t column = at.column + (d == Direction::kEast ? 1 : d == Direction::kWest ? -1 : 0);
  if (row < 0 || row >= topology_->die_rows() || column < 0 || column >= topology_->die_columns()) return kNone;
  return topology_->die_at(row, column);
}

RouterPlace DeadParts::beyond(DieId die, SiteIndex site, Direction d) const {
  const std::int32_t rows = topology_->site_rows(), columns = topology_->site_columns();
  std::int32_t row = site / columns + (d == Direction::kSouth ? 1 : d == Direction::kNorth ? -1 : 0);
  std::int32_t column = site % columns + (d == Direction::kEast ? 1 : d == Direction::kWest ? -1 : 0);
  DieId there = die;
  if (row < 0 || row >= rows || column < 0 || column >= columns) {
    there = neighbour(die, d);
    row = (row + rows) % rows;
    column = (column + columns) % columns;
  }
  return {there, static_cast<SiteIndex>(row * columns + column)};
}

bool DeadParts::edge(DieId which, Direction d) const {
  if (die(which)) return true;
  if (!edges.empty() && (edges[which] & bit(d)) != 0) return true;
  const DieId there = neighbour(which, d);
  return there != kNone && die(there);
}

bool DeadParts::router(DieId which, SiteIndex site) const {
  if (die(which)) return true;
  const auto found = sites.find(which);
  return found != sites.end() && (found->second[site] & Topology::kDeadRouter) != 0;
}

bool DeadParts::link(DieId which, SiteIndex site, Direction d) const {
  if (router(which, site)) return true;
  const RouterPlace there = beyond(which, site, d);
  if (there.die != which && edge(which, d)) return true;
  if (there.die != kNone && router(there.die, there.site)) return true;
  const auto found = sites.find(which);
  return found != sites.end() && (found->second[site] & bit(d)) != 0;
}

std::vector<std::uint8_t>& DeadParts::of(DieId die) {
  auto& marks = sites[die];
  marks.resize(static_cast<std::size_t>(topology_->sites()), 0);
  return marks;
}

void DeadParts::kill_die(DieId die) {
  dies.resize(topology_->die_count(), 0);
  dies[die] = 1;
}

void DeadParts::kill_edge(DieId die, Direction d) {
  edges.resize(topology_->die_count(), 0);
  edges[die] |= bit(d);
  const DieId there = neighbour(die, d);
  if (there != kNone) edges[there] |= bit(opposite(d));
}

void DeadParts::kill_router(DieId die, SiteIndex site) {
  of(die)[site] |= Topology::kDeadRouter;
}

void DeadParts::kill_link(DieId die, SiteIndex site, Direction d) {
  of(die)[site] |= bit(d);
  const RouterPlace there = beyond(die, site, d);
  if (there.die != kNone) of(there.die)[there.site] |= bit(opposite(d));
}

void DeadParts::cut_off_islands() {
  for (auto& [die, dead] : sites) {
    if (!this->die(die)) cut_off_islands(die, dead);
  }
}

void DeadParts::cut_off_islands(DieId die, std::vector<std::uint8_t>& dead) {
  std::vector<std::uint32_t> island(dead.size(), kNone), sizes;
  std::vector<SiteIndex> reached;
  for (std::size_t first = 0; first < dead.size(); ++first) {
    if (island[first] != kNone || (dead[first] & Topology::kDeadRouter) != 0) continue;
    const auto number = static_cast<std::uint32_t>(sizes.size());
    island[first] = number;
    reached.assign(1, static_cast<SiteIndex>(first));
    for (std::size_t at = 0; at < reached.size(); ++at) {
      for (int d = 0; d < kDirections; ++d) {
        const auto direction = static_cast<Direction>(d);
        const RouterPlace there = beyond(die, reached[at], direction);
        if (there.die != die || island[there.site] != kNone || link(die, reached[at], direction)) continue;
        island[there.site] = number;
        reached.push_back(there.site);
      }
    }
    sizes.push_back(static_cast<std::uint32_t>(reached.size()));
  }
  if (sizes.size() < 2) return;
  const auto largest = static_cast<std::uint32_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
  for (std::size_t site = 0; site < dead.size(); ++site) {
    if (island[site] == kNone || island[site] == largest) continue;
    dead[site] |= Topology::kDeadRouter;
    ++cut_off;
  }
}

DeadCounts DeadParts::count(std::int64_t dead_cores) const {
  DeadCounts counts;
  counts.cores = dead_cores;
  counts.cut_off = cut_off;
  counts.dies = std::count(dies.begin(), dies.end(), std::uint8_t{1});
  const auto lanes = [&](Direction d, auto&& each) {
    const bool horizontal = d == Direction::kEast || d == Direction::kWest;
    const std::int32_t rows = topology_->site_rows(), columns = topology_->site_columns();
    for (std::int32_t i = 0; i < (horizontal ? rows : columns); ++i) {
      each(static_cast<SiteIndex>(horizontal ? i * columns + (d == Direction::kEast ? columns - 1 : 0)
                                             : (d == Direction::kSouth ? rows - 1 : 0) * columns + i));
    }
  };
  for (DieId which = 0; which < edges.size(); ++which) {  // lanes of dead edges between routers that work
    for (int i = 0; i < kDirections; ++i) {
      const auto d = static_cast<Direction>(i);
      const DieId there = neighbour(which, d);
      if ((edges[which] & bit(d)) == 0 || die(which) || (there != kNone && (there < which || die(there)))) continue;
      lanes(d, [&](SiteIndex site) {
        const RouterPlace far = beyond(which, site, d);
        if (!router(which, site) && (far.die == kNone || !router(far.die, far.site))) ++counts.links;
      });
    }
  }
  for (const auto& [which, marks] : sites) {
    if (die(which)) continue;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const auto site = static_cast<SiteIndex>(i);
      if ((marks[i] & Topology::kDeadRouter) != 0) {
        ++counts.routers;
        continue;
      }
      for (int k = 0; k < kDirections; ++k) {
        const auto d = static_cast<Direction>(k);
        if ((marks[i] & bit(d)) == 0) continue;
        const RouterPlace there = beyond(which, site, d);
        if (there.die != which && edge(which, d)) continue;
        if (there.die == kNone) {
          ++counts.links;  // the lane to a DIP
        } else if (!router(there.die, there.site) && std::pair(which, site) < std::pair(there.die, there.site)) {
          ++counts.links;
        }
      }
    }
  }
  return counts;
}

}  // namespace dojo::topology
