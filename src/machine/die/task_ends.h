// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "dojo/base/types.h"

namespace dojo::machine {

/// Told by the parts that run tasks.
class TaskEnds {
 public:
  virtual ~TaskEnds() = default;
  /// A task's part on this die is over; the sequencer of its rank may know from `done` on.
  virtual void task_done(std::uint32_t rank_die, std::uint32_t task, Cycles done) = 0;
};

}  // namespace dojo::machine
