// SPDX-License-Identifier: Apache-2.0
// Attention by bands: in the band of tokens that a row holds, its nodes share out (head, token) pairs head by head. The
// other side's tokens of the heads that a column works on go along the column; of a batch, from row to row of the same
// sequence.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "lower/attention_cut.h"

namespace dojo::workload {

namespace {

class BandCut : public AttentionCut {
 public:
  BandCut(const AttentionRequest& request, const PlanContext& context, bool queries_stay)
      : AttentionCut(request, context, queries_stay) {
    find_heads_of_columns();
  }

  [[nodiscard]] std::string name() const override {
    return fmt::format("over {} rows, heads over {} columns", grid_.rows(), grid_.columns());
  }
  void add_pieces(std::uint32_t node, std::uint32_t step, std::uint32_t steps,
                  std::vector<Piece>& pieces) const override;
  [[nodiscard]] std::vector<std::uint32_t> busiest() const override;
  void for_rows(std::uint32_t node, const std::function<void(std::int64_t, std::int64_t)>& visit) const override;
  Bytes deliver_staying(Deliveries& deliveries) const override;
  Bytes deliver_moving(Deliveries& deliveries, std::uint32_t steps) const override;
  void deliver_to_pass_on(Deliveries& deliveries) const override;
  void return_results(Deliveries&, Bytes) const override {}  // they lie in the band
  void return_sums(Deliveries&, Bytes) const override {}
  [[nodiscard]] Sums sums(Bytes head_bytes) const override;
  /// Those of the rows of a sequence.
  [[nodiscard]] double senders() const override {
    return shape_.batch == 1 ? 0 : 1 + grid_.rows() / static_cast<double>(shape_.batch);
  }

 private:
  /// Tokens of a side in the band of a row, of all sequences.
  [[nodiscard]] std::int64_t band(const Side& side, std::uint32_t row) const;
  /// That the band of a row has tokens of.
  [[nodiscard]] std::int64_t sequences(std::uint32_t row) const;
  /// (head, token) pairs that the index-th node of a row works on, in whole blocks of the matrix unit.
  [[nodiscard]] Heads share(std::uint32_t row, std::int64_t index) const;
  [[nodiscard]] Heads share_of(std::uint32_t node) const {
    const std::uint32_t row = grid_.row_of(node);
    return share(row, grid_.position(node) - grid_.row_begin(row));
  }
  [[nodiscard]] Heads heads_of(const Side& side, std::uint32_t row, std::int64_t index) const;
  void find_heads_of_columns();
  [[nodiscard]] bool lies_elsewhere(const Side& side) const;
  template <class Visit>
  void for_passers(Visit&& visit) const;
  Bytes along_columns(bool streamed, Deliveries& deliveries) const;
  Bytes from_row_to_row(std::uint32_t steps, Deliveries& deliveries) const;

  std::vector<Heads> columns_;  ///< by column: heads of the moving side that its nodes work with
};

std::int64_t BandCut::band(const Side& side, std::uint32_t row) const {
  const std::int64_t all = shape_.batch * side.tokens;
  return piece_begin(all, grid_.nodes(), grid_.row_begin(row + 1)) -
         piece_begin(all, grid_.nodes(), grid_.row_begin(row));
}

std::int64_t BandCut::sequences(std::uint32_t row) const {
  const auto [first, last] = grid_.matrices_of(row, shape_.batch);
  return std::max<std::int64_t>(1, last - first);
}

Heads BandCut::share(std::uint32_t row, std::int64_t index) const {
  const std::int64_t tokens = band(stays_, row), blocks = ceil_div(tokens, block_rows_);
  const std::int64_t all = stays_.heads * blocks, count = grid_.row_count(row);
  const auto pairs_before = [&](std::int64_t block) {
    return block / std::max<std::int64_t>(1, blocks) * tokens +
           (blocks == 0 ? 0 : std::min(tokens, block % blocks * block_rows_));
  };
  return {pairs_before(piece_begin(all, count, index)), pairs_before(piece_begin(all, count, index + 1))};
}

/// Heads of `side` that the index-th node of a row needs, each whole.
Heads BandCut::heads_of(const Side& side, std::uint32_t row, std::int64_t index) const {
  const std::int64_t tokens = band(stays_, row);
  const Heads mine = share(row, index);
  if (mine.count() == 0) return {};
  const std::int64_t begin = mine.begin / tokens, end = ceil_div(mine.end, tokens);
  return {begin * side.heads / stays_.heads, ceil_div(end * side.heads, stays_.heads)};
}

void BandCut::find_heads_of_columns() {
  columns_.assign(grid_.columns(), {});
  for (std::uint32_t row = 0; row < grid_.rows(); ++row) {
    for (std::uint32_t i = 0; i < grid_.row_count(row); ++i) {
      const Heads mine = heads_of(moves_, row, i);
      Heads& column = columns_[grid_.column_of(grid_.node_at(grid_.row_begin(row) + i))];
      if (mine.count() == 0) continue;
      column = column.count() == 0 ? mine : Heads{std::min(column.begin, mine.begin), std::max(column.end, mine.end)};
    }
  }
}

bool BandCut::lies_elsewhere(const Side& side) const {
  return side.place.layout == Layout::kOther || (side.place.part != kUnplaced && side.place.part != context_.part);
}

/// Head by head, and within a head sequence by sequence.
void BandCut::add_pieces(std::uint32_t node, std::uint32_t step, std::uint32_t steps,
                         std::vector<Piece>& pieces) const {
  // Whole blocks of the matrix unit in each step.
  const std::int64_t blocks = ceil_div(met_rows_, block_columns_);
  const auto rows_before = [&](std::uint32_t s) {
    return std::min(met_rows_, piece_begin(blocks, steps, s) * block_columns_);
  };
  const std::int64_t met_rows = rows_before(step + 1) - rows_before(step);
  const std::uint32_t row = grid_.row_of(node);
  const std::int64_t tokens = band(stays_, row), parts = sequences(row);
  const Heads mine = share_of(node);
  for (std::int64_t begin = mine.begin; begin < mine.end;) {
    const std::int64_t end = std::min(mine.end, (begin / tokens + 1) * tokens);
    pieces.push_back({ceil_div(end - begin, parts), met_rows, parts});
    begin = end;
  }
}

/// Of nodes with equal shares of equal bands, one.
std::vector<std::uint32_t> BandCut::busiest() const {
  std::set<std::array<std::int64_t, 4>> known;
  std::vector<std::uint32_t> nodes;
  for (const std::uint32_t node : grid_.all()) {
    const std::uint32_t row = grid_.row_of(node);
    const Heads mine = share_of(node);
    if (known.insert({band(stays_, row), sequences(row), mine.begin, mine.end}).second) nodes.push_back(node);
  }
  return nodes;
}

void BandCut::for_rows(std::uint32_t node, const std::function<void(std::int64_t, std::int64_t)>& visit) const {
  const std::int64_t before =
      stays_.heads * piece_begin(shape_.batch * stays_.tokens, grid_.nodes(), grid_.row_begin(grid_.row_of(node)));
  const Heads mine = share_of(node);
  if (mine.count() > 0) visit(before + mine.begin, before + mine.end);
}

AttentionCut::Sums BandCut::sums(Bytes head_bytes) const {
  Sums sums;
  sums.along_columns = grid_.rows() > 1;
  sums.matrices = sums.along_columns ? shape_.batch : 1;
  std::int64_t heads = 0;
  for (const Heads& column : columns_) heads += column.count();
  sums.node_bytes = ceil_div<Bytes>(heads * moves_.tokens * head_bytes, grid_.columns());
  // Only a row's first and last sequence are shared with others and wait for the rest of their sums.
  std::int64_t shared = 1;
  for (std::uint32_t row = 0; row < grid_.rows(); ++row) shared = std::max(shared, sequences(row));
  sums.kept_bytes = sums.node_bytes * std::min<std::int64_t>(2, shared);
  return sums;
}

Bytes BandCut::deliver_staying(Deliveries& deliveries) const {
  if (lies_elsewhere(stays_)) return collect(stays_, false, deliveries);
  Bytes most = 0;
  for (std::uint32_t row = 0; row < grid_.rows() && stays_.place.layout != Layout::kAny; ++row) {
    for (std::uint32_t i = 0; i < grid_.row_count(row); ++i) {
      const Bytes bytes = share(row, i).count() * stays_.head_bytes;
      collect_row(grid_, stays_, row, heads_of(stays_, row, i), bytes, grid_.node_at(grid_.row_begin(row) + i), {},
                  deliveries);
      most = std::max(most, bytes);
    }
  }
  return most;
}

Bytes BandCut::deliver_moving(Deliveries& deliveries, std::uint32_t steps) const {
  if (lies_elsewhere(moves_)) return collect(moves_, steps > 1, deliveries);
  return shape_.batch == 1 ? along_columns(steps > 1, deliveries) : from_row_to_row(steps, deliveries);
}

/// All rows need all tokens: the node of each row and column gets the column's heads, and passes them on.
template <class Visit>
void BandCut::for_passers(Visit&& visit) const {
  for (std::uint32_t column = 0; column < grid_.columns(); ++column) {
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) {
      const std::uint32_t passer =
          grid_.at(row, column) != kNone ? grid_.at(row, column) : grid_.nearest_in_column(row, column);
      const Bytes bytes = columns_[column].count() * band(moves_, row) * moves_.head_bytes;
      if (passer != kNone && bytes > 0) visit(row, column, passer, bytes);
    }
  }
}

void BandCut::deliver_to_pass_on(Deliveries& deliveries) const {
  if (lies_elsewhere(moves_) || shape_.batch > 1 || moves_.place.layout == Layout::kAny) return;
  for_passers([&](std::uint32_t row, std::uint32_t column, std::uint32_t passer, Bytes bytes) {
    collect_row(grid_, moves_, row, columns_[column], bytes, passer, {0, true}, deliveries);
  });
}

Bytes BandCut::along_columns(bool streamed, Deliveries& deliveries) const {
  std::vector<Bytes> arrives(grid_.columns(), 0);
  for_passers([&](std::uint32_t row, std::uint32_t column, std::uint32_t passer, Bytes bytes) {
    const bool passes_on = moves_.place.layout != Layout::kAny;
    deliveries.along_line_of(passer, false, passes_on, bytes, row, grid_.rows(), streamed);
    arrives[column] += bytes;
  });
  return *std::max_element(arrives.begin(), arrives.end());
}

/// Rows that share a sequence send each other their tokens of it.
Bytes BandCut::from_row_to_row(std::uint32_t steps, Deliveries& deliveries) const {
  Bytes most = 0;
  const std::int64_t all = shape_.batch * moves_.tokens;
  for (std::uint32_t to = 0; to < grid_.rows(); ++to) {
    if (grid_.row_count(to) == 0) continue;
    const auto [first, last] = grid_.matrices_of(to, shape_.batch);
    const std::int64_t begin = first * moves_.tokens, end = last * moves_.tokens;
    const auto [first_row, last_row] = rows_with(grid_, begin, end, all);
    for (std::uint32_t i = 0; i < grid_.row_count(to); ++i) {
      const Heads heads = heads_of(moves_, to, i);
      Bytes arrives = 0;
      for (std::uint32_t from = first_row; from <= last_row; ++from) {
        const std::int64_t low = std::max(begin, piece_begin(all, grid_.nodes(), grid_.row_begin(from)));
        const std::int64_t high = std::min(end, piece_begin(all, grid_.nodes(), grid_.row_begin(from + 1)));
        if (low >= high) continue;
        const Bytes bytes = (high - low) * heads.count() * moves_.head_bytes;
        const auto step = static_cast<std::uint32_t>((low - begin) * steps / (end - begin));
        const bool here = from == to && moves_.place.layout == Layout::kAny;
        if (!here) {
          collect_row(grid_, moves_, from, heads, bytes, grid_.node_at(grid_.row_begin(to) + i), {step, false},
                      deliveries);
        }
        arrives += bytes;
      }
      most = std::max(most, arrives);
    }
  }
  return most;
}

}  // namespace

std::unique_ptr<AttentionCut> cut_by_bands(const AttentionRequest& request, const PlanContext& context,
                                           bool queries_stay) {
  return std::make_unique<BandCut>(request, context, queries_stay);
}

}  // namespace dojo::workload
