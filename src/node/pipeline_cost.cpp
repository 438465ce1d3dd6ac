// SPDX-License-Identifier: Apache-2.0
// Bounds of the pipeline's resources, and what starting, draining and waiting add to them.
#include "dojo/node/pipeline_cost.h"

#include <algorithm>

namespace dojo::node {
namespace {

constexpr std::int64_t kThreads = 2, kLineBytes = 64, kMostBlocking = 2;
/// Fitted to the pipeline: from the start to the first issue and from the last one to the end; the drain of a tile that
/// the other thread does not hide.
constexpr Cycles kProductEnds = 28, kTileDrain = 4;
/// Fetch and decode of the first load.
constexpr Cycles kStart = 2;
/// Issues that a tile loses where its sums start, and where partial sums are loaded.
constexpr std::int64_t kTileStart = 1, kPartialSums = 5;
/// Across the lanes: a shuffle and an addition for each halving, and what is around them.
constexpr Cycles kReductionEnds = 12, kHalving = 8;
/// FMAs of a row that is normalised, between its passes; rows that share a chain.
constexpr std::int64_t kRowSlots = 14, kRowsTogether = 4;

/// What the busier thread has of `groups`.
std::int64_t busier(std::int64_t groups) {
  return ceil_div(groups, kThreads);
}
std::int64_t log2_of(std::int64_t value) {
  std::int64_t log = 0;
  for (; value > 1; value /= 2) ++log;
  return log;
}

}  // namespace

/// Two address generators serve loads and stores.
Cycles PipelineCost::address_cycles(std::int64_t loads, std::int64_t stores) const {
  const Cycles ports = std::max(ceil_div(loads, node_.load_ports), ceil_div(stores, node_.store_ports));
  const std::int64_t addresses = core_.store_takes_address_generator ? saturating_sum(loads, stores) : loads;
  return std::max(ports, ceil_div(addresses, core_.address_generators));
}

Cycles PipelineCost::product(const ProductWork& piece, int block_rows, int block_columns, LoadLines lines) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  const std::int64_t rows = ceil_div(piece.m, node_.matrix_rows), columns = ceil_div(piece.n, node_.matrix_columns);
  const std::int64_t depth = ceil_div(piece.k, node_.matrix_depth);
  const std::int64_t blocks = saturating_product(rows, columns);
  const std::int64_t tile_rows = ceil_div<std::int64_t>(rows, block_rows);
  const std::int64_t tile_columns = ceil_div<std::int64_t>(columns, block_columns);
  const std::int64_t tiles = saturating_product(tile_rows, tile_columns);
  // A panel is a block of rows (columns) over the whole inner dimension: each column (row) of tiles loads it once.
  const std::int64_t row_lines =
      ceil_div(saturating_product(depth, node_.matrix_rows * node_.matrix_depth * piece.element_bytes), kLineBytes);
  const std::int64_t column_lines =
      ceil_div(saturating_product(depth, node_.matrix_columns * node_.matrix_depth * piece.element_bytes), kLineBytes);
  const std::int64_t row_loads = saturating_product(row_lines, saturating_product(rows, tile_columns));
  const std::int64_t other_loads =
      saturating_sum(saturating_product(column_lines, saturating_product(columns, tile_rows)),
                     piece.accumulate ? saturating_product(blocks, 4) : 0);
  const std::int64_t stores = saturating_product(blocks, piece.result_bytes);
  const std::int64_t issues = saturating_product(blocks, depth);
  // A load of two lines takes one address, and a port and its banks for two cycles.
  const Cycles addresses = address_cycles(
      saturating_sum(ceil_div(saturating_product(row_loads, lines.lines), lines.loads), other_loads), stores);
  const Cycles together =
      saturating_sum(issues, saturating_product(tiles, piece.accumulate ? kPartialSums : kTileStart));
  const Cycles bound = std::max({issues, addresses, stores});
  // The threads cut the side that gives the more equal shares.
  const std::int64_t by_rows = saturating_product(busier(tile_rows), tile_columns);
  const std::int64_t by_columns = saturating_product(busier(tile_columns), tile_rows);
  const Cycles all = saturating_sum(bound, saturating_product(kTileDrain, tiles));
  const auto slower = static_cast<Cycles>(Int128{all} * std::min(by_rows, by_columns) / tiles);
  return saturating_sum(std::max({together, addresses, stores, slower}), kProductEnds);
}

BlockedProduct PipelineCost::product(const ProductWork& piece, LoadLines lines) const {
  BlockedProduct best;
  for (int rows = 1; rows <= kMostBlocking; ++rows) {
    for (int columns = 1; columns <= kMostBlocking; ++columns) {
      const Cycles cycles = product(piece, rows, columns, lines);
      if (best.cycles == 0 || cycles < best.cycles) best = {rows, columns, cycles};
    }
  }
  return best;
}

Cycles PipelineCost::vector(const VectorIssues& issues) const {
  const std::int64_t both = saturating_sum(issues.fma, issues.shuffles);
  if (both == 0 && issues.loads == 0 && issues.stores == 0) return 0;
  const Cycles slots = ceil_div(both, core_.vector_issues_per_cycle);
  const Cycles line = issues.before_fma + issues.fma_chain + issues.after_fma;
  // Of each resource: the first line on its way there, all that it does, the last line on its way from there.
  const Cycles addresses = saturating_sum(address_cycles(issues.loads, issues.stores), line);
  const Cycles fma = saturating_sum(issues.fma, issues.before_fma + node_.vector_latency_cycles + issues.after_fma);
  const Cycles shuffles = saturating_sum(issues.shuffles, core_.shuffle_latency_cycles + issues.fma_chain);
  return saturating_sum(std::max({addresses, fma, shuffles, slots}), kStart + node_.sram_latency_cycles);
}

Cycles PipelineCost::reduction(std::int64_t lines, std::int64_t lanes) const {
  if (lines <= 0) return 0;
  return saturating_sum(vector({lines, 0, lines, 1, 0, node_.vector_latency_cycles, 0}),
                        kReductionEnds + kHalving * log2_of(lanes));
}

Cycles PipelineCost::rows(const RowPasses& passes) const {
  if (passes.rows <= 0 || passes.lines <= 0) return 0;
  const std::int64_t lines = saturating_product(passes.rows, passes.lines);
  const std::int64_t fma =
      saturating_sum(saturating_product(lines, passes.fma_per_line), saturating_product(passes.rows, kRowSlots));
  const Cycles slots = vector(
      {fma, 0, saturating_product(lines, passes.loads_per_line), saturating_product(lines, passes.stores_per_line)});
  const std::int64_t mine = busier(passes.rows);
  const Cycles chain = saturating_sum(saturating_product(ceil_div(mine, kRowsTogether), passes.chain_cycles),
                                      saturating_product(saturating_product(mine, passes.lines), passes.fma_per_line));
  return std::max(slots, chain);
}

}  // namespace dojo::node
