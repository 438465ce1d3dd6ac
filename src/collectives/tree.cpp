// SPDX-License-Identifier: Apache-2.0
// Collective "tree": a pipelined reduction up and a broadcast down a spanning tree of neighbouring slices.
#include "collectives/tree_plan.h"

namespace dojo::workload::collectives {
namespace {

TreeLayout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  const std::uint32_t root = has_root(request) ? request.root : central_member(request.members);
  return tree_layout(request, {spanning_tree(request.members, root, topology)}, topology);
}

bool always(const CollectiveRequest&, const topology::Topology&) {
  return true;
}

double model_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return 0;
  return layout(request, topology).choice.cycles / topology.params().clock_hz;
}

BuiltPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return {trivial_plan(Algorithm::kTree, topology), {}};
  return tree_plan(Algorithm::kTree, layout(request, topology), topology);
}

}  // namespace

CollectiveAlgorithm tree_algorithm() {
  return {Algorithm::kTree, always, tree_supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives
