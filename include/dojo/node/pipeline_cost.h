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
  friend bool operator==(const ProductWork& a, const ProductWork& b) {
    return a.m == b.m && a.n == b.n && a.k == b.k && a.element_bytes == b.element_bytes &&
           a.result_bytes == b.result_bytes && a.accumulate == b.accumulate;
  }
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

/// Work of one thread: its time alone, and what it takes of what threads share.
struct SharedWork {
  Cycles alone = 0;
  Cycles addresses = 0;    ///< of generators and ports
  std::int64_t slots = 0;  ///< of the vector scheduler
};

/// What a kernel of the FMA and shuffle units issues, in lines of a port's width.
struct VectorIssues {
  std::int64_t fma = 0, shuffles = 0, loads = 0, stores = 0;
  /// The way of one line: from the load to its first FMA, through its FMAs, and on to its store.
  Cycles before_fma = 0, fma_chain = 0, after_fma = 0;
};

/// Rows with sums of their own: passes over them, and between the passes chains from all lanes of a register to one.
struct RowWork {
  std::int64_t rows = 0;        ///< 0: none has sums of its own
  std::int64_t chains = 0;      ///< of a row, one after another
  std::int64_t sums = 0;        ///< of a row, in all its chains: some are made side by side
  std::int64_t operations = 0;  ///< of a row, one after another behind its chains: reciprocals, roots
  std::int64_t lanes = 0;       ///< that a sum goes across; at most those of a register
  friend bool operator==(const RowWork& a, const RowWork& b) {
    return a.rows == b.rows && a.chains == b.chains && a.sums == b.sums && a.operations == b.operations &&
           a.lanes == b.lanes;
  }
};

/// For kernels of two compute threads.
class PipelineCost {
 public:
  explicit PipelineCost(const topology::NodeParams& node) : node_(node) {}

  /// On the matrix unit.
  [[nodiscard]] BlockedProduct product(const ProductWork& piece, LoadLines rows = {}) const;
  [[nodiscard]] Cycles product(const ProductWork& piece, int block_rows, int block_columns, LoadLines rows = {}) const;
  /// Of a longer kernel, by one of its threads, in blocks of 2 x 2 where there is room for their sums.
  [[nodiscard]] SharedWork product_within(const ProductWork& piece) const;
  [[nodiscard]] Cycles fp32_product(const ProductWork& piece) const;
  /// Of the FMA unit and the ports alone, as if blocks were no matter.
  [[nodiscard]] Cycles fp32_bound(const ProductWork& piece) const;
  [[nodiscard]] Cycles vector(const VectorIssues& issues) const;
  /// Of the address generators and ports, which all threads share.
  [[nodiscard]] Cycles address_cycles(std::int64_t loads, std::int64_t stores) const;
  [[nodiscard]] Cycles reduction(std::int64_t lines, std::int64_t lanes) const;
  /// `issues`: of all passes over the rows, without what goes across the lanes. Four rows are worked on at a time.
  [[nodiscard]] Cycles rows(const VectorIssues& issues, const RowWork& rows) const;

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
  /// Ports' widths that so many registers take.
  [[nodiscard]] std::int64_t lines_of(std::int64_t registers) const;

  topology::NodeParams node_;
};

}  // namespace dojo::node
