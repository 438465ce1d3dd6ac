// SPDX-License-Identifier: Apache-2.0
// Attention and its gradient.
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {

/// Data inputs are q, k, v or all three in one tensor; of a gradient, that of the result first.
KernelRequest attention(const OpView& view) {
  AttentionRequest r;
  r.shape = view.op.attention;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.grad = view.op.kind == OpKind::kAttentionGrad;
  std::vector<TensorPlace> places;
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (!is_local_data(tensor.role)) return;
    places.push_back(view.places[index]);
    r.last_part = std::min(r.last_part, places.back().part);
    if (places.back().part == kUnplaced) r.held_bytes += tensor.bytes;
  });
  view.for_each_output(
      [&](std::uint32_t, const Tensor& tensor) { r.held_bytes += is_local_data(tensor.role) ? tensor.bytes : 0; });
  if (places.empty()) places.push_back({});
  r.queries = places.front();
  r.keys = places[std::min<std::size_t>(1, places.size() - 1)];
  return r;
}

}  // namespace dojo::workload
