// SPDX-License-Identifier: Apache-2.0
// What runs that follow one another have in common: a workload that is read once, a job that is lowered once.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "dojo/config/config.h"
#include "dojo/run/hooks.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::run {

/// Texts that are equal where workloads can be, and where lowered jobs are.
[[nodiscard]] std::string workload_origin(const config::RunConfig& config);
[[nodiscard]] std::string job_origin(const config::RunConfig& config);

class Shared {
 public:
  /// Keeps the workload of `config`, and its job when `lower`, in place of what was kept. Throws as prepare() does.
  void keep(const config::RunConfig& config, bool lower, const Hooks& hooks = {});

  /// What is kept, where it is that of `config`; null where it is not. Adds the files that were read to its inputs.
  [[nodiscard]] std::shared_ptr<const workload::Workload> workload(config::RunConfig& config,
                                                                   const topology::Topology& topology) const;
  [[nodiscard]] std::shared_ptr<const workload::Job> job(const config::RunConfig& config) const;

 private:
  std::string workload_origin_, job_origin_;
  std::int64_t places_ = 0;  ///< of the machine: how many ranks a workload has may depend on it
  std::map<std::string, std::string> files_;
  std::shared_ptr<const workload::Workload> workload_;
  std::shared_ptr<const workload::Job> job_;
};

}  // namespace dojo::run
