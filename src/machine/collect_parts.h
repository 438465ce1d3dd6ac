// SPDX-License-Identifier: Apache-2.0
// Folds what links, ports and cores counted.
#pragma once
#include "machine/digest.h"
#include "machine/machine_state.h"

namespace dojo::machine {

/// Into the totals, the rows of links.csv and the shares of dies.csv. `digest` takes the counters of every part.
/// Requires results.end_cycle.
void collect_parts(const MachineState& machine, Results& results, Digest& digest);

/// Each job that sends nothing from DIP to DIP has none. Checks that every byte was taken exactly once.
[[nodiscard]] ZplaneTotals zplane_totals(const MachineState& machine);

}  // namespace dojo::machine
