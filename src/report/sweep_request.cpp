// SPDX-License-Identifier: Apache-2.0
// What may be asked of a sweep beside its file: who runs the points, which of them, on how many processors.
#include <algorithm>
#include <charconv>

#include "dojo/base/error.h"
#include "dojo/base/processors.h"
#include "report/sweep_run.h"

namespace dojo::report {
namespace {

template <class... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ExitCode::kUsage, fmt::format(text, std::forward<Args>(args)...));
}

void check_backend(const SweepRequest& request) {
  const std::string& backend = request.backend;
  if (backend != "local" && backend != "slurm" && backend != "command")
    refuse("--backend: found '{}', expected local, slurm or command", backend);
  if (backend != "slurm") {
    if (request.script) refuse("--script: found --backend {}, expected slurm, which has scripts", backend);
    if (request.wait) refuse("--wait: found --backend {}, expected slurm; the others wait in any case", backend);
    if (!request.sbatch.empty()) refuse("--sbatch: found --backend {}, expected slurm", backend);
  }
  if (request.script && request.wait) refuse("--wait: found --script, which submits nothing to wait for");
  if (backend == "local" && request.tasks > 0)
    refuse("--tasks: found --backend local, which has no tasks; expected slurm or command, or --jobs");
  if (backend != "local" && !request.shard.empty())
    refuse("--shard: found --backend {}, which cuts the sweep into tasks itself; expected --tasks N", backend);
  if (backend != "local" && !request.only.empty())
    refuse("--only: found --backend {}, expected local: it is what tasks are started with", backend);
}

void check_template(const SweepRequest& request) {
  const std::string& line = request.template_line;
  if (request.backend != "command") {
    if (!line.empty()) refuse("--command: found --backend {}, expected command", request.backend);
    return;
  }
  const bool all = line.find("{tasks}") != std::string::npos, each = line.find("{task}") != std::string::npos;
  if (all == each) {
    refuse(
        "--command: found '{}', expected a shell command with either {{tasks}}, a file with one command a line "
        "(\"parallel -j {{jobs}} < {{tasks}}\"), or {{task}}, a script (\"srun -n1 sh {{task}}\")",
        line);
  }
}

void check_sbatch(const SweepRequest& request) {
  for (const std::string& option : request.sbatch) {
    if (option.empty() || option[0] != '-' || option.find('\n') != std::string::npos)
      refuse("--sbatch: found '{}', expected an option of sbatch such as --sbatch=--partition=long", option);
  }
}

}  // namespace

void check_request(const SweepRequest& request) {
  check_backend(request);
  check_template(request);
  check_sbatch(request);
  if (!request.only.empty() && request.only != "points" && request.only != "results")
    refuse("--only: found '{}', expected points or results", request.only);
  if (request.only == "results" && !request.shard.empty())
    refuse("--shard: found --only results, which reads all points");
  constexpr int kMost = 1'000'000;
  const std::pair<const char*, int> numbers[] = {
      {"--jobs", request.jobs}, {"--processors", request.processors}, {"--tasks", request.tasks}};
  for (const auto& [option, value] : numbers) {
    if (value < 0 || value > kMost) refuse("{}: found {}, expected 1 to {}", option, value, kMost);
  }
  if (request.directory.empty() && !request.dry_run)
    refuse("--out: found nothing, expected the folder for the sweep's results");
}

Shard read_shard(const std::string& text) {
  if (text.empty()) return {};
  Shard shard;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '/') {
    const auto second = std::from_chars(first.ptr + 1, end, shard.count);
    if (second.ec == std::errc() && second.ptr == end && shard.index >= 1 && shard.index <= shard.count) return shard;
  }
  refuse("--shard: found '{}', expected i/n with i from 1 to n, such as 2/8", text);
}

Share share_processors(const SweepRequest& request, std::int64_t threads) {
  const int processors = request.processors > 0 ? request.processors : static_cast<int>(available_processors());
  if (request.jobs == 0) {
    const std::int64_t each = std::max<std::int64_t>(threads, 1);
    return {static_cast<int>(std::max<std::int64_t>(1, processors / each)), each};
  }
  return {request.jobs, threads > 0 ? threads : std::max(1, processors / request.jobs)};
}

}  // namespace dojo::report
