// SPDX-License-Identifier: Apache-2.0
// A JSON document in which every value knows its line, so that each finding can name it. Private to the readers.
#pragma once
#include <cstdint>
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

/// A syntax error or a repeated key becomes a finding; then the result may be incomplete and false is returned.
bool parse_located_json(const std::string& text, const std::string& file, LocatedJson& out, Findings& findings);

}  // namespace dojo::workload
