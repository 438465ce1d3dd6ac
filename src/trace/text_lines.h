// SPDX-License-Identifier: Apache-2.0
// Lines and fields of text formats as they are found: byte order marks, CRLF, tabs, blanks, no last line end.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dojo::workload {

struct TextLine {
  std::uint32_t number = 0;  ///< from 1
  std::string_view text;     ///< without its end, without blanks around it
};

/// Every line that is not blank, as views into `text`. `whole` is false when the last line has no end: a cut file looks
/// like that.
std::vector<TextLine> text_lines(const std::string& text, bool* whole = nullptr);
/// At white space, empty words left out.
std::vector<std::string_view> words_of(std::string_view line);
/// At each comma, else at each semicolon, else at each tab, whichever the line has; trimmed, empty cells kept; quotes
/// around a cell hold commas.
std::vector<std::string> cells_of(std::string_view line);
/// No cell holds anything: some programs end their tables so.
bool is_blank_row(const std::vector<std::string>& cells);
std::string_view trimmed(std::string_view text);
std::string lower_case(std::string_view text);
/// A whole number, also one that is written as 1.0 or 1e6.
std::optional<std::int64_t> whole_number(std::string_view text);
/// True when the text holds no control characters but white space.
bool is_plain_text(const std::string& bytes);

}  // namespace dojo::workload
