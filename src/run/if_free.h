// SPDX-License-Identifier: Apache-2.0
// The job of a run again: over the ideal network, by the same plans; and on machines that have one part ideal at a
// time, planned for those.
#pragma once
#include <vector>

#include "dojo/run/run.h"

namespace dojo::run {

/// 0 when it was stopped.
[[nodiscard]] Cycles ideal_cycles(const Prepared& prepared, machine::MachineSettings settings, const Hooks& hooks);
/// As many runs as the machine has such parts, each about as long as the run itself.
[[nodiscard]] std::vector<report::FreePart> run_if_free(const Prepared& prepared,
                                                        const machine::MachineSettings& settings, const Hooks& hooks);

}  // namespace dojo::run
