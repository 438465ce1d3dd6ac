// SPDX-License-Identifier: Apache-2.0
// Softmax and layer norm: passes over a row, and chains across the lanes of a register between them. Some rows are
// worked on together, so that one chain hides behind another.
//
// a0: input, a8: output, a1 and a2: gain and bias.
#include <algorithm>

#include "core/kernel_writer.h"
#include "dojo/base/types.h"
#include "dojo/core/kernels.h"

namespace dojo::core {
namespace {

constexpr std::int64_t kLine = kLineBytes;
/// Operations of an exponential after the subtraction, of a reciprocal, and of variance with reciprocal root (assumed).
constexpr int kExponential = 4, kReciprocal = 4, kVarianceAndRoot = 6;

class RowsWriter {
 public:
  RowsWriter(const RowsKernel& kernel, KernelWriter& write)
      : lines_(kernel.lines), lanes_(kernel.lanes), write_(write) {}
  void softmax(int rows);
  void layer_norm(int rows);

 private:
  [[nodiscard]] std::int64_t row_bytes() const { return lines_ * kLine; }
  /// All lines of the rows by `body(lines at once)`, four registers at a time.
  template <class Body>
  void pass(Body&& body) {
    write_.over(lines_, std::min<std::int64_t>(lines_, std::max(1, 4 / rows_)), body);
  }
  template <class Body>
  void each_row(Body&& body) {
    for (int row = 0; row < rows_; ++row) body(row);
  }
  [[nodiscard]] std::int64_t place(std::int64_t line, int row) const { return line * kLine + row * row_bytes(); }
  [[nodiscard]] int data(std::int64_t line, int row) const { return static_cast<int>(line) * rows_ + row; }
  /// Halves the lanes until one has the result of register `first + step x row`; `spare + row` is free.
  void across(int first, int step, int spare);

  std::int64_t lines_;
  int lanes_, rows_ = 1;
  KernelWriter& write_;
};

void RowsWriter::across(int first, int step, int spare) {
  for (int lanes = lanes_; lanes > 1; lanes /= 2) {
    each_row([&](int row) { write_.line("x v{} v{}", spare + row, first + step * row); });
    each_row([&](int row) { write_.line("fma v{0} v{0} v{1}", first + step * row, spare + row); });
  }
}

/// Maximum; exponential and its sum; scale. v16, v17: maxima of a row, v24, v25: sums, two of each to shorten chains.
void RowsWriter::softmax(int rows) {
  rows_ = rows;
  pass([&](std::int64_t lines) {
    for (std::int64_t line = 0; line < lines; ++line) {
      each_row([&](int row) {
        write_.line("vld v{} a0+{}", data(line, row), place(line, row));
        write_.line("fma v{0} v{0} v{1}", 16 + 2 * row + line % 2, data(line, row));
      });
    }
    write_.add("a0", lines * kLine);
  });
  write_.add("a0", -row_bytes());
  each_row([&](int row) { write_.line("fma v{0} v{0} v{1}", 16 + 2 * row, 17 + 2 * row); });
  across(16, 2, 8);
  pass([&](std::int64_t lines) {
    const auto all = [&](auto&& body) {
      for (std::int64_t line = 0; line < lines; ++line) each_row([&](int row) { body(line, row); });
    };
    all([&](std::int64_t line, int row) { write_.line("vld v{} a0+{}", data(line, row), place(line, row)); });
    all([&](std::int64_t line, int row) { write_.line("fma v{0} v{0} v{1}", data(line, row), 16 + 2 * row); });
    for (int i = 0; i < kExponential; ++i)
      all([&](std::int64_t line, int row) { write_.line("fma v{0} v{0}", data(line, row)); });
    all([&](std::int64_t line, int row) {
      write_.line("fma v{0} v{0} v{1}", 24 + 2 * row + line % 2, data(line, row));
      write_.line("vst v{} a8+{}", data(line, row), place(line, row));
    });
    write_.add("a0", lines * kLine);
    write_.add("a8", lines * kLine);
  });
  write_.add("a0", -row_bytes());
  write_.add("a8", -row_bytes());
  each_row([&](int row) { write_.line("fma v{0} v{0} v{1}", 24 + 2 * row, 25 + 2 * row); });
  across(24, 2, 8);
  for (int i = 0; i < kReciprocal; ++i) each_row([&](int row) { write_.line("fma v{0} v{0}", 24 + 2 * row); });
  pass([&](std::int64_t lines) {
    for (std::int64_t line = 0; line < lines; ++line) {
      each_row([&](int row) {
        write_.line("vld v{} a8+{}", data(line, row), place(line, row));
        write_.line("fma v{0} v{0} v{1}", data(line, row), 24 + 2 * row);
        write_.line("vst v{} a8+{}", data(line, row), place(line, row));
      });
    }
    write_.add("a8", lines * kLine);
  });
  write_.add("a0", row_bytes() * rows);
  write_.add("a8", row_bytes() * (rows - 1));
}

/// Sum and sum of squares; normalise with gain and bias. v16: sum of a row, v20: of squares.
void RowsWriter::layer_norm(int rows) {
  rows_ = rows;
  pass([&](std::int64_t lines) {
    for (std::int64_t line = 0; line < lines; ++line) {
      each_row([&](int row) {
        write_.line("vld v{} a0+{}", data(line, row), place(line, row));
        write_.line("fma v{0} v{0} v{1}", 16 + row, data(line, row));
        write_.line("fma v{0} v{0} v{1}", 20 + row, data(line, row));
      });
    }
    write_.add("a0", lines * kLine);
  });
  write_.add("a0", -row_bytes());
  for (int lanes = lanes_; lanes > 1; lanes /= 2) {
    each_row([&](int row) { write_.line("x v{} v{}", 8 + row, 16 + row); });
    each_row([&](int row) { write_.line("x v{} v{}", 12 + row, 20 + row); });
    each_row([&](int row) { write_.line("fma v{0} v{0} v{1}", 16 + row, 8 + row); });
    each_row([&](int row) { write_.line("fma v{0} v{0} v{1}", 20 + row, 12 + row); });
  }
  for (int i = 0; i < kVarianceAndRoot; ++i)
    each_row([&](int row) { write_.line("fma v{0} v{0} v{1}", 20 + row, 16 + row); });
  pass([&](std::int64_t lines) {
    for (std::int64_t line = 0; line < lines; ++line) {
      write_.line("vld v{} a1+{}", 24 + line % 4, line * kLine);
      write_.line("vld v{} a2+{}", 28 + line % 4, line * kLine);
    }
    for (std::int64_t line = 0; line < lines; ++line) {
      each_row([&](int row) {
        const int x = data(line, row);
        write_.line("vld v{} a0+{}", x, place(line, row));
        write_.line("fma v{0} v{0} v{1} v{2}", x, 16 + row, 20 + row);
        write_.line("fma v{0} v{0} v{1} v{2}", x, 24 + line % 4, 28 + line % 4);
        write_.line("vst v{} a8+{}", x, place(line, row));
      });
    }
    for (const char* address : {"a0", "a1", "a2", "a8"}) write_.add(address, lines * kLine);
  });
  write_.add("a1", -row_bytes());
  write_.add("a2", -row_bytes());
  write_.add("a0", row_bytes() * (rows - 1));
  write_.add("a8", row_bytes() * (rows - 1));
}

}  // namespace

std::string rows_text(const RowsKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  expect_between("rows", kernel.rows, 1, std::int64_t{1} << 30);
  expect_between("lines of a row", kernel.lines, 1, std::int64_t{1} << 24);
  expect_between("rows worked on together", kernel.together, 1, 4);
  expect_between("lanes", kernel.lanes, 1, 64);
  const bool softmax = kernel.kind == RowsKernel::Kind::kSoftmax;
  const std::int64_t bytes = saturating_product(saturating_product(kernel.rows, kernel.lines), kLine);
  SramPlaces places(hardware, softmax ? "softmax" : "layer norm");
  const std::int64_t in = places.take(bytes), out = places.take(bytes, 8 * kLine);
  const std::int64_t gain = places.take(softmax ? 0 : kernel.lines * kLine, 4 * kLine);
  const std::int64_t bias = places.take(softmax ? 0 : kernel.lines * kLine, 12 * kLine);
  KernelWriter write;
  for (int thread = 0; thread < kernel.threads; ++thread) {
    const std::int64_t first = piece_begin(kernel.rows, kernel.threads, thread) * kernel.lines * kLine;
    const std::int64_t rows = piece_size(kernel.rows, kernel.threads, thread);
    if (rows == 0) continue;
    write.thread(thread);
    write.line("li a0 {}", in + first);
    write.line("li a8 {}", out + first);
    if (!softmax) write.line("li a1 {}", gain);
    if (!softmax) write.line("li a2 {}", bias);
    RowsWriter writer(kernel, write);
    write.over(rows, kernel.together, [&](std::int64_t together) {
      if (softmax) {
        writer.softmax(static_cast<int>(together));
      } else {
        writer.layer_norm(static_cast<int>(together));
      }
    });
  }
  return write.take();
}

}  // namespace dojo::core
