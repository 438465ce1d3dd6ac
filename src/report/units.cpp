// SPDX-License-Identifier: Apache-2.0
// Formats numbers for people.
#include "report/units.h"

#include <fmt/format.h>

#include <cmath>

namespace dojo::report {
namespace {

std::string three_digits(double value) {
  const double size = std::fabs(value);
  const int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", value, decimals);
}

/// In the unit, or in its thousandth, millionth or billionth.
std::string below_one(double value, const char* unit) {
  const double size = std::fabs(value);
  if (size == 0 || size >= 0.9995) return fmt::format("{} {}", three_digits(value), unit);
  if (size >= 0.9995e-3) return fmt::format("{} m{}", three_digits(value * 1e3), unit);
  if (size >= 0.9995e-6) return fmt::format("{} u{}", three_digits(value * 1e6), unit);
  return fmt::format("{} n{}", three_digits(value * 1e9), unit);
}

}  // namespace

std::string si(double value, const char* unit) {
  static constexpr const char* kPrefix[] = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  std::size_t prefix = 0;
  // 999.5 would be shown as 1000: it belongs to the next prefix.
  while (std::fabs(value) >= 999.5 && prefix + 1 < std::size(kPrefix)) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{} {}{}", three_digits(value), kPrefix[prefix], unit);
}

std::string duration(double seconds) {
  return below_one(seconds, "s");
}

std::string energy_text(double joules) {
  return std::fabs(joules) >= 0.9995 ? si(joules, "J") : below_one(joules, "J");
}

std::string percent(double fraction) {
  const double value = fraction * 100;
  if (value != 0 && std::fabs(value) < 0.05) return fmt::format("{:.2g} %", value);
  return fmt::format("{:.1f} %", value);
}

std::string grouped(long long value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string shortened(const std::string& text, std::size_t width) {
  if (text.size() <= width || width < 5) return text;
  const std::size_t tail = (width - 2) / 2, head = width - 2 - tail;
  return text.substr(0, head) + ".." + text.substr(text.size() - tail);
}

}  // namespace dojo::report
