// SPDX-License-Identifier: Apache-2.0
// The table of kernel functions (src/lower/kinds), and requests of operations without shapes.
#include "lower/op_kernels.h"

#include <algorithm>
#include <cmath>

#include "lower/kinds/kinds.h"

namespace dojo::workload {
namespace {

KernelRequest compute(const OpView& view) {
  const Op& op = view.op;
  const bool only_time = op.flops == 0 && op.bytes == 0 && op.duration_ns > 0;
  return only_time ? recorded_request(view) : roofline_request(view);
}

struct Entry {
  OpKind kind;
  KernelFunction function;
};
constexpr Entry kKernels[] = {
    {OpKind::kConv, conv},
    {OpKind::kConvInputGrad, conv_input_grad},
    {OpKind::kConvWeightGrad, conv_weight_grad},
    {OpKind::kMatMul, matmul},
    {OpKind::kMatMulInputGrad, matmul_input_grad},
    {OpKind::kMatMulWeightGrad, matmul_weight_grad},
    {OpKind::kElementwise, elementwise},
    {OpKind::kBatchNormStats, channel_sums},
    {OpKind::kBatchNormApply, elementwise},
    {OpKind::kBatchNormGradStats, channel_sums},
    {OpKind::kBatchNormGradApply, elementwise},
    {OpKind::kPool, pool},
    {OpKind::kPoolGrad, pool_grad},
    {OpKind::kSoftmaxLoss, softmax_loss},
    {OpKind::kReduction, reduction},
    {OpKind::kOptimizer, optimizer},
    {OpKind::kCompute, compute},
    {OpKind::kAttention, attention},
    {OpKind::kAttentionGrad, attention},
    {OpKind::kLayerNorm, row_operation},
    {OpKind::kLayerNormGrad, row_operation},
    {OpKind::kRmsNorm, row_operation},
    {OpKind::kRmsNormGrad, row_operation},
    {OpKind::kSoftmax, row_operation},
    {OpKind::kSoftmaxGrad, row_operation},
    {OpKind::kGroupNormStats, channel_sums},
    {OpKind::kGroupNormApply, elementwise},
    {OpKind::kGroupNormGradStats, channel_sums},
    {OpKind::kGroupNormGradApply, elementwise},
    {OpKind::kEmbedding, lookups},
    {OpKind::kEmbeddingGrad, lookups_added},
    {OpKind::kGather, lookups},
    {OpKind::kScatter, lookups_added},
    {OpKind::kDispatch, lookups},
    {OpKind::kCombine, lookups},
    {OpKind::kTranspose, transpose},
    {OpKind::kConvert, elementwise},
};

}  // namespace

OpSends::OpSends(const Graph& graph, const std::vector<std::size_t>& group_sizes)
    : of_tensor(graph.tensors.size(), 0), of_op(graph.ops.size(), 0) {
  for (const Op& op : graph.ops) {
    if (!is_collective(op.kind) || op.group >= group_sizes.size() || group_sizes[op.group] < 2) continue;
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i)
      of_tensor[graph.tensor_refs[i]] = std::max(of_tensor[graph.tensor_refs[i]], op.bytes);
    for (std::uint32_t i = op.deps_begin; i < op.deps_end; ++i)
      of_op[graph.deps[i]] = std::max(of_op[graph.deps[i]], op.bytes);
  }
}

Bytes OpSends::of(const Graph& graph, const Op& op) const {
  if (op.outputs_begin == op.outputs_end) return of_op[static_cast<std::size_t>(&op - graph.ops.data())];
  Bytes most = 0;
  for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i)
    most = std::max(most, of_tensor[graph.tensor_refs[i]]);
  return most;
}

bool is_local_data(TensorRole role) {
  return role == TensorRole::kActivation || role == TensorRole::kInput || role == TensorRole::kGradient;
}

KernelFunction kernel_function(OpKind kind) {
  for (const Entry& entry : kKernels)
    if (entry.kind == kind) return entry.function;
  return nullptr;
}

ShapelessRequest roofline_request(const OpView& view) {
  ShapelessRequest r;
  r.flops = view.op.flops;
  r.bytes = view.op.bytes;
  if (r.bytes == 0) {
    view.for_each_input([&](std::uint32_t, const Tensor& tensor) { r.bytes += tensor.bytes; });
    view.for_each_output([&](std::uint32_t, const Tensor& tensor) { r.bytes += tensor.bytes; });
  }
  return r;
}

ShapelessRequest recorded_request(const OpView& view) {
  ShapelessRequest r = roofline_request(view);
  constexpr double kMost = 9.2e18;  // below 2^63: beyond it the conversion has no result
  const double exact = std::ceil(static_cast<double>(view.op.duration_ns) * view.clock_hz / 1e9);
  r.recorded_cycles = std::max<Cycles>(1, static_cast<Cycles>(std::min(exact, kMost)));
  return r;
}

}  // namespace dojo::workload
