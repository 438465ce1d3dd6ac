// SPDX-License-Identifier: Apache-2.0
// What kernels add to the counters of a die. It follows from the program alone, whenever and beside whatever they run,
// so a run only counts how often each kernel ended, and what that means is worked out when somebody asks.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/program.h"

namespace dojo::machine {

struct Context;
struct RankDie;

class KernelCounts {
 public:
  using Counters = std::vector<std::uint64_t>;  ///< in the order of list_counters()
  /// Of kernels that have ended on a rank's nodes on one die, `done` times each: [kernel * 2 + recompute]. Safe to call
  /// from several threads.
  [[nodiscard]] std::shared_ptr<const Counters> of(const Context& context, DieId die, const RankDie& place,
                                                   const std::vector<std::uint32_t>& done);

 private:
  /// With die of the slice, broken lines, and the die where some of its cores run cycle by cycle.
  using Place = std::tuple<const workload::Program*, std::uint32_t, std::vector<bool>, DieId>;
  struct Known {
    std::vector<Counters> of_kernel;  // [kernel * 2 + recompute]; empty: not asked yet
    std::vector<std::uint32_t> runs;  // of the sum below: dies of one program mostly agree
    std::shared_ptr<const Counters> sum;
  };
  std::mutex mutex_;
  std::map<Place, Known> known_;
};

}  // namespace dojo::machine
