// SPDX-License-Identifier: Apache-2.0
// A comparison for programs: what the step did, why, and every value that changed (schema dojosim.compare/1).
#include <cmath>

#include "report/compare.h"

namespace dojo::report {
namespace {

/// Numbers that are none have no place in JSON: a value that was zero has no relative change.
Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json headline_json(const Comparison& run) {
  Json rows = Json::array();
  for (const HeadlineRow& row : run.headline)
    rows.push_back({{"name", row.name}, {"path", row.path}, {"base", row.base_value}, {"new", row.fresh_value}});
  return rows;
}

Json counts_json(const Comparison& run) {
  Json counts{{"compared", run.all.size()}};
  for (const char* verdict : {"same", "worse", "better", "changed", "missing", "new"})
    counts[verdict] = run.count(verdict);
  return counts;
}

Json changes_json(const Comparison& run) {
  Json changes = Json::array();
  for (const Difference& d : run.all) {
    if (d.change == Change::kSame) continue;
    changes.push_back({{"path", d.path},
                       {"verdict", d.verdict()},
                       {"base", d.base},
                       {"new", d.fresh},
                       {"relative", finite(d.relative)},
                       {"tolerance", d.tolerance},
                       {"absolute", d.absolute}});
  }
  return changes;
}

/// What moved most, one row an operation or value, as people see it.
Json groups_json(const Comparison& run) {
  Json groups = Json::array();
  for (const ChangeGroup& group : run.groups) {
    Json rows = Json::array();
    for (const ChangeRow& row : group.rows)
      rows.push_back({{"path", row.difference->path}, {"moved_s", row.moved_s}, {"other_values", row.more}});
    groups.push_back({{"name", group.name}, {"rows", rows}});
  }
  return groups;
}

}  // namespace

std::string suite_json(const Suite& suite, bool good) {
  Json runs = Json::array();
  for (const Comparison& run : suite.runs) {
    runs.push_back({{"name", run.name},
                    {"failed", run.failed},
                    {"headline", headline_json(run)},
                    {"causes", run.causes},
                    {"counts", counts_json(run)},
                    {"groups", groups_json(run)},
                    {"changes", changes_json(run)}});
  }
  return dump({{"schema", "dojosim.compare/1"},
               {"good", good},
               {"runs", runs},
               {"missing", suite.missing},
               {"new", suite.added}});
}

std::string update_json(const std::vector<std::string>& files) {
  return dump({{"schema", "dojosim.compare/1"}, {"good", true}, {"updated", files}});
}

}  // namespace dojo::report
