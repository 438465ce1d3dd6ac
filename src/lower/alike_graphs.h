// SPDX-License-Identifier: Apache-2.0
// Graphs that are equal but for the ranks that they send to and receive from: ranks of them share a program, for a
// program names its messages by their entries, which each rank joins with a partner of its own.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/workload/graph.h"

namespace dojo::workload {

/// For each graph the first one that is like it, which may be itself.
[[nodiscard]] std::vector<std::uint32_t> first_alike(const Workload& workload);

}  // namespace dojo::workload
