// SPDX-License-Identifier: Apache-2.0
// `dojosim sweep`: many runs that differ in some values.
#include <fmt/format.h>

#include <filesystem>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/report/sweep.h"
#include "interrupt.h"
#include "json_answer.h"
#include "plugin_option.h"
#include "point_runner.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

std::string own_program() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed)
    throw Error(ExitCode::kIo, "/proc/self/exe cannot be read, so the points' program is not known: mount /proc");
  return path.string();
}

void say_what_was_made(const report::SweepRequest& request, const report::SweepOutcome& outcome) {
  const std::filesystem::path folder = request.directory;
  const bool results = !request.script && request.only != "points";
  if (!request.json) {
    if (request.only != "points") print("{}\n", (folder / (results ? "results.csv" : "slurm/submit.sh")).string());
    return;
  }
  JsonAnswer answer("sweep_results");
  answer.add("folder", request.directory)
      .add("points", std::uint64_t{outcome.points})
      .add("excluded", std::uint64_t{outcome.excluded})
      .add("good", outcome.bad == 0);
  if (request.script) answer.add("script", (folder / "slurm/submit.sh").string());
  if (results && (request.backend != "slurm" || request.wait)) {
    answer.add("done", std::uint64_t{outcome.done})
        .add("dropped", std::uint64_t{outcome.dropped})
        .add("failed", std::uint64_t{outcome.failed})
        .add("pending", std::uint64_t{outcome.pending})
        .add("results", (folder / "results.csv").string())
        .add("database", (folder / "results.sqlite").string())
        .add("page", (folder / "report.html").string());
  }
  answer.print();
}

}  // namespace

int sweep_command(const Arguments& arguments) {
  Options options(
      "sweep SWEEP.json --out DIR [options]",
      "Runs every point of a sweep file in a process of its own and writes points.csv, points/, results.csv and\n"
      "report.html into DIR. A failed point is a row with its reason; exit code 1 when there is any.",
      "dojosim sweep configs/sweeps/tile_edge_batch.json --out out/sweep --jobs 2");
  options.options()("out", po::value<std::string>(), "folder of the sweep")(
      "jobs", po::value<int>(), "points at a time, or tasks; default: processors / threads of a point")(
      "processors", po::value<int>(), "that the points share, or those of a task; default: all that may be used")(
      "backend", po::value<std::string>(), "who runs the points: local (default), slurm, command")(
      "tasks", po::value<int>(), "backends slurm and command: parts of the sweep; default: 8 points each")(
      "wait", "backend slurm: until results.csv is written")(
      "sbatch", po::value<std::vector<std::string>>()->composing(),
      "option of the jobs of Slurm: --sbatch=--partition=long; may be repeated")(
      "script", po::value<std::string>(), "slurm: write its scripts into DIR/slurm and submit nothing")(
      "command", po::value<std::string>(),
      "backend command: a shell command with {tasks} (a file, one command a line) or {task} (a script), {jobs}, "
      "{count}")("only", po::value<std::string>(), "points: write no results.csv; results: run nothing, write it")(
      "points", po::value<std::string>(),
      "CSV file whose columns are paths and whose rows are the points, in place of the sweep's axes")(
      "shard", po::value<std::string>(), "i/n: only every n-th point, from the i-th on")(
      "max-bursts", po::value<double>(), "as of run, for every point")("resume", "keep the points that are finished")(
      "dry-run", "print the plan and what of it cannot be, and run nothing")(
      "json", "print JSON instead of text: how many points are done, or the plan of a dry run");
  add_plugin_option(options);
  options.positional("sweep");
  if (!options.parse(arguments)) return 0;
  report::SweepRequest request;
  request.file = options.need("sweep", "SWEEP.json");
  request.directory = options.need("out", "--out DIR");
  for (const auto& [name, number] :
       {std::pair{"jobs", &request.jobs}, {"processors", &request.processors}, {"tasks", &request.tasks}}) {
    *number = options.value<int>(name, 0);
    if (options.has(name) && *number < 1) options.fail(fmt::format("--{} is {}; expected 1 or more", name, *number));
  }
  request.script = options.has("script");
  if (request.script && options.text("script") != "slurm")
    options.fail(fmt::format("--script is '{}'; expected: slurm", options.text("script")));
  request.backend = options.value<std::string>("backend", request.script ? "slurm" : "local");
  request.shard = options.text("shard");
  request.only = options.text("only");
  request.points_file = options.text("points");
  request.template_line = options.text("command");
  request.sbatch = options.all("sbatch");
  request.wait = options.has("wait");
  request.resume = options.has("resume");
  request.dry_run = options.has("dry-run");
  request.json = options.has("json");
  request.quiet = options.quiet();
  request.program = own_program();
  run::Plugins plugins;
  load_plugins(options, plugins);
  RunPoints points(plugins);
  request.runner = &points;
  if (options.has("max-input-mib"))
    request.run_options = {"--max-input-mib", std::to_string(options.value<std::int64_t>("max-input-mib", 0))};
  if (options.has("max-bursts")) {
    input_limits().bursts = options.value<double>("max-bursts", 0);
    request.run_options.insert(request.run_options.end(),
                               {"--max-bursts", fmt::format("{}", options.value<double>("max-bursts", 0))});
  }
  for (const std::string& file : options.all("plugin")) {  // tasks may begin in another folder
    request.plugins.push_back(std::filesystem::absolute(file).lexically_normal().string());
    request.run_options.insert(request.run_options.end(), {"--plugin", request.plugins.back()});
  }
  request.interrupted = [] { return InterruptGuard::interrupted(); };
  const report::SweepOutcome outcome = report::sweep(request);
  if (!request.dry_run) say_what_was_made(request, outcome);
  return static_cast<int>(outcome.bad == 0 ? ExitCode::kGood : ExitCode::kRegression);
}

}  // namespace dojo::cli
