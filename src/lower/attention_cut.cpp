// SPDX-License-Identifier: Apache-2.0
// What all cuts of attention share.
#include "lower/attention_cut.h"

namespace dojo::workload {

AttentionCut::AttentionCut(const AttentionRequest& request, const PlanContext& context, bool queries_stay)
    : shape_(request.shape),
      context_(context),
      grid_(context.grid),
      block_rows_(context.cost.params().matrix_rows),
      block_columns_(context.cost.params().matrix_columns),
      queries_stay_(queries_stay) {
  // Of a gradient: Q, dO and O; the other side needs Q, dO, and two sums of each row.
  const Bytes element = shape_.head_size * request.element_bytes;
  constexpr Bytes kRowSums = 8;
  const Bytes queries = request.grad ? queries_stay ? 3 * element : 2 * element + kRowSums : element;
  const Side q{shape_.heads, shape_.queries, queries, request.queries};
  const Side kv{shape_.key_heads(), shape_.keys, 2 * element, request.keys};
  stays_ = queries_stay ? q : kv;
  moves_ = queries_stay ? kv : q;
  met_rows_ = ceil_div(shape_.pairs(), stays_.tokens);
  // Blocks at the edge of a mask are computed whole: half a block on average.
  if (shape_.masked()) met_rows_ = std::min(met_rows_ + block_columns_ / 2, moves_.tokens);
  if (!queries_stay) met_rows_ *= shape_.heads / shape_.key_heads();
}

Bytes AttentionCut::collect(const Side& side, bool streamed, Deliveries& deliveries) const {
  const Bytes bytes = shape_.batch * side.tokens * side.heads * side.head_bytes;
  return deliveries.filtered_by_column(spread_evenly(grid_of(side), bytes), streamed);
}

Bytes AttentionCut::collect_row(const SliceGrid& grid, const Side& side, std::uint32_t row, Heads heads, Bytes bytes,
                                std::uint32_t node, Turn turn, Deliveries& deliveries) const {
  if (side.place.layout == Layout::kPixels && &grid == &grid_ && heads.count() > 0)
    return deliveries.unicasts_of_row(row, node, bytes, turn.step, turn.pass_on);
  Bytes arrives = 0;
  for_holders(grid, side, row, heads, bytes, [&](std::uint32_t from, Bytes part) {
    send(from, node, part, turn, deliveries);
    arrives += from == node ? 0 : part;
  });
  return arrives;
}

}  // namespace dojo::workload
