// SPDX-License-Identifier: Apache-2.0
// One die when the network is simulated cycle by cycle: messages go into the reference model's die, and what it
// delivers is taken as from the fast one. No time of the fast model is used.
#include <algorithm>
#include <cmath>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die_shard.h"
#include "machine/impl.h"

namespace dojo::machine {

using fabric::Burst;
using fabric::Shape;
using topology::Direction;
using workload::Kernel;

/// The die's own events of a cycle come before its flits: what is sent at a cycle may go in it.
void DieShard::run_flits(Cycles window_end) {
  engine::Event event;
  for (;;) {
    const Cycles cycle = flits_->next_cycle();
    if (wheel_.take(cycle < window_end ? cycle + 1 : window_end, event)) {
      dispatch(event);
      continue;
    }
    if (cycle >= window_end) break;
    now_ = cycle;
    flits_->cycle(cycle);
    DieSink sink{*this};
    flits_->deliver([&](const reference::Delivery& flit) {
      sums_->packets.add(flit.latency(), 1);
      if (!flit.last) return;
      const Burst burst = flits_->burst(flit.message);  // a copy: what is sent now may move the table of messages
      network_.use(flit.site).bytes_ejected += burst.bytes;
      if (burst.shape != Shape::kUnicast) sums_->bytes_to_eject += burst.bytes;
      if (burst.last) received(sink, flit.site, burst, flit.time);
    });
  }
  post_leaving();
}

void DieShard::read_flits(Direction side, bool dip, std::size_t mailbox, int half) {
  if (!dip) return flits_->take(side, context_->flit_mail[mailbox][static_cast<std::size_t>(half)]);
  fabric::Mailbox& mail = context_->mail[mailbox];
  for (const fabric::Crossing& crossing : mail.crossings[half]) flits_->take(side, crossing);
  mail.crossings[half].clear();
  mail.credits[half].clear();  // a DIP takes everything as it comes: the die counts on that
}

void DieShard::post_leaving() {
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    const ShardId neighbour = neighbours_[static_cast<std::size_t>(i)];
    if (neighbour == kNone) continue;
    const std::size_t mailbox = context_->mailbox_of_die(die_, d);
    reference::Leaves& leaves = flits_->leaving(d);
    for (const fabric::Crossing& crossing : leaves.to_dip) context_->post(mailbox, neighbour, crossing, *sums_);
    for (const fabric::Credit& credit : leaves.dip_credits) context_->post(mailbox, neighbour, credit, *sums_);
    leaves.to_dip.clear();
    leaves.dip_credits.clear();
    if (leaves.mail.empty()) continue;
    Cycles first = kNever;
    for (const auto* items : {&leaves.mail.flits, &leaves.mail.credits}) {
      if (!items->empty()) first = std::min(first, items->front().time);
    }
    reference::EdgeMail& to = context_->flits_to(mailbox, neighbour, first, *sums_);
    DOJO_CHECK(to.empty(), "die {}: flits of an earlier window were not read", die_);
    std::swap(to, leaves.mail);
  }
}

void DieShard::post_flits(SiteIndex site, const Burst& burst, Bytes bytes, Cycles now) {
  network_.use(site).bytes_injected += static_cast<std::uint64_t>(bytes);
  sums_->bytes_to_eject += static_cast<std::uint64_t>(bytes);
  flits_->post(site, burst, bytes, now);
}

/// Sends the pieces of a line's gathers whose turn has come. Each node of a second stage sends when it has itself what
/// it passes on.
void DieShard::post_line(KernelRun& run, std::uint32_t index, Cycles now) {
  if (!run.in_use || !run.started || index >= run.lines.size()) return;
  const RankDie& place = rank_dies_[run.rank_die];
  const workload::SliceShape& shape = *place.slice->shape;
  const std::uint32_t line_index = shape.line_begin[place.slice_die] + index;
  const workload::SliceShape::Line& line = shape.lines[line_index];
  KernelRun::LineState& state = run.lines[index];
  const std::uint32_t end = run.kernel->gather_begin[line_index + 1];
  for (; state.cursor < end; ++state.cursor, --run.gathers_left) {
    const workload::Gather& gather = run.kernel->gathers[state.cursor];
    if (gather.slot > run.allowed_slot) return;
    bool all = true;
    for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
      if (run.posted[i] != 0) continue;
      const workload::Piece& piece = run.kernel->pieces[i];
      if (gather.stage == 2) {
        const std::uint32_t node = shape.line_nodes[line.nodes_begin + piece.place] - place.first_node;
        if (run.slot(node, 0).need != 0 || run.slot(node, 0).ready > now) {
          all = false;
          continue;
        }
      }
      run.posted[i] = 1;
      if (piece.bytes > 0) post_piece(run, line, piece, gather.slot, now);
    }
    if (!all) return;
  }
  end_if_complete(run, now);
}

void DieShard::post_piece(const KernelRun& run, const workload::SliceShape::Line& line, const workload::Piece& piece,
                          std::uint32_t slot, Cycles now) {
  const RankDie& place = rank_dies_[run.rank_die];
  const workload::SliceShape& shape = *place.slice->shape;
  const std::int32_t first = line.horizontal ? network_.first_column() : network_.first_row();
  const std::int32_t slice_first = line.horizontal ? place.slice->first_site_column : place.slice->first_site_row;
  Burst burst;
  burst.subject = place.rank;
  burst.item = run.task;
  burst.lane = static_cast<std::uint16_t>(slot);
  burst.purpose = fabric::Purpose::kOperand;
  burst.shape = line.horizontal ? Shape::kRow : Shape::kColumn;
  burst.low = line.goes_on_low ? slice_first : first + shape.line_positions[line.nodes_begin];
  burst.high = line.goes_on_high ? slice_first + (line.horizontal ? shape.columns : shape.rows) - 1
                                 : first + shape.line_positions[line.nodes_end - 1];
  const SiteIndex site = shape.nodes[shape.line_nodes[line.nodes_begin + piece.place]].site;
  network_.use(site).bytes_injected += piece.bytes;
  flits_->post(site, burst, piece.bytes, now);
}

LinkCounters DieShard::edge_counters(Direction d) const {
  if (!flits_) return link_counters(edges_[static_cast<std::size_t>(d)].serialiser());
  const topology::MachineParams& params = context_->topology.params();
  const reference::LinkCount count = flits_->edge(d);
  const std::uint64_t bytes = count.flits * static_cast<std::uint64_t>(network_.link_bytes());
  const Int128 units = static_cast<Int128>(bytes) * kBusyUnitsPerCycle * std::llround(params.clock_hz * 2) /
                       std::llround(context_->topology.edge(die_, d).bytes_per_s * 2);
  return {bytes, static_cast<std::uint64_t>(units), count.wait_cycles, count.flits};
}

/// What the routers counted, where everybody looks for it.
void DieShard::settle_links() {
  for (int i = 0; i < topology::kDirections; ++i) {
    const auto d = static_cast<Direction>(i);
    for (std::size_t site = 0; site < sites_.size(); ++site) {
      const auto index = static_cast<SiteIndex>(site);
      const reference::LinkCount count = flits_->link(index, d);
      fabric::LinkUse& link = network_.use(index, d);
      link.busy_cycles = link.bursts = count.flits;
      link.queue_cycles = count.wait_cycles;
    }
  }
}

}  // namespace dojo::machine
