// SPDX-License-Identifier: Apache-2.0
// Networks that see all their tokens at once: BERT and the Vision Transformer.
#include "trace/networks/transformer.h"

#include <fmt/format.h>

namespace dojo::workload::networks {
namespace {

constexpr std::int64_t kGelu = 12, kGeluGrad = 18, kTanh = 4, kTanhGrad = 2;

Value dense(NetBuilder& net, const std::string& name, Value x, std::int64_t rows, std::int64_t n, std::int64_t k) {
  const NetBuilder::Weight weight = net.weight(name + ".weight", n * k);
  return net.linear(name, x, {rows, n, k, 1}, weight, {net.weight(name + ".bias", n)});
}

}  // namespace

/// Heads of both tasks: masked words (15 % of the tokens, words shared with the input), and whether a sentence follows.
Graph bert(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  NetBuilder net("bert", options, groups);
  Transformer model(net, options, size, false);
  const std::int64_t h = size.hidden, tokens = model.tokens();
  constexpr std::int64_t kTypes = 2, kPositions = 512, kClasses = 2;
  const Value ids = net.samples("tokens", tokens * 4, tokens);
  const NetBuilder::Weight words = net.weight("words", size.vocabulary * h);
  const NetBuilder::Weight positions = net.weight("positions", std::max(kPositions, size.sequence) * h);
  const NetBuilder::Weight types = net.weight("types", kTypes * h);
  const Value word = model.table("word", ids, words, tokens, 100);
  const Value position =
      model.table("position", ids, positions, tokens, std::max<std::int64_t>(1, 100 / options.batch));
  const Value type = model.table("type", ids, types, tokens, 1);
  Transformer::Style style;
  style.norm_last = true;
  Transformer::Stream stream;
  stream.x = net.elementwise("embedded", {word, position, type}, word.elements, 2, 0);
  stream.x = model.normed("embedded.norm", style, stream);
  for (std::int64_t layer = 0; layer < size.layers; ++layer) model.block(fmt::format("block{}", layer), style, stream);

  const std::int64_t masked = ceil_div<std::int64_t>(tokens * 15, 100);
  const Value picked = net.lookup(OpKind::kGather, "masked", stream.x, {masked, h, 1, 100}, nullptr, masked * h);
  Value y = dense(net, "masked.dense", picked, masked, h, h);
  y = net.elementwise("masked.activation", {y}, masked * h, kGelu, kGeluGrad);
  y = net.norm(OpKind::kLayerNorm, "masked.norm", y, nullptr, nullptr, h, {net.weight("masked.norm.weight", 2 * h)});
  y = net.linear("masked.words", y, {masked, size.vocabulary, h, 1}, words,
                 {net.weight("masked.bias", size.vocabulary)});
  net.loss("masked.loss", y, size.vocabulary);

  const Value first =
      net.lookup(OpKind::kGather, "first", stream.x, {options.batch, h, 1, 100}, nullptr, options.batch * h);
  Value next = dense(net, "pooler", first, options.batch, h, h);
  next = net.elementwise("pooler.activation", {next}, options.batch * h, kTanh, kTanhGrad);
  net.loss("next.loss", dense(net, "next", next, options.batch, kClasses, h), kClasses);
  return net.finish();
}

/// 224 x 224 pixels in patches of 16 x 16, and one token for the class.
Graph vit(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  NetBuilder net("vit", options, groups);
  Transformer model(net, options, size, false);
  const std::int64_t h = size.hidden, tokens = model.tokens(), n = options.batch;
  constexpr std::int64_t kImage = 224, kPatch = 16, kColours = 3;
  const std::int64_t pixels = n * kColours * kImage * kImage;
  const Value raw = net.samples("samples", pixels, pixels);
  const Value images = net.elementwise("normalize", {raw}, pixels, 2, 0);
  ConvShape patch;
  patch.n = n, patch.c = kColours, patch.h = patch.w = kImage;
  patch.k = h, patch.r = patch.s = patch.stride = kPatch;
  const Value patches = net.conv("patches", images, patch, net.weight("patches.weight", h * kColours * kPatch * kPatch),
                                 {net.weight("patches.bias", h)}, true);
  // The class token is one more row of the table of positions.
  const NetBuilder::Weight positions = net.weight("positions", (size.sequence + 1) * h);
  const Value position = model.table("position", raw, positions, tokens, std::max<std::int64_t>(1, 100 / n));
  const Transformer::Style style;
  Transformer::Stream stream;
  stream.x = net.elementwise("embedded", {position, patches}, tokens * h, 1, 0);
  for (std::int64_t layer = 0; layer < size.layers; ++layer) model.block(fmt::format("block{}", layer), style, stream);
  const Value last = model.normed("norm", style, stream);
  const Value first = net.lookup(OpKind::kGather, "class", last, {n, h, 1, 100}, nullptr, n * h);
  net.loss("loss", dense(net, "head", first, n, size.vocabulary, h), size.vocabulary);
  return net.finish();
}

}  // namespace dojo::workload::networks
