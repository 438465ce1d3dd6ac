// SPDX-License-Identifier: Apache-2.0
// results.csv: one row a point, from the reports and logs that lie in a sweep folder.
#include <algorithm>
#include <filesystem>
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

struct Row {
  std::string status, reason;
  std::vector<Json> metrics;  ///< null where there is none
  bool pareto = false;
};

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
    for (std::size_t i = 0; i < sweep.metrics.size(); ++i) {
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
  std::size_t metric;
  double sign;  ///< of a value that is to be small
};

std::vector<Goal> goals(const SweepFile& sweep) {
  std::vector<Goal> out;
  const auto add = [&](const std::vector<std::string>& names, double sign) {
    for (const std::string& name : names) {
      const auto at = std::find(sweep.metrics.begin(), sweep.metrics.end(), name);
      out.push_back({static_cast<std::size_t>(at - sweep.metrics.begin()), sign});
    }
  };
  add(sweep.pareto_min, 1);
  add(sweep.pareto_max, -1);
  return out;
}

/// `a` is at least as good as `b` everywhere and better somewhere.
bool dominates(const Row& a, const Row& b, const std::vector<Goal>& goals) {
  bool better = false;
  for (const Goal& goal : goals) {
    const double x = goal.sign * a.metrics[goal.metric].get<double>();
    const double y = goal.sign * b.metrics[goal.metric].get<double>();
    if (x > y) return false;
    better = better || x < y;
  }
  return better;
}

void mark_pareto(std::vector<Row>& rows, const std::vector<Goal>& goals) {
  const auto takes_part = [&](const Row& row) {
    return row.status == "done" &&
           std::all_of(goals.begin(), goals.end(), [&](const Goal& g) { return row.metrics[g.metric].is_number(); });
  };
  for (Row& row : rows) {
    row.pareto = takes_part(row) && std::none_of(rows.begin(), rows.end(), [&](const Row& other) {
                   return takes_part(other) && dominates(other, row, goals);
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
  if (!wanted.empty()) mark_pareto(rows, wanted);

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
  return table;
}

}  // namespace dojo::report
