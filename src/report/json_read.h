// SPDX-License-Identifier: Apache-2.0
// Values of a finished report, as its text and its page show them. A key that is not there is an error of the program:
// read with at(), never with [].
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "report/json.h"

namespace dojo::report {

/// 0 for what has no value (null).
[[nodiscard]] double real(const Json& json);
/// An integer with groups of three digits: "1,062,000".
[[nodiscard]] std::string count(const Json& json);
[[nodiscard]] std::string text(const Json& json);

/// The rows with the largest figure of that key, at most `wanted`; equal ones in their order.
[[nodiscard]] std::vector<const Json*> slowest(const Json& rows, const char* key, std::size_t wanted);

}  // namespace dojo::report
