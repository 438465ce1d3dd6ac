// SPDX-License-Identifier: Apache-2.0
// The text of an enum's values: one constexpr table each, found through `enum_entries(Enum)` beside the enum.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
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
[[nodiscard]] constexpr const char* enum_sentence(Enum value) {
  for (const auto& entry : enum_entries(value))
    if (entry.value == value) return entry.sentence;
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

/// A member with words: an enum, or one that may be left open, which the empty text says.
template <class Member>
struct Word {
  static constexpr bool known = std::is_enum_v<Member>;
  static constexpr bool may_be_empty = false;
  using Enum = Member;
};
template <class E>
struct Word<std::optional<E>> {
  static constexpr bool known = std::is_enum_v<E>;
  static constexpr bool may_be_empty = true;
  using Enum = E;
};

template <class Member>
[[nodiscard]] const char* word_text(const Member& member) {
  if constexpr (Word<Member>::may_be_empty) {
    return member ? enum_text(*member) : "";
  } else {
    return enum_text(member);
  }
}

}  // namespace dojo::schema
