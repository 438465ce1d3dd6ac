// SPDX-License-Identifier: Apache-2.0
// Paths of parts, written and read: "exapod.cabinet[1].tray[0].tile[5].die[3].node[201].router".
#include "topology/paths.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "topology/levels.h"

namespace dojo::topology {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find('.', begin);
    parts.push_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

/// "die[3]" -> 3 when the name is `name`.
std::optional<std::int64_t> index_of(std::string_view part, std::string_view name) {
  if (part.size() < name.size() + 3 || part.substr(0, name.size()) != name || part[name.size()] != '[' ||
      part.back() != ']')
    return std::nullopt;
  std::int64_t index = 0;
  const char* begin = part.data() + name.size() + 1;
  const char* end = part.data() + part.size() - 1;
  if (*begin == '-' || (*begin == '0' && end - begin > 1)) return std::nullopt;  // one spelling per part
  const auto [stop, error] = std::from_chars(begin, end, index);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return index;
}

}  // namespace

const char* Topology::root_name() const {
  return schema::enum_text(params_.level);
}

std::string Topology::part_path(Level level, DieId die) const {
  std::string path = root_name();
  for (auto info = levels_.rbegin(); info != levels_.rend() && info->level >= level; ++info) {
    if (info->level < params_.level)
      path += fmt::format(".{}[{}]", schema::enum_text(info->level), index_in_parent(info->level, die));
  }
  return path;
}

std::string Topology::die_path(DieId die) const {
  return part_path(Level::kDie, die);
}

std::string Topology::node_path(DieId die, SiteIndex site) const {
  if (params_.level == Level::kNode) return root_name();
  return fmt::format("{}.node[{}]", die_path(die), site);
}

std::string Topology::edge_path(DieId die, Direction d) const {
  return fmt::format("{}.edge.{}", die_path(die), direction_name(d));
}

std::string Topology::dip_path(std::uint32_t dip) const {
  return fmt::format("{}.dip[{}]", part_path(Level::kTray, dip_die(dip)), dips_[dip].in_parent);
}

Topology::ParsedPath Topology::read_path(const std::string& path) const {
  const std::vector<std::string_view> parts = split(path);
  if (parts[0] != root_name())
    return {{}, fmt::format("'{}', but the machine's root is '{}'", parts[0], root_name()), {"/level"}};
  std::size_t next = 1;
  std::int64_t row = 0, column = 0;
  Level reached = params_.level;
  ParsedPath result;
  if (params_.level == Level::kNode) result.path.site = SiteIndex{0};
  for (auto step = levels_.rbegin(); step != levels_.rend(); ++step) {
    const bool given = step->level < params_.level && next < parts.size();
    std::int64_t index = 0;
    if (given) {
      const std::optional<std::int64_t> named = index_of(parts[next], schema::enum_text(step->level));
      if (!named || *named >= area(step->grid)) {
        return {{},
                fmt::format("'{}', expected {}[0] to {}[{}]", parts[next], schema::enum_text(step->level),
                            schema::enum_text(step->level), area(step->grid) - 1),
                step->grid_paths};
      }
      index = *named;
      ++next;
      reached = step->level;
    }
    if (step->level == Level::kNode) {
      if (given) result.path.site = static_cast<SiteIndex>(index);
      break;
    }
    row = row * step->grid.rows + index / step->grid.columns;
    column = column * step->grid.columns + index % step->grid.columns;
  }
  if (result.path.site && next < parts.size()) {
    const std::string_view part = parts[next++];
    if (part != "core" && part != "sram" && part != "router")
      return {{}, fmt::format("'{}', expected core, sram or router", part), {}};
    result.path.rest = part;
  } else if (reached > Level::kDie) {
    result.path.rest = schema::enum_text(reached);
  }
  if (next < parts.size()) return {{}, fmt::format("'{}' after the end of the path", parts[next]), {"/level"}};
  result.path.die = die_at(static_cast<std::int32_t>(row), static_cast<std::int32_t>(column));
  return result;
}

std::optional<PartPath> Topology::parse_path(const std::string& path) const {
  ParsedPath parsed = read_path(path);
  if (!parsed.error.empty()) return std::nullopt;
  return std::move(parsed.path);
}

}  // namespace dojo::topology
