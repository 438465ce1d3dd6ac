// SPDX-License-Identifier: Apache-2.0
// Kernels of the FMA and shuffle units that stream lines: elementwise, copy, reduction, transposition, FP32 product,
// optimizers.
#include <algorithm>
#include <array>

#include "core/kernel_writer.h"
#include "dojo/base/types.h"
#include "dojo/core/kernels.h"

namespace dojo::core {
namespace {

constexpr std::int64_t kLine = kLineBytes;
constexpr std::int64_t kMostItems = std::int64_t{1} << 30;

std::string v(int number) {
  return fmt::format("v{}", number);
}

/// Share of a thread.
struct Share {
  std::int64_t first, count;
};
Share share_of(std::int64_t items, int threads, int thread) {
  return {piece_begin(items, threads, thread), piece_size(items, threads, thread)};
}

// ---- Elementwise. A group of 8 registers for each of up to four lines: inputs 0 to 3, results 4 to 7.

void native_line(KernelWriter& write, const ElementwiseKernel& kernel, int group, std::int64_t offset) {
  const std::string result = v(group + (kernel.operations == 0 ? 0 : 4));
  for (int i = 0; i < kernel.operations; ++i) {
    std::string operands = i == 0 ? v(group) : result;
    for (int input = 1; i == 0 && input < kernel.inputs; ++input) operands += " " + v(group + input);
    write.line("fma {} {}", result, operands);
  }
  for (int output = 0; output < kernel.outputs; ++output) write.line("vst {} a{}+{}", result, 8 + output, offset);
}

/// Each half is unpacked (operand by operand), computed and packed with the other.
void fp32_line(KernelWriter& write, const ElementwiseKernel& kernel, int group, std::int64_t offset) {
  for (int half = 0; half < 2; ++half) {
    const std::string wide = v(group + 4 + half), result = v(group + 6 + half);
    write.line("x {} {}", wide, v(group));
    for (int input = 1; input < kernel.inputs; ++input) write.line("x {0} {1} {0}", wide, v(group + input));
    for (int i = 0; i < kernel.operations; ++i) write.line("fma {} {}", result, i == 0 ? wide : result);
  }
  const int from = group + (kernel.operations == 0 ? 4 : 6);
  write.line("x {} {} {}", v(group + 4), v(from), v(from + 1));
  for (int output = 0; output < kernel.outputs; ++output) write.line("vst {} a{}+{}", v(group + 4), 8 + output, offset);
}

void elementwise_lines(KernelWriter& write, const ElementwiseKernel& kernel, std::int64_t count) {
  for (int i = 0; i < count; ++i) {
    const int group = 8 * i;
    for (int input = 0; input < kernel.inputs; ++input) write.line("vld {} a{}+{}", v(group + input), input, i * kLine);
    if (kernel.in_fp32) {
      fp32_line(write, kernel, group, i * kLine);
    } else {
      native_line(write, kernel, group, i * kLine);
    }
  }
  for (int input = 0; input < kernel.inputs; ++input) write.line("addi a{} {}", input, count * kLine);
  for (int output = 0; output < kernel.outputs; ++output) write.line("addi a{} {}", 8 + output, count * kLine);
}

}  // namespace

std::string elementwise_text(const ElementwiseKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  expect_between("lines", kernel.lines, 1, kMostItems);
  expect_between("inputs of an elementwise kernel", kernel.inputs, 1, 3);
  expect_between("outputs of an elementwise kernel", kernel.outputs, 1, 4);
  expect_between("operations of an elementwise kernel", kernel.operations, 0, 64);
  SramPlaces places(hardware, "elementwise");
  std::array<std::int64_t, 3> in{};
  std::array<std::int64_t, 4> out{};
  for (int i = 0; i < kernel.inputs; ++i)
    in[static_cast<std::size_t>(i)] = places.take(kernel.lines * kLine, i * kLine);
  for (int i = 0; i < kernel.outputs; ++i)
    out[static_cast<std::size_t>(i)] = places.take(kernel.lines * kLine, (8 + 2 * i) * kLine);
  KernelWriter write;
  for (int thread = 0; thread < kernel.threads; ++thread) {
    const Share share = share_of(kernel.lines, kernel.threads, thread);
    if (share.count == 0) continue;
    write.thread(thread);
    for (int i = 0; i < kernel.inputs; ++i)
      write.line("li a{} {}", i, in[static_cast<std::size_t>(i)] + share.first * kLine);
    for (int i = 0; i < kernel.outputs; ++i)
      write.line("li a{} {}", 8 + i, out[static_cast<std::size_t>(i)] + share.first * kLine);
    write.over(share.count, 4, [&](std::int64_t count) { elementwise_lines(write, kernel, count); });
  }
  return write.take();
}

/// Eight sums, then a tree of them, then across the lanes: a shuffle and an addition for each halving, which wait for
/// each other.
std::string reduction_text(const ReductionKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  expect_between("lines", kernel.lines, 1, kMostItems);
  expect_between("lanes", kernel.lanes, 1, 64);
  SramPlaces places(hardware, "reduction");
  const std::int64_t in = places.take(kernel.lines * kLine), out = places.take(kernel.threads * kLine, 8 * kLine);
  KernelWriter write;
  for (int thread = 0; thread < kernel.threads; ++thread) {
    const Share share = share_of(kernel.lines, kernel.threads, thread);
    write.thread(thread);
    write.line("li a0 {}", in + share.first * kLine);
    write.line("li a8 {}", out);
    write.over(share.count, 8, [&](std::int64_t count) {
      for (int i = 0; i < count; ++i) {
        write.line("vld v{} a0+{}", i, i * kLine);
        write.line("fma v{0} v{0} v{1}", 16 + i, i);
      }
      write.line("addi a0 {}", count * kLine);
    });
    for (int stride = 4; stride > 0; stride /= 2)
      for (int i = 0; i < stride; ++i) write.line("fma v{0} v{0} v{1}", 16 + i, 16 + i + stride);
    for (int lanes = kernel.lanes; lanes > 1; lanes /= 2) {
      write.line("x v24 v16");
      write.line("fma v16 v16 v24");
    }
    write.line("vst v16 a8+{}", thread * kLine);
  }
  return write.take();
}

/// Eight lines of a column lie in one bank of the default's sixteen: a square of a row-major matrix.
std::string transposition_text(const TranspositionKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  expect_between("lines (a multiple of 8)", kernel.lines, 8, kMostItems);
  expect_between("shuffles of a line", kernel.shuffles, 1, 16);
  constexpr std::int64_t kPitch = 1024;
  const std::int64_t squares = ceil_div<std::int64_t>(kernel.lines, 8);
  SramPlaces places(hardware, "transposition");
  const std::int64_t bands = ceil_div<std::int64_t>(squares, kPitch / kLine);
  const std::int64_t in = places.take(bands * 8 * kPitch), out = places.take(squares * 8 * kLine, 8 * kLine);
  KernelWriter write;
  for (int thread = 0; thread < kernel.threads; ++thread) {
    const Share share = share_of(squares, kernel.threads, thread);
    if (share.count == 0) continue;
    write.thread(thread);
    write.line("li a8 {}", out + share.first * 8 * kLine);
    // Bands of 16 squares side by side.
    for (std::int64_t square = share.first; square < share.first + share.count;) {
      const std::int64_t of_band = kPitch / kLine, column = square % of_band;
      const std::int64_t count = std::min(of_band - column, share.first + share.count - square);
      write.line("li a0 {}", in + square / of_band * 8 * kPitch + column * kLine);
      write.loop(count, [&] {
        for (int i = 0; i < 8; ++i) write.line("vld v{} a0+{}", i, i * kPitch);
        for (int step = 0; step < kernel.shuffles; ++step) {
          const int from = 8 * (step % 3), to = 8 * ((step + 1) % 3), partner = 1 << (step % 3);
          for (int i = 0; i < 8; ++i) write.line("x v{} v{} v{}", to + i, from + i, from + (i ^ partner));
        }
        for (int i = 0; i < 8; ++i) write.line("vst v{} a8+{}", 8 * (kernel.shuffles % 3) + i, i * kLine);
        write.line("addi a0 {}", kLine);
        write.line("addi a8 {}", 8 * kLine);
      });
      square += count;
    }
  }
  return write.take();
}

namespace {

/// `steps` of the inner dimension: a register of B serves all rows; A's elements come 16 a register.
void fp32_steps(KernelWriter& write, int rows, std::int64_t steps) {
  for (int step = 0; step < steps; ++step) {
    const int b = 24 + step % 4, element = step * rows;
    write.line("vld v{} a1+{}", b, step * kLine);
    if (element % 16 < rows) write.line("vld v{} a0+{}", 20 + element / 16 % 4, element / 16 * kLine);
    for (int row = 0; row < rows; ++row) write.line("fma v{0} v{0} v{1} v{2}", row, b, 20 + element / 16 % 4);
  }
  write.line("addi a0 {}", steps * rows * 4 / kLine * kLine);
  write.line("addi a1 {}", steps * kLine);
}

}  // namespace

std::string fp32_product_text(const Fp32ProductKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  expect_between("rows of the product (m)", kernel.m, 1, kMostItems);
  expect_between("columns of the product (n)", kernel.n, 1, kMostItems);
  expect_between("inner dimension (k)", kernel.k, 1, kMostItems);
  expect_between("rows of sums held at once", kernel.rows, 1, 16);
  const std::int64_t row_tiles = ceil_div<std::int64_t>(kernel.m, kernel.rows);
  const std::int64_t tiles = saturating_product(row_tiles, ceil_div<std::int64_t>(kernel.n, 16));
  SramPlaces places(hardware, "fp32 product");
  const std::int64_t a = places.take(saturating_product(saturating_product(row_tiles * kernel.rows, kernel.k), 4));
  const std::int64_t b =
      places.take(saturating_product(ceil_div<std::int64_t>(kernel.n, 16) * kLine, kernel.k), 8 * kLine);
  const std::int64_t out = places.take(saturating_product(tiles, kernel.rows * kLine));
  KernelWriter write;
  for (int thread = 0; thread < kernel.threads; ++thread) {
    const Share share = share_of(tiles, kernel.threads, thread);
    if (share.count == 0) continue;
    write.thread(thread);
    write.line("li a2 {}", out + share.first * kernel.rows * kLine);
    write.loop(share.count, [&] {
      write.line("li a0 {}", a);
      write.line("li a1 {}", b);
      for (int row = 0; row < kernel.rows; ++row) write.line("x v{} v31", row);  // zero
      write.over(kernel.k, 4, [&](std::int64_t steps) { fp32_steps(write, kernel.rows, steps); });
      for (int row = 0; row < kernel.rows; ++row) write.line("vst v{} a2+{}", row, row * kLine);
      write.line("addi a2 {}", kernel.rows * kLine);
    });
  }
  return write.take();
}

namespace {

/// Unpacks bf16 `from` into the two FP32 registers at `to`.
void unpack(KernelWriter& write, int to, int from) {
  for (int half = 0; half < 2; ++half) write.line("x v{} v{}", to + half, from);
}
/// An operation on both halves: result and operands are pairs of registers.
void both(KernelWriter& write, int to, std::initializer_list<int> from) {
  for (int half = 0; half < 2; ++half) {
    std::string operands;
    for (const int pair : from) operands += fmt::format(" v{}", pair + half);
    write.line("fma v{}{}", to + half, operands);
  }
}
/// momentum = factor x momentum + (gradient + decay x weight); weight -= rate x momentum.
void sgd(KernelWriter& write, int b) {
  both(write, b + 6, {b + 6, b + 2});
  both(write, b + 4, {b + 4, b + 6});
  both(write, b + 2, {b + 2, b + 4});
  write.line("x v{} v{} v{}", b + 8, b + 2, b + 3);
}
/// Root and quotient of Adam take this many operations (assumed).
constexpr int kRootAndQuotient = 8;
void adam(KernelWriter& write, int b) {
  unpack(write, b + 8, b + 1);
  both(write, b + 2, {b + 2});
  both(write, b + 2, {b + 2, b + 6});
  both(write, b + 6, {b + 6});
  both(write, b + 4, {b + 4, b + 6});
  both(write, b + 10, {b + 4});
  for (int i = 1; i < kRootAndQuotient; ++i) both(write, b + 10, {b + 10});
  both(write, b + 8, {b + 8, b + 10, b + 2});
  write.line("x v{} v{} v{}", b + 12, b + 8, b + 9);
}

/// Up to two groups of 32 weights, 16 registers each.
void optimizer_groups(KernelWriter& write, bool is_adam, std::int64_t count) {
  for (int i = 0; i < count; ++i) {
    const int b = 16 * i;
    write.line("vld v{} a0+{}", b, i * kLine);
    if (is_adam) write.line("vld v{} a3+{}", b + 1, i * kLine);
    for (int half = 0; half < 2; ++half) {
      write.line("vld v{} a1+{}", b + 2 + half, (2 * i + half) * kLine);
      write.line("vld v{} a2+{}", b + 4 + half, (2 * i + half) * kLine);
    }
    unpack(write, b + 6, b);
    if (is_adam) {
      adam(write, b);
    } else {
      sgd(write, b);
    }
    for (int half = 0; half < 2; ++half) {
      write.line("vst v{} a1+{}", b + 2 + half, (2 * i + half) * kLine);
      write.line("vst v{} a2+{}", b + 4 + half, (2 * i + half) * kLine);
    }
    write.line("vst v{} a3+{}", b + (is_adam ? 12 : 8), i * kLine);
  }
  write.line("addi a0 {}", count * kLine);
  write.line("addi a1 {}", 2 * count * kLine);
  write.line("addi a2 {}", 2 * count * kLine);
  write.line("addi a3 {}", count * kLine);
}

}  // namespace

/// a0: gradients, a1 and a2: FP32 state, a3: weights in bf16.
std::string optimizer_text(const OptimizerKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  expect_between("groups of 32 weights", kernel.groups, 1, kMostItems);
  const bool is_adam = kernel.kind == OptimizerKernel::Kind::kAdam;
  SramPlaces places(hardware, is_adam ? "adam" : "sgd");
  std::array<std::int64_t, 4> at{};
  constexpr std::array<std::int64_t, 4> kLines{1, 2, 2, 1}, kSkew{0, 1, 2, 3};
  for (std::size_t i = 0; i < at.size(); ++i) at[i] = places.take(kernel.groups * kLines[i] * kLine, kSkew[i] * kLine);
  KernelWriter write;
  for (int thread = 0; thread < kernel.threads; ++thread) {
    const Share share = share_of(kernel.groups, kernel.threads, thread);
    if (share.count == 0) continue;
    write.thread(thread);
    for (std::size_t i = 0; i < at.size(); ++i) write.line("li a{} {}", i, at[i] + share.first * kLines[i] * kLine);
    write.over(share.count, 2, [&](std::int64_t count) { optimizer_groups(write, is_adam, count); });
  }
  return write.take();
}

}  // namespace dojo::core
