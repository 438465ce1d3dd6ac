// SPDX-License-Identifier: Apache-2.0
// What a run of a sweep left in its folder, as a row: done with its metrics, failed or pending.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "dojo/base/error.h"
#include "report/compare.h"
#include "report/files.h"
#include "report/sweep_results.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

std::optional<Json> finished_report(const std::string& folder) {
  const std::string file = folder + "/report.json";
  if (!result_is_there(file)) return std::nullopt;
  try {
    Json report = read_json(file);
    if (report.value("schema", "") != "dojosim.report/1" || report.value("partial", true)) return std::nullopt;
    return report;
  } catch (const Error& error) {
    if (error.code() == ExitCode::kIo) throw;
  } catch (const Json::exception&) {
  }
  return std::nullopt;  // cut off or not a report: it has to run again
}

/// Worked out from other metrics, from the report and from the point's configuration; null where one of them is
/// missing.
Json derived(const SweepFile& sweep, const PointRun& run, const std::string& metric, const RunRow& row,
             const std::map<std::string, Json>& values, std::optional<Json>& config) {
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  const auto number = [](const Json& value) { return value.is_number() ? value.get<double>() : kNothing; };
  const Lookup lookup = [&](const std::string& path) -> Found {
    const auto other = std::find(sweep.metrics.begin(), sweep.metrics.end(), path);
    if (path != metric && other != sweep.metrics.end())
      return {number(row.metrics[static_cast<std::size_t>(other - sweep.metrics.begin())]), ""};
    if (const auto value = values.find(path); value != values.end()) return {number(value->second), ""};
    if (!config) config = Json::parse(config::resolved_json(config::load(load_request(sweep, run))));
    const Found found = find_number(*config, path);
    return {found.expected.empty() ? found.value : kNothing, ""};
  };
  const double value = expression_value(sweep.expressions.at(metric), lookup, sweep.file + ": /metrics: " + metric);
  return std::isfinite(value) ? Json(value) : Json();
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

bool run_done(const std::string& folder) {
  return finished_report(folder).has_value();
}

RunRow read_run(const SweepFile& sweep, const PointRun& run, const std::string& directory, MetricCount& metrics) {
  RunRow row;
  row.metrics.resize(sweep.metrics.size());
  const std::string folder = directory + "/" + place_of(sweep, run), failure = folder + ".failed";
  if (const auto report = finished_report(folder)) {
    row.status = "done";
    ++metrics.reports;
    const auto values = leaves(*report);
    if (metrics.known.empty()) {
      for (const auto& entry : values) metrics.known.push_back(entry.first);
    }
    std::optional<Json> config;
    for (std::size_t i = 0; i < sweep.metrics.size(); ++i) {
      if (sweep.expressions.count(sweep.metrics[i]) != 0) {
        row.metrics[i] = derived(sweep, run, sweep.metrics[i], row, values, config);
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

}  // namespace dojo::report
