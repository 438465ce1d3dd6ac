// SPDX-License-Identifier: Apache-2.0
// The rounds of a gather: a piece longer than a burst goes burst by burst, all pieces side by side. Used by what times
// gathers and by what counts them.
#pragma once
#include <algorithm>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/workload/program.h"

namespace dojo::machine {

/// The nodes of a line, without pieces, ready at `now`.
inline void line_nodes(const workload::SliceShape& shape, const workload::SliceShape::Line& line, Cycles now,
                       std::vector<fabric::GatherNode>& nodes) {
  nodes.clear();
  for (std::uint32_t i = line.nodes_begin; i < line.nodes_end; ++i) nodes.push_back({shape.line_offsets[i], 0, now, 0});
}

/// What of each piece goes in the round after `sent` bytes. Returns whether another round follows.
inline bool fill_round(const workload::Kernel& kernel, const workload::Gather& gather, Bytes sent, Bytes burst_bytes,
                       std::vector<fabric::GatherNode>& nodes) {
  bool more = false;
  for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) {
    const workload::Piece& piece = kernel.pieces[i];
    const Bytes left = piece.bytes - sent;
    if (left <= 0) continue;
    nodes[piece.holder].piece_bytes = static_cast<std::uint32_t>(std::min(left, burst_bytes));
    more = more || left > burst_bytes;
  }
  return more;
}

/// The gather of a line as the network takes it.
inline fabric::Gathering gathering(const workload::SliceShape::Line& line, std::vector<fabric::GatherNode>& nodes) {
  fabric::Gathering g;
  g.horizontal = line.horizontal;
  g.leaves_low = line.goes_on_low;
  g.leaves_high = line.goes_on_high;
  g.lane = line.lane;
  g.nodes = nodes.data();
  g.count = static_cast<std::uint32_t>(nodes.size());
  return g;
}

}  // namespace dojo::machine
