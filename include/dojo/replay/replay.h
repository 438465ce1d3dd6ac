// SPDX-License-Identifier: Apache-2.0
// Recorded events are sent over a machine's networks at their times: when would each barrier have ended?
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "dojo/replay/events.h"
#include "dojo/topology/machine_params.h"

namespace dojo::replay {

struct Barrier {
  std::uint32_t processor = 0;  ///< of the recording
  bool of_reads = true;
  Cycles recorded_end = 0, predicted_end = 0;      ///< after the first event
  Cycles recorded_start = 0, predicted_start = 0;  ///< when the processor began to wait
};

struct Replay {
  std::vector<Barrier> barriers;  ///< by processor, in the order of time
  Cycles recorded = 0;            ///< from the first read or write to the last barrier's end
  Cycles predicted = 0;
  /// predicted / recorded - 1
  [[nodiscard]] double error() const { return static_cast<double>(predicted) / static_cast<double>(recorded) - 1; }
};

/// What is wrong with a machine that recordings are to be sent over; empty: nothing.
[[nodiscard]] std::vector<std::string> problems(const topology::MachineParams& machine);
[[nodiscard]] Bounds bounds_of(const topology::MachineParams& machine);

/// Within an epoch, which is from one barrier of a processor to its next, events go at their recorded times. An epoch
/// begins where the barrier before it is predicted to end, plus the recorded gap. Asks `stop` now and then; true ends
/// the replay with Error(kInterrupted). Throws Error(kInvalidInput) where nothing would ever end.
[[nodiscard]] Replay replay(const Recording& recording, const topology::MachineParams& machine,
                            const std::function<bool()>& stop = {});

}  // namespace dojo::replay
