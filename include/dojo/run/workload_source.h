// SPDX-License-Identifier: Apache-2.0
// From the `workload` part of a config to a Workload: read from a trace or generated.
#pragma once
#include <string>
#include <vector>

#include "dojo/config/config.h"
#include "dojo/lower/lower.h"
#include "dojo/topology/topology.h"
#include "dojo/trace/trace.h"

namespace dojo::run {

/// Throws Error. `files_read` receives every trace file.
[[nodiscard]] workload::Workload make_workload(const config::WorkloadParams& params, const topology::Topology& topology,
                                               std::vector<std::string>* files_read);

/// A workload made by the program itself, for `ranks` ranks.
[[nodiscard]] workload::Workload generate_workload(const config::GenerateParams& params, RankId ranks,
                                                   std::int64_t steps);

[[nodiscard]] workload::LowerOptions lower_options(const config::WorkloadParams& params, RankId ranks);

/// resnet50, matmul and the collectives.
[[nodiscard]] std::vector<std::string> generator_names();

}  // namespace dojo::run
