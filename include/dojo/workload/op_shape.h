// SPDX-License-Identifier: Apache-2.0
// Sizes of operations. Each shape lists its keys once; readers, writers and rescaling visit that list.
#pragma once
#include <array>
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

/// n images of c x h x w, k filters of c / groups x r x s, output p x q. Members that are below 0 or said to be 0 are
/// as the other direction or side has them.
struct ConvShape {
  std::int64_t n = 0, c = 0, h = 0, w = 0, k = 0, r = 0, s = 0, stride = 1, pad = 0, p = 0, q = 0;
  std::int64_t groups = 1;                       ///< c = k = groups: depth-wise
  std::int64_t dilation = 1, dilation_w = 0;     ///< pixels from tap to tap; 0 = as `dilation`
  std::int64_t stride_w = 0;                     ///< of columns; 0 = as `stride`
  std::int64_t pad_w = -1;                       ///< left; -1 = as `pad`
  std::int64_t pad_bottom = -1, pad_right = -1;  ///< -1 = as the other side
  std::int64_t transposed = 0, pad_out = 0;      ///< 1: c x h x w is the smaller side; further rows of its output
  static constexpr const char* kKey = "conv";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    constexpr schema::Range kExtent = schema::Between(1, 1 << 24);
    constexpr schema::Range kStride = schema::Between(1, 1 << 16);
    constexpr schema::Range kPad = schema::Between(0, 1 << 16);
    field("n", self.n, kExtent, Given::kAlways);
    field("c", self.c, kExtent, Given::kAlways);
    field("h", self.h, kExtent, Given::kAlways);
    field("w", self.w, kExtent, Given::kAlways);
    field("k", self.k, kExtent, Given::kAlways);
    field("r", self.r, kExtent, Given::kAlways);
    field("s", self.s, kExtent, Given::kAlways);
    field("stride", self.stride, kStride, Given::kUnlessDefault);
    field("stride_w", self.stride_w, kStride, Given::kUnlessDefault);
    field("pad", self.pad, kPad, Given::kUnlessDefault);
    field("pad_w", self.pad_w, kPad, Given::kUnlessDefault);
    field("pad_bottom", self.pad_bottom, kPad, Given::kUnlessDefault);
    field("pad_right", self.pad_right, kPad, Given::kUnlessDefault);
    field("dilation", self.dilation, kStride, Given::kUnlessDefault);
    field("dilation_w", self.dilation_w, kStride, Given::kUnlessDefault);
    field("groups", self.groups, kExtent, Given::kUnlessDefault);
    field("transposed", self.transposed, schema::Between(0, 1), Given::kUnlessDefault);
    field("pad_out", self.pad_out, kPad, Given::kUnlessDefault);
    field("p", self.p, kExtent, Given::kNever);
    field("q", self.q, kExtent, Given::kNever);
  }

  [[nodiscard]] std::int64_t column_stride() const { return stride_w > 0 ? stride_w : stride; }
  [[nodiscard]] std::int64_t column_dilation() const { return dilation_w > 0 ? dilation_w : dilation; }
  [[nodiscard]] std::int64_t left() const { return pad_w >= 0 ? pad_w : pad; }
  [[nodiscard]] std::int64_t bottom() const { return pad_bottom >= 0 ? pad_bottom : pad; }
  [[nodiscard]] std::int64_t right() const { return pad_right >= 0 ? pad_right : left(); }
  /// Rows and columns of the input from the filter's first tap to its last.
  [[nodiscard]] std::int64_t filter_rows() const { return (r - 1) * dilation + 1; }
  [[nodiscard]] std::int64_t filter_columns() const { return (s - 1) * column_dilation() + 1; }
  /// Weights of all filters.
  [[nodiscard]] std::int64_t weights() const { return c * k / groups * r * s; }
  /// Everything that tells two shapes apart.
  [[nodiscard]] auto key() const {
    return std::array{n, c,      h,        w,          k,        r,     s,          stride,    pad,        p,
                      q, groups, dilation, dilation_w, stride_w, pad_w, pad_bottom, pad_right, transposed, pad_out};
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

/// Queries of `heads` heads of `head_size` against keys and values of `kv_heads`, `batch` sequences. Query i stands at
/// position keys - queries + i.
struct AttentionShape {
  std::int64_t batch = 0, heads = 0, queries = 0, keys = 0, head_size = 0;
  std::int64_t kv_heads = 0;  ///< heads that share keys and values come in equal groups; 0 = as `heads`
  std::int64_t causal = 0;    ///< 1: a query sees keys up to its own position
  std::int64_t window = 0;    ///< a query sees keys fewer than so many positions away; 0 = all
  std::int64_t scores = 0;  ///< 1: the softmax of the scores is written, and read by the gradient; 0: made again there
  static constexpr const char* kKey = "attention";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    constexpr schema::Range kExtent = schema::Between(1, 1 << 24);
    field("batch", self.batch, kExtent, Given::kAlways);
    field("heads", self.heads, kExtent, Given::kAlways);
    field("kv_heads", self.kv_heads, kExtent, Given::kUnlessDefault);
    field("queries", self.queries, kExtent, Given::kAlways);
    field("keys", self.keys, kExtent, Given::kAlways);
    field("head_size", self.head_size, kExtent, Given::kAlways);
    field("causal", self.causal, schema::Between(0, 1), Given::kUnlessDefault);
    field("window", self.window, kExtent, Given::kUnlessDefault);
    field("scores", self.scores, schema::Between(0, 1), Given::kUnlessDefault);
  }

  [[nodiscard]] std::int64_t key_heads() const { return kv_heads > 0 ? kv_heads : heads; }
  [[nodiscard]] bool masked() const { return causal != 0 || window != 0; }
  /// Queries and keys of one head that see each other.
  [[nodiscard]] std::int64_t pairs() const;
  [[nodiscard]] auto key() const {
    return std::array{batch, heads, queries, keys, head_size, kv_heads, causal, window, scores};
  }
};

/// Rows of `width` elements that are found by an index: of a table, of tokens.
struct LookupShape {
  std::int64_t lookups = 0, width = 0;
  std::int64_t pooled = 1;              ///< rows that are added up to one of the result
  std::int64_t distinct_percent = 100;  ///< of the look-ups, those that touch a row for the first time
  static constexpr const char* kKey = "lookup";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("lookups", self.lookups, schema::Between(1, 2147483648.0), Given::kAlways);
    field("width", self.width, schema::Between(1, 1 << 24), Given::kAlways);
    field("pooled", self.pooled, schema::Between(1, 1 << 24), Given::kUnlessDefault);
    field("distinct_percent", self.distinct_percent, schema::Between(1, 100), Given::kUnlessDefault);
  }

  /// That are moved, whatever becomes of them then.
  [[nodiscard]] std::int64_t elements() const;
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
    case OpShape::kAttention:
      return visit(op.attention);
    case OpShape::kLookup:
      return visit(op.lookup);
  }
}

// What a shape has to answer beside its keys.

/// FLOP of a product, 2 per multiply-accumulate. Saturates instead of overflowing.
[[nodiscard]] std::int64_t product_flops(const ConvShape& shape);
[[nodiscard]] std::int64_t product_flops(const MatShape& shape);
/// Of the products of queries with keys and of scores with values, for the pairs that the mask leaves.
[[nodiscard]] std::int64_t product_flops(const AttentionShape& shape);
[[nodiscard]] std::int64_t product_flops(const LookupShape& shape);
/// Works out the keys that are never written, which are 0 or as they were read. Returns "" or what is wrong.
[[nodiscard]] std::string complete(ConvShape& shape);
[[nodiscard]] std::string complete(MatShape& shape);
[[nodiscard]] std::string complete(AttentionShape& shape);
[[nodiscard]] std::string complete(LookupShape& shape);
/// The size that follows the samples of a rank.
[[nodiscard]] std::int64_t& samples(ConvShape& shape, std::int64_t batch);
[[nodiscard]] std::int64_t& samples(MatShape& shape, std::int64_t batch);
[[nodiscard]] std::int64_t& samples(AttentionShape& shape, std::int64_t batch);
[[nodiscard]] std::int64_t& samples(LookupShape& shape, std::int64_t batch);

/// p and q from the other members; false when the filter does not fit.
bool set_output_size(ConvShape& shape);
/// The convolution whose input gradient a transposed one is: input and output change places.
[[nodiscard]] ConvShape mirrored(const ConvShape& transposed);

}  // namespace dojo::workload
