// SPDX-License-Identifier: Apache-2.0
// Of a long step in a pipeline only the first parts of the batch are simulated; report/repeated.cpp adds the others.
#pragma once
#include "dojo/config/config.h"
#include "dojo/trace/networks.h"

namespace dojo::run {

/// With `repeat_microbatches`: shortens the batch to those that are simulated; throws Error(kInvalidInput) with all
/// findings about that key.
void leave_out_repeated_parts(const config::GenerateParams& params, workload::NetworkOptions& options);

}  // namespace dojo::run
