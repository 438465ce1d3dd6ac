// SPDX-License-Identifier: Apache-2.0
// ResNet-50 and -101: samples, forward pass and loss; the pieces that both passes use.
#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/trace/networks.h"
#include "trace/resnet50_builder.h"
#include "trace/resnet50_layers.h"

namespace dojo::workload {
namespace resnet50 {

constexpr std::uint32_t kBatchNormClass = 1;

Builder::Builder(const ResNet50Options& options, const Depth& depth)
    : options_(options), depth_(depth), graph_(std::string("generated:") + depth.name, "generated") {}

Graph Builder::build() {
  graph_.graph().batch = options_.batch;
  forward();
  backward();
  update(buckets_.size() - 1);
  return graph_.take();
}

OpDraft Builder::draft(const std::string& name, OpKind kind, Phase phase) const {
  OpDraft made;
  made.name = name;
  made.op.id = graph_.op_count();
  made.op.kind = kind;
  made.op.phase = phase;
  made.op.dtype = options_.dtype;
  return made;
}

Value Builder::emit(OpDraft made, const std::string& output, std::int64_t elements, std::uint32_t after_extra) {
  if (after_extra != kNone) made.deps.push_back(after_extra);
  made.op.flops = shape_flops(made.op);
  const std::uint32_t tensor = graph_.tensor(output, elements * width(), TensorRole::kActivation);
  made.outputs.insert(made.outputs.begin(), tensor);
  const std::uint32_t op = graph_.add(std::move(made));
  return {tensor, op, elements};
}

Value Builder::elementwise(const std::string& name, Phase phase, const std::vector<Value>& inputs,
                           std::int64_t elements, std::int64_t flops_per_element) {
  OpDraft made = draft(name, OpKind::kElementwise, phase);
  made.op.elements = elements;
  made.op.vector_flops_per_element = flops_per_element;
  for (const Value& value : inputs) {
    made.inputs.push_back(value.tensor);
    made.deps.push_back(value.op);
  }
  return emit(std::move(made), name, elements);
}

std::uint32_t Builder::reduce_statistics(const std::string& name, Phase phase, std::uint32_t tensor,
                                         std::int64_t channels, std::uint32_t after) {
  if (options_.batch_norm_group == 1) return after;
  OpDraft made = draft(name, OpKind::kAllReduce, phase);
  made.op.dtype = DType::kFp32;
  made.op.bytes = 2 * channels * dtype_bytes(DType::kFp32);
  made.op.group = kBatchNormClass;
  made.inputs = made.outputs = {tensor};
  made.deps = {after};
  return graph_.add(std::move(made));
}

void Builder::begin_conv_bn(ConvBn& layer, const std::string& name, Value x, ConvShape shape, bool relu) {
  layer.name = name;
  layer.x = x;
  layer.relu = relu;
  DOJO_CHECK(set_output_size(shape), "{}: the filter does not fit", name);
  layer.shape = shape;
  layer.weight = graph_.tensor(name + ".weight", shape.k * shape.c * shape.r * shape.s * width(), TensorRole::kWeight);
  layer.affine = graph_.tensor(name + ".bn.affine", 2 * shape.k * width(), TensorRole::kWeight);
  OpDraft conv = draft(name, OpKind::kConv, Phase::kForward);
  conv.op.conv = shape;
  conv.inputs = {x.tensor, layer.weight};
  conv.deps = {x.op};
  layer.z = emit(std::move(conv), name + ".z", shape.n * shape.k * shape.p * shape.q);

  const std::uint32_t sums =
      graph_.tensor(name + ".bn.stats", 2 * shape.k * dtype_bytes(DType::kFp32), TensorRole::kStatistics);
  OpDraft stats = draft(name + ".bn.stats", OpKind::kBatchNormStats, Phase::kForward);
  stats.op.elements = layer.z.elements;
  stats.op.channels = shape.k;
  stats.op.vector_flops_per_element = kStatsFlops;
  stats.inputs = {layer.z.tensor};
  stats.outputs = {sums};
  stats.deps = {layer.z.op};
  const std::uint32_t local = graph_.add(std::move(stats));
  layer.statistics = {sums, reduce_statistics(name + ".bn.stats.all_reduce", Phase::kForward, sums, shape.k, local), 0};
}

Value Builder::finish_conv_bn(const ConvBn& layer, const Value* residual) {
  OpDraft apply = draft(layer.name + ".bn.apply", OpKind::kBatchNormApply, Phase::kForward);
  apply.op.elements = layer.z.elements;
  apply.op.channels = layer.shape.k;
  apply.op.vector_flops_per_element = kApplyFlops + (layer.relu ? 1 : 0) + (residual != nullptr ? 1 : 0);
  apply.inputs = {layer.z.tensor, layer.statistics.tensor, layer.affine};
  apply.deps = {layer.z.op};
  if (layer.statistics.op != layer.z.op) apply.deps.push_back(layer.statistics.op);
  if (residual != nullptr) {
    apply.inputs.push_back(residual->tensor);
    apply.deps.push_back(residual->op);
  }
  return emit(std::move(apply), layer.name + ".y", layer.z.elements);
}

void Builder::stem() {
  const std::int64_t pixels = options_.batch * kImageChannels * kImageSize * kImageSize;
  OpDraft ingest = draft("ingest", OpKind::kIngest, Phase::kForward);
  ingest.op.dtype = DType::kInt8;
  ingest.op.bytes = pixels;  // 8-bit RGB
  const std::uint32_t samples = graph_.tensor("samples", pixels, TensorRole::kInput);
  ingest.outputs = {samples};
  const std::uint32_t arrived = graph_.add(std::move(ingest));
  const Value images = elementwise("normalize", Phase::kForward, {{samples, arrived, pixels}}, pixels, kNormalizeFlops);

  ConvShape shape{options_.batch, kImageChannels, kImageSize, kImageSize, kStemChannels, kStemFilter, kStemFilter,
                  kStemStride,    kStemPad,       0,          0};
  begin_conv_bn(stem_, "conv1", images, shape, true);
  stem_.input_grad = false;
  stem_out_ = finish_conv_bn(stem_, nullptr);

  max_pool_ = {options_.batch,
               kStemChannels,
               stem_.shape.p,
               stem_.shape.q,
               kStemChannels,
               kPoolFilter,
               kPoolFilter,
               kPoolStride,
               kPoolPad,
               0,
               0};
  DOJO_CHECK(set_output_size(max_pool_), "maxpool does not fit");
  OpDraft pool = draft("maxpool", OpKind::kPool, Phase::kForward);
  pool.op.conv = max_pool_;
  pool.op.elements = options_.batch * kStemChannels * max_pool_.p * max_pool_.q;
  pool.op.channels = kStemChannels;
  pool.op.vector_flops_per_element = kPoolFilter * kPoolFilter;
  pool.inputs = {stem_out_.tensor};
  pool.deps = {stem_out_.op};
  const std::int64_t elements = pool.op.elements;
  pooled_ = emit(std::move(pool), "maxpool.y", elements);
}

Value Builder::run_block(const std::string& name, Value x, std::int64_t width_channels, std::int64_t stride) {
  Block& block = blocks_.emplace_back();
  block.convs.resize(3);
  const std::int64_t n = options_.batch;
  const ConvShape& before = blocks_.size() == 1 ? max_pool_ : blocks_[blocks_.size() - 2].convs[2].shape;
  const std::int64_t channels = before.k, size = before.p, wide = width_channels * kExpansion;
  const bool project = stride != 1 || channels != wide;
  if (project) {
    block.downsample.resize(1);
    begin_conv_bn(block.downsample[0], name + ".downsample", x, {n, channels, size, size, wide, 1, 1, stride, 0, 0, 0},
                  false);
  }
  // The normalisation's all-reduce of the projection travels while the first convolution computes.
  begin_conv_bn(block.convs[0], name + ".conv1", x, {n, channels, size, size, width_channels, 1, 1, 1, 0, 0, 0}, true);
  const Value shortcut = project ? finish_conv_bn(block.downsample[0], nullptr) : x;
  const Value y1 = finish_conv_bn(block.convs[0], nullptr);
  begin_conv_bn(block.convs[1], name + ".conv2", y1,
                {n, width_channels, size, size, width_channels, 3, 3, stride, 1, 0, 0}, true);
  const Value y2 = finish_conv_bn(block.convs[1], nullptr);
  const std::int64_t out = block.convs[1].shape.p;
  // relu = true for the forward; the backward pass masks once for both branches, in backward_block.
  begin_conv_bn(block.convs[2], name + ".conv3", y2, {n, width_channels, out, out, wide, 1, 1, 1, 0, 0, 0}, true);
  block.y = finish_conv_bn(block.convs[2], &shortcut);
  return block.y;
}

void Builder::head() {
  const std::int64_t n = options_.batch;
  average_pool_ = {n, kFeatures, kFeatureSize, kFeatureSize, kFeatures, kFeatureSize, kFeatureSize, 1, 0, 1, 1};
  OpDraft pool = draft("avgpool", OpKind::kPool, Phase::kForward);
  pool.op.conv = average_pool_;
  pool.op.elements = n * kFeatures;
  pool.op.channels = kFeatures;
  pool.op.vector_flops_per_element = kFeatureSize * kFeatureSize;
  pool.inputs = {last_.tensor};
  pool.deps = {last_.op};
  features_ = emit(std::move(pool), "avgpool.y", n * kFeatures);

  fc_weight_ = graph_.tensor("fc.weight", kFeatures * kClasses * width(), TensorRole::kWeight);
  fc_bias_ = graph_.tensor("fc.bias", kClasses * width(), TensorRole::kWeight);
  OpDraft fc = draft("fc", OpKind::kMatMul, Phase::kForward);
  fc.op.mat = {n, kClasses, kFeatures, 1};
  fc.inputs = {features_.tensor, fc_weight_, fc_bias_};
  fc.deps = {features_.op};
  const Value logits = emit(std::move(fc), "fc.y", n * kClasses);

  OpDraft loss = draft("softmax_loss", OpKind::kSoftmaxLoss, Phase::kForward);
  loss.op.elements = n * kClasses;
  loss.op.channels = kClasses;
  loss.op.vector_flops_per_element = kSoftmaxFlops;
  loss.inputs = {logits.tensor};
  loss.deps = {logits.op};
  loss_grad_ = emit(std::move(loss), "fc.dy", n * kClasses);
}

void Builder::forward() {
  blocks_.reserve(std::accumulate(depth_.blocks.begin(), depth_.blocks.end(), std::size_t{0}));  // they stay in place
  stem();
  Value x = pooled_;
  for (std::size_t s = 0; s < kStages.size(); ++s) {
    const Stage& stage = kStages[s];
    for (std::size_t i = 0; i < depth_.blocks[s]; ++i) {
      x = run_block(fmt::format("{}.{}", stage.name, i), x, stage.width, i == 0 ? stage.stride : 1);
    }
  }
  last_ = x;
  head();
}

}  // namespace resnet50

namespace {

void check_options(const ResNet50Options& o, const char* name, Findings& findings) {
  if (o.batch < 1 || o.batch > (1 << 20))
    findings.add("generate {}: found batch {}, expected 1 to {}; set workload.generate.batch", name, o.batch, 1 << 20);
  if (o.dtype != DType::kBf16 && o.dtype != DType::kCfp8) {
    findings.add("generate {}: found dtype {}, expected bf16 or cfp8; set workload.generate.dtype", name,
                 dtype_name(o.dtype));
  }
  if (o.ranks < 1 || o.ranks > 10000000)
    findings.add("generate {}: found {} ranks, expected 1 to 10000000; set workload.ranks", name, o.ranks);
  if (o.batch_norm_group < 1) {
    findings.add("generate {}: found batch_norm_group {}, expected at least 1; set workload.generate.batch_norm_group",
                 name, o.batch_norm_group);
  } else if (o.ranks >= 1 && o.ranks % o.batch_norm_group != 0) {
    findings.add(
        "generate {}: found {} ranks with batch_norm_group {}, expected a group size that divides the ranks; set "
        "workload.generate.batch_norm_group (1 = every rank alone) or workload.ranks",
        name, o.ranks, o.batch_norm_group);
  }
  if (o.bucket_bytes < 1) {
    findings.add("generate {}: found bucket_bytes {}, expected at least 1; set workload.generate.bucket_bytes", name,
                 o.bucket_bytes);
  }
  if (o.steps < 1) findings.add("generate {}: found {} steps, expected at least 1; set workload.steps", name, o.steps);
}

Workload generate(const ResNet50Options& options, const resnet50::Depth& depth) {
  Findings findings;
  check_options(options, depth.name, findings);
  findings.throw_if_any();
  const auto ranks = static_cast<RankId>(options.ranks);
  Workload workload;
  workload.steps = options.steps;
  workload.graphs.push_back(resnet50::Builder(options, depth).build());
  workload.graph_of_rank.assign(ranks, 0);
  workload.group_classes.push_back(all_ranks_class(ranks));
  if (options.batch_norm_group > 1) {
    Workload::GroupClass bn{"bn", {}};
    const auto size = static_cast<RankId>(options.batch_norm_group);
    for (RankId first = 0; first < ranks; first += size) {
      Group group{fmt::format("bn[{}]", first / size), {}};
      for (RankId i = 0; i < size; ++i) group.ranks.push_back(first + i);
      bn.groups.push_back(std::move(group));
    }
    workload.group_classes.push_back(std::move(bn));
  }
  return workload;
}

}  // namespace

Workload generate_resnet50(const ResNet50Options& options) {
  return generate(options, resnet50::kResNet50);
}
Workload generate_resnet101(const ResNet50Options& options) {
  return generate(options, resnet50::kResNet101);
}

}  // namespace dojo::workload
