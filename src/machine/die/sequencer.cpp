// SPDX-License-Identifier: Apache-2.0
#include "machine/die/sequencer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::machine {

using workload::Task;

void Sequencer::add_rank(RankId id, std::uint32_t dies, const workload::Program& program, bool recorded) {
  const std::size_t ops = workload_.graphs[program.graph].ops.size();
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, workload_.steps));
  RankTasks& rank = state_.ranks.emplace_back();
  rank.rank = id;
  rank.dies = dies;
  rank.program = &program;
  rank.tasks_left = static_cast<std::uint32_t>(program.tasks.size());
  rank.step_left.assign(steps, 0);
  rank.op_left.assign(ops * steps, 0);
  rank.op_start.assign(ops * steps, kNever);
  if (recorded) rank.times.resize(program.tasks.size());
  for (const Task& task : program.tasks) {
    rank.waits.push_back(task.dependencies);
    ++rank.step_left[task.step];
    if (is_counted(program, task)) ++rank.op_left[task.op + task.step * ops];
  }
}

/// The time of an operation is that of its own tasks: repeated work and spilled tensors serve other operations.
bool Sequencer::is_counted(const workload::Program& program, const Task& task) const {
  if (task.op == kNone) return false;
  if (task.recompute && !workload_.graphs[program.graph].ops[task.op].recompute) return false;
  if (task.kind == Task::Kind::kDelay) return true;
  if (task.unit != Task::Unit::kMemory) return true;
  return workload::family(workload_.graphs[program.graph].ops[task.op].kind) == workload::OpFamily::kMemory;
}

void Sequencer::start(Cycles now) {
  for (std::uint32_t i = 0; i < state_.ranks.size(); ++i) timer_.at(now, Kind::kRankStart, i);
}

void Sequencer::handle(const engine::Event& e) {
  if (Timer::kind<Kind>(e) == Kind::kTaskDone) return finish(of(e.a), e.b, e.time);
  RankTasks& rank = state_.ranks[e.a];
  for (std::uint32_t task = 0; task < rank.waits.size(); ++task) {
    if (rank.waits[task] == 0) ready(rank, task, e.time);
  }
  start_core(rank, e.time);
  launch_together(rank, e.time);
}

RankTasks& Sequencer::of(RankId id) {
  for (RankTasks& rank : state_.ranks) {
    if (rank.rank == id) return rank;
  }
  DOJO_CHECK(false, "this die is not the home of rank {}", id);
  return state_.ranks.front();
}

void Sequencer::ready(RankTasks& rank, std::uint32_t task, Cycles now) {
  const Task& what = rank.program->tasks[task];
  if (what.kind == Task::Kind::kNone) {
    starts(rank, task, now);
    plan_end(rank.rank, task, now);
  } else if (what.kind == Task::Kind::kDelay) {
    starts(rank, task, now);
    launcher_.delay_begins(rank.rank, what.unit, now);
    plan_end(rank.rank, task, now + rank.program->delays[what.delay]);
  } else if (what.unit == Task::Unit::kCore) {
    rank.ready_core.push_back(task);
    std::push_heap(rank.ready_core.begin(), rank.ready_core.end(), std::greater<>());
  } else {
    launch(rank, task, now);
  }
}

void Sequencer::start_core(RankTasks& rank, Cycles now) {
  if (rank.core_busy || rank.ready_core.empty()) return;
  std::pop_heap(rank.ready_core.begin(), rank.ready_core.end(), std::greater<>());
  const std::uint32_t task = rank.ready_core.back();
  rank.ready_core.pop_back();
  rank.core_busy = true;
  launch(rank, task, now);
}

/// An operation lasts from the start of its first task; what it waits for the cores before is not its own time.
void Sequencer::starts(RankTasks& rank, std::uint32_t task, Cycles now) {
  if (!rank.times.empty()) rank.times[task].start = now;
  const Task& what = rank.program->tasks[task];
  if (!is_counted(*rank.program, what)) return;
  const std::size_t ops = rank.op_left.size() / rank.step_left.size();
  Cycles& start = rank.op_start[what.op + what.step * ops];
  start = std::min(start, now);
}

void Sequencer::launch(RankTasks& rank, std::uint32_t task, Cycles now) {
  starts(rank, task, now);
  if (rank.repeats) return rank.together.push_back(task);
  launch_now(rank, task, now);
}

void Sequencer::launch_now(RankTasks& rank, std::uint32_t task, Cycles now) {
  const std::size_t dies = rank.program->dies_of(rank.program->tasks[task]).size();
  rank.active.push_back({task, dies == 0 ? rank.dies : static_cast<std::uint32_t>(dies)});
  launcher_.launch(rank.rank, task, now);
}

/// At the end of an event: what it started. A task that is repeated ends in one event for all dies.
void Sequencer::launch_together(RankTasks& rank, Cycles now) {
  if (rank.together.empty()) return;
  const std::vector<std::uint32_t> tasks = std::exchange(rank.together, {});
  const std::vector<Cycles> known = launcher_.repeat(tasks, now);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (known[i] == kNever) {
      launch_now(rank, tasks[i], now);
    } else {
      rank.active.push_back({tasks[i], 1});
      plan_end(rank.rank, tasks[i], now + known[i]);
    }
  }
}

/// One die has finished its part (or the task had no part at all).
void Sequencer::finish(RankTasks& rank, std::uint32_t task, Cycles now) {
  const Task& what = rank.program->tasks[task];
  if (what.kind == Task::Kind::kDelay) {
    launcher_.delay_ends(rank.rank, what.unit, now);
  } else if (what.kind != Task::Kind::kNone) {
    const auto active = std::find_if(rank.active.begin(), rank.active.end(),
                                     [&](const RankTasks::Active& a) { return a.task == task; });
    DOJO_CHECK(active != rank.active.end(), "rank {}: task {} ends but does not run", rank.rank, task);
    if (--active->dies_left != 0) return;
    rank.active.erase(active);
    if (what.unit == Task::Unit::kCore) rank.core_busy = false;
    if (rank.repeats) launcher_.ended(task, now);
  }
  if (!rank.times.empty()) rank.times[task].end = now;
  ThreadSums& sums = moment_.of_thread();
  ++sums.tasks_done;
  const std::size_t ops = rank.op_left.size() / rank.step_left.size();
  if (is_counted(*rank.program, what)) {
    const std::size_t at = what.op + what.step * ops;
    if (--rank.op_left[at] == 0) sums.op(rank.program->graph, what.op).add(rank.op_start[at], now);
  }
  if (--rank.step_left[what.step] == 0) sums.step_end[what.step] = std::max(sums.step_end[what.step], now);
  for (std::uint32_t i = what.successors_begin; i < what.successors_end; ++i) {
    const std::uint32_t next = rank.program->successors[i];
    if (--rank.waits[next] == 0) ready(rank, next, now);
  }
  if (--rank.tasks_left == 0) {
    ++sums.ranks_done;
    sums.rank_end = std::max(sums.rank_end, now);
  }
  start_core(rank, now);
  launch_together(rank, now);
}

bool Sequencer::end_starts_another(RankId id, std::uint32_t task) const {
  const auto rank =
      std::find_if(state_.ranks.begin(), state_.ranks.end(), [&](const RankTasks& each) { return each.rank == id; });
  DOJO_CHECK(rank != state_.ranks.end(), "this die is not the home of rank {}", id);
  const Task& what = rank->program->tasks[task];
  for (std::uint32_t i = what.successors_begin; i < what.successors_end; ++i) {
    if (rank->waits[rank->program->successors[i]] < 2) return true;
  }
  return false;
}

void Sequencer::copy(const Sequencer& from, const RowNames& names) {
  state_ = from.state_;
  auto& [ranks] = state_;
  for (RankTasks& each : ranks) {
    // Every member is named here, so that one that is added is looked at: does it hold a name?
    auto& [rank, dies, program, waits, ready_core, active, core_busy, tasks_left, step_left, op_left, op_start, times,
           repeats, together] = each;
    rank = RowNames::of(names.rank, rank);
  }
}

void Sequencer::rename(engine::Event& event, const RowNames& names) {
  if (Timer::kind<Kind>(event) == Kind::kTaskDone) event.a = RowNames::of(names.rank, event.a);
}

}  // namespace dojo::machine
