// SPDX-License-Identifier: Apache-2.0
// Spanning trees over the places of a collective's members.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "dojo/collectives/collectives.h"

namespace dojo::workload::collectives {

struct SpanningTree {
  std::uint32_t root = 0;
  std::vector<std::uint32_t> parent;                 ///< kNone for the root
  std::vector<std::vector<std::uint32_t>> children;  ///< those with the deepest subtree first
  std::vector<std::uint32_t> order;                  ///< parents before children
  std::uint32_t islands = 0;                         ///< 0: all edges are on the mesh
  std::vector<std::uint32_t> island;                 ///< by member: an edge between islands goes over the Z-plane
  [[nodiscard]] bool over_zplane(std::uint32_t child) const {
    return islands != 0 && parent[child] != kNone && island[child] != island[parent[child]];
  }
};

/// Where an all-reduce meets: the member nearest to the middle.
[[nodiscard]] std::uint32_t central_member(const std::vector<const Slice*>& members);
/// Lines along the longer side towards the root's line, then along that line; members that do not fill a grid are
/// joined to their nearest neighbour (Manhattan distance, then fewest hops to the root, then fewest children, then
/// position). Between whole dies, an edge over dead parts gives way to one between neighbours over which everything
/// works.
[[nodiscard]] SpanningTree spanning_tree(const std::vector<const Slice*>& members, std::uint32_t root,
                                         const topology::Topology& topology);
/// The tree of these edges, which join all `members`, each of them two.
[[nodiscard]] SpanningTree tree_of_edges(std::uint32_t members, std::uint32_t root,
                                         const std::vector<std::pair<std::uint32_t, std::uint32_t>>& edges);
/// The members of one DIP are an island, with a spanning tree towards the member nearest to the DIP; that one sends to
/// another island's over the Z-plane, `fan_in` islands to one. `root` kNone: any.
[[nodiscard]] SpanningTree island_tree(const std::vector<const Slice*>& members, std::uint32_t root,
                                       std::uint32_t fan_in, const topology::Topology& topology);

}  // namespace dojo::workload::collectives
