// SPDX-License-Identifier: Apache-2.0
// All additive counters of a die in one row of numbers, so that what a task adds can be recorded and added again.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/machine/results.h"

namespace dojo::machine {

/// How many numbers they are.
[[nodiscard]] std::size_t die_counter_count(std::size_t sites);
/// By site: links by direction, port, core, each in the order of its struct's lines.
void list_counters(const fabric::DieNetwork& network, const std::vector<CoreCounters>& cores,
                   std::vector<std::uint64_t>& out);
/// In the same order.
void add_to_counters(fabric::DieNetwork& network, std::vector<CoreCounters>& cores,
                     const std::vector<std::uint64_t>& increase);

}  // namespace dojo::machine
