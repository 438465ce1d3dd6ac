// SPDX-License-Identifier: Apache-2.0
// What the tests of docs/validation.md cover (docs/validation_suites.md), and whether a run leaves it.
#pragma once
#include <string>
#include <vector>

#include "report/json.h"

namespace dojo::report {

/// Values of a machine for which times were checked.
struct CoveredRange {
  const char* key;  ///< below "machine."
  double low, high;
  const char* by;  ///< what checked it
};
[[nodiscard]] const std::vector<CoveredRange>& covered_ranges();
/// A sentence on the keys of a report's machine that lie beyond; "" = none.
[[nodiscard]] std::string beyond_covered(const Json& report);

}  // namespace dojo::report
