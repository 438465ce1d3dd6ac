// SPDX-License-Identifier: Apache-2.0
// Who works on which heads and tokens, and the messages that bring the rest.
#include "lower/attention_cut.h"

#include <algorithm>

namespace dojo::workload {

AttentionCut::AttentionCut(const AttentionRequest& request, const PlanContext& context, bool queries_stay)
    : shape_(request.shape), context_(context), grid_(context.grid), block_rows_(context.cost.params().matrix_rows) {
  // Of a gradient: Q, dO and O; the other side needs Q, dO, and two sums of each row.
  const Bytes element = shape_.head_size * request.element_bytes;
  constexpr Bytes kRowSums = 8;
  const Bytes queries = request.grad ? queries_stay ? 3 * element : 2 * element + kRowSums : element;
  const Side q{shape_.heads, shape_.queries, queries, request.queries};
  const Side kv{shape_.key_heads(), shape_.keys, 2 * element, request.keys};
  stays_ = queries_stay ? q : kv;
  moves_ = queries_stay ? kv : q;
  find_heads_of_columns();
}

std::int64_t AttentionCut::band(const Side& side, std::uint32_t row) const {
  const std::int64_t all = shape_.batch * side.tokens;
  return piece_begin(all, grid_.nodes(), grid_.row_begin(row + 1)) -
         piece_begin(all, grid_.nodes(), grid_.row_begin(row));
}

std::int64_t AttentionCut::sequences(std::uint32_t row) const {
  const auto [first, last] = grid_.matrices_of(row, shape_.batch);
  return std::max<std::int64_t>(1, last - first);
}

Heads AttentionCut::share(std::uint32_t row, std::int64_t index) const {
  const std::int64_t tokens = band(stays_, row), blocks = ceil_div(tokens, block_rows_);
  const std::int64_t all = stays_.heads * blocks, count = grid_.row_count(row);
  const auto pairs_before = [&](std::int64_t block) {
    return block / std::max<std::int64_t>(1, blocks) * tokens +
           (blocks == 0 ? 0 : std::min(tokens, block % blocks * block_rows_));
  };
  return {pairs_before(piece_begin(all, count, index)), pairs_before(piece_begin(all, count, index + 1))};
}

/// Heads of `side` that the index-th node of a row needs, each whole.
Heads AttentionCut::heads_of(const Side& side, std::uint32_t row, std::int64_t index) const {
  const std::int64_t tokens = band(stays_, row);
  const Heads mine = share(row, index);
  if (mine.count() == 0) return {};
  const std::int64_t begin = mine.begin / tokens, end = ceil_div(mine.end, tokens);
  return {begin * side.heads / stays_.heads, ceil_div(end * side.heads, stays_.heads)};
}

void AttentionCut::find_heads_of_columns() {
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

/// `visit(node, bytes)` of the nodes of a row that hold what is needed of `bytes` in some heads.
template <class Visit>
void AttentionCut::for_holders(const Side& side, std::uint32_t row, Heads heads, Bytes bytes, Visit&& visit) const {
  const std::int64_t count = grid_.row_count(row);
  for (std::int64_t i = 0; i < count && heads.count() > 0; ++i) {
    const std::uint32_t node = grid_.node_at(grid_.row_begin(row) + static_cast<std::uint32_t>(i));
    if (side.place.layout == Layout::kPixels) {
      visit(node, piece_size(bytes, count, i));
      continue;
    }
    // Channels [i, i + 1) of `count`, in 1 / (count x heads).
    const std::int64_t low = std::max(i * side.heads, heads.begin * count);
    const std::int64_t high = std::min((i + 1) * side.heads, heads.end * count);
    if (low < high) visit(node, ceil_div(bytes * (high - low), heads.count() * count));
  }
}
bool AttentionCut::lies_elsewhere(const Side& side) const {
  return side.place.layout == Layout::kOther || (side.place.part != kUnplaced && side.place.part != context_.part);
}

Bytes AttentionCut::collect(const Side& side, bool streamed, Deliveries& deliveries) const {
  const SliceGrid& from = side.place.part == kUnplaced ? grid_ : context_.on(side.place.part).grid;
  const Bytes bytes = shape_.batch * side.tokens * side.heads * side.head_bytes;
  return deliveries.filtered_by_column(spread_evenly(from, bytes), streamed);
}

Bytes AttentionCut::deliver_staying(Deliveries& deliveries) const {
  if (lies_elsewhere(stays_)) return collect(stays_, false, deliveries);
  Bytes most = 0;
  for (std::uint32_t row = 0; row < grid_.rows() && stays_.place.layout != Layout::kAny; ++row) {
    for (std::uint32_t i = 0; i < grid_.row_count(row); ++i) {
      const Bytes bytes = share(row, i).count() * stays_.head_bytes;
      for_holders(stays_, row, heads_of(stays_, row, i), bytes, [&](std::uint32_t node, Bytes part) {
        deliveries.unicast(node, grid_.node_at(grid_.row_begin(row) + i), part);
      });
      most = std::max(most, bytes);
    }
  }
  return most;
}

Bytes AttentionCut::deliver_moving(Deliveries& deliveries, std::uint32_t steps) const {
  if (lies_elsewhere(moves_)) return collect(moves_, steps > 1, deliveries);
  return shape_.batch == 1 ? along_columns(steps > 1, deliveries) : from_row_to_row(steps, deliveries);
}

/// All rows need all tokens: the node of each row and column gets the column's heads, and passes them on.
Bytes AttentionCut::along_columns(bool streamed, Deliveries& deliveries) const {
  Bytes most = 0;
  for (std::uint32_t column = 0; column < grid_.columns(); ++column) {
    const Heads heads = columns_[column];
    Bytes arrives = 0;
    for (std::uint32_t row = 0; row < grid_.rows(); ++row) {
      const std::uint32_t passer =
          grid_.at(row, column) != kNone ? grid_.at(row, column) : grid_.nearest_in_column(row, column);
      const Bytes bytes = heads.count() * band(moves_, row) * moves_.head_bytes;
      if (passer == kNone || bytes == 0) continue;
      if (moves_.place.layout != Layout::kAny) {
        for_holders(moves_, row, heads, bytes,
                    [&](std::uint32_t node, Bytes part) { deliveries.unicast_to_pass_on(node, passer, part); });
      }
      deliveries.pass_on_along_column(passer, bytes, row, grid_.rows(), streamed);
      arrives += bytes;
    }
    most = std::max(most, arrives);
  }
  return most;
}

/// Rows that share a sequence send each other their tokens of it.
Bytes AttentionCut::from_row_to_row(std::uint32_t steps, Deliveries& deliveries) const {
  Bytes most = 0;
  const std::int64_t all = shape_.batch * moves_.tokens;
  for (std::uint32_t to = 0; to < grid_.rows(); ++to) {
    if (grid_.row_count(to) == 0) continue;
    const auto [first, last] = grid_.matrices_of(to, shape_.batch);
    const std::int64_t begin = first * moves_.tokens, end = last * moves_.tokens;
    for (std::uint32_t i = 0; i < grid_.row_count(to); ++i) {
      const Heads heads = heads_of(moves_, to, i);
      Bytes arrives = 0;
      for (std::uint32_t from = 0; from < grid_.rows(); ++from) {
        const std::int64_t low = std::max(begin, piece_begin(all, grid_.nodes(), grid_.row_begin(from)));
        const std::int64_t high = std::min(end, piece_begin(all, grid_.nodes(), grid_.row_begin(from + 1)));
        if (low >= high) continue;
        const Bytes bytes = (high - low) * heads.count() * moves_.head_bytes;
        const auto step = static_cast<std::uint32_t>((low - begin) * steps / (end - begin));
        const bool here = from == to && moves_.place.layout == Layout::kAny;
        if (!here) {
          for_holders(moves_, from, heads, bytes, [&](std::uint32_t node, Bytes part) {
            deliveries.unicast(node, grid_.node_at(grid_.row_begin(to) + i), part, step);
          });
        }
        arrives += bytes;
      }
      most = std::max(most, arrives);
    }
  }
  return most;
}

}  // namespace dojo::workload
