// SPDX-License-Identifier: Apache-2.0
// Kernels of pieces, and what stands for the longest of them.
#include "dojo/core/piece_times.h"

#include <algorithm>
#include <cmath>

#include "core/piece_text.h"
#include "dojo/core/assembler.h"
#include "dojo/core/core.h"

namespace dojo::core {
namespace {

using node::ProductWork;
using node::StreamWork;

/// Longer pieces are extrapolated.
constexpr std::int64_t kMostIssues = 1 << 15, kMostUnits = 1 << 11, kMostScores = 1 << 16;
/// Queries or keys after which the kernel of attention does the same again.
constexpr std::int64_t kScoresTurn = 128;

/// Cycles at `at` on the line through two points.
Cycles on_line(std::int64_t x1, Cycles y1, std::int64_t x2, Cycles y2, std::int64_t at) {
  const Int128 more = Int128{y2 - y1} * (at - x2);
  const Int128 cycles = y2 + (more + (x2 - x1) - 1) / (x2 - x1);
  return cycles > std::numeric_limits<Cycles>::max() ? std::numeric_limits<Cycles>::max() : static_cast<Cycles>(cycles);
}

/// A dimension of a product, in turns after which the kernel does the same again.
struct Dimension {
  std::int64_t ProductWork::*size;
  std::int64_t turn;
};
constexpr std::array<Dimension, 3> kDimensions{{{&ProductWork::m, 32}, {&ProductWork::n, 32}, {&ProductWork::k, 64}}};

std::int64_t issues_of(const ProductWork& piece, const Hardware& hardware) {
  const auto product = [](std::int64_t a, std::int64_t b, std::int64_t c) {
    return saturating_product(saturating_product(a, b), c);
  };
  if (piece.element_bytes >= 4) return product(piece.m, ceil_div<std::int64_t>(piece.n, 16), piece.k);
  return product(ceil_div(piece.m, hardware.matrix_rows), ceil_div(piece.n, hardware.matrix_columns),
                 ceil_div(piece.k, hardware.matrix_depth));
}

StreamWork shortened(const StreamWork& all, std::int64_t units) {
  const auto share = [&](std::int64_t items) {
    return static_cast<std::int64_t>((Int128{items} * units + all.units - 1) / all.units);
  };
  StreamWork some{units,   share(all.loads), share(all.stores), share(all.fma), share(all.unpacks), share(all.packs),
                  all.rows};
  some.rows.rows = share(all.rows.rows);
  return some;
}

}  // namespace

PieceTimes::PieceTimes(const node::NodeCost& formulas) : hardware_(formulas.params()), formulas_(formulas) {
  check_kernels(hardware_, kComputeThreads);
  hardware_.sram_bytes = std::int64_t{1} << 30;
}

template <class Run>
Cycles PieceTimes::known(const Key& key, Cycles formula, Run&& run) {
  const auto [at, is_new] = times_.try_emplace(key, 0);
  if (!is_new) return at->second;
  at->second = run();
  ++tally_.pieces;
  const double error = std::abs(static_cast<double>(formula) / static_cast<double>(at->second) - 1);
  tally_.error_sum += error;
  tally_.beyond_10_percent += error > 0.1 ? 1 : 0;
  return at->second;
}

Cycles PieceTimes::product(const ProductWork& piece) {
  if (piece.m <= 0 || piece.n <= 0 || piece.k <= 0) return 0;
  const Key key{0, piece.m, piece.n, piece.k, piece.element_bytes, piece.result_bytes, piece.accumulate ? 1 : 0};
  return known(key, formulas_.product(piece), [&] { return product_of(piece); });
}

Cycles PieceTimes::vector(const node::VectorPiece& piece) {
  const StreamWork work = formulas_.stream(piece);
  if (work.units == 0) return 0;
  const node::RowWork& rows = work.rows;
  const Key key{1,          work.units, work.loads,  work.stores, work.fma,        work.unpacks,
                work.packs, rows.rows,  rows.chains, rows.sums,   rows.operations, rows.lanes};
  return known(key, formulas_.vector(piece), [&] { return stream_of(work); });
}

Cycles PieceTimes::attention(const node::AttentionPart& part) {
  const node::AttentionPiece& piece = part.piece;
  const Cycles formula = node::attention_part_cycles(formulas_, part);
  if (formula == 0 || !node::attention_has_program(piece)) return formula;
  const Key key{2,
                piece.queries,
                piece.keys,
                piece.head_size,
                piece.element_bytes,
                static_cast<std::int64_t>(piece.work),
                piece.keeps_scores ? 1 : 0,
                part.times};
  return known(key, formula, [&] { return attention_of(part); });
}

/// Of many equal pieces, or many blocks, fewer of them and half of those run.
Cycles PieceTimes::attention_of(const node::AttentionPart& part) {
  constexpr std::int64_t kFewPieces = 2, kSomePieces = 4;
  const auto of_times = [&](std::int64_t times) { return attention_of({part.piece, times}); };
  if (part.times > kSomePieces)
    return on_line(kFewPieces, of_times(kFewPieces), kSomePieces, of_times(kSomePieces), part.times);
  const auto size =
      part.piece.keys >= part.piece.queries ? &node::AttentionPiece::keys : &node::AttentionPiece::queries;
  const std::int64_t all = part.piece.*size;
  const std::int64_t scores = saturating_product(part.times, saturating_product(part.piece.queries, part.piece.keys));
  const std::int64_t turns =
      std::max<std::int64_t>(4, all / std::max<std::int64_t>(1, scores / kMostScores) / kScoresTurn);
  if (scores <= kMostScores || turns >= all / kScoresTurn) {
    return run_text(piece_text({part}, hardware_).text);
  }
  const auto of_size = [&](std::int64_t rows) {
    node::AttentionPart some = part;
    some.piece.*size = rows;
    return attention_of(some);
  };
  const std::int64_t longer = all % kScoresTurn + turns * kScoresTurn;
  const std::int64_t shorter = all % kScoresTurn + turns / 2 * kScoresTurn;
  return on_line(shorter, of_size(shorter), longer, of_size(longer), all);
}

Cycles PieceTimes::product_of(const ProductWork& piece) {
  const std::int64_t issues = issues_of(piece, hardware_);
  if (issues <= kMostIssues) return run_product(piece);
  // The dimension of most turns is cut: what is left of it grows by whole turns.
  const auto most = std::max_element(
      kDimensions.begin(), kDimensions.end(),
      [&](const Dimension& a, const Dimension& b) { return piece.*a.size / a.turn < piece.*b.size / b.turn; });
  constexpr std::int64_t kFewestTurns = 4;
  const std::int64_t size = piece.*most->size;
  const auto wanted = static_cast<std::int64_t>(Int128{size} * kMostIssues / issues / most->turn);
  const std::int64_t turns = std::max(kFewestTurns, wanted);
  if (turns >= size / most->turn) return run_product(piece);
  ProductWork longer = piece, shorter = piece;
  longer.*most->size = size % most->turn + turns * most->turn;
  shorter.*most->size = size % most->turn + turns / 2 * most->turn;
  return on_line(shorter.*most->size, product_of(shorter), longer.*most->size, product_of(longer), size);
}

Cycles PieceTimes::stream_of(const StreamWork& work) {
  const auto run = [this](const StreamWork& some) { return run_text(piece_text(some, hardware_).text); };
  if (work.units <= kMostUnits) return run(work);
  return on_line(kMostUnits / 2, run(shortened(work, kMostUnits / 2)), kMostUnits, run(shortened(work, kMostUnits)),
                 work.units);
}

Cycles PieceTimes::run_product(const ProductWork& piece) {
  const PieceText text = piece_text(piece, formulas_, hardware_);
  return run_text(text.text) + text.more;
}

Cycles PieceTimes::run_text(const std::string& text) {
  const Assembly assembly = assemble(text, "kernel");
  const auto cycles = static_cast<Cycles>(run(assembly.work(), hardware_).cycles);
  tally_.simulated_cycles = saturating_sum(tally_.simulated_cycles, cycles);
  return cycles;
}

}  // namespace dojo::core
