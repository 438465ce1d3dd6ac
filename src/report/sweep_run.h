// SPDX-License-Identifier: Apache-2.0
// How the points of a sweep are run: by whom, in which processes, with what share of the processors.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dojo/report/sweep.h"
#include "report/sweep_plan.h"

namespace dojo::report {

/// One child process: a program, or work of this one.
struct Child {
  /// [0] is started with all of them as its words; no shell is involved. It has a process group of its own, which
  /// signals reach whole, and is not killed when this process is.
  std::vector<std::string> program;
  std::function<int()> work;     ///< called in the child when there is no program; its exit code
  std::string log;               ///< standard error goes here, "": into memory; standard output nowhere
  std::function<void()> before;  ///< called in this process before the child is started; may be empty
};
/// Number, exit code (128 + signal for a killed one), and what it said into memory.
using Ended = std::function<void(std::size_t, int, const std::string&)>;
/// Runs at most `jobs` at a time and calls `ended` as each ends. Returns false when SIGINT or SIGTERM came: no more
/// were started, the running ones were told and waited for. `interrupted`: one came before; may be empty.
bool run_pool(const std::vector<Child>& children, int jobs, const Ended& ended,
              const std::function<bool()>& interrupted = {});
/// SIGINT or SIGTERM has come and run_pool() will say so.
[[nodiscard]] bool signal_is_pending();

/// A run, and what it has in common with others: hashes of PointRunner::Origin.
struct RunWork {
  PointRun run;
  std::string workload, job;
};
/// Those that share a workload or a job follow one another.
[[nodiscard]] std::vector<RunWork> works_of(PointRunner& runner, const SweepFile& sweep,
                                            const std::vector<PointRun>& runs);

/// A run that would end before its machine is built.
struct Unfit {
  PointRun run;
  int code = 0;
  std::string words;
};
/// False when a signal came.
[[nodiscard]] bool check_runs(const SweepRequest& request, const SweepFile& sweep, const std::vector<PointRun>& runs,
                              std::vector<Unfit>& unfit);
/// Findings, each with the first point that has it.
[[nodiscard]] std::vector<std::string> unfit_lines(const SweepFile& sweep, const std::vector<Unfit>& unfit);

/// Every n-th point, from the i-th on.
struct Shard {
  std::size_t index = 0, count = 1;
  [[nodiscard]] bool holds(std::size_t number) const { return number % count == index % count; }
};

/// Prints the plan. Error(kInvalidInput) with all of its runs that cannot be.
void dry_run(const SweepRequest& request, const SweepFile& sweep, const Plan& plan, const Shard& shard);

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
  std::size_t rungs = 1;             ///< that are not yet run: the tasks run so often, one rung at a time
  int processors = 1;                ///< of each
  std::uint64_t mebibytes = 0;       ///< of host memory that each may need, estimated
  std::string folder;                ///< where these run
};
/// `due`: by their numbers in their rung.
[[nodiscard]] Tasks plan_tasks(const SweepRequest& request, const Plan& plan, const std::vector<std::size_t>& due);
/// Writes DIR/slurm/points.sh, merge.sh and submit.sh, and returns the last one's name.
std::string write_slurm_scripts(const SweepRequest& request, const Tasks& tasks);
/// Writes DIR/tasks/1.sh ..., and all.txt with a command for each; returns what the template says to run.
[[nodiscard]] std::vector<Child> write_task_commands(const SweepRequest& request, const Tasks& tasks);
/// A word as a shell takes it.
[[nodiscard]] std::string shell_word(const std::string& text);

}  // namespace dojo::report
