// SPDX-License-Identifier: Apache-2.0
// Takes the members of one JSON object by name, with type and range checked, and reports what is left over.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "trace/located_json.h"

namespace dojo::workload {

class JsonObject {
 public:
  /// A `value` that is no object is reported at once; then every member is missing, without further findings.
  JsonObject(const LocatedJson& value, std::string file, std::string path, Findings& findings);

  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] std::uint32_t line() const { return value_.line; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// nullptr when absent; then, if `required`, it is reported.
  const LocatedJson* take(const std::string& key, bool required = false);
  const LocatedJson* take_list(const std::string& key, bool required);
  /// `value` keeps what it has when the key is absent or wrong; true when it was set.
  bool integer(const std::string& key, std::int64_t& value, std::int64_t low, std::int64_t high, bool required = false);
  bool text(const std::string& key, std::string& value, bool required = false);
  /// Reports every key that nobody took.
  void finish();
  void report(const LocatedJson& at, const std::string& key, const std::string& words);

 private:
  const LocatedJson& value_;
  std::string file_, path_;
  Findings& findings_;
  bool valid_;
  std::vector<std::string> known_;
};

/// "a, b or c"
std::string join_words(const std::vector<std::string>& words);

}  // namespace dojo::workload
