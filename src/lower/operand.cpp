// SPDX-License-Identifier: Apache-2.0
// Which operands have to move, and how.
#include "lower/operand.h"

namespace dojo::workload {
namespace {

bool same(Stream stream, Cut cut) {
  return static_cast<int>(stream) == static_cast<int>(cut) + 1;
}

/// It lies as suits: only what an axis does not cut has to move.
Delivery flexible_delivery(const Operand& x, Cut rows, Cut columns, bool elsewhere) {
  const bool by_row = x.has(rows);
  const bool by_column = x.has(columns);
  if (elsewhere) return by_row ? Delivery::kFilteredByRow : by_column ? Delivery::kFilteredByColumn : Delivery::kAll;
  if (by_row && by_column) return Delivery::kLocal;
  return by_row ? Delivery::kRows : by_column ? Delivery::kColumns : Delivery::kAll;
}

Delivery laid_out_delivery(const Operand& x, Cut rows, Cut columns, bool elsewhere) {
  const Layout layout = x.place.layout;
  if (layout == Layout::kOther)
    return rows == x.channel && columns == x.channel && !elsewhere ? Delivery::kLocal : Delivery::kAll;
  if (rows == x.pixel) {
    if (elsewhere) return Delivery::kFilteredByRow;
    const bool local =
        (columns == x.pixel && layout == Layout::kPixels) || (columns == x.channel && layout == Layout::kBandChannels);
    return local ? Delivery::kLocal : Delivery::kRows;
  }
  if (rows == x.channel && columns != x.channel) return Delivery::kFilteredByRow;
  if (columns == x.channel && rows != x.channel) return Delivery::kFilteredByColumn;
  return Delivery::kAll;
}

}  // namespace

Operand operand_a(const ProductRequest& request) {
  const Cut channel = request.pixels == Cut::kM ? Cut::kK : Cut::kM;
  return {Cut::kM, Cut::kK, request.pixels, channel, request.a_bytes, request.a};
}

Operand operand_b(const ProductRequest& request) {
  const bool pixel = request.pixels == Cut::kK;
  return {Cut::kK, Cut::kN, pixel ? Cut::kK : Cut::kN, pixel ? Cut::kN : Cut::kK, request.b_bytes, request.b};
}

bool lies_elsewhere(const Operand& x, const PlanContext& context) {
  return x.place.part != kUnplaced && x.place.part != context.part;
}

Delivery delivery_of(const Operand& x, Cut rows, Cut columns, const PlanContext& context) {
  const bool elsewhere = lies_elsewhere(x, context);
  return x.place.layout == Layout::kAny ? flexible_delivery(x, rows, columns, elsewhere)
                                        : laid_out_delivery(x, rows, columns, elsewhere);
}

Order order_of(Delivery delivery, const Operand& x) {
  const Layout layout = x.place.layout;
  switch (delivery) {
    case Delivery::kLocal:
      return Order::kLocal;
    case Delivery::kRows:
      return layout == Layout::kAny      ? Order::kAny
             : layout == Layout::kPixels ? Order::kPixelsInRow
                                         : Order::kChannelsInRow;
    case Delivery::kFilteredByColumn:
      return Order::kByRow;
    case Delivery::kColumns:
      return Order::kAny;
    default:
      return layout == Layout::kAny ? Order::kAny : Order::kByColumn;
  }
}

bool can_stream(const Operand& x, Order order, Stream stream) {
  if (stream == Stream::kNone || order == Order::kLocal || !(same(stream, x.first) || same(stream, x.second)))
    return false;
  switch (order) {
    case Order::kAny:
      return true;
    case Order::kChannelsInRow:
      return same(stream, x.channel);
    default:
      return same(stream, x.pixel);
  }
}

Holding holding_of(const Operand& x, Delivery delivery, const PlanContext& context) {
  const SliceGrid& grid = lies_elsewhere(x, context) ? context.on(x.place.part).grid : context.grid;
  if (x.place.layout != Layout::kAny) return spread_evenly(grid, x.bytes);
  switch (delivery) {
    case Delivery::kRows:
      return spread_over_rows(grid, x.bytes);
    case Delivery::kColumns:
      return spread_over_columns(grid, x.bytes);
    default:
      return spread_resident(grid, x.bytes);
  }
}

Bytes deliver(Delivery delivery, const Holding& holding, bool streamed, Deliveries& deliveries) {
  switch (delivery) {
    case Delivery::kLocal:
      break;
    case Delivery::kRows:
      return deliveries.along_rows(holding, streamed);
    case Delivery::kColumns:
      return deliveries.along_columns(holding, streamed);
    case Delivery::kFilteredByRow:
      return deliveries.filtered_by_row(holding, streamed);
    case Delivery::kFilteredByColumn:
      return deliveries.filtered_by_column(holding, streamed);
    case Delivery::kAll:
      return deliveries.to_all(holding, streamed);
  }
  return 0;
}

}  // namespace dojo::workload
