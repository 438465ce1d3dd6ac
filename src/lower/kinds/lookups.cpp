// SPDX-License-Identifier: Apache-2.0
// Rows found by an index, which lie on any node: embeddings, gather and scatter, tokens of experts; transposition.
//
// A row travels once, from the node that has it to the one that wants it: `lookups` x `width` elements, spread over
// pairs of nodes as if drawn at random. A core loads what it sends and stores what it gets:
//
//   embedding, combine        load all rows, store a row for each `pooled` of them
//   embedding_grad, scatter   load all rows; the distinct ones are loaded, added to and stored where they lie (scatter:
//                             stored only)
//   gather, dispatch          load all rows, store all
//   transpose                 load and store all elements, of which every node has some for every other one
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {
namespace {

/// The result lies by pixels: a row of the result is a token or a sample.
VectorRequest scattered(const OpView& view, std::int64_t elements, std::int64_t rows) {
  VectorRequest r = vector_request(view);
  r.place.layout = Layout::kPixels;
  r.load_bytes = r.store_bytes = r.scattered_bytes = elements * r.element_bytes;
  r.scattered_rows = rows;
  return r;
}

}  // namespace

KernelRequest lookups(const OpView& view) {
  const LookupShape& shape = view.op.lookup;
  VectorRequest r = scattered(view, shape.elements(), shape.lookups);
  r.store_bytes = r.load_bytes / std::max<std::int64_t>(1, shape.pooled);
  return r;
}

KernelRequest lookups_added(const OpView& view) {
  const LookupShape& shape = view.op.lookup;
  VectorRequest r = scattered(view, shape.elements(), shape.lookups);
  const Bytes touched = ceil_div<Bytes>(shape.lookups * shape.distinct_percent, 100) * shape.width * r.element_bytes;
  r.store_bytes = touched;
  if (view.op.kind == OpKind::kEmbeddingGrad) r.load_bytes += touched;
  return r;
}

KernelRequest transpose(const OpView& view) {
  constexpr std::int64_t kShufflesOfSquare = 3;  // log2 of the lines of a square
  VectorRequest r = scattered(view, view.op.elements, view.op.elements);
  r.shuffles = kShufflesOfSquare * view.op.elements;
  return r;
}

}  // namespace dojo::workload
