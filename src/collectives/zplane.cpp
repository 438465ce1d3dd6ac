// SPDX-License-Identifier: Apache-2.0
// Collective "zplane": a tree on the mesh for each DIP's ranks, and a flat tree between the DIPs over their Ethernet.
#include <limits>

#include "collectives/tree_plan.h"
#include "dojo/base/error.h"

namespace dojo::workload::collectives {
namespace {

/// The number of islands that send to one, by which the model is fastest.
TreeLayout layout(const CollectiveRequest& request, const topology::Topology& topology) {
  if (topology.dip_count() == 0) {
    throw Error(ExitCode::kInvalidInput,
                "collective: found algorithm 'zplane' on a machine without DIPs, expected one of the mesh: tree, ring, "
                "mesh2d or direct; or give the machine DIPs (dip.present)");
  }
  TreeLayout best;
  best.choice.cycles = std::numeric_limits<double>::infinity();
  for (const std::uint32_t fan_in : {1u, 2u, 3u, 4u, 6u, 8u, 12u, 16u, 24u, 32u, 48u, 64u, 96u, 128u}) {
    SpanningTree tree = island_tree(request.members, has_root(request) ? request.root : kNone, fan_in, topology);
    const bool last = fan_in + 1 >= tree.islands;
    TreeLayout one = tree_layout(request, {std::move(tree)}, topology);
    if (one.choice.cycles < best.choice.cycles) best = std::move(one);
    if (last) break;
  }
  return best;
}

/// Whether an idle Ethernet may be counted on is an architect's choice: the model lets the samples of the hosts and
/// TTPoE pass a DIP's port side by side.
bool never(const CollectiveRequest&, const topology::Topology&) {
  return false;
}

double model_seconds(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return 0;
  return layout(request, topology).choice.cycles / topology.params().clock_hz;
}

BuiltPlan build(const CollectiveRequest& request, const topology::Topology& topology) {
  if (request.members.size() == 1) return {trivial_plan(Algorithm::kZplane, topology), {}};
  return tree_plan(Algorithm::kZplane, layout(request, topology), topology);
}

}  // namespace

CollectiveAlgorithm zplane_algorithm() {
  return {Algorithm::kZplane, never, tree_supports, model_seconds, build};
}

}  // namespace dojo::workload::collectives
