// SPDX-License-Identifier: Apache-2.0
#include "core/piece_text.h"

#include <algorithm>

#include "dojo/core/kernels.h"

namespace dojo::core {

PieceText piece_text(const node::ProductWork& piece, const node::NodeCost& formulas, const Hardware& hardware) {
  if (piece.element_bytes >= 4) {
    Fp32ProductKernel kernel;
    kernel.m = piece.m, kernel.n = piece.n, kernel.k = piece.k;
    kernel.rows = static_cast<int>(std::min<std::int64_t>(kernel.rows, piece.m));
    kernel.threads = kComputeThreads;
    node::ProductWork without = piece;
    without.accumulate = false;
    // The kernel starts from zero: what partial sums add is the formula's.
    return {fp32_product_text(kernel, hardware), formulas.product(piece) - formulas.product(without)};
  }
  const node::BlockedProduct chosen = formulas.pipeline().product(piece);
  ProductKernel kernel;
  kernel.m = piece.m, kernel.n = piece.n, kernel.k = piece.k;
  kernel.element_bytes = piece.element_bytes, kernel.result_bytes = piece.result_bytes;
  kernel.accumulate = piece.accumulate;
  kernel.block_rows = chosen.block_rows, kernel.block_columns = chosen.block_columns;
  kernel.threads = kComputeThreads;
  return {product_text(kernel, hardware), 0};
}

PieceText piece_text(const node::StreamWork& work, const Hardware& hardware) {
  return {stream_text({work, kComputeThreads}, hardware), 0};
}

PieceText piece_text(const std::vector<node::AttentionPart>& parts, const Hardware& hardware) {
  return {attention_text({parts, kComputeThreads}, hardware), 0};
}

}  // namespace dojo::core
