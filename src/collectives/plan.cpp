// SPDX-License-Identifier: Apache-2.0
// Plans over the tracks and chunks that were chosen.
#include "collectives/common.h"

namespace dojo::workload::collectives {

DataflowPlan collective_plan(const PlanBuilder& builder, Algorithm algorithm, const Tracks& tracks,
                             const ChunkChoice& choice, const topology::Topology& topology) {
  DataflowPlan plan =
      builder.build(schema::enum_text(algorithm), tracks.striped ? std::vector<std::uint32_t>{0} : tracks.nodes,
                    static_cast<std::uint32_t>(choice.chunks));
  plan.striped = tracks.striped;
  plan.model_seconds = choice.cycles / topology.params().clock_hz;
  return plan;
}

DataflowPlan trivial_plan(Algorithm algorithm, const topology::Topology& topology) {
  PlanBuilder builder;
  builder.item(0, {true, true});
  Tracks tracks;
  tracks.nodes = {0};
  return collective_plan(builder, algorithm, tracks, ChunkChoice{}, topology);
}

}  // namespace dojo::workload::collectives
