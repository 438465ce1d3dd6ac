// SPDX-License-Identifier: Apache-2.0
#include "machine/die/kernel_runs.h"

#include <algorithm>
#include <numeric>

#include "dojo/base/error.h"

namespace dojo::machine {

using workload::Kernel;
using workload::SliceShape;

/// Operands may come before the task starts here, so whoever asks first makes the run.
KernelRun& KernelRuns::find_or_make(std::uint32_t rank_die, std::uint32_t task) {
  KernelRun* unused = nullptr;
  for (KernelRun& run : state_.runs) {
    if (!run.in_use) {
      unused = &run;
    } else if (run.task == task && run.rank_die == rank_die) {
      return run;
    }
  }
  if (unused == nullptr) {
    unused = &state_.runs.emplace_back();
    unused->index = static_cast<std::uint32_t>(state_.runs.size() - 1);
  }
  prepare(*unused, rank_die, task);
  return *unused;
}

void KernelRuns::prepare(KernelRun& run, std::uint32_t rank_die, std::uint32_t task) {
  const RankDie& place = residents_[rank_die];
  const workload::Task& what = place.program->tasks[task];
  const Kernel& kernel = place.program->kernels[what.kernel];
  run.kernel = &kernel;
  run.task = task;
  run.rank_die = rank_die;
  run.in_use = true;
  run.started = run.ending = false;
  run.recompute = what.recompute;
  run.finish = run.net_until = 0;
  run.done_nodes = run.arrivals_left = run.gathers_left = 0;
  run.allowed_slot = 2;
  run.slots = kernel.need.empty() ? 0 : kernel.steps + 1;
  run.node_count = place.node_count;
  run.nodes.assign(place.node_count, {});
  run.sends_end.assign(place.node_count, {});
  run.slots_of_nodes.resize(std::size_t{place.node_count} * run.slots);
  for (std::uint32_t slot = 0; slot < run.slots; ++slot) {
    for (std::uint32_t node = 0; node < place.node_count; ++node) {
      const std::uint32_t need =
          gathers_->need(place, what.kernel, std::size_t{place.first_node + node} * run.slots + slot);
      run.slot(node, slot) = {0, need};
      run.arrivals_left += need;
    }
  }
  run.steps_done.assign(kernel.steps, 0u);
  run.steps_end.assign(kernel.steps, Cycles{0});
  run.lines.clear();
  if (kernel.need.empty()) return;
  const SliceShape& shape = *place.slice->shape;
  const std::uint32_t first = shape.line_begin[place.slice_die];
  run.lines.resize(place.line_count());
  run.next_slots.resize(place.line_count());
  run.rows = 0;
  for (std::uint32_t i = 0; i < run.lines.size(); ++i) {
    KernelRun::LineState& state = run.lines[i];
    const SliceShape::Line& line = shape.lines[first + i];
    state.cursor = kernel.gather_begin[first + i];
    if (line.horizontal) ++run.rows;
    const bool none = state.cursor == kernel.gather_begin[first + i + 1];
    run.next_slots[i] = none ? kNone : kernel.gathers[state.cursor].slot;
    for (std::uint32_t n = line.nodes_begin; n < line.nodes_end; ++n) {
      if (run.slot(shape.line_nodes[n] - place.first_node, 0).need != 0) ++state.open;
    }
  }
  run.gathers_left = kernel.gather_begin[first + place.line_count()] - kernel.gather_begin[first];
  gathers_->prepare(run);
}

void KernelRuns::start(std::uint32_t rank_die, std::uint32_t task, Cycles now, unsigned queue) {
  const RankDie& place = residents_[rank_die];
  KernelRun& run = find_or_make(rank_die, task);
  time_.kernel_starts(rank_die, now);
  run.started = true;
  run.queue = queue;
  run.start = now;
  if (run.arrivals_left > 0) time_.network_starts(rank_die, now);
  for (std::uint32_t node = 0; node < place.node_count; ++node) {
    if (is_detailed(run, node)) {
      start_detailed(run, node, now);
    } else {
      advance_node(run, node);
    }
  }
  if (!run.kernel->need.empty()) {
    gathers_->send_unicasts(run, now);
    for (std::uint32_t line = 0; line < run.lines.size(); ++line) gathers_->advance(run, line, now);
  }
  if (place.node_count == 0) timer_.at(now, Kind::kDone, run.index);
}

void KernelRuns::handle(const engine::Event& e) {
  switch (Timer::kind<Kind>(e)) {
    case Kind::kGather: {
      KernelRun& run = state_.runs[e.a];
      if (e.b >= run.lines.size()) return;  // another kernel's by now
      run.lines[e.b].pending = false;
      return gathers_->advance(run, e.b, e.time);
    }
    case Kind::kStepDone:
      return slot_allowed(state_.runs[e.a], e.b, e.time);
    case Kind::kQuiet:
      return time_.network_ends(e.a, e.time);
    case Kind::kDone:
      return finish(state_.runs[e.a], e.time);
  }
}

/// A step has been computed everywhere: its buffers take the operands of a later one.
void KernelRuns::slot_allowed(KernelRun& run, std::uint32_t slot, Cycles now) {
  run.allowed_slot = slot;
  for (std::uint32_t line = 0; line < run.lines.size(); ++line) gathers_->advance(run, line, now);
}

void KernelRuns::received(std::uint32_t rank_die, const Operand& operand, SiteIndex site, Cycles ready) {
  const auto node = static_cast<std::uint32_t>(residents_[rank_die].node_at(site));
  operand_arrives(find_or_make(rank_die, operand.task), node, operand.slot, ready, moment_.now);
}

void KernelRuns::operand_arrives(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready, Cycles now) {
  KernelRun::Slot& at = run.slot(node, slot);
  DOJO_CHECK(at.need > 0, "task {} node {} got more operands for step {} than it needs", run.task, node, slot);
  at.ready = std::max(at.ready, ready);
  run.net_until = std::max(run.net_until, ready);
  if (detailed_ != nullptr) tell_detailed(run, node, slot, ready);
  if (--run.arrivals_left == 0 && run.started) timer_.at(run.net_until, Kind::kQuiet, run.rank_die);
  if (--at.need == 0) slot_known(run, node, slot, now);
}

void KernelRuns::line_arrives(KernelRun& run, const SliceShape::Line& line, std::uint32_t slot, std::uint32_t sender,
                              const std::vector<fabric::GatherNode>& arrivals, Cycles now) {
  const RankDie& place = residents_[run.rank_die];
  const std::uint32_t* const nodes = &place.slice->shape->line_nodes[line.nodes_begin];
  const auto count = static_cast<std::uint32_t>(arrivals.size());
  KernelRun::Slot* const slots = &run.slot(0, slot);
  Cycles latest = run.net_until;
  std::uint32_t last = kNone;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i == sender) continue;
    last = i;
    KernelRun::Slot& at = slots[nodes[i] - place.first_node];
    DOJO_CHECK(at.need > 0, "task {} node {} got more operands for step {} than it needs", run.task,
               nodes[i] - place.first_node, slot);
    at.ready = std::max(at.ready, arrivals[i].done);
    latest = std::max(latest, arrivals[i].done);
    if (detailed_ != nullptr) tell_detailed(run, nodes[i] - place.first_node, slot, arrivals[i].done);
    --at.need;
    --run.arrivals_left;
  }
  run.net_until = latest;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i == sender) continue;
    if (i == last && run.arrivals_left == 0 && run.started) timer_.at(latest, Kind::kQuiet, run.rank_die);
    const std::uint32_t node = nodes[i] - place.first_node;
    if (slots[node].need == 0) slot_known(run, node, slot, now);
  }
}

/// All operands of a slot are known to come.
void KernelRuns::slot_known(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles now) {
  if (slot == 0) gathers_->first_slot_known(run, node, now);
  if (run.started && !is_detailed(run, node)) advance_node(run, node);
}

/// Plans all steps of a node whose operands are known to be there by some time.
void KernelRuns::advance_node(KernelRun& run, std::uint32_t node) {
  KernelRun::NodeState& state = run.nodes[node];
  const Kernel& kernel = *run.kernel;
  if (state.step == kernel.steps || !run.knows_operands(node, state.step)) return;
  const std::uint32_t slice_node = residents_[run.rank_die].first_node + node;
  const Cycles* const cycles = &kernel.cycles[static_cast<std::size_t>(slice_node) * kernel.steps];
  do {
    Cycles begin = std::max(run.start, state.free);
    if (run.slots > 0) begin = std::max({begin, run.slot(node, 0).ready, run.slot(node, state.step + 1).ready});
    const Cycles end = begin + cycles[state.step];
    time_.compute(run.rank_die, node, begin, end, moment_.now);
    state.free = end;
    step_completed(run, state.step, end);
    ++state.step;
  } while (state.step < kernel.steps && run.knows_operands(node, state.step));
  if (state.step == kernel.steps) node_done(run, node);
}

void KernelRuns::node_done(KernelRun& run, std::uint32_t node) {
  run.finish = std::max(run.finish, run.nodes[node].free);
  ++run.done_nodes;
  end_if_complete(run, moment_.now);
}

void KernelRuns::step_completed(KernelRun& run, std::uint32_t step, Cycles end) {
  run.steps_end[step] = std::max(run.steps_end[step], end);
  if (++run.steps_done[step] == run.node_count && step + 3 <= run.kernel->steps && !run.lines.empty()) {
    timer_.at(run.steps_end[step], Kind::kStepDone, run.index, step + 3);
  }
}

void KernelRuns::end_if_complete(KernelRun& run, Cycles now) {
  if (run.done_nodes < run.node_count || run.gathers_left > 0 || run.ending) return;
  run.ending = true;
  timer_.at(std::max(now, run.finish), Kind::kDone, run.index);
}

void KernelRuns::finish(KernelRun& run, Cycles now) {
  run.in_use = false;
  const RankDie& place = residents_[run.rank_die];
  const workload::Task& what = place.program->tasks[run.task];
  const std::vector<std::int64_t>& of_node = run.kernel->matrix_flops;
  if (!of_node.empty()) {
    const auto first = of_node.begin() + place.first_node;
    const std::int64_t flops = std::accumulate(first, first + place.node_count, std::int64_t{0});
    ThreadSums& sums = *moment_.sums;
    if (run.recompute) {
      sums.flops_recomputed += flops;
    } else {
      sums.flops_by[static_cast<std::size_t>(run.kernel->timed_by)] += flops;
      sums.op(place.program->graph, what.op).flops += flops;
    }
  }
  count_done(run.rank_die, what.kernel, run.recompute);
  ends_.task_done(run.rank_die, run.task, now + place.shape->barrier_cycles[place.slice_die]);
}

void KernelRuns::forget_done(std::uint32_t rank_die) {
  std::fill(state_.done[rank_die].begin(), state_.done[rank_die].end(), 0u);
}

void KernelRuns::copy(const KernelRuns& from) {
  state_ = from.state_;
  auto& [runs, done] = state_;  // neither holds a name that differs from row to row: runs know ranks by their index
  for (KernelRun& each : runs) {
    auto& [kernel, index, task, rank_die, in_use, started, ending, recompute, queue, start, finish, net_until,
           done_nodes, arrivals_left, gathers_left, allowed_slot, slots, node_count, nodes, sends_end, slots_of_nodes,
           lines, next_slots, rows, posted, steps_done, steps_end] = each;
    (void)kernel;
  }
  (void)done;
}

}  // namespace dojo::machine
