// SPDX-License-Identifier: Apache-2.0
// The two scopes in which work before the simulation is stopped, and what is left of it then.
#include "run/stoppable.h"

#include <string>
#include <utility>
#include <vector>

#include "dojo/base/stop_point.h"
#include "dojo/run/workload_source.h"

namespace dojo::run {
namespace {

workload::Job job_of_nothing(const workload::Workload& workload, const workload::LowerOptions& options,
                             const topology::Topology& topology, const char* sentence) {
  workload::Job job = workload::idle_job(workload, options, topology);
  job.approximations = {sentence};
  return job;
}

}  // namespace

std::unique_ptr<workload::Workload> read_or_made(config::RunConfig& config, const topology::Topology& topology,
                                                 const Hooks& hooks) {
  const StopScope scope(hooks.should_stop, hooks.progress);
  try {
    stop_point();
    std::vector<std::string> files;
    auto workload = std::make_unique<workload::Workload>(make_workload(config.workload, topology, &files));
    for (const std::string& file : files) config.input_sha256.emplace(file, config::sha256_file(file));
    return workload;
  } catch (const Stopped&) {
    return nullptr;
  }
}

std::unique_ptr<workload::Job> lowered(const workload::Workload& workload, const workload::LowerOptions& options,
                                       const topology::Topology& topology, const Hooks& hooks) {
  const StopScope scope(hooks.should_stop, hooks.progress);
  try {
    stop_point();
    return std::make_unique<workload::Job>(workload::lower(workload, options, topology));
  } catch (const Stopped&) {
    return nullptr;
  }
}

Prepared stopped_before_reading(config::RunConfig config, std::unique_ptr<topology::Topology> topology) {
  auto workload = std::make_unique<workload::Workload>();
  workload->group_classes = {{"all", {{"all", {}}}}};
  auto job = std::make_unique<workload::Job>(job_of_nothing(
      *workload, {}, *topology, "The run was interrupted before its workload was read: nothing of it was simulated."));
  return {std::make_unique<config::RunConfig>(std::move(config)), std::move(topology), std::move(workload),
          std::move(job), true};
}

workload::Job stopped_before_lowering(const workload::Workload& workload, const workload::LowerOptions& options,
                                      const topology::Topology& topology) {
  return job_of_nothing(workload, options, topology,
                        "The run was interrupted before its workload was lowered: nothing of it was simulated.");
}

}  // namespace dojo::run
