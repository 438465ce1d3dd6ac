// SPDX-License-Identifier: Apache-2.0
// A JSON document in which every value knows its line, so that each finding can name it. Private to the readers.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dojo/base/error.h"

namespace dojo::workload {

struct LocatedJson {
  enum class Type : std::uint8_t { kNull, kBool, kInteger, kReal, kString, kArray, kObject };
  Type type = Type::kNull;
  std::uint32_t line = 0;
  std::int64_t integer = 0;  ///< kBool too
  double real = 0;
  std::string text;
  std::vector<LocatedJson> items;  ///< kArray, and the values of kObject
  std::vector<std::string> keys;   ///< kObject, beside `items`
  [[nodiscard]] const LocatedJson* find(const std::string& key) const;
};

/// "an integer", "a list", ... for messages; short values are shown.
std::string describe_value(const LocatedJson& value);

/// The items of one list at the top level (or of a top-level list when `list` is ""), one at a time, so that a file of
/// many is never held as a tree. What else stands at the top level is in `rest` at the end; keys may repeat.
bool stream_json_list(const std::string& text, const std::string& file, const std::string& list,
                      const std::function<void(const LocatedJson&)>& item, LocatedJson& rest, Findings& findings);
/// One value after another, as some programs write them; separated by white space or not.
bool stream_json_values(const std::string& text, const std::string& file,
                        const std::function<void(const LocatedJson&)>& value, Findings& findings);
/// Keys of the first object in `text`, without reading further than the first of `wanted`; "" when there is none.
std::string first_top_key(const std::string& text, const std::vector<std::string>& wanted);

/// A syntax error or a repeated key becomes a finding; then the result may be incomplete and false is returned.
bool parse_located_json(const std::string& text, const std::string& file, LocatedJson& out, Findings& findings);

}  // namespace dojo::workload
