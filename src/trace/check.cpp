// SPDX-License-Identifier: Apache-2.0
// What must hold before a workload is simulated: sane sizes, references that exist, no cycle within a rank. The checks
// across ranks stand in check_ranks.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "dojo/base/stop_point.h"
#include "dojo/trace/trace.h"
#include "trace/check_ranks.h"
#include "trace/graph_builder.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

/// " (rank 3)" or " (ranks 0, 1, 2 and 2997 more)"
std::string ranks_of(const Workload& workload, std::uint32_t graph) {
  std::string text;
  std::size_t count = 0;
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    if (workload.graph_of_rank[rank] != graph) continue;
    if (++count <= 3) text += fmt::format("{}{}", count == 1 ? "" : ", ", rank);
  }
  if (count > 3) text += fmt::format(" and {} more", count - 3);
  return count == 0 ? " (no rank)" : fmt::format(" (rank{} {})", count == 1 ? "" : "s", text);
}

bool references_exist(const Graph& graph, Findings& findings) {
  const std::size_t before = findings.lines().size();
  for (const Op& op : graph.ops) {
    const auto bad_range = [](std::uint32_t begin, std::uint32_t end, std::size_t size) {
      return begin > end || end > size;
    };
    if (bad_range(op.deps_begin, op.deps_end, graph.deps.size()) ||
        bad_range(op.inputs_begin, op.inputs_end, graph.tensor_refs.size()) ||
        bad_range(op.outputs_begin, op.outputs_end, graph.tensor_refs.size())) {
      findings.add("{}: found lists outside the graph, expected lists within it", describe_place(graph, op));
    }
  }
  for (const std::uint32_t dep : graph.deps) {
    if (dep >= graph.ops.size()) {
      findings.add("{}: found a dependency on operation index {} of {}, expected one that exists", graph.file, dep,
                   graph.ops.size());
    }
  }
  for (const std::uint32_t tensor : graph.tensor_refs) {
    if (tensor >= graph.tensors.size()) {
      findings.add("{}: found tensor index {} of {}, expected one that exists", graph.file, tensor,
                   graph.tensors.size());
    }
  }
  return findings.lines().size() == before;
}

void check_amounts(const Workload& workload, const Graph& graph, const std::string& ranks, Findings& findings) {
  StopPoints stops;
  for (const Op& op : graph.ops) {
    stops.pass();
    const auto amount = [&](const char* what, std::int64_t value, std::int64_t most) {
      if (value >= 0 && value <= most) return;
      findings.add("{}{}: found {} {}, expected 0 to {}; correct the trace", describe_place(graph, op), ranks, what,
                   value, most);
    };
    amount("bytes", op.bytes, kLargestAmount);
    amount("flops", op.flops, kLargestAmount * 1024);
    amount("duration_ns", op.duration_ns, kLargestAmount);
    amount("elements", op.elements, kLargestAmount);
    const auto elements = [&](const char* what, std::initializer_list<std::int64_t> extents) {
      std::int64_t product = 1;
      for (const std::int64_t extent : extents)
        product = saturating_product(product, std::max<std::int64_t>(0, extent));
      amount(what, product, kLargestAmount);
    };
    if (traits(op.kind).shape == OpShape::kConv) {
      const ConvShape& s = op.conv;
      elements("elements in the input", {s.n, s.c, s.h, s.w});
      elements("elements in the filters", {s.k, s.c / std::max<std::int64_t>(1, s.groups), s.r, s.s});
      elements("elements in the output", {s.n, s.k, s.p, s.q});
    }
    if (traits(op.kind).shape == OpShape::kMatMul) {
      elements("elements in the first operand", {op.mat.batch, op.mat.m, op.mat.k});
      elements("elements in the second operand", {op.mat.batch, op.mat.k, op.mat.n});
      elements("elements in the result", {op.mat.batch, op.mat.m, op.mat.n});
    }
    if (traits(op.kind).shape == OpShape::kAttention) {
      const AttentionShape& s = op.attention;
      elements("elements in the queries", {s.batch, s.heads, s.queries, s.head_size});
      elements("elements in the keys", {s.batch, s.key_heads(), s.keys, s.head_size});
      elements("elements in the scores", {s.batch, s.heads, s.queries, s.keys});
    }
    if (traits(op.kind).shape == OpShape::kLookup)
      elements("elements in the rows looked up", {op.lookup.lookups, op.lookup.width});
    if (is_collective(op.kind) && traits(op.kind).has(OpTraits::kNeedsBytes) && op.bytes == 0) {
      findings.add("{}{}: found a {} of 0 bytes, expected at least 1; remove it or use kind none",
                   describe_place(graph, op), ranks, op_kind_name(op.kind));
    }
    if (is_collective(op.kind) && op.group >= workload.group_classes.size()) {
      findings.add("{}{}: found group class {} of {}, expected one that exists", describe_place(graph, op), ranks,
                   op.group, workload.group_classes.size());
    }
  }
}

/// A run and a description add up all ranks and steps in 64 bits.
void check_totals(const Workload& workload, Findings& findings) {
  struct Total {
    const char* what;
    Int128 sum = 0;
  };
  Total totals[] = {{"matrix FLOP"}, {"vector FLOP"}, {"bytes in operations"}, {"bytes in tensors"}, {"recorded ns"}};
  std::vector<std::uint64_t> ranks(workload.graphs.size(), 0);
  for (const std::uint32_t graph : workload.graph_of_rank) ++ranks[graph];
  for (std::size_t g = 0; g < workload.graphs.size(); ++g) {
    const Int128 times = static_cast<Int128>(ranks[g]) * std::max<std::int64_t>(1, workload.steps);
    for (const Op& op : workload.graphs[g].ops) {
      totals[0].sum += times * op.flops;
      totals[1].sum += times * op.elements * op.vector_flops_per_element;
      totals[2].sum += times * op.bytes;
      totals[4].sum += times * op.duration_ns;
    }
    for (const Tensor& tensor : workload.graphs[g].tensors) totals[3].sum += times * tensor.bytes;
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const Total& total : totals) {
    if (total.sum <= kMost) continue;
    findings.add(
        "{}: found {:.3g} {} over all ranks and steps, expected at most {:.3g}; use fewer ranks or steps, or "
        "correct the trace",
        workload.graphs.front().file, static_cast<double>(total.sum), total.what, static_cast<double>(kMost));
  }
}

/// Follows unfinished dependencies from any unfinished operation until one repeats.
std::vector<std::uint32_t> find_cycle(const Graph& graph, const std::vector<std::uint32_t>& waiting) {
  std::vector<std::uint32_t> path, seen_at(graph.ops.size(), kNone);
  auto at = static_cast<std::uint32_t>(
      std::find_if(waiting.begin(), waiting.end(), [](std::uint32_t n) { return n > 0; }) - waiting.begin());
  while (seen_at[at] == kNone) {
    seen_at[at] = static_cast<std::uint32_t>(path.size());
    path.push_back(at);
    const Op& op = graph.ops[at];
    for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i) {
      if (waiting[graph.deps[i]] == 0) continue;
      at = graph.deps[i];
      break;
    }
  }
  path.erase(path.begin(), path.begin() + seen_at[at]);
  return path;
}

void check_cycle(const Graph& graph, const std::string& ranks, Findings& findings) {
  std::vector<std::uint32_t> waiting;
  if (topological_order(graph, &waiting).size() == graph.ops.size()) return;
  const std::vector<std::uint32_t> cycle = find_cycle(graph, waiting);
  std::string text;
  constexpr std::size_t kShown = 8;
  for (std::size_t i = 0; i < cycle.size() && i < kShown; ++i)
    text += fmt::format("'{}' (id {}) needs ", graph.op_name(graph.ops[cycle[i]]), graph.ops[cycle[i]].id);
  if (cycle.size() > kShown) text += fmt::format("... {} more ... needs ", cycle.size() - kShown);
  text += fmt::format("'{}' (id {})", graph.op_name(graph.ops[cycle[0]]), graph.ops[cycle[0]].id);
  findings.add("{}{}: found a cycle of {} operations, expected none: {}; remove one of these dependencies",
               describe_place(graph, graph.ops[cycle[0]]), ranks, cycle.size(), text);
}

}  // namespace

void check_workload(const Workload& workload, Findings& findings) {
  const std::size_t before = findings.lines().size();
  if (workload.graph_of_rank.empty()) findings.add("workload: found no ranks, expected at least one");
  for (RankId rank = 0; rank < workload.ranks(); ++rank) {
    if (workload.graph_of_rank[rank] < workload.graphs.size()) continue;
    findings.add("workload: rank {}: found graph {} of {}, expected one that exists", rank,
                 workload.graph_of_rank[rank], workload.graphs.size());
  }
  if (findings.lines().size() != before) return;
  bool whole = check_groups(workload, findings);
  for (std::uint32_t g = 0; g < workload.graphs.size(); ++g) {
    const Graph& graph = workload.graphs[g];
    const std::string ranks = ranks_of(workload, g);
    if (graph.ops.empty())
      findings.add("{}{}: found no operations, expected at least one; give a trace with work in it", graph.file, ranks);
    if (!references_exist(graph, findings)) {
      whole = false;
      continue;
    }
    const std::size_t sizes = findings.lines().size();
    check_amounts(workload, graph, ranks, findings);
    whole = whole && findings.lines().size() == sizes;
    check_cycle(graph, ranks, findings);
  }
  // Without whole references and groups the comparison across ranks would report their consequences again.
  if (!whole) return;
  check_totals(workload, findings);
  check_collectives(workload, findings);
  check_messages(workload, findings);
}

}  // namespace dojo::workload
