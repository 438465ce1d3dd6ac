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
  std::uint8_t part = kUnplaced;  // that holds all inputs
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (!is_local_data(tensor.role)) return;
    places.push_back(view.places[index]);
    part = std::min(part, places.back().part);
  });
  if (places.empty()) places.push_back({});
  r.queries = places.front();
  r.keys = places[std::min<std::size_t>(1, places.size() - 1)];
  // Which part it works on.
  for (TensorPlace* place : {&r.queries, &r.keys})
    if (place->part == kUnplaced) place->part = part == kUnplaced ? std::uint8_t{0} : part;
  return r;
}

}  // namespace dojo::workload
