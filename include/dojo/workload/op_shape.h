// SPDX-License-Identifier: Apache-2.0
// Sizes of operations. Each shape lists its keys once; readers, writers and rescaling visit that list.
#pragma once
#include <cstdint>
#include <string>

#include "dojo/schema/fields.h"
#include "dojo/workload/op_kind.h"

namespace dojo::workload {

/// Whether a key of a shape stands in a trace.
enum class Given : std::uint8_t {
  kAlways,
  kUnlessDefault,
  kNever  ///< worked out from the others; may be read and then has to agree
};

struct ConvShape {  ///< n images of c x h x w, k filters of c x r x s, output p x q
  std::int64_t n = 0, c = 0, h = 0, w = 0, k = 0, r = 0, s = 0, stride = 1, pad = 0, p = 0, q = 0;
  static constexpr const char* kKey = "conv";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    constexpr schema::Range kExtent = schema::Between(1, 1 << 24);
    field("n", self.n, kExtent, Given::kAlways);
    field("c", self.c, kExtent, Given::kAlways);
    field("h", self.h, kExtent, Given::kAlways);
    field("w", self.w, kExtent, Given::kAlways);
    field("k", self.k, kExtent, Given::kAlways);
    field("r", self.r, kExtent, Given::kAlways);
    field("s", self.s, kExtent, Given::kAlways);
    field("stride", self.stride, schema::Between(1, 1 << 16), Given::kUnlessDefault);
    field("pad", self.pad, schema::Between(0, 1 << 16), Given::kUnlessDefault);
    field("p", self.p, kExtent, Given::kNever);
    field("q", self.q, kExtent, Given::kNever);
  }
};

struct MatShape {  ///< batch x (m x k) * (k x n)
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  static constexpr const char* kKey = "matmul";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    constexpr schema::Range kExtent = schema::Between(1, 2147483648.0);
    field("m", self.m, kExtent, Given::kAlways);
    field("n", self.n, kExtent, Given::kAlways);
    field("k", self.k, kExtent, Given::kAlways);
    field("batch", self.batch, kExtent, Given::kUnlessDefault);
  }
};

/// `visit(shape)` with the member of `op` that its kind has; nothing for kinds without a shape.
template <class AnyOp, class Visit>
void visit_shape(AnyOp& op, Visit&& visit) {
  switch (traits(op.kind).shape) {
    case OpShape::kNone:
      return;
    case OpShape::kConv:
      return visit(op.conv);
    case OpShape::kMatMul:
      return visit(op.mat);
  }
}

// What a shape has to answer beside its keys.

/// FLOP of a product, 2 per multiply-accumulate. Saturates instead of overflowing.
[[nodiscard]] std::int64_t product_flops(const ConvShape& shape);
[[nodiscard]] std::int64_t product_flops(const MatShape& shape);
/// Works out the keys that are never written, which are 0 or as they were read. Returns "" or what is wrong.
[[nodiscard]] std::string complete(ConvShape& shape);
[[nodiscard]] std::string complete(MatShape& shape);
/// The size that follows the samples of a rank.
[[nodiscard]] std::int64_t& samples(ConvShape& shape, std::int64_t batch);
[[nodiscard]] std::int64_t& samples(MatShape& shape, std::int64_t batch);

/// p and q from the other members; false when the filter does not fit.
bool set_output_size(ConvShape& shape);

}  // namespace dojo::workload
