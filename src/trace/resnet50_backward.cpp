// SPDX-License-Identifier: Apache-2.0
// ResNet-50: backward pass, gradient buckets and the optimizer.
#include <fmt/format.h>

#include <utility>

#include "trace/resnet50_builder.h"
#include "trace/resnet50_layers.h"

namespace dojo::workload::resnet50 {

void Builder::add_gradient(const std::string& name, std::uint32_t weight, std::int64_t parameters, OpDraft& maker) {
  const std::uint32_t gradient = graph_.tensor(name + ".grad", parameters * width(), TensorRole::kGradient);
  maker.outputs.push_back(gradient);
  open_.gradients.push_back(gradient);
  open_.weights.push_back(weight);
  open_.parameters += parameters;
}

void Builder::gradient_ready(std::uint32_t op) {
  open_.makers.push_back(op);
  if (open_.parameters * width() >= options_.bucket_bytes) close_bucket();
}

void Builder::close_bucket() {
  if (open_.parameters == 0) return;
  OpDraft reduce = draft(fmt::format("bucket{}.all_reduce", buckets_.size()), OpKind::kAllReduce, Phase::kBackward);
  reduce.op.bytes = open_.parameters * width();
  reduce.inputs = reduce.outputs = open_.gradients;
  reduce.deps = open_.makers;
  open_.all_reduce = graph_.add(std::move(reduce));
  buckets_.push_back(std::move(open_));
  open_ = {};
  if (buckets_.size() > 1) update(buckets_.size() - 2);
}

void Builder::begin_bn_grad(ConvBn& layer, Value dy) {
  layer.dy = dy;
  const std::int64_t channels = layer.shape.k;
  const std::uint32_t sums =
      graph_.tensor(layer.name + ".bn.grad_stats", 2 * channels * dtype_bytes(DType::kFp32), TensorRole::kStatistics);
  OpDraft stats = draft(layer.name + ".bn.grad_stats", OpKind::kBatchNormGradStats, Phase::kBackward);
  stats.op.elements = layer.z.elements;
  stats.op.channels = channels;
  stats.op.vector_flops_per_element = kGradStatsFlops + (layer.relu ? 1 : 0);
  stats.inputs = {dy.tensor, layer.z.tensor, layer.statistics.tensor, layer.affine};
  stats.deps = {dy.op};
  stats.outputs = {sums};
  add_gradient(layer.name + ".bn.affine", layer.affine, 2 * channels, stats);
  const std::uint32_t local = graph_.add(std::move(stats));
  layer.grad_statistics = {
      sums, reduce_statistics(layer.name + ".bn.grad_stats.all_reduce", Phase::kBackward, sums, channels, local), 0};
  gradient_ready(local);
}

Value Builder::finish_bn_grad(const ConvBn& layer) {
  OpDraft apply = draft(layer.name + ".bn.grad_apply", OpKind::kBatchNormGradApply, Phase::kBackward);
  apply.op.elements = layer.z.elements;
  apply.op.channels = layer.shape.k;
  apply.op.vector_flops_per_element = kGradApplyFlops + (layer.relu ? 1 : 0);
  apply.inputs = {layer.dy.tensor, layer.z.tensor, layer.statistics.tensor, layer.affine, layer.grad_statistics.tensor};
  apply.deps = {layer.dy.op, layer.grad_statistics.op};
  const Value dz = emit(std::move(apply), layer.name + ".dz", layer.z.elements);
  last_reader_[layer.affine] = dz.op;
  return dz;
}

Value Builder::conv_input_grad(const ConvBn& layer, Value dz) {
  OpDraft grad = draft(layer.name + ".input_grad", OpKind::kConvInputGrad, Phase::kBackward);
  grad.op.conv = layer.shape;
  grad.inputs = {dz.tensor, layer.weight};
  grad.deps = {dz.op};
  const ConvShape& s = layer.shape;
  const Value dx = emit(std::move(grad), layer.name + ".dx", s.n * s.c * s.h * s.w);
  last_reader_[layer.weight] = dx.op;
  return dx;
}

void Builder::conv_weight_grad(const ConvBn& layer, Value dz) {
  OpDraft grad = draft(layer.name + ".weight_grad", OpKind::kConvWeightGrad, Phase::kBackward);
  grad.op.conv = layer.shape;
  grad.op.flops = shape_flops(grad.op);
  grad.inputs = {dz.tensor, layer.x.tensor};
  grad.deps = {dz.op};
  const ConvShape& s = layer.shape;
  add_gradient(layer.name + ".weight", layer.weight, s.k * s.c * s.r * s.s, grad);
  gradient_ready(graph_.add(std::move(grad)));
}

/// Weight gradients wait until the next normalisation's all-reduce is on its way: they are the work that hides it.
void Builder::flush_weight_grads() {
  for (const PendingWeightGrad& pending : std::exchange(pending_, {})) conv_weight_grad(*pending.layer, pending.dz);
}

Value Builder::backward_block(Block& block, Value dy) {
  const std::string name = block.convs[2].name.substr(0, block.convs[2].name.rfind('.'));
  const Value g = elementwise(name + ".relu_grad", Phase::kBackward, {dy, block.y}, block.y.elements, 1);
  block.convs[2].relu = false;  // masked just now, for both branches
  begin_bn_grad(block.convs[2], g);
  Value shortcut = g;
  if (!block.downsample.empty()) begin_bn_grad(block.downsample[0], g);
  flush_weight_grads();
  Value d = g;
  for (std::size_t i = 3; i-- > 0;) {
    ConvBn& layer = block.convs[i];
    const Value dz = finish_bn_grad(layer);
    d = conv_input_grad(layer, dz);
    pending_.push_back({&layer, dz});
    if (i == 0) break;
    begin_bn_grad(block.convs[i - 1], d);
    if (i == 2 && !block.downsample.empty()) {
      const Value dz_shortcut = finish_bn_grad(block.downsample[0]);
      shortcut = conv_input_grad(block.downsample[0], dz_shortcut);
      pending_.push_back({&block.downsample[0], dz_shortcut});
    }
    flush_weight_grads();
  }
  return elementwise(name + ".add_grad", Phase::kBackward, {d, shortcut}, d.elements, 1);
}

void Builder::backward_head() {
  const std::int64_t n = options_.batch;
  OpDraft input = draft("fc.input_grad", OpKind::kMatMulInputGrad, Phase::kBackward);
  input.op.mat = {n, kClasses, kFeatures, 1};
  input.inputs = {loss_grad_.tensor, fc_weight_};
  input.deps = {loss_grad_.op};
  const Value dx = emit(std::move(input), "fc.dx", n * kFeatures);
  last_reader_[fc_weight_] = dx.op;

  OpDraft weight = draft("fc.weight_grad", OpKind::kMatMulWeightGrad, Phase::kBackward);
  weight.op.mat = {n, kClasses, kFeatures, 1};
  weight.op.flops = shape_flops(weight.op);
  weight.inputs = {loss_grad_.tensor, features_.tensor};
  weight.deps = {loss_grad_.op};
  add_gradient("fc.weight", fc_weight_, kFeatures * kClasses, weight);
  add_gradient("fc.bias", fc_bias_, kClasses, weight);
  gradient_ready(graph_.add(std::move(weight)));

  OpDraft pool = draft("avgpool.grad", OpKind::kPoolGrad, Phase::kBackward);
  pool.op.conv = average_pool_;
  pool.op.elements = last_.elements;
  pool.op.channels = kFeatures;
  pool.op.vector_flops_per_element = 1;
  pool.inputs = {dx.tensor};
  pool.deps = {dx.op};
  loss_grad_ = emit(std::move(pool), "avgpool.dx", last_.elements);
}

void Builder::backward() {
  backward_head();
  Value d = loss_grad_;
  for (std::size_t i = blocks_.size(); i-- > 0;) d = backward_block(blocks_[i], d);

  OpDraft pool = draft("maxpool.grad", OpKind::kPoolGrad, Phase::kBackward);
  pool.op.conv = max_pool_;
  pool.op.elements = stem_out_.elements;
  pool.op.channels = kStemChannels;
  pool.op.vector_flops_per_element = kPoolFilter * kPoolFilter;  // finds again which input was the largest
  pool.inputs = {d.tensor, stem_out_.tensor};
  pool.deps = {d.op};
  d = emit(std::move(pool), "maxpool.dx", stem_out_.elements);
  begin_bn_grad(stem_, d);
  flush_weight_grads();
  conv_weight_grad(stem_, finish_bn_grad(stem_));
  close_bucket();
}

/// A bucket's weights are updated as soon as its gradients are there, beside the rest of the backward pass. Comes one
/// bucket late: by then all that reads the old weights has its place in the graph.
void Builder::update(std::size_t i) {
  Bucket& bucket = buckets_[i];
  const std::uint32_t state = graph_.tensor(fmt::format("bucket{}.state", i), bucket.parameters * kOptimizerStateBytes,
                                            TensorRole::kOptimizerState);
  OpDraft step = draft(fmt::format("bucket{}.optimizer", i), OpKind::kOptimizer, Phase::kUpdate);
  step.op.elements = bucket.parameters;
  step.op.vector_flops_per_element = kOptimizerFlops;
  step.inputs = bucket.gradients;
  step.inputs.push_back(state);
  step.outputs = bucket.weights;
  step.outputs.push_back(state);
  step.deps = {bucket.all_reduce};
  // The old weights must have been read by the backward pass too, which the all-reduce does not wait for.
  for (const std::uint32_t weight : bucket.weights) {
    const auto reader = last_reader_.find(weight);
    if (reader != last_reader_.end()) step.deps.push_back(reader->second);
  }
  graph_.add(std::move(step));
}

}  // namespace dojo::workload::resnet50
