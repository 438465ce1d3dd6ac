// SPDX-License-Identifier: Apache-2.0
// From graphs to programs: ranks are placed on slices, operations become kernels and dataflows, memory is planned.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

/// What one rank is placed on: a multiple of a level ("die", 2 x 3).
struct RankUnit {
  std::string unit = "die";  ///< "node", "die", "tile", "tray"
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
  std::string replay;      ///< as LowerOptions::replay
};

struct LowerOptions {
  PlacementRequest placement;
  std::string collective_algorithm;                      ///< "" = choose by cost
  std::string send_route = "mesh";                       ///< or "zplane": over the DIPs' Ethernet, or "fastest"
  std::string capacity_policy = "recompute_then_spill";  ///< or "spill", "fail"
  /// "shapes": of operations that have them; "roofline": FLOP and bytes of every operation; "recorded": the durations
  /// of operations that have one, the others as by "shapes".
  std::string replay = "shapes";
  std::vector<ReplayRule> replay_rules;  ///< the last that matches an operation counts
  bool shard_optimizer = true;           ///< FP32 master weights and momentum sharded over the data-parallel ranks
};

/// Puts the ranks on places of equal size, row by row in alternating direction (boustrophedon), over the smallest
/// rectangle of places that holds them. Throws Error(kInvalidInput).
[[nodiscard]] std::vector<Slice> place_ranks(const PlacementRequest& request, const topology::Topology& topology);

/// Throws Error(kInvalidInput) with every finding (more ranks than places, memory that cannot fit, ...).
[[nodiscard]] Job lower(const Workload& workload, const LowerOptions& options, const topology::Topology& topology);

}  // namespace dojo::workload
