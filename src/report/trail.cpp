// SPDX-License-Identifier: Apache-2.0
#include "dojo/report/trail.h"

#include <algorithm>
#include <map>

#include "report/rank_lanes.h"
#include "report/trail_tasks.h"

namespace dojo::report {

using machine::TaskTime;
using workload::Task;

Exposed& Exposed::operator+=(const Exposed& other) {
  core += other.core;
  operands += other.operands;
  late += other.late;
  move += other.move;
  memory += other.memory;
  recorded += other.recorded;
  return *this;
}

namespace {

bool ended(const TaskTime& time) {
  return time.start != kNever && time.end != kNever;
}

/// The time of one rank, shared out among its tasks.
class RankShare {
 public:
  RankShare(const TrailTasks& tasks, RankId rank, std::vector<Exposed>& operations)
      : tasks_(tasks), rank_(rank), program_(tasks.program(rank)), times_(tasks.times(rank)), operations_(operations) {}

  /// Up to the rank's own end, which it returns; `idle` takes what no operation accounts for.
  Cycles share(Cycles& idle) {
    std::vector<std::uint32_t> on_cores;
    std::uint32_t last = kNone;
    for (std::uint32_t task = 0; task < times_.size(); ++task) {
      if (!ended(times_[task])) continue;
      if (last == kNone || times_[task].end > times_[last].end) last = task;
      if (TrailTasks::on_cores(program_.tasks[task]) && times_[task].start < times_[task].end) on_cores.push_back(task);
    }
    if (last == kNone) return 0;
    std::sort(on_cores.begin(), on_cores.end(), [&](std::uint32_t a, std::uint32_t b) {
      return times_[a].start != times_[b].start ? times_[a].start < times_[b].start : a < b;
    });
    Cycles now = 0;
    for (const std::uint32_t task : on_cores) {
      if (times_[task].start > now) idle += gap(now, times_[task].start, task);
      now = std::max(now, times_[task].start);
      if (times_[task].end > now) give(task, now, times_[task].end);
      now = std::max(now, times_[task].end);
    }
    const Cycles end = times_[last].end;
    if (end > now) {
      give(last, std::max(now, times_[last].start), end);
      const Cycles from = std::max(now, times_[last].start);
      if (from > now) idle += gap(now, from, last);
    }
    return end;
  }

 private:
  /// The cores wait from `begin` to `end` for the task to start: that time belongs to what it waited for, and so on
  /// backwards. Returns what nobody accounts for.
  Cycles gap(Cycles begin, Cycles end, std::uint32_t task) {
    Cycles nobody = 0;
    while (end > begin) {
      const std::uint32_t before = cause(task, end);
      if (before == kNone) return nobody + (end - begin);
      const Cycles until = std::min(end, times_[before].end), from = std::max(begin, times_[before].start);
      if (until <= begin) return nobody + (end - begin);
      nobody += end - until;
      if (until > from) give(before, from, until);
      end = std::min(until, from);
      task = before;
    }
    return nobody;
  }
  /// Of what the task waited for, that which ended last.
  [[nodiscard]] std::uint32_t cause(std::uint32_t task, Cycles limit) const {
    std::uint32_t found = kNone;
    const auto [first, last] = tasks_.tasks(rank_).before(task);
    for (const std::uint32_t* before = first; before != last; ++before) {
      if (!ended(times_[*before]) || times_[*before].end > limit) continue;
      if (found == kNone || times_[*before].end > times_[found].end) found = *before;
    }
    return found;
  }
  void give(std::uint32_t task, Cycles from, Cycles until) {
    const Task& what = program_.tasks[task];
    if (what.op == kNone) {
      none.move += until - from;
      return;
    }
    Exposed& to = operations_[what.op];
    const Cycles cycles = until - from;
    switch (tasks_.part_of(rank_, what)) {
      case PathStep::Part::kCore: {
        const Cycles core = std::min(cycles, tasks_.tasks(rank_).core[what.kernel]);
        to.core += core;
        to.operands += cycles - core;
        return;
      }
      case PathStep::Part::kRecorded:
        to.recorded += cycles;
        return;
      case PathStep::Part::kMemory:
        to.memory += cycles;
        return;
      case PathStep::Part::kMove:
      case PathStep::Part::kNone:
        break;
    }
    const TrailTasks::Member last = tasks_.last_to_come(rank_, task);
    const Cycles late = last.rank == kNone ? 0 : std::clamp(last.start - from, Cycles{0}, cycles);
    to.late += late;
    to.move += cycles - late;
  }

 public:
  Exposed none;  ///< of tasks that belong to no operation

 private:
  const TrailTasks& tasks_;
  RankId rank_;
  const workload::Program& program_;
  const std::vector<TaskTime>& times_;
  std::vector<Exposed>& operations_;
};

/// From the end of the job back to its beginning.
class PathWalk {
 public:
  PathWalk(const TrailTasks& tasks, Cycles end) : tasks_(tasks) { walk(end); }
  std::vector<PathStep> steps;  ///< in the order of time

 private:
  struct At {
    RankId rank = kNone;
    std::uint32_t task = kNone;
  };
  void walk(Cycles end) {
    At at = last_of_all();
    Cycles now = end;
    std::size_t left = 1;
    for (RankId rank = 0; rank < tasks_.ranks(); ++rank) left += tasks_.times(rank).size();
    while (at.rank != kNone && now > 0 && left-- > 0) {
      const TaskTime& time = tasks_.times(at.rank)[at.task];
      if (time.end < now) add({at.rank, 0, kNone, PathStep::Part::kNone, time.end, now});
      now = std::min(now, time.end);
      const TrailTasks::Member last = tasks_.last_to_come(at.rank, at.task);
      const bool waited = last.rank != kNone && last.rank != at.rank && last.start > time.start && last.start < now;
      const Cycles from = waited ? last.start : std::min(time.start, now);
      const Task& what = tasks_.program(at.rank).tasks[at.task];
      add({at.rank, tasks_.program(at.rank).graph, what.op, tasks_.part_of(at.rank, what), from, now});
      now = from;
      if (waited) at = {last.rank, last.task};
      at = before(at, now);
    }
    if (now > 0) add({0, 0, kNone, PathStep::Part::kNone, 0, now});
    std::reverse(steps.begin(), steps.end());
  }
  void add(const PathStep& step) {
    if (step.end <= step.begin) return;
    if (!steps.empty()) {
      PathStep& later = steps.back();
      if (later.rank == step.rank && later.graph == step.graph && later.op == step.op && later.part == step.part) {
        later.begin = step.begin;
        return;
      }
    }
    steps.push_back(step);
  }
  [[nodiscard]] At last_of_all() const {
    At found;
    Cycles latest = -1;
    for (RankId rank = 0; rank < tasks_.ranks(); ++rank) {
      const std::vector<TaskTime>& times = tasks_.times(rank);
      for (std::uint32_t task = 0; task < times.size(); ++task) {
        if (!ended(times[task]) || times[task].end <= latest) continue;
        latest = times[task].end;
        found = {rank, task};
      }
    }
    return found;
  }
  /// What the start of the task at `now` waited for: what came before it in the program, or had the cores until then.
  [[nodiscard]] At before(const At& at, Cycles now) const {
    const std::vector<TaskTime>& times = tasks_.times(at.rank);
    const workload::Program& program = tasks_.program(at.rank);
    std::uint32_t found = kNone;
    const auto look_at = [&](std::uint32_t task) {
      if (task == at.task || !ended(times[task]) || times[task].end > now) return;
      if (found == kNone || times[task].end > times[found].end) found = task;
    };
    const auto [first, last] = tasks_.tasks(at.rank).before(at.task);
    for (const std::uint32_t* task = first; task != last; ++task) look_at(*task);
    const bool free = found != kNone && times[found].end == now;
    if (!free && TrailTasks::on_cores(program.tasks[at.task])) {
      const std::vector<std::uint32_t>& cores = on_cores(at.rank);
      const auto after = std::upper_bound(cores.begin(), cores.end(), now,
                                          [&](Cycles time, std::uint32_t task) { return time < times[task].end; });
      if (after != cores.begin()) look_at(*(after - 1));
    }
    return found == kNone ? At{} : At{at.rank, found};
  }
  /// What the cores of the rank ran, in the order of its ends.
  [[nodiscard]] const std::vector<std::uint32_t>& on_cores(RankId rank) const {
    const auto [at, fresh] = on_cores_.try_emplace(rank);
    if (!fresh) return at->second;
    const std::vector<TaskTime>& times = tasks_.times(rank);
    const workload::Program& program = tasks_.program(rank);
    for (std::uint32_t task = 0; task < times.size(); ++task) {
      if (TrailTasks::on_cores(program.tasks[task]) && ended(times[task]) && times[task].start < times[task].end)
        at->second.push_back(task);
    }
    std::sort(at->second.begin(), at->second.end(), [&](std::uint32_t a, std::uint32_t b) {
      return times[a].end != times[b].end ? times[a].end < times[b].end : a < b;
    });
    return at->second;
  }
  const TrailTasks& tasks_;
  mutable std::map<RankId, std::vector<std::uint32_t>> on_cores_;
};

}  // namespace

Trail make_trail(const workload::Workload& workload, const workload::Job& job, const TaskTimes& times, Cycles end) {
  const TrailTasks tasks(workload, job, times);
  Trail trail;
  trail.ranks = tasks.ranks();
  trail.end = end;
  for (const workload::Graph& graph : workload.graphs) trail.operations.emplace_back(graph.ops.size());
  for (RankId rank = 0; rank < tasks.ranks(); ++rank) {
    RankShare share(tasks, rank, trail.operations[tasks.program(rank).graph]);
    const Cycles own_end = share.share(trail.idle);
    trail.idle += share.none.sum();
    trail.after_end += end - std::min(end, own_end);
  }
  trail.path = PathWalk(tasks, end).steps;
  trail.tasks = tasks_of_some_ranks(tasks, trail.path.empty() ? kNone : trail.path.back().rank, end);
  return trail;
}

}  // namespace dojo::report
