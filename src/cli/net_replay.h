// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dojo/config/config.h"
#include "options.h"

namespace dojo::cli {

/// Sends the recordings of --replay over the machine of `config`, prints a table and returns the exit code. Throws
/// Error: kUsage, kInvalidInput with what is wrong in all of them, kIo, kInterrupted.
int replay_recordings(const Options& options, const config::RunConfig& config);

}  // namespace dojo::cli
