// SPDX-License-Identifier: Apache-2.0
#include "report/trail_tasks.h"

#include <algorithm>

#include "dojo/workload/op_kind.h"

namespace dojo::report {

using workload::Kernel;
using workload::Task;

namespace {

Cycles busiest_core(const Kernel& kernel) {
  Cycles most = 0;
  for (std::size_t node = 0; node * kernel.steps < kernel.cycles.size(); ++node) {
    Cycles sum = 0;
    for (std::uint32_t step = 0; step < kernel.steps; ++step) sum += kernel.cycles[node * kernel.steps + step];
    most = std::max(most, sum);
  }
  return most;
}

}  // namespace

ProgramTasks::ProgramTasks(const workload::Program& program) : begin(program.tasks.size() + 1, 0) {
  for (const std::uint32_t next : program.successors) ++begin[next + 1];
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  predecessors.resize(program.successors.size());
  std::vector<std::uint32_t> at(begin.begin(), begin.end() - 1);
  for (std::uint32_t task = 0; task < program.tasks.size(); ++task) {
    const Task& from = program.tasks[task];
    for (std::uint32_t i = from.successors_begin; i < from.successors_end; ++i)
      predecessors[at[program.successors[i]]++] = task;
  }
  for (const Kernel& kernel : program.kernels) core.push_back(busiest_core(kernel));
}

TrailTasks::TrailTasks(const workload::Workload& workload, const workload::Job& job, const TaskTimes& times)
    : workload_(workload),
      job_(job),
      times_(times),
      programs_(job.programs.begin(), job.programs.end()),
      steps_(static_cast<std::size_t>(std::max<std::int64_t>(1, workload.steps))),
      last_(job.instances.size() * steps_) {
  using Participant = workload::DataflowInstance::Participant;
  for (const workload::DataflowInstance& instance : job.instances) {
    const auto ranks = std::count_if(instance.participants.begin(), instance.participants.end(),
                                     [](const Participant& p) { return p.kind == Participant::Kind::kRank; });
    shared_.push_back(ranks > 1 ? 1 : 0);
  }
  for (RankId rank = 0; rank < ranks(); ++rank) {
    const std::vector<machine::TaskTime>& when = times_(rank);
    for (std::uint32_t task = 0; task < when.size(); ++task) {
      const Task& what = program(rank).tasks[task];
      const std::uint32_t instance = shared_instance(rank, what);
      if (instance == kNone || when[task].start == kNever) continue;
      Member& last = last_[instance * steps_ + what.step];
      if (last.rank == kNone || when[task].start > last.start) last = {rank, task, when[task].start};
    }
  }
}

std::uint32_t TrailTasks::shared_instance(RankId rank, const Task& task) const {
  if (task.kind != Task::Kind::kDataflow || task.unit == Task::Unit::kMemory) return kNone;
  const std::uint32_t instance = job_.instance_of[rank][task.entry].instance;
  return instance != kNone && shared_[instance] != 0 ? instance : kNone;
}

TrailTasks::Member TrailTasks::last_to_come(RankId rank, std::uint32_t task) const {
  const Task& what = program(rank).tasks[task];
  const std::uint32_t instance = shared_instance(rank, what);
  if (instance == kNone) return {};
  if (what.op != kNone && workload_.graphs[program(rank).graph].ops[what.op].kind == workload::OpKind::kSend) {
    return {};
  }
  return last_[instance * steps_ + what.step];
}

PathStep::Part TrailTasks::part_of(RankId /*rank*/, const Task& task) const {
  switch (task.kind) {
    case Task::Kind::kKernel:
      return PathStep::Part::kCore;
    case Task::Kind::kDelay:
      return PathStep::Part::kRecorded;
    case Task::Kind::kDataflow:
      return task.unit == Task::Unit::kMemory ? PathStep::Part::kMemory : PathStep::Part::kMove;
    case Task::Kind::kNone:
      break;
  }
  return PathStep::Part::kNone;
}

}  // namespace dojo::report
