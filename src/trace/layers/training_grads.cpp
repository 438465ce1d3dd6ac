// SPDX-License-Identifier: Apache-2.0
// What the backward pass of each kind of layer does.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "trace/layers/training_step.h"

namespace dojo::workload::layers {
namespace {

constexpr std::int64_t kGradStatsFlops = 5;  // x_hat: 2; sum of dy: 1; sum of dy * x_hat: 2
constexpr std::int64_t kGradApplyFlops = 6;  // x_hat: 2; scale * (dy - a - x_hat * b): 4

}  // namespace

bool TrainingStep::wanted(std::uint32_t value) const {
  return wanted_[value];
}

void TrainingStep::contribute(std::uint32_t value, Made gradient) {
  gradients_[value].push_back(gradient);
}

/// The sum of what the readers of a value sent back.
TrainingStep::Made TrainingStep::gradient_of(std::uint32_t value) {
  const std::vector<Made>& parts = gradients_[value];
  if (parts.size() < 2) return parts.empty() ? Made{} : parts[0];
  const std::string name = layers_[value - inputs_.size()].name;
  OpDraft sum =
      draft(name + ".grad_sum", OpKind::kElementwise, Phase::kBackward, layers_[value - inputs_.size()].op.place);
  sum.op.elements = std::max<std::int64_t>(elements_[value], 1);
  sum.op.vector_flops_per_element = static_cast<std::int64_t>(parts.size()) - 1;
  for (const Made& part : parts) sum.inputs.push_back(part.tensor);
  return emit(std::move(sum), parts, name + ".grad", elements_[value]);
}

void TrainingStep::backward(std::size_t index) {
  const ForwardLayer& layer = layers_[index];
  if (!wanted(value_of(index)) || layer.inputs.empty()) return;
  const Made dy = gradient_of(value_of(index));
  if (dy.op == kNone) return;  // no result depends on it
  if (layer.op.kind == OpKind::kNone || layer.passes_gradient) {
    for (const std::uint32_t input : layer.inputs) {
      if (wanted(input)) contribute(input, dy);
      if (layer.op.kind == OpKind::kNone) break;
    }
    return;
  }
  if (traits(layer.op.kind).weight_grad != OpKind::kNone) {
    product_grads(index, dy);
  } else if (layer.op.kind == OpKind::kBatchNormApply) {
    batch_norm_grads(index, dy);
  } else if (layer.backward_flops > 0) {
    shapeless_grads(index, dy);
  } else {
    vector_grads(index, dy);
  }
}

void TrainingStep::product_grads(std::size_t index, Made dy) {
  const ForwardLayer& layer = layers_[index];
  const auto shaped = [&](const char* what, OpKind kind) {
    OpDraft made = draft(layer.name + what, kind, Phase::kBackward, layer.op.place);
    made.op.conv = layer.op.conv;
    made.op.mat = layer.op.mat;
    return made;
  };
  const std::uint32_t x = layer.inputs[0];
  const std::uint32_t second = layer.inputs.size() > 1 ? layer.inputs[1] : kNone;  // a product of two activations
  if (wanted(x)) {
    OpDraft grad = shaped(".input_grad", traits(layer.op.kind).input_grad);
    const bool weighted = weights_[index] != kNone;
    grad.inputs = {dy.tensor};
    if (weighted) grad.inputs.push_back(weights_[index]);
    if (!weighted && second != kNone) grad.inputs.push_back(values_[second].tensor);
    const Made dx = emit(std::move(grad), {dy}, layer.name + ".dx", elements_[x]);
    if (weighted) last_reader_[weights_[index]] = dx.op;
    contribute(x, dx);
  }
  if (weights_[index] != kNone) {
    OpDraft grad = shaped(".weight_grad", traits(layer.op.kind).weight_grad);
    grad.inputs = {dy.tensor, values_[x].tensor};
    grad.deps = {dy.op};
    weight_gradient(index, std::move(grad));
  } else if (second != kNone && wanted(second)) {
    OpDraft grad = shaped(".second_grad", traits(layer.op.kind).weight_grad);
    grad.inputs = {dy.tensor, values_[x].tensor};
    contribute(second, emit(std::move(grad), {dy}, layer.name + ".dx2", elements_[second]));
  }
}

void TrainingStep::batch_norm_grads(std::size_t index, Made dy) {
  const ForwardLayer& layer = layers_[index];
  const std::uint32_t x = layer.inputs[0];
  OpDraft stats = draft(layer.name + ".grad_stats", OpKind::kBatchNormGradStats, Phase::kBackward, layer.op.place);
  stats.op.elements = layer.op.elements;
  stats.op.channels = layer.op.channels;
  stats.op.vector_flops_per_element = kGradStatsFlops;
  stats.inputs = {dy.tensor, values_[x].tensor, statistics_[index].tensor};
  stats.deps = {dy.op};
  const std::uint32_t sums = graph_.tensor(layer.name + ".grad_sums", 2 * layer.op.channels * dtype_bytes(DType::kFp32),
                                           TensorRole::kStatistics);
  stats.outputs = {sums};
  std::uint32_t made = 0;
  if (weights_[index] != kNone) {
    stats.inputs.push_back(weights_[index]);
    made = weight_gradient(index, std::move(stats));
  } else {
    made = add(std::move(stats), {});
  }
  if (!wanted(x)) return;
  OpDraft apply = draft(layer.name + ".grad_apply", OpKind::kBatchNormGradApply, Phase::kBackward, layer.op.place);
  apply.op.elements = layer.op.elements;
  apply.op.channels = layer.op.channels;
  apply.op.vector_flops_per_element = kGradApplyFlops;
  apply.inputs = {dy.tensor, values_[x].tensor, statistics_[index].tensor, sums};
  if (weights_[index] != kNone) apply.inputs.push_back(weights_[index]);
  const Made dx = emit(std::move(apply), {dy, {sums, made}}, layer.name + ".dx", elements_[x]);
  if (weights_[index] != kNone) last_reader_[weights_[index]] = dx.op;
  contribute(x, dx);
}

/// One operation makes the gradients of all inputs.
void TrainingStep::shapeless_grads(std::size_t index, Made dy) {
  const ForwardLayer& layer = layers_[index];
  OpDraft grad = draft(layer.name + ".grad", OpKind::kCompute, Phase::kBackward, layer.op.place);
  grad.op.flops = layer.backward_flops;
  grad.inputs = {dy.tensor};
  grad.deps = {dy.op};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> made;  // input, tensor
  for (const std::uint32_t input : layer.inputs) {
    if (values_[input].tensor != kNone) grad.inputs.push_back(values_[input].tensor);
    if (!wanted(input)) continue;
    made.emplace_back(input, graph_.tensor(fmt::format("{}.dx{}", layer.name, made.size()), elements_[input] * width(),
                                           TensorRole::kActivation));
    grad.outputs.push_back(made.back().second);
  }
  const std::uint32_t op =
      weights_[index] != kNone ? weight_gradient(index, std::move(grad)) : add(std::move(grad), {});
  for (const auto& [input, tensor] : made) contribute(input, {tensor, op});
}

void TrainingStep::vector_grads(std::size_t index, Made dy) {
  const ForwardLayer& layer = layers_[index];
  const bool pool = layer.op.kind == OpKind::kPool;
  std::size_t number = 0;
  for (const std::uint32_t input : layer.inputs) {
    ++number;
    if (!wanted(input)) continue;
    const std::string suffix = number == 1 ? "" : std::to_string(number);
    OpDraft grad = draft(layer.name + ".grad" + suffix, pool ? OpKind::kPoolGrad : OpKind::kElementwise,
                         Phase::kBackward, layer.op.place);
    grad.op.elements = std::max<std::int64_t>({elements_[input], layer.output_elements, 1});
    grad.op.vector_flops_per_element = std::max<std::int64_t>(layer.op.vector_flops_per_element, 1);
    grad.inputs = {dy.tensor};
    if (pool) {
      grad.op.conv = layer.op.conv;
      grad.op.channels = layer.op.channels;
    }
    if (values_[input].tensor != kNone) grad.inputs.push_back(values_[input].tensor);
    contribute(input, emit(std::move(grad), {dy}, layer.name + ".dx" + suffix, elements_[input]));
  }
  if (weights_[index] != kNone) {
    OpDraft grad = draft(layer.name + ".weight_grad", OpKind::kReduction, Phase::kBackward, layer.op.place);
    grad.op.elements = std::max<std::int64_t>(layer.output_elements, 1);
    grad.op.vector_flops_per_element = 1;
    grad.inputs = {dy.tensor};
    grad.deps = {dy.op};
    weight_gradient(index, std::move(grad));
  }
}

std::uint32_t TrainingStep::weight_gradient(std::size_t index, OpDraft made) {
  const ForwardLayer& layer = layers_[index];
  const std::uint32_t gradient =
      graph_.tensor(layer.name + ".weight.grad", layer.parameters * width(), TensorRole::kGradient);
  made.outputs.push_back(gradient);
  open_.gradients.push_back(gradient);
  open_.weights.push_back(weights_[index]);
  open_.parameters += layer.parameters;
  const std::uint32_t op = add(std::move(made), {});
  open_.makers.push_back(op);
  if (open_.parameters * width() >= options_.bucket_bytes) close_bucket();
  return op;
}

}  // namespace dojo::workload::layers
