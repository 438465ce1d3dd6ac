// SPDX-License-Identifier: Apache-2.0
// One candidate of a matrix product's partition.
#pragma once
#include <optional>

#include "lower/kernel_plan.h"

namespace dojo::workload {

/// `context` is that of the candidate's part. Nothing when nothing arrives in steps. `build`: with the kernel, else
/// only cost and buffers.
[[nodiscard]] std::optional<KernelPlan> plan_candidate(const ProductRequest& request, const PlanContext& context,
                                                       const CandidateAxes& axes, bool build);

}  // namespace dojo::workload
