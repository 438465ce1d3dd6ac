// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dojo/energy/energy.h"
#include "dojo/machine/results.h"
#include "dojo/topology/topology.h"

namespace dojo::report {

[[nodiscard]] energy::Machine energy_parts(const topology::Topology& topology);

/// What a run has counted. `core_sram_bytes`: what cores read and write in their own SRAM, which no counter has.
[[nodiscard]] energy::Counts energy_counts(const machine::Results& results, double core_sram_bytes, double seconds);

}  // namespace dojo::report
