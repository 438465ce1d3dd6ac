// SPDX-License-Identifier: Apache-2.0
// Candidates of plans with their costs. They depend on the request and on the slice alone, so programs of other graphs
// on equal slices, such as the stages of a pipeline, need not evaluate them again.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "lower/attention.h"
#include "lower/kernel_plan.h"
#include "lower/plan_cost.h"

namespace dojo::workload {

struct PlanChoices {
  std::map<ProductRequest, std::vector<ProductChoice>> products;
  std::map<AttentionRequest, std::vector<AttentionChoice>> attentions;
  std::map<VectorRequest, std::vector<PlanCost>> vectors;
};

/// Of all programs of a job.
class SharedChoices {
 public:
  /// Of one slice. `parts`: it and its parts; equal shapes may lie on edges of other rates or latencies. `whole`: no
  /// part but the slice itself may be chosen.
  [[nodiscard]] PlanChoices& of(std::uint32_t shape_index, const std::vector<SliceGrid>& parts, bool whole);

 private:
  std::map<std::vector<double>, PlanChoices> of_slice_;
};

}  // namespace dojo::workload
