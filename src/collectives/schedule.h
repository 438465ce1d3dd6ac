// SPDX-License-Identifier: Apache-2.0
// The time of a collective's plan: a walk over it, in which its messages meet on the parts that they share.
#pragma once
#include <limits>
#include <optional>

#include "collectives/common.h"

namespace dojo::workload::collectives {

/// Cycles from the start of all members to the last item (docs/collectives.md, "Walking a plan"). None: the plan goes
/// over DIPs, or has too many messages or chunks for a walk. A walk ends when it is sure to take `most` cycles or more:
/// then what is returned is at least that, and the plan may take longer.
[[nodiscard]] std::optional<double> scheduled_cycles(const DataflowPlan& plan, const CollectiveRequest& request,
                                                     const topology::Topology& topology,
                                                     double most = std::numeric_limits<double>::infinity());

}  // namespace dojo::workload::collectives
