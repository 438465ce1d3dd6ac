// SPDX-License-Identifier: Apache-2.0
// Bounds of the pipeline's resources, and what starting, draining and waiting add to them.
#include "dojo/node/pipeline_cost.h"

#include <algorithm>

namespace dojo::node {
namespace {

constexpr std::int64_t kThreads = 2, kMostBlocking = 2;
/// A vector register: 8 rows of A (columns of B) by as much of the inner dimension as there is room for, or a quarter
/// of 8 x 8 sums in FP32.
constexpr std::int64_t kRegisterBytes = 64, kRegisterRows = 8, kRegistersOfSum = 4;
/// Fitted to the pipeline: from the start to the first load and from the last sum to the end; the drain of a tile that
/// the other thread does not hide.
constexpr Cycles kProductEnds = 15, kTileDrain = 4;
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
  const std::int64_t addresses = node_.core.store_takes_address_generator ? saturating_sum(loads, stores) : loads;
  return std::max(ports, ceil_div(addresses, node_.core.address_generators));
}

std::int64_t PipelineCost::lines_of(std::int64_t registers) const {
  if (node_.port_bytes_per_cycle == kRegisterBytes) return registers;
  return ceil_div(saturating_product(registers, kRegisterBytes), node_.port_bytes_per_cycle);
}

Cycles PipelineCost::product(const ProductWork& piece, int block_rows, int block_columns, LoadLines lines) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  const topology::CoreParams& core = node_.core;
  const std::int64_t rows = ceil_div(piece.m, node_.matrix_rows), columns = ceil_div(piece.n, node_.matrix_columns);
  const std::int64_t issues =
      saturating_product(saturating_product(rows, columns), ceil_div(piece.k, node_.matrix_depth));
  const std::int64_t tile_rows = ceil_div<std::int64_t>(rows, block_rows);
  const std::int64_t tile_columns = ceil_div<std::int64_t>(columns, block_columns);
  const std::int64_t tiles = saturating_product(tile_rows, tile_columns);
  // Each column of tiles loads all rows of A once, each row of tiles all columns of B. What a block has room for but
  // the piece does not have is not loaded, but for the rest of a register.
  const std::int64_t deep = ceil_div(saturating_product(piece.k, kRegisterRows * piece.element_bytes), kRegisterBytes);
  const std::int64_t m = ceil_div(piece.m, kRegisterRows), n = ceil_div(piece.n, kRegisterRows);
  const std::int64_t sums = saturating_product(m, n);
  const std::int64_t row_loads = saturating_product(deep, saturating_product(m, tile_columns));
  const std::int64_t other_loads = saturating_sum(saturating_product(deep, saturating_product(n, tile_rows)),
                                                  piece.accumulate ? saturating_product(sums, kRegistersOfSum) : 0);
  const std::int64_t stores = lines_of(saturating_product(sums, piece.result_bytes));
  // A load of two lines takes one address, and a port and its banks for two cycles.
  const std::int64_t loads =
      lines_of(saturating_sum(ceil_div(saturating_product(row_loads, lines.lines), lines.loads), other_loads));
  const Cycles addresses = address_cycles(loads, stores);
  // Sums are converted on the shuffle unit, which also reads those that lie in the matrix unit.
  const bool in_unit = core.sums == topology::SumPlace::kUnit;
  const std::int64_t shuffles = saturating_product(
      sums, (piece.result_bytes < kRegistersOfSum ? piece.result_bytes : 0) + (in_unit ? kRegistersOfSum : 0));
  const std::int64_t slots_taken =
      saturating_sum(saturating_sum(issues, shuffles), core.load_takes_vector_slot ? loads : 0);
  const Cycles slots = ceil_div(slots_taken, core.vector_issues_per_cycle);
  // A thread issues to the sums of its tile in turn; the next round waits for the sums of this one.
  const std::int64_t in_turn = block_rows * block_columns;
  const Cycles of_thread = ceil_div(saturating_product(issues, std::max(in_turn, core.sum_latency_cycles)), in_turn);
  const Cycles matrix = std::max(issues, ceil_div(of_thread, kThreads));
  const Cycles together =
      saturating_sum(matrix, saturating_product(tiles, piece.accumulate ? kPartialSums : kTileStart));
  const Cycles bound = std::max(of_thread, addresses);
  // The threads cut the side that gives the more equal shares.
  const std::int64_t by_rows = saturating_product(busier(tile_rows), tile_columns);
  const std::int64_t by_columns = saturating_product(busier(tile_columns), tile_rows);
  const Cycles all = saturating_sum(bound, saturating_product(kTileDrain, tiles));
  const auto slower = static_cast<Cycles>(Int128{all} * std::min(by_rows, by_columns) / tiles);
  return saturating_sum(std::max({together, addresses, slower, shuffles, slots}),
                        kProductEnds + node_.matrix_latency_cycles + node_.sram_latency_cycles);
}

/// Columns stream, an element of the rows stays in a register: an FMA loads vector lanes x 4 B.
Cycles PipelineCost::fp32_product(const ProductWork& piece) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  const std::int64_t results = saturating_product(piece.m, piece.n);
  const std::int64_t products = saturating_product(results, piece.k);
  const auto port = [this](std::int64_t bytes, std::int64_t ports) {
    return ceil_div(bytes, ports * node_.port_bytes_per_cycle);
  };
  const Cycles issue = ceil_div(saturating_product(2, products), node_.fp32_flop_per_cycle);
  const Cycles load =
      port(saturating_sum(saturating_product(products, 4), piece.accumulate ? saturating_product(results, 4) : 0),
           node_.load_ports);
  const Cycles store = port(saturating_product(results, piece.result_bytes), node_.store_ports);
  return saturating_sum(std::max({issue, load, store}), node_.vector_latency_cycles + node_.sram_latency_cycles);
}

BlockedProduct PipelineCost::product(const ProductWork& piece, LoadLines lines) const {
  const topology::CoreParams& core = node_.core;
  // Sums in the matrix unit are shared out over the threads.
  const std::int64_t sums = core.sums == topology::SumPlace::kUnit
                                ? std::max<std::int64_t>(1, core.unit_sums / kThreads)
                                : kMostBlocking * kMostBlocking;
  BlockedProduct best;
  for (int rows = 1; rows <= kMostBlocking; ++rows) {
    for (int columns = 1; columns <= kMostBlocking && rows * columns <= sums; ++columns) {
      const Cycles cycles = product(piece, rows, columns, lines);
      if (best.cycles == 0 || cycles < best.cycles) best = {rows, columns, cycles};
    }
  }
  return best;
}

Cycles PipelineCost::vector(const VectorIssues& issues) const {
  const std::int64_t both = saturating_sum(issues.fma, issues.shuffles);
  if (both == 0 && issues.loads == 0 && issues.stores == 0) return 0;
  const Cycles slots = ceil_div(both, node_.core.vector_issues_per_cycle);
  const Cycles line = issues.before_fma + issues.fma_chain + issues.after_fma;
  // Of each resource: the first line on its way there, all that it does, the last line on its way from there.
  const Cycles addresses = saturating_sum(address_cycles(issues.loads, issues.stores), line);
  const Cycles fma = saturating_sum(issues.fma, issues.before_fma + node_.vector_latency_cycles + issues.after_fma);
  const Cycles shuffles = saturating_sum(issues.shuffles, node_.core.shuffle_latency_cycles + issues.fma_chain);
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
