// SPDX-License-Identifier: Apache-2.0
// Pooling and its gradient.
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {
namespace {

/// A window of more than one pixel, or none: then each node has what it reads.
bool has_window(const ConvShape& c) {
  return c.p * c.q > 0 && c.h * c.w > 0 && (c.r > 1 || c.s > 1);
}

std::int64_t pooled_channels(const Op& op) {
  return std::max<std::int64_t>(1, op.channels > 0 ? op.channels : op.conv.c);
}

void add_window(const OpView& view, ProductRequest::Halo halo, VectorRequest& r) {
  r.window = view.op.conv;
  r.pixel_bytes = pooled_channels(view.op) * dtype_bytes(view.op.dtype);
  r.halo = halo;
}

}  // namespace

KernelRequest pool(const OpView& view) {
  VectorRequest r = tensors_request(view);
  if (has_window(view.op.conv)) add_window(view, ProductRequest::Halo::kForward, r);
  return r;
}

KernelRequest pool_grad(const OpView& view) {
  VectorRequest r = tensors_request(view);
  const ConvShape& c = view.op.conv;
  if (!has_window(c)) return r;
  const Bytes pooled_bytes = c.n * c.p * c.q * pooled_channels(view.op) * dtype_bytes(view.op.dtype);
  if (pooled_bytes > kSmallOperandBytes) {
    add_window(view, ProductRequest::Halo::kInputGrad, r);
    return r;
  }
  r.to_all_bytes += pooled_bytes;
  r.place.layout = Layout::kPixels;
  r.inputs.clear();
  return r;
}

}  // namespace dojo::workload
