// SPDX-License-Identifier: Apache-2.0
// How attention is cut over the nodes of a part, and what then has to come to them.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lower/attention.h"
#include "lower/deliveries.h"

namespace dojo::workload {

/// Queries, or keys and values.
struct Side {
  std::int64_t heads = 0, tokens = 0;  ///< of a sequence
  Bytes head_bytes = 0;                ///< of one token and head, all tensors that are needed
  TensorPlace place;
};

/// Part of the heads, in head tokens or as a share; or of the tokens.
struct Heads {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t count() const { return end - begin; }
};

class AttentionCut {
 public:
  /// What a node works on: rows of one head of the side that stays, and those of the other side that each meets.
  struct Piece {
    std::int64_t rows = 0, met_rows = 0, count = 1;
  };
  /// Partial sums of the moving side.
  struct Sums {
    bool along_rows = false, along_columns = false;  ///< neither: each node has whole sums
    std::int64_t matrices = 1;                       ///< ReductionSpec::matrices
    Bytes node_bytes = 0, kept_bytes = 0;            ///< of a node: of one matrix, and at a time
  };

  AttentionCut(const AttentionRequest& request, const PlanContext& context, bool queries_stay);
  AttentionCut(const AttentionCut&) = delete;
  AttentionCut& operator=(const AttentionCut&) = delete;
  virtual ~AttentionCut() = default;

  [[nodiscard]] const Side& stays() const { return stays_; }
  [[nodiscard]] const Side& moves() const { return moves_; }
  [[nodiscard]] bool queries_stay() const { return queries_stay_; }
  /// Rows of the moving side that one row of the staying side meets, on average.
  [[nodiscard]] std::int64_t met_rows() const { return met_rows_; }

  /// For reports: what the nodes cut.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Appends what a node works on in one of so many steps.
  virtual void add_pieces(std::uint32_t node, std::uint32_t step, std::uint32_t steps,
                          std::vector<Piece>& pieces) const = 0;
  /// Nodes of which one takes as long as any.
  [[nodiscard]] virtual std::vector<std::uint32_t> busiest() const = 0;
  /// `visit(first, last + 1)` of the node's rows among all rows of the staying side, each of which one node has.
  virtual void for_rows(std::uint32_t node, const std::function<void(std::int64_t, std::int64_t)>& visit) const = 0;

  // Each returns the most bytes that arrive at any node.
  virtual Bytes deliver_staying(Deliveries& deliveries) const = 0;
  /// In so many steps; without what deliver_to_pass_on() brings.
  virtual Bytes deliver_moving(Deliveries& deliveries, std::uint32_t steps) const = 0;
  /// What of the moving side nodes wait for before they pass it on, in any number of steps.
  virtual void deliver_to_pass_on(Deliveries& deliveries) const = 0;
  /// Results of the staying side go where Layout::kBandChannels has them: messages beside those of the first step, that
  /// it waits for. In truth they go after the last one, and take as long.
  virtual void return_results(Deliveries& deliveries, Bytes head_bytes) const = 0;
  /// The same of the moving side, where each node has whole sums.
  virtual void return_sums(Deliveries& deliveries, Bytes head_bytes) const = 0;
  [[nodiscard]] virtual Sums sums(Bytes head_bytes) const = 0;
  /// How many nodes send messages to one, about.
  [[nodiscard]] virtual double senders() const = 0;
  /// How many lines beside its own bring each line what it passes on.
  [[nodiscard]] virtual double other_lines() const { return 0; }

 protected:
  /// It lies as suits: its first user is this operation.
  [[nodiscard]] static bool is_free(const Side& side, const PlanContext& context) {
    return side.place.layout == Layout::kAny && (side.place.part == kUnplaced || side.place.part == context.part);
  }
  /// Where a side lies by rows of the part or of another one.
  [[nodiscard]] const SliceGrid& grid_of(const Side& side) const {
    return side.place.part == kUnplaced ? grid_ : context_.on(side.place.part).grid;
  }
  /// Each node of a column gets that column's share of all there is.
  Bytes collect(const Side& side, bool streamed, Deliveries& deliveries) const;
  /// The first and the last row among those that hold tokens [begin, end) of `all`.
  [[nodiscard]] static std::pair<std::uint32_t, std::uint32_t> rows_with(const SliceGrid& grid, std::int64_t begin,
                                                                         std::int64_t end, std::int64_t all) {
    const std::int64_t nodes = grid.nodes();
    const auto row_of = [&](std::int64_t position) {
      return grid.row_of(grid.node_at(static_cast<std::uint32_t>(std::clamp<std::int64_t>(position, 0, nodes - 1))));
    };
    return {row_of(piece_begin(nodes, all, begin)), row_of(ceil_div(end * nodes, all) - 1)};
  }
  /// How what a node needs comes to it: before a step, or before the node passes it on.
  struct Turn {
    std::uint32_t step = 0;
    bool pass_on = false;
  };
  static void send(std::uint32_t from, std::uint32_t to, Bytes bytes, Turn turn, Deliveries& deliveries) {
    if (turn.pass_on)
      deliveries.unicast_to_pass_on(from, to, bytes);
    else
      deliveries.unicast(from, to, bytes, turn.step);
  }
  /// What the nodes of a row hold of `bytes` in some heads goes to a node. Returns what comes from others.
  Bytes collect_row(const SliceGrid& grid, const Side& side, std::uint32_t row, Heads heads, Bytes bytes,
                    std::uint32_t node, Turn turn, Deliveries& deliveries) const;
  /// `visit(node, bytes)` of the nodes of a row that hold what is needed of `bytes` in some heads.
  template <class Visit>
  static void for_holders(const SliceGrid& grid, const Side& side, std::uint32_t row, Heads heads, Bytes bytes,
                          Visit&& visit) {
    const std::int64_t count = grid.row_count(row);
    if (heads.count() <= 0) return;
    const bool all = side.place.layout == Layout::kPixels;
    const std::int64_t first = all ? 0 : heads.begin * count / side.heads;
    const std::int64_t end = all ? count : std::min(count, ceil_div(heads.end * count, side.heads));
    for (std::int64_t i = first; i < end; ++i) {
      const std::uint32_t node = grid.node_at(grid.row_begin(row) + static_cast<std::uint32_t>(i));
      if (all) {
        visit(node, piece_size(bytes, count, i));
        continue;
      }
      // Channels [i, i + 1) of `count`, in 1 / (count x heads).
      const std::int64_t low = std::max(i * side.heads, heads.begin * count);
      const std::int64_t high = std::min((i + 1) * side.heads, heads.end * count);
      if (low < high) visit(node, ceil_div(bytes * (high - low), heads.count() * count));
    }
  }

  const AttentionShape& shape_;
  const PlanContext& context_;
  const SliceGrid& grid_;
  std::int64_t block_rows_, block_columns_;  ///< of the matrix unit
  bool queries_stay_;
  Side stays_, moves_;
  std::int64_t met_rows_ = 0;
};

/// Rows of the grid cut the tokens of the side that stays, sequence after sequence; the nodes of a row share out its
/// (head, token) pairs.
[[nodiscard]] std::unique_ptr<AttentionCut> cut_by_bands(const AttentionRequest& request, const PlanContext& context,
                                                         bool queries_stay);
/// The grid is cut into rectangles, which share out whole heads of sequences; the nodes of one cut their tokens.
/// nullptr where its nodes would send too many messages.
[[nodiscard]] std::unique_ptr<AttentionCut> cut_by_groups(const AttentionRequest& request, const PlanContext& context,
                                                          bool queries_stay, AttentionGroups groups);

}  // namespace dojo::workload
