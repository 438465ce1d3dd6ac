// SPDX-License-Identifier: Apache-2.0
// Networks that the program generates: one training step each, by the sizes that their publications give.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/trace/trace.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

/// 0 and "" = as the named size has it.
struct NetworkOptions {
  std::string size;        ///< "" = the model's first
  std::int64_t batch = 8;  ///< samples per data-parallel rank and step
  DType dtype = DType::kBf16;
  std::int64_t ranks = 1, steps = 1;
  std::int64_t bucket_bytes = 8 << 20;  ///< of gradients, for an all-reduce
  OptimizerRule optimizer = OptimizerRule::kAdam;
  // Transformers.
  std::int64_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, feed_forward = 0, vocabulary = 0, sequence = 0;
  std::int64_t experts = 0;
  bool explicit_attention = false;  ///< products and a softmax instead of one operation that keeps no scores
  std::int64_t tensor = 1;          ///< ranks that share each product of a block
  bool sequence_parallel = false;   ///< those ranks share norms and residuals too, by tokens
  std::int64_t pipeline = 1;        ///< ranks that share out the blocks, one after the other
  std::int64_t microbatches = 1;    ///< parts of the batch, which pass one after the other
  PipelineSchedule schedule = PipelineSchedule::k1F1B;
  std::int64_t chunks = 1;        ///< shares of the blocks on each rank of a pipeline
  std::int64_t expert_ranks = 1;  ///< moe: data-parallel ranks that share out the experts
  std::int64_t expert_skew = 0;   ///< moe: percent of tokens of the first expert beyond its equal share
  std::int64_t zero = 0;          ///< data-parallel ranks shard 1 optimizer state, 2 gradients too, 3 weights too
  std::int64_t zero_ranks = 0;    ///< so many of them; 0 = all
  std::string checkpoint;         ///< operations whose results are made again: "blocks", or names with * and ?
  // Others.
  std::int64_t cameras = 0, frames = 0;  ///< video
  std::int64_t table_rows = 0;           ///< dlrm: most rows of a table
};

/// "gpt", "llama", ...
[[nodiscard]] std::vector<std::string> network_names();
/// Of a network, its first is the default.
[[nodiscard]] std::vector<std::string> network_sizes(const std::string& network);
/// Throws Error(kInvalidInput) with all findings about the options.
[[nodiscard]] Workload generate_network(const std::string& network, const NetworkOptions& options);

/// As generate_resnet50(), of 23 blocks in the third stage instead of 6.
[[nodiscard]] Workload generate_resnet101(const ResNet50Options& options);

}  // namespace dojo::workload
