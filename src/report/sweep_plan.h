// SPDX-License-Identifier: Apache-2.0
// The plan of a sweep: its points, where each of their runs lies, and what is wrong with them.
#pragma once
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "report/sweep_file.h"

namespace dojo::report {

struct Point {
  std::size_t index = 0;
  std::vector<Json> values;  ///< by axis
  std::string hash;          ///< of the resolved configs of its runs and the base's input files; 12 hex digits
  std::string folder;        ///< "<index>-<hash>"
};
/// One run of a point.
struct PointRun {
  const Point* point = nullptr;
  std::size_t rung = 0;
};
struct Plan {
  std::vector<Point> points;
  std::size_t excluded = 0;  ///< by constraints
  std::int64_t threads = 0;  ///< of the base config; 0 = it does not say
  std::int64_t nodes = 0;    ///< of the largest machine
  std::vector<Json> base;    ///< the base's value of each axis; null where it has none
};

/// What a run of a point sets.
[[nodiscard]] std::vector<Setting> settings_of(const SweepFile& sweep, const Point& point, std::size_t rung);
/// "path=value" of those.
[[nodiscard]] std::vector<std::string> choices_of(const std::vector<Setting>& settings);
/// The configuration of a run.
[[nodiscard]] config::LoadRequest load_request(const SweepFile& sweep, const PointRun& run);
/// "points/<index>-<hash>", or "rungs/1/<index>-<hash>" of an earlier rung: folders of runs below that of the sweep.
[[nodiscard]] std::string runs_folder(const SweepFile& sweep, std::size_t rung);
[[nodiscard]] std::string place_of(const SweepFile& sweep, const PointRun& run);

/// Values of the axes, point by point, constraints not yet asked. Error(kInvalidInput).
[[nodiscard]] std::vector<std::vector<Json>> candidates(const SweepFile& sweep, const Json& base);
/// The base's value of a path; null where it has none, or a list or group.
[[nodiscard]] Json base_value(const Json& base, const std::string& path);
/// Loads the base and every run of every point to check them. Error(kInvalidInput) with all findings.
[[nodiscard]] Plan make_plan(const SweepFile& sweep);
/// Points of a rung when none fails; of the first, all.
[[nodiscard]] std::size_t rung_size(const SweepFile& sweep, const Plan& plan, std::size_t rung);

/// sweep.json: what was asked for, for the page.
[[nodiscard]] std::string sweep_json(const SweepFile& sweep, const Plan& plan);
[[nodiscard]] std::string points_csv(const SweepFile& sweep, const Plan& plan);

}  // namespace dojo::report
