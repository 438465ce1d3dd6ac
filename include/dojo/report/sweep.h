// SPDX-License-Identifier: Apache-2.0
// Runs a sweep: many runs that differ in some values, each in a process of its own.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "dojo/config/config.h"

namespace dojo::report {

/// What a sweep does with a point. It is given by who can run one, which this module cannot.
class PointRunner {
 public:
  virtual ~PointRunner() = default;
  /// Texts that are equal for points with the same workload, and with the same lowered job.
  struct Origin {
    std::string workload, job;
  };
  [[nodiscard]] virtual Origin origin(const config::RunConfig& config) = 0;
  /// Reads the workload of a point, and lowers it, so that points of the same origin need not. What cannot be read is
  /// left to the points, which say so. `stop`: a signal came.
  virtual void share(const config::RunConfig& config, bool lower, const std::function<bool()>& stop) = 0;
  /// In a process of its own: finds on standard error what would end this point before its machine is built. Returns
  /// the exit code that `run` would have, kGood where there is nothing.
  [[nodiscard]] virtual int check(const config::RunConfig& config) = 0;
  /// In a process of its own: `dojosim run` with these words. Returns its exit code.
  [[nodiscard]] virtual int run(const std::vector<std::string>& words) = 0;
};

struct SweepRequest {
  std::string file, directory;
  std::string points_file;  ///< a table whose columns are paths and whose rows are the points; "" = as the file says
  int jobs = 0;             ///< points at a time, tasks at a time where others run them; 0 = as many as fit
  std::string backend = "local";    ///< or "slurm", "command"
  std::string shard;                ///< "i/n" or ""
  std::string only;                 ///< "points": write no results.csv; "results": run nothing; "": both
  int processors = 0;               ///< of this sweep, or of each task; 0: those of this process, or of one point
  int tasks = 0;                    ///< parts in which others run the points; 0 = eight points each
  std::string template_line;        ///< backend command: a shell command with {tasks} or {task}
  std::vector<std::string> sbatch;  ///< options of Slurm's job array: "--partition=long"
  bool script = false;              ///< backend slurm: write the scripts and submit nothing
  bool wait = false;                ///< backend slurm: until results.csv is written
  bool resume = false;
  bool dry_run = false;  ///< the plan is printed, and nothing is written
  bool json = false;     ///< it is printed as JSON (schema dojosim.sweep_plan/1)
  PointRunner* runner = nullptr;
  std::string program;  ///< path of the dojosim executable: points are made again when it changes; tasks start it
  bool quiet = false;
  std::vector<std::string> run_options;  ///< passed on to every point
  std::vector<std::string> plugins;      ///< files that every point loads: points are made again when one changes
  std::function<bool()> interrupted;     ///< a signal came before the sweep could wait for one; may be empty
};

struct SweepOutcome {
  std::size_t points = 0, excluded = 0;  ///< of the plan; excluded by constraints
  std::size_t done = 0, dropped = 0, failed = 0, pending = 0;
  std::size_t bad = 0;  ///< points that failed, or are left where nothing should be
};
SweepOutcome sweep(const SweepRequest& request);

}  // namespace dojo::report
