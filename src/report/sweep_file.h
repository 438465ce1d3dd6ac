// SPDX-License-Identifier: Apache-2.0
// What a sweep file says: axes, constraints, metrics, goals; and the expressions in it.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "report/json.h"

namespace dojo::report {

/// "machine" or "workload": the value is the name of a file.
[[nodiscard]] bool names_file(const std::string& path);

struct Axis {
  std::string path;
  std::vector<Json> values;     ///< null: as in the base
  std::vector<double> factors;  ///< not empty: the values are the base's times these
  std::size_t group = 0;        ///< axes of one group move together; groups are numbered from 0 on, in their order
  std::string folder;           ///< of the file that has the axis: names of files are relative to it
  [[nodiscard]] bool is_file() const { return names_file(path); }
};

/// A path with a value, as on the command line.
struct Setting {
  std::string path;
  Json value;
  std::string folder;  ///< names of files are relative to it
};

/// Mode search: all points run on the first rung, the best of them on the next, up to the base as it is.
struct Search {
  std::string goal;                         ///< a metric
  bool largest = false;                     ///< is best
  double keep = 0;                          ///< share of a rung's points that go on to the next
  std::vector<std::vector<Setting>> rungs;  ///< what each sets; the base as it is comes after them
};

struct SweepFile {
  std::string file;
  std::string title;  ///< what is asked, for the page
  std::string base;   ///< run config, made relative to the sweep file's folder
  std::string mode = "grid";
  std::vector<Axis> axes;  ///< mode list: one value per point
  std::vector<std::string> constraints;
  std::vector<std::string> metrics = {"time.seconds"};
  std::map<std::string, std::string> expressions;   ///< of the metrics that are worked out from others
  std::vector<std::string> pareto_min, pareto_max;  ///< metrics and paths of axes
  std::uint64_t samples = 0, seed = 1;              ///< modes random and search; 0: all
  Search search;
  /// Runs of a point, one after the other: 1 but in mode search.
  [[nodiscard]] std::size_t rungs() const { return search.rungs.size() + 1; }
};
/// The values of {"range": {"from", "to", "step" or "count"}} or {"log2": {"from", "to"}}, as whole numbers where all
/// are.
/// "" and the values, or what was expected of the object.
[[nodiscard]] std::string range_values(const std::string& kind, const Json& range, std::vector<Json>& values);
/// Strict: Error(kInvalidInput) with every mistake, each with file and JSON path. `points`: a table whose columns are
/// paths and whose rows are the points, in place of what the file says of them; "" for none.
[[nodiscard]] SweepFile read_sweep(const std::string& file, const std::string& points = "");
/// "search" of a sweep whose axes and metrics have been read; `folder`: of the file. Adds what is wrong to `findings`.
[[nodiscard]] Search read_search(const Json& json, const SweepFile& sweep, const std::string& folder,
                                 Findings& findings);
/// The table's columns as axes; those of an earlier points.csv that are no paths are left out. Error(kInvalidInput).
[[nodiscard]] std::vector<Axis> read_points_table(const std::string& file);

/// "machine.tile.dies.rows * machine.tile.dies.columns <= 25": comparison of arithmetic on numeric values of a config.
/// Error(kInvalidInput) that starts with `where` for what cannot be read or evaluated.
[[nodiscard]] bool constraint_holds(const std::string& expression, const Json& config, const std::string& where);

/// What a path stands for in an expression: a number, which may be NaN, or what was expected in its place.
struct Found {
  double value = 0;
  std::string expected;
};
using Lookup = std::function<Found(const std::string& path)>;
[[nodiscard]] Found find_number(const Json& config, const std::string& path);
/// Arithmetic of numbers, paths, min, max, pow, abs, sqrt, log2, log, ceil, floor. Error(kInvalidInput) that starts
/// with `where`. Not finite where it is nothing.
[[nodiscard]] double expression_value(const std::string& expression, const Lookup& lookup, const std::string& where);
/// What is wrong with metrics that no report can have, and with expressions that cannot be read.
[[nodiscard]] std::vector<std::string> metric_findings(const SweepFile& sweep, const Json& config);

/// A value as the command line and a CSV cell have it: strings bare, all else as JSON.
[[nodiscard]] std::string plain(const Json& value);

}  // namespace dojo::report
