// SPDX-License-Identifier: Apache-2.0
// Products on the matrix unit. The sums of some blocks of 8 x 8 are held while the inner dimension goes by, so that a
// register of an operand serves several of them (register blocking).
//
// a0: rows' operand, a1: columns' operand, a2: results, a3: partial sums.
#include <algorithm>

#include "core/product_writer.h"

namespace dojo::core {
namespace {

using topology::SumPlace;

constexpr std::int64_t kBlock = 8;  ///< rows and columns of a block
constexpr std::int64_t kLine = kLineBytes;
constexpr int kSumBytes = 256;
/// Registers of operands that sums in the matrix unit leave free, and those that drain sums.
constexpr int kUnitOperands = 20, kUnitDrain = 6, kRegisterDrain = 2;
/// Matrix issues of an inner loop at least, so that its end is rare.
constexpr int kIssuesOfTurn = 8;

}  // namespace

ProductWriter::ProductWriter(const ProductKernel& kernel, const Hardware& hardware, KernelWriter& write,
                             const ProductRegisters& registers)
    : kernel_(kernel),
      unit_(hardware.core.sums == SumPlace::kUnit),
      unit_sums_(hardware.core.unit_sums),
      write_(write),
      at_(registers) {
  refuse(hardware);
  plan_inner(hardware);
  block_rows_ = ceil_div(kernel.m, kBlock);
  block_columns_ = ceil_div(kernel.n, kBlock);
  SramPlaces places(hardware, "product");
  rows_at_ = places.take(rows_operand_bytes());
  // Loads of both operands alternate: half the banks lie between them.
  columns_at_ = places.take(saturating_product(block_columns_, steps_ * kLine), 8 * kLine);
  const std::int64_t blocks = saturating_product(block_rows_, block_columns_);
  results_at_ = places.take(saturating_product(blocks, kBlock * kBlock * kernel.result_bytes));
  partial_at_ = kernel.accumulate ? places.take(saturating_product(blocks, kSumBytes)) : 0;
}

void ProductWriter::write_threads() {
  for (int thread = 0; thread < kernel_.threads; ++thread) {
    const Region region = region_of(thread);
    if (region.row_begin == region.row_end || region.column_begin == region.column_end) continue;
    write_.thread(thread);
    thread_ = thread;
    write_region(region);
  }
}

void ProductWriter::write_within() {
  write_.over(block_rows_, kernel_.block_rows, [&](std::int64_t rows) {
    write_row_of_tiles(static_cast<int>(rows), block_columns_);
    write_.add(at_.columns, -block_columns_ * steps_ * kLine);
  });
  write_.add(at_.rows, -block_rows_ * row_panel_bytes());
  const std::int64_t blocks = block_rows_ * block_columns_;
  write_.add(at_.results, -blocks * kBlock * kBlock * kernel_.result_bytes);
  if (kernel_.accumulate) write_.add(at_.partial, -blocks * kSumBytes);
}

int ProductWriter::sets() const {
  return unit_ ? std::clamp(sums_of_thread() / tile(), 1, 4) : std::clamp(4 / tile(), 1, 2);
}
std::string ProductWriter::sum(int set, int index) const {
  return fmt::format("c{}", (unit_ ? thread_ * sums_of_thread() : 0) + set * tile() + index);
}
int ProductWriter::first_operand() const {
  return unit_ ? 0 : kRegistersOfSum * tile() * sets();
}
int ProductWriter::operand_registers() const {
  return unit_ ? kUnitOperands : kVectorRegisters - first_operand() - 2 * kRegisterDrain;
}

void ProductWriter::refuse(const Hardware& hardware) const {
  expect_threads(kernel_.threads);
  expect_between("rows of the product (m)", kernel_.m, 1, std::int64_t{1} << 30);
  expect_between("columns of the product (n)", kernel_.n, 1, std::int64_t{1} << 30);
  expect_between("inner dimension (k)", kernel_.k, 1, std::int64_t{1} << 30);
  expect_between("bytes of an element", kernel_.element_bytes, 1, 2);
  if (kernel_.result_bytes != 4) expect_between("bytes of a result", kernel_.result_bytes, 1, 2);
  expect_between("machine.node.matrix_rows for a kernel", hardware.matrix_rows, kBlock, kBlock);
  expect_between("machine.node.matrix_columns for a kernel", hardware.matrix_columns, kBlock, kBlock);
  expect_between("machine.node.matrix_depth for a kernel", hardware.matrix_depth, 1, 64);
  expect_between("block rows", kernel_.block_rows, 1, 4);
  expect_between("block columns", kernel_.block_columns, 1, 4);
  const std::int64_t most = unit_ ? sums_of_thread() : 6;
  expect_between(unit_ ? "sums of a tile, with those that the matrix unit has for each thread" : "sums of a tile",
                 tile(), 1, most);
}

/// Elements of a register and of an issue decide how many issues a register serves, or registers an issue takes.
void ProductWriter::plan_inner(const Hardware& hardware) {
  const std::int64_t depth = hardware.matrix_depth;
  const std::int64_t of_register = kLine / (kBlock * kernel_.element_bytes);
  const std::int64_t issues = ceil_div(kernel_.k, depth);
  convolution_ = !kernel_.stretches.empty();
  if (depth >= of_register) {
    steps_of_issue_ = static_cast<int>(ceil_div(depth, of_register));
  } else {
    issues_of_step_ = static_cast<int>(of_register / depth);
  }
  if (convolution_) {
    for (InnerStretch stretch : kernel_.stretches) {
      stretch.steps = ceil_div<std::int64_t>(stretch.steps, steps_of_issue_) * steps_of_issue_;
      stretches_.emplace_back(stretch, issues_of_step_);
    }
  } else {
    const std::int64_t full = issues / issues_of_step_;
    const auto rest = static_cast<int>(issues % issues_of_step_);
    if (full != 0) stretches_.push_back({{full * steps_of_issue_, 1, 0, 0}, issues_of_step_});
    if (rest != 0) stretches_.push_back({{1, 1, 0, 0}, rest});
  }
  for (const auto& [stretch, count] : stretches_) steps_ += stretch.steps;
}

std::int64_t ProductWriter::rows_operand_bytes() const {
  std::int64_t bytes = saturating_product(block_rows_, row_panel_bytes());
  const std::int64_t panels = bytes;
  for (const auto& [stretch, issues] : stretches_) {
    const std::int64_t moved = saturating_product(stretch.steps, stretch.row_bytes);
    bytes =
        std::max(bytes, saturating_sum(saturating_sum(panels, stretch.row_lines * kLine + stretch.start_bytes), moved));
  }
  return bytes;
}

/// Cuts the side of which the threads get the more equal shares.
ProductWriter::Region ProductWriter::region_of(int thread) const {
  const std::int64_t rows = ceil_div<std::int64_t>(block_rows_, kernel_.block_rows);
  const std::int64_t columns = ceil_div<std::int64_t>(block_columns_, kernel_.block_columns);
  const std::int64_t threads = kernel_.threads;
  // Shares of the busiest thread: rows / ceil(rows / threads) against the same of columns.
  const bool by_rows = rows * ceil_div(columns, threads) >= columns * ceil_div(rows, threads);
  Region region{0, block_rows_, 0, block_columns_};
  const auto cut = [&](std::int64_t tiles, std::int64_t of_tile, std::int64_t& begin, std::int64_t& end) {
    const std::int64_t all = end;
    begin = std::min(all, piece_begin(tiles, threads, thread) * of_tile);
    end = std::min(all, piece_begin(tiles, threads, thread + 1) * of_tile);
  };
  if (by_rows) {
    cut(rows, kernel_.block_rows, region.row_begin, region.row_end);
  } else {
    cut(columns, kernel_.block_columns, region.column_begin, region.column_end);
  }
  return region;
}

void ProductWriter::write_region(const Region& region) {
  const std::int64_t before =
      region.row_begin == 0 ? region.column_begin * block_rows_ : region.row_begin * block_columns_;
  write_.line("li {} {}", at_.rows, rows_at_ + region.row_begin * row_panel_bytes());
  write_.line("li {} {}", at_.results, results_at_ + before * kBlock * kBlock * kernel_.result_bytes);
  if (kernel_.accumulate) write_.line("li {} {}", at_.partial, partial_at_ + before * kSumBytes);
  write_.over(region.row_end - region.row_begin, kernel_.block_rows, [&](std::int64_t rows) {
    write_.line("li {} {}", at_.columns, columns_at_ + region.column_begin * steps_ * kLine);
    write_row_of_tiles(static_cast<int>(rows), region.column_end - region.column_begin);
  });
}

void ProductWriter::write_row_of_tiles(int rows, std::int64_t columns) {
  const std::int64_t full = columns / kernel_.block_columns, rest = columns % kernel_.block_columns;
  write_.loop(full / sets(), [&] {
    for (int set = 0; set < sets(); ++set) write_tile(rows, kernel_.block_columns, set);
  });
  for (int set = 0; set < full % sets(); ++set) write_tile(rows, kernel_.block_columns, set);
  if (rest != 0) write_tile(rows, static_cast<int>(rest), static_cast<int>(full % sets()));
  write_.add(at_.rows, rows * row_panel_bytes());
}

void ProductWriter::write_tile(int rows, int columns, int set) {
  const int sums = rows * columns;
  if (kernel_.accumulate && !unit_) write_partial_sums(sums, set);
  write_inner(rows, columns, set);
  write_drain(sums, set);
  write_.add(at_.results, sums * kBlock * kBlock * kernel_.result_bytes);
  if (kernel_.accumulate) write_.add(at_.partial, sums * kSumBytes);
}

void ProductWriter::write_partial_sums(int sums, int set) {
  for (int i = 0; i < sums; ++i)
    for (int quarter = 0; quarter < kRegistersOfSum; ++quarter)
      write_.line("vld {} {}+{}", sum(set, i), at_.partial, i * kSumBytes + quarter * kLine);
}

/// The whole inner dimension of a tile; a0 is back at its start behind it.
void ProductWriter::write_inner(int rows, int columns, int set) {
  bool starts = !kernel_.accumulate || unit_;
  std::int64_t moved = 0;
  for (const auto& part : stretches_) {
    const InnerStretch& stretch = part.first;
    const int issues = part.second;
    write_.add(at_.rows, stretch.start_bytes - moved);
    moved = stretch.start_bytes + stretch.steps * row_step(stretch, rows);
    std::int64_t turn =
        std::max<std::int64_t>(operand_sets(rows, columns), ceil_div(kIssuesOfTurn, rows * columns * issues));
    turn = std::min(ceil_div<std::int64_t>(turn, steps_of_issue_) * steps_of_issue_, stretch.steps);
    std::int64_t left = stretch.steps;
    if (starts) {  // what starts the sums stands before the loop
      write_steps(turn, rows, columns, set, stretch, issues, true);
      left -= turn;
      starts = false;
    }
    write_.over(left, turn,
                [&](std::int64_t steps) { write_steps(steps, rows, columns, set, stretch, issues, false); });
  }
  write_.add(at_.rows, -moved);
}

void ProductWriter::write_steps(std::int64_t count, int rows, int columns, int set, const InnerStretch& stretch,
                                int issues, bool starts) {
  const char* load = stretch.row_lines == 1 ? "vld" : stretch.row_lines == 2 ? "vld2" : "vld3";
  bool first = starts;
  for (std::int64_t step = 0; step < count; ++step) {
    const int at =
        first_operand() + static_cast<int>(step % operand_sets(rows, columns)) * operands_of_step(rows, columns);
    for (int row = 0; row < rows; ++row)
      write_.line("{} v{} {}+{}", load, at + row, at_.rows, row * kLine + step * row_step(stretch, rows));
    for (int column = 0; column < columns && !kernel_.columns_from_memory; ++column)
      write_.line("vld v{} {}+{}", at + rows + column, at_.columns, (column + step * columns) * kLine);
    if ((step + 1) % steps_of_issue_ != 0) continue;  // an issue takes several registers of each operand
    for (int issue = 0; issue < issues; ++issue, first = false) write_issue(rows, columns, set, at, step, first);
  }
  write_.add(at_.rows, count * row_step(stretch, rows));
  write_.add(at_.columns, count * columns * kLine);
}

/// One issue for each block of the tile: neighbours in time have different sums.
void ProductWriter::write_issue(int rows, int columns, int set, int at, std::int64_t step, bool starts) {
  const char* word = starts ? "mmz" : "mm";
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const std::string target = sum(set, row * columns + column);
      if (kernel_.columns_from_memory) {
        write_.line("{} {} v{} {}+{}", word, target, at + row, at_.columns, (column + step * columns) * kLine);
      } else {
        write_.line("{} {} v{} v{}", word, target, at + row, at + rows + column);
      }
    }
  }
}

void ProductWriter::write_drain(int sums, int set) {
  for (int i = 0; i < sums; ++i) {
    if (unit_) {
      drain_unit(i, sum(set, i));
    } else {
      drain_registers(i, sum(set, i));
    }
  }
}

/// bf16: two conversions, each of half the sum; CFP8: one. FP32: four stores.
void ProductWriter::drain_registers(int index, const std::string& sum) {
  if (kernel_.result_bytes == 4) {
    for (int quarter = 0; quarter < kRegistersOfSum; ++quarter)
      write_.line("vst {} {}+{}", sum, at_.results, index * kSumBytes + quarter * kLine);
    return;
  }
  const int drain = kVectorRegisters - kRegisterDrain * (1 + index % 2);
  for (int part = 0; part < kernel_.result_bytes; ++part) {
    write_.line("x v{} {}", drain + part, sum);
    write_.line("vst v{} {}+{}", drain + part, at_.results, (kernel_.result_bytes * index + part) * kLine);
  }
}

/// Four reads; partial sums are added; bf16 is packed from two registers, CFP8 from all.
void ProductWriter::drain_unit(int index, const std::string& sum) {
  const int drain = kUnitOperands + kUnitDrain * (index % 2);
  for (int quarter = 0; quarter < kRegistersOfSum; ++quarter) write_.line("mrd v{} {}", drain + quarter, sum);
  for (int quarter = 0; quarter < kRegistersOfSum && kernel_.accumulate; ++quarter)
    write_.line("fma v{0} v{0} {1}+{2}", drain + quarter, at_.partial, index * kSumBytes + quarter * kLine);
  if (kernel_.result_bytes == 4) {
    for (int quarter = 0; quarter < kRegistersOfSum; ++quarter)
      write_.line("vst v{} {}+{}", drain + quarter, at_.results, index * kSumBytes + quarter * kLine);
    return;
  }
  for (int part = 0; part < kernel_.result_bytes; ++part) {
    write_.line("x v{} v{} v{}", drain + 4 + part, drain + 2 * part, drain + 2 * part + 1);
    write_.line("vst v{} {}+{}", drain + 4 + part, at_.results, (kernel_.result_bytes * index + part) * kLine);
  }
}

std::string product_text(const ProductKernel& kernel, const Hardware& hardware) {
  KernelWriter write;
  ProductWriter(kernel, hardware, write).write_threads();
  return write.take();
}

/// Channels lie in blocks of four: 8 pixels of them are a register. A window's tap reads the same pixels moved by one,
/// so that most of its loads straddle lines.
ProductKernel product_of(const ConvolutionKernel& kernel) {
  expect_between("window of the convolution", kernel.window, 1, 15);
  expect_between("stride of the convolution", kernel.stride, 1, 2);
  expect_between("pixels of the convolution", kernel.m, 1, std::int64_t{1} << 30);
  expect_between("pixels of a row", kernel.width, 1, std::int64_t{1} << 20);
  expect_between("channels of the convolution", kernel.channels, 1, std::int64_t{1} << 20);
  const std::int64_t blocks = ceil_div<std::int64_t>(kernel.channels, 4);
  const std::int64_t rows = (ceil_div(kernel.m, kernel.width) - 1) * kernel.stride + kernel.window;
  const std::int64_t input_width = (kernel.width - 1) * kernel.stride + kernel.window;
  const std::int64_t block_bytes = ceil_div(rows * input_width * 8, kLine) * kLine;
  ProductKernel product;
  product.m = kernel.m;
  product.n = kernel.n;
  product.k = blocks * 4 * kernel.window * kernel.window;
  product.block_rows = kernel.block_rows;
  product.block_columns = kernel.block_columns;
  product.threads = kernel.threads;
  const bool rows_are_lines = kernel.width % 8 == 0;
  for (int y = 0; y < kernel.window; ++y) {
    for (int x = 0; x < kernel.window; ++x) {
      const bool in_step = x == kernel.window / 2 && (rows_are_lines || kernel.window == 1);
      const int lines = kernel.stride + (in_step ? 0 : 1);
      const std::int64_t start = y * input_width * 8 / kLine * kLine;
      product.stretches.push_back({blocks, lines, block_bytes, start});
    }
  }
  return product;
}

}  // namespace dojo::core
