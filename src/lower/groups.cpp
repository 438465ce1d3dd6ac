// SPDX-License-Identifier: Apache-2.0
// Ranks of each group: batch-norm groups lie on compact rectangles.
#include <algorithm>
#include <map>
#include <utility>

#include "lower/communication.h"

namespace dojo::workload {

GroupRanks compact_groups(const Workload& workload, const std::vector<Slice>& slices,
                          const topology::Topology& topology, bool& by_tile) {
  GroupRanks classes;
  const topology::Grid& tile = topology.params().tile.dies;
  for (const Workload::GroupClass& group_class : workload.group_classes) {
    auto& groups = classes.emplace_back();
    std::size_t size = 0;
    bool equal = true;
    for (const Group& group : group_class.groups) {
      groups.push_back(group.ranks);
      equal = equal && (size == 0 || size == group.ranks.size());
      size = group.ranks.size();
    }
    if (group_class.name != "bn" || !equal || static_cast<std::int64_t>(size) != tile.rows * tile.columns) continue;
    std::map<std::uint32_t, std::vector<std::pair<DieId, RankId>>> members_of;
    bool single_dies = true;
    for (const auto& ranks : groups) {
      for (const RankId rank : ranks) {
        const Slice& slice = slices[rank];
        single_dies = single_dies && slice.dies.size() == 1 && slice.shape->rows == topology.site_rows() &&
                      slice.shape->columns == topology.site_columns();
        members_of[topology.tile_of(slice.dies.front())].emplace_back(slice.dies.front(), rank);
      }
    }
    const bool whole_tiles = std::all_of(members_of.begin(), members_of.end(),
                                         [&](const auto& entry) { return entry.second.size() == size; });
    if (!single_dies || !whole_tiles || members_of.size() != groups.size()) continue;
    std::size_t next = 0;
    for (auto& entry : members_of) {
      std::sort(entry.second.begin(), entry.second.end());
      std::vector<RankId> ranks;
      for (const auto& member : entry.second) ranks.push_back(member.second);
      groups[next++] = std::move(ranks);
    }
    by_tile = true;
  }
  return classes;
}

}  // namespace dojo::workload
