// SPDX-License-Identifier: Apache-2.0
// Addresses of attention, and its products.
//
// a0 Q, a1 K, a2 S; a11 dO, a12 V, a13 dP; a3 P or dS, a4 V or K, a5 and a6 O or dQ; a14 P^T, a15 dO, a16 and a17 dV;
// a18 dS^T, a19 Q, a20 and a21 dK. Tiles of scores, and what is made of them, lie one behind another through a piece:
// in truth they would lie in a ring, with the same banks.
#include "core/attention_writer.h"

#include <algorithm>
#include <initializer_list>

namespace dojo::core {
namespace {

constexpr std::int64_t kLine = kLineBytes, kSum = 4 * kLine;  ///< 8 x 8 in FP32
constexpr std::int64_t kHalfOfBanks = 8 * kLine;

}  // namespace

void AttentionTiles::set_addresses(const Hardware& hardware, int thread, KernelWriter& write) const {
  SramPlaces places(hardware, "attention");
  const std::int64_t queries = query_blocks(), keys = key_blocks();
  const auto blocks = [&](std::int64_t bytes) { return saturating_product(saturating_product(queries, keys), bytes); };
  const auto place = [&](bool used, int of, std::initializer_list<const char*> addresses, std::int64_t bytes,
                         std::int64_t skew) {
    if (!used) return;
    const std::int64_t at = places.take(bytes, skew);
    for (const char* address : addresses)
      if (of == thread) write.line("li {} {}", address, at);
  };
  const bool grad = !forward();
  const std::int64_t of_queries_bytes = queries * operand_bytes(), of_keys_bytes = keys * operand_bytes();
  place(makes_scores() || of_keys(), kProductThread, {"a0", "a19"}, of_queries_bytes, 0);
  place(makes_scores() || grad, kProductThread, {"a1"}, of_keys_bytes, kHalfOfBanks);
  place(grad, kProductThread, {"a11", "a15"}, of_queries_bytes, 0);
  place(grad, kProductThread, {"a12"}, of_keys_bytes, kHalfOfBanks);
  place(of_queries(), kProductThread, {"a4"}, of_keys_bytes, 0);
  const std::int64_t sums_at = places.take(of_queries() ? queries * sum_bytes() : 0);
  const auto at = [&](int of, std::initializer_list<const char*> addresses, std::int64_t where) {
    for (const char* address : addresses)
      if (of == thread) write.line("li {} {}", address, where);
  };
  at(kProductThread, {"a5", "a6"}, sums_at);
  at(kVectorThread, {"a9"}, sums_at);
  place(of_keys(), kProductThread, {"a16", "a17"}, keys * sum_bytes(), 0);
  place(of_keys(), kProductThread, {"a20", "a21"}, keys * sum_bytes(), 0);
  place(true, kVectorThread, {"a10"}, queries * kRowFigureBytes, 0);
  place(piece_.keeps_scores, kVectorThread, {"a23"}, blocks(block_bytes()), 0);
  const auto shared = [&](bool used, const char* of_products, const char* of_rows, std::int64_t bytes,
                          std::int64_t skew) {
    if (!used) return;
    const std::int64_t where = places.take(blocks(bytes), skew);
    at(kProductThread, {of_products}, where);
    at(kVectorThread, {of_rows}, where);
  };
  shared(makes_scores(), "a2", "a7", kSum, 0);
  shared(grad, "a13", "a22", kSum, kHalfOfBanks / 2);
  shared(of_queries(), "a3", "a8", block_bytes(), kHalfOfBanks);
  shared(of_keys(), "a14", "a24", block_bytes(), kHalfOfBanks);
  shared(of_keys(), "a18", "a25", block_bytes(), kHalfOfBanks);
}

AttentionProducts::AttentionProducts(const AttentionTiles& tiles, const Hardware& hardware, KernelWriter& write)
    : tiles_(tiles), hardware_(hardware), write_(write) {
  const auto put = [](std::vector<MovingAddress>& to, bool used, std::initializer_list<const char*> addresses,
                      std::int64_t bytes) {
    for (const char* address : addresses)
      if (used) to.push_back({address, bytes});
  };
  const std::int64_t operand = tiles.operand_bytes(), sum = tiles.sum_bytes();
  put(scores_by_query_, tiles.makes_scores(), {"a0"}, operand);
  put(scores_by_query_, !tiles.forward(), {"a11"}, operand);
  put(scores_by_key_, tiles.makes_scores(), {"a1"}, operand);
  put(scores_by_key_, !tiles.forward(), {"a12"}, operand);
  put(score_places_, tiles.makes_scores(), {"a2"}, kSum);
  put(score_places_, !tiles.forward(), {"a13"}, kSum);
  put(operand_places_, tiles.of_queries(), {"a3"}, tiles.block_bytes());
  put(operand_places_, tiles.of_keys(), {"a14", "a18"}, tiles.block_bytes());
  put(sums_by_query_, tiles.of_queries(), {"a5", "a6"}, sum);
  put(sums_by_query_, tiles.of_keys(), {"a15", "a19"}, operand);
  put(sums_by_key_, tiles.of_queries(), {"a4"}, operand);
  put(sums_by_key_, tiles.of_keys(), {"a16", "a17", "a20", "a21"}, sum);
}

void AttentionProducts::advance(const std::vector<MovingAddress>& addresses, std::int64_t blocks) {
  for (const MovingAddress& each : addresses) write_.add(each.address, blocks * each.bytes);
}

void AttentionProducts::write(std::int64_t times) {
  if (tiles_.forward()) write_.line("sset {}", kSumsMade);
  const bool one_tile = first_rows() == tiles_.query_blocks() && first_columns() == tiles_.key_blocks();
  if (one_tile) {
    write_.loop(times, [&] {
      scores(first_rows(), first_columns());
      piece(0);
    });
    return;
  }
  scores(first_rows(), first_columns());
  write_.loop(times - 1, [&] { piece(first_rows()); });
  piece(0);
}

/// Its first scores have been made. `rows_behind`: of the first tile of the piece behind it; 0: there is none.
void AttentionProducts::piece(std::int64_t rows_behind) {
  const std::int64_t most = tiles_.tile().queries, full = tiles_.query_blocks() / most;
  const std::int64_t rest = tiles_.query_blocks() % most;
  write_.loop(full - 1, [&] { row(most, most, false); });
  if (full > 0 && rest > 0) row(most, rest, false);
  row(rest > 0 ? rest : most, rows_behind, true);
}

/// Scores are a tile ahead of sums. Behind the last row both begin again with the first block.
void AttentionProducts::row(std::int64_t rows, std::int64_t rows_behind, bool last) {
  const std::int64_t keys = tiles_.key_blocks(), columns = tiles_.tile().keys;
  const std::int64_t full = keys / columns, rest = keys % columns;
  const std::int64_t next_row = last ? rows - tiles_.query_blocks() : rows;
  const std::int64_t places = last ? tiles_.query_blocks() * keys : 0;
  write_.loop(full - 1, [&] {
    scores(rows, columns);
    sums(rows, columns);
  });
  if (full > 0 && rest > 0) {
    scores(rows, rest);
    sums(rows, columns);
  }
  advance(scores_by_key_, -keys);
  advance(scores_by_query_, next_row);
  advance(score_places_, -places);
  if (rows_behind > 0) scores(rows_behind, first_columns());
  sums(rows, rest > 0 ? rest : columns);
  advance(sums_by_key_, -keys);
  advance(sums_by_query_, next_row);
  advance(operand_places_, -places);
}

void AttentionProducts::product(std::int64_t m, std::int64_t n, std::int64_t k, bool accumulates,
                                const ProductRegisters& at) {
  ProductKernel kernel;
  kernel.m = m, kernel.n = n, kernel.k = k;
  kernel.element_bytes = tiles_.piece().element_bytes, kernel.result_bytes = 4;
  kernel.accumulate = accumulates;
  kernel.threads = 1;
  if (hardware_.core.sums == topology::SumPlace::kUnit) {
    if (hardware_.core.unit_sums < 4) kernel.block_columns = 1;
    if (hardware_.core.unit_sums < 2) kernel.block_rows = 1;
  }
  ProductWriter(kernel, hardware_, write_, at).write_within();
}

void AttentionProducts::scores(std::int64_t rows, std::int64_t columns) {
  const std::int64_t head = tiles_.piece().head_size;
  if (tiles_.makes_scores()) product(8 * rows, 8 * columns, head, false, {"a0", "a1", "a2", "a2"});
  if (!tiles_.forward()) product(8 * rows, 8 * columns, head, false, {"a11", "a12", "a13", "a13"});
  write_.line("sset {}", kScoresMade);
  advance(scores_by_key_, columns);
  advance(score_places_, rows * columns);
}

void AttentionProducts::sums(std::int64_t rows, std::int64_t columns) {
  const std::int64_t head = tiles_.piece().head_size;
  write_.line("swait {}", kScoresDone);
  if (tiles_.of_queries()) product(8 * rows, head, 8 * columns, true, {"a3", "a4", "a5", "a6"});
  if (tiles_.of_keys()) {
    product(8 * columns, head, 8 * rows, true, {"a14", "a15", "a16", "a17"});
    product(8 * columns, head, 8 * rows, true, {"a18", "a19", "a20", "a21"});
  }
  if (tiles_.forward()) write_.line("sset {}", kSumsMade);
  advance(sums_by_key_, columns);
  advance(operand_places_, rows * columns);
}

}  // namespace dojo::core
