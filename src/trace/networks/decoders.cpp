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
    if (groups_.chunks > 1) {
      take_turns_by_chunks();
    } else {
      take_turns();
    }
    return net_.finish();
  }

 private:
  void take_turns() {
    const std::int64_t parts = options_.microbatches;
    // As many forward passes ahead as there are stages behind this one.
    const std::int64_t ahead =
        options_.schedule == PipelineSchedule::kGPipe ? parts : std::min(parts, groups_.stages - 1 - groups_.stage);
    for (std::int64_t part = 0; part < ahead; ++part) forward(part);
    for (std::int64_t part = 0; part < parts; ++part) {
      if (ahead + part < parts) forward(ahead + part);
      net_.run_backward(part);
    }
  }

  /// As many parts as there are stages pass a chunk before they pass the next one (Narayanan and others, 2021,
  /// section 2.2).
  void take_turns_by_chunks() {
    const std::int64_t stages = groups_.stages, chunks = groups_.chunks, passes = options_.microbatches * chunks;
    const auto part_of = [&](std::int64_t pass) { return pass / (stages * chunks) * stages + pass % stages; };
    const auto chunk_of = [&](std::int64_t pass) { return pass % (stages * chunks) / stages; };
    const auto ahead_pass = [&](std::int64_t pass) {
      chunk_ = chunk_of(pass);
      forward(part_of(pass));
    };
    const auto back = [&](std::int64_t pass) { net_.run_backward(part_of(pass), chunks - 1 - chunk_of(pass)); };
    const std::int64_t fill = 2 * (stages - groups_.stage - 1) + (chunks - 1) * stages;
    const std::int64_t ahead = options_.schedule == PipelineSchedule::kGPipe ? passes : std::min(passes, fill);
    for (std::int64_t pass = 0; pass < ahead; ++pass) ahead_pass(pass);
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      if (ahead + pass < passes) ahead_pass(ahead + pass);
      back(pass);
    }
  }

  [[nodiscard]] bool first() const { return groups_.stage == 0 && chunk_ == 0; }
  [[nodiscard]] bool last() const { return groups_.stage + 1 == groups_.stages && chunk_ + 1 == groups_.chunks; }
  [[nodiscard]] std::string of_chunk(const char* name) const {
    return groups_.chunks == 1 ? name : fmt::format("{}{}", name, chunk_);
  }
  /// GPT's head uses the table of the input. Stages that both have it add up its gradient.
  NetBuilder::Weight words() {
    if (words_) return *words_;
    words_ = net_.weight("words", model_.vocabulary() * size_.hidden);
    if (is_gpt_ && groups_.words != 0) net_.share_gradient(*words_, groups_.words);
    return *words_;
  }

  void forward(std::int64_t part) {
    net_.begin_part(part, options_.microbatches, chunk_);
    Transformer::Stream stream;
    const std::int64_t share = options_.sequence_parallel ? options_.tensor : 1;
    stream.x = first() ? embedded()
                       : net_.receive(of_chunk("in"), model_.tokens() * size_.hidden / share, groups_.previous, chunk_);
    const std::int64_t place = chunk_ * groups_.stages + groups_.stage, places = groups_.stages * groups_.chunks;
    const std::int64_t begin = piece_begin(size_.layers, places, place);
    const std::int64_t end = piece_begin(size_.layers, places, place + 1);
    for (std::int64_t layer = begin; layer < end; ++layer) model_.block(fmt::format("block{}", layer), style_, stream);
    if (last()) return head(stream);
    const Value out = net_.elementwise(of_chunk("out"), {stream.x, stream.branch}, stream.x.elements, 1, 0);
    net_.send(of_chunk("out"), out, groups_.next, chunk_ + (groups_.stage + 1 == groups_.stages ? 1 : 0));
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
  std::int64_t chunk_ = 0;
};

}  // namespace

Graph gpt(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  return Decoder(options, size, groups, true).build();
}

Graph llama(const NetworkOptions& options, const TransformerSize& size, const Groups& groups) {
  return Decoder(options, size, groups, false).build();
}

}  // namespace dojo::workload::networks
