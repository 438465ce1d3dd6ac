// SPDX-License-Identifier: Apache-2.0
// The island of a comparison's page: what each pair's comparison says, and of each run where its time went.
#include <algorithm>

#include "report/groups.h"
#include "report/page.h"

namespace dojo::report {
namespace {

constexpr std::size_t kRowsOfGroup = 200;
constexpr std::size_t kCauses = 100;
constexpr int kShareDigits = 4;

Json groups_json(const Comparison& run) {
  Json groups = Json::array();
  for (const ChangeGroup& group : run.groups) {
    Json rows = Json::array();
    for (std::size_t i = 0; i < std::min(group.rows.size(), kRowsOfGroup); ++i) {
      const ChangeRow& row = group.rows[i];
      const Difference& d = *row.difference;
      rows.push_back({d.verdict(), d.path, base_text(d), fresh_text(d), change_text(d), row.moved_s, row.more});
    }
    groups.push_back({{"name", group.name}, {"all", group.rows.size()}, {"rows", std::move(rows)}});
  }
  return groups;
}

Json pair_json(const Comparison& run) {
  Json headline = Json::array();
  for (const HeadlineRow& row : run.headline) headline.push_back({row.name, row.base, row.fresh, row.change});
  const auto causes_end = run.causes.begin() + static_cast<std::ptrdiff_t>(std::min(run.causes.size(), kCauses));
  return {{"name", run.name},
          {"failed", run.failed},
          {"headline", std::move(headline)},
          {"causes", std::vector<std::string>(run.causes.begin(), causes_end)},
          {"all_causes", run.causes.size()},
          {"counts", counts_text(run)},
          {"groups", groups_json(run)}};
}

Json section(const Json& report, const char* key) {
  return report.contains(key) ? report.at(key) : Json();
}

/// What a rank waited or worked for, operation by operation, over all its executions.
Json operations_json(const Json& report) {
  const Json::json_pointer where("/latency/ops");
  Json rows = Json::array();
  if (!report.contains(where)) return rows;
  std::set<std::string> names;
  for (const Json& op : report.at(where)) names.insert(op.value("name", ""));
  const Json workload = section(report, "workload");
  const double ranks = workload.is_object() ? workload.value("ranks", 0.0) : 0.0;
  for (const Json& op : report.at(where)) {
    const double seconds = ratio(op.value("exposed_s", op.value("seconds", 0.0)) * op.value("count", 0.0), ranks);
    const std::string name = op.value("name", "");
    rows.push_back({name, op.value("kind", ""), op.value("phase", ""), layer_of(name, names), seconds});
  }
  return rows;
}

}  // namespace

std::string compare_page(const Suite& suite, const std::vector<ComparedRun>& runs) {
  Json pairs = Json::array(), shown = Json::array();
  for (const Comparison& run : suite.runs) pairs.push_back(pair_json(run));
  for (const ComparedRun& run : runs) {
    Json one{{"label", run.label}, {"operations", operations_json(run.report)}};
    one["dies"] = run.dies.empty() ? Json::object() : packed(parse_csv(run.dies, "dies.csv"), kShareDigits);
    for (const char* key : {"program", "machine", "time", "workload", "breakdown", "bottlenecks", "energy", "links"})
      one[key] = section(run.report, key);
    shown.push_back(std::move(one));
  }
  return page("Comparison - dojosim", {{"kind", "compare"},
                                       {"pairs", std::move(pairs)},
                                       {"runs", std::move(shown)},
                                       {"missing", suite.missing},
                                       {"added", suite.added}});
}

}  // namespace dojo::report
