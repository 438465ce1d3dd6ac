// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them: "1.09 EFLOP/s", "412 us", "37.2 %".
#pragma once
#include <string>

namespace dojo::report {

/// Three significant digits and a decimal prefix: si(2.016e12, "B/s") = "2.02 TB/s".
[[nodiscard]] std::string si(double value, const char* unit);
/// Seconds as s, ms, us or ns.
[[nodiscard]] std::string duration(double seconds);
/// Joules as J, mJ, uJ or nJ, and from 1,000 J on as si() has them.
[[nodiscard]] std::string energy_text(double joules);
[[nodiscard]] std::string percent(double fraction);
/// 1,062,000
[[nodiscard]] std::string grouped(long long value);
/// At most `width` columns; the middle is cut out of longer texts.
[[nodiscard]] std::string shortened(const std::string& text, std::size_t width);

}  // namespace dojo::report
