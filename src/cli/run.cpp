// SPDX-License-Identifier: Apache-2.0
// `dojosim run`: config -> topology -> workload -> job -> machine -> simulation -> results -> report.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/machine/machine.h"
#include "dojo/reference/die.h"
#include "dojo/report/report.h"
#include "dojo/systemc/simulation.h"
#include "host_memory.h"
#include "interrupt.h"
#include "output_folder.h"
#include "progress.h"
#include "workload_source.h"

namespace dojo::cli {
namespace {

using Clock = std::chrono::steady_clock;
using systemc::Ending;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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
      "threads", po::value<std::int64_t>(), "host threads; 0 = all processors; results do not depend on it")(
      "seed", po::value<std::int64_t>(), "of every random draw")(
      "links", po::value<std::string>(), "all: every on-die link in links.csv, not folded per die")(
      "timeline", "not available in this version");
  options.positional("config");
  return options;
}

config::RunConfig load_config(const Options& options) {
  if (options.has("timeline")) options.fail("--timeline is not available in this version of dojosim; leave it out");
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
  if (links == "all") request.overrides.emplace_back("run.all_links=true");
  return config::load(request);
}

/// Asked before anything large is built. The factor covers what lowering adds to the operations of the trace.
void refuse_what_cannot_fit(const topology::Topology& topology, const workload::Workload* workload, bool reference) {
  constexpr std::uint64_t kTasksPerOperation = 2;
  std::uint64_t ranks = 0, operations = 0;
  if (workload != nullptr) {
    ranks = workload->ranks();
    for (const workload::Graph& graph : workload->graphs)
      operations = std::max<std::uint64_t>(operations, graph.ops.size());
  }
  const std::uint64_t needed =
      machine::Machine::estimate_bytes(topology, ranks, operations * kTasksPerOperation, reference) +
      systemc::Simulation::estimate_bytes(topology);
  spdlog::info("needs about {} of host memory", in_gib(needed));
  require_host_memory(needed, fmt::format("{} with {} nodes", topology.root_name(), topology.node_count()));
}

machine::MachineSettings machine_settings(const config::RunParams& run) {
  machine::MachineSettings settings;
  settings.threads =
      run.threads > 0 ? static_cast<std::uint32_t>(run.threads) : std::max(1u, std::thread::hardware_concurrency());
  settings.seed = static_cast<std::uint64_t>(run.seed);
  settings.burst_bytes = run.burst_bytes;
  settings.all_links = run.all_links;
  settings.network_model = run.network_model;
  settings.copy_tasks = run.copy_tasks;
  settings.rows_in_step = run.rows_in_step;
  return settings;
}

struct Outcome {
  Ending ending = Ending::kFinished;
  machine::Results results;
};

Outcome simulate(const topology::Topology& topology, const workload::Workload& workload, const workload::Job& job,
                 const machine::MachineSettings& settings, bool quiet) {
  const InterruptGuard interrupt;
  spdlog::info("building the machine: {} nodes, {} dies", topology.node_count(), topology.die_count());
  machine::Machine machine(topology, workload, job, settings);
  systemc::Simulation simulation(machine);
  spdlog::info("SystemC modules built in {:.2f} s; simulating with {} threads", simulation.elaboration_s(),
               settings.threads);
  const double built_s = simulation.elaboration_s();
  const Clock::time_point start = Clock::now();
  Outcome outcome;
  {
    ProgressLine progress(!quiet);
    outcome.ending = simulation.run([&] { return interrupt.interrupted(); }, [&] { progress.draw(machine); });
  }
  const double ran_s = seconds_since(start);
  outcome.results = machine.collect(outcome.ending == Ending::kInterrupted);
  outcome.results.elaboration_s = simulation.elaboration_s();
  outcome.results.simulation_s = ran_s - (simulation.elaboration_s() - built_s);
  outcome.results.events = machine.progress().events;
  outcome.results.threads = settings.threads;
  return outcome;
}

int exit_code(const Outcome& outcome) {
  if (outcome.ending == Ending::kInterrupted) {
    spdlog::warn("interrupted; the report is marked partial");
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
  const auto& blocked = outcome.results.blocked_packets;
  if (blocked.empty()) lines.push_back("no packet is blocked: the network is empty");
  for (const std::string& packet : blocked) lines.push_back("blocked packet: " + packet);
  throw Error(ExitCode::kCannotFinish, lines);
}

/// What the reader of the trace assumed or left out, once for all ranks, belongs into the report.
void note_what_was_read(const workload::Workload& workload, workload::Job& job) {
  constexpr std::size_t kMostNotes = 12;
  std::set<std::string> notes;
  for (const workload::Graph& graph : workload.graphs) {
    const std::string file = graph.file + ": ";
    for (const std::string& warning : graph.warnings)
      notes.insert(warning.rfind(file, 0) == 0 ? warning.substr(file.size()) : warning);
  }
  std::size_t said = 0;
  for (const std::string& note : notes) {
    if (said++ == kMostNotes) {
      job.approximations.push_back(
          fmt::format("And {} more notes about the trace (see: dojosim trace check).", notes.size() - kMostNotes));
      break;
    }
    job.approximations.push_back("Trace: " + note + ".");
  }
}

}  // namespace

int run_command(const Arguments& arguments) {
  const Clock::time_point start = Clock::now();
  Options options = run_options();
  if (!options.parse(arguments)) return 0;
  config::RunConfig config = load_config(options);
  const bool reference = config.run.network_model == fabric::NetworkModel::kReference;
  if (reference) {
    const std::vector<std::string> problems = reference::die_problems(config.machine);
    if (!problems.empty()) throw Error(ExitCode::kInvalidInput, problems);
  }
  const std::string out = options.text("out");
  std::optional<OutputFolder> folder;
  if (!out.empty()) folder.emplace(out);
  const topology::Topology topology(config.machine, config.machine_file.empty() ? "machine" : config.machine_file);
  refuse_what_cannot_fit(topology, nullptr, reference);
  std::vector<std::string> files_read;
  const workload::Workload workload = make_workload(config.workload, topology, &files_read);
  for (const std::string& file : files_read) config.input_sha256.emplace(file, config::sha256_file(file));
  refuse_what_cannot_fit(topology, &workload, reference);
  spdlog::info("placing and lowering {} ranks", workload.ranks());
  workload::Job job = workload::lower(workload, lower_options(config.workload, workload.ranks()), topology);
  note_what_was_read(workload, job);

  Outcome outcome = simulate(topology, workload, job, machine_settings(config.run), options.quiet());
  outcome.results.wall_s = seconds_since(start);
  outcome.results.peak_rss_bytes = peak_resident_bytes();
  const report::RunContext context{config, topology, workload, job, outcome.results};
  if (!out.empty()) report::write_run_folder(context, out);
  fmt::print("{}", report::report_text(context));
  return exit_code(outcome);
}

}  // namespace dojo::cli
