// SPDX-License-Identifier: Apache-2.0
// Runs a job in this process as the program does, without SystemC: config -> topology -> workload -> job -> machine ->
// results, or from values made by a test.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/lower/lower.h"
#include "dojo/machine/machine.h"
#include "dojo/run/run.h"
#include "dojo/topology/topology.h"

namespace dojo::test {

/// Everything of a run, kept alive together. `collect()` inside has checked the conservation laws.
struct JobRun {
  std::unique_ptr<const topology::Topology> topology;
  std::shared_ptr<const workload::Workload> workload;
  std::shared_ptr<const workload::Job> job;
  std::unique_ptr<machine::Machine> machine;
  machine::Results results;

  [[nodiscard]] double seconds() const { return topology->seconds(results.end_cycle); }
  [[nodiscard]] const machine::LinkClassTotals& of_class(topology::LinkClass c) const {
    return results.classes[static_cast<std::size_t>(c)];
  }
  /// Largest core busy time and so on are in `results`; this is one node's counters.
  [[nodiscard]] machine::NodeCounters node(DieId die, SiteIndex site) const {
    return machine->node_counters(die, site);
  }
};

/// Ready to run, with nothing done yet.
inline JobRun prepare(const topology::MachineParams& machine, workload::Workload workload,
                      const workload::LowerOptions& options, const machine::MachineSettings& settings = {}) {
  JobRun run;
  run.topology = std::make_unique<topology::Topology>(machine);
  run.workload = std::make_unique<workload::Workload>(std::move(workload));
  run.job = std::make_unique<workload::Job>(workload::lower(*run.workload, options, *run.topology));
  run.machine = std::make_unique<machine::Machine>(*run.topology, *run.workload, *run.job, settings);
  return run;
}

inline void finish(JobRun& run) {
  while (run.machine->next_time() != kNever) run.machine->run_window();
  run.results = run.machine->collect();
}

/// What a configuration does not say, because results do not depend on it.
struct TestSettings {
  std::uint32_t threads = 1;
  Cycles window_cycles = 0;
  bool reverse_order = false;
  std::int64_t trains_times = 1, trains_over = 1;  ///< lengths of the fast model's trains, as a fraction of the usual
};

struct RunRequest {
  std::string config, machine, workload;  ///< files below the project's folder, or absolute; as of `dojosim run`
  std::vector<std::string> set;           ///< "machine.die.crossing_ns=50"
  TestSettings settings;
};

inline config::RunConfig load(const RunRequest& request) {
  const auto file = [](const std::string& name) {
    return name.empty() || name.front() == '/' ? name : std::string(DOJO_SOURCE_DIR) + "/" + name;
  };
  return config::load({file(request.config), file(request.machine), file(request.workload), request.set});
}

inline JobRun prepare(const RunRequest& request) {
  run::Prepared prepared = run::prepare(load(request));
  machine::MachineSettings settings = run::machine_settings(prepared.config->run);
  settings.threads = request.settings.threads;
  settings.window_cycles = request.settings.window_cycles;
  settings.reverse_order = request.settings.reverse_order;
  for (auto* length : {&settings.burst_bytes, &settings.gather_on_die, &settings.gather_over_dies})
    *length = *length * request.settings.trains_times / request.settings.trains_over;
  JobRun run;
  run.topology = std::move(prepared.topology);
  run.workload = std::move(prepared.workload);
  run.job = std::move(prepared.job);
  run.machine = std::make_unique<machine::Machine>(*run.topology, *run.workload, *run.job, settings);
  return run;
}

inline JobRun run(const RunRequest& request) {
  JobRun made = prepare(request);
  finish(made);
  return made;
}

inline JobRun run(const topology::MachineParams& machine, workload::Workload workload,
                  const workload::LowerOptions& options, const machine::MachineSettings& settings = {}) {
  JobRun made = prepare(machine, std::move(workload), options, settings);
  finish(made);
  return made;
}

/// A job of hand-made graphs: one graph a rank, operations in order, each waiting for the one before it.
class JobText {
 public:
  explicit JobText(RankId ranks) {
    workload_.group_classes = {{"all", {{"all", {}}}}};
    for (RankId r = 0; r < ranks; ++r) {
      workload_.group_classes[0].groups[0].ranks.push_back(r);
      workload_.graph_of_rank.push_back(r);
      workload_.graphs.emplace_back();
      workload_.graphs.back().file = "test";
      workload_.graphs.back().format = "test";
    }
  }
  /// Appends to a rank; set what the kind needs in `op`. `tensors`: bytes of its inputs, then of its one output.
  workload::Op& add(RankId rank, workload::Op op, bool after_previous = true) {
    workload::Graph& graph = workload_.graphs[rank];
    op.id = graph.ops.size();
    op.name = graph.intern(std::string(workload::op_kind_name(op.kind)) + std::to_string(op.id));
    op.deps_begin = static_cast<std::uint32_t>(graph.deps.size());
    if (after_previous && !graph.ops.empty()) graph.deps.push_back(static_cast<std::uint32_t>(graph.ops.size() - 1));
    op.deps_end = static_cast<std::uint32_t>(graph.deps.size());
    graph.ops.push_back(op);
    return graph.ops.back();
  }
  void message(RankId from, RankId to, Bytes bytes, std::int32_t tag = 0, bool after_previous = true) {
    workload::Op op;
    op.bytes = bytes;
    op.tag = tag;
    op.kind = workload::OpKind::kSend;
    op.peer = static_cast<std::int32_t>(to);
    add(from, op, after_previous);
    op.kind = workload::OpKind::kRecv;
    op.peer = static_cast<std::int32_t>(from);
    add(to, op, after_previous);
  }
  [[nodiscard]] workload::Workload take() { return std::move(workload_); }

 private:
  workload::Workload workload_;
};

inline workload::Op op_of(workload::OpKind kind, Bytes bytes = 0, std::int64_t flops = 0) {
  workload::Op op;
  op.kind = kind;
  op.bytes = bytes;
  op.flops = flops;
  return op;
}

inline workload::LowerOptions placed(const std::string& unit, RankId ranks,
                                     const std::vector<std::string>& paths = {}) {
  workload::LowerOptions options;
  options.placement.rank_unit = {schema::enum_value<workload::PlacementUnit>(unit).value(), 1, 1};
  options.placement.ranks = ranks;
  for (RankId r = 0; r < paths.size(); ++r) options.placement.by_name[r] = paths[r];
  return options;
}

inline topology::MachineParams machine_file(const std::string& name, const std::vector<std::string>& set = {}) {
  RunRequest request;
  request.machine = "configs/machines/" + name + ".json";
  request.set = set;
  return load(request).machine;
}

}  // namespace dojo::test
