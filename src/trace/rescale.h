// SPDX-License-Identifier: Apache-2.0
// Parts of `trace rescale`. Private to the module.
#pragma once
#include "dojo/trace/trace.h"

namespace dojo::workload {

/// Sizes that follow the batch become those of `batch` samples a rank. Adds notes; reports what it cannot do.
void rescale_batch(Graph& graph, std::int64_t batch, Findings& findings);

}  // namespace dojo::workload
