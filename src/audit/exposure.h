// SPDX-License-Identifier: Apache-2.0
// How much of a rank's time each of its tasks takes by itself: a task on the cores all of its own time, another one
// what the cores wait for it.
#pragma once
#include <vector>

#include "dojo/machine/machine.h"
#include "dojo/workload/program.h"

namespace dojo::audit {

/// Cycles by task; they sum to `end` at most, what is missing passes between tasks (barriers).
[[nodiscard]] std::vector<Cycles> exposed_cycles(const workload::Program& program,
                                                 const std::vector<machine::TaskTime>& times, Cycles end);

}  // namespace dojo::audit
