// SPDX-License-Identifier: Apache-2.0
// The JSON type of the report (keys stay in the order in which they were written) and the rules by which it is written.
#pragma once
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace dojo::report {

using Json = nlohmann::ordered_json;

/// a / b, and 0 where there is nothing to divide by: a report never holds NaN or infinity.
inline double ratio(double a, double b) {
  const double value = b == 0 ? 0 : a / b;
  return std::isfinite(value) ? value : 0;
}

/// Names come from traces and may hold any byte: what is not UTF-8 is replaced, never an error.
inline std::string dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Error(kIo) for a file that cannot be read, Error(kInvalidInput) with line and column for text that is not JSON.
[[nodiscard]] Json read_json(const std::string& file);
[[nodiscard]] Json read_json(const std::string& file, std::uint64_t most_bytes);

}  // namespace dojo::report
