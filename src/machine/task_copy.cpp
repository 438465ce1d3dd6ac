// SPDX-License-Identifier: Apache-2.0
// Taking, keeping and applying records of tasks that stay on one die.
#include "machine/task_copy.h"

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using topology::Direction;
using workload::Task;

void CopyTable::configure(const workload::Job& job) {
  first_.assign(1, 0);
  for (const workload::Program& program : job.programs) {
    first_.push_back(first_.back() + static_cast<std::uint32_t>(program.tasks.size()) * 4);
  }
  slots_ = std::make_unique<std::atomic<const TaskCopy*>[]>(first_.back());
  for (std::uint32_t i = 0; i < first_.back(); ++i) slots_[i].store(nullptr, std::memory_order_relaxed);
}

void CopyTable::publish(std::uint32_t index, std::unique_ptr<TaskCopy> copy) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (slots_[index].load(std::memory_order_relaxed) != nullptr) return;
  slots_[index].store(copy.get(), std::memory_order_release);
  kept_.push_back(std::move(copy));
  kept_count_.store(kept_.size(), std::memory_order_relaxed);
}

/// All additive counters of the die in one order: by site its links, ports and core.
void DieShard::counters(std::vector<std::uint64_t>& out) const {
  out.clear();
  for (SiteIndex site = 0; site < sites_.size(); ++site) {
    for (int d = 0; d < topology::kDirections; ++d) {
      const fabric::Link link = network_.link(site, static_cast<Direction>(d));
      out.insert(out.end(), {link.busy_cycles, link.queue_cycles, link.bursts});
    }
    const fabric::Port port = network_.port(site);
    const Core& core = cores_[site];
    out.insert(out.end(),
               {port.bytes_injected, port.bytes_ejected, core.busy_cycles, core.matrix_flops, core.vector_flops});
  }
}

/// In the order of counters().
void DieShard::add_to_counters(const std::vector<std::uint64_t>& increase) {
  auto next = increase.begin();
  const auto take = [&](auto&... counters) { ((counters += *next++), ...); };
  for (SiteIndex site = 0; site < sites_.size(); ++site) {
    for (int d = 0; d < topology::kDirections; ++d) {
      fabric::LinkUse& link = network_.use(site, static_cast<Direction>(d));
      take(link.busy_cycles, link.queue_cycles, link.bursts);
    }
    fabric::PortUse& port = network_.use(site);
    Core& core = cores_[site];
    take(port.bytes_injected, port.bytes_ejected, core.busy_cycles, core.matrix_flops, core.vector_flops);
  }
}

/// Nothing is under way on this die and nothing is reserved beyond now, so what follows depends on the program alone.
bool DieShard::at_rest(Cycles now) const {
  if (!wheel_.empty() || !arrivals_.empty() || next_wake_ != kNever || sends_open_ != 0 || full_edges_ != 0 ||
      network_.latest() > now || combine_latest_ > now)
    return false;
  for (const fabric::EdgeOut& edge : edges_) {
    if (edge.waiting()) return false;
  }
  return true;
}

bool DieShard::settled() const {
  if (sends_open_ != 0 || (flits_ && !flits_->settled())) return false;
  for (const Stripes& stripes : stripes_) {
    if (!stripes.queue.empty()) return false;
  }
  for (const fabric::EdgeOut& edge : edges_) {
    if (edge.waiting()) return false;
  }
  return true;
}

/// Takes the record of a task that stays on this die, making it first if there is none; or runs the task.
void DieShard::run_or_copy(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  RankDie& place = rank_dies_[rank_die];
  if (!context_->settings.copy_tasks || flits_ || rank_dies_.size() != 1 || !place.local_tasks[task] || !at_rest(now)) {
    return task_started_on_die(rank_die, task, now);
  }
  const std::uint32_t index = context_->copies.index(context_->job.program_of_rank[place.rank], task,
                                                     place.net_active > 0, place.mem_active > 0);
  const TaskCopy* copy = context_->copies.find(index);
  if (copy == nullptr && context_->copies.full()) return task_started_on_die(rank_die, task, now);
  account(place, now);
  if (copy == nullptr) {
    // Dies go through a step side by side, so nobody else has run it yet: it is run on a die of its own, ahead of time.
    DieShard laboratory;
    context_->copies.publish(index, laboratory.record(*context_, die_, place, task));
    copy = context_->copies.find(index);
  }
  copying_ = {copy, index, task, now};
  wheel_.add(now + copy->event_after, kCopyDone, ++copy_generation_);
}

/// On a fresh die in the place of `die`: what the task does when nothing else happens, from cycle 0.
std::unique_ptr<TaskCopy> DieShard::record(Context& context, DieId die, const RankDie& original, std::uint32_t task) {
  auto copy = std::make_unique<TaskCopy>();
  ThreadSums sums;
  sums_ = &sums;
  configure(context, die);
  add_rank(original.rank, 0, false);
  RankDie& place = rank_dies_.front();
  place.net_active = original.net_active > 0 ? 1 : 0;
  place.mem_active = original.mem_active > 0 ? 1 : 0;
  task_started_on_die(0, task, 0);
  engine::Event event;
  while (wheel_.take(kNever, event)) {
    if (event.type == kTaskDone) {
      copy->done_after = event.time;
      continue;
    }
    const bool ended = task_ended_;
    dispatch(event);
    if (task_ended_ && !ended) copy->event_after = event.time;
  }
  DOJO_CHECK(network_.latest() <= copy->event_after, "task {} of rank {} leaves the network busy", task, original.rank);
  DOJO_CHECK(task_ended_, "task {} of rank {} does not end by itself", task, original.rank);
  account(place, copy->event_after);
  copy->breakdown = place.breakdown;
  copy->sums = sums.of_lone_task();
  settle_kernels();
  network_.settle();
  std::vector<std::uint64_t> after;
  counters(after);
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (after[i] == 0) continue;
    copy->changed.push_back(static_cast<std::uint32_t>(i));
    copy->increase.push_back(after[i]);
  }
  return copy;
}

/// The recorded task ends: its counters are added at the end of the run, all together.
void DieShard::copy_done(std::uint32_t generation, Cycles now) {
  if (generation != copy_generation_ || copying_.copy == nullptr) return;  // it was disturbed and run after all
  const TaskCopy& copy = *copying_.copy;
  RankDie& place = rank_dies_.front();
  const std::uint32_t task = copying_.task;
  copy_hits_.resize(context_->copies.size());
  ++copy_hits_[copying_.index];
  ++tasks_copied_;
  place.counted_to = now;
  add(place.breakdown, copy.breakdown);
  sums_->add(copy.sums, place.program->graph, place.program->tasks[task].op);
  const Cycles done = copying_.start + copy.done_after;
  copying_.copy = nullptr;
  task_done_on_die(0, task, done);
}

/// Messages come from outside before a copied task has ended: it is run from its start after all.
void DieShard::disturb(Cycles first_arrival) {
  if (copying_.copy == nullptr || first_arrival > copying_.start + copying_.copy->event_after) return;
  copying_.copy = nullptr;
  ++copy_generation_;
  wheel_.add(copying_.start, kRunTask, 0, copying_.task);
}

void DieShard::settle() {
  settle_kernels();
  if (flits_) return settle_links();
  network_.settle();
  if (std::all_of(copy_hits_.begin(), copy_hits_.end(), [](std::uint32_t hits) { return hits == 0; })) return;
  std::vector<std::uint64_t> increase(sites_.size() * (topology::kDirections * 3 + 5), 0);
  for (std::uint32_t index = 0; index < copy_hits_.size(); ++index) {
    const std::uint64_t hits = std::exchange(copy_hits_[index], 0u);
    if (hits == 0) continue;
    const TaskCopy& copy = *context_->copies.find(index);
    for (std::size_t i = 0; i < copy.changed.size(); ++i) increase[copy.changed[i]] += copy.increase[i] * hits;
  }
  add_to_counters(increase);
}

}  // namespace dojo::machine
