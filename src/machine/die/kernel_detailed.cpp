// SPDX-License-Identifier: Apache-2.0
// Steps of kernels on nodes whose cores run cycle by cycle: they begin and end when the cores say so.
#include "machine/die/kernel_runs.h"

namespace dojo::machine {

using workload::Kernel;

SiteIndex KernelRuns::site_of(const KernelRun& run, std::uint32_t node) const {
  const RankDie& place = residents_[run.rank_die];
  return place.slice->shape->nodes[place.first_node + node].site;
}

namespace {

/// Slot 0 has a semaphore of its own; of the others at most two are in flight.
std::int32_t semaphore_of(std::uint32_t slot) {
  return slot == 0 ? 0 : static_cast<std::int32_t>(1 + (slot - 1) % 2);
}

}  // namespace

/// The next step of a node whose core runs cycle by cycle. The first one waits for what comes before all steps too.
void KernelRuns::start_detailed(KernelRun& run, std::uint32_t node, Cycles at) {
  const Kernel& kernel = *run.kernel;
  const RankDie& place = residents_[run.rank_die];
  const std::uint32_t step = run.nodes[node].step;
  const std::size_t slice_node = place.first_node + node, index = slice_node * kernel.steps + step;
  DetailedNodes::StepStart start;
  start.run = run.index;
  start.node = node;
  if (!kernel.core_piece_of.empty()) start.piece = &kernel.core_pieces[kernel.core_piece_of[index]];
  start.timed = kernel.cycles[index];
  start.launches = step == 0;
  start.at = at;
  const auto wait = [&](std::uint32_t slot) -> core::Wait {
    if (run.slots == 0) return {};
    const std::uint32_t need =
        gathers_->need(place, place.program->tasks[run.task].kernel, slice_node * run.slots + slot);
    return {semaphore_of(slot), static_cast<std::int32_t>(need)};
  };
  if (step == 0) start.waits[0] = wait(0);
  start.waits[1] = wait(step + 1);
  detailed_->start(site_of(run, node), start);
}

void KernelRuns::tell_detailed(const KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready) {
  const SiteIndex site = site_of(run, node);
  if (detailed_->has(site)) detailed_->signal(site, semaphore_of(slot), ready);
}

void KernelRuns::step_begins(std::uint32_t index, std::uint32_t node, Cycles now) {
  time_.begins(state_.runs[index].rank_die, node, now);
}

void KernelRuns::step_ends(std::uint32_t index, std::uint32_t node, Cycles end) {
  KernelRun& run = state_.runs[index];
  KernelRun::NodeState& state = run.nodes[node];
  time_.ends(run.rank_die, node, end);
  state.free = end;
  step_completed(run, state.step, end);
  if (++state.step < run.kernel->steps) return start_detailed(run, node, end);
  node_done(run, node);
}

}  // namespace dojo::machine
