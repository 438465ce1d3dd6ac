// SPDX-License-Identifier: Apache-2.0
// `evidence` of report.json: the grade of each value of the machine, and what the result leans on.
#include "dojo/config/evidence.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "report/value.h"

namespace dojo::report {
namespace {

/// Change of the simulated time; null where there is no such run.
Json change(Cycles turned, Cycles base) {
  return turned == 0 || base == 0 ? Json() : Json(ratio(static_cast<double>(turned), static_cast<double>(base)) - 1);
}

double size_of(const Json& change) {
  return change.is_null() ? 0 : std::abs(change.get<double>());
}

Json sensitivity_rows(const Figures& out, const RunContext& c) {
  std::vector<std::pair<double, Json>> rows;
  if (c.sensitivity != nullptr) {
    for (const TurnedNumber& t : *c.sensitivity) {
      const Json low = change(t.low_cycles, c.results.end_cycle), high = change(t.high_cycles, c.results.end_cycle);
      Json json;
      Figures row = out.rows(json, "evidence.sensitivity");
      row.add("key", t.key, "", "assumed number of the machine; the one that changes most comes first");
      row.add("value", t.value, "", "of this run");
      row.add("low", t.low, "", "10 % less; of a whole number at least 1");
      row.add("high", t.high, "", "10 % more; of a whole number at least 1");
      row.add("low_change", low, "share", "of `time.cycles`, planned anew; null: such a machine was refused");
      row.add("high_change", high, "share", "of `time.cycles`, planned anew; null: such a machine was refused");
      rows.emplace_back(std::max(size_of(low), size_of(high)), std::move(json));
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  Json list = Json::array();
  for (auto& [size, row] : rows) list.push_back(std::move(row));
  return list;
}

}  // namespace

void add_evidence(Figures& out, const RunContext& c) {
  std::map<config::Grade, std::int64_t> counts;
  Json grades = Json::object();
  for (const config::Graded& one : config::graded_values(c.config.machine)) {
    ++counts[one.grade];
    grades[one.key] = schema::enum_text(one.grade);
  }
  for (const auto& grade : config::enum_entries(config::Grade{}))
    out.add(std::string("evidence.values.") + grade.text, counts[grade.value], "keys", grade.sentence);
  out.add("evidence.grades", std::move(grades), "", "of each value of the machine that its level uses");
  out.put("evidence.sensitivity", sensitivity_rows(out, c));
}

}  // namespace dojo::report
