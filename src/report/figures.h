// SPDX-License-Identifier: Apache-2.0
// Figures of report.json: each is written together with its unit and the sentence that explains it, so that
// `dojosim list counters` and docs/counters.md name every figure that a report has.
#pragma once
#include <string>
#include <vector>

#include "dojo/schema/counters.h"
#include "report/json.h"

namespace dojo::report {

/// A row of docs/counters.md.
struct FigureLine {
  std::string key;  ///< "flops.utilisation", "latency.ops[].count", "links.classes.<class>.bytes"
  std::string unit, sentence;
};

/// All that a report can have, section by section.
[[nodiscard]] std::vector<FigureLine> figure_lines();
/// Counters of the SystemC modules: "core.matrix_flops".
[[nodiscard]] std::vector<FigureLine> module_lines();

/// Writes figures into one JSON object.
class Figures {
 public:
  /// `path`: of the object in the report, with its point at the end ("latency.ops[]."), or "". `lines`: takes a line
  /// for each figure; null when nobody asks for them.
  explicit Figures(Json& object, std::string path = "", std::vector<FigureLine>* lines = nullptr)
      : object_(object), path_(std::move(path)), lines_(lines) {}

  /// `key` may lead through objects: "flops.utilisation". `sentence` may be an expression of other keys.
  void add(const std::string& key, Json value, const char* unit, const char* sentence) {
    if (lines_ != nullptr) lines_->push_back({path_ + key, unit, sentence});
    put(key, std::move(value));
  }
  /// Without a line: an object whose figures have theirs.
  void put(const std::string& key, Json value) { at(key) = std::move(value); }
  /// All counters of a struct that the report shows, under their own keys or below `section`.
  template <class Counters>
  void counters(const std::string& section, const Counters& counters) {
    Counters::fields(counters, [&](const char* name, const auto& value, auto, const char* unit, const char* sentence,
                                   const auto&... as) {
      const std::string key = schema::report_key(section, name, as...);
      if (!key.empty()) add(key, value, unit, sentence);
    });
  }
  /// Of the rows of a list in the report, to be written as objects of their own.
  [[nodiscard]] Figures rows(Json& row, const std::string& key) const {
    return Figures(row, path_ + key + "[].", lines_);
  }
  [[nodiscard]] std::vector<FigureLine>* lines() const { return lines_; }

 private:
  Json& at(const std::string& key) {
    Json* json = &object_;
    std::size_t begin = 0;
    for (std::size_t point = key.find('.'); point != std::string::npos; point = key.find('.', begin)) {
      json = &(*json)[key.substr(begin, point - begin)];
      begin = point + 1;
    }
    return (*json)[key.substr(begin)];
  }
  Json& object_;
  std::string path_;
  std::vector<FigureLine>* lines_;
};

}  // namespace dojo::report
