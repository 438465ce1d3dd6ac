// SPDX-License-Identifier: Apache-2.0
// Parts, bytes and rates of the machine at hand, for the module `failures`.
#include "run/failure_study.h"

#include <fmt/format.h>

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::run {
namespace {

using topology::Topology;

/// Of one copy of the model: ranks that train the same parameters on other samples.
double data_parallel_ranks(const workload::Workload& workload) {
  bool shares_products = false;
  for (const workload::Workload::GroupClass& found : workload.group_classes) {
    if (found.name == "zero" || found.name == "experts") return 1;
    if (found.name == "data" && !found.groups.empty()) return static_cast<double>(found.groups.front().ranks.size());
    shares_products = shares_products || found.name == "tensor";
  }
  return shares_products || workload.graphs.size() != 1 ? 1 : static_cast<double>(workload.ranks());
}

/// Of DIPs to hosts, one way.
double host_bytes_per_s(const Topology& topology) {
  const topology::DipParams& dip = topology.params().dip;
  return static_cast<double>(topology.dip_count()) * (dip.pcie_bytes_per_s + dip.ethernet_bytes_per_s);
}

/// Edges between dies and links of DIPs; both directions are one.
double link_count(const Topology& t) {
  const double rows = t.die_rows(), columns = t.die_columns();
  return rows * (columns - 1) + columns * (rows - 1) + static_cast<double>(t.dip_count());
}

}  // namespace

void refuse_failures(const config::RunParams& params, const Topology& topology) {
  const failures::Params& f = params.failures;
  if (f.days <= 0) return;
  if (f.checkpoint_write_s <= 0 && topology.dip_count() == 0) {
    throw Error(ExitCode::kInvalidInput,
                "run.failures.checkpoint_write_s: found 0 on a machine without DIPs, expected seconds: nothing says "
                "over what a checkpoint leaves it");
  }
  const double least = failures::shortest_interval_s(f);
  if (f.checkpoint_interval_s > 0 && f.checkpoint_interval_s < least) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("run.failures.checkpoint_interval_s: found {} with {} days and {} repetitions, expected at "
                            "least {:.3g}, or fewer days: no more than ten million checkpoints are simulated",
                            f.checkpoint_interval_s, f.days, f.repetitions, least));
  }
}

double checkpoint_bytes(const workload::Workload& workload, const workload::Job& job, bool shard_optimizer) {
  double weights = 0, optimizer = 0;
  for (const std::uint32_t program : job.program_of_rank) {
    weights += static_cast<double>(job.programs[program].memory.weights);
    optimizer += static_cast<double>(job.programs[program].memory.optimizer);
  }
  const double copies = data_parallel_ranks(workload);
  return weights / copies + optimizer / (shard_optimizer ? 1 : copies);
}

failures::Result study_failures(const Prepared& prepared) {
  const Topology& topology = *prepared.topology;
  const config::RunConfig& config = *prepared.config;
  failures::Machine machine;
  machine.dies = static_cast<double>(topology.die_count());
  machine.nodes = static_cast<double>(topology.node_count());
  machine.links = link_count(topology);
  machine.dips = static_cast<double>(topology.dip_count());
  machine.hosts = topology.params().level >= topology::Level::kTray ? static_cast<double>(topology.host_count()) : 0;
  machine.tiles = std::max<std::int64_t>(1, topology.tile_count());
  return failures::study(config.run.failures, machine,
                         checkpoint_bytes(*prepared.workload, *prepared.job, config.workload.shard_optimizer),
                         host_bytes_per_s(topology), static_cast<std::uint64_t>(config.run.seed));
}

}  // namespace dojo::run
