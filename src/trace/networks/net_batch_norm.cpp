// SPDX-License-Identifier: Apache-2.0
// Batch norm of a rank's own samples, with the activation and the residual that follow it.
#include "trace/networks/net_builder.h"

namespace dojo::workload::networks {
namespace {

// Vector FLOP of an element: sums 3, normalise 2; gradients 5 and 6 (docs/kernels.md).
constexpr std::int64_t kStats = 3, kApply = 2, kGradStats = 5, kGradApply = 6;

}  // namespace

Value NetBuilder::batch_norm(const std::string& name, Value x, std::int64_t channels, const Value* residual, bool relu,
                             Weight weight) {
  const auto part = [=](const std::string& op, OpKind kind, Phase phase, std::int64_t flops) {
    OpDraft made = draft(op, kind, phase);
    made.op.elements = x.elements;
    made.op.channels = channels;
    made.op.vector_flops_per_element = flops;
    return made;
  };
  const auto sums_of = [=](OpDraft made, const std::string& tensor) {
    Value sums{graph_.tensor(prefix_ + tensor, 2 * channels * dtype_bytes(DType::kFp32), TensorRole::kStatistics),
               kNone, 2 * channels};
    made.outputs.insert(made.outputs.begin(), sums.tensor);
    sums.op = add(std::move(made));
    return sums;
  };
  OpDraft stats = part(name + ".stats", OpKind::kBatchNormStats, Phase::kForward, kStats);
  read(stats, x);
  const Value sums = sums_of(std::move(stats), name + ".stats");
  const bool adds = residual != nullptr;
  const Value around = adds ? *residual : Value{};
  OpDraft apply = part(name, OpKind::kBatchNormApply, Phase::kForward, kApply + (relu ? 1 : 0) + (adds ? 1 : 0));
  read(apply, x);
  read(apply, sums);
  read(apply, weight);
  use(weight);
  if (adds) read(apply, around);
  const Value y = emit(std::move(apply), name + ".y", x.elements);
  backward([=] {
    Value dy = gradient(y);
    if (dy.tensor == kNone) return;
    if (relu) {  // once, for the norm and for what goes around it
      OpDraft mask = part(name + ".mask", OpKind::kElementwise, Phase::kBackward, 1);
      mask.op.channels = 0;
      read(mask, dy);
      read(mask, y);
      dy = emit(std::move(mask), name + ".dy", x.elements);
    }
    if (adds) add_gradient(around, dy);
    OpDraft grad_stats = part(name + ".grad_stats", OpKind::kBatchNormGradStats, Phase::kBackward, kGradStats);
    read(grad_stats, dy);
    read(grad_stats, x);
    read(grad_stats, sums);
    makes_gradient(grad_stats, weight);
    const Value grad_sums = sums_of(std::move(grad_stats), name + ".grad_stats");
    OpDraft grad = part(name + ".grad", OpKind::kBatchNormGradApply, Phase::kBackward, kGradApply);
    read(grad, dy);
    read(grad, x);
    read(grad, sums);
    read(grad, grad_sums);
    read(grad, weight);
    const Value dx = emit(std::move(grad), name + ".dx", x.elements);
    made_gradient(grad_sums.op, weight);
    add_gradient(x, dx);
  });
  return y;
}

}  // namespace dojo::workload::networks
