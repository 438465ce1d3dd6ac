// SPDX-License-Identifier: Apache-2.0
// Runs a sweep: plan, points in child processes, results; every step reads and writes files only, so it can be resumed.
#include "dojo/report/sweep.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "dojo/base/processors.h"
#include "dojo/base/text.h"
#include "dojo/report/report.h"
#include "report/files.h"
#include "report/sweep_results.h"
#include "report/sweep_run.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

/// Of `dojosim run`.
std::vector<std::string> words_of(const SweepRequest& request, const SweepFile& sweep, const PointRun& run,
                                  const std::string& folder, std::int64_t threads) {
  const config::LoadRequest load = load_request(sweep, run);
  std::vector<std::string> words{sweep.base};
  if (!load.machine_file.empty()) words.insert(words.end(), {"--machine", load.machine_file});
  if (!load.workload_file.empty()) words.insert(words.end(), {"--workload", load.workload_file});
  for (const std::string& setting : load.overrides) words.insert(words.end(), {"--set", setting});
  words.insert(words.end(), request.run_options.begin(), request.run_options.end());
  words.insert(words.end(), {"--out", folder, "--quiet", "--threads", std::to_string(threads)});
  return words;
}

/// Files whose code makes the points.
std::vector<std::string> made_by(const SweepRequest& request) {
  std::vector<std::string> files{request.program};
  files.insert(files.end(), request.plugins.begin(), request.plugins.end());
  return files;
}

/// How long the rest of a pool may take, by the part so far, which may be unlike the rest.
std::string time_left(std::chrono::steady_clock::time_point start, std::size_t ended, std::size_t all) {
  if (ended == all) return "";
  const double each =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(ended);
  const double left = each * static_cast<double>(all - ended);
  constexpr double kMinute = 60, kHour = 3600;
  return left < 2 * kMinute ? fmt::format(", about {:.0f} s left:", left)
         : left < 2 * kHour ? fmt::format(", about {:.0f} min left:", left / kMinute)
                            : fmt::format(", about {:.1f} h left:", left / kHour);
}

class Sweep {
 public:
  Sweep(const SweepRequest& request, const SweepFile& file, const Plan& plan, const Shard& shard)
      : request_(request),
        file_(file),
        plan_(plan),
        shard_(shard),
        runs_(file, request.directory, made_by(request)),
        ladder_(file, plan, request.directory) {}

  SweepOutcome run() {
    begin();
    if (request_.only == "results") return finish(true);
    if (request_.only.empty() && !check()) return finish(false);
    do {
      const std::vector<std::size_t> due = due_runs();
      const bool hands_out = request_.backend != "local" && !due.empty();
      if (hands_out && request_.backend == "slurm") return submit(due);
      if (!(hands_out ? run_commands(due) : run_points(due))) return finish(false);
    } while (next_rung());
    return finish(true);
  }

 private:
  [[nodiscard]] std::size_t rung() const { return ladder_.rungs().size() - 1; }
  [[nodiscard]] std::string on_rung() const {
    return file_.rungs() > 1 ? fmt::format(" on rung {} of {}", rung() + 1, file_.rungs()) : "";
  }

  bool next_rung() {
    if (rung() + 1 == file_.rungs()) return false;
    ladder_.read();
    return ladder_.climb();
  }

  void begin() {
    for (std::size_t rung = 0; rung < file_.rungs(); ++rung) {
      const std::string folder = request_.directory + "/" + runs_folder(file_, rung);
      (void)make_folders(folder);
      if (request_.only != "points") remove_leftovers(folder);  // the tasks of a job array are many
    }
    if (request_.only != "points") {
      for (const char* part : {"", "/tasks", "/slurm"}) remove_leftovers(request_.directory + part);
    }
    write_file(request_.directory + "/points.csv", points_csv(file_, plan_));
    write_file(request_.directory + "/sweep.json", sweep_json(file_, plan_));
  }

  /// What cannot be is said before the first run.
  bool check() {
    std::vector<PointRun> runs;
    for (std::size_t rung = 0; rung < file_.rungs(); ++rung) {
      for (const Point& point : plan_.points) {
        const PointRun run{&point, rung};
        if (!shard_.holds(point.index)) continue;
        if (!request_.resume || !runs_.is_current(run)) runs.push_back(run);
        // Tasks keep what failed: it failed in the task before, or cannot be, and the next rung follows from it.
        if (rung > 0 && runs_.has_failed(run)) runs_.forget(run);
      }
    }
    const bool whole = check_runs(request_, file_, runs, unfit_);
    const std::vector<std::string> lines = unfit_lines(file_, unfit_);
    for (const std::string& line : lines) say(line + "\n");
    if (!unfit_.empty())
      say(fmt::format("sweep: {} of {} runs cannot be, as above; they are failed points\n", unfit_.size(),
                      runs.size()));
    return whole;
  }

  /// Numbers of runs on this rung that this process has to do.
  std::vector<std::size_t> due_runs() {
    const std::vector<const Point*>& points = ladder_.rungs().back().points;
    const bool is_task = request_.only == "points";
    std::vector<std::size_t> due;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const PointRun run{points[i], rung()};
      if (!shard_.holds(i)) continue;
      remove_leftovers(runs_.folder(run));
      if (request_.resume && (runs_.is_current(run) || (is_task && runs_.has_failed(run)))) continue;
      runs_.forget(run);
      const auto unfit = std::find_if(unfit_.begin(), unfit_.end(), [&](const Unfit& one) {
        return one.run.point == run.point && one.run.rung == run.rung;
      });
      if (unfit == unfit_.end()) {
        due.push_back(i);
        continue;
      }
      write_file(runs_.folder(run) + ".log", unfit->words);
      runs_.note_failure(run, unfit->code);
      ++failed_;
    }
    return due;
  }

  /// False when a signal came.
  bool run_points(const std::vector<std::size_t>& due) {
    const std::vector<const Point*>& points = ladder_.rungs().back().points;
    const Share share = share_processors(request_, plan_.threads);
    std::vector<PointRun> runs;
    for (const std::size_t i : due) runs.push_back({points[i], rung()});
    const std::vector<RunWork> works = works_of(*request_.runner, file_, runs);
    std::vector<Child> children;
    for (std::size_t i = 0; i < works.size(); ++i) children.push_back(child_for(works, i, share.threads));
    say(fmt::format("sweep: {} of {} points to run{}, {} at a time with {} threads each\n", due.size(), points.size(),
                    on_rung(), share.jobs, share.threads));
    const auto start = std::chrono::steady_clock::now();
    std::size_t count = 0;
    const auto ended = [&](std::size_t i, int code, const std::string&) {
      const bool good = note(works[i].run, code);
      ++count;
      say(fmt::format("sweep: {}/{}{} {} {}\n", count, works.size(), time_left(start, count, works.size()),
                      works[i].run.point->folder, good ? "done" : "FAILED: " + runs_.failure(works[i].run)));
    };
    return run_pool(children, share.jobs, ended, request_.interrupted);
  }

  Child child_for(const std::vector<RunWork>& works, std::size_t i, std::int64_t threads) {
    const RunWork& work = works[i];
    const auto like = [&](std::size_t other, std::string RunWork::*what) {
      return other < works.size() && works[other].*what == work.*what;
    };
    Child child;
    child.log = runs_.folder(work.run) + ".log";
    child.work = [this, words = words_of(request_, file_, work.run, runs_.folder(work.run), threads)] {
      return request_.runner->run(words);
    };
    // The first of several.
    const bool lowers = like(i + 1, &RunWork::job) && (i == 0 || !like(i - 1, &RunWork::job));
    const bool reads = like(i + 1, &RunWork::workload) && (i == 0 || !like(i - 1, &RunWork::workload));
    if (lowers || reads)
      child.before = [this, run = work.run, lowers] {
        request_.runner->share(config::load(load_request(file_, run)), lowers, signal_is_pending);
      };
    return child;
  }

  bool note(const PointRun& run, int code) {
    const bool good = code == 0 && run_done(runs_.folder(run));
    if (good) {
      runs_.note_success(run);
    } else {
      runs_.note_failure(run, code);
      ++failed_;
    }
    return good;
  }

  Tasks tasks_for(const std::vector<std::size_t>& due) {
    Tasks tasks = plan_tasks(request_, plan_, due);
    tasks.rungs = file_.rungs() - rung();
    say(fmt::format("sweep: {} of {} points to run{}, in {} tasks of {} processors\n", due.size(),
                    ladder_.rungs().back().points.size(), on_rung(), tasks.numbers.size(), tasks.processors));
    return tasks;
  }

  SweepOutcome submit(const std::vector<std::size_t>& due) {
    const std::string script = write_slurm_scripts(request_, tasks_for(due));
    const std::string job = request_.directory + "/slurm/job", log = request_.directory + "/slurm/submit.log";
    if (request_.script) return outcome();
    std::error_code ignored;
    fs::remove(job, ignored);
    Child child{{"/bin/sh", script}, {}, log, {}};
    if (request_.wait) child.program.emplace_back("--wait");
    int code = 0;
    const bool whole = run_pool(
        {child}, 1, [&](std::size_t, int ended, const std::string&) { code = ended; }, request_.interrupted);
    const std::string array = first_line(job);
    if (!whole) {
      interrupted(array.empty() ? "nothing was submitted"
                                : fmt::format("job {} goes on, 'scancel {}' ends it", array, array));
    }
    // With --wait the code is that of the job that writes the results.
    if (array.empty() || (code != 0 && !request_.wait)) {
      throw Error(ExitCode::kIo, fmt::format("{}: Slurm did not take the jobs (exit {}): {}; is sbatch on the PATH? "
                                             "--script slurm writes the scripts alone",
                                             log, code, first_line(log)));
    }
    say(fmt::format("sweep: job {} of Slurm\n", array));
    return request_.wait ? finish(true) : outcome();
  }

  /// False when a signal came.
  bool run_commands(const std::vector<std::size_t>& due) {
    const std::vector<Child> commands = write_task_commands(request_, tasks_for(due));
    const auto ended = [&](std::size_t i, int code, const std::string&) {
      if (code != 0) say(fmt::format("sweep: a command ended with exit {}, see {}\n", code, commands[i].log));
    };
    return run_pool(commands, request_.jobs > 0 ? request_.jobs : static_cast<int>(available_processors()), ended,
                    request_.interrupted);
  }

  [[noreturn]] void interrupted(const std::string& words) const {
    throw Error(ExitCode::kInterrupted, "sweep: interrupted; " + words);
  }
  void say(const std::string& text) const {
    if (!request_.quiet) std::fputs(printable(text).c_str(), stderr);
  }

  void remove_logs_of_finished() const {
    for (std::size_t rung = 0; rung < file_.rungs(); ++rung)
      for (const Point& point : plan_.points)
        if (shard_.holds(point.index) || file_.rungs() > 1) runs_.remove_log_of_finished({&point, rung});
  }

  /// Without results.
  [[nodiscard]] SweepOutcome outcome() const {
    SweepOutcome one;
    one.points = plan_.points.size();
    one.excluded = plan_.excluded;
    one.bad = failed_;
    return one;
  }

  SweepOutcome finish(bool whole) {
    if (request_.only == "points") {
      if (!whole) interrupted("the points that have ended are kept, go on with --resume");
      remove_logs_of_finished();
      return outcome();
    }
    const SweepTable table = sweep_table(file_, plan_, request_.directory);
    write_file(request_.directory + "/results.csv", table.csv);
    write_file(request_.directory + "/results.sqlite", sweep_database(file_, plan_, table, request_.directory));
    (void)write_html(request_.directory);
    if (!table.missing_metrics.empty()) {
      say(fmt::format("sweep: not in all reports, left empty in results.csv: {}\n",
                      fmt::join(table.missing_metrics, ", ")));
    }
    say(fmt::format("sweep: {} done, {}{} failed, {} pending: {}/results.csv\n", table.done,
                    file_.rungs() > 1 ? fmt::format("{} dropped, ", table.dropped) : "", table.failed, table.pending,
                    request_.directory));
    if (!whole)
      interrupted(fmt::format("finished points are in {}/results.csv, go on with --resume", request_.directory));
    remove_logs_of_finished();
    refuse_missing(table);
    // A shard leaves points to others; after all of them nothing may be left.
    const bool all = request_.only == "results" || request_.backend != "local";
    SweepOutcome one = outcome();
    one.done = table.done;
    one.dropped = table.dropped;
    one.failed = table.failed;
    one.pending = table.pending;
    one.bad = table.failed + (all ? table.pending : 0);
    return one;
  }

  void refuse_missing(const SweepTable& table) const {
    Findings findings;
    for (const std::string& metric : table.unknown_metrics) {
      const std::string near = nearest(metric, table.known_metrics);
      findings.add(
          "{}: /metrics: found '{}', which no report of these points has, expected a key of report.json{}; "
          "correct it (dojosim list counters) and run again with --resume",
          file_.file, metric, near.empty() ? "" : fmt::format(" such as '{}'", near));
    }
    if (findings.empty() && table.dropped > 0 && table.done + table.failed + table.pending == 0)
      findings.add("{}: /search/goal: found no number for '{}' on rung {}, expected one of each run; take another goal",
                   file_.file, file_.search.goal, table.rungs.size());
    findings.throw_if_any();
  }

  const SweepRequest& request_;
  const SweepFile& file_;
  const Plan& plan_;
  Shard shard_;
  RunFiles runs_;
  Ladder ladder_;
  std::vector<Unfit> unfit_;
  std::size_t failed_ = 0;
};

}  // namespace

SweepOutcome sweep(const SweepRequest& request) {
  check_request(request);
  const Shard shard = read_shard(request.shard);
  const SweepFile file = read_sweep(request.file, request.points_file);
  const Plan plan = make_plan(file);
  if (request.dry_run) {
    dry_run(request, file, plan, shard);
    SweepOutcome outcome;
    outcome.points = plan.points.size();
    outcome.excluded = plan.excluded;
    return outcome;
  }
  return Sweep(request, file, plan, shard).run();
}

}  // namespace dojo::report
