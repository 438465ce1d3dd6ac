// SPDX-License-Identifier: Apache-2.0
// Where the time of the ranks went, task by task: what each operation kept a rank's cores waiting or working for, and
// the chain of tasks that the end of the job depended on. Made from the times that the sequencers recorded.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/machine/machine.h"
#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::report {

/// Cycles of the ranks' time that an operation accounts for: a rank's cycle belongs to what its cores run, else to what
/// the next work on the cores waits for. Sums over ranks and steps; exclusive.
struct Exposed {
  Cycles core = 0;      ///< kernels: as long as the busiest of the rank's cores works
  Cycles operands = 0;  ///< kernels: the rest of their time, in which operands come or results go
  Cycles late = 0;      ///< collectives and messages: until the last rank has come
  Cycles move = 0;      ///< collectives and messages: from then on
  Cycles memory = 0;    ///< transfers between SRAM, HBM and hosts
  Cycles recorded = 0;  ///< times that the trace gives
  [[nodiscard]] Cycles sum() const { return core + operands + late + move + memory + recorded; }
  Exposed& operator+=(const Exposed& other);
};

/// A stretch of the critical path: what ran, on which rank. It began when the stretch before it ended.
struct PathStep {
  enum class Part : std::uint8_t { kCore, kMove, kMemory, kRecorded, kNone };
  RankId rank = 0;
  std::uint32_t graph = 0, op = kNone;  ///< kNone: no operation of the trace
  Part part = Part::kNone;
  Cycles begin = 0, end = 0;
};

/// What of a rank a row of a timeline shows; also their order.
enum class Lane : std::uint8_t { kCores, kCollectives, kMemory, kRecorded };

/// A task of a rank, for tasks.csv and the page.
struct RankTask {
  RankId rank = 0;
  Lane lane = Lane::kCores;
  bool again = false;                    ///< work that is repeated
  std::uint32_t graph = 0, op = kNone;   ///< kNone: no operation of the trace
  Cycles begin = 0, moves = 0, end = 0;  ///< moves: when its last rank had come; `begin`: nobody was waited for
};

struct Trail {
  std::uint64_t ranks = 0;
  Cycles end = 0;                                ///< of the job
  std::vector<std::vector<Exposed>> operations;  ///< [graph][operation]
  Cycles idle = 0;                               ///< of all ranks: no operation accounts for it
  Cycles after_end = 0;                          ///< of all ranks: from a rank's own end to the job's
  std::vector<PathStep> path;                    ///< in the order of time, without gaps, from 0 to `end`
  std::vector<RankTask> tasks;                   ///< of a few ranks, by rank, lane and begin
};

using TaskTimes = std::function<const std::vector<machine::TaskTime>&(RankId rank)>;

/// The sum of all `operations`, `idle` and `after_end` is ranks x end. Of a job that did not finish: what had ended.
[[nodiscard]] Trail make_trail(const workload::Workload& workload, const workload::Job& job, const TaskTimes& times,
                               Cycles end);

}  // namespace dojo::report
