// SPDX-License-Identifier: Apache-2.0
// results.csv: one row a point, from the reports and logs that lie in a sweep folder.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>

#include "dojo/base/error.h"
#include "report/compare.h"
#include "report/files.h"
#include "report/sweep_parts.h"
#include "report/tables.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

using Row = ResultRow;

std::optional<Json> finished_report(const Point& point, const std::string& directory) {
  const std::string file = fmt::format("{}/points/{}/report.json", directory, point.folder);
  if (!result_is_there(file)) return std::nullopt;
  try {
    Json report = read_json(file);
    if (report.value("schema", "") != "dojosim.report/1" || report.value("partial", true)) return std::nullopt;
    return report;
  } catch (const Error& error) {
    if (error.code() == ExitCode::kIo) throw;
  } catch (const Json::exception&) {
  }
  return std::nullopt;  // cut off or not a report: the point has to run again
}

/// What the finished reports have and do not have of what is asked for.
struct Metrics {
  std::size_t reports = 0;
  std::map<std::string, std::size_t> missing;  ///< metric -> in how many reports
  std::vector<std::string> known;
};

/// Worked out from other metrics, from the report and from the point's configuration; null where one of them is
/// missing.
Json derived(const SweepFile& sweep, const Point& point, const std::string& metric, const Row& row,
             const std::map<std::string, Json>& values, std::optional<Json>& config) {
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  const auto number = [](const Json& value) { return value.is_number() ? value.get<double>() : kNothing; };
  const Lookup lookup = [&](const std::string& path) -> Found {
    const auto other = std::find(sweep.metrics.begin(), sweep.metrics.end(), path);
    if (path != metric && other != sweep.metrics.end())
      return {number(row.metrics[static_cast<std::size_t>(other - sweep.metrics.begin())]), ""};
    if (const auto value = values.find(path); value != values.end()) return {number(value->second), ""};
    if (!config) config = Json::parse(config::resolved_json(config::load(load_request(sweep, point))));
    const Found found = find_number(*config, path);
    return {found.expected.empty() ? found.value : kNothing, ""};
  };
  const double value = expression_value(sweep.expressions.at(metric), lookup, sweep.file + ": /metrics: " + metric);
  return std::isfinite(value) ? Json(value) : Json();
}

Row read_row(const SweepFile& sweep, const Point& point, const std::string& directory, Metrics& metrics) {
  Row row;
  row.metrics.resize(sweep.metrics.size());
  const std::string failure = fmt::format("{}/points/{}.failed", directory, point.folder);
  if (const auto report = finished_report(point, directory)) {
    row.status = "done";
    ++metrics.reports;
    const auto values = leaves(*report);
    if (metrics.known.empty()) {
      for (const auto& entry : values) metrics.known.push_back(entry.first);
    }
    std::optional<Json> config;
    for (std::size_t i = 0; i < sweep.metrics.size(); ++i) {
      if (sweep.expressions.count(sweep.metrics[i]) != 0) {
        row.metrics[i] = derived(sweep, point, sweep.metrics[i], row, values, config);
        continue;
      }
      const auto value = values.find(sweep.metrics[i]);
      if (value == values.end()) {
        ++metrics.missing[sweep.metrics[i]];
      } else {
        row.metrics[i] = value->second;
      }
    }
  } else if (result_is_there(failure)) {
    row.status = "failed";
    row.reason = read_text(failure);
    while (!row.reason.empty() && row.reason.back() == '\n') row.reason.pop_back();
  } else {
    row.status = "pending";
  }
  return row;
}

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
    const Json& value = goal.is_axis ? point.values[goal.column] : row.metrics[goal.column];
    if (row.status != "done" || !value.is_number()) return {};
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

}  // namespace

bool result_is_there(const std::string& file) {
  std::error_code failed;
  const fs::file_type type = fs::status(file, failed).type();
  if (type == fs::file_type::not_found) return false;
  if (type == fs::file_type::none)
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be looked at: {}", file, failed.message()));
  if (type == fs::file_type::regular) return true;
  throw Error(ExitCode::kIo, fmt::format("{}: found a folder, a pipe or a device, expected a file of an earlier "
                                         "sweep; remove it, or give another --out",
                                         file));
}

bool point_done(const Point& point, const std::string& directory) {
  return finished_report(point, directory).has_value();
}

SweepTable sweep_table(const SweepFile& sweep, const Plan& plan, const std::string& directory) {
  Metrics metrics;
  std::vector<Row> rows;
  for (const Point& point : plan.points) rows.push_back(read_row(sweep, point, directory, metrics));
  const std::vector<Goal> wanted = goals(sweep);
  if (!wanted.empty()) mark_pareto(rows, plan.points, wanted);

  SweepTable table;
  for (const auto& [metric, count] : metrics.missing)
    (count == metrics.reports ? table.unknown_metrics : table.missing_metrics).push_back(metric);
  table.known_metrics = std::move(metrics.known);
  table.csv = "index,hash,status,reason";
  for (const Axis& axis : sweep.axes) table.csv += "," + csv_cell(axis.path);
  for (const std::string& metric : sweep.metrics) table.csv += "," + csv_cell(metric);
  if (!wanted.empty()) table.csv += ",pareto";
  table.csv += "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    (row.status == "done" ? table.done : row.status == "failed" ? table.failed : table.pending) += 1;
    table.csv += fmt::format("{},{},{},{}", i, plan.points[i].hash, row.status, csv_cell(row.reason));
    for (const Json& value : plan.points[i].values) table.csv += "," + csv_cell(plain(value));
    for (const Json& value : row.metrics) table.csv += "," + (value.is_null() ? "" : csv_cell(plain(value)));
    if (!wanted.empty()) table.csv += row.pareto ? ",1" : ",0";
    table.csv += "\n";
  }
  table.rows = std::move(rows);
  return table;
}

}  // namespace dojo::report
