// SPDX-License-Identifier: Apache-2.0
// One candidate of a matrix product's partition.
#pragma once
#include <optional>

#include "lower/kernel_plan.h"

namespace dojo::workload {

struct CandidateAxes {
  Cut rows, columns;  ///< what the rows and the columns of the slice cut
  Stream stream;      ///< what the steps cut
  std::uint32_t steps;
};

/// Nothing when the layouts or the halo do not allow it. `build`: with the kernel, else only cost and buffers.
[[nodiscard]] std::optional<KernelPlan> plan_candidate(const ProductRequest& request, const PlanContext& context,
                                                       const CandidateAxes& axes, bool build);

}  // namespace dojo::workload
