// SPDX-License-Identifier: Apache-2.0
// Plans of algorithms that are not the project's: of plug-ins, and of schedules in files.
#pragma once
#include "dojo/collectives/collectives.h"
#include "dojo/workload/own_algorithms.h"

namespace dojo::workload::collectives {

/// Throws Error(kInvalidInput) for a request that the algorithm does not serve, and for a schedule that is none.
[[nodiscard]] BuiltPlan own_plan(Algorithm algorithm, const CollectiveRequest& request,
                                 const topology::Topology& topology);
/// A schedule that is known to be one, as a plan. `name`: what the plan is called.
[[nodiscard]] BuiltPlan scheduled_plan(const std::string& name, const CollectiveSchedule& schedule,
                                       const CollectiveOrder& order, const CollectiveRequest& request,
                                       const topology::Topology& topology);

}  // namespace dojo::workload::collectives
