// SPDX-License-Identifier: Apache-2.0
// Claims of attention on the resources of a core.
//
//   products    forward    S = Q K^T, O += P V
//               gradients  S again unless it was kept, dP = dO V^T, dV += P^T dO, dK += dS^T Q, dQ += dS K; in two
//                          passes the first two in each
//   FMA unit, FP32, for each score
//               forward    7: maximum, scaled difference, exponential (4, assumed), sum; for each tile and row 10, and
//                          one for each element of O, which a new maximum scales
//               gradient   5: scaled difference and exponential, unless scores were kept; 4: P (dP - D), scale, sum
//   shuffles    P, P^T, dS and dS^T are packed, each that a product wants
//
// As the kernel of the core's pipeline has it (dojo/core): tile by tile, one thread makes the scores of the next tile
// and the sums of the one before, while the other works on scores. Without a program: the largest of products with the
// vector unit's loads, vector unit, and stores.
#include "dojo/node/attention_cost.h"

#include <algorithm>
#include <limits>

namespace dojo::node {
namespace {

constexpr std::int64_t kBlockOfKeys = 128;  // assumed
constexpr Bytes kFp32 = 4;
constexpr std::int64_t kBlock = 8;  ///< rows of a block of the matrix unit
/// Sides of a tile of scores, in blocks (assumed).
constexpr std::int64_t kFewBlocks = 2, kManyBlocks = 16, kSquareBlocks = 8;

/// Operations of a score: a multiply-add is one.
constexpr std::int64_t kSoftmax = 7, kSoftmaxAgain = 5, kGradient = 4;
constexpr Cycles kFirstInstruction = 2;  ///< fetch and decode
/// Of three moments at which both threads want an address, two cost a cycle. Fitted to the pipeline.
constexpr int kMeetingsOfThree = 2;

std::int64_t scores_of(const AttentionPiece& p) {
  return saturating_product(p.queries, p.keys);
}

Cycles products(const NodeCost& cost, const AttentionPiece& p) {
  const std::int64_t q = p.queries, k = p.keys, d = p.head_size;
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t depth, bool sums) {
    return cost.product({m, n, depth, p.element_bytes, kFp32, sums});
  };
  const Cycles scores = product(q, k, d, false);
  if (p.work == AttentionWork::kForward) return saturating_sum(scores, product(q, d, k, true));
  Cycles sum = saturating_product(p.keeps_scores ? 1 : 2, scores);  // S, dP
  if (p.work != AttentionWork::kQueryGradient) sum = saturating_sum(sum, saturating_product(2, product(k, d, q, true)));
  if (p.work != AttentionWork::kKeyGradients) sum = saturating_sum(sum, product(q, d, k, true));
  return sum;
}

/// A multiply-add is one: scale and difference, scaling O and adding to it, the sum of the gradient's row.
std::int64_t vector_operations(const AttentionPiece& p) {
  const std::int64_t scores = scores_of(p);
  if (p.work != AttentionWork::kForward)
    return saturating_product(scores, kGradient + (p.keeps_scores ? 0 : kSoftmaxAgain));
  return saturating_sum(saturating_product(scores, kSoftmax),
                        saturating_product(ceil_div(p.keys, kBlockOfKeys), saturating_product(p.queries, p.head_size)));
}

}  // namespace

AttentionTile attention_tile(const AttentionPiece& p) {
  const std::int64_t queries = ceil_div(p.queries, kBlock), keys = ceil_div(p.keys, kBlock);
  AttentionTile tile{kFewBlocks, kManyBlocks};
  if (p.work == AttentionWork::kGradients) tile = {kSquareBlocks, kSquareBlocks};
  if (p.work == AttentionWork::kKeyGradients) tile = {kManyBlocks, kFewBlocks};
  std::int64_t rows = ceil_div(queries, tile.queries), columns = ceil_div(keys, tile.keys);
  if (rows == 1 && columns == 1) ++(keys >= queries ? columns : rows);
  return {ceil_div(queries, rows), ceil_div(keys, columns)};
}

std::int64_t attention_vector_flops(const AttentionPiece& p) {
  constexpr std::int64_t kSoftmaxFlops = 8, kAgainFlops = 6, kGradientFlops = 4;
  const std::int64_t scores = scores_of(p);
  if (p.work != AttentionWork::kForward)
    return saturating_product(scores, kGradientFlops + (p.keeps_scores ? 0 : kAgainFlops));
  const std::int64_t blocks = ceil_div(p.keys, kBlockOfKeys);
  return saturating_sum(saturating_product(scores, kSoftmaxFlops),
                        saturating_product(2 * blocks, saturating_product(p.queries, p.head_size)));
}

namespace {

void add(SharedWork& sum, const SharedWork& more, std::int64_t times) {
  sum.alone = saturating_sum(sum.alone, saturating_product(times, more.alone));
  sum.addresses = saturating_sum(sum.addresses, saturating_product(times, more.addresses));
  sum.slots = saturating_sum(sum.slots, saturating_product(times, more.slots));
}

/// What the threads do for a tile: one makes scores and sums up, the other works in between.
struct TileWork {
  SharedWork scores, between, sums;
};

/// FMA and shuffle unit, on a tile of so many blocks. Lines are those of blocks in FP32.
SharedWork between_products(const NodeCost& cost, const AttentionPiece& p, AttentionTile tile) {
  const topology::NodeParams& node = cost.params();
  const bool forward = p.work == AttentionWork::kForward;
  const std::int64_t blocks = saturating_product(tile.queries, tile.keys);
  const std::int64_t of_block = ceil_div(kBlock * kBlock * kFp32, node.vector_bytes_per_cycle);
  const std::int64_t lines = saturating_product(blocks, of_block), pairs = ceil_div<std::int64_t>(tile.keys, 2);
  // Each form of P and dS that a product wants is packed: two operations to join lines, one for each line stored.
  const std::int64_t forms = p.work == AttentionWork::kGradients ? 3 : p.work == AttentionWork::kKeyGradients ? 2 : 1;
  const std::int64_t packed = saturating_product(blocks, p.element_bytes), unpacks = forward ? 0 : lines;
  const std::int64_t shuffles = saturating_sum(
      saturating_product(forms, saturating_product(blocks, 2 + p.element_bytes)), p.keeps_scores ? unpacks : 0);
  // From the first load of a pass to its first result, and where the last operations of a pair of blocks wait.
  const Cycles pass = kFirstInstruction + node.sram_latency_cycles + node.vector_latency_cycles;
  std::int64_t fma = 0, loads = 0, stores = saturating_product(forms, packed);
  Cycles idle = 0;
  if (forward) {
    constexpr std::int64_t kOfRow = 10, kFigures = 4, kFiguresStored = 3;
    const std::int64_t rows = saturating_product(of_block, tile.queries);
    const std::int64_t sums = saturating_product(rows, ceil_div(p.head_size, kBlock));
    fma = saturating_sum(saturating_product(lines, kSoftmax), saturating_sum(sums, saturating_product(rows, kOfRow)));
    loads = saturating_sum(saturating_product(2, lines), saturating_sum(sums, kFigures * rows));
    stores = saturating_sum(stores, saturating_sum(sums, kFiguresStored * rows));
    if (p.keeps_scores) stores = saturating_sum(stores, packed);
    if (tile.queries == 1) idle = saturating_product(pairs, kFirstInstruction + node.core.shuffle_latency_cycles);
    idle = saturating_sum(idle, 2 * pass);
  } else {
    fma = saturating_product(lines, p.keeps_scores ? kGradient : kGradient + kSoftmaxAgain);
    loads = saturating_sum(lines, p.keeps_scores ? packed : lines);
    idle = saturating_product(saturating_product(pairs, tile.queries),
                              kFirstInstruction + node.vector_latency_cycles + node.core.shuffle_latency_cycles);
    idle = saturating_sum(idle, pass);
  }
  SharedWork work;
  work.addresses = cost.pipeline().address_cycles(loads, stores);
  work.alone = std::max(saturating_sum(std::max(fma, shuffles), idle), work.addresses);
  work.slots = saturating_sum(saturating_sum(fma, shuffles), node.core.load_takes_vector_slot ? loads : 0);
  return work;
}

TileWork work_of_tile(const NodeCost& cost, const AttentionPiece& p, AttentionTile tile) {
  const std::int64_t q = kBlock * tile.queries, k = kBlock * tile.keys, d = p.head_size;
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t depth, bool sums) {
    return cost.pipeline().product_within({m, n, depth, p.element_bytes, kFp32, sums});
  };
  TileWork work;
  add(work.scores, product(q, k, d, false), p.work == AttentionWork::kForward || p.keeps_scores ? 1 : 2);
  if (p.work != AttentionWork::kKeyGradients) add(work.sums, product(q, d, k, true), 1);
  if (p.work == AttentionWork::kGradients || p.work == AttentionWork::kKeyGradients)
    add(work.sums, product(k, d, q, true), 2);
  work.between = between_products(cost, p, tile);
  return work;
}

Cycles by_tiles(const NodeCost& cost, const AttentionPart& part) {
  const AttentionPiece& p = part.piece;
  const AttentionTile most = attention_tile(p);
  const std::int64_t queries = ceil_div(p.queries, kBlock), keys = ceil_div(p.keys, kBlock);
  const AttentionTile full{queries / most.queries, keys / most.keys}, rest{queries % most.queries, keys % most.keys};
  SharedWork products, between;
  const auto add_tiles = [&](AttentionTile tile, std::int64_t count) {
    if (count == 0 || tile.queries == 0 || tile.keys == 0) return;
    const TileWork work = work_of_tile(cost, p, tile);
    const std::int64_t times = saturating_product(count, part.times);
    add(products, work.scores, times);
    add(products, work.sums, times);
    add(between, work.between, times);
  };
  add_tiles(most, saturating_product(full.queries, full.keys));
  add_tiles({most.queries, rest.keys}, full.queries);
  add_tiles({rest.queries, most.keys}, full.keys);
  add_tiles(rest, 1);
  const bool one_tile = queries == most.queries && keys == most.keys;
  if (one_tile) return saturating_sum(products.alone, between.alone);
  // The busier thread, with what it waits for in the first tile and in the last one.
  const TileWork tile = work_of_tile(cost, p, most);
  const Cycles first = std::max<Cycles>(0, tile.between.alone - tile.scores.alone);
  const Cycles last = std::max<Cycles>(0, tile.between.alone - tile.sums.alone);
  const Cycles by_products = saturating_sum(products.alone, saturating_sum(first, last));
  const Cycles by_between = saturating_sum(between.alone, saturating_sum(tile.scores.alone, tile.sums.alone));
  // Where both want an address, one of them waits.
  const Cycles busier = std::max(products.alone, between.alone);
  const auto both = Int128{products.addresses} * between.addresses * kMeetingsOfThree / (3 * Int128{busier});
  const Cycles waits = static_cast<Cycles>(std::min<Int128>(both, std::numeric_limits<Cycles>::max()));
  const Cycles slots =
      ceil_div(saturating_sum(products.slots, between.slots), cost.params().core.vector_issues_per_cycle);
  return std::max({saturating_sum(std::max(by_products, by_between), waits), slots,
                   saturating_sum(products.addresses, between.addresses)});
}

/// The busiest unit, and a fill. In FP32 products take the FMA unit too.
Cycles by_bounds(const NodeCost& cost, const AttentionPiece& p) {
  const std::int64_t scores = scores_of(p);
  const bool grad = p.work != AttentionWork::kForward;
  const std::int64_t from_matrix = grad && !p.keeps_scores ? 2 : 1;                   // S, dP
  const std::int64_t made = grad && p.work != AttentionWork::kQueryGradient ? 2 : 1;  // P, dS; dQ needs no P
  const Bytes kept = p.keeps_scores ? p.element_bytes : 0;
  const Bytes loaded = saturating_product(scores, from_matrix * kFp32 + (grad ? kept : 0));
  const Bytes stored = saturating_product(scores, from_matrix * kFp32 + made * p.element_bytes + (grad ? 0 : kept));
  const Cycles matrix = saturating_sum(products(cost, p), ceil_div(loaded, cost.load_bytes_per_cycle()));
  const bool bounds = cost.model() == NodeModel::kBounds;
  const std::int64_t issued = bounds ? attention_vector_flops(p) : vector_operations(p);
  const Cycles vector = ceil_div(issued, cost.vector_elements_per_cycle(kFp32));
  const Cycles store = ceil_div(stored, cost.store_bytes_per_cycle());
  const Cycles fill = cost.params().vector_latency_cycles + cost.params().sram_latency_cycles;
  if (!bounds && p.element_bytes >= kFp32) return saturating_sum(std::max(saturating_sum(matrix, vector), store), fill);
  return saturating_sum(std::max({matrix, vector, store}), fill);
}

}  // namespace

Cycles attention_part_cycles(const NodeCost& cost, const AttentionPart& part) {
  const AttentionPiece& p = part.piece;
  if (p.queries <= 0 || p.keys <= 0 || p.head_size <= 0 || part.times <= 0) return 0;
  if (cost.model() != NodeModel::kBounds && attention_has_program(p)) return by_tiles(cost, part);
  return saturating_product(part.times, by_bounds(cost, p));
}

}  // namespace dojo::node
