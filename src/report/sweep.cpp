// SPDX-License-Identifier: Apache-2.0
// Runs a sweep: plan, points in child processes, results; every step reads and writes files only, so it can be resumed.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "dojo/base/text.h"
#include "dojo/report/report.h"
#include "report/files.h"
#include "report/sweep_parts.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

struct Shard {
  std::size_t index = 0, count = 1;
  [[nodiscard]] bool holds(const Point& point) const { return point.index % count == index % count; }
};

/// "1/4" .. "4/4" cut the points in four. "0/4" would be the same part as "4/4": who counts from 0 would run it twice.
Shard read_shard(const std::string& text) {
  if (text.empty()) return {};
  Shard shard;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '/') {
    const auto second = std::from_chars(first.ptr + 1, end, shard.count);
    if (second.ec == std::errc() && second.ptr == end && shard.index >= 1 && shard.index <= shard.count) return shard;
  }
  throw Error(ExitCode::kUsage, fmt::format("--shard: found '{}', expected i/n with i from 1 to n, such as 2/8", text));
}

void check_request(const SweepRequest& request) {
  if (request.backend == "slurm" || request.backend == "command") {
    throw Error(
        ExitCode::kUsage,
        fmt::format("--backend {}: this version runs points on the local machine only; use --backend local, and "
                    "--shard i/n to spread a sweep over the tasks of a job scheduler",
                    request.backend));
  }
  if (request.backend != "local") {
    throw Error(ExitCode::kUsage, fmt::format("--backend: found '{}', expected local", request.backend));
  }
  if (request.jobs < 0)
    throw Error(ExitCode::kUsage, fmt::format("--jobs: found {}, expected 1 or more", request.jobs));
  if (request.directory.empty() && !request.dry_run) {
    throw Error(ExitCode::kUsage, "--out: found nothing, expected the folder for the sweep's results");
  }
}

struct Share {
  int jobs = 1;
  std::int64_t threads = 1;
};

/// Processes x threads fill the processors once, whichever of the two the user gave.
Share share_processors(int jobs, std::int64_t threads) {
  const int processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (jobs == 0) {
    const std::int64_t each = std::max<std::int64_t>(threads, 1);
    return {static_cast<int>(std::max<std::int64_t>(1, processors / each)), each};
  }
  return {jobs, threads > 0 ? threads : std::max(1, processors / jobs)};
}

Command command_for(const SweepRequest& request, const SweepFile& sweep, const Point& point, std::int64_t threads) {
  const std::string folder = fmt::format("{}/points/{}", request.directory, point.folder);
  Command command{{request.program, "run", sweep.base}, folder + ".log"};
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
    say_out(fmt::format("points/{}  {}\n", point.folder, fmt::join(point.overrides(sweep), " ")));
  }
  say_out(
      fmt::format("{} points, {} excluded by constraints; base {}\n", plan.points.size(), plan.excluded, sweep.base));
}

class Sweep {
 public:
  Sweep(const SweepRequest& request, const SweepFile& file, const Plan& plan, const Shard& shard)
      : request_(request), file_(file), plan_(plan), shard_(shard) {}

  int run() {
    (void)make_folders(request_.directory + "/points");
    remove_leftovers(request_.directory);
    remove_leftovers(request_.directory + "/points");
    for (const Point& point : plan_.points) remove_leftovers(folder(point));
    write_file(request_.directory + "/points.csv", points_csv(file_, plan_));
    write_file(request_.directory + "/sweep.json", sweep_json(file_, plan_));
    const Share share = share_processors(request_.jobs, plan_.threads);
    std::vector<Command> commands;
    for (const Point& point : plan_.points) {
      if (!shard_.holds(point) || (request_.resume && is_current(point))) continue;
      forget(point);
      due_.push_back(&point);
      commands.push_back(command_for(request_, file_, point, share.threads));
    }
    say(fmt::format("sweep: {} of {} points to run, {} at a time with {} threads each\n", due_.size(),
                    plan_.points.size(), share.jobs, share.threads));
    const bool whole = run_pool(
        commands, share.jobs, [this](std::size_t i, int code) { ended(i, code); }, request_.interrupted);
    return finish(whole);
  }

 private:
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
    config::RunConfig config = config::load({file_.base, "", "", point.overrides(file_)});
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
    if (good) {
      write_file(folder(*due_[i]) + ".made", identity(*due_[i]) + report_hash(*due_[i]));
      std::error_code later;  // remove_logs_of_finished() says why
      fs::remove(folder(*due_[i]) + ".log", later);
    } else {
      note_failure(folder(*due_[i]), code);
    }
    say(fmt::format("sweep: {}/{} {} {}\n", ended_, due_.size(), due_[i]->folder,
                    good ? "done" : "FAILED: " + first_line(folder(*due_[i]) + ".failed")));
  }
  int finish(bool whole) const {
    const SweepTable table = sweep_table(file_, plan_, request_.directory);
    write_file(request_.directory + "/results.csv", table.csv);
    (void)write_html(request_.directory);
    if (!table.missing_metrics.empty()) {
      say(fmt::format("sweep: not in all reports, left empty in results.csv: {}\n",
                      fmt::join(table.missing_metrics, ", ")));
    }
    say(fmt::format("sweep: {} done, {} failed, {} pending: {}/results.csv\n", table.done, table.failed, table.pending,
                    request_.directory));
    if (!whole) {
      throw Error(ExitCode::kInterrupted,
                  fmt::format("sweep: interrupted; finished points are in {}/results.csv, go on "
                              "with --resume",
                              request_.directory));
    }
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
    return static_cast<int>(table.failed);
  }

  const SweepRequest& request_;
  const SweepFile& file_;
  const Plan& plan_;
  Shard shard_;
  std::vector<const Point*> due_;
  std::size_t ended_ = 0;
  std::map<std::string, std::string> sha256_;
};

}  // namespace

int sweep(const SweepRequest& request) {
  check_request(request);
  const Shard shard = read_shard(request.shard);
  const SweepFile file = read_sweep(request.file);
  const Plan plan = make_plan(file);
  if (request.dry_run) {
    print_plan(file, plan, shard);
    return 0;
  }
  return Sweep(request, file, plan, shard).run();
}

}  // namespace dojo::report
