// SPDX-License-Identifier: Apache-2.0
// Where a machine file puts the DIPs.
#pragma once
#include <vector>

#include "dojo/topology/topology.h"

namespace dojo::topology {

/// Dies (0 = the northern or western one) at an edge of the machine that have a DIP there, ascending. `params` are
/// levelled and have no problems.
[[nodiscard]] std::vector<std::int32_t> dip_places(const MachineParams& params, Direction side);

/// Impossible settings of `params.dip`. Afterwards the DIPs are where the defaults put them.
void find_dip_problems(MachineParams& params, std::vector<Problem>& problems);
void place_dips_by_default(DipParams& dip);

}  // namespace dojo::topology
