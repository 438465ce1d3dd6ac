// SPDX-License-Identifier: Apache-2.0
// Writes products on the matrix unit: all of a kernel, or a part of one whose addresses lie in its own registers.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/kernel_writer.h"
#include "dojo/base/types.h"
#include "dojo/core/kernels.h"

namespace dojo::core {

/// Of addresses.
struct ProductRegisters {
  const char *rows = "a0", *columns = "a1", *results = "a2", *partial = "a3";
};

class ProductWriter {
 public:
  ProductWriter(const ProductKernel& kernel, const Hardware& hardware, KernelWriter& write,
                const ProductRegisters& registers = {});

  /// Every thread's share, and the addresses of its operands.
  void write_threads();
  /// All of it, by a kernel of one thread. The registers have the addresses, and have them again behind it.
  void write_within();

 private:
  /// Blocks of a thread.
  struct Region {
    std::int64_t row_begin, row_end, column_begin, column_end;
  };

  void refuse(const Hardware& hardware) const;
  void plan_inner(const Hardware& hardware);
  [[nodiscard]] Region region_of(int thread) const;
  void write_region(const Region& region);
  void write_row_of_tiles(int rows, std::int64_t columns);
  void write_tile(int rows, int columns, int set);
  void write_partial_sums(int sums, int set);
  void write_inner(int rows, int columns, int set);
  void write_steps(std::int64_t count, int rows, int columns, int set, const InnerStretch& stretch, int issues,
                   bool starts);
  void write_issue(int rows, int columns, int set, int first_register, std::int64_t step, bool starts);
  void write_drain(int sums, int set);
  void drain_registers(int index, const std::string& sum);
  void drain_unit(int index, const std::string& sum);

  [[nodiscard]] int tile() const { return kernel_.block_rows * kernel_.block_columns; }
  [[nodiscard]] int sums_of_thread() const { return static_cast<int>(unit_sums_) / kernel_.threads; }
  /// Tiles whose sums are held at once: while one drains, the next one sums.
  [[nodiscard]] int sets() const;
  [[nodiscard]] std::string sum(int set, int index) const;
  [[nodiscard]] int first_operand() const;
  [[nodiscard]] int operand_registers() const;
  [[nodiscard]] int operands_of_step(int rows, int columns) const {
    return rows + (kernel_.columns_from_memory ? 0 : columns);
  }
  /// Steps whose operands are held at once: what is left of a side has room for more of them.
  [[nodiscard]] int operand_sets(int rows, int columns) const {
    return std::max(1, operand_registers() / operands_of_step(rows, columns));
  }
  /// Of a row of blocks of the rows' operand: all steps, or for a convolution one line of pixels.
  [[nodiscard]] std::int64_t row_panel_bytes() const { return convolution_ ? kLineBytes : steps_ * kLineBytes; }
  [[nodiscard]] std::int64_t rows_operand_bytes() const;
  [[nodiscard]] std::int64_t row_step(const InnerStretch& stretch, int rows) const {
    return convolution_ ? stretch.row_bytes : std::int64_t{kLineBytes} * rows;
  }

  const ProductKernel& kernel_;
  bool unit_, convolution_ = false;
  std::int64_t unit_sums_;
  int issues_of_step_ = 1, steps_of_issue_ = 1;
  std::vector<std::pair<InnerStretch, int>> stretches_;  ///< with the matrix issues of each of their steps
  std::int64_t steps_ = 0, block_rows_ = 0, block_columns_ = 0;
  std::int64_t rows_at_ = 0, columns_at_ = 0, results_at_ = 0, partial_at_ = 0;
  int thread_ = 0;
  KernelWriter& write_;
  ProductRegisters at_;  ///< of addresses
};

}  // namespace dojo::core
