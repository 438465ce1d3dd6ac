// SPDX-License-Identifier: Apache-2.0
#include "machine/shortcuts/task_copy.h"

namespace dojo::machine {

void CopyTable::configure(const workload::Job& job) {
  first_.assign(1, 0);
  for (const workload::Program& program : job.programs) {
    first_.push_back(first_.back() + static_cast<std::uint32_t>(program.tasks.size()) * 8);
  }
  slots_ = std::make_unique<std::atomic<const TaskCopy*>[]>(first_.back());
  for (std::uint32_t i = 0; i < first_.back(); ++i) slots_[i].store(nullptr, std::memory_order_relaxed);
}

void CopyTable::publish(std::uint32_t index, std::unique_ptr<TaskCopy> copy) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const TaskCopy* const others = slots_[index].load(std::memory_order_relaxed);
  if (find(others, copy->tasks) != nullptr) return;
  copy->id = static_cast<std::uint32_t>(kept_.size());
  copy->next = others;
  slots_[index].store(copy.get(), std::memory_order_release);
  kept_.push_back(std::move(copy));
  kept_count_.store(kept_.size(), std::memory_order_relaxed);
}

}  // namespace dojo::machine
