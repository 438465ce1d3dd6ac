// SPDX-License-Identifier: Apache-2.0
// Traffic between nodes that have nothing to do with each other: rows of a table, tokens of experts, a transposition.
#include <algorithm>
#include <numeric>

#include "lower/deliveries.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {

Bytes add_scattered(Bytes bytes, std::int64_t rows, const SliceGrid& grid, Deliveries& deliveries) {
  const std::int64_t nodes = grid.nodes();
  if (nodes < 2 || bytes <= 0) return 0;
  constexpr std::int64_t kMostMessages = 16;  // of a node; more would cost host time, not accuracy
  const std::int64_t messages = std::clamp<std::int64_t>(rows / nodes, 1, std::min(kMostMessages, nodes - 1));
  // Each round is a permutation of the nodes, by a factor near the golden section that shares no divisor with their
  // number: every node sends as much as it gets, and neighbours get from nodes far apart.
  std::int64_t factor = std::max<std::int64_t>(1, nodes * 618 / 1000);
  while (std::gcd(factor, nodes) != 1) ++factor;
  for (std::int64_t p = 0; p < nodes; ++p) {
    const Bytes share = piece_size(bytes, nodes, p);
    for (std::int64_t i = 0; i < messages; ++i) {
      const std::int64_t source = (p * factor + 1 + i * nodes / messages) % nodes;
      deliveries.unicast(grid.node_at(static_cast<std::uint32_t>(source)), grid.node_at(static_cast<std::uint32_t>(p)),
                         piece_size(share, messages, i));
    }
  }
  return ceil_div<Bytes>(bytes, nodes);
}

}  // namespace dojo::workload
