// SPDX-License-Identifier: Apache-2.0
// Formulas of kernels that follow the cycle-level pipeline of the core (dojo/core): register blocking, address
// generators, the shuffle unit. docs/core.md has their errors.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::node {

/// (m x k) * (k x n) on one core; `element_bytes` of the operands, 4 = FP32 on the vector unit.
struct ProductWork {
  std::int64_t m = 0, n = 0, k = 0;
  Bytes element_bytes = 2;
  Bytes result_bytes = 2;   ///< of one element of the result (4 for partial sums)
  bool accumulate = false;  ///< adds to partial sums that lie in the SRAM (FP32)
};

/// Lines that the loads of a product's rows touch, as a ratio: 2 / 1 where each straddles two.
struct LoadLines {
  std::int64_t lines = 1, loads = 1;
};

/// The cheapest blocking of a product, and its time.
struct BlockedProduct {
  int block_rows = 1, block_columns = 1;
  Cycles cycles = 0;
};

/// What a kernel of the FMA and shuffle units issues, in lines of a port's width.
struct VectorIssues {
  std::int64_t fma = 0, shuffles = 0, loads = 0, stores = 0;
  /// The way of one line: from the load to its first FMA, through its FMAs, and on to its store.
  Cycles before_fma = 0, fma_chain = 0, after_fma = 0;
};

/// A normalisation of rows that are worked on four at a time.
struct RowPasses {
  std::int64_t rows = 0, lines = 0;  ///< lines of each row
  std::int64_t fma_per_line = 8;     ///< 8 softmax, 4 layer norm
  std::int64_t chain_cycles = 118;   ///< from pass to pass across the lanes: 118 softmax, 72 layer norm
  std::int64_t loads_per_line = 3, stores_per_line = 2;
};

/// For kernels of two compute threads.
class PipelineCost {
 public:
  explicit PipelineCost(const topology::NodeParams& node) : node_(node) {}

  /// On the matrix unit.
  [[nodiscard]] BlockedProduct product(const ProductWork& piece, LoadLines rows = {}) const;
  [[nodiscard]] Cycles product(const ProductWork& piece, int block_rows, int block_columns, LoadLines rows = {}) const;
  [[nodiscard]] Cycles fp32_product(const ProductWork& piece) const;
  [[nodiscard]] Cycles vector(const VectorIssues& issues) const;
  [[nodiscard]] Cycles reduction(std::int64_t lines, std::int64_t lanes) const;
  [[nodiscard]] Cycles rows(const RowPasses& passes) const;

 private:
  /// What no blocking changes.
  struct Counts {
    std::int64_t rows = 0, columns = 0;                    ///< blocks
    std::int64_t issues = 0, sums = 0;                     ///< sums of 8 x 8
    std::int64_t row_registers = 0, column_registers = 0;  ///< of the operands, each once
    std::int64_t partial_registers = 0, stores = 0;        ///< of partial sums; lines
    std::int64_t shuffles = 0;
    Cycles tile_start = 0;
  };
  [[nodiscard]] Counts counts_of(const ProductWork& piece) const;
  [[nodiscard]] Cycles tiled(const Counts& counts, int block_rows, int block_columns, LoadLines rows) const;
  [[nodiscard]] Cycles address_cycles(std::int64_t loads, std::int64_t stores) const;
  /// Ports' widths that so many registers take.
  [[nodiscard]] std::int64_t lines_of(std::int64_t registers) const;

  topology::NodeParams node_;
};

}  // namespace dojo::node
