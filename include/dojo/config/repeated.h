// SPDX-License-Identifier: Apache-2.0
// Which parts of the batch a run with `workload.generate.repeat_microbatches` simulates.
#pragma once
#include <cstdint>

#include "dojo/config/config.h"

namespace dojo::config {

/// Of a pipeline of P stages 4 P parts: P until all stages are at work, 2 P to measure what a part takes, and P while
/// the pipeline runs empty.
[[nodiscard]] inline std::int64_t simulated_microbatches(const GenerateParams& params) {
  return 4 * params.pipeline;
}

}  // namespace dojo::config
