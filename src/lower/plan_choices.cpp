// SPDX-License-Identifier: Apache-2.0
#include "lower/plan_choices.h"

namespace dojo::workload {

PlanChoices& SharedChoices::of(std::uint32_t shape_index, const std::vector<SliceGrid>& parts, bool whole) {
  std::vector<double> key{static_cast<double>(shape_index), whole ? 1.0 : 0.0};
  for (const SliceGrid& part : parts) {
    for (const Cycles latency : {part.row_latency(), part.column_latency(), part.task_latency()})
      key.push_back(static_cast<double>(latency));
    for (const double rate : {part.link_bytes_per_cycle(), part.row_bytes_per_cycle(), part.column_bytes_per_cycle()})
      key.push_back(rate);
  }
  return of_slice_[key];
}

}  // namespace dojo::workload
