// SPDX-License-Identifier: Apache-2.0
// From graphs to programs: ranks are placed on slices, operations become kernels and dataflows, memory is planned.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dojo/node/node_model.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

/// What one rank is placed on: a multiple of a level ("die", 2 x 3).
struct RankUnit {
  PlacementUnit unit = PlacementUnit::kDie;
  std::int64_t rows = 1, columns = 1;
};

struct PlacementRequest {
  RankUnit rank_unit;
  RankId ranks = 1;
  std::map<RankId, std::string> by_name;  ///< optional: path of the first part of a rank's slice
};

/// Where times of some operations come from: by name, or by kind.
struct ReplayRule {
  std::string operations;  ///< "layer1.*", "conv*"; * and ? as in file names
  Replay replay = Replay::kShapes;
};

struct LowerOptions {
  PlacementRequest placement;
  std::optional<Algorithm> collective_algorithm;  ///< none = choose by cost
  SendRoute send_route = SendRoute::kMesh;        ///< of sends that name none
  CapacityPolicy capacity_policy = CapacityPolicy::kRecomputeThenSpill;
  Replay replay = Replay::kShapes;
  std::vector<ReplayRule> replay_rules;  ///< the last that matches an operation counts
  /// Of the partitions of each product, which one by the cost model: 0 = the cheapest, 1 = the next, the last if there
  /// are fewer. To measure what the model's choice costs.
  std::uint32_t plan_choice = 0;
  node::NodeModel node_model = node::NodeModel::kTable;
  bool shard_optimizer = true;  ///< FP32 master weights and momentum sharded over the data-parallel ranks
};

/// Ranks that the machine has places for: what `workload.ranks` 0 means for generated and replicated workloads. A unit
/// with a dead die, or without an enabled node, is no place. Throws Error(kInvalidInput) when there is none.
[[nodiscard]] RankId place_count(const RankUnit& unit, const topology::Topology& topology);

/// Puts the ranks on places of equal size, row by row in alternating direction (boustrophedon), over the smallest
/// rectangle of places that holds them. Throws Error(kInvalidInput).
[[nodiscard]] std::vector<Slice> place_ranks(const PlacementRequest& request, const topology::Topology& topology);

/// Throws Error(kInvalidInput) with every finding (more ranks than places, memory that cannot fit, a core that the
/// node model cannot model, ...), and Stopped where a StopScope says so.
[[nodiscard]] Job lower(const Workload& workload, const LowerOptions& options, const topology::Topology& topology);
/// Throws what lower() finds before it looks at communication: places, memory, cores, times. In a part of its time.
void check_programs(const Workload& workload, const LowerOptions& options, const topology::Topology& topology);
/// The ranks at their places, with nothing to do: what is left of a job whose lowering was stopped.
[[nodiscard]] Job idle_job(const Workload& workload, const LowerOptions& options, const topology::Topology& topology);

}  // namespace dojo::workload
