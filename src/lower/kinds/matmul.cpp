// SPDX-License-Identifier: Apache-2.0
// Matrix products and their gradients.
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {
namespace {

// Matrix products: y (m x n) = x (m x k) * w (k x n), `batch` of them.

struct MatSizes {
  std::int64_t batch;
  Bytes x_bytes, w_bytes, y_bytes;
};

MatSizes sizes_of(const MatShape& s, Bytes element_bytes) {
  const std::int64_t batch = std::max<std::int64_t>(1, s.batch);
  const Bytes all = batch * element_bytes;
  return {batch, all * s.m * s.k, all * s.k * s.n, all * s.m * s.n};
}

ProductRequest matmul_request(const OpView& view, const MatSizes& s) {
  ProductRequest r;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.batch = s.batch;
  return r;
}

}  // namespace

KernelRequest matmul(const OpView& view) {
  const MatShape& shape = view.op.mat;
  const MatSizes s = sizes_of(shape, dtype_bytes(view.op.dtype));
  ProductRequest r = matmul_request(view, s);
  r.m = shape.m, r.n = shape.n, r.k = shape.k;
  r.a_bytes = s.x_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.y_bytes;
  r.a = place_of_bytes(view, s.x_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

KernelRequest matmul_input_grad(const OpView& view) {
  const MatShape& shape = view.op.mat;
  const MatSizes s = sizes_of(shape, dtype_bytes(view.op.dtype));
  ProductRequest r = matmul_request(view, s);
  r.m = shape.m, r.n = shape.k, r.k = shape.n;
  r.a_bytes = s.y_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.x_bytes;
  r.a = place_of_bytes(view, s.y_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

KernelRequest matmul_weight_grad(const OpView& view) {
  const MatShape& shape = view.op.mat;
  const MatSizes s = sizes_of(shape, dtype_bytes(view.op.dtype));
  ProductRequest r = matmul_request(view, s);
  r.m = shape.k, r.n = shape.n, r.k = shape.m;
  r.pixels = Cut::kK;
  r.a_bytes = s.x_bytes, r.b_bytes = s.y_bytes, r.c_bytes = s.w_bytes;
  r.a = place_of_bytes(view, s.x_bytes, 1);
  r.b = place_of_bytes(view, s.y_bytes, 0);
  if (r.batch == 1) place_gradient(view, r);
  return r;
}

}  // namespace dojo::workload
