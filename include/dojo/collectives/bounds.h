// SPDX-License-Identifier: Apache-2.0
// Times that no all-reduce by messages between ranks can beat on given slices. For tests and studies.
#pragma once
#include "dojo/collectives/collectives.h"
#include "dojo/topology/topology.h"

namespace dojo::workload {

/// 2 (n - 1) x bytes have to leave the ranks altogether; each sends no faster than the ports of its nodes and, when it
/// fills whole dies, than the edges around them.
[[nodiscard]] double all_reduce_injection_bound_seconds(const CollectiveRequest& request,
                                                        const topology::Topology& topology);
/// `bytes` have to cross, each way, every straight cut through the machine that separates members.
[[nodiscard]] double all_reduce_bisection_bound_seconds(const CollectiveRequest& request,
                                                        const topology::Topology& topology);

}  // namespace dojo::workload
