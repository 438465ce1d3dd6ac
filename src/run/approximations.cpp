// SPDX-License-Identifier: Apache-2.0
// One function for each origin of sentences, in the order of the report.
#include "run/approximations.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "run/net_models.h"

namespace dojo::run {
namespace {

using workload::Kernel;

/// Samples, loads or stores.
bool uses_dips(const workload::Workload& workload) {
  const auto moves = [](const workload::Op& op) {
    return op.bytes > 0 && workload::family(op.kind) == workload::OpFamily::kMemory;
  };
  return std::any_of(workload.graphs.begin(), workload.graphs.end(), [&](const workload::Graph& graph) {
    return std::any_of(graph.ops.begin(), graph.ops.end(), moves);
  });
}

void add_of_lowering(const workload::Workload& workload, const workload::Job& job, std::vector<std::string>& all) {
  std::set<Kernel::TimedBy> timed_by;
  bool delays = false;
  for (const workload::Program& program : job.programs) {
    for (const Kernel& kernel : program.kernels) timed_by.insert(kernel.timed_by);
    delays = delays || !program.delays.empty();
  }
  if (delays) timed_by.insert(Kernel::TimedBy::kRecorded);
  if (job.groups_by_tile)
    all.emplace_back("Batch-norm groups are the ranks of a tile, not consecutive ranks: a group's dies lie together.");
  if (timed_by.count(Kernel::TimedBy::kShapes) != 0) {
    all.emplace_back(
        "Weights lie as each product of their layer wants them; layout changes cost traffic, no core time.");
  }
  if (!job.programs.empty()) {
    all.emplace_back(
        "Memory is planned in the order of issue: what a communication holds for longer than that is not accounted "
        "for.");
  }
  if (timed_by.count(Kernel::TimedBy::kRoofline) != 0)
    all.emplace_back("Operations without shapes are timed by the roofline of their rank's nodes.");
  if (timed_by.count(Kernel::TimedBy::kRecorded) != 0)
    all.emplace_back("Operations are timed by the duration recorded in the trace: another machine's, not this one's.");
  if (delays) {
    all.emplace_back(
        "Recorded communication, copies and kernels of other streams take their time beside the cores and move no data "
        "here.");
  }
  if (job.hbm_used_bytes.empty() && uses_dips(workload))
    all.emplace_back("Samples, loads and stores take no time: the machine has no DIPs.");
  if (workload.graphs.size() > 1)
    all.emplace_back("Ranks run different graphs: optimizer state is not sharded over them.");
}

void add_of_trace(const workload::Workload& workload, std::vector<std::string>& all) {
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
      all.push_back(
          fmt::format("And {} more notes about the trace (see: dojosim trace check).", notes.size() - kMostNotes));
      return;
    }
    all.push_back("Trace: " + note + ".");
  }
}

}  // namespace

std::vector<std::string> approximations(const workload::Workload& workload, const workload::Job& job) {
  std::vector<std::string> all;
  add_of_lowering(workload, job, all);
  add_of_trace(workload, all);
  return all;
}

std::vector<std::string> net_approximations(const config::RunConfig& config, const topology::Topology& topology) {
  std::vector<std::string> all{net_model(config.run.network_model).sentence};
  if (topology.routes() != nullptr) {
    all.push_back(fmt::format(
        "Detours around dead parts consist of at most {} legs in dimension order; each leg has {} virtual channels of "
        "its own, whose buffers cost nothing.",
        config.router.most_legs(), config.router.virtual_channels));
  }
  return all;
}

}  // namespace dojo::run
