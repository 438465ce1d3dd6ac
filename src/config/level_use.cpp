// SPDX-License-Identifier: Apache-2.0
// Follows from the table of levels.
#include "config/level_use.h"

namespace dojo::config {

using topology::Level;

const std::vector<UsedFrom>& used_from() {
  static const std::vector<UsedFrom> all = [] {
    std::vector<UsedFrom> made;
    for (const topology::LevelInfo& info : topology::levels_of({})) {
      if (info.level == Level::kNode) continue;  // every machine has nodes
      const UsedFrom section{std::string("/") + schema::enum_text(info.level), info.level};
      const UsedFrom link{info.link_path, static_cast<Level>(static_cast<int>(info.level) + 1)};
      // What stands in a section follows it: the links between cabinets stand in the section of trays.
      const bool inside = link.path.rfind(section.path + "/", 0) == 0;
      made.push_back(inside ? section : link);
      made.push_back(inside ? link : section);
    }
    made.push_back({"/exapod", Level::kExapod});
    return made;
  }();
  return all;
}

bool used_at(const std::string& path, Level level) {
  for (const UsedFrom& entry : used_from())
    if (path == entry.path) return level >= entry.level;
  return true;
}

}  // namespace dojo::config
