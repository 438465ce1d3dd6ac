// SPDX-License-Identifier: Apache-2.0
// From a configuration to the results of its run.
#include "dojo/run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "dojo/base/processors.h"
#include "dojo/report/timeline.h"
#include "dojo/run/host_memory.h"
#include "dojo/run/plugins.h"
#include "dojo/run/workload_source.h"
#include "run/failure_study.h"
#include "run/if_free.h"
#include "run/sensitivity.h"
#include "run/stoppable.h"

namespace dojo::run {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void note(const Hooks& hooks, const std::string& sentence) {
  if (hooks.note) hooks.note(sentence);
}

bool asked_to_stop(const Hooks& hooks) {
  return hooks.should_stop && hooks.should_stop();
}

/// None: only runs of the fast network are audited.
std::optional<audit::Draw> draw_audit(const Prepared& prepared) {
  const config::RunParams& params = prepared.config->run;
  if (params.network_model != fabric::NetworkModel::kFast) return std::nullopt;
  audit::Request request;
  request.seed = static_cast<std::uint64_t>(params.seed);
  if (params.audit_tasks >= 0) request.tasks = params.audit_tasks;
  return audit::draw({*prepared.topology, *prepared.workload, *prepared.job}, request);
}

report::TimelineRequest timeline_request(const Prepared& prepared) {
  const config::RunParams& run = prepared.config->run;
  const double cycles_per_ns = prepared.topology->params().clock_hz * 1e-9;
  report::TimelineRequest request;
  request.ranks = report::timeline_ranks(run.timeline_ranks, prepared.workload->ranks());
  request.begin = static_cast<Cycles>(run.timeline_begin_ns * cycles_per_ns);
  if (run.timeline_end_ns > 0) request.end = static_cast<Cycles>(run.timeline_end_ns * cycles_per_ns);
  return request;
}

/// Runs the job over the network that the configuration names.
void simulate(const Prepared& prepared, const machine::MachineSettings& settings, const Hooks& hooks,
              const std::vector<RankId>& recorded, audit::Times& times, RunOutcome& outcome) {
  const topology::Topology& topology = *prepared.topology;
  note(hooks, fmt::format("building the machine: {} nodes, {} dies", topology.node_count(), topology.die_count()));
  machine::Machine machine(topology, *prepared.workload, *prepared.job, settings);
  const config::RunParams& run = prepared.config->run;
  systemc::Simulation simulation(machine, hooks.plugins == nullptr ? nullptr : &hooks.plugins->cores(),
                                 run.detailed_core);
  if (hooks.waves) outcome.waves = make_waves(*hooks.waves, topology);
  for (core::NodeWave& node : outcome.waves) machine.record(node.die, node.site, node.wave);
  const double built_s = simulation.elaboration_s();
  note(hooks, fmt::format("SystemC modules built in {:.2f} s; simulating with {} threads", built_s, settings.threads));
  if (hooks.started) hooks.started();
  const Clock::time_point start = Clock::now();
  outcome.ending = simulation.run([&] { return asked_to_stop(hooks); },
                                  [&] {
                                    if (hooks.tick) hooks.tick(machine, seconds_since(start));
                                  });
  const double ran_s = seconds_since(start);
  for (core::NodeWave& node : outcome.waves) node.wave.close();
  outcome.results = machine.collect(outcome.ending == systemc::Ending::kInterrupted);
  for (const DieId die : simulation.kernel_dies()) {
    outcome.results.approximations.push_back(
        fmt::format("{} runs inside the SystemC kernel, because a core on it has a process; its results are those of "
                    "any other die.",
                    topology.die_path(die)));
  }
  outcome.results.elaboration_s = simulation.elaboration_s();
  outcome.results.simulation_s = ran_s - (simulation.elaboration_s() - built_s);
  outcome.results.events = machine.progress().events;
  outcome.results.threads = settings.threads;
  times.end = outcome.results.end_cycle;
  for (const RankId rank : recorded) times.of_rank.emplace(rank, machine.task_times(rank));
  const report::TaskTimes task_times = [&](RankId rank) -> const std::vector<machine::TaskTime>& {
    return machine.task_times(rank);
  };
  outcome.trail = report::make_trail(*prepared.workload, *prepared.job, task_times, outcome.results.end_cycle);
  const report::UseSource source{topology, outcome.results, prepared.config->machine.takes};
  outcome.use = report::use_of_job(source, *prepared.workload, *prepared.job, task_times, outcome.results.end_cycle,
                                   report::kPageIntervals);
  if (prepared.config->run.timeline) {
    outcome.timeline = report::make_timeline(*prepared.workload, *prepared.job, task_times, outcome.results.end_cycle,
                                             topology.params().clock_hz, timeline_request(prepared), &source);
  }
}

/// Some of the job's operations again, in both networks.
audit::Result audit_of(const Prepared& prepared, const audit::Draw& drawn, const audit::Times& times,
                       const machine::MachineSettings& settings, const Hooks& hooks) {
  return audit::replay({*prepared.topology, *prepared.workload, *prepared.job}, drawn, times, settings,
                       [&] { return asked_to_stop(hooks); });
}

/// The outcome of a machine that did nothing.
void stand_still(const Prepared& prepared, const machine::MachineSettings& settings, RunOutcome& outcome) {
  const machine::Machine machine(*prepared.topology, *prepared.workload, *prepared.job, settings);
  outcome.ending = systemc::Ending::kInterrupted;
  outcome.results = machine.collect(true);
  outcome.results.finished = false;  // without a rank it has nothing to wait for
  outcome.results.threads = settings.threads;
}

void simulate_and_audit(const Prepared& prepared, machine::MachineSettings settings, const Hooks& hooks,
                        RunOutcome& outcome) {
  const std::optional<audit::Draw> drawn = draw_audit(prepared);
  const bool audited = drawn && drawn->why_not.empty();
  settings.record_tasks = true;
  if (audited && std::isfinite(drawn->most_flit_hops)) {
    note(hooks, fmt::format("an audit may replay {:.3g} flit-hops, of the job's {:.3g}", drawn->most_flit_hops,
                            drawn->job_flit_hops));
  }
  audit::Times times;
  simulate(prepared, settings, hooks, audited ? drawn->record : std::vector<RankId>{}, times, outcome);
  const bool finished = outcome.ending == systemc::Ending::kFinished;
  settings.record_tasks = false;
  settings.detailed = false;  // what follows asks other questions, of planned cores
  if (prepared.config->run.contention && finished) outcome.ideal_cycles = ideal_cycles(prepared, settings, hooks);
  if (prepared.config->run.if_free && finished) outcome.if_free = run_if_free(prepared, settings, hooks);
  if (drawn && finished) outcome.audit = audit_of(prepared, *drawn, times, settings, hooks);
  if (prepared.config->run.sensitivity && finished) outcome.sensitivity = turn_assumed(prepared, hooks);
  if (prepared.config->run.failures.days > 0 && finished) outcome.failures = study_failures(prepared);
}

}  // namespace

report::RunContext RunOutcome::context() const {
  return {*prepared.config,
          *prepared.topology,
          *prepared.workload,
          *prepared.job,
          results,
          ideal_cycles,
          audit ? &*audit : nullptr,
          prepared.stopped ? nullptr : &trail,
          &if_free,
          &timeline,
          config::Purpose::kRun,
          failures ? &*failures : nullptr,
          &sensitivity,
          prepared.stopped ? nullptr : &use};
}

std::uint32_t thread_count(const config::RunParams& params) {
  return params.threads > 0 ? static_cast<std::uint32_t>(params.threads) : available_processors();
}

machine::MachineSettings machine_settings(const config::RunParams& params) {
  machine::MachineSettings settings;
  settings.threads = thread_count(params);
  settings.seed = static_cast<std::uint64_t>(params.seed);
  settings.all_links = params.all_links;
  settings.network_model = params.network_model;
  settings.copy_tasks = params.copy_tasks;
  settings.rows_in_step = params.rows_in_step;
  settings.repeat_kernels = params.repeat_kernels;
  return settings;
}

RunOutcome run(Prepared prepared, const Hooks& hooks) {
  const Clock::time_point began = Clock::now();
  machine::MachineSettings settings = machine_settings(prepared.config->run);
  settings.threads = given_threads(settings.threads, hooks);
  RunOutcome outcome;
  if (!prepared.stopped && asked_to_stop(hooks)) {  // a machine with all its work takes long to build
    prepared.job = std::make_unique<workload::Job>(stopped_before_lowering(
        *prepared.workload, lower_options(prepared.config->workload, prepared.workload->ranks()), *prepared.topology));
    prepared.stopped = true;
  }
  if (prepared.stopped) {
    stand_still(prepared, settings, outcome);
  } else {
    simulate_and_audit(prepared, settings, hooks, outcome);
  }
  outcome.results.wall_s = seconds_since(began);
  outcome.results.peak_rss_bytes = peak_resident_bytes();
  outcome.prepared = std::move(prepared);
  return outcome;
}

RunOutcome run(config::RunConfig config, const Hooks& hooks) {
  const Clock::time_point start = Clock::now();
  RunOutcome outcome = run(prepare(std::move(config), hooks), hooks);
  outcome.results.wall_s = seconds_since(start);
  return outcome;
}

}  // namespace dojo::run
