// SPDX-License-Identifier: Apache-2.0
#include "run/if_free.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "dojo/base/error.h"
#include "dojo/run/workload_source.h"
#include "dojo/topology/node_ports.h"
#include "run/stoppable.h"

namespace dojo::run {
namespace {

/// Times faster than it is: no part of a step is left that anybody could see.
constexpr std::int64_t kFaster = 1000;

/// The window loop without modules: nobody looks at this machine while it runs.
Cycles cycles_of(const topology::Topology& topology, const workload::Workload& workload, const workload::Job& job,
                 const machine::MachineSettings& settings, const Hooks& hooks) {
  machine::Machine machine(topology, workload, job, settings);
  while (machine.next_time() != kNever && !(hooks.should_stop && hooks.should_stop())) machine.run_window();
  return machine.done() ? machine.end_cycle() : 0;
}

void shorten(double& ns) {
  ns = std::max(1.0, ns / 10);
}

/// A part of `m` as good as ideal; false: the machine has no such part.
bool set_free(const std::string& part, const topology::Topology& topology, topology::MachineParams& m) {
  const bool dips = topology.dip_count() > 0, many = topology.die_count() > 1;
  if (part == "noc") {
    m.noc.link_bytes_per_cycle *= kFaster;
    return true;
  }
  if (part == "ports") {
    m.node.noc_read_ports = m.node.noc_write_ports = topology::kMostNodePorts;
    return true;
  }
  if (part == "edges") {
    for (double* rate : {&m.die.edge_bytes_per_s, &m.tile.die_edge_out_bytes_per_s, &m.dip.ttp_bytes_per_s})
      *rate *= static_cast<double>(kFaster);
    return dips || many;
  }
  if (part == "crossings") {
    // The buffers stay those of the real latency.
    if (m.die.crossing_buffer_bytes == 0)
      m.die.crossing_buffer_bytes = static_cast<std::int64_t>(2 * m.die.crossing_ns * 1e-9 * m.die.edge_bytes_per_s);
    for (double* ns :
         {&m.die.crossing_ns, &m.tile.tile_link_ns, &m.tray.tray_link_ns, &m.tray.cabinet_link_ns, &m.dip.ttp_link_ns})
      shorten(*ns);
    return many;
  }
  if (part == "memory") {
    m.dip.hbm_bytes_per_s *= static_cast<double>(kFaster);
    m.dip.hbm_latency_ns = 0;
    return dips;
  }
  if (part == "samples") {
    for (double* rate : {&m.dip.pcie_bytes_per_s, &m.dip.ethernet_bytes_per_s}) *rate *= static_cast<double>(kFaster);
    m.dip.pcie_latency_ns = m.dip.ethernet_latency_ns = 0;
    return dips;
  }
  return false;
}

/// As a run on such a machine would plan it. Null: asked to stop.
std::unique_ptr<workload::Job> planned_for(const topology::Topology& topology, const Prepared& prepared,
                                           const Hooks& hooks) {
  workload::LowerOptions options = lower_options(prepared.config->workload, prepared.workload->ranks());
  options.node_model = prepared.config->run.node_model;
  try {
    return lowered(*prepared.workload, options, topology, hooks);
  } catch (const Error&) {  // other plans may need more SRAM
    return std::make_unique<workload::Job>(*prepared.job);
  }
}

/// Kernels that take as good as no time on the cores: a cycle a step.
workload::Job without_core_time(const workload::Job& job) {
  workload::Job free = job;
  for (workload::Program& program : free.programs) {
    for (workload::Kernel& kernel : program.kernels) {
      for (Cycles& cycles : kernel.cycles) cycles = std::min<Cycles>(cycles, 1);
    }
  }
  return free;
}

}  // namespace

Cycles ideal_cycles(const Prepared& prepared, machine::MachineSettings settings, const Hooks& hooks) {
  settings.network_model = fabric::NetworkModel::kIdeal;
  return cycles_of(*prepared.topology, *prepared.workload, *prepared.job, settings, hooks);
}

std::vector<report::FreePart> run_if_free(const Prepared& prepared, const machine::MachineSettings& settings,
                                          const Hooks& hooks) {
  std::vector<report::FreePart> results;
  for (const report::FreePartName& part : report::free_parts()) {
    if (hooks.should_stop && hooks.should_stop()) break;
    if (hooks.note) hooks.note(fmt::format("running the job again with {} ideal", part.word));
    if (std::string(part.word) == "core") {
      const workload::Job free = without_core_time(*prepared.job);
      machine::MachineSettings plain = settings;
      plain.copy_tasks = false;  // only tasks whose messages come before their cores' end can be copied
      results.push_back({part.word, cycles_of(*prepared.topology, *prepared.workload, free, plain, hooks)});
      continue;
    }
    topology::MachineParams params = prepared.config->machine;
    if (!set_free(part.word, *prepared.topology, params)) continue;
    const topology::Topology topology(params, "machine");
    const std::unique_ptr<workload::Job> job = planned_for(topology, prepared, hooks);
    if (!job) break;
    results.push_back({part.word, cycles_of(topology, *prepared.workload, *job, settings, hooks)});
  }
  return results;
}

}  // namespace dojo::run
