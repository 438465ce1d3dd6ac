// SPDX-License-Identifier: Apache-2.0
// Parts of `compare`: reports as lists of leaves, rules, and the ways a comparison is written down.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/json.h"

namespace dojo::report {

struct Rule {
  std::string path;  ///< `*` any characters, `?` one, everything else (brackets too) itself
  std::optional<double> tolerance;
  std::string direction;  ///< "", "lower_is_better", "higher_is_better"
  bool ignore = false;
};

enum class Change { kSame, kChanged, kMissing, kNew };

struct Difference {
  std::string path;
  Change change = Change::kSame;
  Json base, fresh;
  double relative = 0;  ///< (new - base) / |base|; infinite where it has no value
  double tolerance = 0;
  std::string direction;                      ///< of the rule
  [[nodiscard]] const char* verdict() const;  ///< "worse", "better", "changed", "missing", "new" or "same"
};

/// Leaves by path. Elements of a list are named by their name, path or rank, so that an insertion moves nothing.
[[nodiscard]] std::map<std::string, Json> leaves(const Json& report);
[[nodiscard]] bool glob_matches(const std::string& pattern, const std::string& text);
/// Error(kInvalidInput) with every mistake of the file.
[[nodiscard]] std::vector<Rule> read_rules(const std::string& file);
/// Every compared leaf, the unchanged ones included; in the order of their paths.
[[nodiscard]] std::vector<Difference> differences(const Json& base, const Json& fresh, const std::vector<Rule>& rules);

/// `changed`: biggest change first.
[[nodiscard]] std::string differences_text(const std::vector<Difference>& changed, std::size_t compared);
[[nodiscard]] std::string differences_markdown(const std::vector<Difference>& changed, std::size_t compared);
[[nodiscard]] std::string differences_junit(const std::vector<Difference>& all);

}  // namespace dojo::report
