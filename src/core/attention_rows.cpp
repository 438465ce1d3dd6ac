// SPDX-License-Identifier: Apache-2.0
// The FMA and shuffle units' part of attention.
//
// a7 S, a22 dP, a23 kept P, a8 P or dS, a24 P^T, a25 dS^T, a9 O, a10 figures of rows.
#include "core/attention_writer.h"

namespace dojo::core {
namespace {

constexpr std::int64_t kLine = kLineBytes, kSum = 4 * kLine;  ///< 8 x 8 in FP32
constexpr int kExponential = 4;                               ///< operations (assumed)
constexpr int kLanesOfRow = 8;

/// Lines of so many rows and columns of blocks by `body(register, row, place)`.
template <class Body>
void each_line(std::int64_t rows, std::int64_t columns, Body&& body) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t line = 0; line < 4 * columns; ++line)
      body(8 * row + line, 4 * row + line % 4, (4 * columns * row + line) * kLine);
}

}  // namespace

void AttentionRows::write(std::int64_t times) {
  const node::AttentionTile most = tiles_.tile();
  const std::int64_t all = tiles_.query_blocks() * tiles_.key_blocks();
  write_.loop(times, [&] {
    write_.over(tiles_.query_blocks(), most.queries, [&](std::int64_t rows) {
      write_.over(tiles_.key_blocks(), most.keys, [&](std::int64_t columns) { tile(rows, columns); });
      if (tiles_.forward()) write_.add("a9", rows * tiles_.sum_bytes());
      write_.add("a10", rows * kRowFigureBytes);
    });
    if (tiles_.makes_scores()) write_.add("a7", -all * kSum);
    if (!tiles_.forward()) write_.add("a22", -all * kSum);
    if (tiles_.piece().keeps_scores) write_.add("a23", -all * block_bytes());
    if (tiles_.of_queries()) write_.add("a8", -all * block_bytes());
    add_turned(-all * block_bytes());
    if (tiles_.forward()) write_.add("a9", -tiles_.query_blocks() * tiles_.sum_bytes());
    write_.add("a10", -tiles_.query_blocks() * kRowFigureBytes);
  });
  if (tiles_.forward()) write_.line("swait {}", kSumsMade);
}

void AttentionRows::tile(std::int64_t rows, std::int64_t columns) {
  write_.line("swait {}", kScoresMade);
  if (tiles_.forward()) {
    soften(rows, columns);
  } else {
    write_.over(rows, 2, [&](std::int64_t pair) { gradient(pair, columns, rows); });
    add_turned((columns - 1) * rows * block_bytes());
    write_.add("a10", -rows * kRowFigureBytes);
  }
  write_.line("sset {}", kScoresDone);
}

// ---- Forward. v0 to v15: 2 x 2 blocks; v16 to v23: maxima; v24 to v31: what a new maximum scales by, then sums.

void AttentionRows::soften(std::int64_t rows, std::int64_t columns) {
  write_.over(columns, 2, [&](std::int64_t wide) {
    each_line(rows, wide, [&](auto v, auto, auto place) { write_.line("vld v{} a7+{}", v, place); });
    each_line(rows, wide, [&](auto v, auto row, auto) { write_.line("fma v{0} v{0} v{1}", 16 + row, v); });
    write_.add("a7", rows * wide * kSum);
  });
  write_.add("a7", -rows * columns * kSum);
  new_maximum(rows);
  write_.over(columns, 2, [&](std::int64_t wide) {
    each_line(rows, wide, [&](auto v, auto, auto place) { write_.line("vld v{} a7+{}", v, place); });
    each_line(rows, wide, [&](auto v, auto row, auto) { write_.line("fma v{0} v{0} v{1}", v, 16 + row); });
    for (int i = 0; i < kExponential; ++i)
      each_line(rows, wide, [&](auto v, auto, auto) { write_.line("fma v{0} v{0}", v); });
    each_line(rows, wide, [&](auto v, auto row, auto) { write_.line("fma v{0} v{0} v{1}", 24 + row, v); });
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < wide; ++column) {
        const auto first = static_cast<int>(8 * row + 4 * column);
        pack(first, first, "a8", (row * columns + column) * block_bytes());
        for (Bytes half = 0; tiles_.piece().keeps_scores && half < tiles_.piece().element_bytes; ++half)
          write_.line("vst v{} a23+{}", first + 1 + 2 * half, (row * wide + column) * block_bytes() + half * kLine);
      }
    }
    write_.add("a7", rows * wide * kSum);
    write_.add("a8", wide * block_bytes());
    if (tiles_.piece().keeps_scores) write_.add("a23", rows * wide * block_bytes());
  });
  write_.add("a8", (rows - 1) * columns * block_bytes());
  for (std::int64_t row = 0; row < 4 * rows; ++row) write_.line("vst v{} a10+{}", 24 + row, (4 * rows + row) * kLine);
  rescale(rows);
}

/// Across the lanes of each row, then with what was the maximum so far.
void AttentionRows::new_maximum(std::int64_t rows) {
  const auto each = [&](auto&& body) {
    for (std::int64_t i = 0; i < 4 * rows; ++i) body(16 + i, 24 + i, i * kLine);
  };
  for (int lanes = kLanesOfRow; lanes > 1; lanes /= 2) {
    each([&](auto maximum, auto other, auto) { write_.line("x v{} v{}", other, maximum); });
    each([&](auto maximum, auto other, auto) { write_.line("fma v{0} v{0} v{1}", maximum, other); });
  }
  each([&](auto, auto other, auto place) { write_.line("vld v{} a10+{}", other, place); });
  each([&](auto maximum, auto other, auto) { write_.line("fma v{0} v{0} v{1}", maximum, other); });
  each([&](auto maximum, auto other, auto) { write_.line("fma v{0} v{0} v{1}", other, maximum); });
  for (int i = 0; i < kExponential; ++i) each([&](auto, auto other, auto) { write_.line("fma v{0} v{0}", other); });
  each([&](auto maximum, auto, auto place) { write_.line("vst v{} a10+{}", maximum, place); });
  // What sums of old are scaled by; those of the rows, here.
  each([&](auto, auto other, auto place) { write_.line("vst v{} a10+{}", other, 8 * rows * kLine + place); });
  each([&](auto, auto other, auto place) { write_.line("vld v{} a10+{}", other - 24, 4 * rows * kLine + place); });
  each([&](auto, auto other, auto) { write_.line("fma v{0} v{1} v{0}", other, other - 24); });
}

/// What has been summed up, for the new maximum, once the other thread has added the tile before.
void AttentionRows::rescale(std::int64_t rows) {
  for (std::int64_t i = 0; i < 4 * rows; ++i) write_.line("vld v{} a10+{}", 24 + i, (8 * rows + i) * kLine);
  write_.line("swait {}", kSumsMade);
  write_.over(tiles_.head_blocks(), 2, [&](std::int64_t wide) {
    each_line(rows, wide, [&](auto v, auto, auto place) { write_.line("vld v{} a9+{}", v, place); });
    each_line(rows, wide, [&](auto v, auto row, auto) { write_.line("fma v{0} v{0} v{1}", v, 24 + row); });
    each_line(rows, wide, [&](auto v, auto, auto place) { write_.line("vst v{} a9+{}", v, place); });
    write_.add("a9", rows * wide * kSum);
  });
  write_.add("a9", -rows * tiles_.sum_bytes());
}

/// The four registers of a block in FP32 become the operand of a product, and are stored.
void AttentionRows::pack(int to, int from, const char* address, std::int64_t at) {
  write_.line("x v{} v{} v{}", to, from, from + 1);
  write_.line("x v{} v{} v{}", to + 2, from + 2, from + 3);
  for (int half = 0; half < tiles_.piece().element_bytes; ++half)
    write_.line("x v{} v{} v{}", to + 1 + 2 * half, to, to + 2);
  for (int half = 0; half < tiles_.piece().element_bytes; ++half)
    write_.line("vst v{} {}+{}", to + 1 + 2 * half, address, at + half * kLine);
}

// ---- Gradient. v0 to v7: P of two blocks, v8 to v15: dP; v16 to v23: logarithms of the rows' sums; v24 to v31: D.

void AttentionRows::gradient(std::int64_t rows, std::int64_t columns, std::int64_t row_blocks) {
  for (std::int64_t i = 0; i < 4 * rows; ++i) {
    if (tiles_.makes_scores()) write_.line("vld v{} a10+{}", 16 + i, i * kLine);
    write_.line("vld v{} a10+{}", 24 + i, (4 * rows + i) * kLine);
  }
  write_.over(columns, 2, [&](std::int64_t wide) {
    for (std::int64_t row = 0; row < rows; ++row) gradient_of_row(row, wide, row_blocks, columns);
    if (tiles_.makes_scores()) write_.add("a7", rows * wide * kSum);
    if (!tiles_.makes_scores()) write_.add("a23", rows * wide * block_bytes());
    write_.add("a22", rows * wide * kSum);
    if (tiles_.of_queries()) write_.add("a8", wide * block_bytes());
    add_turned(wide * row_blocks * block_bytes());
  });
  if (tiles_.of_queries()) write_.add("a8", (rows - 1) * columns * block_bytes());
  add_turned((rows - columns * row_blocks) * block_bytes());
  write_.add("a10", rows * kRowFigureBytes);
}

/// P^T and dS^T.
void AttentionRows::add_turned(std::int64_t bytes) {
  if (!tiles_.of_keys()) return;
  for (const char* address : {"a24", "a25"}) write_.add(address, bytes);
}

void AttentionRows::gradient_of_row(std::int64_t row, std::int64_t columns, std::int64_t row_blocks,
                                    std::int64_t column_blocks) {
  const std::int64_t first = row * 4 * columns;
  const auto each = [&](auto&& body) {
    for (std::int64_t i = 0; i < 4 * columns; ++i) body(i, 8 + i, 4 * row + i % 4, (first + i) * kLine);
  };
  if (tiles_.makes_scores()) {
    each([&](auto p, auto, auto, auto place) { write_.line("vld v{} a7+{}", p, place); });
  } else {
    for (std::int64_t block = 0; block < columns; ++block) load_kept(block, (row * columns + block) * block_bytes());
  }
  each([&](auto, auto dp, auto, auto place) { write_.line("vld v{} a22+{}", dp, place); });
  if (tiles_.makes_scores()) {
    each([&](auto p, auto, auto figure, auto) { write_.line("fma v{0} v{0} v{1}", p, 16 + figure); });
    for (int i = 0; i < kExponential; ++i) each([&](auto p, auto, auto, auto) { write_.line("fma v{0} v{0}", p); });
  }
  each([&](auto, auto dp, auto figure, auto) { write_.line("fma v{0} v{0} v{1}", dp, 24 + figure); });
  each([&](auto p, auto dp, auto, auto) { write_.line("fma v{0} v{0} v{1}", dp, p); });
  for (int i = 0; i < 2; ++i) each([&](auto, auto dp, auto, auto) { write_.line("fma v{0} v{0}", dp); });
  for (std::int64_t block = 0; block < columns; ++block) {
    const auto p = static_cast<int>(4 * block), dp = p + 8;
    const std::int64_t turned = (block * row_blocks + row) * block_bytes();
    if (tiles_.of_keys()) {
      pack(p, p, "a24", turned);
      pack(p, dp, "a25", turned);
    }
    if (tiles_.of_queries()) pack(dp, dp, "a8", (row * column_blocks + block) * block_bytes());
  }
}

/// The lines of a block are unpacked into four registers.
void AttentionRows::load_kept(std::int64_t block, std::int64_t at) {
  const std::int64_t first = 4 * block, lines = tiles_.piece().element_bytes;
  for (std::int64_t line = 0; line < lines; ++line)
    write_.line("vld v{} a23+{}", first + 4 - lines + line, at + line * kLine);
  for (std::int64_t i = 0; i < 4; ++i) write_.line("x v{} v{}", first + i, first + 4 - lines + i * lines / 4);
}

}  // namespace dojo::core
