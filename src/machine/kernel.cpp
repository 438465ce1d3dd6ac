// SPDX-License-Identifier: Apache-2.0
// Kernels on one die: operands are gathered in steps, each node computes a step when its operands are there. What a
// node computes when is planned as soon as the arrival of its operands is known.
#include <algorithm>
#include <numeric>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die_shard.h"

namespace dojo::machine {

using workload::Kernel;

/// Finds the run of a task on a rank's nodes here, or makes it: operands may come before the task starts here.
KernelRun& DieShard::kernel_run(std::uint32_t rank_die, std::uint32_t task) {
  std::uint32_t unused = kNone;
  for (std::uint32_t i = 0; i < kernels_.size(); ++i) {
    if (kernels_[i]->in_use) {
      if (kernels_[i]->task == task && kernels_[i]->rank_die == rank_die) return *kernels_[i];
    } else if (rank_dies_[kernels_[i]->rank_die].on_cores != kernels_[i].get()) {
      unused = i;
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
  const workload::SliceShape& shape = *place.slice->shape;
  run.kernel = &kernel;
  run.task = task;
  run.rank_die = rank_die;
  run.in_use = true;
  run.started = false;
  run.recompute = what.recompute;
  run.finish = run.net_until = 0;
  run.done_nodes = run.arrivals_left = run.gathers_left = 0;
  run.allowed_slot = 2;
  run.ending = false;
  run.slots = kernel.need.empty() ? 0 : kernel.steps + 1;
  run.node_count = place.node_count;
  run.nodes.assign(place.node_count, {});
  run.spans_of_nodes.resize(std::size_t{place.node_count} * kernel.steps);
  run.slots_of_nodes.resize(std::size_t{place.node_count} * run.slots);
  for (std::uint32_t slot = 0; slot < run.slots; ++slot) {
    for (std::uint32_t node = 0; node < place.node_count; ++node) {
      const std::size_t at = std::size_t{place.first_node + node} * run.slots + slot;
      const std::uint32_t need = flits_ ? (*place.piece_needs)[what.index][at] : kernel.need[at];
      run.slot(node, slot) = {0, need};
      run.arrivals_left += need;
    }
  }
  std::fill_n(run.steps_done, kernel.steps, 0u);
  std::fill_n(run.steps_end, kernel.steps, Cycles{0});
  run.lines.clear();
  if (kernel.need.empty()) return run;
  const std::uint32_t first = shape.line_begin[place.slice_die];
  const std::uint32_t last = shape.line_begin[place.slice_die + 1];
  run.lines.resize(last - first);
  for (std::uint32_t line = first; line < last; ++line) {
    KernelRun::LineState& state = run.lines[line - first];
    state.cursor = kernel.gather_begin[line];
    for (std::uint32_t i = shape.lines[line].nodes_begin; i < shape.lines[line].nodes_end; ++i) {
      if (run.slot(shape.line_nodes[i] - place.first_node, 0).need != 0) ++state.open;
    }
  }
  run.gathers_left = kernel.gather_begin[last] - kernel.gather_begin[first];
  if (flits_) run.posted.assign(kernel.pieces.size(), 0);
  return run;
}

void DieShard::start_kernel(std::uint32_t rank_die, std::uint32_t task, Cycles now) {
  RankDie& place = rank_dies_[rank_die];
  account(place, now);  // what the cores ran before is over
  KernelRun& run = kernel_run(rank_die, task);
  place.on_cores = &run;
  std::fill(place.counted_spans.begin(), place.counted_spans.end(), std::uint8_t{0});
  run.started = true;
  run.start = now;
  if (run.arrivals_left > 0) change_traffic(place, 1, 0, now);
  for (std::uint32_t node = 0; node < place.node_count; ++node) advance_node(run, node);
  if (!run.kernel->need.empty()) {
    send_unicasts(run, now);
    for (std::uint32_t line = 0; line < run.lines.size(); ++line) advance_line(run, line, now);
  }
  if (place.node_count == 0) wheel_.add(now, kKernelDone, run.index);
}

void DieShard::send_unicasts(KernelRun& run, Cycles now) {
  const RankDie& place = rank_dies_[run.rank_die];
  const workload::SliceShape& shape = *place.slice->shape;
  const Kernel& kernel = *run.kernel;
  fabric::Burst burst;
  burst.subject = place.rank;
  burst.item = run.task;
  burst.purpose = fabric::Purpose::kOperand;
  for (std::uint32_t i = kernel.unicast_begin[place.slice_die]; i < kernel.unicast_begin[place.slice_die + 1]; ++i) {
    const workload::Unicast& message = kernel.unicasts[i];
    const workload::SliceShape::Node& there = shape.nodes[message.destination];
    burst.lane = message.slot;
    burst.row = place.slice->first_site_row + there.row;
    burst.column = place.slice->first_site_column + there.column;
    if (there.die == place.slice_die && !flits_) {
      const Cycles arrived = send_on_die(shape.nodes[message.source].site, burst, message.bytes, now);
      operand_arrived(run, message.destination - place.first_node, message.slot, arrived, now);
    } else {
      push_send(shape.nodes[message.source].site, burst, message.bytes, now);
    }
  }
}

/// A step has been computed everywhere: its buffers take the operands of a later one.
void DieShard::gathers_allowed(KernelRun& run, std::uint32_t slot, Cycles now) {
  run.allowed_slot = slot;
  for (std::uint32_t line = 0; line < run.lines.size(); ++line) advance_line(run, line, now);
}

/// Gathers along a line as far as its turn has come; later ones in events of their own, so that other traffic can pass
/// in between.
void DieShard::advance_line(KernelRun& run, std::uint32_t index, Cycles now) {
  const RankDie& place = rank_dies_[run.rank_die];
  const workload::SliceShape& shape = *place.slice->shape;
  const std::uint32_t line = shape.line_begin[place.slice_die] + index;
  if (flits_) return post_line(run, index, now);
  KernelRun::LineState& state = run.lines[index];
  if (!run.started || state.pending) return;
  const Cycles horizon = now + network_.flits(context_->settings.burst_bytes);
  while (state.cursor < run.kernel->gather_begin[line + 1]) {
    const workload::Gather& gather = run.kernel->gathers[state.cursor];
    if (gather.slot > run.allowed_slot || (gather.stage == 2 && state.open != 0)) return;
    const int blocked = is_broken(place, index) ? -1 : blocked_line(shape.lines[line]);
    if (blocked >= 0) {
      state.pending = true;
      parked_lines_[static_cast<std::size_t>(blocked)].push_back({run.index, index});
      return;
    }
    const Cycles next = gather_round(run, index, gather, now);
    if (state.cursor < run.kernel->gather_begin[line + 1] && next > horizon) {
      state.pending = true;
      wheel_.add(next, kGather, run.index, index);
      return;
    }
  }
}

/// The edge that a line's multicasts would leave by, if new bursts must not queue there now; -1 otherwise.
int DieShard::blocked_line(const workload::SliceShape::Line& line) const {
  if (full_edges_ == 0) return -1;
  const auto full = [&](topology::Direction d) { return (full_edges_ >> static_cast<unsigned>(d) & 1u) != 0; };
  const topology::Direction low = line.horizontal ? topology::Direction::kWest : topology::Direction::kNorth;
  const topology::Direction high = line.horizontal ? topology::Direction::kEast : topology::Direction::kSouth;
  if (line.goes_on_low && full(low)) return static_cast<int>(low);
  return line.goes_on_high && full(high) ? static_cast<int>(high) : -1;
}

/// Up to a burst of each piece. Returns when the line's links will be nearly free again.
Cycles DieShard::gather_round(KernelRun& run, std::uint32_t index, const workload::Gather& gather, Cycles now) {
  const RankDie& place = rank_dies_[run.rank_die];
  const workload::SliceShape& shape = *place.slice->shape;
  const workload::SliceShape::Line& line = shape.lines[shape.line_begin[place.slice_die] + index];
  KernelRun::LineState& state = run.lines[index];
  const Bytes burst_bytes = context_->settings.burst_bytes;
  gather_nodes_.clear();
  for (std::uint32_t i = line.nodes_begin; i < line.nodes_end; ++i) {
    gather_nodes_.push_back({shape.line_positions[i], 0, now, 0});
    const std::uint32_t node = shape.line_nodes[i] - place.first_node;
    __builtin_prefetch(&run.node(node), 1);
    __builtin_prefetch(&run.slot(node, gather.slot), 1);
  }
  bool more = false;
  for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
    const workload::Piece& piece = run.kernel->pieces[i];
    fabric::GatherNode& node = gather_nodes_[piece.place];
    const Bytes left = piece.bytes - state.sent;
    if (left <= 0) continue;
    node.piece_bytes = static_cast<std::uint32_t>(std::min(left, burst_bytes));
    more = more || left > burst_bytes;
    if (gather.stage == 2) {
      node.ready =
          std::max(now, run.slot(shape.line_nodes[line.nodes_begin + piece.place] - place.first_node, 0).ready);
    }
  }
  fabric::Gathering g;
  g.horizontal = line.horizontal;
  g.leaves_low = line.goes_on_low;
  g.leaves_high = line.goes_on_high;
  g.lane = line.lane;
  g.nodes = gather_nodes_.data();
  g.count = static_cast<std::uint32_t>(gather_nodes_.size());
  if (is_broken(place, index)) {
    gather_by_messages(place, line, g, now);
    if (!more) pass_to_other_dies(run, line, gather, g.last_tail);
  } else {
    network_.gather(g);
    sums_->add_gather(g);
    leave_line(run, line, g, gather.slot, !more);
  }
  state.sent += burst_bytes;
  const Cycles next = std::max(now + 1, g.links_free - g.count * network_.hop_cycles());
  if (more) return next;
  state.sent = 0;
  ++state.cursor;
  --run.gathers_left;
  const bool alone = gather.pieces_end - gather.pieces_begin == 1;
  const std::uint32_t sender = alone ? run.kernel->pieces[gather.pieces_begin].place : kNone;
  line_arrived(run, line, gather.slot, sender, now);
  end_if_complete(run, now);
  return next;
}

/// What was gathered goes on along the row or column to the slice's next dies.
void DieShard::leave_line(const KernelRun& run, const workload::SliceShape::Line& line, const fabric::Gathering& g,
                          std::uint32_t slot, bool last) {
  if (g.low_head == kNever && g.high_head == kNever) return;
  const RankDie& place = rank_dies_[run.rank_die];
  fabric::Burst burst;
  burst.created = g.first_start;
  burst.subject = place.rank;
  burst.item = run.task;
  burst.lane = static_cast<std::uint16_t>(slot);
  burst.purpose = fabric::Purpose::kOperand;
  burst.low = line.horizontal ? place.slice->first_site_column : place.slice->first_site_row;
  burst.high = burst.low + (line.horizontal ? place.slice->shape->columns : place.slice->shape->rows) - 1;
  const auto send = [&](fabric::Shape shape, topology::Direction d, Cycles head) {
    burst.shape = shape;
    for (Bytes left = g.bytes; left > 0; left -= burst.bytes) {
      burst.bytes = static_cast<std::uint32_t>(std::min(left, context_->settings.burst_bytes));
      burst.last = last && left == burst.bytes;
      leave(d, line.lane, burst, head);
      head += network_.flits(burst.bytes);
    }
  };
  if (g.low_head != kNever) {
    send(line.horizontal ? fabric::Shape::kRowWest : fabric::Shape::kColumnNorth,
         line.horizontal ? topology::Direction::kWest : topology::Direction::kNorth, g.low_head);
  }
  if (g.high_head != kNever) {
    send(line.horizontal ? fabric::Shape::kRowEast : fabric::Shape::kColumnSouth,
         line.horizontal ? topology::Direction::kEast : topology::Direction::kSouth, g.high_head);
  }
}

/// When the first sender of a line's next gather has what it passes on.
Cycles DieShard::first_ready(const KernelRun& run, std::uint32_t index) const {
  const RankDie& place = rank_dies_[run.rank_die];
  const workload::SliceShape& shape = *place.slice->shape;
  const workload::SliceShape::Line& line = shape.lines[shape.line_begin[place.slice_die] + index];
  const workload::Gather& gather = run.kernel->gathers[run.lines[index].cursor];
  if (gather.stage == 1) return 0;
  Cycles first = kNever;
  for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
    const std::uint32_t node = shape.line_nodes[line.nodes_begin + run.kernel->pieces[i].place];
    first = std::min(first, run.slot(node - place.first_node, 0).ready);
  }
  return first;
}

void DieShard::operand_arrived(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles ready, Cycles now) {
  KernelRun::Slot& at = run.slot(node, slot);
  DOJO_CHECK(at.need > 0, "die {}: task {} node {} got more operands for step {} than it needs", die_, run.task, node,
             slot);
  at.ready = std::max(at.ready, ready);
  run.net_until = std::max(run.net_until, ready);
  if (--run.arrivals_left == 0 && run.started) wheel_.add(run.net_until, kKernelQuiet, run.rank_die);
  if (--at.need == 0) arrived(run, node, slot, now);
}

/// The same for all nodes of a line but the one that sent alone.
void DieShard::line_arrived(KernelRun& run, const workload::SliceShape::Line& line, std::uint32_t slot,
                            std::uint32_t sender, Cycles now) {
  const RankDie& place = rank_dies_[run.rank_die];
  const std::uint32_t* const nodes = &place.slice->shape->line_nodes[line.nodes_begin];
  const auto count = static_cast<std::uint32_t>(gather_nodes_.size());
  KernelRun::Slot* const slots = &run.slot(0, slot);
  Cycles latest = run.net_until;
  std::uint32_t last = kNone;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i == sender) continue;
    last = i;
    KernelRun::Slot& at = slots[nodes[i] - place.first_node];
    DOJO_CHECK(at.need > 0, "die {}: task {} node {} got more operands for step {} than it needs", die_, run.task,
               nodes[i] - place.first_node, slot);
    at.ready = std::max(at.ready, gather_nodes_[i].done);
    latest = std::max(latest, gather_nodes_[i].done);
    --at.need;
    --run.arrivals_left;
  }
  run.net_until = latest;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i == sender) continue;
    if (i == last && run.arrivals_left == 0 && run.started) wheel_.add(latest, kKernelQuiet, run.rank_die);
    const std::uint32_t node = nodes[i] - place.first_node;
    if (slots[node].need == 0) arrived(run, node, slot, now);
  }
}

/// All operands of a slot are known to come.
void DieShard::arrived(KernelRun& run, std::uint32_t node, std::uint32_t slot, Cycles now) {
  if (slot == 0) {
    const RankDie& place = rank_dies_[run.rank_die];
    const workload::SliceShape& shape = *place.slice->shape;
    const workload::SliceShape::Node& here = shape.nodes[place.first_node + node];
    for (const std::uint32_t line : {here.row_line, here.column_line}) {
      const std::uint32_t index = line - shape.line_begin[place.slice_die];
      KernelRun::LineState& state = run.lines[index];
      if (flits_) {  // each node passes on what it has; see post_line
        if (run.started && state.cursor != run.kernel->gather_begin[line + 1])
          wheel_.add(std::max(now, run.slot(node, slot).ready), kGather, run.index, index);
        continue;
      }
      if (--state.open != 0 || !run.started || state.pending || state.cursor == run.kernel->gather_begin[line + 1])
        continue;
      state.pending = true;  // in an event of its own: another line may be at work now
      wheel_.add(std::max(now, first_ready(run, index)), kGather, run.index, index);
    }
  }
  if (run.started) advance_node(run, node);
}

/// Plans all steps of a node whose operands are known to be there by some time.
void DieShard::advance_node(KernelRun& run, std::uint32_t node) {
  KernelRun::NodeState& state = run.node(node);
  const Kernel& kernel = *run.kernel;
  const RankDie& place = rank_dies_[run.rank_die];
  const std::uint32_t slice_node = place.first_node + node;
  const std::uint32_t* const cycles = &kernel.cycles[static_cast<std::size_t>(slice_node) * kernel.steps];
  if (state.step == kernel.steps) return;
  while (state.step < kernel.steps) {
    Cycles begin = std::max(run.start, state.free);
    if (run.slots > 0) {
      const KernelRun::Slot& first = run.slot(node, 0);
      const KernelRun::Slot& slot = run.slot(node, state.step + 1);
      if (first.need != 0 || slot.need != 0) break;
      begin = std::max({begin, first.ready, slot.ready});
    }
    const Cycles end = begin + cycles[state.step];
    if (state.spans > 0 && state.free == begin) {  // where the last span ends
      run.span(node, state.spans - 1).end = end;
    } else {
      run.span(node, state.spans++) = {begin, end};
    }
    state.free = end;
    step_completed(run, state.step, end);
    ++state.step;
  }
  if (state.step == kernel.steps) node_done(run, state.free);
}

void DieShard::step_completed(KernelRun& run, std::uint32_t step, Cycles end) {
  run.steps_end[step] = std::max(run.steps_end[step], end);
  if (++run.steps_done[step] == run.node_count && step + 3 <= run.kernel->steps && !run.lines.empty()) {
    wheel_.add(run.steps_end[step], kStepDone, run.index, step + 3);
  }
}

void DieShard::node_done(KernelRun& run, Cycles end) {
  run.finish = std::max(run.finish, end);
  ++run.done_nodes;
  end_if_complete(run, now_);
}

/// A kernel lasts until all nodes have computed and all they had to send is on its way.
void DieShard::end_if_complete(KernelRun& run, Cycles now) {
  if (run.done_nodes < run.node_count || run.gathers_left > 0 || run.ending) return;
  run.ending = true;
  wheel_.add(std::max(now, run.finish), kKernelDone, run.index);
}

void DieShard::kernel_done(std::uint32_t index, Cycles now) {
  KernelRun& run = *kernels_[index];
  run.in_use = false;
  const std::uint32_t rank_die = run.rank_die;
  const std::uint32_t task = run.task;
  RankDie& place = rank_dies_[rank_die];
  const workload::Task& what = place.program->tasks[task];
  const std::vector<std::int64_t>& of_node = run.kernel->matrix_flops;
  if (!of_node.empty()) {
    const auto first = of_node.begin() + place.first_node;
    const std::int64_t flops = std::accumulate(first, first + place.node_count, std::int64_t{0});
    if (run.recompute) {
      sums_->flops_recomputed += flops;
    } else {
      sums_->flops_by[static_cast<std::size_t>(run.kernel->timed_by)] += flops;
      sums_->op(place.program->graph, what.op).flops += flops;
    }
  }
  ++place.kernels_done[what.index * 2 + (run.recompute ? 1 : 0)];
  const Cycles join = place.shape->barrier_cycles[place.slice_die];
  task_done_on_die(rank_die, task, now + join);
}

}  // namespace dojo::machine
