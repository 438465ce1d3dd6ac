// SPDX-License-Identifier: Apache-2.0
// The first half of what a run needs: its machine as a plan, and its workload.
#pragma once
#include <memory>

#include "dojo/lower/lower.h"
#include "dojo/run/run.h"

namespace dojo::run {

struct Begun {
  std::unique_ptr<topology::Topology> topology;
  std::shared_ptr<const workload::Workload> workload;  ///< null: it was stopped
  workload::LowerOptions lowering;
};
/// Throws as prepare() does; `asks_memory`: whether this host could hold the run.
[[nodiscard]] Begun begin(config::RunConfig& config, const Hooks& hooks, bool asks_memory);

}  // namespace dojo::run
