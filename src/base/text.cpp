// SPDX-License-Identifier: Apache-2.0
// Reads UTF-8 strictly: what a terminal might take for something else is written out.
#include "dojo/base/text.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace dojo {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  ///< 0: not UTF-8
};

Character decode(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = at(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  std::uint32_t code = first & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xc0u) != 0x80) return {};
    code = code << 6 | (at(i) & 0x3fu);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kLeast[bytes] || code > 0x10ffff || surrogate ? Character{} : Character{code, bytes};
}

bool controls(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  const bool direction = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return direction || code == 0x200e || code == 0x200f || code == 0x2028 || code == 0x2029;
}

std::string written_out(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = decode(text);
    const bool kept = keep_lines && (text[0] == '\n' || text[0] == '\t');
    if (c.bytes == 0) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(text[0])));
    } else if (controls(c.code) && !kept) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c.code);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes == 0 ? 1 : c.bytes);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  return written_out(text, true);
}

std::string printable_line(std::string_view text) {
  return written_out(text, false);
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kBegin = 1200, kEnd = 400;  // what was found stands early, what to do stands last
  if (text.size() <= 2 * (kBegin + kEnd)) return text;
  const auto inside_character = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xc0u) == 0x80; };
  std::size_t begin = kBegin, end = text.size() - kEnd;
  while (begin > 0 && inside_character(begin)) --begin;
  while (end < text.size() && inside_character(end)) ++end;
  return fmt::format("{} [... {} bytes left out ...] {}", text.substr(0, begin), end - begin, text.substr(end));
}

}  // namespace dojo
