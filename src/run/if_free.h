// SPDX-License-Identifier: Apache-2.0
// The job of a run again: over the ideal network, and with one part of the machine ideal at a time. The plans stay as
// they were made for the real machine.
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
