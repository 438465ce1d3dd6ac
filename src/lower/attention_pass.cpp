// SPDX-License-Identifier: Apache-2.0
// Work of the nodes in one pass of attention.
#include "lower/attention_pass.h"

#include <algorithm>

namespace dojo::workload {

AttentionPass::AttentionPass(const AttentionRequest& request, const PlanContext& context, bool queries_stay,
                             node::AttentionWork work)
    : request_(request),
      context_(context),
      grid_(context.grid),
      queries_stay_(queries_stay),
      work_(work),
      cut_(request, context, queries_stay) {
  const AttentionShape& shape = request.shape;
  met_rows_ = ceil_div(shape.pairs(), cut_.stays().tokens);
  // Blocks at the edge of a mask are computed whole: half a block on average.
  if (shape.masked()) met_rows_ = std::min(met_rows_ + context.cost.params().matrix_columns / 2, cut_.moves().tokens);
  if (!queries_stay) met_rows_ *= shape.heads / shape.key_heads();
}

node::AttentionPiece AttentionPass::piece_of(std::int64_t rows, std::int64_t met_rows) const {
  node::AttentionPiece piece{
      rows, met_rows, request_.shape.head_size, request_.element_bytes, work_, request_.shape.scores != 0};
  if (!queries_stay_) std::swap(piece.queries, piece.keys);
  return piece;
}

/// Head by head, and within a head sequence by sequence.
Cycles AttentionPass::cycles(std::uint32_t row, std::int64_t index, std::uint32_t step, std::uint32_t steps) {
  // Whole blocks of the matrix unit in each step.
  const std::int64_t block = context_.cost.params().matrix_columns, blocks = ceil_div(met_rows_, block);
  const auto rows_before = [&](std::uint32_t s) { return std::min(met_rows_, piece_begin(blocks, steps, s) * block); };
  const std::int64_t met_rows = rows_before(step + 1) - rows_before(step);
  const std::int64_t tokens = cut_.band(cut_.stays(), row), parts = cut_.sequences(row);
  const Heads mine = cut_.share(row, index);
  Cycles sum = 0;
  for (std::int64_t begin = mine.begin; begin < mine.end;) {
    const std::int64_t end = std::min(mine.end, (begin / tokens + 1) * tokens);
    const std::pair sizes{ceil_div(end - begin, parts), met_rows};
    auto known = times_.find(sizes);
    if (known == times_.end())
      known = times_.emplace(sizes, node::attention_cycles(context_.cost, piece_of(sizes.first, met_rows))).first;
    sum = saturating_sum(sum, saturating_product(parts, known->second));
    begin = end;
  }
  return sum;
}

std::int64_t AttentionPass::share_of(std::int64_t flops, std::uint32_t row, std::int64_t index) const {
  const Side& side = cut_.stays();
  const std::int64_t tokens = request_.shape.batch * side.tokens;
  const std::int64_t before = side.heads * piece_begin(tokens, grid_.nodes(), grid_.row_begin(row));
  const Heads mine = cut_.share(row, index);
  return piece_begin(flops, side.heads * tokens, before + mine.end) -
         piece_begin(flops, side.heads * tokens, before + mine.begin);
}

std::int64_t AttentionPass::vector_flops(std::uint32_t row, std::int64_t index) const {
  return node::attention_vector_flops(piece_of(cut_.share(row, index).count(), met_rows_));
}

}  // namespace dojo::workload
