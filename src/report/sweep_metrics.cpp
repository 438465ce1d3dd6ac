// SPDX-License-Identifier: Apache-2.0
// Which metrics a report can have, before there is one.
#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "report/compare.h"
#include "report/figures.h"
#include "report/sweep_file.h"

namespace dojo::report {
namespace {

/// "links.classes.<class>.count" -> "links.classes.*.count"; "latency.ops[].name" -> "latency.ops[*].name".
std::string pattern_of(std::string key) {
  for (std::size_t at = key.find("[]"); at != std::string::npos; at = key.find("[]", at + 3)) key.insert(at + 1, "*");
  for (std::size_t at = key.find('<'); at != std::string::npos; at = key.find('<')) {
    const std::size_t end = key.find('>', at);
    if (end == std::string::npos) break;
    key.replace(at, end - at + 1, "*");
  }
  return key;
}

/// Figures of a run, and what may stand below those that are maps ("inputs", "configuration.values").
class KnownMetrics {
 public:
  KnownMetrics() {
    for (const FigureLine& line : figure_lines()) keys_.push_back(pattern_of(line.key));
  }
  [[nodiscard]] bool has(const std::string& metric) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const std::string& key) {
      return glob_matches(key, metric) || glob_matches(key + ".*", metric) || glob_matches(key + "[*", metric);
    });
  }
  [[nodiscard]] std::string near(const std::string& metric) const {
    std::vector<std::string> plain;
    for (const std::string& key : keys_)
      if (key.find('*') == std::string::npos) plain.push_back(key);
    const std::string found = nearest(metric, plain);
    return found.empty() ? "" : fmt::format(" such as '{}'", found);
  }

 private:
  std::vector<std::string> keys_;
};

}  // namespace

std::vector<std::string> metric_findings(const SweepFile& sweep, const Json& config) {
  const KnownMetrics known;
  std::vector<std::string> before, lines;
  for (const std::string& metric : sweep.metrics) {
    const auto expression = sweep.expressions.find(metric);
    if (expression == sweep.expressions.end()) {
      if (!known.has(metric)) {
        lines.push_back(fmt::format(
            "{}: /metrics: found '{}', which no report has, expected a key of report.json{} (dojosim list counters)",
            sweep.file, metric, known.near(metric)));
      }
    } else {
      const Lookup lookup = [&](const std::string& path) -> Found {
        const bool is_before = std::find(before.begin(), before.end(), path) != before.end();
        if (is_before || known.has(path) || find_number(config, path).expected.empty()) return {1, ""};
        return {0, fmt::format("a key of report.json{}, a number of the run config, or a metric above this one",
                               known.near(path))};
      };
      try {
        (void)expression_value(expression->second, lookup, fmt::format("{}: /metrics: {}", sweep.file, metric));
      } catch (const Error& error) {
        lines.insert(lines.end(), error.lines().begin(), error.lines().end());
      }
    }
    before.push_back(metric);
  }
  return lines;
}

}  // namespace dojo::report
