// SPDX-License-Identifier: Apache-2.0
// What collectives along a spanning tree share.
#pragma once
#include "collectives/common.h"
#include "collectives/spanning_tree.h"

namespace dojo::workload::collectives {

/// A tree, and what goes over it.
struct TreeTraffic {
  SpanningTree tree;
  std::vector<Bytes> up_bytes, down_bytes;  ///< by member: to and from its parent, all tracks and chunks
};
struct TreeLayout {
  std::vector<TreeTraffic> trees;  ///< of the same members; each carries an equal share
  Tracks tracks;
  bool up = true, down = true, adds = true;
  ChunkChoice choice;
  std::uint32_t window = 0;  ///< of the plan, by the formula
};

[[nodiscard]] bool tree_supports(const CollectiveRequest& request);
/// The operation names the tree's root.
[[nodiscard]] bool has_root(const CollectiveRequest& request);
/// With tracks and chunks chosen by the model.
[[nodiscard]] TreeLayout tree_layout(const CollectiveRequest& request, std::vector<SpanningTree> trees,
                                     const topology::Topology& topology);
/// Positions: the members, then the islands' DIPs.
[[nodiscard]] BuiltPlan tree_plan(Algorithm algorithm, const TreeLayout& layout, const topology::Topology& topology);

}  // namespace dojo::workload::collectives
