// SPDX-License-Identifier: Apache-2.0
// What of a run can be stopped before there is a machine: reading or making its workload, and lowering it.
#pragma once
#include <memory>

#include "dojo/lower/lower.h"
#include "dojo/run/run.h"

namespace dojo::run {

/// The workload, with the hashes of its files in `config`. None when it was stopped.
[[nodiscard]] std::unique_ptr<workload::Workload> read_or_made(config::RunConfig& config,
                                                               const topology::Topology& topology, const Hooks& hooks);
/// None when it was stopped.
[[nodiscard]] std::unique_ptr<workload::Job> lowered(const workload::Workload& workload,
                                                     const workload::LowerOptions& options,
                                                     const topology::Topology& topology, const Hooks& hooks);

/// What a run says of itself that was stopped before its workload was read: it has no rank.
[[nodiscard]] Prepared stopped_before_reading(config::RunConfig config, std::unique_ptr<topology::Topology> topology);
/// The same before its workload was lowered: nothing is to be done.
[[nodiscard]] workload::Job stopped_before_lowering(const workload::Workload& workload,
                                                    const workload::LowerOptions& options,
                                                    const topology::Topology& topology);

}  // namespace dojo::run
