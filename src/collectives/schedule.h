// SPDX-License-Identifier: Apache-2.0
// The time of a collective's plan: its messages, in the order in which its items fire, on the parts that they share.
#pragma once
#include <cstdint>

#include "collectives/common.h"

namespace dojo::workload::collectives {

/// Cycles from the start of all members to the last item, with messages cut into `chunks` (plan.chunks is not read).
/// Only the first chunks of a long plan are walked; each further one takes as long as the last of these did.
[[nodiscard]] double scheduled_cycles(const DataflowPlan& plan, std::int64_t chunks, const CollectiveRequest& request,
                                      const topology::Topology& topology);

}  // namespace dojo::workload::collectives
