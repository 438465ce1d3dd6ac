// SPDX-License-Identifier: Apache-2.0
// Dead parts and slow cores: from the machine file's paths to site maps that dies share.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "dojo/topology/routes.h"
#include "dojo/topology/topology.h"
#include "topology/dead_parts.h"
#include "topology/levels.h"
#include "topology/paths.h"
#include "topology/site_maps.h"

namespace dojo::topology {
namespace {

using MapKey = std::tuple<std::vector<std::uint8_t>, std::vector<float>, std::vector<std::uint8_t>>;

/// Gives equal maps one index.
class MapPool {
 public:
  explicit MapPool(std::vector<Topology::SiteMap>& maps) : maps_(maps) {}
  std::uint32_t index_of(Topology::SiteMap map) {
    const auto [at, added] =
        indices_.try_emplace(MapKey{map.enabled, map.core_speed, map.dead}, static_cast<std::uint32_t>(maps_.size()));
    if (added) maps_.push_back(std::move(map));
    return at->second;
  }

 private:
  std::vector<Topology::SiteMap>& maps_;
  std::map<MapKey, std::uint32_t> indices_;
};

Topology::SiteMap healthy_map(const DieParams& die, DieId id) {
  Topology::SiteMap map;
  const auto sites = static_cast<std::size_t>(area(die.grid));
  map.enabled.assign(sites, 1);
  map.core_speed.assign(sites, 1.0f);
  for (const std::int64_t site : disabled_sites_of(die, id)) map.enabled[static_cast<std::size_t>(site)] = 0;
  map.enabled_count = static_cast<std::int32_t>(die.enabled);
  return map;
}

/// "tile.die[3].edge.east", ".edge." -> "tile.die[3]" and east.
struct Directed {
  std::string part;
  std::optional<Direction> direction;
};
Directed split_direction(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string::npos) return {path, std::nullopt};
  for (int d = 0; d < kDirections; ++d) {
    if (path.substr(dot + 1) == direction_name(static_cast<Direction>(d)))
      return {path.substr(0, dot), static_cast<Direction>(d)};
  }
  return {path, std::nullopt};
}

/// Larger parts first: what a smaller one belongs to is known when it is read.
constexpr const char* kKinds[] = {"die", "edge", "router", "link", "core"};

}  // namespace

/// Reads one defect after the other; each says what is wrong with it, "" = nothing.
class Topology::DefectReader {
 public:
  DefectReader(const Topology& topology, DeadParts& parts) : t_(topology), parts_(parts) {}
  std::vector<std::string> depends_on;

  std::string mark(const std::string& kind, const std::string& path) {
    depends_on.clear();
    if (kind == "die") return die(path);
    if (kind == "edge") return edge(path);
    if (kind == "router") return router(path);
    if (kind == "link") return link(path);
    return core(path);
  }
  [[nodiscard]] std::string example(const std::string& kind) const {
    const std::string node = t_.node_path(t_.die_count() - 1, static_cast<SiteIndex>(t_.sites() - 1));
    if (kind == "die") return "the path of a die, up to " + t_.die_path(t_.die_count() - 1);
    if (kind == "edge")
      return fmt::format("the edge of a die or of a tile, such as {}.edge.north", t_.die_path(t_.die_count() - 1));
    if (kind == "router") return fmt::format("the path of a router, up to {}.router", node);
    if (kind == "link") return fmt::format("the path of a router and a direction, such as {}.router.west", node);
    return "the path of a working node, up to " + node;
  }

 private:
  std::string die(const std::string& path) {
    const ParsedPath parsed = read(path);
    if (!parsed.error.empty()) return parsed.error;
    if (parsed.path.site) return "a part that is smaller than a die";
    if (!parsed.path.rest.empty()) return "a part that is larger than a die";
    if (parts_.die(parsed.path.die)) return "a die that is dead already";
    parts_.kill_die(parsed.path.die);
    return "";
  }

  std::string edge(const std::string& path) {
    const Directed at = split_direction(path);
    const std::string word = ".edge";
    if (!at.direction || at.part.size() < word.size() ||
        at.part.compare(at.part.size() - word.size(), word.size(), word) != 0)
      return "no '.edge.' and east, west, north or south at its end";
    const ParsedPath parsed = read(at.part.substr(0, at.part.size() - word.size()));
    if (!parsed.error.empty()) return parsed.error;
    const bool tile = parsed.path.rest == "tile";
    if (parsed.path.site || (!tile && !parsed.path.rest.empty())) return "a part that is neither a die nor a tile";
    bool news = false, exists = false;
    const DieCoordinates first = t_.coordinates(parsed.path.die);
    const std::int64_t rows = tile ? t_.params().tile.dies.rows : 1, columns = tile ? t_.params().tile.dies.columns : 1;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const bool border = *at.direction == Direction::kEast    ? c == columns - 1
                            : *at.direction == Direction::kWest  ? c == 0
                            : *at.direction == Direction::kNorth ? r == 0
                                                                 : r == rows - 1;
        if (!border) continue;
        const DieId of =
            t_.die_at(first.row + static_cast<std::int32_t>(r), first.column + static_cast<std::int32_t>(c));
        if (t_.edge(of, *at.direction).neighbour == kNone) continue;
        exists = true;
        if (parts_.edge(of, *at.direction)) continue;
        news = true;
        parts_.kill_edge(of, *at.direction);
      }
    }
    if (!exists) return "an edge at which the machine ends";
    return news ? "" : "an edge that is dead already";
  }

  std::string router(const std::string& path) {
    const ParsedPath parsed = read(path);
    if (!parsed.error.empty()) return parsed.error;
    if (!parsed.path.site) return "a part that is larger than a router";
    if (parsed.path.rest != "router") return "no '.router' at its end";
    if (parts_.die(parsed.path.die)) return "a router of a dead die";
    if (parts_.router(parsed.path.die, *parsed.path.site)) return "a router that is dead already";
    parts_.kill_router(parsed.path.die, *parsed.path.site);
    return "";
  }

  std::string link(const std::string& path) {
    const Directed at = split_direction(path);
    if (!at.direction) return "no east, west, north or south at its end";
    const ParsedPath parsed = read(at.part);
    if (!parsed.error.empty()) return parsed.error;
    if (!parsed.path.site || parsed.path.rest != "router") return "no router before its direction";
    const DieId die = parsed.path.die;
    const SiteIndex site = *parsed.path.site;
    const RouterPlace there = parts_.beyond(die, site, *at.direction);
    if (there.die == kNone && t_.edge(die, *at.direction).neighbour == kNone) return "a link at which the machine ends";
    if (parts_.link(die, site, *at.direction)) return "a link that is dead already, by itself or with a larger part";
    parts_.kill_link(die, site, *at.direction);
    return "";
  }

  std::string core(const std::string& path) {
    const ParsedPath parsed = read(path);
    if (!parsed.error.empty()) return parsed.error;
    if (!parsed.path.site) return "a part that is larger than a node";
    if (!parsed.path.rest.empty() && parsed.path.rest != "core")
      return fmt::format("'{}', only a node or its core can be named here", parsed.path.rest);
    const DieId die = parsed.path.die;
    const std::vector<std::int64_t> disabled = disabled_sites_of(t_.params().die, die);
    if (parts_.router(die, *parsed.path.site) ||
        std::find(disabled.begin(), disabled.end(), std::int64_t{*parsed.path.site}) != disabled.end() ||
        !parts_.cores.insert({die, *parsed.path.site}).second) {
      depends_on = {"/level", "/die", "/tile/dies", "/tray/tiles", "/cabinet", "/exapod"};
      return "a site that has no working core already";
    }
    return "";
  }

  ParsedPath read(const std::string& path) {
    ParsedPath parsed = t_.read_path(path);
    depends_on = parsed.depends_on;
    return parsed;
  }

  const Topology& t_;
  DeadParts& parts_;
};

DeadParts Topology::find_dead_parts(std::vector<Problem>& problems) const {
  DeadParts parts(*this);
  DefectReader reader(*this, parts);
  std::map<std::size_t, Problem> found;  // by place in the list
  for (const std::string kind : kKinds) {
    for (std::size_t i = 0; i < params_.defects.size(); ++i) {
      const NodeDefect& defect = params_.defects[i];
      if (defect.kind != kind) continue;
      const std::string wrong = reader.mark(kind, defect.path);
      if (wrong.empty()) continue;
      found[i] = {fmt::format("/defects/{}/path", i),
                  fmt::format("found \"{}\": {}; expected {}", defect.path, wrong, reader.example(kind)),
                  reader.depends_on};
    }
  }
  for (std::size_t i = 0; i < params_.defects.size(); ++i) {
    const std::string& kind = params_.defects[i].kind;
    if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
      found[i] = {fmt::format("/defects/{}/kind", i),
                  fmt::format("found \"{}\", expected core, router, link, edge or die", kind),
                  {}};
    }
  }
  for (auto& [place, problem] : found) problems.push_back(std::move(problem));
  draw_defects(*this, parts, problems);
  parts.cut_off_islands();
  return parts;
}

std::map<DieId, Topology::SiteMap> Topology::changed_maps(const DeadParts& parts,
                                                          std::vector<Problem>& problems) const {
  std::map<DieId, SiteMap> changed;
  const auto map_of = [&](DieId die) -> SiteMap& {
    const auto found = changed.find(die);
    return found != changed.end() ? found->second : changed.emplace(die, healthy_map(params_.die, die)).first->second;
  };
  const auto disable = [&](SiteMap& map, std::size_t site) {
    map.enabled_count -= map.enabled[site];
    map.enabled[site] = 0;
  };
  for (DieId die = 0; die < parts.dies.size(); ++die) {
    if (!parts.die(die)) continue;
    SiteMap& map = map_of(die);
    for (std::size_t site = 0; site < map.enabled.size(); ++site) disable(map, site);
    map.dead.assign(map.enabled.size(), kDeadRouter);
  }
  for (const auto& [die, marks] : parts.sites) {
    if (parts.die(die)) continue;
    std::vector<std::uint8_t> dead(marks.size(), 0);
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const auto site = static_cast<SiteIndex>(i);
      if (parts.router(die, site)) dead[i] = kDeadRouter;
      for (int d = 0; d < kDirections; ++d) {
        const auto direction = static_cast<Direction>(d);
        if (parts.beyond(die, site, direction).die == die && parts.link(die, site, direction))
          dead[i] |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(d));
      }
    }
    if (std::all_of(dead.begin(), dead.end(), [](std::uint8_t d) { return d == 0; })) continue;  // lanes to others only
    SiteMap& map = map_of(die);
    for (std::size_t i = 0; i < dead.size(); ++i) {
      if ((dead[i] & kDeadRouter) != 0) disable(map, i);
    }
    map.dead = std::move(dead);
  }
  for (const auto& [die, site] : parts.cores) disable(map_of(die), site);

  for (std::size_t i = 0; i < params_.slow_nodes.size(); ++i) {
    const SlowNode& slow = params_.slow_nodes[i];
    const std::string place = fmt::format("/slow_nodes/{}/path", i);
    DeadParts none(*this);
    DefectReader reader(*this, none);
    std::string wrong = reader.mark("core", slow.path);
    const ParsedPath parsed = read_path(slow.path);
    if (wrong.empty() && map_of(parsed.path.die).enabled[*parsed.path.site] == 0) {
      wrong = "a site that has no working core already";
      reader.depends_on = {"/level", "/die", "/tile/dies", "/tray/tiles", "/cabinet", "/exapod"};
    }
    if (!wrong.empty()) {
      problems.push_back({place, fmt::format("found \"{}\": {}; expected {}", slow.path, wrong, reader.example("core")),
                          reader.depends_on});
      continue;
    }
    float& speed = map_of(parsed.path.die).core_speed[*parsed.path.site];
    if (speed != 1.0f)
      problems.push_back({place, fmt::format("found \"{}\" a second time, expected each node once", slow.path), {}});
    speed = static_cast<float>(slow.core_speed);
  }
  return changed;
}

/// The grid of live routers and links. All dies that work have to reach each other; a die by itself is connected.
void Topology::find_routes(DeadParts parts, std::vector<Problem>& problems) {
  std::int64_t dead_cores = 0;
  for (const auto& [die, site] : parts.cores) dead_cores += parts.router(die, site) ? 0 : 1;
  dead_counts_ = parts.count(dead_cores);
  if (parts.none()) return;
  auto routes = std::make_shared<Routes>(*this, parts);
  dead_dies_ = parts.dies;
  dead_edges_.assign(die_count(), 0);
  for (DieId die = 0; die < die_count(); ++die) {
    for (int d = 0; d < kDirections; ++d) {
      if (parts.edge(die, static_cast<Direction>(d)))
        dead_edges_[die] |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(d));
    }
  }
  routes_ = std::move(routes);
  std::vector<std::uint8_t> seen(die_count(), 0);
  std::vector<DieId> reached;
  for (DieId die = 0; die < die_count() && reached.empty(); ++die) {
    if (!is_dead(die)) reached.push_back(die), seen[die] = 1;
  }
  if (reached.empty()) {
    problems.push_back({"/defects", "found no die that works, expected at least one", {}});
    return;
  }
  for (std::size_t at = 0; at < reached.size(); ++at) {
    for (int d = 0; d < kDirections; ++d) {
      const DieId there = parts.neighbour(reached[at], static_cast<Direction>(d));
      if (there == kNone || seen[there] != 0 || is_dead(there) ||
          !routes_->edge_works(reached[at], static_cast<Direction>(d)))
        continue;
      seen[there] = 1;
      reached.push_back(there);
    }
  }
  if (dip_count() > 0 && nearest_dip(reached.front()) == kNone) {
    problems.push_back({params_.defects.empty() ? "/defects_random" : "/defects",
                        "found no lane to a DIP that works, expected at least one",
                        {}});
  }
  const auto alive = static_cast<std::int64_t>(die_count()) - dead_counts_.dies;
  if (static_cast<std::int64_t>(reached.size()) == alive) return;
  DieId lost = 0;
  while (is_dead(lost) || seen[lost] != 0) ++lost;
  problems.push_back(
      {params_.defects.empty() ? "/defects_random" : "/defects",
       fmt::format(
           "found dead dies, edges and lanes between {} and {}: no way leads from one to the other, and {} of {} "
           "dies that work are cut off; expected all dies that work to reach each other: take a dead edge out "
           "or declare the dies behind it dead",
           die_path(reached.front()), die_path(lost), alive - static_cast<std::int64_t>(reached.size()), alive),
       {}});
}

void Topology::share_site_maps(std::map<DieId, SiteMap> changed) {
  MapPool pool(site_maps_);
  const bool drawn = params_.die.site_map_seed != 0;
  if (!drawn) pool.index_of(healthy_map(params_.die, 0));
  node_count_ = params_.die.enabled * die_count();
  if (!drawn && changed.empty()) return;
  site_map_of_die_.assign(die_count(), 0);
  if (drawn) {
    for (DieId die = 0; die < die_count(); ++die)
      if (changed.count(die) == 0) site_map_of_die_[die] = pool.index_of(healthy_map(params_.die, die));
  }
  for (auto& [die, map] : changed) {
    node_count_ += map.enabled_count - params_.die.enabled;
    site_map_of_die_[die] = pool.index_of(std::move(map));
  }
}

}  // namespace dojo::topology
