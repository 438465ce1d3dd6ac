// SPDX-License-Identifier: Apache-2.0
// Published sizes. Sources: GPT-2's code; table 2.1 of the GPT-3 paper, whose 1.3B and 13B rows contradict themselves
// (24 heads of 128 are not 2048, and 40 of 128 not 5140: 16 heads and 5120 here, as in other replicas); Llama 2's
// configurations; BERT's; Vision Transformer's; Mixtral's.
#include <fmt/format.h>

#include <algorithm>

#include "dojo/base/nearest.h"
#include "trace/networks/transformer.h"

namespace dojo::workload::networks {

const std::vector<TransformerSize>& transformer_sizes() {
  // layers, hidden, heads, heads of keys, feed-forward, vocabulary, sequence, experts and those of a token
  static const std::vector<TransformerSize> sizes{
      {"gpt", "124M", 12, 768, 12, 12, 3072, 50257, 1024, 0, 0},
      {"gpt", "355M", 24, 1024, 16, 16, 4096, 50257, 1024, 0, 0},
      {"gpt", "774M", 36, 1280, 20, 20, 5120, 50257, 1024, 0, 0},
      {"gpt", "1558M", 48, 1600, 25, 25, 6400, 50257, 1024, 0, 0},
      {"gpt", "125M", 12, 768, 12, 12, 3072, 50257, 2048, 0, 0},
      {"gpt", "350M", 24, 1024, 16, 16, 4096, 50257, 2048, 0, 0},
      {"gpt", "760M", 24, 1536, 16, 16, 6144, 50257, 2048, 0, 0},
      {"gpt", "1.3B", 24, 2048, 16, 16, 8192, 50257, 2048, 0, 0},
      {"gpt", "2.7B", 32, 2560, 32, 32, 10240, 50257, 2048, 0, 0},
      {"gpt", "6.7B", 32, 4096, 32, 32, 16384, 50257, 2048, 0, 0},
      {"gpt", "13B", 40, 5120, 40, 40, 20480, 50257, 2048, 0, 0},
      {"gpt", "175B", 96, 12288, 96, 96, 49152, 50257, 2048, 0, 0},
      {"llama", "7B", 32, 4096, 32, 32, 11008, 32000, 4096, 0, 0},
      {"llama", "70B", 80, 8192, 64, 8, 28672, 32000, 4096, 0, 0},
      {"llama", "3-8B", 32, 4096, 32, 8, 14336, 128256, 8192, 0, 0},
      {"llama", "3-70B", 80, 8192, 64, 8, 28672, 128256, 8192, 0, 0},
      {"bert", "large", 24, 1024, 16, 16, 4096, 30522, 512, 0, 0},
      {"vit", "B/16", 12, 768, 12, 12, 3072, 1000, 197, 0, 0},
      {"vit", "L/16", 24, 1024, 16, 16, 4096, 1000, 197, 0, 0},
      {"moe", "8x7B", 32, 4096, 32, 8, 14336, 32000, 4096, 8, 2},
  };
  return sizes;
}

TransformerSize transformer_size(const std::string& model, const NetworkOptions& options, Findings& findings) {
  std::vector<std::string> names;
  TransformerSize size{};
  for (const TransformerSize& row : transformer_sizes()) {
    if (row.model != model) continue;
    if ((options.size.empty() && names.empty()) || options.size == row.name) size = row;
    names.emplace_back(row.name);
  }
  if (size.name == nullptr) {
    findings.add("generate {}: found size '{}', expected one of: {}{}; set workload.generate.size", model, options.size,
                 fmt::join(names, ", "), did_you_mean(options.size, names));
    return size;
  }
  const auto take = [](std::int64_t& value, std::int64_t given) { value = given > 0 ? given : value; };
  const bool other_width = options.hidden > 0 && options.hidden != size.hidden;
  take(size.layers, options.layers);
  if (other_width && options.feed_forward == 0) size.feed_forward = size.feed_forward * options.hidden / size.hidden;
  take(size.hidden, options.hidden);
  if (options.heads > 0 && options.kv_heads == 0 && size.kv_heads == size.heads) size.kv_heads = options.heads;
  take(size.heads, options.heads);
  take(size.kv_heads, options.kv_heads);
  take(size.feed_forward, options.feed_forward);
  take(size.vocabulary, options.vocabulary);
  take(size.sequence, options.sequence);
  take(size.experts, options.experts);
  const auto divides = [&](const char* part, std::int64_t parts, const char* whole, std::int64_t all) {
    if (parts > 0 && all % parts == 0) return;
    findings.add("generate {}: found {} {} of {} {}, expected a number that divides it; set workload.generate.{} or {}",
                 model, parts, part, all, whole, part, whole);
  };
  divides("heads", size.heads, "hidden", size.hidden);
  divides("kv_heads", size.kv_heads, "heads", size.heads);
  divides("tensor", options.tensor, "kv_heads", size.kv_heads);
  divides("tensor", options.tensor, "feed_forward", size.feed_forward);
  if (size.experts == 0 && (options.expert_ranks > 1 || options.expert_skew > 0)) {
    findings.add("generate {}: found expert_ranks {} and expert_skew {}, expected none: it has no experts; remove them",
                 model, options.expert_ranks, options.expert_skew);
  } else if (size.experts > 0) {
    divides("expert_ranks", options.expert_ranks, "experts", size.experts);
    const std::int64_t copies = options.ranks / std::max<std::int64_t>(1, options.tensor * options.pipeline);
    if (options.expert_ranks > 0 && copies % options.expert_ranks != 0) {
      findings.add(
          "generate {}: found expert_ranks {} of {} data-parallel ranks, expected a number that divides them; set "
          "workload.generate.expert_ranks or workload.ranks",
          model, options.expert_ranks, copies);
    }
    if (options.expert_ranks > 1 && options.zero > 0) {
      findings.add(
          "generate {}: found expert_ranks {} with zero {}, expected one of them: experts are shared out already; "
          "remove workload.generate.zero",
          model, options.expert_ranks, options.zero);
    }
  }
  if (options.pipeline > size.layers) {
    findings.add(
        "generate {}: found pipeline {} with {} layers, expected a layer for each stage at least; set "
        "workload.generate.pipeline or layers",
        model, options.pipeline, size.layers);
  } else if (options.pipeline * options.chunks > size.layers) {
    findings.add(
        "generate {}: found {} chunks on each of {} stages with {} layers, expected a layer for each chunk at least; "
        "set workload.generate.chunks, pipeline or layers",
        model, options.chunks, options.pipeline, size.layers);
  }
  if (options.sequence_parallel) divides("tensor", options.tensor, "sequence", size.sequence);
  return size;
}

}  // namespace dojo::workload::networks
