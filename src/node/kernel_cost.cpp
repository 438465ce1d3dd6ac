// SPDX-License-Identifier: Apache-2.0
// Cycles of a piece of an operation on one core.
#include "dojo/node/kernel_cost.h"

#include <algorithm>
#include <cmath>

#include "node/stream_cost.h"

namespace dojo::node {

Cycles NodeCost::product(const ProductWork& piece) const {
  if (model_ == NodeModel::kBounds) return bound_of_product(piece);
  return piece.element_bytes >= 4 ? pipeline_.fp32_product(piece) : pipeline_.product(piece).cycles;
}

StreamWork NodeCost::stream(const VectorPiece& piece) const {
  constexpr std::int64_t kMostRatio = 4;  // registers of a unit
  StreamWork work;
  work.loads = ceil_div(piece.load_bytes, params_.port_bytes_per_cycle);
  work.stores = ceil_div(piece.store_bytes, params_.port_bytes_per_cycle);
  const Bytes lane = lane_bytes(piece.element_bytes);
  work.fma = ceil_div(saturating_product(piece.operations, lane), params_.vector_bytes_per_cycle);
  if (lane != piece.element_bytes) {
    work.unpacks =
        ceil_div(saturating_product(piece.load_bytes, lane / piece.element_bytes), params_.vector_bytes_per_cycle);
    work.packs = ceil_div(piece.store_bytes, params_.vector_bytes_per_cycle);
  }
  const auto lines = [this](std::int64_t bytes) { return ceil_div(bytes, params_.vector_bytes_per_cycle); };
  work.unpacks = saturating_sum(work.unpacks, lines(saturating_product(2, piece.narrow_load_bytes)) +
                                                  lines(saturating_product(piece.shuffles, lane)));
  work.packs = saturating_sum(work.packs, lines(piece.narrow_store_bytes));
  work.rows = piece.rows;
  work.rows.lanes = std::min(work.rows.lanes, vector_elements_per_cycle(piece.element_bytes));
  const std::int64_t fewer = std::min(work.loads, work.stores), more = std::max(work.loads, work.stores);
  work.units = fewer > 0 && more / kMostRatio <= fewer ? fewer : more;
  if (work.units == 0) work.units = ceil_div(work.fma, kMostRatio);
  return work;
}

Cycles NodeCost::vector(const VectorPiece& piece) const {
  if (model_ == NodeModel::kBounds) return bound_of_vector(piece);
  return stream_cycles(stream(piece), *this);
}

Cycles NodeCost::bound_of_product(const ProductWork& piece) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  // A product of the largest extents does not fit into 64 bits: it stays at the largest number, which lowering refuses.
  const std::int64_t results = saturating_product(piece.m, piece.n);
  // Partial sums are read again and written back in FP32.
  const Bytes sum_load_bytes = piece.accumulate ? saturating_product(results, 4) : 0;
  const Cycles store = ceil_div(saturating_product(results, piece.result_bytes), store_bytes_per_cycle());
  if (piece.element_bytes >= 4) return pipeline_.fp32_bound(piece);
  const std::int64_t block_rows = ceil_div(piece.m, params_.matrix_rows);
  const std::int64_t block_columns = ceil_div(piece.n, params_.matrix_columns);
  const std::int64_t blocks = saturating_product(block_rows, block_columns);
  const std::int64_t issues = saturating_product(blocks, ceil_div(piece.k, params_.matrix_depth));
  // A row of A once for each column of blocks, a column of B once for each row of blocks. What a block at the edge has
  // room for but the piece does not have is not loaded: a larger unit never loads more.
  const std::int64_t lines =
      saturating_sum(saturating_product(piece.m, block_columns), saturating_product(piece.n, block_rows));
  const Bytes load_bytes =
      saturating_sum(saturating_product(saturating_product(lines, piece.k), piece.element_bytes), sum_load_bytes);
  const Cycles load = ceil_div(load_bytes, load_bytes_per_cycle());
  // The pipeline runs empty once per row of blocks, when the loop over columns and depth ends.
  const Cycles fill =
      saturating_sum(saturating_product(block_rows, params_.matrix_latency_cycles), params_.sram_latency_cycles);
  return saturating_sum(std::max({issues, load, store}), fill);
}

Cycles NodeCost::bound_of_vector(const VectorPiece& piece) const {
  if (piece.load_bytes <= 0 && piece.store_bytes <= 0 && piece.flops <= 0) return 0;
  const Cycles load = ceil_div(piece.load_bytes, load_bytes_per_cycle());
  const Cycles store = ceil_div(piece.store_bytes, store_bytes_per_cycle());
  const Cycles issue = ceil_div(piece.flops, vector_elements_per_cycle(piece.element_bytes));
  return saturating_sum(std::max({load, store, issue}), params_.vector_latency_cycles + params_.sram_latency_cycles);
}

Cycles NodeCost::roofline(const RooflinePiece& piece) const {
  const std::int64_t flops_per_cycle = 2 * params_.matrix_rows * params_.matrix_columns * params_.matrix_depth;
  return std::max(ceil_div(piece.flops, flops_per_cycle), ceil_div(piece.bytes, load_bytes_per_cycle()));
}

Cycles NodeCost::scaled(Cycles cycles, float core_speed) {
  if (core_speed == 1.0F) return cycles;
  const double slower = std::ceil(static_cast<double>(cycles) / static_cast<double>(core_speed));
  constexpr double kMost = 9.2e18;  // below 2^63: beyond it the conversion has no result
  return static_cast<Cycles>(std::min(slower, kMost));
}

}  // namespace dojo::node
