// SPDX-License-Identifier: Apache-2.0
// Networks that predict the next token: GPT, and Llama with or without experts. In one piece or in the stages of a
// pipeline, with the batch in one or several parts.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "trace/networks/transformer.h"

namespace dojo::workload::networks {
namespace {

class Decoder {
 public:
  Decoder(const NetworkOptions& options, const TransformerSize& size, const Groups& groups, bool is_gpt)
      : options_(options),
        size_(size),
        groups_(groups),
        is_gpt_(is_gpt),
        net_(size.model, options, groups),
        model_(net_, options, size, true) {
    if (!is_gpt) style_ = {OpKind::kRmsNorm, false, true, true, false};
  }

  Graph build() {
    const std::int64_t parts = options_.microbatches;
    // As many forward passes ahead as there are stages behind this one.
    const std::int64_t ahead =
        options_.schedule == PipelineSchedule::kGPipe ? parts : std::min(parts, groups_.stages - 1 - groups_.stage);
    for (std::int64_t part = 0; part < ahead; ++part) forward(part);
    for (std::int64_t part = 0; part < parts; ++part) {
      if (ahead + part < parts) forward(ahead + part);
      net_.run_backward(part);
    }
    return net_.finish();
  }

 private:
  [[nodiscard]] bool first() const { return groups_.stage == 0; }
  [[nodiscard]] bool last() const { return groups_.stage + 1 == groups_.stages; }
  /// GPT's head uses the table of the input. Stages that both have it add up its gradient.
  NetBuilder::Weight words() {
    if (words_) return *words_;
    words_ = net_.weight("words", model_.vocabulary() * size_.hidden);
    if (is_gpt_ && groups_.words != 0) net_.share_gradient(*words_, groups_.words);
    return *words_;
  }

  void forward(std::int64_t part) {
    net_.begin_part(part, options_.microbatches);
    Transformer::Stream stream;
    const std::int64_t share = options_.sequence_parallel ? options_.tensor : 1;
    stream.x = first() ? embedded() : net_.receive("in", model_.tokens() * size_.hidden / share, groups_.previous);
    const std::int64_t begin = piece_begin(size_.layers, groups_.stages, groups_.stage);
    const std::int64_t end = piece_begin(size_.layers, groups_.stages, groups_.stage + 1);
    for (std::int64_t layer = begin; layer < end; ++layer) model_.block(fmt::format("block{}", layer), style_, stream);
    if (last()) return head(stream);
    const Value out = net_.elementwise("out", {stream.x, stream.branch}, stream.x.elements, 1, 0);
    net_.send("out", out, groups_.next);
  }

  /// Ranks of a tensor group look up the words that they have, and add up the rows.
  Value embedded() {
    constexpr Bytes kTokenBytes = 4;
    const std::int64_t tokens = model_.tokens();
    const Value ids = net_.samples("tokens", tokens * kTokenBytes, tokens);
    Value x = net_.sum_forward("word", model_.table("word", ids, words(), tokens, 100));
    if (is_gpt_) {
      const NetBuilder::Weight positions = net_.weight("positions", size_.sequence * size_.hidden);
      const std::int64_t distinct = std::max<std::int64_t>(1, 100 * size_.sequence / tokens);
      const Value position = model_.table("position", ids, positions, tokens, distinct);
      x = net_.elementwise("embedded", {x, position}, x.elements, 1, 0);
    }
    return net_.share_tokens("embedded", x, options_.sequence_parallel);
  }

  void head(Transformer::Stream& stream) {
    Value x = model_.normed("norm", style_, stream);
    x = options_.sequence_parallel ? net_.gather("norm", x) : net_.sum_backward("norm", x);
    const NetBuilder::Weight weight =
        is_gpt_ ? words() : net_.weight("head.weight", model_.vocabulary() * size_.hidden);
    const Value logits = net_.linear("head", x, {model_.tokens(), model_.vocabulary(), size_.hidden, 1}, weight, {});
    net_.loss("loss", logits, model_.vocabulary());
  }

  const NetworkOptions& options_;
  const TransformerSize& size_;
  const Groups& groups_;
  bool is_gpt_;
  NetBuilder net_;
  Transformer model_;
  Transformer::Style style_;
  std::optional<NetBuilder::Weight> words_;
};

}  // namespace

Graph gpt(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  return Decoder(options, size, groups, true).build();
}

Graph llama(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  return Decoder(options, size, groups, false).build();
}

}  // namespace dojo::workload::networks
