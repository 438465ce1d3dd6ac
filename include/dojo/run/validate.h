// SPDX-License-Identifier: Apache-2.0
// Suites that hold the simulator against figures from outside: published ones, other simulators, measurements. A suite
// is one row of the table (src/run/validation/suites.cpp).
#pragma once
#include <string>
#include <vector>

namespace dojo::run {

/// One figure. `low` to `high`: what got / expected may be.
struct ValidationPoint {
  std::string what, source, unit;
  double expected = 0, got = 0;
  double low = 1, high = 1;
  [[nodiscard]] double error() const;  ///< |got / expected - 1|
  [[nodiscard]] bool good() const;
};

struct ValidationRequest {
  std::string data;  ///< folder of what the project cannot ship; "" = none
};

struct ValidationSuite {
  const char* name;
  const char* sentence;
  const char* data_file;  ///< in the folder of data, without which it is left out; "" = it needs none
  std::vector<ValidationPoint> (*run)(const ValidationRequest& request);
};
[[nodiscard]] const std::vector<ValidationSuite>& validation_suites();

/// Of the errors of a suite's points: that of the middle, the 90th percentile, the largest.
struct ErrorSummary {
  double median = 0, p90 = 0, worst = 0;
};
[[nodiscard]] ErrorSummary summary_of(const std::vector<ValidationPoint>& points);

}  // namespace dojo::run
