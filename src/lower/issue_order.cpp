// SPDX-License-Identifier: Apache-2.0
// Order in which a rank issues its operations.
#include <functional>
#include <queue>

#include "lower/program_builder.h"

namespace dojo::workload {

std::vector<std::uint32_t> issue_order(const Graph& graph) {
  const auto count = static_cast<std::uint32_t>(graph.ops.size());
  std::vector<std::uint32_t> waiting(count, 0);
  std::vector<std::vector<std::uint32_t>> successors(count);
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t i = 0; i < count; ++i) {
    waiting[i] = graph.ops[i].deps_end - graph.ops[i].deps_begin;
    for (std::uint32_t d = graph.ops[i].deps_begin; d < graph.ops[i].deps_end; ++d)
      successors[graph.deps[d]].push_back(i);
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<std::uint32_t> order;
  while (!ready.empty()) {
    const std::uint32_t op = ready.top();
    ready.pop();
    order.push_back(op);
    for (const std::uint32_t next : successors[op])
      if (--waiting[next] == 0) ready.push(next);
  }
  return order.size() == count ? order : std::vector<std::uint32_t>{};
}

}  // namespace dojo::workload
