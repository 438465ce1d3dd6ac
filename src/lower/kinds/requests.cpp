// SPDX-License-Identifier: Apache-2.0
// Where operands lie, and requests that follow from an operation's tensors.
#include "lower/kinds/requests.h"

#include <algorithm>

#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace {

/// A small operand that all nodes need.
bool goes_to_all(const Tensor& tensor) {
  const TensorRole role = tensor.role;
  return tensor.bytes <= kSmallOperandBytes &&
         (role == TensorRole::kStatistics || role == TensorRole::kWeight || role == TensorRole::kGathered);
}

/// FLOP that Adam's kernel saves: 13 operations of 21 FLOP.
constexpr std::int64_t kAdamMultiplyAdds = 8;

/// Multiply-adds of an element, each of which is one operation of the FMA unit.
std::int64_t multiply_adds(const Op& op) {
  switch (op.kind) {
    case OpKind::kBatchNormStats:  // sum of squares
    case OpKind::kBatchNormApply:  // scale and shift
    case OpKind::kGroupNormStats:
    case OpKind::kGroupNormApply:
    case OpKind::kRmsNorm:      // sum of squares
    case OpKind::kSoftmaxGrad:  // sum of p dp
    case OpKind::kCombine:
      return 1;
    case OpKind::kBatchNormGradStats:  // x_hat; sum of dy * x_hat
    case OpKind::kGroupNormGradStats:
      return 2;
    case OpKind::kBatchNormGradApply:  // x_hat; dy - x_hat * b; scale and shift
    case OpKind::kGroupNormGradApply:
    case OpKind::kLayerNorm:    // sum of squares; difference and product; scale and shift
    case OpKind::kRmsNormGrad:  // sum of dy g x_hat; dx; gradient of the scale
      return 3;
    case OpKind::kLayerNormGrad:  // x_hat; sum of dy g x_hat; dx 2; gradient of the scale
      return 5;
    case OpKind::kOptimizer:  // decay, momentum, update; of Adam both corrections are in the rate
      return op.rule == OptimizerRule::kAdam ? kAdamMultiplyAdds : op.vector_flops_per_element / 2;
    default:
      return 0;
  }
}

}  // namespace

std::int64_t operations_of_element(const Op& op) {
  const std::int64_t flops = op.vector_flops_per_element;
  return flops - std::min(flops / 2, multiply_adds(op));
}

TensorPlace place_of_bytes(const OpView& view, Bytes bytes, std::size_t otherwise, bool data) {
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> fitting;
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (is_local_data(tensor.role) == data) {
      inputs.push_back(index);
      if (tensor.bytes == bytes) fitting.push_back(index);
    }
  });
  if (fitting.size() == 1) return view.places[fitting.front()];
  return otherwise < inputs.size() ? view.places[inputs[otherwise]] : TensorPlace{};
}

TensorPlace place_of_second(const OpView& view, Bytes bytes) {
  bool weight = false;
  view.for_each_input([&](std::uint32_t, const Tensor& tensor) { weight = weight || !is_local_data(tensor.role); });
  TensorPlace place = place_of_bytes(view, bytes, weight ? 0 : 1, !weight);
  // A weight lies as suits, and so does an operand of a product that is not batched.
  if (weight || view.op.mat.batch <= 1) place.layout = Layout::kAny;
  return place;
}

void place_gradient(const OpView& view, ProductRequest& r) {
  const Bytes sent = view.sends == nullptr ? 0 : view.sends->of(view.graph, view.op);
  if (sent == 0) return;
  const SliceShape& shape = view.context.on(0).grid.shape();
  r.destinations = residency(shape, r.c_bytes);
  // What a collective sends from all nodes may lie on them as the product leaves it.
  r.any_nodes = residency(shape, sent).size() == shape.node_count();
}

VectorRequest vector_request(const OpView& view) {
  VectorRequest r;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.flops = view.op.elements * view.op.vector_flops_per_element;
  r.operations = view.op.elements * operations_of_element(view.op);
  Bytes largest = -1;
  TensorPlace place;
  std::uint8_t part = kUnplaced;  // that holds all inputs
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    const TensorPlace& lies = view.places[index];
    if (goes_to_all(tensor)) return;
    part = std::min(part, lies.part);
    if (lies.part == kUnplaced) r.held_bytes += tensor.bytes;
    if (is_local_data(tensor.role) && tensor.bytes > largest) {
      largest = tensor.bytes;
      place = lies;
    }
  });
  view.for_each_output(
      [&](std::uint32_t, const Tensor& tensor) { r.held_bytes += is_local_data(tensor.role) ? tensor.bytes : 0; });
  // Large results go back to pixels: every product after them needs that.
  if (place.layout == Layout::kAny || (place.layout == Layout::kOther && largest > kSmallOperandBytes))
    place.layout = Layout::kPixels;
  r.place = {place.layout, part};
  return r;
}

VectorRequest tensors_request(const OpView& view) {
  VectorRequest r = vector_request(view);
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (goes_to_all(tensor)) {
      r.to_all_bytes += tensor.bytes;
      return;
    }
    r.load_bytes += tensor.bytes;
    const TensorPlace& place = view.places[index];
    if (place.part != kUnplaced) r.inputs.push_back({place, tensor.bytes});
  });
  view.for_each_output([&](std::uint32_t, const Tensor& tensor) {
    r.store_bytes += is_local_data(tensor.role) && tensor.role != TensorRole::kGradient ? tensor.bytes : 0;
  });
  const Op& op = view.op;
  if (op.inputs_begin == op.inputs_end && op.outputs_begin == op.outputs_end)
    r.load_bytes = r.store_bytes = op.elements * r.element_bytes;
  return r;
}

}  // namespace dojo::workload
