// SPDX-License-Identifier: Apache-2.0
// Lines and fields of text formats.
#include "trace/text_lines.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dojo/base/stop_point.h"

namespace dojo::workload {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<TextLine> text_lines(const std::string& text, bool* whole) {
  std::vector<TextLine> lines;
  std::string_view rest = text;
  if (rest.substr(0, 3) == "\xef\xbb\xbf") rest.remove_prefix(3);
  if (whole != nullptr) *whole = !rest.empty() && (rest.back() == '\n' || rest.back() == '\r');
  StopPoints stops;
  for (std::uint32_t number = 1; !rest.empty(); ++number) {
    stops.pass();
    const std::size_t end = rest.find_first_of("\r\n");
    const std::string_view line = trimmed(rest.substr(0, end));
    if (!line.empty()) lines.push_back({number, line});
    if (end == std::string_view::npos) break;
    const bool pair = rest[end] == '\r' && end + 1 < rest.size() && rest[end + 1] == '\n';
    rest.remove_prefix(end + (pair ? 2 : 1));
  }
  return lines;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlank = " \t\v\f";
  for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlank, end);
  }
  return words;
}

std::vector<std::string> cells_of(std::string_view line) {
  const bool commas = line.find(',') != std::string_view::npos, semicolons = line.find(';') != std::string_view::npos;
  const char separator = commas ? ',' : semicolons ? ';' : '\t';
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  for (std::string& cell : cells) cell = std::string(trimmed(cell));
  return cells;
}

bool is_blank_row(const std::vector<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell.empty(); });
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  text = trimmed(text);
  const char* const end = text.data() + text.size();
  std::int64_t value = 0;
  const auto [after, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && after == end && !text.empty()) return value;
  double real = 0;
  const auto [real_after, real_error] = std::from_chars(text.data(), end, real);
  if (real_error != std::errc() || real_after != end || text.empty()) return std::nullopt;
  if (!(std::abs(real) < 9.0e15) || std::floor(real) != real) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

bool is_plain_text(const std::string& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7f : c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f';
  });
}

}  // namespace dojo::workload
