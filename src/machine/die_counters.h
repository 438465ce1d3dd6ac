// SPDX-License-Identifier: Apache-2.0
// All additive counters of a die in one row of numbers, so that what a task adds can be recorded and added again.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/fabric/die_network.h"

namespace dojo::machine {

/// What one core has done.
struct CoreUse {
  std::uint64_t busy_cycles = 0, matrix_flops = 0, vector_flops = 0;
};

/// By site: links by direction, ports, core.
void list_counters(const fabric::DieNetwork& network, const std::vector<CoreUse>& cores,
                   std::vector<std::uint64_t>& out);
/// In the same order.
void add_to_counters(fabric::DieNetwork& network, std::vector<CoreUse>& cores,
                     const std::vector<std::uint64_t>& increase);

}  // namespace dojo::machine
