// SPDX-License-Identifier: Apache-2.0
// The job of a run again with each assumed number of the machine at other values, planned anew each time.
#pragma once
#include <vector>

#include "dojo/run/run.h"

namespace dojo::run {

/// Error(kInvalidInput) where so many runs would take too long.
void refuse_sensitivity(const config::RunConfig& config, const topology::Topology& topology);
[[nodiscard]] std::vector<report::TurnedNumber> turn_assumed(const Prepared& prepared, const Hooks& hooks);

}  // namespace dojo::run
