// SPDX-License-Identifier: Apache-2.0
// All that is done before a machine is built: what cannot be is refused, the workload is read, placed and lowered.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/reference/die.h"
#include "dojo/report/timeline.h"
#include "dojo/run/host_memory.h"
#include "dojo/run/run.h"
#include "dojo/run/shared.h"
#include "dojo/run/workload_source.h"
#include "run/approximations.h"
#include "run/begin.h"
#include "run/failure_study.h"
#include "run/job_size.h"
#include "run/sensitivity.h"
#include "run/stoppable.h"

namespace dojo::run {
namespace {

void note(const Hooks& hooks, const std::string& sentence) {
  if (hooks.note) hooks.note(sentence);
}

/// Asked before anything large is built, and again when more is known of what is to come. What the process holds
/// already is no more to be had, and part of the sum that is said.
void refuse_what_cannot_fit(const topology::Topology& topology, std::uint64_t to_come, fabric::NetworkModel model,
                            const Hooks& hooks) {
  const std::uint64_t held = held_bytes();
  const std::uint64_t needed =
      machine::Machine::estimate_bytes(topology, 0, 0, model) + systemc::Simulation::estimate_bytes(topology) + to_come;
  note(hooks, fmt::format("needs about {} of host memory, {} of it now", in_gib(held + needed), in_gib(held)));
  require_host_memory(needed, fmt::format("{} with {} nodes", topology.root_name(), topology.node_count()));
}

std::int64_t nodes_per_rank(const topology::Topology& topology, const workload::LowerOptions& lowering) {
  return topology.node_count() /
         std::max<std::int64_t>(1, workload::place_count(lowering.placement.rank_unit, topology));
}

void refuse_contention_of_ideal(const config::RunParams& params) {
  if (!params.contention || params.network_model != fabric::NetworkModel::kIdeal) return;
  throw Error(ExitCode::kInvalidInput,
              "run.contention: found true with network_model \"ideal\", expected fast or reference; leave it out: "
              "messages of the ideal network never meet");
}

void refuse_rings(const topology::NocParams& noc) {
  std::vector<std::string> problems;
  if (noc.wrap != topology::Wrap::kNone) {
    problems.push_back(
        fmt::format("machine.noc.wrap: found \"{}\", expected \"none\", because operations and collectives know open "
                    "meshes only; add --set machine.noc.wrap=none --set machine.noc.one_way=false, or use dojosim net",
                    schema::enum_text(noc.wrap)));
  }
  if (noc.networks > 1) {
    problems.push_back(
        fmt::format("machine.noc.networks: found {}, expected 1, because a job is sent over one network; "
                    "add --set machine.noc.networks=1",
                    noc.networks));
  }
  if (!problems.empty()) throw Error(ExitCode::kInvalidInput, problems);
}

void refuse_core_without_nodes(const config::RunConfig& config) {
  if (config.run.detailed_core == config::RunParams{}.detailed_core || !config.machine.detailed.empty()) return;
  throw Error(ExitCode::kInvalidInput,
              fmt::format("run.detailed_core: found \"{}\" without nodes that have it; name them in machine.detailed",
                          config.run.detailed_core));
}

void refuse_audit(const config::RunParams& params, const topology::MachineParams& machine) {
  if (params.audit_tasks <= 0) return;
  if (params.network_model != fabric::NetworkModel::kFast) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("run.audit_tasks: found {} with network_model \"{}\", expected fast; leave it out: an audit "
                    "says how far the fast network is from the reference",
                    params.audit_tasks, schema::enum_text(params.network_model)));
  }
  const std::vector<std::string> problems = reference::die_problems(machine);
  if (!problems.empty()) throw Error(ExitCode::kInvalidInput, problems);
}

void refuse_what_cannot_be(const config::RunConfig& config) {
  refuse_rings(config.machine.noc);
  refuse_core_without_nodes(config);
  refuse_contention_of_ideal(config.run);
  refuse_audit(config.run, config.machine);
  if (config.run.network_model != fabric::NetworkModel::kReference) return;
  const std::vector<std::string> problems = reference::die_problems(config.machine);
  if (!problems.empty()) throw Error(ExitCode::kInvalidInput, problems);
}

std::shared_ptr<const workload::Job> job_of(const config::RunConfig& config, const Begun& begun, const Hooks& hooks) {
  if (hooks.shared != nullptr) {
    if (std::shared_ptr<const workload::Job> job = hooks.shared->job(config)) return job;
  }
  std::shared_ptr<workload::Job> job = lowered(*begun.workload, begun.lowering, *begun.topology, hooks);
  if (job) job->approximations = approximations(*begun.workload, *job);
  return job;
}

}  // namespace

Begun begin(config::RunConfig& config, const Hooks& hooks, bool asks_memory) {
  refuse_what_cannot_be(config);
  const fabric::NetworkModel model = config.run.network_model;
  Begun begun;
  begun.topology = std::make_unique<topology::Topology>(config.machine,
                                                        config.machine_file.empty() ? "machine" : config.machine_file);
  refuse_failures(config.run, *begun.topology);
  refuse_sensitivity(config, *begun.topology);
  if (hooks.waves) (void)make_waves(*hooks.waves, *begun.topology);
  if (asks_memory) refuse_what_cannot_fit(*begun.topology, reading_bytes(config.workload.trace), model, hooks);
  if (hooks.shared != nullptr) begun.workload = hooks.shared->workload(config, *begun.topology);
  if (!begun.workload) begun.workload = read_or_made(config, *begun.topology, hooks);
  if (!begun.workload) return begun;
  begun.lowering = lower_options(config.workload, begun.workload->ranks());
  begun.lowering.node_model = config.run.node_model;
  // A mistake, also where no timeline is asked for.
  (void)report::timeline_ranks(config.run.timeline_ranks, begun.workload->ranks());
  return begun;
}

Prepared prepare(config::RunConfig config, const Hooks& hooks) {
  Begun begun = begin(config, hooks, true);
  if (!begun.workload) return stopped_before_reading(std::move(config), std::move(begun.topology));
  const workload::Workload& workload = *begun.workload;
  const fabric::NetworkModel model = config.run.network_model;
  refuse_what_cannot_fit(*begun.topology, lowering_bytes(workload, nodes_per_rank(*begun.topology, begun.lowering)),
                         model, hooks);
  note(hooks, fmt::format("placing and lowering {} ranks", workload.ranks()));
  std::shared_ptr<const workload::Job> job = job_of(config, begun, hooks);
  const bool stopped = job == nullptr;
  if (stopped) {
    job = std::make_shared<workload::Job>(stopped_before_lowering(workload, begun.lowering, *begun.topology));
  } else {
    const Bytes burst_bytes = machine::MachineSettings{}.burst_bytes;
    const JobSize size = job_size(workload, *job, burst_bytes);
    refuse_long_jobs(size, input_limits().bursts, burst_bytes);
    refuse_what_cannot_fit(*begun.topology, size.bytes, model, hooks);
  }
  return {std::make_unique<config::RunConfig>(std::move(config)), std::move(begun.topology), std::move(begun.workload),
          std::move(job), stopped};
}

void check(config::RunConfig config, const Hooks& hooks) {
  const Begun begun = begin(config, hooks, false);
  if (begun.workload) workload::check_programs(*begun.workload, begun.lowering, *begun.topology);
}

}  // namespace dojo::run
