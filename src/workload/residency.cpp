// SPDX-License-Identifier: Apache-2.0
// Which nodes of a slice hold a tensor.
#include "dojo/workload/residency.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "dojo/base/error.h"

namespace dojo::workload {
namespace {

/// The part's nodes of each slice column from top to bottom.
std::vector<std::vector<std::uint32_t>> nodes_by_column(const SliceShape& shape, const SlicePart& part) {
  const std::int32_t end = std::min<std::int32_t>(shape.columns, part.column_end);
  std::vector<std::vector<std::uint32_t>> columns(static_cast<std::size_t>(std::max(end - part.column_begin, 1)));
  for (std::uint32_t i = 0; i < shape.node_count(); ++i) {
    if (part.has(shape.nodes[i])) columns[shape.nodes[i].column - part.column_begin].push_back(i);
  }
  const auto above = [&](std::uint32_t a, std::uint32_t b) { return shape.nodes[a].row < shape.nodes[b].row; };
  for (auto& column : columns)
    if (!std::is_sorted(column.begin(), column.end(), above)) std::sort(column.begin(), column.end(), above);
  return columns;
}

/// Column indices from the middle outwards, the left one first.
std::vector<std::size_t> columns_from_middle(std::size_t columns) {
  std::vector<std::size_t> order(columns);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto distance = [&](std::size_t c) {  // twice the distance to the middle
    return std::abs(static_cast<std::int64_t>(2 * c + 1) - static_cast<std::int64_t>(columns));
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return distance(a) < distance(b); });
  return order;
}

}  // namespace

std::vector<std::uint32_t> residency(const SliceShape& shape, Bytes bytes, const SlicePart& part) {
  const auto columns = nodes_by_column(shape, part);
  const std::size_t nodes = std::accumulate(columns.begin(), columns.end(), std::size_t{0},
                                            [](std::size_t sum, const auto& column) { return sum + column.size(); });
  DOJO_CHECK(nodes > 0, "residency of {} bytes in a slice without nodes", bytes);
  std::uint64_t count = static_cast<std::uint64_t>(std::max<Bytes>(bytes / kSmallestPieceBytes, 1));
  std::vector<std::uint32_t> chosen;
  count = std::min<std::uint64_t>(count, nodes);
  for (const std::size_t c : columns_from_middle(columns.size())) {
    const auto& column = columns[c];
    const std::uint64_t take = std::min<std::uint64_t>(count, column.size());
    for (std::uint64_t i = 0; i < take; ++i) chosen.push_back(column[(2 * i + 1) * column.size() / (2 * take)]);
    count -= take;
    if (count == 0) break;
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace dojo::workload
