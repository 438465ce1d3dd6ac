// SPDX-License-Identifier: Apache-2.0
// Tasks on one die, the ranks' sequencers, and the classes of node-cycles.
#include <algorithm>
#include <functional>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using workload::Task;

void DieShard::add_rank(RankId rank, std::uint32_t slice_die, bool home) {
  const workload::Slice& slice = context_->job.slices[rank];
  RankDie place;
  place.rank = rank;
  place.slice_die = slice_die;
  place.slice = &slice;
  place.shape = &context_->shapes[slice.shape_index];
  place.program = &context_->program(rank);
  if (flits_) place.piece_needs = &context_->piece_needs[context_->job.program_of_rank[rank]];
  place.first_node = slice.shape->die_begin[slice_die];
  place.node_count = slice.shape->die_begin[slice_die + 1] - place.first_node;
  place.combine_free.assign(place.node_count, 0);
  place.counted_spans.assign(place.node_count, 0);
  if (context_->topology.routes() != nullptr) {
    for (std::uint32_t line = slice.shape->line_begin[slice_die]; line < slice.shape->line_begin[slice_die + 1]; ++line)
      place.broken_lines.push_back(is_broken_line(slice, slice_die, line, context_->topology));
  }
  place.kernels_done.assign(place.program->kernels.size() * 2, 0);
  if (slice.dies.size() == 1) {
    for (const Task& task : place.program->tasks) {
      bool local = task.kind == Task::Kind::kKernel;
      if (task.kind == Task::Kind::kDataflow) {
        const std::uint32_t instance = context_->job.instance_of[rank][task.index].instance;
        local = instance != kNone &&
                context_->job.instances[instance].places.front().kind == workload::DataflowInstance::Place::Kind::kNode;
      }
      place.local_tasks.push_back(local);
    }
  } else {
    place.local_tasks.assign(place.program->tasks.size(), false);
  }
  const auto index = static_cast<std::uint16_t>(rank_dies_.size());
  for (std::uint32_t n = 0; n < place.node_count; ++n) {
    sites_[slice.shape->nodes[place.first_node + n].site].rank_die = index;
  }
  rank_dies_.push_back(std::move(place));
  if (!home) return;
  auto controller = std::make_unique<Controller>();
  const workload::Program& program = context_->program(rank);
  const std::size_t ops = context_->workload.graphs[program.graph].ops.size();
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, context_->workload.steps));
  controller->rank = rank;
  controller->program = &program;
  controller->tasks_left = static_cast<std::uint32_t>(program.tasks.size());
  controller->step_left.assign(steps, 0);
  controller->op_left.assign(ops * steps, 0);
  controller->op_start.assign(ops * steps, kNever);
  for (const Task& task : program.tasks) {
    controller->waits.push_back(task.dependencies);
    ++controller->step_left[task.step];
    if (counted_op(program, task)) ++controller->op_left[task.op + task.step * ops];
  }
  controllers_.push_back(std::move(controller));
}

/// The time of an operation is that of its own tasks: repeated work and spilled tensors serve other operations.
bool DieShard::counted_op(const workload::Program& program, const Task& task) const {
  if (task.op == kNone || task.recompute) return false;
  if (task.unit != Task::Unit::kMemory) return true;
  const workload::OpKind kind = context_->workload.graphs[program.graph].ops[task.op].kind;
  return kind == workload::OpKind::kIngest || kind == workload::OpKind::kMemLoad || kind == workload::OpKind::kMemStore;
}

void DieShard::start(Cycles now) {
  for (std::uint32_t i = 0; i < controllers_.size(); ++i) wheel_.add(now, kRankStart, i);
}

std::uint32_t DieShard::rank_die_of(RankId rank) const {
  for (std::uint32_t i = 0; i < rank_dies_.size(); ++i) {
    if (rank_dies_[i].rank == rank) return i;
  }
  DOJO_CHECK(false, "die {} has no node of rank {}", die_, rank);
  return kNone;
}

Controller& DieShard::controller_of(RankId rank) {
  for (const auto& controller : controllers_) {
    if (controller->rank == rank) return *controller;
  }
  DOJO_CHECK(false, "die {} is not the home of rank {}", die_, rank);
  return *controllers_.front();
}

namespace {

/// Cycles of [from, to) in which the rank's cores were busy, over all its nodes. `counted`: spans that end by `to` are
/// passed over from now on.
Cycles busy_cycles(const RankDie& place, std::uint8_t* counted, Cycles from, Cycles to) {
  if (place.on_cores == nullptr) return 0;
  const KernelRun& run = *place.on_cores;
  Cycles busy = 0;
  for (std::uint32_t node = 0; node < place.node_count; ++node) {
    for (std::uint8_t i = counted[node]; i < run.node(node).spans; ++i) {
      const KernelRun::Span& span = run.span(node, i);
      busy += std::max<Cycles>(0, std::min(span.end, to) - std::max(span.begin, from));
      if (span.end > to) break;
      counted[node] = static_cast<std::uint8_t>(i + 1);
    }
  }
  return busy;
}

/// Computing first, the rest by what the rank waits for.
void classify(const RankDie& place, Cycles busy, Cycles rest, Breakdown& sum) {
  (place.net_active > 0 ? sum.overlapped : sum.compute) += static_cast<std::uint64_t>(busy);
  (place.net_active > 0   ? sum.communication
   : place.mem_active > 0 ? sum.memory
                          : sum.idle) += static_cast<std::uint64_t>(rest);
}

}  // namespace

/// Adds the cycles of all nodes since the last call to their classes.
void DieShard::account(RankDie& place, Cycles now) {
  if (now <= place.counted_to) return;
  const Cycles busy = busy_cycles(place, place.counted_spans.data(), place.counted_to, now);
  classify(place, busy, (now - place.counted_to) * place.node_count - busy, place.breakdown);
  place.counted_to = now;
  if (place.on_cores != nullptr && !place.on_cores->in_use) place.on_cores = nullptr;
}

void DieShard::change_traffic(RankDie& place, int network, int memory, Cycles now) {
  const std::uint32_t net = place.net_active + static_cast<std::uint32_t>(network);
  const std::uint32_t mem = place.mem_active + static_cast<std::uint32_t>(memory);
  if ((net > 0) != (place.net_active > 0) || (mem > 0) != (place.mem_active > 0)) account(place, now);
  place.net_active = net;
  place.mem_active = mem;
}

Breakdown DieShard::breakdown(Cycles end) const {
  Breakdown total;
  for (const RankDie& place : rank_dies_) {
    Breakdown sum = place.breakdown;
    std::vector<std::uint8_t> counted = place.counted_spans;
    const Cycles to = std::max(end, place.counted_to);
    const Cycles busy = busy_cycles(place, counted.data(), place.counted_to, to);
    classify(place, busy, (to - place.counted_to) * place.node_count - busy, sum);
    total.compute += sum.compute;
    total.communication += sum.communication;
    total.overlapped += sum.overlapped;
    total.memory += sum.memory;
    total.idle += sum.idle;
  }
  return total;
}

void DieShard::task_started_on_die(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  if (rank_dies_[rank_die].program->tasks[task].kind == Task::Kind::kKernel) {
    start_kernel(rank_die, task, now);
  } else {
    start_dataflow(rank_die, task, now);
  }
}

void DieShard::task_done_on_die(std::uint32_t rank_die, std::uint32_t task, Cycles done) {
  const RankDie& place = rank_dies_[rank_die];
  task_ended_ = true;
  if (place.slice_die == 0) {
    wheel_.add(done, kTaskDone, place.rank, task);
  } else {
    control_message(place.rank, 0, fabric::Purpose::kTaskDone, task, done);
  }
}

/// A 64 B packet between the first nodes of two dies of a slice.
void DieShard::control_message(RankId rank, std::uint32_t slice_die, fabric::Purpose purpose, std::uint32_t task,
                               Cycles now) {
  const RankDie& here = rank_dies_[rank_die_of(rank)];
  const workload::SliceShape& shape = *here.slice->shape;
  const workload::SliceShape::Node& to = shape.nodes[shape.die_begin[slice_die]];
  fabric::Burst burst;
  burst.subject = rank;
  burst.item = task;
  burst.purpose = purpose;
  send_message(shape.nodes[here.first_node].site, here.slice->first_site_row + to.row,
               here.slice->first_site_column + to.column, 0, burst, now);
}

void DieShard::schedule_ready(Controller& controller, std::uint32_t task, Cycles now) {
  const Task& what = controller.program->tasks[task];
  if (what.kind == Task::Kind::kNone) {
    op_started(controller, what, now);
    wheel_.add(now, kTaskDone, controller.rank, task);
  } else if (what.unit == Task::Unit::kCore) {
    controller.ready_core.push_back(task);
    std::push_heap(controller.ready_core.begin(), controller.ready_core.end(), std::greater<>());
  } else {
    launch(controller, task, now);
  }
}

void DieShard::start_core(Controller& controller, Cycles now) {
  if (controller.core_busy || controller.ready_core.empty()) return;
  std::pop_heap(controller.ready_core.begin(), controller.ready_core.end(), std::greater<>());
  const std::uint32_t task = controller.ready_core.back();
  controller.ready_core.pop_back();
  controller.core_busy = true;
  launch(controller, task, now);
}

/// An operation lasts from the start of its first task; what it waits for the cores before is not its own time.
void DieShard::op_started(Controller& controller, const Task& task, Cycles now) {
  if (!counted_op(*controller.program, task)) return;
  const std::size_t ops = controller.op_left.size() / controller.step_left.size();
  Cycles& start = controller.op_start[task.op + task.step * ops];
  start = std::min(start, now);
}

/// Starts a task on every die of the rank's slice.
void DieShard::launch(Controller& controller, std::uint32_t task, Cycles now) {
  op_started(controller, controller.program->tasks[task], now);
  const RankDie& place = rank_dies_[rank_die_of(controller.rank)];
  const std::uint32_t dies = place.slice->shape->die_count();
  controller.active.push_back({task, dies});
  plan_start(controller.rank, task, now + place.shape->barrier_cycles[0]);
  for (std::uint32_t die = 1; die < dies; ++die) {
    control_message(controller.rank, die, fabric::Purpose::kTaskStart, task, now);
  }
}

void DieShard::plan_start(RankId rank, std::uint32_t task, Cycles time) {
  wheel_.add(time, kTaskStart, rank, task);
  if (!context_->in_step || !context_->tile_rows->starts_apart(rank, context_->program(rank).tasks[task])) return;
  stop_ = std::min(stop_, time);
  sums_->rows_part = true;
}

/// One die has finished its part (or the task had no part at all).
void DieShard::finish_task(Controller& controller, std::uint32_t task, Cycles now) {
  const Task& what = controller.program->tasks[task];
  if (what.kind != Task::Kind::kNone) {
    const auto active = std::find_if(controller.active.begin(), controller.active.end(),
                                     [&](const Controller::Active& a) { return a.task == task; });
    DOJO_CHECK(active != controller.active.end(), "rank {}: task {} ends but does not run", controller.rank, task);
    if (--active->dies_left != 0) return;
    controller.active.erase(active);
    if (what.unit == Task::Unit::kCore) controller.core_busy = false;
  }
  ++sums_->tasks_done;
  const std::size_t ops = controller.op_left.size() / controller.step_left.size();
  if (counted_op(*controller.program, what)) {
    const std::size_t at = what.op + what.step * ops;
    if (--controller.op_left[at] == 0) {
      sums_->op(controller.program->graph, what.op).add(controller.op_start[at], now);
    }
  }
  if (--controller.step_left[what.step] == 0) {
    sums_->step_end[what.step] = std::max(sums_->step_end[what.step], now);
  }
  for (std::uint32_t i = what.successors_begin; i < what.successors_end; ++i) {
    const std::uint32_t next = controller.program->successors[i];
    if (--controller.waits[next] == 0) schedule_ready(controller, next, now);
  }
  if (--controller.tasks_left == 0) {
    ++sums_->ranks_done;
    sums_->rank_end = std::max(sums_->rank_end, now);
  }
  start_core(controller, now);
}

}  // namespace dojo::machine
