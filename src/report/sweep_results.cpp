// SPDX-License-Identifier: Apache-2.0
// results.csv: one row a point, from the reports and logs that lie in a sweep folder.
#include <algorithm>

#include "dojo/base/error.h"
#include "report/sweep_results.h"
#include "report/tables.h"

namespace dojo::report {
namespace {

using Row = ResultRow;

struct Goal {
  std::size_t column;
  bool is_axis;
  double sign;  ///< of a value that is to be small
};

std::vector<Goal> goals(const SweepFile& sweep) {
  std::vector<Goal> out;
  const auto add = [&](const std::vector<std::string>& names, double sign) {
    for (const std::string& name : names) {
      const auto metric = std::find(sweep.metrics.begin(), sweep.metrics.end(), name);
      const auto axis =
          std::find_if(sweep.axes.begin(), sweep.axes.end(), [&](const Axis& a) { return a.path == name; });
      const bool is_axis = metric == sweep.metrics.end();
      const auto column = is_axis ? axis - sweep.axes.begin() : metric - sweep.metrics.begin();
      out.push_back({static_cast<std::size_t>(column), is_axis, sign});
    }
  };
  add(sweep.pareto_min, 1);
  add(sweep.pareto_max, -1);
  return out;
}

/// The values by which points are compared, small ones better; empty: the point has none.
std::vector<double> judged(const Row& row, const Point& point, const std::vector<Goal>& goals) {
  std::vector<double> values;
  for (const Goal& goal : goals) {
    const Json& value = goal.is_axis ? point.values[goal.column] : row.run.metrics[goal.column];
    if (row.run.status != "done" || !value.is_number()) return {};
    values.push_back(goal.sign * value.get<double>());
  }
  return values;
}

/// `a` is at least as good as `b` everywhere and better somewhere.
bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

void mark_pareto(std::vector<Row>& rows, const std::vector<Point>& points, const std::vector<Goal>& goals) {
  std::vector<std::vector<double>> values;
  for (std::size_t i = 0; i < rows.size(); ++i) values.push_back(judged(rows[i], points[i], goals));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].pareto = !values[i].empty() && std::none_of(values.begin(), values.end(), [&](const auto& other) {
      return !other.empty() && dominates(other, values[i]);
    });
  }
}

/// What became of each point, rung by rung.
std::vector<Row> rows_of(const SweepFile& sweep, const Plan& plan, const std::vector<Ladder::Rung>& rungs) {
  const auto goal = std::find(sweep.metrics.begin(), sweep.metrics.end(), sweep.search.goal);
  const auto column = static_cast<std::size_t>(goal - sweep.metrics.begin());
  const std::size_t last = sweep.rungs() - 1;
  std::vector<Row> rows(plan.points.size());
  for (Row& row : rows) row.goal.resize(last);
  for (std::size_t rung = 0; rung < rungs.size(); ++rung) {
    // Who is not on the next rung when it is known, or when there can be none, goes no further.
    const char* const after = rungs[rung].has_ended() ? "dropped" : "pending";
    for (std::size_t i = 0; i < rungs[rung].points.size(); ++i) {
      Row& row = rows[rungs[rung].points[i]->index];
      row.run = rungs[rung].rows[i];
      if (row.run.status != "done") continue;
      row.rung = rung + 1;
      if (rung == last) continue;
      row.goal[rung] = row.run.metrics[column];
      row.run.status = after;
      row.run.metrics.assign(sweep.metrics.size(), Json());
    }
  }
  return rows;
}

std::string csv_of(const SweepFile& sweep, const Plan& plan, const std::vector<Row>& rows, bool has_goals) {
  const bool search = sweep.rungs() > 1;
  std::string csv = search ? "index,hash,status,reason,rung" : "index,hash,status,reason";
  for (const Axis& axis : sweep.axes) csv += "," + csv_cell(axis.path);
  for (std::size_t rung = 0; rung + 1 < sweep.rungs(); ++rung) csv += "," + csv_cell(goal_column(sweep, rung));
  for (const std::string& metric : sweep.metrics) csv += "," + csv_cell(metric);
  if (has_goals) csv += ",pareto";
  csv += "\n";
  const auto cell = [](const Json& value) { return "," + (value.is_null() ? "" : csv_cell(plain(value))); };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    csv += fmt::format("{},{},{},{}", i, plan.points[i].hash, row.run.status, csv_cell(row.run.reason));
    if (search) csv += fmt::format(",{}", row.rung);
    for (const Json& value : plan.points[i].values) csv += "," + csv_cell(plain(value));
    for (const Json& value : row.goal) csv += cell(value);
    for (const Json& value : row.run.metrics) csv += cell(value);
    if (has_goals) csv += row.pareto ? ",1" : ",0";
    csv += "\n";
  }
  return csv;
}

}  // namespace

std::string goal_column(const SweepFile& sweep, std::size_t rung) {
  return fmt::format("{}@{}", sweep.search.goal, rung + 1);
}

SweepTable sweep_table(const SweepFile& sweep, const Plan& plan, const std::string& directory) {
  Ladder ladder(sweep, plan, directory);
  do {
    ladder.read();
  } while (ladder.climb());
  std::vector<Row> rows = rows_of(sweep, plan, ladder.rungs());
  const std::vector<Goal> wanted = goals(sweep);
  if (!wanted.empty()) mark_pareto(rows, plan.points, wanted);

  SweepTable table;
  for (const auto& [metric, count] : ladder.metrics().missing)
    (count == ladder.metrics().reports ? table.unknown_metrics : table.missing_metrics).push_back(metric);
  table.known_metrics = ladder.metrics().known;
  for (const Row& row : rows) {
    const std::string& status = row.run.status;
    (status == "done"      ? table.done
     : status == "failed"  ? table.failed
     : status == "dropped" ? table.dropped
                           : table.pending) += 1;
  }
  table.csv = csv_of(sweep, plan, rows, !wanted.empty());
  table.rows = std::move(rows);
  table.rungs = ladder.rungs();
  return table;
}

}  // namespace dojo::report
