// SPDX-License-Identifier: Apache-2.0
// Look-ups in the table of kinds, and the string table of a graph.
#include "dojo/workload/graph.h"

namespace dojo::workload {

std::vector<OpKind> kinds_of(OpFamily family) {
  std::vector<OpKind> kinds;
  for (const OpTraits& row : op_kinds()) {
    if (row.family == family) kinds.push_back(row.kind);
  }
  return kinds;
}

std::int64_t shape_flops(const Op& op) {
  std::int64_t flops = 0;
  if (family(op.kind) == OpFamily::kProduct) visit_shape(op, [&](const auto& shape) { flops = product_flops(shape); });
  return saturating_product(flops, traits(op.kind).shape_flops);
}

std::int64_t shape_elements(const Op& op) {
  const OpTraits& kind = traits(op.kind);
  if (kind.family != OpFamily::kVector) return 0;
  if (kind.shape == OpShape::kLookup) return op.lookup.elements();
  if (kind.shape != OpShape::kConv) return 0;
  const ConvShape& c = op.conv;
  const bool grad = op.kind == OpKind::kPoolGrad;  // it writes the pool's input
  const std::int64_t pixels = saturating_product(grad ? c.h : c.p, grad ? c.w : c.q);
  return saturating_product(saturating_product(c.n, op.channels > 0 ? op.channels : c.c), pixels);
}

std::int64_t default_vector_flops(const Op& op) {
  return op.rule ? needs_of(*op.rule).vector_flops : traits(op.kind).vector_flops;
}

std::uint32_t Graph::intern(const std::string& s) {
  // Only the last few are searched: repeats come close together, and a full search would be quadratic.
  constexpr std::size_t kWindow = 16;
  if (s.empty()) return 0;
  const std::size_t first = strings.size() > kWindow ? strings.size() - kWindow : 0;
  for (std::size_t i = strings.size(); i > first; --i) {
    if (strings[i - 1] == s) return static_cast<std::uint32_t>(i - 1);
  }
  strings.push_back(s);
  return static_cast<std::uint32_t>(strings.size() - 1);
}

}  // namespace dojo::workload
