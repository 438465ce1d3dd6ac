// SPDX-License-Identifier: Apache-2.0
// Updates of parameters.
//
// A core loads the gradient and the state of its parameters (FP32 master weights and moments, as the tensors say),
// and stores the new weights and the state. Parameters without a master weight are loaded too. LARS loads gradients
// and weights once more before, for the sums of their squares, which are added up over the rank.
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {
namespace {

constexpr Bytes kFp32 = 4;
constexpr Bytes kMasterAndMomentum = 2 * kFp32;  // of a parameter whose state is no tensor and whose rule is not said

Bytes state_of(const OpView& view) {
  const Op& op = view.op;
  Bytes state = 0;
  view.for_each_input([&](std::uint32_t, const Tensor& tensor) {
    state += tensor.role == TensorRole::kOptimizerState ? tensor.bytes : 0;
  });
  if (state > 0) return state;
  const bool has_tensors = op.inputs_begin < op.inputs_end;
  if (op.rule == OptimizerRule::kSgd && has_tensors) return 0;  // the only rule that needs none
  return op.elements * (op.rule ? needs_of(*op.rule).state_bytes : kMasterAndMomentum);
}

}  // namespace

KernelRequest optimizer(const OpView& view) {
  VectorRequest r = vector_request(view);
  const Op& op = view.op;
  const std::int64_t elements = ceil_div(op.elements, view.optimizer_shards);
  const Bytes state = ceil_div(state_of(view), view.optimizer_shards);
  const Bytes weights = elements * dtype_bytes(op.dtype);
  r.load_bytes = r.store_bytes = weights + state;
  if (state == 0) r.load_bytes += weights;
  if (dtype_bytes(op.dtype) < kFp32) {
    r.narrow_load_bytes = r.load_bytes - state;
    r.narrow_store_bytes = weights;
  }
  if (op.rule && needs_of(*op.rule).norms) {
    const std::int64_t tensors = std::max<std::int64_t>(1, op.outputs_end - op.outputs_begin);
    r.load_bytes += weights + elements * kFp32;
    r.sums_bytes = 2 * kFp32 * tensors;
  }
  r.flops = elements * op.vector_flops_per_element;
  r.operations = elements * operations_of_element(op);
  r.element_bytes = kFp32;
  // It works where its gradients lie; those that lie elsewhere are collected.
  r.place = {Layout::kPixels, kUnplaced};
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    const std::uint8_t part = view.places[index].part;
    if (tensor.role != TensorRole::kGradient || part == kUnplaced) return;
    r.place.part = std::min(r.place.part, part);
    r.inputs.push_back({{Layout::kAny, part}, tensor.bytes});
  });
  return r;
}

}  // namespace dojo::workload
