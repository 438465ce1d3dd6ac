// SPDX-License-Identifier: Apache-2.0
// Options of `dojosim trace gen`: the keys of workload.generate.
#include "generate_options.h"

#include <fmt/format.h>

#include <string>

namespace dojo::cli {
namespace {

/// Options that set one integer of what is generated, by the key of workload.generate.
struct GenerateOption {
  const char* name;
  const char* words;
  std::int64_t config::GenerateParams::*member;
  std::int64_t low;
};
constexpr GenerateOption kGenerateOptions[] = {
    {"batch", "samples per rank and step", &config::GenerateParams::batch, 1},
    {"batch-norm-group", "ranks that share batch-norm statistics", &config::GenerateParams::batch_norm_group, 1},
    {"bucket-bytes", "gradient bytes per all-reduce", &config::GenerateParams::bucket_bytes, 1},
    {"m", "matmul: rows of the result", &config::GenerateParams::m, 0},
    {"n", "matmul: columns of the result", &config::GenerateParams::n, 0},
    {"k", "matmul: inner dimension", &config::GenerateParams::k, 0},
    {"bytes", "collective: bytes per rank", &config::GenerateParams::bytes, 0},
    {"layers", "transformers: blocks", &config::GenerateParams::layers, 1},
    {"hidden", "transformers: elements of a token", &config::GenerateParams::hidden, 1},
    {"heads", "transformers: heads of queries", &config::GenerateParams::heads, 1},
    {"kv-heads", "transformers: heads of keys and values", &config::GenerateParams::kv_heads, 1},
    {"feed-forward", "transformers: elements between the two products of a block",
     &config::GenerateParams::feed_forward, 1},
    {"vocabulary", "transformers: words", &config::GenerateParams::vocabulary, 1},
    {"sequence", "transformers: tokens of a sample", &config::GenerateParams::sequence, 1},
    {"experts", "moe: experts of a block", &config::GenerateParams::experts, 1},
    {"table-rows", "dlrm: most rows of a table", &config::GenerateParams::table_rows, 1},
    {"pipeline", "gpt, llama, moe: ranks that share out the blocks", &config::GenerateParams::pipeline, 1},
    {"microbatches", "gpt, llama, moe: parts of the batch", &config::GenerateParams::microbatches, 1},
    {"tensor", "transformers: ranks that share each product", &config::GenerateParams::tensor, 1},
    {"chunks", "gpt, llama, moe: shares of the blocks on each rank of a pipeline", &config::GenerateParams::chunks, 1},
    {"expert-ranks", "moe: data-parallel ranks that share out the experts", &config::GenerateParams::expert_ranks, 1},
    {"expert-skew", "moe: percent of tokens of the first expert beyond its equal share",
     &config::GenerateParams::expert_skew, 0},
    {"cameras", "video: cameras", &config::GenerateParams::cameras, 1},
    {"frames", "video: past top views in the queue", &config::GenerateParams::frames, 1},
    {"zero", "what data-parallel ranks shard: 1 optimizer state, 2 gradients too, 3 weights too",
     &config::GenerateParams::zero, 0},
    {"zero-ranks", "data-parallel ranks over which they shard; 0 = all", &config::GenerateParams::zero_ranks, 0},
};

template <class Enum>
void take_word(const Options& options, const char* name, Enum& value) {
  if (!options.has(name)) return;
  const auto found = schema::enum_value<Enum>(options.text(name));
  if (!found) {
    options.fail(fmt::format("--{} is '{}'; expected {}", name, options.text(name),
                             fmt::join(schema::enum_words<Enum>(), ", ")));
  }
  value = *found;
}

std::int64_t integer(const Options& options, const GenerateOption& option, std::int64_t otherwise) {
  const auto value = options.value<std::int64_t>(option.name, otherwise);
  if (value < option.low && options.has(option.name))
    options.fail(fmt::format("--{} is {}; expected {} or more", option.name, value, option.low));
  return value;
}

}  // namespace

void add_generate_options(Options& options) {
  options.options()("dtype", po::value<std::string>(), "bf16 or cfp8")(
      "size", po::value<std::string>(), "a published size, such as 125M of gpt; default: the model's first")(
      "attention", po::value<std::string>(), "transformers: flash (default) or explicit")(
      "optimizer", po::value<std::string>(), "rule of all but the ResNets: adam (default), sgd, momentum, lars")(
      "schedule", po::value<std::string>(), "of the parts in a pipeline: 1f1b (default) or gpipe")(
      "checkpoint", po::value<std::string>(),
      "results that the backward pass makes again: blocks, or names of operations with * and ?, divided by commas")(
      "sequence-parallel", "transformers: ranks that share products share norms too, by tokens");
  for (const GenerateOption& option : kGenerateOptions)
    options.options()(option.name, po::value<std::int64_t>(), option.words);
}

config::GenerateParams generate_params(const Options& options) {
  config::GenerateParams params;
  params.model = options.need("model", "the model");
  params.dtype = options.value<std::string>("dtype", params.dtype);
  params.size = options.text("size");
  params.attention = options.value<std::string>("attention", params.attention);
  if (params.attention != "flash" && params.attention != "explicit")
    options.fail(fmt::format("--attention is '{}'; expected flash or explicit", params.attention));
  take_word(options, "optimizer", params.optimizer);
  take_word(options, "schedule", params.schedule);
  params.checkpoint = options.text("checkpoint");
  params.sequence_parallel = options.has("sequence-parallel");
  for (const GenerateOption& option : kGenerateOptions)
    params.*option.member = integer(options, option, params.*option.member);
  return params;
}

}  // namespace dojo::cli
