// SPDX-License-Identifier: Apache-2.0
// The checks of a workload across its ranks, and the order in which one rank can issue its operations.
#pragma once
#include <vector>

#include "dojo/base/error.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

/// Groups are disjoint within a class and hold ranks that exist; class 0 is all ranks. False when not.
bool check_groups(const Workload& workload, Findings& findings);
/// The members of every group enter the same collectives in the same order, with equal type and size.
void check_collectives(const Workload& workload, Findings& findings);
/// Every send has its receive: matched by source, destination, tag and order.
void check_messages(const Workload& workload, Findings& findings);

/// Operations so that dependencies come first, ties by position in the file; those on or behind a cycle are left out.
/// `waiting` receives how many dependencies of each operation were never met.
std::vector<std::uint32_t> topological_order(const Graph& graph, std::vector<std::uint32_t>* waiting = nullptr);

}  // namespace dojo::workload
