// SPDX-License-Identifier: Apache-2.0
// The forward pass, the loss and the update of a step; gradients of the layers stand in training_grads.cpp.
#include "trace/layers/training_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dojo::workload::layers {
namespace {

constexpr std::int64_t kStatsFlops = 3;      // sum, sum of squares
constexpr std::int64_t kLossFlops = 10;      // softmax, logarithm, gradient
constexpr std::int64_t kOptimizerFlops = 6;  // weight decay: 2; momentum: 2; update: 2
constexpr Bytes kStateBytes = 8;             // FP32 master weight and momentum of a parameter

}  // namespace

TrainingStep::TrainingStep(GraphBuilder& graph, const std::vector<ModelInput>& inputs,
                           const std::vector<ForwardLayer>& layers, const StepOptions& options)
    : graph_(graph),
      inputs_(inputs),
      layers_(layers),
      options_(options),
      statistics_(layers.size()),
      weights_(layers.size(), kNone),
      gradients_(inputs.size() + layers.size()),
      wanted_(inputs.size() + layers.size(), false) {}

void TrainingStep::build() {
  for (const ModelInput& input : inputs_) {
    OpDraft ingest = draft(input.name + ".ingest", OpKind::kIngest, Phase::kForward, 0);
    ingest.op.bytes = std::max<Bytes>(input.elements * width(), 1);
    const std::uint32_t tensor = graph_.tensor(input.name, ingest.op.bytes, TensorRole::kInput);
    ingest.outputs = {tensor};
    values_.push_back({tensor, add(std::move(ingest), {})});
    elements_.push_back(input.elements);
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) forward(i);
  if (options_.forward_only) return;
  loss();
  for (std::size_t i = layers_.size(); i-- > 0;) backward(i);
  close_bucket();
  update();
}

OpDraft TrainingStep::draft(const std::string& name, OpKind kind, Phase phase, std::uint64_t place) const {
  OpDraft made;
  made.name = name;
  made.op.kind = kind;
  made.op.phase = phase;
  made.op.dtype = options_.dtype;
  made.op.place = place;
  return made;
}

std::uint32_t TrainingStep::add(OpDraft made, const std::vector<Made>& after) {
  for (const Made& one : after) {
    if (one.op != kNone) made.deps.push_back(one.op);
  }
  std::sort(made.deps.begin(), made.deps.end());
  made.deps.erase(std::unique(made.deps.begin(), made.deps.end()), made.deps.end());
  made.op.id = static_cast<std::uint64_t>(options_.first_id) + graph_.op_count();
  if (family(made.op.kind) != OpFamily::kShapeless) made.op.flops = shape_flops(made.op);
  return graph_.add(std::move(made));
}

TrainingStep::Made TrainingStep::emit(OpDraft made, const std::vector<Made>& after, const std::string& output,
                                      std::int64_t elements) {
  const std::uint32_t tensor = graph_.tensor(output, elements * width(), TensorRole::kActivation);
  made.outputs.insert(made.outputs.begin(), tensor);
  return {tensor, add(std::move(made), after)};
}

void TrainingStep::forward(std::size_t index) {
  const ForwardLayer& layer = layers_[index];
  const std::uint32_t value = value_of(index);
  bool wanted = layer.parameters > 0;
  for (const std::uint32_t input : layer.inputs) wanted = wanted || wanted_[input];
  wanted_[value] = wanted;
  elements_.push_back(layer.output_elements);
  if (layer.op.kind == OpKind::kNone) {
    values_.push_back(layer.inputs.empty() ? Made{} : values_[layer.inputs[0]]);
    return;
  }
  if (layer.parameters > 0) {
    weights_[index] = graph_.tensor(layer.name + ".weight", layer.parameters * width(), TensorRole::kWeight);
  }
  if (layer.op.kind == OpKind::kBatchNormApply) {
    batch_norm_forward(index);
    return;
  }
  OpDraft made = draft(layer.name, layer.op.kind, Phase::kForward, layer.op.place);
  const DType dtype = made.op.dtype;
  made.op = layer.op;
  made.op.phase = Phase::kForward;
  made.op.dtype = dtype;
  std::vector<Made> after;
  for (const std::uint32_t input : layer.inputs) {
    if (values_[input].tensor != kNone) made.inputs.push_back(values_[input].tensor);
    after.push_back(values_[input]);
  }
  if (weights_[index] != kNone) made.inputs.push_back(weights_[index]);
  values_.push_back(emit(std::move(made), after, layer.name + ".y", layer.output_elements));
}

void TrainingStep::batch_norm_forward(std::size_t index) {
  const ForwardLayer& layer = layers_[index];
  const Made x = values_[layer.inputs.at(0)];
  OpDraft apply = draft(layer.name, OpKind::kBatchNormApply, Phase::kForward, layer.op.place);
  apply.op.elements = layer.op.elements;
  apply.op.channels = layer.op.channels;
  apply.op.vector_flops_per_element = layer.op.vector_flops_per_element;
  apply.inputs = {x.tensor};
  std::vector<Made> after{x};
  if (!options_.forward_only) {
    OpDraft stats = draft(layer.name + ".stats", OpKind::kBatchNormStats, Phase::kForward, layer.op.place);
    stats.op.elements = layer.op.elements;
    stats.op.channels = layer.op.channels;
    stats.op.vector_flops_per_element = kStatsFlops;
    stats.inputs = {x.tensor};
    const std::uint32_t sums =
        graph_.tensor(layer.name + ".sums", 2 * layer.op.channels * dtype_bytes(DType::kFp32), TensorRole::kStatistics);
    stats.outputs = {sums};
    statistics_[index] = {sums, add(std::move(stats), {x})};
    apply.inputs.push_back(sums);
    after.push_back(statistics_[index]);
  }
  if (weights_[index] != kNone) apply.inputs.push_back(weights_[index]);
  values_.push_back(emit(std::move(apply), after, layer.name + ".y", layer.output_elements));
}

/// Values that nobody reads are results: each is compared with what was wanted, which starts the backward pass.
void TrainingStep::loss() {
  std::vector<bool> read(values_.size(), false);
  for (const ForwardLayer& layer : layers_) {
    for (const std::uint32_t input : layer.inputs) read[input] = true;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::uint32_t value = value_of(i);
    if (read[value] || !wanted_[value] || values_[value].tensor == kNone) continue;
    OpDraft made = draft(layers_[i].name + ".loss", OpKind::kSoftmaxLoss, Phase::kForward, layers_[i].op.place);
    made.op.elements = std::max<std::int64_t>(elements_[value], 1);
    made.op.vector_flops_per_element = kLossFlops;
    made.inputs = {values_[value].tensor};
    contribute(value, emit(std::move(made), {values_[value]}, layers_[i].name + ".dy", elements_[value]));
  }
}

void TrainingStep::close_bucket() {
  if (open_.parameters == 0) return;
  if (options_.reduce_gradients) {
    OpDraft reduce =
        draft(fmt::format("bucket{}.all_reduce", buckets_.size()), OpKind::kAllReduce, Phase::kBackward, 0);
    reduce.op.bytes = open_.parameters * width();
    reduce.inputs = reduce.outputs = open_.gradients;
    reduce.deps = open_.makers;
    open_.ready = add(std::move(reduce), {});
  }
  buckets_.push_back(std::exchange(open_, {}));
}

void TrainingStep::update() {
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    Bucket& bucket = buckets_[i];
    const std::uint32_t state =
        graph_.tensor(fmt::format("bucket{}.state", i), bucket.parameters * kStateBytes, TensorRole::kOptimizerState);
    OpDraft step = draft(fmt::format("bucket{}.optimizer", i), OpKind::kOptimizer, Phase::kUpdate, 0);
    step.op.elements = bucket.parameters;
    step.op.vector_flops_per_element = kOptimizerFlops;
    step.inputs = bucket.gradients;
    step.inputs.push_back(state);
    step.outputs = bucket.weights;
    step.outputs.push_back(state);
    step.deps = bucket.ready == kNone ? bucket.makers : std::vector<std::uint32_t>{bucket.ready};
    // The old weights must have been read by the backward pass too, which the all-reduce does not wait for.
    for (const std::uint32_t weight : bucket.weights) {
      const auto reader = last_reader_.find(weight);
      if (reader != last_reader_.end()) step.deps.push_back(reader->second);
    }
    add(std::move(step), {});
  }
}

}  // namespace dojo::workload::layers
