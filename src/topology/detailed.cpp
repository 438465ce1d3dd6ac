// SPDX-License-Identifier: Apache-2.0
// The nodes whose cores run cycle by cycle, from the paths of a machine file.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "dojo/schema/fields.h"
#include "dojo/topology/topology.h"
#include "topology/paths.h"

namespace dojo::topology {
namespace {

constexpr std::string_view kRow = ".row[";

/// "...die[3].row[2]": cuts the row off and returns its number; -1: the path names none, -2: no number.
std::int64_t cut_row(std::string& path) {
  const std::size_t at = path.rfind(kRow);
  if (at == std::string::npos || path.back() != ']') return -1;
  std::int64_t row = 0;
  const char* const begin = path.data() + at + kRow.size();
  const char* const end = path.data() + path.size() - 1;
  const auto [stop, error] = std::from_chars(begin, end, row);
  const bool one_spelling = end - begin == 1 || *begin != '0';
  const bool good = error == std::errc{} && stop == end && row >= 0 && one_spelling;
  path.resize(at);
  return good ? row : -2;
}

/// Of a path that names no site.
Level level_of(const PartPath& path) {
  for (const Level level : {Level::kTile, Level::kTray, Level::kCabinet, Level::kExapod})
    if (path.rest == schema::enum_text(level)) return level;
  return Level::kDie;
}

}  // namespace

std::string Topology::add_detailed(std::string path, std::vector<std::string>& depends_on) {
  const std::string root = root_name();
  if (path.rfind(root + ".", 0) != 0 && path != root) path = root + "." + path;
  const std::int64_t row = cut_row(path);
  const ParsedPath parsed = read_path(path);
  depends_on = parsed.depends_on;
  if (!parsed.error.empty()) return parsed.error;
  const DieId die = parsed.path.die;
  if (parsed.path.site) {
    if (row != -1) return "a row of a node";
    if (!parsed.path.rest.empty()) return "a part of a node";
    const SiteMap& map = site_map(die);
    if (map.enabled[*parsed.path.site] == 0) return "a site without a working core";
    detailed_[die].push_back(*parsed.path.site);
    return "";
  }
  if (row != -1 && !parsed.path.rest.empty()) return "a row of something larger than a die";
  if (row == -2 || row >= site_rows_) return fmt::format("no such row; a die has row[0] to row[{}]", site_rows_ - 1);
  const Level level = level_of(parsed.path);
  const std::uint32_t part = part_of(level, die);
  for (DieId other = 0; other < die_count(); ++other) {
    if (part_of(level, other) != part || is_dead(other)) continue;
    const SiteMap& map = site_map(other);
    for (std::int32_t site = 0; site < sites(); ++site) {
      const auto index = static_cast<std::size_t>(site);
      if (map.enabled[index] == 0 || (row >= 0 && site / site_columns_ != row)) continue;
      detailed_[other].push_back(static_cast<SiteIndex>(site));
    }
  }
  return "";
}

void Topology::find_detailed(std::vector<Problem>& problems) {
  std::set<std::string> seen;  // a machine has few parts, and a file from a stranger may have millions of paths
  for (std::size_t i = 0; i < params_.detailed.size(); ++i) {
    if (!seen.insert(params_.detailed[i]).second) continue;
    std::vector<std::string> depends_on;
    const std::string wrong = add_detailed(params_.detailed[i], depends_on);
    if (wrong.empty()) continue;
    problems.push_back({fmt::format("/detailed/{}", i),
                        fmt::format("found \"{}\": {}; expected a node, a row, a die or a larger part, such as \"{}\"",
                                    params_.detailed[i], wrong, node_path(0, 0)),
                        depends_on});
  }
  for (auto& [die, chosen] : detailed_) {
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  }
}

}  // namespace dojo::topology
