// SPDX-License-Identifier: Apache-2.0
// Options of `dojosim trace gen`.
#pragma once
#include "dojo/config/config.h"
#include "options.h"

namespace dojo::cli {

void add_generate_options(Options& options);
/// What the options say; fails with the usage if they say it wrong.
[[nodiscard]] config::GenerateParams generate_params(const Options& options);

}  // namespace dojo::cli
