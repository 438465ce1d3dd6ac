// SPDX-License-Identifier: Apache-2.0
// Parts of `compare`: reports as lists of leaves, rules, what people want to know first, and the ways a comparison is
// written down.
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
  std::optional<double> absolute;  ///< in the unit of the value
  std::string direction;           ///< "", "lower_is_better", "higher_is_better"
  bool ignore = false;
};

enum class Change { kSame, kChanged, kMissing, kNew };

struct Difference {
  std::string path;
  Change change = Change::kSame;
  Json base, fresh;
  double relative = 0;  ///< (new - base) / |base|; infinite where it has no value
  double tolerance = 0, absolute = 0;
  std::string direction;                      ///< of the rule, or the usual one
  [[nodiscard]] const char* verdict() const;  ///< "worse", "better", "changed", "missing", "new" or "same"
  [[nodiscard]] bool is_worse() const;        ///< missing values too
};

/// Leaves by path. Elements of a list are named by their name, path or rank, so that an insertion moves nothing.
[[nodiscard]] std::map<std::string, Json> leaves(const Json& report);
[[nodiscard]] bool glob_matches(const std::string& pattern, const std::string& text);
/// "lower_is_better" for times and the like, "higher_is_better" for rates and shares of peak, "" for all else.
[[nodiscard]] std::string usual_direction(const std::string& path);
/// Error(kInvalidInput) with every mistake of the file.
[[nodiscard]] std::vector<Rule> read_rules(const std::string& file);
/// Every compared leaf, the unchanged ones included; in the order of their paths.
[[nodiscard]] std::vector<Difference> differences(const Json& base, const Json& fresh, const std::vector<Rule>& rules);

/// A line of what the step did: "step", "1.14 ms", "1.15 ms", "+1.00 %".
struct HeadlineRow {
  std::string name, base, fresh, change;
  std::string path;
  Json base_value, fresh_value;
};
/// A row of a group of changes.
struct ChangeRow {
  const Difference* difference = nullptr;
  double moved_s = 0;    ///< seconds of a rank's time that moved; 0: it is no time
  std::size_t more = 0;  ///< other changed values of the same operation
};
struct ChangeGroup {
  std::string name;
  std::vector<ChangeRow> rows;  ///< most seconds moved first
  double moved_s = 0;           ///< of the first row
};

/// One pair of reports.
struct Comparison {
  std::string name;  ///< of the run in a suite; "" for a single pair
  std::vector<Difference> all;
  std::vector<HeadlineRow> headline;  ///< the step first
  std::vector<std::string> causes;    ///< "machine.noc.hop_cycles 1 -> 2"
  std::vector<ChangeGroup> groups;    ///< most seconds moved first
  bool failed = false;                ///< by --fail-on
  [[nodiscard]] std::size_t count(const char* verdict) const;
  [[nodiscard]] std::size_t changed() const;
};
/// `all` is kept as it is; rows point into it.
[[nodiscard]] std::vector<HeadlineRow> headline_of(const Json& base, const Json& fresh);
[[nodiscard]] std::vector<std::string> causes_of(const Json& base, const Json& fresh);
[[nodiscard]] std::vector<ChangeGroup> groups_of(const Json& base, const Json& fresh,
                                                 const std::vector<Difference>& all);

/// `missing`: names of runs that only the base has; `added`: that only the new folder has.
struct Suite {
  std::vector<Comparison> runs;
  std::vector<std::string> missing, added;
};

[[nodiscard]] std::string suite_text(const Suite& suite);
/// Under 60,000 bytes, whatever there is to say.
[[nodiscard]] std::string suite_markdown(const Suite& suite);
[[nodiscard]] std::string suite_junit(const Suite& suite);
/// Workflow commands of GitHub Actions: an error, warning or notice for each run.
[[nodiscard]] std::string suite_github(const Suite& suite);
/// A Code Quality report of GitLab.
[[nodiscard]] std::string suite_gitlab(const Suite& suite);

/// One object for programs; and that of `--update`.
[[nodiscard]] std::string suite_json(const Suite& suite, bool good);
[[nodiscard]] std::string update_json(const std::vector<std::string>& files);

/// What a baseline needs: without the host, the critical path and what else is not compared.
[[nodiscard]] Json slim_report(const Json& report);

// Words that the forms share.
[[nodiscard]] std::string base_text(const Difference& d);
[[nodiscard]] std::string fresh_text(const Difference& d);
[[nodiscard]] std::string change_text(const Difference& d);
/// "2 worse, 1 better, 3 changed of 2,181 values".
[[nodiscard]] std::string counts_text(const Comparison& run);
/// What a reader of one line wants: what the step did, and because of what.
[[nodiscard]] std::string one_line(const Comparison& run);
[[nodiscard]] std::string section_of(const std::string& path);

}  // namespace dojo::report
