// SPDX-License-Identifier: Apache-2.0
#include "lower/alike_graphs.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace dojo::workload {
namespace {

/// Every member of an operation; of the peer only whether there is one. A member that is added to Op does not compile
/// here until it is named.
auto members_but_peer(const Op& op) {
  const auto& [id, name, kind, phase, dtype, conv, mat, attention, lookup, elements, channels, vector_flops, flops,
               bytes, duration_ns, recorded_on, group, peer, tag, root, algorithm, route, rule, recompute, pairs_begin,
               pairs_end, inputs_begin, inputs_end, outputs_begin, outputs_end, deps_begin, deps_end, place] = op;
  const auto& [m, n, k, matrices] = mat;
  const auto& [lookups, width, pooled, distinct_percent] = lookup;
  return std::tuple(id, name, kind, phase, dtype, conv.key(), m, n, k, matrices, attention.key(), lookups, width,
                    pooled, distinct_percent, elements, channels, vector_flops, flops, bytes, duration_ns, recorded_on,
                    group, peer < 0, tag, root, algorithm, route, rule, recompute, pairs_begin, pairs_end, inputs_begin,
                    inputs_end, outputs_begin, outputs_end, deps_begin, deps_end, place);
}

bool alike(const Op& a, const Op& b) {
  return members_but_peer(a) == members_but_peer(b);
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
