// SPDX-License-Identifier: Apache-2.0
// Builds one training step of a network layer by layer. Each layer says its forward pass and, for later, its backward
// pass; finish() emits the backward pass in reverse, all-reduces gradients bucket by bucket and updates the weights.
#pragma once
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dojo/trace/networks.h"
#include "trace/graph_builder.h"

namespace dojo::workload::networks {

/// A tensor and the operation that makes it.
struct Value {
  std::uint32_t tensor = kNone;
  std::uint32_t op = kNone;
  std::int64_t elements = 0;
};

/// Group classes of a generated job; those that it has none of are left out, and `all` is always 0. And the place of a
/// rank in its pipeline.
struct Groups {
  std::uint32_t data = 0;    ///< ranks with the same weights
  std::uint32_t tensor = 0;  ///< ranks that share products; 0 = none
  std::uint32_t words = 0;   ///< first and last stage, which both have the table of words; 0 = none
  std::int64_t data_ranks = 1, tensor_ranks = 1;
  std::int64_t stage = 0, stages = 1;
  RankId previous = 0, next = 0;  ///< of the pipeline
};

class NetBuilder {
 public:
  NetBuilder(const std::string& name, const NetworkOptions& options, const Groups& groups);

  using Weight = std::uint32_t;  ///< index of a parameter tensor
  /// Parameters, of this rank, by name: one that two layers or several parts of the batch use has one gradient.
  Weight weight(const std::string& name, std::int64_t parameters);
  [[nodiscard]] std::int64_t parameters() const { return parameters_; }

  Value samples(const std::string& name, Bytes bytes, std::int64_t elements);
  /// y = x w + b; the bias is added as the product stores. No gradient of x if `first`.
  Value linear(const std::string& name, Value x, const MatShape& shape, Weight weight, const std::vector<Weight>& bias,
               bool first = false);
  /// The same with two operands that are data: both have gradients, that of b with a transposed before it or not.
  Value product(const std::string& name, Value a, Value b, const MatShape& shape, bool by_transposition);
  /// Any operation of one result that lies by rows, with a gradient of the kind `grad` (kNone: elementwise).
  Value elementwise(const std::string& name, const std::vector<Value>& inputs, std::int64_t elements,
                    std::int64_t flops, std::int64_t grad_flops);
  /// Norm of `x`, or of x + `branch`, which becomes `sum`.
  Value norm(OpKind kind, const std::string& name, Value x, const Value* branch, Value* sum, std::int64_t width,
             const std::vector<Weight>& weights);
  Value softmax(const std::string& name, Value x, std::int64_t width);
  Value transpose(const std::string& name, Value x);
  /// Parts of a tensor of tokens, each laid out head by head.
  std::vector<Value> split_heads(const std::string& name, Value x, const std::vector<std::int64_t>& elements);
  Value attention(const std::string& name, const std::vector<Value>& qkv, const AttentionShape& shape);
  Value lookup(OpKind kind, const std::string& name, Value x, const LookupShape& shape, const Weight* table,
               std::int64_t elements);
  /// Sums of `pooled` rows of a table; only rows that were touched are updated, without state and beside the buckets.
  Value sparse_table(const std::string& name, Value ids, const LookupShape& shape, std::int64_t rows);
  /// Inputs side by side.
  Value concatenation(const std::string& name, const std::vector<Value>& inputs);
  /// Results of experts, weighted by what their tokens chose.
  Value combine(const std::string& name, Value x, Value weights, const LookupShape& shape, std::int64_t elements);
  Value conv(const std::string& name, Value x, const ConvShape& shape, Weight weight, const std::vector<Weight>& bias,
             bool first = false);
  /// `samples` x `groups` sums.
  Value group_norm(const std::string& name, Value x, std::int64_t groups, const std::vector<Weight>& weights);
  /// Layers that follow are of that part of the batch, of which there are so many.
  void begin_part(std::int64_t part, std::int64_t parts);
  /// The backward pass of a part.
  void run_backward(std::int64_t part);
  /// From and to the stage before or after; gradients go the other way.
  Value receive(const std::string& name, std::int64_t elements, RankId from);
  void send(const std::string& name, Value x, RankId to);
  /// A gradient that another stage has a share of.
  void share_gradient(Weight weight, std::uint32_t group) { weights_[weight].shared = group; }

  /// Ends the forward pass: the gradient of `logits` begins the backward pass.
  void loss(const std::string& name, Value logits, std::int64_t classes);

  /// Ranks that share a product add up its result: in the forward pass, or the gradient in the backward pass.
  Value sum_forward(const std::string& name, Value x);
  Value sum_backward(const std::string& name, Value x);
  /// Data-parallel ranks send each other equal parts.
  Value exchange(const std::string& name, Value x);
  /// Each rank goes on with its share of the tokens, if `on`.
  Value share_tokens(const std::string& name, Value x, bool on);
  /// Tokens of x are shared out and brought together: the collective, and its counterpart in the backward pass.
  Value scatter_sum(const std::string& name, Value x);
  Value gather(const std::string& name, Value x);

  Graph finish();
  [[nodiscard]] GraphBuilder& graph() { return graph_; }

 private:
  struct Parameters {
    std::uint32_t tensor = 0, gradient = kNone;
    std::string name;
    std::int64_t count = 0, uses = 0, made = 0;  ///< uses of one part; shares of the gradient that are there
    std::uint32_t shared = 0;                    ///< group class of stages that add up the gradient
    std::uint32_t last_reader = kNone;
    std::vector<std::uint32_t> makers;
  };
  struct Bucket {
    std::vector<Weight> weights;
    std::int64_t parameters = 0;
    std::uint32_t reduced = kNone;
  };

  [[nodiscard]] Bytes width() const { return dtype_bytes(options_.dtype); }
  OpDraft draft(const std::string& name, OpKind kind, Phase phase) const;
  static void read(OpDraft& made, const Value& value);
  void read(OpDraft& made, Weight weight);
  /// With a result of that many elements.
  Value emit(OpDraft made, const std::string& output, std::int64_t elements);
  /// In place: the tensor stays.
  Value collective(const std::string& name, OpKind kind, Phase phase, Value x, std::int64_t elements);
  void backward(std::function<void()> pass) { tapes_[part_].push_back(std::move(pass)); }
  void use(Weight weight) { weights_[weight].uses += part_ == 0 ? 1 : 0; }
  OpDraft message(const std::string& name, OpKind kind, Phase phase, std::int64_t elements, RankId peer) const;
  /// Of a value; tensor kNone if nobody wants it.
  [[nodiscard]] Value gradient(const Value& of) const;
  /// A further gradient of a value is added.
  void add_gradient(const Value& of, Value gradient);
  /// `made` makes a share of the weight's gradient.
  void makes_gradient(OpDraft& made, Weight weight);
  void made_gradient(std::uint32_t op, Weight weight);
  void close_bucket();
  void update(Bucket& bucket);

  NetworkOptions options_;
  Groups groups_;
  GraphBuilder graph_;
  std::int64_t parameters_ = 0;
  std::vector<Parameters> weights_;
  std::unordered_map<std::string, Weight> known_weights_;
  std::size_t part_ = 0;
  std::int64_t parts_ = 1;
  std::string prefix_;  ///< of names: the part of the batch
  std::vector<std::vector<std::function<void()>>> tapes_{1};
  std::unordered_map<std::uint32_t, Value> gradients_;  ///< by tensor
  Bucket open_;
  std::vector<Bucket> buckets_;
};

}  // namespace dojo::workload::networks
