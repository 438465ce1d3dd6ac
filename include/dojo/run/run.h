// SPDX-License-Identifier: Apache-2.0
// A configuration is run in one call: config -> topology -> workload -> job -> machine -> simulation -> results.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dojo/audit/audit.h"
#include "dojo/config/config.h"
#include "dojo/failures/failures.h"
#include "dojo/machine/machine.h"
#include "dojo/report/report.h"
#include "dojo/run/hooks.h"
#include "dojo/systemc/simulation.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::run {

/// All that a machine is made from.
struct Prepared {
  std::unique_ptr<const config::RunConfig> config;  ///< with the hashes of the trace's files
  std::unique_ptr<const topology::Topology> topology;
  std::shared_ptr<const workload::Workload> workload;
  std::shared_ptr<const workload::Job> job;
  bool stopped = false;  ///< before the workload was read or lowered: the job has nothing to do
};

struct RunOutcome {
  Prepared prepared;
  systemc::Ending ending = systemc::Ending::kFinished;
  machine::Results results;
  std::optional<audit::Result> audit;  ///< none: this network model has none
  report::Trail trail;
  report::UseOverTime use;
  std::vector<report::FreePart> if_free;          ///< `run.if_free`
  std::string timeline;                           ///< `run.timeline`: the bytes of timeline.pftrace.gz
  std::vector<core::NodeWave> waves;              ///< of Hooks::waves
  std::vector<report::TurnedNumber> sensitivity;  ///< `run.sensitivity`
  std::optional<failures::Result> failures;       ///< `run.failures`, of a job that finished
  Cycles ideal_cycles = 0;  ///< of the job over the ideal network (`run.contention`); 0: not asked for, or not finished

  /// For report::write_run_folder() and its like; good as long as this outcome.
  [[nodiscard]] report::RunContext context() const;
};

/// Reads or generates the workload, places and lowers it. Throws Error: kInvalidInput, kIo, kUsage when the
/// configuration names no workload, kHostMemory when this host cannot hold the run.
[[nodiscard]] Prepared prepare(config::RunConfig config, const Hooks& hooks = {});
/// Throws what prepare() would, but for what this host lacks, and for what shows only when communication is lowered:
/// the workload is read, placed, and planned as far as its memory asks.
void check(config::RunConfig config, const Hooks& hooks = {});
[[nodiscard]] RunOutcome run(Prepared prepared, const Hooks& hooks = {});
/// Both. A job that cannot finish is an outcome, not an error.
[[nodiscard]] RunOutcome run(config::RunConfig config, const Hooks& hooks = {});

[[nodiscard]] machine::MachineSettings machine_settings(const config::RunParams& params);
/// `run.threads`, or as many processors as affinity and control groups allow.
[[nodiscard]] std::uint32_t thread_count(const config::RunParams& params);

}  // namespace dojo::run
