// SPDX-License-Identifier: Apache-2.0
// Products of groups.
//
//   matrix unit    groups x NodeCost::product of m x n x k
//   vector unit    2 m n k FLOP a group over the lanes (of all models but bounds m n k multiply-adds); an operand is
//                  loaded for each multiply-accumulate, a result is stored once
#include "dojo/node/grouped_cost.h"

#include <algorithm>

namespace dojo::node {

VectorPiece grouped_vector_piece(const ProductWork& piece, std::int64_t groups) {
  const std::int64_t results = saturating_product(piece.m, saturating_product(piece.n, groups));
  const std::int64_t macs = saturating_product(results, piece.k);
  return {saturating_product(macs, piece.element_bytes), saturating_product(results, piece.result_bytes),
          saturating_product(2, macs), piece.element_bytes, macs};
}

bool groups_take_vector_unit(const NodeCost& cost, const ProductWork& piece, std::int64_t groups) {
  return cost.vector(grouped_vector_piece(piece, groups)) < saturating_product(groups, cost.product(piece));
}

Cycles grouped_product_cycles(const NodeCost& cost, const ProductWork& piece, std::int64_t groups) {
  return std::min(cost.vector(grouped_vector_piece(piece, groups)), saturating_product(groups, cost.product(piece)));
}

}  // namespace dojo::node
