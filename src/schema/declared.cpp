// SPDX-License-Identifier: Apache-2.0
// Wording of units, ranges and numbers for everything that shows declarations.
#include "dojo/schema/declared.h"

#include <cmath>
#include <string_view>
#include <utility>

namespace dojo::schema {

std::string unit_of_key(const std::string& key) {
  // Longest endings first: "bytes_per_s" before "s".
  static constexpr std::pair<std::string_view, std::string_view> kUnits[] = {{"bytes_per_cycle", "bytes/cycle"},
                                                                             {"flop_per_cycle", "FLOP/cycle"},
                                                                             {"bytes_per_element", "bytes/element"},
                                                                             {"pj_per_bit_hop", "pJ/bit/hop"},
                                                                             {"pj_per_cycle", "pJ/cycle"},
                                                                             {"dollars_per_kwh", "$/kWh"},
                                                                             {"failures_per_year", "1/year"},
                                                                             {"per_cm2", "1/cm2"},
                                                                             {"bytes_per_s", "bytes/s"},
                                                                             {"pj_per_bit", "pJ/bit"},
                                                                             {"pj_per_flop", "pJ/FLOP"},
                                                                             {"packets_per_vc", "packets"},
                                                                             {"cycles", "cycles"},
                                                                             {"watts", "W"},
                                                                             {"bytes", "bytes"},
                                                                             {"dollars", "$"},
                                                                             {"volts", "V"},
                                                                             {"hours", "h"},
                                                                             {"years", "years"},
                                                                             {"days", "days"},
                                                                             {"mm2", "mm2"},
                                                                             {"mm", "mm"},
                                                                             {"hz", "Hz"},
                                                                             {"ns", "ns"},
                                                                             {"s", "s"}};
  for (const auto& [ending, unit] : kUnits) {
    if (key.size() < ending.size() || key.compare(key.size() - ending.size(), ending.size(), ending) != 0) continue;
    const bool whole_word = key.size() == ending.size() || key[key.size() - ending.size() - 1] == '_';
    if (whole_word) return std::string(unit);
  }
  return "";
}

std::string number_text(double value) {
  if (std::abs(value) < 1e7 && value == std::floor(value)) return fmt::format("{:.0f}", value);
  std::string text = fmt::format("{:g}", value);
  if (std::stod(text) != value) text = fmt::format("{}", value);
  for (const char* sign : {"e+0", "e+"}) {  // 2e+09 -> 2e9
    if (const std::size_t at = text.find(sign); at != std::string::npos)
      return text.replace(at, std::string_view(sign).size(), "e");
  }
  return text;
}

std::string range_text(const Range& range) {
  const bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  if (low && high) return fmt::format("{} to {}", number_text(range.low), number_text(range.high));
  if (low) return "at least " + number_text(range.low);
  if (high) return "at most " + number_text(range.high);
  return fmt::format("{}", fmt::join(words_of(range), ", "));
}

std::vector<std::string> words_of(const Range& range) {
  std::vector<std::string> words;
  for (const char* word : range.words)
    if (word != nullptr) words.emplace_back(word);
  return words;
}

}  // namespace dojo::schema
