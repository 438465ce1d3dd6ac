// SPDX-License-Identifier: Apache-2.0
// A JSON document in which every value knows its line, so that each message can name it. What is wrong in the text
// comes back as problems; the modules that read files put them into their own words.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dojo::json {

struct LocatedJson {
  enum class Type : std::uint8_t { kNull, kBool, kInteger, kReal, kString, kArray, kObject };
  Type type = Type::kNull;
  std::uint32_t line = 0;
  std::int64_t integer = 0;  ///< kBool too
  double real = 0;           ///< kReal only
  std::string text;
  std::vector<LocatedJson> items;  ///< kArray, and the values of kObject
  std::vector<std::string> keys;   ///< kObject, beside `items`; the first of equal keys counts
  [[nodiscard]] const LocatedJson* find(std::string_view key) const;
};

constexpr std::size_t kDeepest = 64;  ///< lists and objects within each other

struct Problem {
  enum class Kind : std::uint8_t { kSyntax, kRepeatedKey, kTooDeep };
  Kind kind = Kind::kSyntax;
  std::uint32_t line = 0;        ///< of the last character read
  std::size_t offset = 0;        ///< kSyntax: bytes before the wrong character
  std::string words;             ///< kSyntax: the parser's
  std::string key;               ///< kRepeatedKey
  std::string path;              ///< kRepeatedKey: JSON pointer to the value
  std::uint32_t first_line = 0;  ///< kRepeatedKey: of the first value
};
using Problems = std::vector<Problem>;

/// Parsing ends at the first problem other than a repeated key; then `out` is incomplete and false is returned.
bool parse(const std::string& text, LocatedJson& out, Problems& problems);

/// The items of one list at the top level (or of a top-level list when `list` is ""), one at a time, so that a file of
/// many is never held as a tree. What else stands at the top level is in `rest` at the end; keys may repeat.
bool stream_list(const std::string& text, const std::string& list, const std::function<void(const LocatedJson&)>& item,
                 LocatedJson& rest, Problems& problems);

/// One value after another, as some programs write them; separated by white space or not. Ends when `value` says false.
bool stream_values(const std::string& text, const std::function<bool(const LocatedJson&)>& value, Problems& problems);

/// Keys of the first object in `text`, without reading further than the first of `wanted`; "" when there is none.
std::string first_top_key(const std::string& text, const std::vector<std::string>& wanted);

/// A key as a part of a JSON pointer: ~ and / are escaped.
std::string escaped_key(std::string key);

}  // namespace dojo::json
