// SPDX-License-Identifier: Apache-2.0
// Workloads and jobs that are made once for several runs.
#include "dojo/run/shared.h"

#include "dojo/base/error.h"
#include "dojo/lower/lower.h"
#include "dojo/run/run.h"
#include "run/begin.h"

namespace dojo::run {
namespace {

/// 0 where the machine has none, or the unit is none of its parts.
std::int64_t places_of(const config::RunConfig& config, const topology::Topology& topology) {
  try {
    const config::RankUnitParams& unit = config.workload.rank_unit;
    return workload::place_count({unit.unit, unit.rows, unit.columns}, topology);
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace

std::string workload_origin(const config::RunConfig& config) {
  config::RunConfig only;
  only.workload = config.workload;
  return config::resolved_json(only);
}

std::string job_origin(const config::RunConfig& config) {
  config::RunConfig only;
  only.machine = config.machine;
  only.workload = config.workload;
  only.run.node_model = config.run.node_model;
  return config::resolved_json(only);
}

void Shared::keep(const config::RunConfig& config, bool lower, const Hooks& hooks) {
  Hooks own = hooks;
  own.shared = this;
  config::RunConfig read = config;
  read.input_sha256.clear();
  const Begun begun = begin(read, own, true);
  if (!begun.workload) return;  // stopped
  if (begun.workload != workload_) {
    *this = {};
    workload_origin_ = workload_origin(config);
    places_ = places_of(config, *begun.topology);
    files_ = read.input_sha256;
    workload_ = begun.workload;
  }
  if (!lower || job(config) != nullptr) return;
  const Prepared prepared = prepare(config, own);
  if (prepared.stopped) return;
  job_origin_ = job_origin(config);
  job_ = prepared.job;
}

std::shared_ptr<const workload::Workload> Shared::workload(config::RunConfig& config,
                                                           const topology::Topology& topology) const {
  if (!workload_ || workload_origin(config) != workload_origin_ || places_of(config, topology) != places_)
    return nullptr;
  config.input_sha256.insert(files_.begin(), files_.end());
  return workload_;
}

std::shared_ptr<const workload::Job> Shared::job(const config::RunConfig& config) const {
  return job_ && job_origin(config) == job_origin_ ? job_ : nullptr;
}

}  // namespace dojo::run
