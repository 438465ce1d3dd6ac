// SPDX-License-Identifier: Apache-2.0
// Tasks that need not be run on every die. When a task that stays on one die starts while that die is at rest,
// everything it does follows from its program alone. It is run once, on a fresh die ahead of time, and leaves a record;
// dies of the same program take the record instead of running the events. A die whose task is disturbed by a message
// from outside goes back to the task's start and runs it, so results are the same bit by bit.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "dojo/workload/program.h"
#include "machine/sums.h"

namespace dojo::machine {

/// What a task did, relative to its start.
struct TaskCopy {
  Cycles event_after = 0;               ///< its last event
  Cycles done_after = 0;                ///< its end as the sequencer sees it
  std::vector<std::uint32_t> changed;   ///< indices into DieShard::counters()
  std::vector<std::uint64_t> increase;  ///< of those
  Breakdown breakdown;
  TaskSums sums;
};

/// Records by program, task and what else the rank is waiting for.
class CopyTable {
 public:
  void configure(const workload::Job& job);
  [[nodiscard]] std::uint32_t index(std::uint32_t program, std::uint32_t task, bool network, bool memory) const {
    return first_[program] + task * 4 + (network ? 1u : 0u) + (memory ? 2u : 0u);
  }
  [[nodiscard]] std::uint32_t size() const { return first_.empty() ? 0 : first_.back(); }
  [[nodiscard]] const TaskCopy* find(std::uint32_t index) const {
    return slots_[index].load(std::memory_order_acquire);
  }
  /// A trace of very many operations does not fill the host's memory with records: further tasks are run.
  [[nodiscard]] bool full() const { return kept_count_.load(std::memory_order_relaxed) >= kMostKept; }
  /// Keeps the first record of an index; equal ones that come later are dropped.
  void publish(std::uint32_t index, std::unique_ptr<TaskCopy> copy);

 private:
  std::vector<std::uint32_t> first_;
  std::unique_ptr<std::atomic<const TaskCopy*>[]> slots_;
  std::mutex mutex_;
  static constexpr std::size_t kMostKept = 4096;
  std::vector<std::unique_ptr<TaskCopy>> kept_;
  std::atomic<std::size_t> kept_count_{0};
};

}  // namespace dojo::machine
