// SPDX-License-Identifier: Apache-2.0
// An operand of a matrix product, and the traffic that brings each node what it needs of it.
#pragma once
#include "lower/deliveries.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {

/// An operand with its two dimensions; `pixel` is the one that counts pixels when it has a layout.
struct Operand {
  Cut first, second;
  Cut pixel, channel;
  Bytes bytes;
  TensorPlace place;
  [[nodiscard]] bool has(Cut cut) const { return cut == first || cut == second; }
};
[[nodiscard]] Operand operand_a(const ProductRequest& request);
[[nodiscard]] Operand operand_b(const ProductRequest& request);

/// How the sources of a delivery follow one another: operands with different orders cannot both be streamed.
enum class Order : std::uint8_t { kLocal, kAny, kPixelsInRow, kChannelsInRow, kByColumn, kByRow };

enum class Delivery : std::uint8_t { kLocal, kRows, kColumns, kAll, kFilteredByRow, kFilteredByColumn };

/// What has to move when the rows and columns of the context's part cut these dimensions.
[[nodiscard]] Delivery delivery_of(const Operand& x, Cut rows, Cut columns, const PlanContext& context);
/// It lies on another part than the context's.
[[nodiscard]] bool lies_elsewhere(const Operand& x, const PlanContext& context);
[[nodiscard]] Order order_of(Delivery delivery, const Operand& x);
/// The pieces of an operand arrive in an order that follows the streamed dimension.
[[nodiscard]] bool can_stream(const Operand& x, Order order, Stream stream);
/// What each node holds before the delivery.
[[nodiscard]] Holding holding_of(const Operand& x, Delivery delivery, const PlanContext& context);
/// Returns the bytes that arrive at a node at most.
Bytes deliver(Delivery delivery, const Holding& holding, bool streamed, Deliveries& deliveries);

}  // namespace dojo::workload
