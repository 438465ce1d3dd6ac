// SPDX-License-Identifier: Apache-2.0
// The job of a run over days with failures (`run.failures`).
#pragma once
#include "dojo/failures/failures.h"
#include "dojo/run/run.h"

namespace dojo::run {

/// Error(kInvalidInput) for what no study can answer; known before the job is simulated.
void refuse_failures(const config::RunParams& params, const topology::Topology& topology);
/// Weights and optimizer states that a checkpoint holds: what data-parallel ranks hold alike counts once. Ranks that
/// share them out by themselves (classes "zero", "experts") count each.
[[nodiscard]] double checkpoint_bytes(const workload::Workload& workload, const workload::Job& job,
                                      bool shard_optimizer);
[[nodiscard]] failures::Result study_failures(const Prepared& prepared);

}  // namespace dojo::run
