// SPDX-License-Identifier: Apache-2.0
// Sizes of transformers, and the blocks that they are made of.
#pragma once
#include <array>
#include <string>

#include "dojo/base/error.h"
#include "trace/networks/net_builder.h"

namespace dojo::workload::networks {

struct TransformerSize {
  const char* model;
  const char* name;
  std::int64_t layers, hidden, heads, kv_heads, feed_forward, vocabulary, sequence, experts, experts_of_token;
};

/// By model, the default first.
[[nodiscard]] const std::vector<TransformerSize>& transformer_sizes();
/// The size that the options name, with what they say otherwise; adds a finding for each size that cannot be.
[[nodiscard]] TransformerSize transformer_size(const std::string& model, const NetworkOptions& options,
                                               Findings& findings);

/// The parts of one rank: heads, feed-forward and vocabulary are shared over the ranks of a tensor group.
class Transformer {
 public:
  Transformer(NetBuilder& net, const NetworkOptions& options, const TransformerSize& size, bool causal);

  struct Style {
    OpKind norm = OpKind::kLayerNorm;
    bool bias = true;
    bool gated = false;  ///< SwiGLU instead of GELU
    bool rotary = false;
    bool norm_last = false;  ///< x = norm(x + layer(x)) instead of x + layer(norm(x))
  };

  /// The residual stream, and what is still to be added to it.
  struct Stream {
    Value x, branch;
    bool has_branch = false;
  };
  void block(const std::string& name, const Style& style, Stream& stream);
  /// Norm of all that the stream has.
  Value normed(const std::string& name, const Style& style, Stream& stream);
  Value table(const std::string& name, Value ids, NetBuilder::Weight weight, std::int64_t lookups,
              std::int64_t distinct_percent);
  [[nodiscard]] std::int64_t tokens() const { return batch_ * size_.sequence; }
  [[nodiscard]] std::int64_t vocabulary() const { return ceil_div(size_.vocabulary, tensor_); }  ///< of this rank

 private:
  Value attention_layer(const std::string& name, const Style& style, Value x);
  Value scores_apart(const std::string& name, const Style& style, Value qkv);
  Value feed_forward(const std::string& name, const Style& style, Value x);
  Value expert_layer(const std::string& name, Value x);
  Value linear(const std::string& name, const Style& style, Value x, std::int64_t n, std::int64_t k);
  std::vector<NetBuilder::Weight> norm_weights(const std::string& name, const Style& style);
  Value enter(const std::string& name, Value x);
  Value leave(const std::string& name, Value x);

  NetBuilder& net_;
  const NetworkOptions& options_;
  TransformerSize size_;
  bool causal_;
  std::int64_t batch_, tensor_;
};

// One function a network, in the file of its name. `stage` of a pipeline.
[[nodiscard]] Graph gpt(const NetworkOptions& options, const TransformerSize& size, const Groups& groups);
[[nodiscard]] Graph llama(const NetworkOptions& options, const TransformerSize& size, const Groups& groups);
[[nodiscard]] Graph bert(const NetworkOptions& options, const TransformerSize& size, const Groups& groups);
[[nodiscard]] Graph vit(const NetworkOptions& options, const TransformerSize& size, const Groups& groups);

}  // namespace dojo::workload::networks
