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
    first_.push_back(first_.back() + static_cast<std::uint32_t>(program.tasks.size()) * 8);
  }
  slots_ = std::make_unique<std::atomic<const TaskCopy*>[]>(first_.back());
  for (std::uint32_t i = 0; i < first_.back(); ++i) slots_[i].store(nullptr, std::memory_order_relaxed);
}

void CopyTable::publish(std::uint32_t index, std::unique_ptr<TaskCopy> copy) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (slots_[index].load(std::memory_order_relaxed) != nullptr) return;
  copy->id = static_cast<std::uint32_t>(kept_.size());
  slots_[index].store(copy.get(), std::memory_order_release);
  kept_.push_back(std::move(copy));
  kept_count_.store(kept_.size(), std::memory_order_relaxed);
}

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

/// Takes the record of a task that stays on this die, or of it and what starts with it, making it first if there is
/// none; or runs the tasks.
void DieShard::run_or_copy(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  RankDie& place = rank_dies_[rank_die];
  if (!context_->settings.copy_tasks || flits_ || rank_dies_.size() != 1 || !place.local_tasks[task])
    return task_started_on_die(rank_die, task, now);
  const Tasks tasks{task, take_partner(task, now)};
  const TaskCopy* copy = nullptr;
  if (at_rest(now) && (tasks[1] == kNone || ends_unseen(tasks))) {
    account(place, now);
    copy = find_or_record(place, tasks);
  }
  if (copy != nullptr) {
    copying_ = {copy, now};
    return wheel_.add(now + copy->event_after, kCopyDone, ++copy_generation_);
  }
  for (const std::uint32_t each : tasks) {
    if (each != kNone) task_started_on_die(rank_die, each, now);
  }
}

/// The task that starts in the same cycle when the two have this die for themselves and one is a kernel, the other not.
/// Its event is taken.
std::uint32_t DieShard::take_partner(std::uint32_t task, Cycles now) {
  const engine::Event* const next = wheel_.only(now);
  if (next == nullptr || next->type != kTaskStart) return kNone;
  const RankDie& place = rank_dies_.front();
  const std::uint32_t partner = next->b;
  const auto on_cores = [&](std::uint32_t t) { return place.program->tasks[t].unit == Task::Unit::kCore; };
  if (!place.local_tasks[partner] || on_cores(task) == on_cores(partner)) return kNone;
  engine::Event taken;
  DOJO_CHECK(wheel_.take(now + 1, taken) && taken.b == partner, "die {}: the wheel gave another event", die_);
  return partner;
}

/// Of a pair, the reduction ends first; its end may be told late when nothing can follow from it alone.
bool DieShard::ends_unseen(const Tasks& tasks) {
  const RankDie& place = rank_dies_.front();
  const Controller& controller = controller_of(place.rank);
  for (const std::uint32_t each : tasks) {
    const Task& what = place.program->tasks[each];
    if (what.unit == Task::Unit::kCore) continue;
    for (std::uint32_t i = what.successors_begin; i < what.successors_end; ++i) {
      if (controller.waits[place.program->successors[i]] < 2) return false;
    }
  }
  return true;
}

const TaskCopy* DieShard::find_or_record(const RankDie& place, const Tasks& tasks) {
  const std::uint32_t index = context_->copies.index(context_->job.program_of_rank[place.rank], tasks,
                                                     place.net_active > 0, place.mem_active > 0);
  const TaskCopy* copy = context_->copies.find(index);
  if (copy == nullptr && !context_->copies.full()) {
    // Dies go through a step side by side, so nobody else has run it yet: it is run on a die of its own, ahead of time.
    DieShard laboratory;
    context_->copies.publish(index, laboratory.record(*context_, die_, place, tasks));
    copy = context_->copies.find(index);
  }
  return copy != nullptr && copy->usable && copy->tasks == tasks ? copy : nullptr;
}

/// On a fresh die in the place of `die`: what the tasks do when nothing else happens, from cycle 0.
std::unique_ptr<TaskCopy> DieShard::record(Context& context, DieId die, const RankDie& original, const Tasks& tasks) {
  auto copy = std::make_unique<TaskCopy>();
  ThreadSums sums;
  sums_ = &sums;
  configure(context, die);
  add_rank(original.rank, 0, false);
  RankDie& place = rank_dies_.front();
  place.net_active = original.net_active > 0 ? 1 : 0;
  place.mem_active = original.mem_active > 0 ? 1 : 0;
  copy->tasks = tasks;
  std::size_t ends = 0, on_cores = 0;  // to come; which of the tasks is a kernel
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i] == kNone) continue;
    task_started_on_die(0, tasks[i], 0);
    ++ends;
    if (place.program->tasks[tasks[i]].unit == Task::Unit::kCore) on_cores = i;
  }
  engine::Event event;
  while (wheel_.take(kNever, event)) {
    if (event.type == kTaskDone) {
      copy->done_after[event.b == tasks[0] ? 0 : 1] = event.time;
      continue;
    }
    dispatch(event);
    if (std::exchange(task_ended_, false)) {
      copy->event_after = event.time;
      --ends;
    }
  }
  DOJO_CHECK(ends == 0, "task {} of rank {} does not end by itself", tasks[0], original.rank);
  if (tasks[1] == kNone) {
    DOJO_CHECK(network_.latest() <= copy->event_after, "task {} of rank {} leaves the network busy", tasks[0],
               original.rank);
  } else {
    copy->usable = copy->done_after[1 - on_cores] <= copy->done_after[on_cores] &&
                   network_.latest() <= copy->event_after && combine_latest_ <= copy->event_after;
  }
  account(place, copy->event_after);
  copy->breakdown = place.breakdown;
  copy->sums = sums.of_lone_task();
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

/// The recorded tasks end: their counters are added at the end of the run, all together; those of a kernel that are
/// always the same are not in the record.
void DieShard::copy_done(std::uint32_t generation, Cycles now) {
  if (generation != copy_generation_ || copying_.copy == nullptr) return;  // it was disturbed and run after all
  const TaskCopy& copy = *copying_.copy;
  copying_.copy = nullptr;
  RankDie& place = rank_dies_.front();
  if (copy.id >= copy_hits_.size()) copy_hits_.resize(std::size_t{copy.id} + 1);
  ++copy_hits_[copy.id];
  place.counted_to = now;
  add(place.breakdown, copy.breakdown);
  const bool pair = copy.tasks[1] != kNone;
  std::uint32_t op = kNone;
  for (std::size_t i = 0; i < (pair ? 2 : 1); ++i) {
    const std::uint32_t task = copy.tasks[i];
    const Task& what = place.program->tasks[task];
    ++tasks_copied_;
    if (what.kind == Task::Kind::kKernel) ++place.kernels_done[what.index * 2 + (what.recompute ? 1 : 0)];
    if (!pair || what.unit == Task::Unit::kCore) op = what.op;
    if (pair && what.unit != Task::Unit::kCore)
      finish_task(controller_of(place.rank), task, copying_.start + copy.done_after[i]);
  }
  sums_->add(copy.sums, place.program->graph, op);
  for (std::size_t i = 0; i < (pair ? 2 : 1); ++i) {
    const std::uint32_t task = copy.tasks[i];
    if (pair && place.program->tasks[task].unit != Task::Unit::kCore) continue;
    task_done_on_die(0, task, copying_.start + copy.done_after[i]);
  }
}

/// Messages come from outside before copied tasks have ended: they are run from their start after all.
void DieShard::disturb(Cycles first_arrival) {
  if (copying_.copy == nullptr || first_arrival > copying_.start + copying_.copy->event_after) return;
  const TaskCopy& copy = *std::exchange(copying_.copy, nullptr);
  ++copy_generation_;
  for (const std::uint32_t task : copy.tasks) {
    if (task != kNone) wheel_.add(copying_.start, kRunTask, 0, task);
  }
}

void DieShard::settle() {
  for (RankDie& place : rank_dies_) {
    if (std::all_of(place.kernels_done.begin(), place.kernels_done.end(), [](std::uint32_t runs) { return runs == 0; }))
      continue;
    add_to_counters(*context_->kernel_counts.of(*context_, die_, place));
    std::fill(place.kernels_done.begin(), place.kernels_done.end(), 0u);
  }
  if (flits_) return settle_links();
  network_.settle();
  if (std::all_of(copy_hits_.begin(), copy_hits_.end(), [](std::uint32_t hits) { return hits == 0; })) return;
  std::vector<std::uint64_t> increase(sites_.size() * (topology::kDirections * 3 + 5), 0);
  for (std::uint32_t id = 0; id < copy_hits_.size(); ++id) {
    const std::uint64_t hits = std::exchange(copy_hits_[id], 0u);
    if (hits == 0) continue;
    const TaskCopy& copy = context_->copies.kept(id);
    for (std::size_t i = 0; i < copy.changed.size(); ++i) increase[copy.changed[i]] += copy.increase[i] * hits;
  }
  add_to_counters(increase);
}

}  // namespace dojo::machine
