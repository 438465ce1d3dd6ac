// SPDX-License-Identifier: Apache-2.0
// Builds the graph of one training step of a ResNet; forward and backward stand in a file each.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "dojo/trace/trace.h"
#include "trace/graph_builder.h"
#include "trace/resnet50_layers.h"

namespace dojo::workload::resnet50 {

/// A tensor and the operation that makes it.
struct Value {
  std::uint32_t tensor = kNone;
  std::uint32_t op = kNone;
  std::int64_t elements = 0;
};

/// A convolution, its batch normalisation and what the backward pass needs of both.
struct ConvBn {
  std::string name;
  ConvShape shape;
  bool relu = false;
  bool input_grad = true;                ///< the first layer's input is the samples: nobody wants its gradient
  Value x, z, statistics;                ///< input, convolution's output, per-channel sums
  std::uint32_t weight = 0, affine = 0;  ///< tensors: filters; scale and shift
  Value dy, grad_statistics;             ///< between the two halves of the backward normalisation
};

struct Block {
  std::vector<ConvBn> convs;       ///< three
  std::vector<ConvBn> downsample;  ///< none or one
  Value y;
};

class Builder {
 public:
  Builder(const ResNet50Options& options, const Depth& depth);
  Graph build();

 private:
  // forward
  void forward();
  void stem();
  void head();
  Value run_block(const std::string& name, Value x, std::int64_t width, std::int64_t stride);
  void begin_conv_bn(ConvBn& layer, const std::string& name, Value x, ConvShape shape, bool relu);
  Value finish_conv_bn(const ConvBn& layer, const Value* residual);
  // backward
  void backward();
  void backward_head();
  Value backward_block(Block& block, Value dy);
  void begin_bn_grad(ConvBn& layer, Value dy);
  Value finish_bn_grad(const ConvBn& layer);
  Value conv_input_grad(const ConvBn& layer, Value dz);
  void conv_weight_grad(const ConvBn& layer, Value dz);
  void flush_weight_grads();
  void add_gradient(const std::string& name, std::uint32_t weight, std::int64_t parameters, OpDraft& maker);
  void gradient_ready(std::uint32_t op);
  void close_bucket();
  void update(std::size_t bucket);
  // both
  std::uint32_t reduce_statistics(const std::string& name, Phase phase, std::uint32_t tensor, std::int64_t channels,
                                  std::uint32_t after);
  Value emit(OpDraft draft, const std::string& output, std::int64_t elements, std::uint32_t after_extra = kNone);
  Value elementwise(const std::string& name, Phase phase, const std::vector<Value>& inputs, std::int64_t elements,
                    std::int64_t flops_per_element);
  [[nodiscard]] OpDraft draft(const std::string& name, OpKind kind, Phase phase) const;
  [[nodiscard]] Bytes width() const { return dtype_bytes(options_.dtype); }

  struct Bucket {
    std::vector<std::uint32_t> gradients, weights, makers;
    std::int64_t parameters = 0;
    std::uint32_t all_reduce = kNone;
  };
  struct PendingWeightGrad {
    const ConvBn* layer;
    Value dz;
  };

  const ResNet50Options& options_;
  const Depth& depth_;
  GraphBuilder graph_;
  ConvBn stem_;
  Value pooled_, features_;  ///< after the max pool; after the average pool
  Value stem_out_, last_, loss_grad_;
  std::uint32_t fc_weight_ = 0, fc_bias_ = 0;
  ConvShape max_pool_, average_pool_;
  std::vector<Block> blocks_;
  Bucket open_;
  std::vector<Bucket> buckets_;
  std::vector<PendingWeightGrad> pending_;
  std::unordered_map<std::uint32_t, std::uint32_t> last_reader_;  ///< weight tensor -> its reader in the backward pass
};

}  // namespace dojo::workload::resnet50
