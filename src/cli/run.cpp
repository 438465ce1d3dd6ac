// SPDX-License-Identifier: Apache-2.0
// `dojosim run`: loads the configuration, runs it, reports.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/report/report.h"
#include "dojo/report/run_folder.h"
#include "dojo/report/timeline.h"
#include "dojo/run/run.h"
#include "interrupt.h"
#include "output_folder.h"
#include "plugin_option.h"
#include "progress.h"
#include "terminal.h"
#include "vcd_file.h"

namespace dojo::cli {
namespace {

using Clock = std::chrono::steady_clock;
using systemc::Ending;

Options run_options() {
  Options options(
      "run [CONFIG.json] [options]",
      "Simulates a workload on a machine and prints the summary. --machine and --workload replace those of the\n"
      "config, or stand alone; the format of a trace is detected.",
      "dojosim run configs/runs/resnet50_tile.json --set workload.generate.batch=4 --out out/tile");
  options.options()("machine", po::value<std::string>(), "machine file")(
      "workload", po::value<std::string>(), "workload file, trace file, or prefix of one trace file per rank")(
      "set", po::value<std::vector<std::string>>()->composing(),
      "PATH=VALUE, e.g. machine.die.crossing_ns=50; may be repeated")(
      "out", po::value<std::string>(), "folder for report.json, report.txt, report.html, links.csv, ops.csv")(
      "threads", po::value<std::int64_t>(),
      "host threads; 0 = all processors that it may use; results do not depend on it")(
      "seed", po::value<std::int64_t>(), "of every random draw")(
      "max-bursts", po::value<double>(), "refuse a job whose messages are more bursts than that; default 1e10")(
      "audit", po::value<std::int64_t>(),
      "replay N operations in the reference network, for the error of this report; 0 = none")(
      "if-free", "run the job again with each part of the machine ideal in turn, and say what each would gain")(
      "sensitivity",
      "run the job again with each assumed number of the machine 10 % less and more, and say which matter")(
      "json", "print report.json instead of the summary")("links", po::value<std::string>(),
                                                          "all: every on-die link in links.csv, not folded per die")(
      "timeline", "write timeline.pftrace.gz, which opens in ui.perfetto.dev: what each rank ran when")(
      "timeline-ranks", po::value<std::string>(),
      "its ranks, such as 0,5-9, or all; default: 64 of them, spread evenly");
  add_plugin_option(options);
  VcdFile::describe(options);
  options.positional("config");
  return options;
}

config::RunConfig load_config(const Options& options) {
  if (options.has("timeline-ranks") && !options.has("timeline"))
    options.fail("--timeline-ranks is given without --timeline");
  if (options.has("timeline") && !options.has("out"))
    options.fail("--timeline is given without --out: there is no folder to write the timeline into");
  const std::string links = options.text("links");
  if (!links.empty() && links != "all") options.fail(fmt::format("--links is '{}'; expected: all", links));
  config::LoadRequest request;
  request.config_file = options.text("config");
  request.machine_file = options.text("machine");
  request.workload_file = options.text("workload");
  if (request.config_file.empty() && request.machine_file.empty()) {
    options.fail("nothing to run: give CONFIG.json, or --machine FILE and --workload FILE");
  }
  request.overrides = options.all("set");
  if (options.has("threads"))
    request.overrides.push_back(fmt::format("run.threads={}", options.value<std::int64_t>("threads", 0)));
  if (options.has("seed"))
    request.overrides.push_back(fmt::format("run.seed={}", options.value<std::int64_t>("seed", 0)));
  if (options.has("audit")) {
    const auto tasks = options.value<std::int64_t>("audit", 0);
    if (tasks < 0) {
      options.fail(fmt::format(
          "--audit is {}; expected a number of operations, 0 for none; leave it out for the default", tasks));
    }
    request.overrides.push_back(fmt::format("run.audit_tasks={}", tasks));
  }
  if (options.has("timeline")) request.overrides.emplace_back("run.timeline=true");
  if (options.has("timeline-ranks"))
    request.overrides.push_back("run.timeline_ranks=" + options.text("timeline-ranks"));
  if (options.has("if-free")) request.overrides.emplace_back("run.if_free=true");
  if (options.has("sensitivity")) request.overrides.emplace_back("run.sensitivity=true");
  if (links == "all") request.overrides.emplace_back("run.all_links=true");
  return config::load(request);
}

double most_bursts(const Options& options) {
  const auto most = options.value<double>("max-bursts", input_limits().bursts);
  if (!(most >= 1)) options.fail(fmt::format("--max-bursts is {}; expected a number of at least 1", most));
  return most;
}

run::RunOutcome simulate(run::Prepared prepared, run::Hooks hooks, bool quiet) {
  ProgressLine progress(!quiet);
  hooks.tick = [&](const machine::Machine& machine, double host_s) { progress.draw(machine, host_s); };
  return run::run(std::move(prepared), hooks);
}

int exit_code(const run::RunOutcome& outcome) {
  if (outcome.ending == Ending::kInterrupted) {
    spdlog::warn("interrupted; the report is marked partial");
    return static_cast<int>(ExitCode::kInterrupted);
  }
  if (outcome.audit && outcome.audit->partial) {
    spdlog::warn("interrupted while the job was audited; its own figures are complete");
    return static_cast<int>(ExitCode::kInterrupted);
  }
  if (outcome.ending == Ending::kFinished) return static_cast<int>(ExitCode::kGood);
  constexpr std::size_t kMostShown = 20;
  const auto& waiting = outcome.results.waiting;
  std::vector<std::string> lines{
      fmt::format("the job cannot finish: {} ranks wait for something that never comes", waiting.size())};
  for (std::size_t i = 0; i < std::min(waiting.size(), kMostShown); ++i) {
    lines.push_back(fmt::format("rank {} waits: {}", waiting[i].rank, fmt::join(waiting[i].operations, "; ")));
  }
  if (waiting.size() > kMostShown) lines.push_back(fmt::format("and {} more ranks", waiting.size() - kMostShown));
  const auto& cores = outcome.results.waiting_cores;
  lines.insert(lines.end(), cores.begin(), cores.end());
  const auto& blocked = outcome.results.blocked_packets;
  if (blocked.empty()) lines.emplace_back("no packet is blocked: the network is empty");
  for (const std::string& packet : blocked) lines.push_back("blocked packet: " + packet);
  throw Error(ExitCode::kCannotFinish, lines);
}

}  // namespace

int run_command(const Arguments& arguments) {
  return run_with(arguments, nullptr);
}

int run_with(const Arguments& arguments, const run::Shared* shared) {
  const Clock::time_point start = Clock::now();
  Options options = run_options();
  if (!options.parse(arguments)) return 0;
  run::Plugins plugins;
  load_plugins(options, plugins);
  config::RunConfig config = load_config(options);
  config.command = command_line("run", arguments);
  const std::string out = options.text("out");
  std::optional<OutputFolder> folder;
  if (!out.empty()) folder.emplace(out);
  VcdFile vcd(options);
  run::Hooks hooks;
  hooks.plugins = &plugins;
  hooks.shared = shared;
  hooks.waves = vcd.request();
  hooks.warn = [](const std::string& sentence) { spdlog::warn(sentence); };
  const InterruptGuard interrupt;
  hooks.should_stop = [] { return InterruptGuard::interrupted(); };
  std::optional<StageLine> stage;
  hooks.note = [&](const std::string& sentence) {
    spdlog::info(sentence);
    stage.emplace(!options.quiet(), sentence);
  };
  hooks.progress = [&](std::string_view what, std::size_t done, std::size_t all) {
    if (stage) stage->set_progress(what, done, all);
  };
  hooks.note("reading machine and workload");
  input_limits().bursts = most_bursts(options);
  run::Prepared prepared = run::prepare(std::move(config), hooks);
  hooks.started = [&] { stage.reset(); };
  run::RunOutcome outcome = simulate(std::move(prepared), hooks, options.quiet());
  stage.reset();
  outcome.results.wall_s = std::chrono::duration<double>(Clock::now() - start).count();
  std::string signals;
  const auto more = [&](OutputSet& files) { signals = vcd.write(outcome, files); };
  if (out.empty()) {
    OutputSet files;
    more(files);
    files.commit();
  } else {
    report::write_run_folder(outcome.context(), out, more);
  }
  if (options.has("json")) {
    put(report::report_json(outcome.context()));
    return exit_code(outcome);
  }
  put(report::report_text(outcome.context()));
  if (!out.empty() && !outcome.timeline.empty()) {
    print(
        "timeline        {} ({} of {} ranks); opens in ui.perfetto.dev\n",
        (std::filesystem::path(out) / "timeline.pftrace.gz").string(),
        report::timeline_ranks(outcome.prepared.config->run.timeline_ranks, outcome.prepared.workload->ranks()).size(),
        outcome.prepared.workload->ranks());
  }
  put(signals);
  if (!out.empty()) print("report          {}\n", (std::filesystem::path(out) / "report.html").string());
  return exit_code(outcome);
}

}  // namespace dojo::cli
