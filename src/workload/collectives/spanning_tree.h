// SPDX-License-Identifier: Apache-2.0
// Spanning trees over the places of a collective's members.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/workload/collectives.h"

namespace dojo::workload::collectives {

struct SpanningTree {
  std::uint32_t root = 0;
  std::vector<std::uint32_t> parent;                 ///< kNone for the root
  std::vector<std::vector<std::uint32_t>> children;  ///< those with the deepest subtree first
  std::vector<std::uint32_t> order;                  ///< parents before children
};

/// Where an all-reduce meets: the member nearest to the middle.
[[nodiscard]] std::uint32_t central_member(const std::vector<const Slice*>& members);
/// Lines along the longer side towards the root's line, then along that line; members that do not fill a grid are
/// joined to their nearest neighbour (Manhattan distance, then fewest hops to the root, then fewest children, then
/// position).
[[nodiscard]] SpanningTree spanning_tree(const std::vector<const Slice*>& members, std::uint32_t root);

}  // namespace dojo::workload::collectives
