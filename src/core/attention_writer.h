// SPDX-License-Identifier: Apache-2.0
// Writes attention in tiles: one thread makes scores and uses them, by products; the other works on them in between.
#pragma once
#include <vector>

#include "core/product_writer.h"
#include "dojo/node/attention_cost.h"

namespace dojo::core {

/// Threads, and semaphores between them. StepPrograms has 0 to 3.
inline constexpr int kProductThread = 0, kVectorThread = 1;
inline constexpr int kScoresMade = 4, kScoresDone = 5, kSumsMade = 6;

/// Three figures of each of 8 rows: maximum or logarithm of the sum; sum or D; what a new maximum scales by.
inline constexpr std::int64_t kRowFigureBytes = 3 * 4 * kLineBytes;

/// An address that goes along with blocks of queries, or of keys.
struct MovingAddress {
  const char* address;
  std::int64_t bytes;  ///< of a block
};

/// What both threads know of a piece.
class AttentionTiles {
 public:
  explicit AttentionTiles(const node::AttentionPiece& piece) : piece_(piece) {}

  [[nodiscard]] bool forward() const { return piece_.work == node::AttentionWork::kForward; }
  [[nodiscard]] bool makes_scores() const { return forward() || !piece_.keeps_scores; }
  [[nodiscard]] bool of_keys() const {
    return piece_.work == node::AttentionWork::kGradients || piece_.work == node::AttentionWork::kKeyGradients;
  }
  [[nodiscard]] bool of_queries() const { return piece_.work != node::AttentionWork::kKeyGradients; }
  [[nodiscard]] std::int64_t query_blocks() const { return ceil_div<std::int64_t>(piece_.queries, 8); }
  [[nodiscard]] std::int64_t key_blocks() const { return ceil_div<std::int64_t>(piece_.keys, 8); }
  [[nodiscard]] std::int64_t head_blocks() const { return ceil_div<std::int64_t>(piece_.head_size, 8); }
  /// Of the sums of 8 queries or keys, in FP32.
  [[nodiscard]] std::int64_t sum_bytes() const { return 4 * kLineBytes * head_blocks(); }
  [[nodiscard]] std::int64_t operand_bytes() const {
    return ceil_div<std::int64_t>(8 * piece_.head_size * piece_.element_bytes, kLineBytes) * kLineBytes;
  }
  /// 8 x 8 in the operands' format.
  [[nodiscard]] std::int64_t block_bytes() const { return piece_.element_bytes * kLineBytes; }
  [[nodiscard]] const node::AttentionPiece& piece() const { return piece_; }
  /// Of a tile, at most.
  [[nodiscard]] node::AttentionTile tile() const { return node::attention_tile(piece_); }

  void set_addresses(const Hardware& hardware, int thread, KernelWriter& write) const;

 private:
  const node::AttentionPiece& piece_;
};

/// All products of one piece, `times` over.
class AttentionProducts {
 public:
  AttentionProducts(const AttentionTiles& tiles, const Hardware& hardware, KernelWriter& write);
  void write(std::int64_t times);

 private:
  void piece(std::int64_t rows_behind);
  void row(std::int64_t rows, std::int64_t rows_behind, bool last);
  void scores(std::int64_t rows, std::int64_t columns);
  void sums(std::int64_t rows, std::int64_t columns);
  void product(std::int64_t m, std::int64_t n, std::int64_t k, bool accumulates, const ProductRegisters& at);
  void advance(const std::vector<MovingAddress>& addresses, std::int64_t blocks);
  [[nodiscard]] std::int64_t first_columns() const { return std::min(tiles_.tile().keys, tiles_.key_blocks()); }
  [[nodiscard]] std::int64_t first_rows() const { return std::min(tiles_.tile().queries, tiles_.query_blocks()); }

  const AttentionTiles& tiles_;
  const Hardware& hardware_;
  KernelWriter& write_;
  std::vector<MovingAddress> scores_by_query_, scores_by_key_, score_places_;
  std::vector<MovingAddress> sums_by_query_, sums_by_key_, operand_places_;
};

/// What the FMA and shuffle units do between scores and sums.
class AttentionRows {
 public:
  AttentionRows(const AttentionTiles& tiles, KernelWriter& write) : tiles_(tiles), write_(write) {}
  void write(std::int64_t times);

 private:
  void tile(std::int64_t rows, std::int64_t columns);
  // Of two rows of blocks at most.
  void soften(std::int64_t rows, std::int64_t columns);
  void new_maximum(std::int64_t rows);
  void rescale(std::int64_t rows);
  void gradient(std::int64_t rows, std::int64_t columns, std::int64_t row_blocks);
  void gradient_of_row(std::int64_t row, std::int64_t columns, std::int64_t row_blocks, std::int64_t column_blocks);
  void add_turned(std::int64_t bytes);
  void load_kept(std::int64_t block, std::int64_t at);
  void pack(int to, int from, const char* address, std::int64_t at);
  [[nodiscard]] std::int64_t block_bytes() const { return tiles_.block_bytes(); }

  const AttentionTiles& tiles_;
  KernelWriter& write_;
};

}  // namespace dojo::core
