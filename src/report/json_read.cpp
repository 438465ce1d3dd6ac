// SPDX-License-Identifier: Apache-2.0
// Reading of a finished report's values.
#include "report/json_read.h"

#include <algorithm>

#include "report/units.h"

namespace dojo::report {

double real(const Json& json) {
  return json.is_number() ? json.get<double>() : 0;
}

std::string count(const Json& json) {
  return grouped(json.get<long long>());
}

std::string text(const Json& json) {
  return json.get<std::string>();
}

std::vector<const Json*> slowest(const Json& rows, const char* key, std::size_t wanted) {
  std::vector<const Json*> order;
  for (const Json& row : rows) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(),
                   [key](const Json* a, const Json* b) { return real(a->at(key)) > real(b->at(key)); });
  order.resize(std::min(order.size(), wanted));
  return order;
}

}  // namespace dojo::report
