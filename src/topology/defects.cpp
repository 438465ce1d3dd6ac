// SPDX-License-Identifier: Apache-2.0
// Dead and slow cores: from the machine file's paths to site maps that dies share.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "dojo/topology/topology.h"
#include "topology/levels.h"
#include "topology/paths.h"
#include "topology/site_maps.h"

namespace dojo::topology {
namespace {

using MapKey = std::pair<std::vector<std::uint8_t>, std::vector<float>>;

/// Gives equal maps one index.
class MapPool {
 public:
  explicit MapPool(std::vector<Topology::SiteMap>& maps) : maps_(maps) {}
  std::uint32_t index_of(Topology::SiteMap map) {
    const auto [at, added] =
        indices_.try_emplace(MapKey{map.enabled, map.core_speed}, static_cast<std::uint32_t>(maps_.size()));
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

std::string refused_kind(const std::string& kind) {
  const std::string cure =
      kind == "router" || kind == "link" ? fmt::format("; dead {}s are not supported yet, only dead cores", kind) : "";
  return fmt::format("found \"{}\", expected \"core\"{}", kind, cure);
}

}  // namespace

std::map<DieId, Topology::SiteMap> Topology::changed_maps(std::vector<Problem>& problems) const {
  std::map<DieId, SiteMap> changed;
  const auto map_of = [&](DieId die) -> SiteMap& {
    const auto found = changed.find(die);
    return found != changed.end() ? found->second : changed.emplace(die, healthy_map(params_.die, die)).first->second;
  };
  // The node that a path names when its core works; otherwise a problem.
  const auto working_node = [&](const std::string& place, const std::string& path) -> std::optional<PartPath> {
    const ParsedPath parsed = read_path(path);
    std::string wrong = parsed.error;
    std::vector<std::string> depends_on = parsed.depends_on;
    if (wrong.empty() && !parsed.path.site) wrong = "a part that is larger than a node";
    if (wrong.empty() && !parsed.path.rest.empty() && parsed.path.rest != "core")
      wrong = fmt::format("'{}', only a node or its core can be named here", parsed.path.rest);
    if (wrong.empty() && map_of(parsed.path.die).enabled[*parsed.path.site] == 0) {
      wrong = "a site that has no working core already";
      depends_on = {"/level", "/die", "/tile/dies", "/tray/tiles", "/cabinet", "/exapod"};
    }
    if (wrong.empty()) return parsed.path;
    const std::string example = node_path(die_count() - 1, static_cast<SiteIndex>(sites() - 1));
    problems.push_back(
        {place, fmt::format("found \"{}\": {}; expected the path of a working node, up to {}", path, wrong, example),
         std::move(depends_on)});
    return std::nullopt;
  };

  for (std::size_t i = 0; i < params_.defects.size(); ++i) {
    const NodeDefect& defect = params_.defects[i];
    const std::string place = fmt::format("/defects/{}", i);
    if (defect.kind != "core") {
      problems.push_back({place + "/kind", refused_kind(defect.kind), {}});
      continue;  // the path of a link or router has a form of its own
    }
    if (const auto node = working_node(place + "/path", defect.path)) {
      SiteMap& map = map_of(node->die);
      map.enabled[*node->site] = 0;
      --map.enabled_count;
    }
  }
  for (std::size_t i = 0; i < params_.slow_nodes.size(); ++i) {
    const SlowNode& slow = params_.slow_nodes[i];
    const std::string place = fmt::format("/slow_nodes/{}/path", i);
    const auto node = working_node(place, slow.path);
    if (!node) continue;
    float& speed = map_of(node->die).core_speed[*node->site];
    if (speed != 1.0f)
      problems.push_back({place, fmt::format("found \"{}\" a second time, expected each node once", slow.path), {}});
    speed = static_cast<float>(slow.core_speed);
  }
  return changed;
}

void Topology::share_site_maps(std::map<DieId, SiteMap> changed) {
  MapPool pool(site_maps_);
  const bool drawn = params_.die.site_map_seed != 0;
  if (!drawn) pool.index_of(healthy_map(params_.die, 0));
  node_count_ = params_.die.enabled * die_count();
  if (!drawn && changed.empty()) return;
  site_map_of_die_.assign(die_count(), 0);
  if (drawn)
    for (DieId die = 0; die < die_count(); ++die)
      if (changed.count(die) == 0) site_map_of_die_[die] = pool.index_of(healthy_map(params_.die, die));
  for (auto& [die, map] : changed) {
    node_count_ += map.enabled_count - params_.die.enabled;
    site_map_of_die_[die] = pool.index_of(std::move(map));
  }
}

}  // namespace dojo::topology
