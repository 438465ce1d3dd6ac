// SPDX-License-Identifier: Apache-2.0
// A JSON value that knows where it was written, so that every message can say it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dojo::config {

/// A file, or one `--set` option.
struct Origin {
  std::string label;      ///< file name as the user gave it, or "--set machine.die.enabled=400"
  std::string directory;  ///< file names in values are relative to it; "" = the working directory
  bool has_lines = false;
};

struct Value {
  enum class Kind { kNull, kBool, kInteger, kNumber, kText, kList, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;  ///< of kInteger too
  std::string text;
  std::vector<Value> items;
  std::vector<std::pair<std::string, Value>> members;  ///< in the file's order; keys are unique

  std::shared_ptr<const Origin> origin;
  std::size_t line = 0;
  std::string path;  ///< JSON path in its origin

  [[nodiscard]] bool is(Kind k) const { return kind == k; }
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] Value* find(std::string_view key);
  /// "FILE:LINE: /json/path" (or the option's text, then the path).
  [[nodiscard]] std::string place() const;
  /// The same for a part of this value that is not written: `below` = "/tile_mesh/rows".
  [[nodiscard]] std::string place(const std::string& below) const;
  /// As "found ..." in messages: `"text"`, `12`, `an object`.
  [[nodiscard]] std::string shown() const;
};

/// What was found wrong so far. Messages about missing files are kept apart: they have another exit code.
struct Complaints {
  std::vector<std::string> lines;
  std::vector<std::string> missing_files;
  void throw_if_any() const;
};

/// Parses JSON; syntax errors and duplicate keys become complaints, and a null value comes back after a syntax error.
[[nodiscard]] Value parse_json(const std::string& content, const std::shared_ptr<const Origin>& origin,
                               const std::string& root_path, Complaints& complaints);

/// Parses without messages; false when it is not JSON.
[[nodiscard]] bool try_parse_json(const std::string& content, const std::shared_ptr<const Origin>& origin,
                                  const std::string& root_path, Value& value);

}  // namespace dojo::config
