// SPDX-License-Identifier: Apache-2.0
// Networks that are no transformers.
#pragma once
#include "trace/networks/net_builder.h"

namespace dojo::workload::networks {

[[nodiscard]] Graph dlrm(const NetworkOptions& options, const Groups& groups);
[[nodiscard]] Graph video(const NetworkOptions& options, const Groups& groups);
[[nodiscard]] Graph unet(const NetworkOptions& options, const Groups& groups);

}  // namespace dojo::workload::networks
