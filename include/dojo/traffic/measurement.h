// SPDX-License-Identifier: Apache-2.0
// A measurement of a network under synthetic traffic: warm-up, measurement, drain, and what they found.
#pragma once
#include <cstdint>
#include <functional>

#include "dojo/base/types.h"
#include "dojo/traffic/network.h"

namespace dojo::traffic {

struct Plan {
  Cycles warmup = 0;   ///< 0: until two periods agree
  Cycles measure = 0;  ///< 0: until the mean is known well enough
  double nodes = 1, rate = 0.1, packet_flits = 1;
  double zero_load_cycles = 1;  ///< mean packet latency of an empty network
  std::function<bool()> stop;   ///< asked now and then; true: interrupted
  std::function<void(Cycles)> progress;
};

struct Outcome {
  Tally tally;
  Cycles warmup = 0, measured = 0, end = 0;  ///< cycles of the phases; the cycle at which the run ended
  bool steady = false;                       ///< the warm-up ended because latency no longer changed
  bool saturated = false;                    ///< mean packet latency above kSaturated x zero load
  bool interrupted = false;
  std::uint64_t created = 0;         ///< packets of the window, those that still wait at their source included
  std::uint64_t not_arrived = 0;     ///< of them
  double mean_cycles = 0;            ///< of all packets of the window; what has not arrived counts with its age
  double standard_error_cycles = 0;  ///< of the mean, from batches
  double offered = 0, accepted = 0;  ///< flits/node/cycle
};

inline constexpr double kSaturated = 3;

/// Runs `network` from its start.
[[nodiscard]] Outcome measure(Network& network, const Plan& plan);

}  // namespace dojo::traffic
