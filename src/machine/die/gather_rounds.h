// SPDX-License-Identifier: Apache-2.0
// The rounds in which the gathers of a line go, a train at a time. Used by what times gathers and by what counts them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/workload/program.h"
#include "machine/die/kernel_run.h"

namespace dojo::machine {

/// The nodes of a line, without pieces, ready at `now`.
inline void line_nodes(const workload::SliceShape& shape, const workload::SliceShape::Line& line, Cycles now,
                       std::vector<fabric::GatherNode>& nodes) {
  nodes.resize(line.nodes_end - line.nodes_begin);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    fabric::GatherNode& node = nodes[i];  // by its fields: the host reads a whole object late that was written in parts
    node.offset = shape.line_offsets[line.nodes_begin + i];
    node.piece_bytes = 0;
    node.ready = now;
    node.done = 0;
  }
}

/// How long a train may be, in flits of all its senders together: an eighth of what they send, within these.
struct TrainLength {
  Flits least, most;
  [[nodiscard]] Flits of(Flits all) const { return std::clamp(all / 8, least, most); }
};
/// The trains of a line. What goes on to other dies shares edges and rows with much else; what stays meets the gathers
/// that cross it alone. Of a slice on one die trains are shorter where later gathers of the line may come to share it,
/// and where lines that cross it have something to send: a node's pieces for its row and for its column take turns at
/// the write ports, and a column slows a row down from when the first of its nodes has sent what it has for its row.
/// With 32 flits wherever lines cross, the median error of kernels on a die is 1.0 instead of 1.5 %, with 1.6 times the
/// events of a tile's training step.
struct GatherTrains {
  Flits on_die = 512, over_dies = 64;
  static constexpr Flits kLeastOfASender = 2;
  [[nodiscard]] TrainLength of(const workload::SliceShape::Line& line) const {
    const Flits length = line.goes_on_low || line.goes_on_high ? over_dies : on_die;
    return {length, length};
  }
  [[nodiscard]] TrainLength followed() const { return {on_die / 4, on_die}; }
  [[nodiscard]] TrainLength crossed() const { return {on_die / 8, on_die}; }
};

/// Gathers of a line that go side by side: each node sends its pieces of them one after another, a train at a time.
class GatherRounds {
 public:
  static constexpr std::uint32_t kMost = KernelRun::kMostSideBySide;
  using Joined = std::array<std::uint32_t, kMost>;

  /// Fills the pieces of `nodes` with what goes in the round after the first `sent` bytes of each node, of gathers
  /// [first, first + count), with trains of `length`, in flits of `flit`. `joined` as in
  /// KernelRun::LineState. Requires count <= kMost.
  void fill(const workload::Kernel& kernel, std::uint32_t first, std::uint32_t count, const Joined& joined, Bytes sent,
            TrainLength length, fabric::FlitSize flit, std::vector<fabric::GatherNode>& nodes) {
    begins_.clear();
    queued_.assign(nodes.size(), 0);
    Flits senders = 0;
    Bytes all_senders = 0;
    for_pieces(kernel, first, count, [&](std::uint32_t k, const workload::Piece& piece) {
      Bytes& queued = queued_[piece.holder];
      const Bytes begin = std::max(queued, Bytes{joined[k]} * flit.bytes());
      const Bytes end = begin + flit.padded(piece.bytes);
      senders += queued <= sent && end > sent ? 1 : 0;
      all_senders += end - queued;
      queued = end;
      begins_.push_back(begin);
    });
    const Flits train = length.of(flit.whole(all_senders));
    upto_ = senders == 0 ? sent : sent + flit.bytes() * std::max(GatherTrains::kLeastOfASender, train / senders);
    std::fill_n(moved_.begin(), count, Bytes{0});
    unfinished_ = 0;
    passes_on_.clear();
    std::size_t next = 0;
    for_pieces(kernel, first, count, [&](std::uint32_t k, const workload::Piece& piece) {
      const Bytes begin = begins_[next++], end = begin + flit.padded(piece.bytes);
      if (end <= sent) return;
      if (end > upto_) unfinished_ |= 1u << k;
      const Bytes from = std::max(begin, sent), to = std::min(upto_, begin + Bytes{piece.bytes});
      if (from >= to) return;
      std::uint32_t& bytes = nodes[piece.holder].piece_bytes;
      if (bytes != 0) bytes = static_cast<std::uint32_t>(flit.padded(bytes));  // pieces share no packet
      bytes += static_cast<std::uint32_t>(to - from);
      moved_[k] += to - from;
      if (kernel.gathers[first + k].stage == 2) passes_on_.push_back(piece.holder);
    });
  }
  /// Where the last byte of a node stands among those that it sends in these gathers.
  [[nodiscard]] Bytes queued(std::size_t node) const { return queued_[node]; }
  [[nodiscard]] Bytes upto() const { return upto_; }  ///< what has been sent then
  [[nodiscard]] Bytes moved(std::uint32_t gather) const { return moved_[gather]; }
  /// The nodes that send what they pass on, so not before they have that; some of them several times.
  [[nodiscard]] const std::vector<std::uint16_t>& passes_on() const { return passes_on_; }
  [[nodiscard]] bool more() const { return unfinished_ != 0; }
  [[nodiscard]] bool is_complete(std::uint32_t gather) const { return (unfinished_ >> gather & 1u) == 0; }

 private:
  /// `look(gather, piece)`, in the order in which each node sends them.
  template <class Look>
  static void for_pieces(const workload::Kernel& kernel, std::uint32_t first, std::uint32_t count, Look&& look) {
    for (std::uint32_t k = 0; k < count; ++k) {
      const workload::Gather& gather = kernel.gathers[first + k];
      for (std::uint32_t i = gather.pieces_begin; i < gather.pieces_end; ++i) look(k, kernel.pieces[i]);
    }
  }

  Bytes upto_ = 0;
  std::uint32_t unfinished_ = 0;  // a bit for each gather
  std::array<Bytes, kMost> moved_{};
  std::vector<Bytes> queued_;  // by node
  std::vector<Bytes> begins_;  // by piece: its place among the bytes that its node sends
  std::vector<std::uint16_t> passes_on_;
};

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
