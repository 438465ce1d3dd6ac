// SPDX-License-Identifier: Apache-2.0
// Parts of `sweep`: the file, the plan of points, the pool of processes, the table of results.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dojo/report/report.h"
#include "report/json.h"

namespace dojo::report {

struct Axis {
  std::string path;
  std::vector<Json> values;
  std::vector<double> factors;  ///< not empty: the values are the base's times these
  std::size_t group = 0;        ///< axes of one group move together; groups are numbered from 0 on, in their order
  /// Path "machine" or "workload": values are names of files, relative to this folder.
  std::string folder;
  [[nodiscard]] bool is_file() const { return path == "machine" || path == "workload"; }
};

struct SweepFile {
  std::string file;
  std::string base;  ///< run config, made relative to the sweep file's folder
  std::string mode = "grid";
  std::vector<Axis> axes;  ///< mode list: one value per point
  std::vector<std::string> constraints;
  std::vector<std::string> metrics = {"time.seconds"};
  std::map<std::string, std::string> expressions;   ///< of the metrics that are worked out from others
  std::vector<std::string> pareto_min, pareto_max;  ///< metrics and paths of axes
  std::uint64_t samples = 0, seed = 1;              ///< mode random
};
/// The values of {"range": {"from", "to", "step" or "count"}} or {"log2": {"from", "to"}}, as whole numbers where all
/// are.
/// "" and the values, or what was expected of the object.
[[nodiscard]] std::string range_values(const std::string& kind, const Json& range, std::vector<Json>& values);
/// Strict: Error(kInvalidInput) with every mistake, each with file and JSON path. `points`: a table whose columns are
/// paths and whose rows are the points, in place of what the file says of them; "" for none.
[[nodiscard]] SweepFile read_sweep(const std::string& file, const std::string& points = "");
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
/// Error(kInvalidInput) for metrics that no report can have, and for expressions that cannot be read.
void check_metrics(const SweepFile& sweep, const Json& config);

struct Point {
  std::size_t index = 0;
  std::vector<Json> values;  ///< by axis
  std::string hash;          ///< of the resolved config and the base's input files; 12 hex digits
  std::string folder;        ///< "<index>-<hash>"
  [[nodiscard]] std::vector<std::string> overrides(const SweepFile& sweep) const;  ///< "path=value", files apart
  [[nodiscard]] std::vector<std::string> choices(const SweepFile& sweep) const;    ///< the same with them
};
struct Plan {
  std::vector<Point> points;
  std::size_t excluded = 0;  ///< by constraints
  std::int64_t threads = 0;  ///< of the base config; 0 = it does not say
  std::int64_t nodes = 0;    ///< of the base's machine
  std::vector<Json> base;    ///< the base's value of each axis; null where it has none
};
/// The configuration of a point.
[[nodiscard]] config::LoadRequest load_request(const SweepFile& sweep, const Point& point);
/// Loads the base and every point to check them. Error(kInvalidInput) names each point that cannot run.
[[nodiscard]] Plan make_plan(const SweepFile& sweep);
/// sweep.json: what was asked for, for the page.
[[nodiscard]] std::string sweep_json(const SweepFile& sweep, const Plan& plan);
[[nodiscard]] std::string points_csv(const SweepFile& sweep, const Plan& plan);
/// A value as the command line and a CSV cell have it: strings bare, all else as JSON.
[[nodiscard]] std::string plain(const Json& value);

/// One child process; no shell is involved.
struct Command {
  std::vector<std::string> arguments;  ///< [0] is the program
  std::string log;                     ///< standard error goes here, standard output nowhere
  /// Another program that starts points: it has a process group of its own, which signals reach whole, and it is not
  /// killed when this process is.
  bool others = false;
};
/// Runs at most `jobs` at a time and calls `finished(i, exit code)` as each ends (128 + signal for a killed one).
/// Returns false when SIGINT or SIGTERM came: no more were started, the running ones were told and waited for.
/// `interrupted`: one came before; may be empty. A child learns the number of this process by kParentVariable, so that
/// it can end when this one is killed.
bool run_pool(const std::vector<Command>& commands, int jobs, const std::function<void(std::size_t, int)>& finished,
              const std::function<bool()>& interrupted = {});

/// Every n-th point, from the i-th on.
struct Shard {
  std::size_t index = 0, count = 1;
  [[nodiscard]] bool holds(const Point& point) const { return point.index % count == index % count; }
};

/// Error(kUsage) for what does not go together.
void check_request(const SweepRequest& request);
/// "1/4" .. "4/4" cut the points in four. "0/4" would be the same part as "4/4": who counts from 0 would run it twice.
[[nodiscard]] Shard read_shard(const std::string& text);

struct Share {
  int jobs = 1;
  std::int64_t threads = 1;
};
/// Processes x threads fill the processors once, whichever of the two the user gave. `threads`: of the base.
[[nodiscard]] Share share_processors(const SweepRequest& request, std::int64_t threads);

/// What others run: each task is a sweep of its shard, in this folder and with the names of files that the user gave.
struct Tasks {
  std::size_t count = 1;             ///< shards
  std::vector<std::size_t> numbers;  ///< those with points that are due, from 1
  int processors = 1;                ///< of each
  std::uint64_t mebibytes = 0;       ///< of host memory that each may need, estimated
  std::string folder;                ///< where these run
};
[[nodiscard]] Tasks plan_tasks(const SweepRequest& request, const Plan& plan, const std::vector<const Point*>& due);
/// Writes DIR/slurm/points.sh, merge.sh and submit.sh, and returns the last one's name.
std::string write_slurm_scripts(const SweepRequest& request, const Tasks& tasks);
/// Writes DIR/tasks/1.sh ..., and all.txt with a command for each; returns what the template says to run.
[[nodiscard]] std::vector<Command> write_task_commands(const SweepRequest& request, const Tasks& tasks);
/// A word as a shell takes it.
[[nodiscard]] std::string shell_word(const std::string& text);

/// A cell of results: a number, a text, or nothing.
struct ResultRow {
  std::string status, reason;
  std::vector<Json> metrics;  ///< null where there is none
  bool pareto = false;
};
/// One row a point, from what lies in the folder: done, failed (with reason) or pending. Returns the failed ones.
struct SweepTable {
  std::string csv;
  std::size_t done = 0, failed = 0, pending = 0;
  std::vector<std::string> missing_metrics;  ///< that some finished reports do not have
  std::vector<std::string> unknown_metrics;  ///< that no finished report has
  std::vector<std::string> known_metrics;    ///< keys of a finished report
  std::vector<ResultRow> rows;
};
[[nodiscard]] SweepTable sweep_table(const SweepFile& sweep, const Plan& plan, const std::string& directory);
/// results.sqlite: tables results, operations and collectives.
[[nodiscard]] std::string sweep_database(const SweepFile& sweep, const Plan& plan, const SweepTable& table,
                                         const std::string& directory);
/// Whether a file that a point left is there. Error(kIo) when something else has its name: a pipe would be waited for.
[[nodiscard]] bool result_is_there(const std::string& file);
/// A finished, not partial report of the point exists.
[[nodiscard]] bool point_done(const Point& point, const std::string& directory);

}  // namespace dojo::report
