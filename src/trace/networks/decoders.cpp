// SPDX-License-Identifier: Apache-2.0
// Networks that predict the next token: GPT, and Llama with or without experts.
#include <fmt/format.h>

#include <algorithm>

#include "trace/networks/transformer.h"

namespace dojo::workload::networks {
namespace {

constexpr Bytes kTokenBytes = 4;

/// Ranks of a tensor group look up the words that they have, and add up the rows.
Value tokens_in(NetBuilder& net, Transformer& model, const std::string& name, Value ids, NetBuilder::Weight table) {
  return net.sum_forward(name, model.table(name, ids, table, model.tokens(), 100));
}

void head(NetBuilder& net, Transformer& model, Value x, const TransformerSize& size, NetBuilder::Weight weight) {
  const Value logits = net.linear("head", x, {model.tokens(), model.vocabulary(), size.hidden, 1}, weight, {});
  net.loss("loss", logits, model.vocabulary());
}

}  // namespace

Graph gpt(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  NetBuilder net("gpt", options, groups);
  Transformer model(net, options, size, true);
  const Value ids = net.samples("tokens", model.tokens() * kTokenBytes, model.tokens());
  const NetBuilder::Weight words = net.weight("words", model.vocabulary() * size.hidden);
  const NetBuilder::Weight positions = net.weight("positions", size.sequence * size.hidden);
  const Value word = tokens_in(net, model, "word", ids, words);
  const auto distinct = std::max<std::int64_t>(1, 100 / options.batch);
  const Value position = model.table("position", ids, positions, model.tokens(), distinct);
  Transformer::Stream stream;
  stream.x = net.elementwise("embedded", {word, position}, word.elements, 1, 0);
  const Transformer::Style style;
  stream.x = net.share_tokens("embedded", stream.x, options.sequence_parallel);
  for (std::int64_t layer = 0; layer < size.layers; ++layer) model.block(fmt::format("block{}", layer), style, stream);
  Value last = model.normed("norm", style, stream);
  last = options.sequence_parallel ? net.gather("norm", last) : net.sum_backward("norm", last);
  head(net, model, last, size, words);
  return net.finish();
}

Graph llama(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  NetBuilder net(size.model, options, groups);
  Transformer model(net, options, size, true);
  const Value ids = net.samples("tokens", model.tokens() * kTokenBytes, model.tokens());
  const NetBuilder::Weight words = net.weight("words", model.vocabulary() * size.hidden);
  const Transformer::Style style{OpKind::kRmsNorm, false, true, true, false};
  Transformer::Stream stream;
  stream.x = net.share_tokens("embedded", tokens_in(net, model, "word", ids, words), options.sequence_parallel);
  for (std::int64_t layer = 0; layer < size.layers; ++layer) model.block(fmt::format("block{}", layer), style, stream);
  Value last = model.normed("norm", style, stream);
  last = options.sequence_parallel ? net.gather("norm", last) : net.sum_backward("norm", last);
  head(net, model, last, size, net.weight("head.weight", model.vocabulary() * size.hidden));
  return net.finish();
}

}  // namespace dojo::workload::networks
