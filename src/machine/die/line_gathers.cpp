// SPDX-License-Identifier: Apache-2.0
#include "machine/die/line_gathers.h"

#include <algorithm>

namespace dojo::machine {

using topology::Direction;
using workload::SliceShape;

void LineGathers::send_unicasts(KernelRun& run, Cycles now) {
  const RankDie& place = kernels_.place(run);
  const SliceShape& shape = *place.slice->shape;
  const workload::Kernel& kernel = *run.kernel;
  fabric::Burst burst;
  burst.purpose = fabric::Purpose::kOperand;
  for (std::uint32_t i = kernel.unicast_begin[place.slice_die]; i < kernel.unicast_begin[place.slice_die + 1]; ++i) {
    const workload::Unicast& message = kernel.unicasts[i];
    const SliceShape::Node& there = shape.nodes[message.destination];
    burst.payload = Operand{place.rank, run.task, message.slot}.pack();
    burst.row = place.slice->first_site_row + there.row;
    burst.column = place.slice->first_site_column + there.column;
    const SiteIndex source = shape.nodes[message.source].site;
    if (there.die == place.slice_die) {
      port_.post_in_turn(source, burst, message.bytes, now);
    } else {
      port_.post(source, burst, message.bytes, now, run.queue);
    }
  }
}

LineGathers::Turn LineGathers::turn(KernelRun& run, std::uint32_t index, Cycles now) const {
  const RankDie& place = kernels_.place(run);
  const SliceShape& shape = *place.slice->shape;
  const std::uint32_t end = run.kernel->gather_begin[shape.line_begin[place.slice_die] + index + 1];
  const SliceShape::Line line = kernels_.line(run, index);
  const bool alone = shape.die_count() == 1;
  return {run, place, index, line, now, end, alone, alone && is_crossed(run, line.horizontal)};
}

/// As far as the line's turn has come; later rounds in events of their own, so that other traffic can pass in between.
void LineGathers::advance(KernelRun& run, std::uint32_t index, Cycles now) {
  KernelRun::LineState& state = run.lines[index];
  if (!run.started || state.pending) return;
  const Turn turn = this->turn(run, index, now);
  const Cycles horizon = now + train(turn).least;
  while (state.cursor < turn.end) {
    choose(turn);
    if (state.side_by_side == 0) return;
    if (const Cycles first = state.sent == 0 && turn.alone ? first_free(turn) : now; first > now) {
      state.pending = true;
      kernels_.advance_later(run, index, first);
      return;
    }
    const int full = turn.place.is_broken(index) ? topology::kDirections : full_edge(turn.line);
    if (full < topology::kDirections) {
      state.pending = true;
      port_.park(static_cast<Direction>(full), {run.index, index});
      return;
    }
    const Cycles next = send_round(turn);
    if (state.cursor < turn.end && next > horizon) {
      state.pending = true;
      kernels_.advance_later(run, index, next);
      return;
    }
  }
}

/// The gathers that may go now share the line with those under way. A broken line's go one after another.
void LineGathers::choose(const Turn& turn) const {
  KernelRun::LineState& state = turn.state();
  const workload::Gather* const gathers = turn.gathers();
  const std::uint32_t most =
      std::min(turn.end - state.cursor, turn.place.is_broken(turn.index) ? 1 : GatherRounds::kMost);
  const bool passes_on = state.open == 0;  // all nodes of the line know what they pass on
  std::uint32_t& count = state.side_by_side;
  const auto sent = static_cast<std::uint32_t>(port_.network().flit_size().whole(state.sent));
  while (count < most && gathers[count].slot <= turn.run.allowed_slot && (gathers[count].stage == 1 || passes_on)) {
    state.joined[count++] = sent;
  }
}

/// Columns (rows) still have something to send that may go.
bool LineGathers::is_crossed(const KernelRun& run, bool horizontal) {
  const auto begin = run.next_slots.begin() + (horizontal ? run.rows : 0);
  const auto end = horizontal ? run.next_slots.end() : run.next_slots.begin() + run.rows;
  return std::any_of(begin, end, [&](std::uint32_t slot) { return slot <= run.allowed_slot; });
}

/// How long the line's next train may be. What others send meanwhile finds its place between trains.
TrainLength LineGathers::train(const Turn& turn) const {
  if (!turn.alone) return trains_.of(turn.line);
  if (turn.crossed) return trains_.crossed();
  const KernelRun::LineState& state = turn.state();
  return state.cursor + state.side_by_side < turn.end ? trains_.followed() : trains_.of(turn.line);
}

/// When the first sender of a line's next gathers has sent what it sends to its other line.
Cycles LineGathers::first_free(const Turn& turn) {
  const KernelRun& run = turn.run;
  const std::uint32_t* const nodes = &turn.place.slice->shape->line_nodes[turn.line.nodes_begin];
  const std::size_t other = turn.line.horizontal ? 0 : 1;
  Cycles first = kNever;
  for (std::uint32_t k = 0; k < turn.state().side_by_side; ++k) {
    const workload::Gather& gather = turn.gathers()[k];
    for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
      const std::uint32_t node = nodes[run.kernel->pieces[i].holder];
      first = std::min(first, run.sends_end[node - turn.place.first_node][other]);
    }
  }
  return first == kNever ? 0 : first;
}

/// After a train of the line: when each node will have sent its pieces. Those of lines that cross wait for that.
void LineGathers::foresee_sends(const Turn& turn, const fabric::Gathering& g, Scratch& scratch) {
  const KernelRun::LineState& state = turn.state();
  const GatherRounds& round = scratch.round;
  const fabric::FlitSize flit = port_.network().flit_size();
  const Bytes joined = Bytes{state.joined[state.side_by_side - 1]} * flit.bytes();
  scratch.senders.clear();
  for (std::size_t i = 0; i < scratch.nodes.size(); ++i) {
    const Bytes all = round.queued(i) - joined;
    if (all <= 0) continue;
    scratch.senders.push_back({flit.whole(all), flit.whole(std::min(all, state.sent - joined)),
                               flit.whole(std::min(all, round.upto() - joined))});
  }
  foresee_ends(scratch.senders, g.first_start, g.links_free);
  const std::uint32_t* const nodes = &turn.place.slice->shape->line_nodes[turn.line.nodes_begin];
  auto sender = scratch.senders.begin();
  for (std::size_t i = 0; i < scratch.nodes.size(); ++i) {
    if (round.queued(i) <= joined) continue;
    const Cycles end = (sender++)->end;
    if (end != LineSender::kUnknown)
      turn.run.sends_end[nodes[i] - turn.place.first_node][turn.line.horizontal ? 1 : 0] = end;
  }
}

void LineGathers::go_on(const ParkedLine& parked, Cycles now) {
  KernelRun& run = kernels_.run(parked.run);
  run.lines[parked.line].pending = false;
  advance(run, parked.line, now);
}

/// A full edge by which the line's multicasts would leave; kDirections: none.
int LineGathers::full_edge(const SliceShape::Line& line) const {
  const Direction low = line.horizontal ? Direction::kWest : Direction::kNorth;
  const Direction high = line.horizontal ? Direction::kEast : Direction::kSouth;
  if (line.goes_on_low && port_.is_full(low)) return static_cast<int>(low);
  return line.goes_on_high && port_.is_full(high) ? static_cast<int>(high) : topology::kDirections;
}

/// A train of the line. Returns when the line's links will be nearly free again.
Cycles LineGathers::send_round(const Turn& turn) {
  const KernelRun::LineState& state = turn.state();
  const workload::Gather* const gathers = turn.gathers();
  static thread_local Scratch of_thread;
  Scratch& scratch = of_thread;
  const GatherRounds& round = scratch.round;
  fill_nodes(turn, scratch);
  fabric::Gathering g = gathering(turn.line, scratch.nodes);
  if (turn.place.is_broken(turn.index)) {
    gather_in_parts(turn.line, g, turn.now);
    if (!round.more()) send_to_other_dies(turn.run, turn.line, gathers[0], g.last_tail);
  } else {
    g.in_turns = turn.alone;
    port_.gather(g);
    if (turn.crossed) foresee_sends(turn, g, scratch);
    g.bytes = 0;
    for (std::uint32_t k = 0; k < state.side_by_side; ++k) g.bytes += round.moved(k);
    moment_.sums->add_gather(g);
    for (std::uint32_t k = 0; k < state.side_by_side; ++k) {
      g.bytes = round.moved(k);
      const Flits behind = port_.network().flits(g.bytes);
      if (g.bytes == 0) continue;
      pass_on(turn.run, turn.line, g, gathers[k].slot, round.is_complete(k));
      if (g.low_head != kNever) g.low_head += behind;
      if (g.high_head != kNever) g.high_head += behind;
    }
  }
  const Cycles next = std::max(turn.now + 1, g.links_free - g.count * port_.network().hop_cycles());
  end_round(turn, scratch);
  return next;
}

/// What each node of the line sends in the next round, and from when on.
void LineGathers::fill_nodes(const Turn& turn, Scratch& scratch) {
  KernelRun& run = turn.run;
  const SliceShape& shape = *turn.place.slice->shape;
  const KernelRun::LineState& state = turn.state();
  const std::uint32_t* const nodes = &shape.line_nodes[turn.line.nodes_begin];
  KernelRun::Slot* const slots = &run.slot(0, turn.gathers()->slot);
  GatherRounds& round = scratch.round;
  line_nodes(shape, turn.line, turn.now, scratch.nodes);
  for (std::size_t i = 0; i < scratch.nodes.size(); ++i) {
    const std::uint32_t node = nodes[i] - turn.place.first_node;
    __builtin_prefetch(&run.nodes[node], 1);
    __builtin_prefetch(&slots[node], 1);
  }
  round.fill(*run.kernel, state.cursor, state.side_by_side, state.joined, state.sent, train(turn),
             port_.network().flit_size(), scratch.nodes);
  for (const std::uint16_t holder : round.passes_on())
    scratch.nodes[holder].ready = std::max(turn.now, run.slot(nodes[holder] - turn.place.first_node, 0).ready);
}

/// Gathers of which all is on its way now have arrived when the round has.
void LineGathers::end_round(const Turn& turn, Scratch& scratch) {
  KernelRun& run = turn.run;
  KernelRun::LineState& state = turn.state();
  const workload::Gather* const gathers = turn.gathers();
  const std::uint32_t count = state.side_by_side;
  const GatherRounds& round = scratch.round;
  std::uint32_t over = 0;
  for (std::uint32_t k = 0; k < count; ++k) {
    if (round.is_complete(k) && (state.complete >> k & 1u) == 0) over |= 1u << k;
  }
  state.complete |= over;
  state.sent = round.upto();
  if (!round.more()) {
    state.cursor += count;
    state.side_by_side = state.complete = 0;
    state.sent = 0;
    run.next_slots[turn.index] = state.cursor == turn.end ? kNone : run.kernel->gathers[state.cursor].slot;
  }
  if (over == 0) return;
  for (fabric::GatherNode& node : scratch.nodes) node.done = std::max(node.done, turn.now);  // if nothing came just now
  for (std::uint32_t k = 0; k < count; ++k) {
    if ((over >> k & 1u) == 0) continue;
    --run.gathers_left;
    const bool alone = gathers[k].pieces_end - gathers[k].pieces_begin == 1;
    const std::uint32_t sender = alone ? run.kernel->pieces[gathers[k].pieces_begin].holder : kNone;
    kernels_.line_arrives(run, turn.line, gathers[k].slot, sender, scratch.nodes, turn.now);
  }
  kernels_.end_if_complete(run, turn.now);
}

/// What was gathered goes on along the row or column to the slice's next dies.
void LineGathers::pass_on(const KernelRun& run, const SliceShape::Line& line, const fabric::Gathering& g,
                          std::uint32_t slot, bool last) {
  if (g.low_head == kNever && g.high_head == kNever) return;
  const RankDie& place = kernels_.place(run);
  fabric::Burst burst;
  burst.created = g.first_start;
  burst.purpose = fabric::Purpose::kOperand;
  burst.payload = Operand{place.rank, run.task, slot}.pack();
  burst.reach = reach_of(*place.slice, line.horizontal, run.kernel->part);
  const auto send = [&](fabric::Shape shape, Direction d, Cycles head) {
    burst.shape = shape;
    const Bytes most = trains_.over_dies * port_.network().link_bytes();
    for (Bytes left = g.bytes; left > 0; left -= burst.bytes) {
      burst.bytes = static_cast<std::uint32_t>(std::min(left, most));
      burst.last = last && left == burst.bytes;
      port_.pass_on(d, line.lane, burst, head);
      head += port_.network().flits(burst.bytes);
    }
  };
  if (g.low_head != kNever) {
    send(line.horizontal ? fabric::Shape::kRowWest : fabric::Shape::kColumnNorth,
         line.horizontal ? Direction::kWest : Direction::kNorth, g.low_head);
  }
  if (g.high_head != kNever) {
    send(line.horizontal ? fabric::Shape::kRowEast : fabric::Shape::kColumnSouth,
         line.horizontal ? Direction::kEast : Direction::kSouth, g.high_head);
  }
}

/// When the first sender of a line's next gather has what it passes on.
Cycles LineGathers::first_ready(const KernelRun& run, std::uint32_t index) const {
  const workload::Gather& gather = run.kernel->gathers[run.lines[index].cursor];
  if (gather.stage == 1) return 0;
  const RankDie& place = kernels_.place(run);
  const SliceShape::Line line = kernels_.line(run, index);
  Cycles first = kNever;
  for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
    const std::uint32_t node = place.slice->shape->line_nodes[line.nodes_begin + run.kernel->pieces[i].holder];
    first = std::min(first, run.slot(node - place.first_node, 0).ready);
  }
  return first;
}

/// A line's second stage goes when all of its nodes know what they pass on.
void LineGathers::first_slot_known(KernelRun& run, std::uint32_t node, Cycles now) {
  const RankDie& place = kernels_.place(run);
  const SliceShape& shape = *place.slice->shape;
  const SliceShape::Node& here = shape.nodes[place.first_node + node];
  for (const std::uint32_t line : {here.row_line, here.column_line}) {
    const std::uint32_t index = line - shape.line_begin[place.slice_die];
    KernelRun::LineState& state = run.lines[index];
    if (--state.open != 0 || !run.started || state.pending || state.cursor == run.kernel->gather_begin[line + 1])
      continue;
    state.pending = true;  // in an event of its own: another line may be at work now
    kernels_.advance_later(run, index, std::max(now, first_ready(run, index)));
  }
}

}  // namespace dojo::machine
