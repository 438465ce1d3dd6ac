// SPDX-License-Identifier: Apache-2.0
// Ranks as a grid of parallel dimensions, the first one varying fastest: who shares a communicator of which kind.
#pragma once
#include <array>
#include <string>

#include "dojo/workload/graph.h"

namespace dojo::workload {

/// Megatron's order: tensor parallel ranks are neighbours, then expert, then data, then pipeline parallel.
struct RankGrid {
  std::array<RankId, 4> size{1, 1, 1, 1};  ///< tensor, expert, data / expert, pipeline
  [[nodiscard]] RankId ranks() const { return size[0] * size[1] * size[2] * size[3]; }
};

/// Groups of the ranks that differ only in the dimensions with `varies`; named NAME[i].
Workload::GroupClass grid_class(const RankGrid& grid, const std::array<bool, 4>& varies, const std::string& name);

}  // namespace dojo::workload
