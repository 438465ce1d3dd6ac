// SPDX-License-Identifier: Apache-2.0
// Tasks that need not be run on every die. When a task that stays on one die starts while that die is at rest,
// everything it does follows from its program alone. The same holds for a kernel and a reduction that start together.
// It is run once, on a fresh die ahead of time, and leaves a record; dies of the same program take the record instead
// of running the events. A die whose task is disturbed by a message from outside goes back to the task's start and runs
// it, so results are the same bit by bit.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "dojo/workload/program.h"
#include "machine/sums.h"

namespace dojo::machine {

/// Tasks of one die that start in the same cycle: one, or a kernel and a reduction of what the kernel before it made.
using Tasks = std::array<std::uint32_t, 2>;  // in the order of their starts; the second may be kNone

/// What a task or a pair of them did, relative to the start.
struct TaskCopy {
  std::uint32_t id = 0;  ///< in the table
  Tasks tasks{kNone, kNone};
  bool usable = true;                   ///< what does not come to rest with its kernel is run each time
  Cycles event_after = 0;               ///< its last event
  std::array<Cycles, 2> done_after{};   ///< their ends as the sequencer sees them
  std::vector<std::uint32_t> changed;   ///< indices into list_counters()
  std::vector<std::uint64_t> increase;  ///< of those
  Breakdown breakdown;
  TaskSums sums;
  const TaskCopy* next = nullptr;  ///< with the same index and another second task
};

/// Records by program, first task, whether there is a second, and what else the rank is waiting for.
class CopyTable {
 public:
  void configure(const workload::Job& job);
  [[nodiscard]] std::uint32_t index(std::uint32_t program, const Tasks& tasks, bool network, bool memory) const {
    return first_[program] + tasks[0] * 8 + (network ? 1u : 0u) + (memory ? 2u : 0u) + (tasks[1] != kNone ? 4u : 0u);
  }
  [[nodiscard]] const TaskCopy* find(std::uint32_t index, const Tasks& tasks) const {
    return find(slots_[index].load(std::memory_order_acquire), tasks);
  }
  /// A trace of very many operations does not fill the host's memory with records: further tasks are run.
  [[nodiscard]] bool full() const { return kept_count_.load(std::memory_order_relaxed) >= kMostKept; }
  /// The record with that id. Not while others are published.
  [[nodiscard]] const TaskCopy& kept(std::uint32_t id) const { return *kept_[id]; }
  /// Keeps the first record of the same tasks; equal ones that come later are dropped.
  void publish(std::uint32_t index, std::unique_ptr<TaskCopy> copy);

 private:
  [[nodiscard]] static const TaskCopy* find(const TaskCopy* copy, const Tasks& tasks) {
    while (copy != nullptr && copy->tasks != tasks) copy = copy->next;
    return copy;
  }

  std::vector<std::uint32_t> first_;
  std::unique_ptr<std::atomic<const TaskCopy*>[]> slots_;
  std::mutex mutex_;
  static constexpr std::size_t kMostKept = 4096;
  std::vector<std::unique_ptr<TaskCopy>> kept_;
  std::atomic<std::size_t> kept_count_{0};
};

}  // namespace dojo::machine
