// SPDX-License-Identifier: Apache-2.0
// Work that is mostly memory traffic: lookups in tables, and kernels that a compiler made.
#include <algorithm>
#include <limits>

#include "trace/pytorch/et_cost.h"
#include "trace/pytorch/et_words.h"

namespace dojo::workload::pytorch {
namespace {

constexpr Bytes kMost = Bytes{1} << 58;

/// What tensors hold, each part of a storage once.
Bytes distinct_bytes(const std::vector<const EtTensor*>& tensors) {
  Bytes sum = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto same = [&](const EtTensor* other) {
      return other->storage == tensors[i]->storage && other->offset == tensors[i]->offset;
    };
    if (std::none_of(tensors.begin(), tensors.begin() + static_cast<std::ptrdiff_t>(i), same))
      sum = std::min(sum + tensors[i]->bytes(), kMost);
  }
  return sum;
}

/// A bag sums the rows of several indices: as many rows as indices are read, or added to, and one a bag is written, or
/// read. 0 when the node is no bag.
Bytes bag_bytes(const EtNode& node, const EtWork& work) {
  if (!contains(node.name, "embedding_bag")) return 0;
  const EtTensor *rows = node.tensor(0), *indices = node.tensor(1);  // the table, or the gradient of the bags
  if (rows == nullptr || indices == nullptr || rows->shape.size() != 2 || indices->floating) return 0;
  const bool backward = contains(node.name, "backward");
  Bytes touched = 0;
  if (__builtin_mul_overflow(rows->shape[1] * rows->width, indices->elements, &touched) || touched < 0) return kMost;
  Bytes bags = backward ? rows->bytes() : 0;
  if (!backward && !work.writes.empty()) bags = work.writes[0]->bytes();
  Bytes integers = 0;
  for (const EtTensor* tensor : work.reads) integers += tensor->floating ? 0 : tensor->bytes();
  // Added to: read and written.
  return std::min(touched, kMost) * (backward ? 2 : 1) + bags + integers;
}

}  // namespace

bool is_lookup(std::string_view name) {
  return contains(name, "embedding") || name == "index" || name == "index_select" || name == "gather" ||
         name == "index_put_" || name == "_index_put_impl_" || name == "scatter_add_" || name == "index_add_";
}

/// Rows that are touched are read and written; the table itself is not streamed.
void lookup(const EtNode& node, EtWork& work) {
  Bytes written = 0, indices = 0;
  for (const EtTensor* tensor : work.writes) written = std::max(written, tensor->bytes());
  Bytes smallest = std::numeric_limits<Bytes>::max();
  for (const EtTensor* tensor : work.reads) {
    if (!tensor->floating) indices += tensor->bytes();
    if (tensor->floating) smallest = std::min(smallest, tensor->bytes());
  }
  if (smallest < written || written == 0) written = smallest == std::numeric_limits<Bytes>::max() ? 0 : smallest;
  const Bytes bags = bag_bytes(node, work);
  work.op.kind = OpKind::kCompute;
  work.op.bytes = std::min(bags > 0 ? bags : 2 * written + indices, kMost);
}

/// Its arguments are inputs and results in a row, and nothing but the last place tells them apart: it is ordered as if
/// it wrote them all, and moves each once.
bool compiled_kernel(const EtNode& node, EtWork& work) {
  if (!work.writes.empty() || work.reads.empty()) return false;
  work.writes = work.reads;
  work.reads.pop_back();
  work.op.kind = OpKind::kCompute;
  work.op.bytes = distinct_bytes(work.writes);
  // A product by a template: (m x k), (k x n) ... (m x n).
  if (!contains(node.name, "triton_tem_") || work.writes.size() < 3) return true;
  const EtTensor *a = work.writes[0], *b = work.writes[1], *c = work.writes.back();
  if (a->shape.size() != 2 || b->shape.size() != 2 || c->shape.size() != 2) return true;
  if (a->shape[1] != b->shape[0] || c->shape[0] != a->shape[0] || c->shape[1] != b->shape[1]) return true;
  work.op.kind = OpKind::kMatMul;
  work.op.bytes = 0;
  work.op.dtype = dtype_of(*a);
  work.op.mat = {a->shape[0], b->shape[1], a->shape[1], 1};
  work.reads = {a, b};
  work.writes = {c};
  return true;
}

}  // namespace dojo::workload::pytorch
