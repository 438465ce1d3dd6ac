// SPDX-License-Identifier: Apache-2.0
// Which dies, edges, routers and links of a machine are dead, while its file is read.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "dojo/topology/topology.h"

namespace dojo::topology {

/// A router of the machine, and the one that its link in some direction leads to.
struct RouterPlace {
  DieId die = kNone;
  SiteIndex site = 0;
};

struct DeadParts {
  explicit DeadParts(const Topology& topology) : topology_(&topology) {}

  std::vector<std::uint8_t> dies;   ///< 1 = dead; empty: none
  std::vector<std::uint8_t> edges;  ///< by die, bit per direction; empty: none
  /// By die, as SiteMap::dead; at the die's border also the lanes to its neighbours.
  std::map<DieId, std::vector<std::uint8_t>> sites;
  std::set<std::pair<DieId, SiteIndex>> cores;  ///< beside those that dead routers and dies take along
  std::int64_t cut_off = 0;

  [[nodiscard]] bool none() const { return dies.empty() && edges.empty() && sites.empty(); }
  [[nodiscard]] bool die(DieId die) const { return !dies.empty() && dies[die] != 0; }
  [[nodiscard]] bool edge(DieId die, Direction d) const;  ///< those of dead dies included
  [[nodiscard]] bool router(DieId die, SiteIndex site) const;
  /// The link itself, or something larger that it belongs to.
  [[nodiscard]] bool link(DieId die, SiteIndex site, Direction d) const;

  void kill_die(DieId die);
  void kill_edge(DieId die, Direction d);
  void kill_router(DieId die, SiteIndex site);
  void kill_link(DieId die, SiteIndex site, Direction d);
  /// Routers of a die from which its largest connected part cannot be reached are dead, too.
  void cut_off_islands();
  [[nodiscard]] DeadCounts count(std::int64_t dead_cores) const;

  /// `die == kNone`: a DIP or nothing lies there.
  [[nodiscard]] RouterPlace beyond(DieId die, SiteIndex site, Direction d) const;
  [[nodiscard]] DieId neighbour(DieId die, Direction d) const;  ///< kNone: no die lies there

 private:
  void cut_off_islands(DieId die, std::vector<std::uint8_t>& dead);
  std::vector<std::uint8_t>& of(DieId die);
  const Topology* topology_;
};

/// Marks what RandomDefects say, in the order of the list; what is dead already stays so.
void draw_defects(const Topology& topology, DeadParts& parts, std::vector<Problem>& problems);

}  // namespace dojo::topology
