// SPDX-License-Identifier: Apache-2.0
#include "lower/alike_graphs.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace dojo::workload {
namespace {

/// Looks at every member of an operation but the peer. A member that is added to Op has to be added here.
bool alike(const Op& a, const Op& b) {
  const auto numbers = [](const Op& op) {
    return std::tuple(op.id, op.name, op.kind, op.phase, op.dtype, op.mat.m, op.mat.n, op.mat.k, op.mat.batch,
                      op.lookup.lookups, op.lookup.width, op.lookup.pooled, op.lookup.distinct_percent, op.elements,
                      op.channels, op.vector_flops_per_element, op.flops, op.bytes, op.duration_ns, op.recorded_on,
                      op.group, op.tag, op.root, op.recompute);
  };
  const auto ranges = [](const Op& op) {
    return std::tuple(op.pairs_begin, op.pairs_end, op.inputs_begin, op.inputs_end, op.outputs_begin, op.outputs_end,
                      op.deps_begin, op.deps_end, op.place);
  };
  return numbers(a) == numbers(b) && ranges(a) == ranges(b) && (a.peer < 0) == (b.peer < 0) &&
         a.conv.key() == b.conv.key() && a.attention.key() == b.attention.key() && a.algorithm == b.algorithm &&
         a.route == b.route && a.rule == b.rule;
}

bool alike(const Tensor& a, const Tensor& b) {
  return a.name == b.name && a.bytes == b.bytes && a.role == b.role;
}

bool alike(const Graph& a, const Graph& b) {
  return a.batch == b.batch && a.ops.size() == b.ops.size() && a.tensors.size() == b.tensors.size() &&
         a.strings == b.strings && a.deps == b.deps && a.tensor_refs == b.tensor_refs && a.pair_bytes == b.pair_bytes &&
         std::equal(a.ops.begin(), a.ops.end(), b.ops.begin(), [](const Op& x, const Op& y) { return alike(x, y); }) &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(),
                    [](const Tensor& x, const Tensor& y) { return alike(x, y); });
}

bool has_messages(const Graph& graph) {
  return std::any_of(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return op.peer >= 0; });
}

}  // namespace

std::vector<std::uint32_t> first_alike(const Workload& workload) {
  std::vector<std::uint32_t> first(workload.graphs.size());
  // Candidates by what is cheap to look at: stages of a pipeline differ in their last name.
  std::map<std::tuple<std::size_t, std::size_t, std::string>, std::vector<std::uint32_t>> known;
  for (std::uint32_t g = 0; g < workload.graphs.size(); ++g) {
    const Graph& graph = workload.graphs[g];
    first[g] = g;
    // Other equal graphs are the trace's own choice, whose operations it counts apart.
    if (!has_messages(graph)) continue;
    std::vector<std::uint32_t>& candidates = known[{graph.ops.size(), graph.tensors.size(), graph.strings.back()}];
    const auto same = std::find_if(candidates.begin(), candidates.end(),
                                   [&](std::uint32_t candidate) { return alike(workload.graphs[candidate], graph); });
    if (same == candidates.end()) {
      candidates.push_back(g);
    } else {
      first[g] = *same;
    }
  }
  return first;
}

}  // namespace dojo::workload
