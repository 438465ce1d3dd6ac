// SPDX-License-Identifier: Apache-2.0
// What stands in a report, for `dojosim list counters`.
#pragma once
#include <vector>

namespace dojo::cli {

struct CounterName {
  const char* key;
  const char* unit;
  const char* sentence;
};
[[nodiscard]] const std::vector<CounterName>& counter_names();

}  // namespace dojo::cli
