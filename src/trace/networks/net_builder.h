// SPDX-License-Identifier: Apache-2.0
// Builds one training step of a network layer by layer. Each layer says its forward pass and, for later, its backward
// pass; finish() emits the backward pass in reverse, all-reduces gradients bucket by bucket and updates the weights.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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
  RankId previous = 0, next = 0;  ///< of the pipeline; the last stage is before the first
  std::int64_t chunks = 1;        ///< of the blocks on each stage
  std::uint32_t zero = 0;         ///< data-parallel ranks that shard; 0 = none
  std::uint32_t replicas = 0;     ///< those that have the same shard; 0 = none
  std::int64_t zero_ranks = 1;
  std::uint32_t experts = 0;          ///< data-parallel ranks that share out the experts; 0 = none
  std::uint32_t expert_replicas = 0;  ///< those that have the same ones; 0 = none
  std::int64_t expert_ranks = 1, expert_place = 0;
  /// Parameters by the first part of their names: those that are brought together at once.
  using Units = std::map<std::string, std::vector<std::pair<std::string, std::int64_t>>>;
  const Units* units = nullptr;
  Units* units_found = nullptr;  ///< filled instead, by a network that is not for use
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
  /// Over the rank's samples; the residual is added, then what is below 0 is cut off.
  Value batch_norm(const std::string& name, Value x, std::int64_t channels, const Value* residual, bool relu,
                   Weight weight);
  /// `samples` x `groups` sums.
  Value group_norm(const std::string& name, Value x, std::int64_t groups, const std::vector<Weight>& weights);
  /// Layers that follow are of that part of the batch, of which there are so many.
  void begin_part(std::int64_t part, std::int64_t parts, std::int64_t chunk = 0);
  /// The backward pass of a part.
  void run_backward(std::int64_t part, std::int64_t chunk = 0);
  /// From and to the stage before or after; gradients go the other way. `chunk`: of the receiver.
  Value receive(const std::string& name, std::int64_t elements, RankId from, std::int64_t chunk = 0);
  void send(const std::string& name, Value x, RankId to, std::int64_t chunk = 0);
  /// A gradient that another stage has a share of.
  void share_gradient(Weight weight, std::uint32_t group) { weights_[weight].shared = group; }

  /// It is not dropped, whatever makes it.
  void keep(const Value& value) { dropped_.erase(value.tensor); }

  /// Ends the forward pass: the gradient of `logits` begins the backward pass.
  void loss(const std::string& name, Value logits, std::int64_t classes);

  /// Ranks that share a product add up its result: in the forward pass, or the gradient in the backward pass.
  Value sum_forward(const std::string& name, Value x);
  Value sum_backward(const std::string& name, Value x);
  /// Data-parallel ranks send each other equal parts.
  Value exchange(const std::string& name, Value x);
  /// Ranks that share out experts send each other `to` elements each, and get `from`.
  Value exchange_pairs(const std::string& name, Value x, const std::vector<std::int64_t>& to,
                       const std::vector<std::int64_t>& from);
  /// Its gradient is that of the tokens of all ranks that share out experts.
  void belongs_to_expert(Weight weight) { weights_[weight].of_expert = groups_.experts != 0; }
  /// Each rank goes on with its share of the tokens, if `on`.
  Value share_tokens(const std::string& name, Value x, bool on);
  /// Tokens of x are shared out and brought together: the collective, and its counterpart in the backward pass.
  Value scatter_sum(const std::string& name, Value x);
  Value gather(const std::string& name, Value x);

  Graph finish();
  [[nodiscard]] GraphBuilder& graph() { return graph_; }
  [[nodiscard]] const Groups& groups() const { return groups_; }

 private:
  struct Parameters {
    std::uint32_t tensor = 0, gradient = kNone;
    std::string name;
    std::int64_t count = 0, uses = 0, made = 0;  ///< uses of one part; shares of the gradient that are there
    std::uint32_t shared = 0;                    ///< group class of stages that add up the gradient
    std::uint32_t last_reader = kNone;
    bool of_expert = false;
    std::vector<std::uint32_t> makers;
  };
  struct Bucket {
    std::string name;
    std::vector<Weight> weights;
    std::vector<std::uint32_t> gradients;  ///< tensors, then that of the shard
    std::vector<std::uint32_t> makers;
    std::int64_t parameters = 0;
    std::uint32_t reduced = kNone;
    bool of_expert = false;
  };
  /// What a unit of parameters is brought together to.
  struct Gathered {
    std::string unit;
    std::uint32_t op = kNone, first_reader = kNone;
    std::unordered_map<Weight, std::uint32_t> tensors;
  };

  /// Gives it its id; in the backward pass after that of dropped results that it reads.
  std::uint32_t add(OpDraft made);
  [[nodiscard]] Bytes width() const { return dtype_bytes(options_.dtype); }
  OpDraft draft(const std::string& name, OpKind kind, Phase phase) const;
  void read(OpDraft& made, const Value& value);
  /// Is what the operation makes dropped after the forward pass?
  [[nodiscard]] bool is_dropped(const std::string& name) const;
  /// In the backward pass: the tensor, made again if it was dropped.
  Value present(const Value& value);
  void make_again(std::uint32_t tensor);
  std::uint32_t repeat(std::uint32_t op);
  [[nodiscard]] std::string some_name() const;  ///< of an operation, for messages
  void read(OpDraft& made, Weight weight);
  /// With a result of that many elements.
  Value emit(OpDraft made, const std::string& output, std::int64_t elements);
  /// In place: the tensor stays.
  Value collective(const std::string& name, OpKind kind, Phase phase, Value x, std::int64_t elements);
  void backward(std::function<void()> pass) { tapes_[tape()].push_back(std::move(pass)); }
  [[nodiscard]] std::size_t tape() const {
    return part_ * static_cast<std::size_t>(groups_.chunks) + static_cast<std::size_t>(chunk_);
  }
  void use(Weight weight) { weights_[weight].uses += part_ == 0 ? 1 : 0; }
  OpDraft message(const std::string& name, OpKind kind, Phase phase, std::int64_t elements, RankId peer,
                  std::int64_t chunk) const;
  /// Of a value; tensor kNone if nobody wants it.
  [[nodiscard]] Value gradient(const Value& of) const;
  /// A further gradient of a value is added.
  void add_gradient(const Value& of, Value gradient);
  /// `made` makes a share of the weight's gradient.
  void makes_gradient(OpDraft& made, Weight weight);
  void made_gradient(std::uint32_t op, Weight weight);
  void close_buckets();
  void close(Bucket& open);
  void reduce(Bucket& bucket);
  void reduce_scatter(Bucket& bucket);
  void update(Bucket& bucket);
  /// Of a bucket, or of a parameter that ranks share out.
  [[nodiscard]] std::int64_t shard(std::int64_t parameters) const { return ceil_div(parameters, groups_.zero_ranks); }
  /// Each part of the batch has gradients of its own, which become sums of shards.
  [[nodiscard]] bool shards_gradients() const { return groups_.zero != 0 && options_.zero >= 2; }
  [[nodiscard]] bool shards_weights() const { return groups_.zero != 0 && options_.zero >= 3; }
  void gather_unit(const std::string& unit);

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
  Bucket open_, open_expert_;
  std::vector<Bucket> buckets_;
  // What the forward pass made and does not keep.
  bool in_backward_ = false;
  std::vector<std::string> patterns_;                                     ///< of names
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> makers_;  ///< operations, by tensor
  std::unordered_set<std::uint32_t> dropped_;                             ///< tensors
  std::unordered_map<std::uint32_t, Value> again_;                        ///< by dropped tensor
  std::uint32_t last_backward_ = kNone;                                   ///< operation
  std::unordered_map<std::uint32_t, Weight> weight_of_;                   ///< by tensor
  // ZeRO.
  std::int64_t chunk_ = 0, closed_ = 0;                                  ///< buckets of this part
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>> sums_;  ///< tensor and operation, by bucket
  Gathered gathered_;
  bool reads_gathered_ = false;                                ///< the operation that is added next does
  std::unordered_map<std::uint32_t, Weight> gathered_weight_;  ///< by tensor
  std::unordered_set<Weight> not_declared_;                    ///< known by their unit alone
};

}  // namespace dojo::workload::networks
