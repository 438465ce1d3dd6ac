// SPDX-License-Identifier: Apache-2.0
// The digest of a run: equal for equal inputs and seed, whatever the threads, the machine or the names of the files.
#pragma once
#include <string>

#include "dojo/report/report.h"

namespace dojo::report {

/// 64 hex digits of a SHA-256.
[[nodiscard]] std::string digest(const RunContext& context);

/// SHA-256 of a text and its end mark, as 64 hex digits: to tell contents apart, not the sum of a file.
[[nodiscard]] std::string hash_of(const std::string& text);

}  // namespace dojo::report
