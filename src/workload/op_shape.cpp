// SPDX-License-Identifier: Apache-2.0
// What follows from the sizes of an operation.
#include "dojo/workload/op_shape.h"

#include <fmt/format.h>

#include <initializer_list>
#include <limits>

namespace dojo::workload {
namespace {

std::int64_t saturating_product(std::initializer_list<std::int64_t> factors) {
  std::int64_t result = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::numeric_limits<std::int64_t>::max();
  }
  return result;
}

}  // namespace

std::int64_t product_flops(const ConvShape& s) {
  return saturating_product({2, s.n, s.k, s.p, s.q, s.c, s.r, s.s});
}
std::int64_t product_flops(const MatShape& s) {
  return saturating_product({2, s.m, s.n, s.k, s.batch});
}

std::string complete(ConvShape& shape) {
  const ConvShape given = shape;
  if (!set_output_size(shape)) {
    return fmt::format(
        "found a filter of {} x {} on an input of {} x {} with pad {}, expected one that fits; correct the shape",
        shape.r, shape.s, shape.h, shape.w, shape.pad);
  }
  if ((given.p == 0 || given.p == shape.p) && (given.q == 0 || given.q == shape.q)) return "";
  return fmt::format("found an output of {} x {}, expected {} x {} by the other members; remove p and q",
                     given.p == 0 ? shape.p : given.p, given.q == 0 ? shape.q : given.q, shape.p, shape.q);
}
std::string complete(MatShape&) {
  return "";
}

std::int64_t& samples(ConvShape& shape, std::int64_t) {
  return shape.n;
}
/// Rows of the first matrix where the samples divide them, as in a fully connected layer; else a product a sample.
std::int64_t& samples(MatShape& shape, std::int64_t batch) {
  return shape.m % batch == 0 ? shape.m : shape.batch;
}

bool set_output_size(ConvShape& shape) {
  if (shape.stride < 1 || shape.h + 2 * shape.pad < shape.r || shape.w + 2 * shape.pad < shape.s) return false;
  shape.p = (shape.h + 2 * shape.pad - shape.r) / shape.stride + 1;
  shape.q = (shape.w + 2 * shape.pad - shape.s) / shape.stride + 1;
  return true;
}

}  // namespace dojo::workload
