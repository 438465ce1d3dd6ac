// SPDX-License-Identifier: Apache-2.0
#include "machine/die/piece_gathers.h"

#include <algorithm>

namespace dojo::machine {

using workload::SliceShape;

void PieceGathers::send_unicasts(KernelRun& run, Cycles now) {
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
    port_.post(shape.nodes[message.source].site, burst, message.bytes, now, run.queue);
  }
}

void PieceGathers::advance(KernelRun& run, std::uint32_t index, Cycles now) {
  if (!run.in_use || !run.started || index >= run.lines.size()) return;
  const RankDie& place = kernels_.place(run);
  KernelRun::LineState& state = run.lines[index];
  const std::uint32_t end = run.kernel->gather_begin[place.slice->shape->line_begin[place.slice_die] + index + 1];
  for (; state.cursor < end; ++state.cursor, --run.gathers_left) {
    const workload::Gather& gather = run.kernel->gathers[state.cursor];
    if (gather.slot > run.allowed_slot || !post_pieces(run, kernels_.line(run, index), gather, now)) return;
  }
  kernels_.end_if_complete(run, now);
}

/// Those whose senders have them. Returns whether all of the gather have been posted.
bool PieceGathers::post_pieces(KernelRun& run, const SliceShape::Line& line, const workload::Gather& gather,
                               Cycles now) {
  const RankDie& place = kernels_.place(run);
  bool all = true;
  for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
    if (run.posted[i] != 0) continue;
    const workload::Piece& piece = run.kernel->pieces[i];
    if (gather.stage == 2) {
      const std::uint32_t node = place.slice->shape->line_nodes[line.nodes_begin + piece.holder] - place.first_node;
      const KernelRun::Slot& slot = run.slot(node, 0);
      if (slot.need != 0 || slot.ready > now) {
        all = false;
        continue;
      }
    }
    run.posted[i] = 1;
    if (piece.bytes > 0) post_piece(run, line, piece, gather.slot, now);
  }
  return all;
}

void PieceGathers::post_piece(const KernelRun& run, const SliceShape::Line& line, const workload::Piece& piece,
                              std::uint32_t slot, Cycles now) {
  const RankDie& place = kernels_.place(run);
  const SliceShape& shape = *place.slice->shape;
  const fabric::DieNetwork& network = port_.network();
  const std::int32_t first = line.horizontal ? network.first_column() : network.first_row();
  const fabric::Reach reach = reach_of(*place.slice, line.horizontal, run.kernel->part);
  fabric::Burst burst;
  burst.purpose = fabric::Purpose::kOperand;
  burst.payload = Operand{place.rank, run.task, slot}.pack();
  burst.shape = line.horizontal ? fabric::Shape::kRow : fabric::Shape::kColumn;
  burst.reach.low = line.goes_on_low ? reach.low : first + shape.line_offsets[line.nodes_begin];
  burst.reach.high = line.goes_on_high ? reach.high : first + shape.line_offsets[line.nodes_end - 1];
  const SiteIndex site = shape.nodes[shape.line_nodes[line.nodes_begin + piece.holder]].site;
  port_.post(site, burst, piece.bytes, now, run.queue);
}

void PieceGathers::first_slot_known(KernelRun& run, std::uint32_t node, Cycles now) {
  if (!run.started) return;
  const RankDie& place = kernels_.place(run);
  const SliceShape& shape = *place.slice->shape;
  const SliceShape::Node& here = shape.nodes[place.first_node + node];
  for (const std::uint32_t line : {here.row_line, here.column_line}) {
    const std::uint32_t index = line - shape.line_begin[place.slice_die];
    if (run.lines[index].cursor == run.kernel->gather_begin[line + 1]) continue;
    kernels_.advance_later(run, index, std::max(now, run.slot(node, 0).ready));
  }
}

}  // namespace dojo::machine
