// SPDX-License-Identifier: Apache-2.0
// Runs a sweep: plan, points in child processes, results; every step reads and writes files only, so it can be resumed.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "dojo/base/processors.h"
#include "dojo/base/text.h"
#include "dojo/report/report.h"
#include "report/files.h"
#include "report/sweep_parts.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

Command command_for(const SweepRequest& request, const SweepFile& sweep, const Point& point, std::int64_t threads) {
  const std::string folder = fmt::format("{}/points/{}", request.directory, point.folder);
  Command command{{request.program, "run", sweep.base}, folder + ".log"};
  const config::LoadRequest load = load_request(sweep, point);
  if (!load.machine_file.empty()) command.arguments.insert(command.arguments.end(), {"--machine", load.machine_file});
  if (!load.workload_file.empty())
    command.arguments.insert(command.arguments.end(), {"--workload", load.workload_file});
  for (const std::string& override_text : point.overrides(sweep)) {
    command.arguments.insert(command.arguments.end(), {"--set", override_text});
  }
  command.arguments.insert(command.arguments.end(), request.run_options.begin(), request.run_options.end());
  command.arguments.insert(command.arguments.end(), {"--out", folder, "--quiet", "--threads", std::to_string(threads)});
  return command;
}

std::string first_line(const std::string& file) {
  std::istringstream text(result_is_there(file) ? read_text(file) : std::string());
  std::string line;
  while (std::getline(text, line) && line.empty()) {
  }
  return line;
}

[[noreturn]] void fail(const std::string& file, const char* action, const std::error_code& error) {
  throw Error(ExitCode::kIo, fmt::format("{}: cannot be {}: {}", file, action, error.message()));
}

/// Of an earlier sweep, or of this one. What is no file is not ours.
void remove_result(const std::string& file) {
  std::error_code failed;
  const fs::file_type type = fs::symlink_status(file, failed).type();
  if (type == fs::file_type::not_found) return;
  if (type == fs::file_type::none) fail(file, "looked at", failed);
  if (type != fs::file_type::regular) {
    throw Error(ExitCode::kIo, fmt::format("{}: found a link, a folder or a device, expected a file of an earlier "
                                           "sweep; remove it, or give another --out",
                                           file));
  }
  if (!fs::remove(file, failed) && failed) fail(file, "removed", failed);
}

/// Keeps why a point failed where results.csv, another shard or a later merge finds it.
void note_failure(const std::string& folder, int code) {
  const std::string line = first_line(folder + ".log");
  const std::string why = line.empty() ? "no message" : line;
  write_file(folder + ".failed",
             code == 0 ? "exit 0: the run left no complete report.json\n" : fmt::format("exit {}: {}\n", code, why));
}

void say_out(const std::string& text) {
  std::fputs(printable(text).c_str(), stdout);
}

void print_plan(const SweepFile& sweep, const Plan& plan, const Shard& shard) {
  for (const Point& point : plan.points) {
    if (!shard.holds(point)) continue;
    say_out(fmt::format("points/{}  {}\n", point.folder, fmt::join(point.choices(sweep), " ")));
  }
  say_out(
      fmt::format("{} points, {} excluded by constraints; base {}\n", plan.points.size(), plan.excluded, sweep.base));
}

class Sweep {
 public:
  Sweep(const SweepRequest& request, const SweepFile& file, const Plan& plan, const Shard& shard)
      : request_(request), file_(file), plan_(plan), shard_(shard) {}

  int run() {
    begin();
    if (request_.only == "results") return finish(true);
    for (const Point& point : plan_.points) {
      if (!shard_.holds(point) || (request_.resume && is_current(point))) continue;
      forget(point);
      due_.push_back(&point);
    }
    if (request_.backend != "local" && !due_.empty()) return hand_out();
    return run_points();
  }

 private:
  void begin() {
    (void)make_folders(request_.directory + "/points");
    if (request_.only != "points") {  // the tasks of a job array are many
      for (const char* part : {"", "/points", "/tasks", "/slurm"}) remove_leftovers(request_.directory + part);
    }
    for (const Point& point : plan_.points) {
      if (shard_.holds(point)) remove_leftovers(folder(point));
    }
    write_file(request_.directory + "/points.csv", points_csv(file_, plan_));
    write_file(request_.directory + "/sweep.json", sweep_json(file_, plan_));
  }
  int run_points() {
    const Share share = share_processors(request_, plan_.threads);
    std::vector<Command> commands;
    for (const Point* point : due_) commands.push_back(command_for(request_, file_, *point, share.threads));
    say(fmt::format("sweep: {} of {} points to run, {} at a time with {} threads each\n", due_.size(),
                    plan_.points.size(), share.jobs, share.threads));
    const bool whole = run_pool(
        commands, share.jobs, [this](std::size_t i, int code) { ended(i, code); }, request_.interrupted);
    if (request_.only != "points") return finish(whole);
    if (!whole) interrupted("the points that have ended are kept, go on with --resume");
    remove_logs_of_finished();
    return static_cast<int>(failed_);
  }
  int hand_out() {
    const Tasks tasks = plan_tasks(request_, plan_, due_);
    say(fmt::format("sweep: {} of {} points to run, in {} tasks of {} processors\n", due_.size(), plan_.points.size(),
                    tasks.numbers.size(), tasks.processors));
    return request_.backend == "slurm" ? submit(tasks) : run_commands(tasks);
  }
  int submit(const Tasks& tasks) {
    const std::string script = write_slurm_scripts(request_, tasks);
    const std::string job = request_.directory + "/slurm/job", log = request_.directory + "/slurm/submit.log";
    if (request_.script) return 0;
    std::error_code ignored;
    fs::remove(job, ignored);
    Command command{{"/bin/sh", script}, log, true};
    if (request_.wait) command.arguments.emplace_back("--wait");
    int code = 0;
    const bool whole = run_pool(
        {command}, 1, [&](std::size_t, int ended) { code = ended; }, request_.interrupted);
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
    return request_.wait ? finish(true) : 0;
  }
  int run_commands(const Tasks& tasks) {
    const std::vector<Command> commands = write_task_commands(request_, tasks);
    const auto ended = [&](std::size_t i, int code) {
      if (code != 0) say(fmt::format("sweep: a command ended with exit {}, see {}\n", code, commands[i].log));
    };
    return finish(run_pool(commands, request_.jobs > 0 ? request_.jobs : static_cast<int>(available_processors()),
                           ended, request_.interrupted));
  }
  [[noreturn]] void interrupted(const std::string& words) const {
    throw Error(ExitCode::kInterrupted, "sweep: interrupted; " + words);
  }
  void say(const std::string& text) const {
    if (!request_.quiet) std::fputs(printable(text).c_str(), stderr);
  }
  [[nodiscard]] std::string folder(const Point& point) const {
    return fmt::format("{}/points/{}", request_.directory, point.folder);
  }
  /// An old result must not pass for this run's when the new one fails.
  void forget(const Point& point) const {
    for (const char* rest : {"/report.json", ".failed", ".log", ".made"}) remove_result(folder(point) + rest);
  }
  /// Of all, so that one that could not be removed, or was left by a kill, goes with the next --resume.
  void remove_logs_of_finished() const {
    for (const Point& point : plan_.points) {
      if (shard_.holds(point) && result_is_there(folder(point) + ".made")) remove_result(folder(point) + ".log");
    }
  }
  /// The finished result was made by this program, from this configuration and from files that are still the same, and
  /// nobody has changed it since.
  [[nodiscard]] bool is_current(const Point& point) {
    const std::string made = folder(point) + ".made";
    if (!point_done(point, request_.directory) || !result_is_there(made)) return false;
    if (read_text(made) != identity(point) + report_hash(point)) return false;
    const Json report = read_json(folder(point) + "/report.json");
    const Json inputs = report.value("inputs", Json::object());
    return std::all_of(inputs.items().begin(), inputs.items().end(),
                       [&](const auto& input) { return input.value() == sha256_of(input.key()); });
  }
  /// Of what a point is made from: this program, and the point's whole configuration with the contents of its files.
  [[nodiscard]] std::string identity(const Point& point) {
    config::RunConfig config = config::load(load_request(file_, point));
    config.run.threads = 0;  // no result depends on it
    std::string all = sha256_of(request_.program) + config::resolved_json(config);
    for (const auto& [name, sha256] : config.input_sha256) all += sha256;
    return config::sha256_text(all) + "\n";
  }
  [[nodiscard]] std::string report_hash(const Point& point) const {
    return config::sha256_file(folder(point) + "/report.json") + "\n";
  }
  /// "" for a file that cannot be read; each file is read once.
  std::string sha256_of(const std::string& file) {
    const auto known = sha256_.find(file);
    if (known != sha256_.end()) return known->second;
    std::string hash;
    try {
      hash = config::sha256_file(file);
    } catch (const Error&) {
      hash.clear();
    }
    return sha256_.emplace(file, hash).first->second;
  }
  void ended(std::size_t i, int code) {
    const bool good = code == 0 && point_done(*due_[i], request_.directory);
    ++ended_;
    failed_ += good ? 0 : 1;
    if (good) {
      write_file(folder(*due_[i]) + ".made", identity(*due_[i]) + report_hash(*due_[i]));
      std::error_code later;  // remove_logs_of_finished() says why
      fs::remove(folder(*due_[i]) + ".log", later);
    } else {
      note_failure(folder(*due_[i]), code);
    }
    say(fmt::format("sweep: {}/{}{} {} {}\n", ended_, due_.size(), time_left(), due_[i]->folder,
                    good ? "done" : "FAILED: " + first_line(folder(*due_[i]) + ".failed")));
  }
  /// By the points so far, which may be unlike the rest.
  [[nodiscard]] std::string time_left() const {
    if (ended_ == due_.size()) return "";
    const double each =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() / static_cast<double>(ended_);
    const double left = each * static_cast<double>(due_.size() - ended_);
    constexpr double kMinute = 60, kHour = 3600;
    return left < 2 * kMinute ? fmt::format(", about {:.0f} s left:", left)
           : left < 2 * kHour ? fmt::format(", about {:.0f} min left:", left / kMinute)
                              : fmt::format(", about {:.1f} h left:", left / kHour);
  }
  int finish(bool whole) const {
    const SweepTable table = sweep_table(file_, plan_, request_.directory);
    write_file(request_.directory + "/results.csv", table.csv);
    write_file(request_.directory + "/results.sqlite", sweep_database(file_, plan_, table, request_.directory));
    (void)write_html(request_.directory);
    if (!table.missing_metrics.empty()) {
      say(fmt::format("sweep: not in all reports, left empty in results.csv: {}\n",
                      fmt::join(table.missing_metrics, ", ")));
    }
    say(fmt::format("sweep: {} done, {} failed, {} pending: {}/results.csv\n", table.done, table.failed, table.pending,
                    request_.directory));
    if (!whole)
      interrupted(fmt::format("finished points are in {}/results.csv, go on with --resume", request_.directory));
    remove_logs_of_finished();
    Findings findings;
    for (const std::string& metric : table.unknown_metrics) {
      const std::string near = nearest(metric, table.known_metrics);
      findings.add(
          "{}: /metrics: found '{}', which no report of these points has, expected a key of report.json{}; "
          "correct it (dojosim list counters) and run again with --resume",
          file_.file, metric, near.empty() ? "" : fmt::format(" such as '{}'", near));
    }
    findings.throw_if_any();
    // A shard leaves points to others; after all of them nothing may be left.
    const bool all = request_.only == "results" || request_.backend != "local";
    return static_cast<int>(table.failed + (all ? table.pending : 0));
  }

  const SweepRequest& request_;
  const SweepFile& file_;
  const Plan& plan_;
  Shard shard_;
  std::vector<const Point*> due_;
  std::size_t ended_ = 0, failed_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::map<std::string, std::string> sha256_;
};

}  // namespace

int sweep(const SweepRequest& request) {
  check_request(request);
  const Shard shard = read_shard(request.shard);
  const SweepFile file = read_sweep(request.file, request.points_file);
  const Plan plan = make_plan(file);
  if (request.dry_run) {
    print_plan(file, plan, shard);
    return 0;
  }
  return Sweep(request, file, plan, shard).run();
}

}  // namespace dojo::report
