// SPDX-License-Identifier: Apache-2.0
// What collectives along a spanning tree share.
#pragma once
#include "collectives/common.h"
#include "collectives/spanning_tree.h"

namespace dojo::workload::collectives {

struct TreeLayout {
  SpanningTree tree;
  Tracks tracks;
  bool up = true, down = true, adds = true;
  std::vector<Bytes> up_bytes, down_bytes;  ///< by member: to and from its parent, all tracks and chunks
  ChunkChoice choice;
};

[[nodiscard]] bool tree_supports(const CollectiveRequest& request);
/// The operation names the tree's root.
[[nodiscard]] bool has_root(const CollectiveRequest& request);
/// With tracks and chunks chosen by the model.
[[nodiscard]] TreeLayout tree_layout(const CollectiveRequest& request, SpanningTree tree,
                                     const topology::Topology& topology);
/// Positions: the members, then the islands' DIPs.
[[nodiscard]] DataflowPlan tree_plan(Algorithm algorithm, const TreeLayout& layout, const topology::Topology& topology);

}  // namespace dojo::workload::collectives
