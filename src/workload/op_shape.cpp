// SPDX-License-Identifier: Apache-2.0
// What follows from the sizes of an operation.
#include "dojo/workload/op_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "dojo/base/types.h"

namespace dojo::workload {
namespace {

std::int64_t saturating_product(std::initializer_list<std::int64_t> factors) {
  std::int64_t result = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::numeric_limits<std::int64_t>::max();
  }
  return result;
}

/// 1 + ... + n
Int128 triangle(std::int64_t n) {
  return Int128{n} * (n + 1) / 2;
}
/// min(1, most) + ... + min(n, most)
Int128 capped_triangle(std::int64_t n, std::int64_t most) {
  return n <= most ? triangle(n) : triangle(most) + Int128{n - most} * most;
}

}  // namespace

std::int64_t product_flops(const ConvShape& s) {
  const std::int64_t groups = std::max<std::int64_t>(1, s.groups);
  if (s.transposed != 0) return saturating_product({2, s.n, s.c, s.h, s.w, s.k / groups, s.r, s.s});
  return saturating_product({2, s.n, s.k, s.p, s.q, s.c / groups, s.r, s.s});
}
std::int64_t product_flops(const MatShape& s) {
  return saturating_product({2, s.m, s.n, s.k, s.batch});
}
std::int64_t product_flops(const AttentionShape& s) {
  return saturating_product({4, s.batch, s.heads, s.head_size, s.pairs()});
}
std::int64_t product_flops(const LookupShape&) {
  return 0;
}

std::int64_t AttentionShape::pairs() const {
  if (!masked() || queries > keys) return saturating_product({queries, keys});
  const std::int64_t width = window > 0 ? std::min(window, keys) : keys;
  // Query i of position keys - queries + i sees min(position + 1, width) keys up to its own ...
  Int128 sum = capped_triangle(keys, width) - capped_triangle(keys - queries, width);
  // ... and min(keys - 1 - position, width - 1) beyond it.
  if (causal == 0) sum += capped_triangle(queries - 1, width - 1);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return sum > kMost ? kMost : static_cast<std::int64_t>(sum);
}

std::int64_t LookupShape::elements() const {
  return saturating_product({lookups, width});
}

std::string complete(ConvShape& shape) {
  const ConvShape given = shape;
  if (shape.groups < 1 || shape.c % shape.groups != 0 || shape.k % shape.groups != 0) {
    return fmt::format("found {} groups of {} channels and {} filters, expected a number that divides both; correct it",
                       shape.groups, shape.c, shape.k);
  }
  if (shape.transposed == 0 && shape.pad_out != 0)
    return "found pad_out of a convolution that is not transposed; remove it";
  if (!set_output_size(shape)) {
    return fmt::format(
        "found a filter of {} x {} on an input of {} x {} with pad {}{}, expected one that fits; correct the shape",
        shape.r, shape.s, shape.h, shape.w, shape.pad,
        shape.pad_w < 0 && shape.dilation == 1 ? ""
                                               : fmt::format(", {} and dilation {}", shape.left(), shape.dilation));
  }
  if ((given.p == 0 || given.p == shape.p) && (given.q == 0 || given.q == shape.q)) return "";
  return fmt::format("found an output of {} x {}, expected {} x {} by the other members; remove p and q",
                     given.p == 0 ? shape.p : given.p, given.q == 0 ? shape.q : given.q, shape.p, shape.q);
}
std::string complete(MatShape&) {
  return "";
}
std::string complete(AttentionShape& s) {
  if (s.heads % std::max<std::int64_t>(1, s.key_heads()) != 0) {
    return fmt::format("found {} heads and {} kv_heads, expected as many heads for each; correct one of them", s.heads,
                       s.kv_heads);
  }
  if (s.masked() && s.queries > s.keys) {
    return fmt::format(
        "found a mask with {} queries and {} keys, expected at most as many queries: the last query stands at the last "
        "key; correct the lengths or remove the mask",
        s.queries, s.keys);
  }
  return "";
}
std::string complete(LookupShape& s) {
  if (s.lookups % s.pooled == 0) return "";
  return fmt::format("found {} lookups with {} pooled, expected whole sums; correct one of them", s.lookups, s.pooled);
}

std::int64_t& samples(ConvShape& shape, std::int64_t) {
  return shape.n;
}
/// Rows of the first matrix where the samples divide them, as in a fully connected layer; else a product a sample.
std::int64_t& samples(MatShape& shape, std::int64_t batch) {
  return shape.m % batch == 0 ? shape.m : shape.batch;
}
std::int64_t& samples(AttentionShape& shape, std::int64_t) {
  return shape.batch;
}
std::int64_t& samples(LookupShape& shape, std::int64_t) {
  return shape.lookups;
}

bool set_output_size(ConvShape& s) {
  if (s.stride < 1 || s.dilation < 1) return false;
  const std::int64_t rows = s.filter_rows(), columns = s.filter_columns();
  const std::int64_t pads = s.pad + s.bottom(), side_pads = s.left() + s.right();
  if (s.transposed != 0) {
    s.p = (s.h - 1) * s.stride + rows - pads + s.pad_out;
    s.q = (s.w - 1) * s.column_stride() + columns - side_pads + s.pad_out;
    return s.p >= 1 && s.q >= 1 && s.pad_out < std::max(s.stride, s.dilation);
  }
  if (s.h + pads < rows || s.w + side_pads < columns) return false;
  s.p = (s.h + pads - rows) / s.stride + 1;
  s.q = (s.w + side_pads - columns) / s.column_stride() + 1;
  return true;
}

ConvShape mirrored(const ConvShape& t) {
  ConvShape m = t;
  m.transposed = m.pad_out = 0;
  m.c = t.k, m.k = t.c;
  m.h = t.p, m.w = t.q, m.p = t.h, m.q = t.w;
  return m;
}

}  // namespace dojo::workload
