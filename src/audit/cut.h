// SPDX-License-Identifier: Apache-2.0
// A window as a job of its own, on a machine that is just large enough for it: same kernels, same plans, same nodes.
#pragma once
#include <cstdint>
#include <memory>

#include "audit/window.h"
#include "dojo/audit/audit.h"
#include "dojo/machine/machine.h"

namespace dojo::audit {

struct Cut {
  std::shared_ptr<const topology::Topology> topology;
  workload::Workload workload;
  workload::Job job;
  RankId rank = 0;         ///< of the sample, in this job
  std::uint32_t task = 0;  ///< the same
};

[[nodiscard]] Cut cut_out(const Subject& subject, const Times& times, const Window& window);

/// Duration of the sample; kNever: the replay ended, or was stopped, before it did.
[[nodiscard]] Cycles duration_in(const Cut& cut, machine::MachineSettings settings, machine::NetworkModel model,
                                 const std::function<bool()>& should_stop);

}  // namespace dojo::audit
