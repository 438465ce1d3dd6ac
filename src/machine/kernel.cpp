// SPDX-License-Identifier: Apache-2.0
// Kernels on one die: operands arrive in steps, each node computes a step when its operands are there.
#include <algorithm>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::Purpose;
using workload::Kernel;
using workload::Transfer;

/// Finds the run of a task on a rank's nodes here, or makes it: operands may come before the task starts here.
KernelRun& DieShard::kernel_run(std::uint32_t rank_die, std::uint32_t task) {
  std::uint32_t unused = kNone;
  for (std::uint32_t i = 0; i < kernels_.size(); ++i) {
    if (!kernels_[i]->in_use) {
      unused = i;
    } else if (kernels_[i]->task == task && kernels_[i]->rank_die == rank_die) {
      return *kernels_[i];
    }
  }
  if (unused == kNone) {
    unused = static_cast<std::uint32_t>(kernels_.size());
    kernels_.push_back(std::make_unique<KernelRun>());
    kernels_.back()->index = unused;
  }
  KernelRun& run = *kernels_[unused];
  const RankDie& place = rank_dies_[rank_die];
  const workload::Task& what = place.program->tasks[task];
  const Kernel& kernel = place.program->kernels[what.index];
  run.kernel = &kernel;
  run.task = task;
  run.rank_die = rank_die;
  run.in_use = true;
  run.started = false;
  run.recompute = what.recompute;
  run.finish = run.net_until = 0;
  run.done_nodes = 0;
  run.allowed_slot = 2;
  run.arrivals_left = 0;
  run.nodes.assign(place.node_count, KernelRun::NodeState{});
  std::fill(std::begin(run.steps_done), std::end(run.steps_done), 0u);
  std::fill(std::begin(run.steps_end), std::end(run.steps_end), Cycles{0});
  const std::size_t slots = kernel.steps + 1;
  if (kernel.need.empty()) {
    run.need.clear();
  } else {
    const auto begin = kernel.need.begin() + static_cast<std::ptrdiff_t>(place.first_node * slots);
    run.need.assign(begin, begin + static_cast<std::ptrdiff_t>(place.node_count * slots));
    for (const std::uint16_t need : run.need) run.arrivals_left += need;
    run.ready.assign(run.need.size(), 0);
  }
  return run;
}

void DieShard::start_kernel(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  KernelRun& run = kernel_run(rank_die, task);
  RankDie& place = rank_dies_[rank_die];
  run.started = true;
  run.start = now;
  if (run.arrivals_left > 0) change_traffic(place, 1, 0, now);
  if (!run.kernel->transfer_begin.empty()) sources(run.index, now);
  for (std::uint32_t node = 0; node < place.node_count; ++node) advance_node(run, node, now);
  if (place.node_count == 0) wheel_.add(now, kKernelDone, run.index);
}

void DieShard::sources(std::uint32_t index, Cycles now) {
  KernelRun& run = *kernels_[index];
  if (!run.in_use || run.kernel->transfer_begin.empty()) return;  // of a kernel that is over
  for (std::uint32_t node = 0; node < run.nodes.size(); ++node) {
    run.nodes[node].blocked = false;
    source(index, node, now);
  }
}

/// Queues the node's next transfer, if its turn has come.
void DieShard::source(std::uint32_t index, std::uint32_t node, Cycles now) {
  KernelRun& run = *kernels_[index];
  if (!run.in_use || node >= run.nodes.size() || run.kernel->transfer_begin.empty())
    return;  // of a kernel that is over
  KernelRun::NodeState& state = run.nodes[node];
  if (!run.started || state.sending || state.blocked) return;
  const RankDie& place = rank_dies_[run.rank_die];
  const std::uint32_t slice_node = place.first_node + node;
  const std::uint32_t at = run.kernel->transfer_begin[slice_node] + state.cursor;
  if (at == run.kernel->transfer_begin[slice_node + 1]) return;
  const Transfer& transfer = run.kernel->transfers[at];
  if (transfer.slot > run.allowed_slot) {
    state.blocked = true;  // sources() clears it when a step has been computed everywhere
    return;
  }
  if (transfer.stage == 2) {
    const std::size_t slot0 = node * (run.kernel->steps + std::size_t{1});
    if (run.need[slot0] != 0) return;  // operand_arrived() calls again
    if (run.ready[slot0] > now) {
      wheel_.add(run.ready[slot0], kKernelSource, index, node);
      return;
    }
  }
  ++state.cursor;
  state.sending = true;
  Burst burst;
  burst.subject = place.rank;
  burst.item = run.task;
  burst.lane = transfer.slot;
  burst.purpose = Purpose::kOperand;
  const workload::SliceShape& shape = *place.slice->shape;
  const workload::SliceShape::Node& here = shape.nodes[slice_node];
  const std::int32_t row = place.slice->first_site_row;
  const std::int32_t column = place.slice->first_site_column;
  switch (transfer.shape) {
    case Transfer::Shape::kRow:
      burst.shape = fabric::Shape::kRow;
      burst.low = column;
      burst.high = column + shape.columns - 1;
      break;
    case Transfer::Shape::kColumn:
      burst.shape = fabric::Shape::kColumn;
      burst.low = row;
      burst.high = row + shape.rows - 1;
      break;
    case Transfer::Shape::kUnicast: {
      const workload::SliceShape::Node& there = shape.nodes[transfer.destination];
      burst.row = row + there.row;
      burst.column = column + there.column;
      break;
    }
  }
  push_send(here.site, burst, transfer.bytes, now, index, node);
}

void DieShard::operand_arrived(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready) {
  const std::size_t at = node * (run.kernel->steps + std::size_t{1}) + slot;
  DOJO_CHECK(run.need[at] > 0, "die {}: task {} node {} got more operands for step {} than it needs", die_, run.task,
             node, slot);
  run.ready[at] = std::max(run.ready[at], ready);
  run.net_until = std::max(run.net_until, ready);
  if (--run.arrivals_left == 0 && run.started) wheel_.add(run.net_until, kKernelQuiet, run.index);
  if (--run.need[at] != 0 || !run.started) return;
  if (slot == 0 &&
      run.nodes[node].cursor < run.kernel->transfer_begin[rank_dies_[run.rank_die].first_node + node + 1] -
                                   run.kernel->transfer_begin[rank_dies_[run.rank_die].first_node + node]) {
    wheel_.add(run.ready[at], kKernelSource, run.index, node);
  }
  advance_node(run, node, run.start);
}

/// Plans the node's next step if its operands are known to be there by some time.
void DieShard::advance_node(KernelRun& run, std::uint32_t node, Cycles now) {
  KernelRun::NodeState& state = run.nodes[node];
  if (state.step_pending || state.step == run.kernel->steps) return;
  Cycles ready = std::max(now, state.free);
  if (!run.need.empty()) {
    const std::size_t base = node * (run.kernel->steps + std::size_t{1});
    const std::size_t slot = base + state.step + 1u;
    if (run.need[base] != 0 || run.need[slot] != 0) return;
    ready = std::max({ready, run.ready[base], run.ready[slot]});
  }
  state.step_pending = true;
  if (ready == now && now == run.start) {
    compute(run, node, now);
  } else {
    wheel_.add(ready, kKernelStep, run.index, node);
  }
}

/// The core runs the next step, and those after it whose operands are there without a gap.
void DieShard::compute(KernelRun& run, std::uint32_t node, Cycles now) {
  KernelRun::NodeState& state = run.nodes[node];
  RankDie& place = rank_dies_[run.rank_die];
  account(place, node, now);
  const Kernel& kernel = *run.kernel;
  const std::uint32_t slice_node = place.first_node + node;
  const std::uint32_t* cycles = &kernel.cycles[static_cast<std::size_t>(slice_node) * kernel.steps];
  state.step_pending = false;
  Cycles end = now;
  for (;;) {
    end += cycles[state.step];
    step_completed(run, state.step, end);
    ++state.step;
    if (state.step == kernel.steps) break;
    if (run.need.empty()) continue;
    const std::size_t slot = node * (kernel.steps + std::size_t{1}) + state.step + 1u;
    if (run.need[slot] != 0) break;
    if (run.ready[slot] > end) {
      state.step_pending = true;
      wheel_.add(run.ready[slot], kKernelStep, run.index, node);
      break;
    }
  }
  Core& core = cores_[place.slice->shape->nodes[slice_node].site];
  core.busy_cycles += static_cast<std::uint64_t>(end - now);
  place.nodes[node].busy_until = end;
  state.free = end;
  if (state.step == kernel.steps) node_done(run, node, end);
}

void DieShard::step_completed(KernelRun& run, std::uint32_t step, Cycles end) {
  run.steps_end[step] = std::max(run.steps_end[step], end);
  if (++run.steps_done[step] == run.nodes.size() && step + 3 <= run.kernel->steps) {
    run.allowed_slot = step + 3;
    wheel_.add(run.steps_end[step], kKernelSources, run.index);
  }
}

void DieShard::node_done(KernelRun& run, std::uint32_t node, Cycles end) {
  const Kernel& kernel = *run.kernel;
  const RankDie& place = rank_dies_[run.rank_die];
  const std::uint32_t slice_node = place.first_node + node;
  Core& core = cores_[place.slice->shape->nodes[slice_node].site];
  if (!kernel.matrix_flops.empty()) {
    const std::int64_t flops = kernel.matrix_flops[slice_node];
    if (run.recompute) {
      sums_->flops_recomputed += flops;
    } else {
      core.matrix_flops += static_cast<std::uint64_t>(flops);
      sums_->flops_by[static_cast<std::size_t>(kernel.timed_by)] += flops;
      sums_->ops[place.program->graph][place.program->tasks[run.task].op].flops += flops;
    }
  }
  if (!kernel.vector_flops.empty()) core.vector_flops += static_cast<std::uint64_t>(kernel.vector_flops[slice_node]);
  run.finish = std::max(run.finish, end);
  if (++run.done_nodes == run.nodes.size()) wheel_.add(run.finish, kKernelDone, run.index);
}

void DieShard::kernel_done(std::uint32_t index, Cycles now) {
  KernelRun& run = *kernels_[index];
  run.in_use = false;
  const std::uint32_t rank_die = run.rank_die;
  const std::uint32_t task = run.task;
  const Cycles join = rank_dies_[rank_die].shape->barrier_cycles[rank_dies_[rank_die].slice_die];
  task_done_on_die(rank_die, task, now + join);
}

}  // namespace dojo::machine
