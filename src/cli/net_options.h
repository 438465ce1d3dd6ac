// SPDX-License-Identifier: Apache-2.0
// The options of `dojosim net`, and the config that they and a file make.
#pragma once
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "options.h"

namespace dojo::cli {

[[nodiscard]] Options net_options();

/// Throws Error(kUsage) for options that contradict each other, Error(kInvalidInput) for values.
[[nodiscard]] config::RunConfig load_net_config(const Options& options);

/// The loads of --sweep: empty for "auto". Throws Error(kUsage).
[[nodiscard]] std::vector<double> sweep_loads(const Options& options);

}  // namespace dojo::cli
