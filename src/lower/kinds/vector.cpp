// SPDX-License-Identifier: Apache-2.0
// Elementwise operations, sums of channels, losses.
#include <algorithm>
#include <utility>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {

KernelRequest elementwise(const OpView& view) {
  return tensors_request(view);
}

/// Two FP32 sums a channel.
KernelRequest channel_sums(const OpView& view) {
  VectorRequest r = tensors_request(view);
  r.sums_bytes = 2 * view.op.channels * 4;
  return r;
}

/// The result is a sum over the rank.
KernelRequest reduction(const OpView& view) {
  VectorRequest r = tensors_request(view);
  const std::int64_t results = std::exchange(r.store_bytes, 0) / r.element_bytes;
  r.sums_bytes = results * 4;
  constexpr std::int64_t kMostLanes = 64, kTree = 3;  // operations that add up the sums of a thread
  if (results > 0) r.row_work = {0, 1, 1, kTree, ceil_div(kMostLanes, results)};
  return r;
}

KernelRequest softmax_loss(const OpView& view) {
  VectorRequest r = tensors_request(view);
  if (r.place.layout != Layout::kPixels && r.load_bytes <= kSmallOperandBytes) {
    r.to_all_bytes += r.load_bytes;  // a sample's classes lie on different nodes
  } else {
    constexpr Bytes kMaximumAndSum = 8;
    r.rows = view.op.elements / std::max<std::int64_t>(1, view.op.channels);
    r.row_sums_bytes = kMaximumAndSum;
    constexpr std::int64_t kMaximumAndReciprocal = 6;
    r.row_work = {r.rows, 2, 2, kMaximumAndReciprocal, std::max<std::int64_t>(1, view.op.channels)};
  }
  return r;
}

}  // namespace dojo::workload
