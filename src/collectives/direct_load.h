// SPDX-License-Identifier: Apache-2.0
// Load of the busiest edge when members send straight to each other under dimension-order routing.
#pragma once
#include "collectives/common.h"

namespace dojo::workload::collectives {

/// Cycles in which the busiest edge moves its share of messages of `bytes`, one from each member (or from the root
/// alone) to each other member, along the sender's row first, then along the receiver's column.
[[nodiscard]] double direct_edge_cycles(const CollectiveRequest& request, bool from_root, Bytes bytes,
                                        const Tracks& tracks, const topology::Topology& topology);

}  // namespace dojo::workload::collectives
