// SPDX-License-Identifier: Apache-2.0
// The text of an enum's values: one constexpr table each, found through `enum_entries(Enum)` beside the enum.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dojo::schema {

template <class Enum>
struct EnumEntry {
  Enum value;
  const char* text;
  const char* sentence;
};

template <class Enum>
[[nodiscard]] constexpr const char* enum_text(Enum value) {
  for (const auto& entry : enum_entries(value))
    if (entry.value == value) return entry.text;
  return "?";
}

template <class Enum>
[[nodiscard]] std::optional<Enum> enum_value(std::string_view text) {
  for (const auto& entry : enum_entries(Enum{}))
    if (text == entry.text) return entry.value;
  return std::nullopt;
}

template <class Enum>
[[nodiscard]] std::vector<std::string> enum_words() {
  std::vector<std::string> words;
  for (const auto& entry : enum_entries(Enum{})) words.emplace_back(entry.text);
  return words;
}

}  // namespace dojo::schema
