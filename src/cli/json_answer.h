// SPDX-License-Identifier: Apache-2.0
// An answer of the program as one JSON object on standard output (--json).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace dojo::cli {

/// A text as JSON has it, with its quotes.
[[nodiscard]] std::string json_text(const std::string& text);
[[nodiscard]] std::string json_list(const std::vector<std::string>& members);  ///< of members that are JSON
[[nodiscard]] std::string json_texts(const std::vector<std::string>& texts);

/// Members in the order in which they are added.
class JsonAnswer {
 public:
  JsonAnswer() = default;
  /// "topo" for the schema dojosim.topo/1.
  explicit JsonAnswer(const std::string& schema) { add("schema", "dojosim." + schema + "/1"); }
  JsonAnswer& add(const std::string& name, const std::string& text) { return add_json(name, json_text(text)); }
  JsonAnswer& add(const std::string& name, const char* text) { return add_json(name, json_text(text)); }
  JsonAnswer& add(const std::string& name, std::uint64_t number) { return add_json(name, std::to_string(number)); }
  JsonAnswer& add(const std::string& name, bool yes) { return add_json(name, yes ? "true" : "false"); }
  JsonAnswer& add_json(const std::string& name, const std::string& json);
  [[nodiscard]] std::string text() const { return "{" + members_ + "}"; }
  void print() const;

 private:
  std::string members_;
};

}  // namespace dojo::cli
