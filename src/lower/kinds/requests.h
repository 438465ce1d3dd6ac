// SPDX-License-Identifier: Apache-2.0
// What the kernel functions of all kinds share: where operands lie, and requests that follow from tensors alone.
#pragma once
#include "lower/op_kernels.h"

namespace dojo::workload {

inline constexpr Bytes kSmallOperandBytes = 65536;  // cheaper sent to all nodes than found out who needs what

/// Where the input of that size lies: of those that are data if there are any, the otherwise-th when none or several
/// have it.
[[nodiscard]] TensorPlace place_of_bytes(const OpView& view, Bytes bytes, std::size_t otherwise, bool data = true);
/// Of the second operand of a product: a weight, or data beside the first operand.
[[nodiscard]] TensorPlace place_of_second(const OpView& view, Bytes bytes);
/// Of a weight gradient: it stays where it is made, unless a collective takes it from equal pieces on certain nodes.
void place_gradient(const OpView& view, ProductRequest& r);
/// Of the vector unit, in which a multiply-add is one.
[[nodiscard]] std::int64_t operations_of_element(const Op& op);
/// The layout of its largest input, on the part that holds all inputs.
[[nodiscard]] VectorRequest vector_request(const OpView& view);
/// Reads its inputs and writes its outputs; without tensors, its elements.
[[nodiscard]] VectorRequest tensors_request(const OpView& view);

}  // namespace dojo::workload
