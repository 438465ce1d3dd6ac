// SPDX-License-Identifier: Apache-2.0
// Blocks of transformers. Ranks of a tensor group share heads and the feed-forward layer: the first product of a layer
// is cut by columns, the second by rows, whose results they add up.
#include "trace/networks/transformer.h"

#include <algorithm>

namespace dojo::workload::networks {
namespace {

// Vector FLOP of an element: multiply, add and compare are 1 each, exponential, division and tanh 4 each (assumed).
constexpr std::int64_t kGelu = 12;        // x, x^3, sum, tanh, half, product
constexpr std::int64_t kGeluGrad = 18;    // tanh again, its square, products
constexpr std::int64_t kSwiGlu = 11;      // exponential, sum, division, two products
constexpr std::int64_t kSwiGluGrad = 18;  // of both factors
constexpr std::int64_t kRotary = 3;       // two products and a sum

}  // namespace

Transformer::Transformer(NetBuilder& net, const NetworkOptions& options, const TransformerSize& size, bool causal)
    : net_(net),
      options_(options),
      size_(size),
      causal_(causal),
      batch_(options.batch / options.microbatches),
      tensor_(options.tensor) {}

std::vector<NetBuilder::Weight> Transformer::norm_weights(const std::string& name, const Style& style) {
  const std::int64_t each = style.norm == OpKind::kLayerNorm ? 2 : 1;  // scale and shift, or scale
  return {net_.weight(name + ".weight", each * size_.hidden)};
}

Value Transformer::linear(const std::string& name, const Style& style, Value x, std::int64_t n, std::int64_t k) {
  const NetBuilder::Weight weight = net_.weight(name + ".weight", n * k);
  std::vector<NetBuilder::Weight> bias;
  if (style.bias) bias.push_back(net_.weight(name + ".bias", n));
  return net_.linear(name, x, {tokens(), n, k, 1}, weight, bias);
}

Value Transformer::enter(const std::string& name, Value x) {
  return options_.sequence_parallel ? net_.gather(name, x) : net_.sum_backward(name, x);
}

Value Transformer::leave(const std::string& name, Value x) {
  return options_.sequence_parallel ? net_.scatter_sum(name, x) : net_.sum_forward(name, x);
}

Value Transformer::normed(const std::string& name, const Style& style, Stream& stream) {
  Value sum;
  const Value y = net_.norm(style.norm, name, stream.x, stream.has_branch ? &stream.branch : nullptr, &sum,
                            size_.hidden, norm_weights(name, style));
  stream.x = sum;
  stream.has_branch = false;
  return y;
}

void Transformer::block(const std::string& name, const Style& style, Stream& stream) {
  for (const bool first : {true, false}) {
    const std::string layer = name + (first ? ".attention" : ".mlp");
    const Value x = style.norm_last ? stream.x : normed(name + (first ? ".norm1" : ".norm2"), style, stream);
    if (first) net_.keep(stream.x);  // from which a block that keeps nothing is made again
    const Value inside = enter(layer, x);
    const Value y = first               ? attention_layer(layer, style, inside)
                    : size_.experts > 0 ? expert_layer(layer, inside)
                                        : feed_forward(layer, style, inside);
    stream.branch = leave(layer, y);
    stream.has_branch = true;
    if (style.norm_last) stream.x = normed(name + (first ? ".norm1" : ".norm2"), style, stream);
  }
}

Value Transformer::attention_layer(const std::string& name, const Style& style, Value x) {
  const std::int64_t head = size_.hidden / size_.heads;
  const std::int64_t queries = size_.heads / tensor_ * head, keys = size_.kv_heads / tensor_ * head;
  Value qkv = linear(name + ".qkv", style, x, queries + 2 * keys, size_.hidden);
  // Of queries and keys, not of values; in place of them.
  if (style.rotary) qkv = net_.elementwise(name + ".rotary", {qkv}, qkv.elements, kRotary, kRotary);
  Value y;
  if (options_.explicit_attention) {
    y = scores_apart(name, style, qkv);
  } else {
    AttentionShape shape;
    shape.batch = batch_;
    shape.heads = size_.heads / tensor_;
    shape.kv_heads = size_.kv_heads == size_.heads ? 0 : size_.kv_heads / tensor_;
    shape.queries = shape.keys = size_.sequence;
    shape.head_size = head;
    shape.causal = causal_ ? 1 : 0;
    y = net_.attention(name + ".scores", {qkv}, shape);
  }
  return linear(name + ".proj", style, y, size_.hidden, queries);
}

/// Heads that share keys are rows of one matrix.
Value Transformer::scores_apart(const std::string& name, const Style&, Value qkv) {
  const std::int64_t head = size_.hidden / size_.heads, s = size_.sequence;
  const std::int64_t batch = batch_ * size_.kv_heads / tensor_, rows = size_.heads / size_.kv_heads * s;
  const std::vector<Value> parts =
      net_.split_heads(name + ".split", qkv, {batch * rows * head, batch * s * head, batch * s * head});
  const Value scores = net_.product(name + ".qk", parts[0], parts[1], {rows, s, head, batch}, true);
  const Value weights = net_.softmax(name + ".softmax", scores, s);
  const Value context = net_.product(name + ".pv", weights, parts[2], {rows, head, s, batch}, true);
  return net_.transpose(name + ".merge", context);
}

Value Transformer::feed_forward(const std::string& name, const Style& style, Value x) {
  const std::int64_t inner = size_.feed_forward / tensor_;
  const Value up = linear(name + ".up", style, x, style.gated ? 2 * inner : inner, size_.hidden);
  const Value y = net_.elementwise(name + ".activation", {up}, tokens() * inner, style.gated ? kSwiGlu : kGelu,
                                   style.gated ? kSwiGluGrad : kGeluGrad);
  return linear(name + ".down", style, y, size_.hidden, inner);
}

/// Tokens go to the experts that they choose, as many to each but for the skew, and come back weighted. Where ranks
/// share out the experts, tokens go to the ranks that have theirs.
Value Transformer::expert_layer(const std::string& name, Value x) {
  const std::int64_t h = size_.hidden, e = size_.experts, k = size_.experts_of_token;
  const std::int64_t inner = size_.feed_forward / tensor_, copies = tokens() * k;
  const Groups& groups = net_.groups();
  const std::int64_t ranks = groups.expert_ranks, own = e / ranks, first = groups.expert_place * own;
  // Of a rank, for each expert.
  const std::int64_t hot = std::min(copies, ceil_div(copies * (100 + options_.expert_skew), 100 * e));
  const auto tokens_of = [&](std::int64_t expert) {
    if (options_.expert_skew == 0) return ceil_div(copies, e);
    return expert == 0 ? hot : ceil_div(copies - hot, std::max<std::int64_t>(1, e - 1));
  };
  std::vector<std::int64_t> to(static_cast<std::size_t>(ranks), 0);
  std::int64_t all = 0, here = 0;
  for (std::int64_t expert = 0; expert < e; ++expert) {
    to[static_cast<std::size_t>(expert / own)] += tokens_of(expert) * h;
    all += tokens_of(expert);
    here += expert / own == groups.expert_place ? tokens_of(expert) : 0;
  }
  const std::vector<std::int64_t> from(static_cast<std::size_t>(ranks), here * h);
  const auto weight = [&](const std::string& what, std::int64_t parameters) {
    const NetBuilder::Weight made = net_.weight(name + what, parameters);
    net_.belongs_to_expert(made);
    return made;
  };
  const Value router =
      net_.linear(name + ".router", x, {tokens(), e, h, 1}, net_.weight(name + ".router.weight", e * h), {});
  const Value chosen = net_.softmax(name + ".choice", router, e);
  Value sent = net_.lookup(OpKind::kDispatch, name + ".dispatch", x, {copies, h, 1, 100}, nullptr, all * h);
  sent = net_.exchange_pairs(name + ".there", sent, to, from);
  // As one product where all have as many tokens; the mean of them where they differ, but for the first.
  const bool has_hot = options_.expert_skew > 0 && first == 0;
  const std::int64_t alike = own - (has_hot ? 1 : 0), each = tokens_of(e - 1) * ranks;
  const auto expert = [&](const std::string& called, Value in, std::int64_t rows, std::int64_t experts) {
    const Value up = net_.linear(called + ".up", in, {rows, 2 * inner, h, experts},
                                 weight(called.substr(name.size()) + ".up.weight", 2 * experts * inner * h), {});
    const Value y = net_.elementwise(called + ".activation", {up}, experts * rows * inner, kSwiGlu, kSwiGluGrad);
    return net_.linear(called + ".down", y, {rows, h, inner, experts},
                       weight(called.substr(name.size()) + ".down.weight", experts * inner * h), {});
  };
  Value down;
  if (has_hot && alike > 0) {
    const std::int64_t of_first = tokens_of(0) * ranks;
    const std::vector<Value> parts = net_.split_heads(name + ".split", sent, {of_first * h, alike * each * h});
    const std::vector<Value> results{expert(name + ".first", parts[0], of_first, 1),
                                     expert(name + ".others", parts[1], each, alike)};
    down = net_.concatenation(name + ".results", results);
  } else {
    down = has_hot ? expert(name, sent, tokens_of(0) * ranks, 1) : expert(name, sent, each, own);
  }
  down = net_.exchange_pairs(name + ".back", down, from, to);
  return net_.combine(name + ".combine", down, chosen, {copies, h, k, 100}, tokens() * h);
}

Value Transformer::table(const std::string& name, Value ids, NetBuilder::Weight weight, std::int64_t lookups,
                         std::int64_t distinct_percent) {
  return net_.lookup(OpKind::kEmbedding, name, ids, {lookups, size_.hidden, 1, distinct_percent}, &weight,
                     lookups * size_.hidden);
}

}  // namespace dojo::workload::networks
