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
/// Vector registers for operands beside the sums of a tile of 2 x 2 and what drains them, or where sums lie in the
/// unit.
constexpr std::int64_t kOperandRegisters = 12, kOperandRegistersOfUnit = 20;
/// From the last issue that reads a register to the load of the next operand there, and from its line to the issue.
constexpr Cycles kRegisterTurn = 3;
/// Issues that a tile loses where its sums start, and where partial sums are loaded.
constexpr std::int64_t kTileStart = 1, kPartialSums = 5;
/// Across the lanes: a shuffle and an addition for each halving, and what is around them.
constexpr Cycles kReductionEnds = 12, kHalving = 8;
/// Rows that share a chain.
constexpr std::int64_t kRowsTogether = 4;

/// What the busier thread has of `groups`.
std::int64_t busier(std::int64_t groups) {
  return ceil_div(groups, kThreads);
}
/// cycles x part / whole.
Cycles share_of(Cycles cycles, std::int64_t part, std::int64_t whole) {
  const Int128 product = Int128{cycles} * part;
  // The usual case, without a division of 128 bits.
  if (product == static_cast<std::int64_t>(product)) return static_cast<std::int64_t>(product) / whole;
  return static_cast<Cycles>(product / whole);
}
std::int64_t log2_of(std::int64_t value) {
  std::int64_t log = 0;
  for (; value > 1; value /= 2) ++log;
  return log;
}

/// Loads that touch so many lines together, and stores. An instruction takes one address of the generators, and its
/// port a cycle for each line.
Cycles address_time(const topology::NodeParams& node, std::int64_t loads, std::int64_t lines, std::int64_t stores) {
  const Cycles ports = std::max(ceil_div(lines, node.load_ports), ceil_div(stores, node.store_ports));
  const std::int64_t addresses = node.core.store_takes_address_generator ? saturating_sum(loads, stores) : loads;
  return std::max(ports, ceil_div(addresses, node.core.address_generators));
}
/// What the generators wait for the ports. The rows of a step are loaded one behind the other. Where they take all
/// ports for longer than it takes to make their addresses, the next load waits.
Cycles idle_addresses(const topology::NodeParams& node, std::int64_t row_loads, int block_rows, LoadLines lines) {
  const std::int64_t generators = node.core.address_generators, ports = node.load_ports;
  const std::int64_t longer = lines.lines * generators - ports * lines.loads, turns = block_rows / ports;
  if (lines.lines == lines.loads || longer <= 0 || turns == 0) return 0;
  return share_of(row_loads, turns * longer, block_rows * lines.loads * generators);
}

}  // namespace

Cycles PipelineCost::address_cycles(std::int64_t loads, std::int64_t stores) const {
  return address_time(node_, loads, loads, stores);
}

std::int64_t PipelineCost::lines_of(std::int64_t registers) const {
  if (node_.port_bytes_per_cycle == kRegisterBytes) return registers;
  return ceil_div(saturating_product(registers, kRegisterBytes), node_.port_bytes_per_cycle);
}

PipelineCost::Counts PipelineCost::counts_of(const ProductWork& piece) const {
  Counts counts;
  counts.rows = ceil_div(piece.m, node_.matrix_rows);
  counts.columns = ceil_div(piece.n, node_.matrix_columns);
  counts.issues =
      saturating_product(saturating_product(counts.rows, counts.columns), ceil_div(piece.k, node_.matrix_depth));
  // What a block has room for but the piece does not have is not loaded, but for the rest of a register.
  const std::int64_t deep = ceil_div(saturating_product(piece.k, kRegisterRows * piece.element_bytes), kRegisterBytes);
  const std::int64_t m = ceil_div(piece.m, kRegisterRows), n = ceil_div(piece.n, kRegisterRows);
  counts.sums = saturating_product(m, n);
  counts.row_registers = saturating_product(deep, m);
  counts.column_registers = saturating_product(deep, n);
  counts.partial_registers = piece.accumulate ? saturating_product(counts.sums, kRegistersOfSum) : 0;
  counts.stores = lines_of(saturating_product(counts.sums, piece.result_bytes));
  // Sums are converted on the shuffle unit, which also reads those that lie in the matrix unit.
  const bool in_unit = node_.core.sums == topology::SumPlace::kUnit;
  counts.shuffles = saturating_product(
      counts.sums, (piece.result_bytes < kRegistersOfSum ? piece.result_bytes : 0) + (in_unit ? kRegistersOfSum : 0));
  counts.tile_start = piece.accumulate ? kPartialSums : kTileStart;
  return counts;
}

Cycles PipelineCost::tiled(const Counts& counts, int block_rows, int block_columns, LoadLines lines) const {
  const topology::CoreParams& core = node_.core;
  // Each column of tiles loads all rows of A once, each row of tiles all columns of B.
  const std::int64_t tile_rows = ceil_div<std::int64_t>(counts.rows, block_rows);
  const std::int64_t tile_columns = ceil_div<std::int64_t>(counts.columns, block_columns);
  const std::int64_t tiles = saturating_product(tile_rows, tile_columns);
  const std::int64_t row_loads = saturating_product(counts.row_registers, tile_columns);
  const std::int64_t other_loads =
      saturating_sum(saturating_product(counts.column_registers, tile_rows), counts.partial_registers);
  const std::int64_t straddling =
      lines.lines == lines.loads ? row_loads : ceil_div(saturating_product(row_loads, lines.lines), lines.loads);
  const std::int64_t loads = lines_of(saturating_sum(row_loads, other_loads));
  const Cycles ports = lines_of(saturating_sum(straddling, other_loads));
  const std::int64_t made = core.store_takes_address_generator ? saturating_sum(loads, counts.stores) : loads;
  const Cycles addresses = std::max(
      address_time(node_, loads, ports, counts.stores),
      saturating_sum(ceil_div(made, core.address_generators), idle_addresses(node_, row_loads, block_rows, lines)));
  const std::int64_t taken =
      saturating_sum(saturating_sum(counts.issues, counts.shuffles), core.load_takes_vector_slot ? loads : 0);
  const Cycles slots = ceil_div(taken, core.vector_issues_per_cycle);
  // A thread issues to the sums of its tile in turn; the next round waits for the sums of this one.
  const std::int64_t in_turn = block_rows * block_columns;
  const Cycles of_thread = core.sum_latency_cycles <= in_turn
                               ? counts.issues
                               : ceil_div(saturating_product(counts.issues, core.sum_latency_cycles), in_turn);
  const Cycles matrix = std::max(counts.issues, ceil_div(of_thread, kThreads));
  const Cycles together = saturating_sum(matrix, saturating_product(tiles, counts.tile_start));
  const Cycles bound = std::max(of_thread, addresses);
  // The threads cut the side that gives the more equal shares.
  const std::int64_t by_rows = saturating_product(busier(tile_rows), tile_columns);
  const std::int64_t by_columns = saturating_product(busier(tile_columns), tile_rows);
  const Cycles all = saturating_sum(bound, saturating_product(kTileDrain, tiles));
  const Cycles slower = share_of(all, std::min(by_rows, by_columns), tiles);
  return saturating_sum(std::max({together, addresses, slower, counts.shuffles, slots}),
                        kProductEnds + node_.matrix_latency_cycles + node_.sram_latency_cycles);
}

Cycles PipelineCost::product(const ProductWork& piece, int block_rows, int block_columns, LoadLines lines) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  return tiled(counts_of(piece), block_rows, block_columns, lines);
}

namespace {

/// What a thread alone takes for so many steps of a tile, a register of each row and column of blocks in each: no
/// thread hides that a register is loaded again only when it has been read. Where an issue takes several steps, the
/// pipeline's kernel reads those of its last one.
Cycles register_turns(const topology::NodeParams& node, std::int64_t steps, std::int64_t of_step, Bytes element_bytes) {
  const bool in_unit = node.core.sums == topology::SumPlace::kUnit;
  const std::int64_t sets =
      std::max<std::int64_t>(1, (in_unit ? kOperandRegistersOfUnit : kOperandRegisters) / of_step);
  const std::int64_t of_issue =
      std::max<std::int64_t>(1, ceil_div(node.matrix_depth * kRegisterRows * element_bytes, kRegisterBytes));
  const std::int64_t turn = saturating_product(of_issue, ceil_div(sets, of_issue));
  const Cycles loads = ceil_div((turn - sets) * of_step, node.load_ports);
  return share_of(node.sram_latency_cycles + kRegisterTurn + loads, steps, turn);
}

}  // namespace

SharedWork PipelineCost::product_within(const ProductWork& piece) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return {};
  const Counts counts = counts_of(piece);
  const bool in_unit = node_.core.sums == topology::SumPlace::kUnit;
  const std::int64_t columns = in_unit && node_.core.unit_sums < 4 ? 1 : 2;
  const std::int64_t rows = in_unit && node_.core.unit_sums < 2 ? 1 : 2;
  const std::int64_t tile_rows = ceil_div(counts.rows, rows), tile_columns = ceil_div(counts.columns, columns);
  const std::int64_t loads =
      lines_of(saturating_sum(saturating_sum(saturating_product(counts.row_registers, tile_columns),
                                             saturating_product(counts.column_registers, tile_rows)),
                              counts.partial_registers));
  const std::int64_t blocks = saturating_product(counts.rows, counts.columns);
  // In tiles at an edge registers suffice.
  const std::int64_t full = saturating_product(counts.rows / rows, counts.columns / columns);
  const std::int64_t deep = ceil_div(saturating_product(piece.k, kRegisterRows * piece.element_bytes), kRegisterBytes);
  const Cycles turns = register_turns(node_, saturating_product(full, deep), rows + columns, piece.element_bytes);
  const Cycles of_sums = std::max<Cycles>(1, ceil_div(node_.core.sum_latency_cycles, rows * columns));
  const std::int64_t issues_of_block = counts.issues / blocks;
  const Cycles in_full =
      saturating_product(saturating_product(saturating_product(full, rows * columns), issues_of_block), of_sums);
  const Cycles issues =
      saturating_sum(saturating_product(counts.issues, of_sums), std::max<Cycles>(0, turns - in_full));
  // Between its tiles the unit runs empty, and partial sums are loaded: no other thread hides that.
  const Cycles empty = node_.matrix_latency_cycles + (piece.accumulate ? node_.sram_latency_cycles : kStart);
  const Cycles idle = saturating_sum(saturating_product(saturating_product(tile_rows, tile_columns), empty),
                                     ceil_div(counts.partial_registers, node_.load_ports));
  SharedWork work;
  work.addresses = address_cycles(loads, counts.stores);
  work.alone = std::max({saturating_sum(issues, idle), work.addresses, counts.shuffles});
  work.slots =
      saturating_sum(saturating_sum(counts.issues, counts.shuffles), node_.core.load_takes_vector_slot ? loads : 0);
  return work;
}

/// Sums are held for 8 rows and a register of columns at a time; what a piece does not fill is computed too.
Cycles PipelineCost::fp32_product(const ProductWork& piece) const {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  constexpr std::int64_t kRows = 8;
  const std::int64_t lanes = std::max<std::int64_t>(1, node_.fp32_flop_per_cycle / 2);
  ProductWork whole = piece;
  whole.m = saturating_product(ceil_div(piece.m, kRows), kRows);
  whole.n = saturating_product(ceil_div(piece.n, lanes), lanes);
  return fp32_bound(whole);
}

/// Columns stream, an element of the rows stays in a register: an FMA loads vector lanes x 4 B.
Cycles PipelineCost::fp32_bound(const ProductWork& piece) const {
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
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return best;
  const Counts counts = counts_of(piece);
  for (int rows = 1; rows <= kMostBlocking; ++rows) {
    for (int columns = 1; columns <= kMostBlocking && rows * columns <= sums; ++columns) {
      const Cycles cycles = tiled(counts, rows, columns, lines);
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

Cycles PipelineCost::rows(const VectorIssues& issues, const RowWork& rows) const {
  if (rows.rows <= 0 || rows.chains <= 0) return vector(issues);
  const topology::CoreParams& core = node_.core;
  const std::int64_t halvings = log2_of(rows.lanes), across = saturating_product(rows.sums, halvings);
  VectorIssues all = issues;
  all.fma = saturating_sum(all.fma, saturating_product(rows.rows, across + rows.operations));
  all.shuffles = saturating_sum(all.shuffles, saturating_product(rows.rows, across));
  const Cycles slots = vector(all);
  // Sums that no pass over the rows follows: both threads end with their chains.
  const bool ends = issues.stores < rows.rows;
  // From all lanes to one in each chain, and from the load of a pass to its first result.
  const Cycles pass = kStart + node_.sram_latency_cycles + node_.vector_latency_cycles;
  const Cycles chain = rows.chains * halvings * (core.shuffle_latency_cycles + node_.vector_latency_cycles) +
                       rows.operations * node_.vector_latency_cycles + (rows.chains + (ends ? 0 : 1)) * pass;
  const std::int64_t mine = busier(rows.rows);
  const Cycles lines = std::max({issues.fma, issues.shuffles, address_cycles(issues.loads, issues.stores)});
  if (ends && mine <= kRowsTogether) return std::max(slots, saturating_sum(chain, lines));
  return std::max(slots, saturating_sum(saturating_product(ceil_div(mine, kRowsTogether), chain),
                                        share_of(lines, mine, rows.rows)));
}

}  // namespace dojo::node
