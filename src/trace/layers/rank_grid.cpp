// SPDX-License-Identifier: Apache-2.0
// Groups of a grid of ranks.
#include "trace/layers/rank_grid.h"

#include <fmt/format.h>

#include <unordered_map>

namespace dojo::workload {

Workload::GroupClass grid_class(const RankGrid& grid, const std::array<bool, 4>& varies, const std::string& name) {
  Workload::GroupClass made{name, {}};
  std::unordered_map<RankId, std::size_t> group_of;  // by what the members have in common
  for (RankId rank = 0; rank < grid.ranks(); ++rank) {
    RankId rest = rank, common = 0, stride = 1;
    for (std::size_t d = 0; d < grid.size.size(); ++d) {
      const RankId at = rest % grid.size[d];
      rest /= grid.size[d];
      if (!varies[d]) common += at * stride;
      stride *= grid.size[d];
    }
    const auto [entry, added] = group_of.emplace(common, made.groups.size());
    if (added) made.groups.push_back({fmt::format("{}[{}]", name, made.groups.size()), {}});
    made.groups[entry->second].ranks.push_back(rank);
  }
  return made;
}

}  // namespace dojo::workload
