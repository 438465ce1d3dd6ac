// SPDX-License-Identifier: Apache-2.0
// Facts about the levels of the hierarchy that several files of this module need.
#pragma once
#include <string>
#include <vector>

#include "dojo/topology/machine_params.h"
#include "dojo/topology/topology.h"

namespace dojo::topology {

inline std::int64_t area(const Grid& grid) {
  return grid.rows * grid.columns;
}
inline Grid times(const Grid& a, const Grid& b) {
  return {a.rows * b.rows, a.columns * b.columns};
}

/// Levels that the machine does not have become 1 x 1, and a mesh that only an exapod states becomes what the machine
/// has.
[[nodiscard]] MachineParams levelled(MachineParams params);

/// Impossible settings but those of `defects` and `slow_nodes`. `repaired` becomes the nearest possible machine, so
/// that the rest of the file can still be checked.
void find_grid_problems(MachineParams& repaired, std::vector<Problem>& problems);

}  // namespace dojo::topology
