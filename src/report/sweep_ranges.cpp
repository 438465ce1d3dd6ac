// SPDX-License-Identifier: Apache-2.0
// Values of an axis that a sweep file does not list: ranges, powers of two, multiples of the base.
#include <cmath>

#include "report/sweep_file.h"

namespace dojo::report {
namespace {

constexpr double kMostValues = 100'000;
/// A step that ends this close to the end takes it: 0.1 has no exact double.
constexpr double kRounding = 1e-9;

Json number(double value, bool whole) {
  return whole ? Json(static_cast<std::int64_t>(std::llround(value))) : Json(value);
}

}  // namespace

std::string range_values(const std::string& kind, const Json& range, std::vector<Json>& values) {
  const bool log2 = kind == "log2";
  const std::string expected = log2 ? "{\"from\": number above 0, \"to\": number}: from, doubled up to to"
                                    : "{\"from\": number, \"to\": number, and \"step\" above 0 or \"count\" of at "
                                      "least 2}, at most 100,000 values";
  if (!range.is_object()) return expected;
  bool whole = true;
  for (const auto& [key, value] : range.items()) {
    if (key != "from" && key != "to" && (log2 || (key != "step" && key != "count"))) return expected;
    if (!value.is_number()) return expected;
    whole = whole && value.is_number_integer();
  }
  if (!range.contains("from") || !range.contains("to")) return expected;
  const double from = range["from"].get<double>(), to = range["to"].get<double>();
  if (!std::isfinite(from) || !std::isfinite(to) || to < from) return expected;
  if (log2) {
    if (from <= 0) return expected;
    for (double value = from; value <= to * (1 + kRounding); value *= 2) values.push_back(number(value, whole));
    return "";
  }
  if (range.contains("step") == range.contains("count")) return expected;
  double step = 0, count = 0;
  if (range.contains("step")) {
    step = range["step"].get<double>();
    if (!(step > 0)) return expected;
    count = std::floor((to - from) / step + kRounding) + 1;
  } else {
    if (!range["count"].is_number_integer()) return expected;
    count = range["count"].get<double>();
    if (count < 2) return expected;
    step = (to - from) / (count - 1);
    whole = whole && step == std::floor(step);
  }
  if (!(count <= kMostValues)) return expected;
  for (double i = 0; i < count; ++i) values.push_back(number(from + i * step, whole));
  return "";
}

}  // namespace dojo::report
