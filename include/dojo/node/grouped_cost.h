// SPDX-License-Identifier: Apache-2.0
// What the products of a convolution's groups cost on one core.
#pragma once
#include "dojo/node/kernel_cost.h"

namespace dojo::node {

/// The groups as work of the vector unit.
[[nodiscard]] VectorPiece grouped_vector_piece(const ProductWork& piece, std::int64_t groups);
/// Which unit is faster, by the formulas.
[[nodiscard]] bool groups_take_vector_unit(const NodeCost& cost, const ProductWork& piece, std::int64_t groups);
/// `piece` is the product of one group. On the unit that is faster: the matrix unit takes one group after the other;
/// the vector unit works on a line of channels of all groups at once, tap by tap.
[[nodiscard]] Cycles grouped_product_cycles(const NodeCost& cost, const ProductWork& piece, std::int64_t groups);

}  // namespace dojo::node
