// SPDX-License-Identifier: Apache-2.0
// Generated networks against the counts of their publications: parameters to the digit, FLOP by the published formulas.
#include "dojo/trace/networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "dojo/base/error.h"
#include "dojo/trace/trace.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

NetworkOptions options(const std::string& size, bool explicit_attention = false) {
  NetworkOptions made;
  made.size = size;
  made.batch = 1;
  made.explicit_attention = explicit_attention;
  return made;
}

std::string findings_of(const std::string& network, const NetworkOptions& options) {
  try {
    (void)generate_network(network, options);
  } catch (const Error& error) {
    std::string lines;
    for (const std::string& line : error.lines()) lines += line + "\n";
    return lines;
  }
  return "";
}

TEST(GenerateNetwork, SaysWhatIsWrong) {
  EXPECT_THAT(findings_of("gtp", {}), testing::HasSubstr("found network 'gtp', expected one of: gpt"));
  EXPECT_THAT(findings_of("gpt", options("176B")), testing::HasSubstr("found size '176B', expected one of: 124M"));
  NetworkOptions o = options("124M");
  o.heads = 7;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found 7 heads of 768 hidden, expected a number that divides"));
  o = options("124M");
  o.ranks = 4, o.tensor = 3;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found tensor 3 and pipeline 1 with 4 ranks"));
  o.ranks = 5, o.tensor = 5;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found 5 tensor of 12 kv_heads"));
  o = options("124M");
  o.sequence_parallel = true;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("sequence_parallel with tensor 1"));
  o = options("large");
  o.ranks = o.tensor = 2;
  EXPECT_THAT(findings_of("bert", o), testing::HasSubstr("it is only data parallel"));
  o = options("124M");
  o.ranks = o.pipeline = 13;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found pipeline 13 with 12 layers"));
  o = options("124M");
  o.batch = 4, o.microbatches = 3;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found 3 microbatches of a batch of 4"));
  o = options("124M");
  o.zero = 2;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found zero 2 with 1 data-parallel rank"));
  o.zero = 4, o.ranks = 2;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found zero 4, expected 0 to 3"));
  o.zero = 1, o.ranks = 6, o.zero_ranks = 4;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found zero_ranks 4 of 6 data-parallel ranks"));
  o.zero = 0, o.zero_ranks = 3;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found zero_ranks 3 with zero 0"));
  o = options("124M");
  o.ranks = o.pipeline = 2, o.batch = o.microbatches = 3, o.chunks = 2;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found chunks 2 with pipeline 2 and 3 microbatches"));
  o.batch = o.microbatches = 4, o.chunks = 7;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found 7 chunks on each of 2 stages with 12 layers"));
  o = options("124M");
  o.checkpoint = "blok*";
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found checkpoint 'blok*', expected the name of an operation"));
  o = options("124M");
  o.batch = 0, o.bucket_bytes = 0;
  EXPECT_THAT(findings_of("gpt", o),
              testing::AllOf(testing::HasSubstr("found batch 0"), testing::HasSubstr("found bucket_bytes 0")));
}

std::int64_t parameters(const Workload& workload) {
  std::int64_t updated = 0;
  Bytes weights = 0, gradients = 0;
  for (const Op& op : workload.graphs[0].ops)
    if (op.kind == OpKind::kOptimizer) updated += op.elements;
  for (const Tensor& t : workload.graphs[0].tensors) {
    weights += t.role == TensorRole::kWeight ? t.bytes : 0;
    gradients += t.role == TensorRole::kGradient ? t.bytes : 0;
  }
  EXPECT_EQ(weights, 2 * updated);  // each is updated once, and has one gradient
  EXPECT_EQ(gradients, weights);
  return updated;
}

std::int64_t flops(const Workload& workload, bool forward_only = false) {
  std::int64_t sum = 0;
  for (const Op& op : workload.graphs[0].ops)
    if (!forward_only || op.phase == Phase::kForward) sum += op.flops;
  return sum;
}

TEST(GenerateNetwork, OneSizeIsNotNamed) {
  EXPECT_THAT(findings_of("unet", options("large")), testing::HasSubstr("expected none: it has one size"));
}

TEST(GenerateNetwork, HasThePublishedParameters) {
  const std::map<std::pair<std::string, std::string>, std::int64_t> published{
      // GPT-2's code
      {{"gpt", "124M"}, 124'439'808},
      {{"gpt", "355M"}, 354'823'168},
      {{"gpt", "774M"}, 774'030'080},
      {{"gpt", "1558M"}, 1'557'611'200},
      // by the formula V h + s h + L (12 h^2 + 13 h) + 2 h for GPT-3's table
      {{"gpt", "125M"}, 125'226'240},
      {{"gpt", "350M"}, 355'871'744},
      {{"gpt", "760M"}, 760'300'032},
      {{"gpt", "1.3B"}, 1'315'723'264},
      {{"gpt", "2.7B"}, 2'651'553'280},
      {{"gpt", "6.7B"}, 6'658'404'352},
      {{"gpt", "13B"}, 12'853'386'240},
      {{"gpt", "175B"}, 174'604'259'328},
      // configurations of Llama 2 and 3
      {{"llama", "7B"}, 6'738'415'616},
      {{"llama", "70B"}, 68'976'648'192},
      {{"llama", "3-8B"}, 8'030'261'248},
      {{"llama", "3-70B"}, 70'553'706'496},
      // BERT-large with both heads; Vision Transformer; Mixtral
      {{"bert", "large"}, 336'226'108},
      {{"vit", "B/16"}, 86'567'656},
      {{"vit", "L/16"}, 304'326'632},
      {{"moe", "8x7B"}, 46'702'792'704},
  };
  std::size_t sizes = 0;
  for (const std::string& network : network_names()) {
    EXPECT_EQ(network_sizes(network).empty(), network == "dlrm" || network == "unet" || network == "video") << network;
    for (const std::string& size : network_sizes(network)) {
      SCOPED_TRACE(network + " " + size);
      ++sizes;
      ASSERT_EQ(published.count({network, size}), 1u);
      EXPECT_EQ(parameters(generate_network(network, options(size))), published.at({network, size}));
    }
  }
  EXPECT_EQ(sizes, published.size());
}

/// nanoGPT's notebook counts all pairs of tokens: 24 s h^2 + 4 s^2 h a layer, 2 s h V for the head.
TEST(GenerateGpt, HasThePublishedFlops) {
  const Workload whole = generate_network("gpt", options("124M", true));
  EXPECT_EQ(flops(whole, true), 291'648'307'200);
  EXPECT_EQ(flops(whole), 874'944'921'600);
  // A causal mask leaves s (s + 1) / 2 of the s^2 pairs.
  const Workload masked = generate_network("gpt", options("124M"));
  constexpr std::int64_t kPairsLeftOut = 1024 * 1024 - 1024 * 1025 / 2;
  EXPECT_EQ(flops(masked), 874'944'921'600 - 3 * 12 * 4 * kPairsLeftOut * 768);
}

TEST(GenerateLlama, HasThePublishedFlopsOfAToken) {
  EXPECT_NEAR(static_cast<double>(flops(generate_network("llama", options("7B", true)))) / 4096, 4.6085e10, 1e6);
  EXPECT_NEAR(static_cast<double>(flops(generate_network("llama", options("70B", true)))) / 4096, 4.4449e11, 1e7);
  EXPECT_NEAR(static_cast<double>(flops(generate_network("moe", options("8x7B", true)))) / 4096, 8.293e10, 1e7);
}

TEST(GenerateBert, HasThePublishedFlopsOfItsEncoder) {
  const Workload workload = generate_network("bert", options("large"));
  std::int64_t encoder = 0;
  for (const Op& op : workload.graphs[0].ops) {
    const bool block = workload.graphs[0].op_name(op).rfind("block", 0) == 0;
    if (block && op.phase == Phase::kForward) encoder += op.flops;
  }
  EXPECT_NEAR(static_cast<double>(encoder), 3.35007e11, 1e6);
}

TEST(GenerateVit, HasThePublishedFlops) {
  EXPECT_NEAR(static_cast<double>(flops(generate_network("vit", options("B/16")), true)), 2 * 17.563828e9, 2e3);
  EXPECT_NEAR(static_cast<double>(flops(generate_network("vit", options("L/16")), true)), 2 * 61.554713e9, 2e3);
}

TEST(GenerateResNet101, HasThePublishedCounts) {
  ResNet50Options o;
  o.batch = 1;
  o.batch_norm_group = 1;
  const Workload workload = generate_resnet101(o);
  EXPECT_EQ(parameters(workload), 44'549'160);
  EXPECT_NEAR(static_cast<double>(flops(workload, true)), 2 * 7.801405e9, 2e3);
}

/// facebookresearch/dlrm: 177,944,275 rows of 128; of the layers 2,368,897 parameters and 2,365,184 products a sample,
/// and 27 x 27 x 128 of the pairs.
TEST(GenerateDlrm, HasThePublishedCounts) {
  NetworkOptions o;
  o.batch = 64;
  const Workload workload = generate_network("dlrm", o);
  Bytes tables = 0, layers = 0;
  for (const Tensor& t : workload.graphs[0].tensors) {
    if (t.role != TensorRole::kWeight) continue;
    (workload.graphs[0].str(t.name).rfind("table", 0) == 0 ? tables : layers) += t.bytes;
  }
  EXPECT_EQ(tables, Bytes{2} * 177'944'275 * 128);
  EXPECT_EQ(layers, 2 * 2'368'897);
  EXPECT_EQ(flops(workload, true), 64 * 2 * (2'365'184 + 27 * 27 * 128));
  o.table_rows = 1000;
  Bytes capped = 0;
  const Workload small = generate_network("dlrm", o);
  for (const Tensor& t : small.graphs[0].tensors) capped += t.bytes;
  EXPECT_LT(capped, 100'000'000);
}

/// mlcommons/mobile_app_open, pull request 917: 859,520,964 parameters. 338.61 G products of convolutions and layers
/// and 63.03 of attention, by the shapes.
TEST(GenerateUnet, HasThePublishedCounts) {
  NetworkOptions o;
  o.batch = 1;
  const Workload workload = generate_network("unet", o);
  EXPECT_EQ(parameters(workload), 859'520'964);
  std::int64_t attention = 0;
  for (const Op& op : workload.graphs[0].ops) attention += op.kind == OpKind::kAttention ? op.flops : 0;
  EXPECT_NEAR(static_cast<double>(attention), 2 * 63.03e9, 2e7);
  EXPECT_NEAR(static_cast<double>(flops(workload, true) - attention), 2 * 338.61e9, 2e7);
}

/// What a rank of a tensor group has: a t-th of products, all of the norms; sums of each layer go around the group.
TEST(GenerateNetwork, TensorGroupsShareProducts) {
  NetworkOptions o = options("124M");
  o.vocabulary = 50256;
  const Workload alone = generate_network("gpt", o);
  o.ranks = 8, o.tensor = 4, o.batch = 2;
  const Workload shared = generate_network("gpt", o);
  EXPECT_EQ(flops(shared) * 4, flops(alone) * 2);
  ASSERT_EQ(shared.group_classes.size(), 3u);
  EXPECT_EQ(shared.group_classes[1].groups[1].ranks, (std::vector<RankId>{4, 5, 6, 7}));
  EXPECT_EQ(shared.group_classes[2].groups[1].ranks, (std::vector<RankId>{1, 5}));
  Bytes layer_sums = 0, gradients = 0;
  for (const Op& op : shared.graphs[0].ops) {
    if (op.kind != OpKind::kAllReduce) continue;
    if (op.group == 2) gradients += op.bytes;
    if (op.group == 1 && op.dtype == DType::kBf16) layer_sums += op.bytes;
  }
  EXPECT_EQ(gradients, 2 * parameters(shared));
  // Two sums forward and two backward in each of 12 layers; of the embedding and of the head's input.
  EXPECT_EQ(layer_sums, Bytes{2 * 1024 * 768 * 2} * (4 * 12 + 2));
  Findings findings;
  check_workload(shared, findings);
  EXPECT_TRUE(findings.lines().empty());
}

std::vector<std::string> order_of(const Graph& graph, const std::string& forward_op, const std::string& backward_op) {
  std::vector<std::string> order;
  for (const Op& op : graph.ops) {
    const std::string& name = graph.op_name(op);
    const std::size_t dot = name.find('.');
    if (name.substr(dot + 1) == forward_op) order.push_back("F" + name.substr(4, dot - 4));
    if (name.substr(dot + 1) == backward_op) order.push_back("B" + name.substr(4, dot - 4));
  }
  return order;
}

TEST(GeneratePipeline, StagesTakeTurnsByTheirSchedule) {
  NetworkOptions o = options("124M");
  o.ranks = o.pipeline = 4;
  o.batch = o.microbatches = 6;
  const Workload in_turn = generate_network("gpt", o);
  ASSERT_EQ(in_turn.graphs.size(), 4u);
  using Order = std::vector<std::string>;
  const auto order = [](const Workload& workload, RankId rank) {
    const std::string block = "block" + std::to_string(3 * rank) + ".mlp.up";
    return order_of(workload.graphs[rank], block, block + ".weight_grad");
  };
  EXPECT_EQ(order(in_turn, 3), (Order{"F0", "B0", "F1", "B1", "F2", "B2", "F3", "B3", "F4", "B4", "F5", "B5"}));
  EXPECT_EQ(order(in_turn, 0), (Order{"F0", "F1", "F2", "F3", "B0", "F4", "B1", "F5", "B2", "B3", "B4", "B5"}));
  o.schedule = PipelineSchedule::kGPipe;
  EXPECT_EQ(order(generate_network("gpt", o), 0),
            (Order{"F0", "F1", "F2", "F3", "F4", "F5", "B0", "B1", "B2", "B3", "B4", "B5"}));
  Findings findings;
  check_workload(in_turn, findings);
  EXPECT_TRUE(findings.lines().empty());
}

/// All stages together do what one rank does, and have its parameters, the table of words twice.
TEST(GeneratePipeline, StagesShareOutTheWork) {
  NetworkOptions o = options("124M");
  o.batch = 4;
  const Workload alone = generate_network("gpt", o);
  o.ranks = 8, o.pipeline = 2, o.tensor = 2, o.microbatches = 4, o.vocabulary = 50258;
  const Workload piped = generate_network("gpt", o);
  ASSERT_EQ(piped.graphs.size(), 8u);
  std::int64_t flops_of_copy = 0, head_difference = 6 * std::int64_t{4 * 1024} * 768;  // one more word
  for (std::size_t rank = 0; rank < 4; ++rank)
    for (const Op& op : piped.graphs[rank].ops) flops_of_copy += op.flops;
  EXPECT_EQ(flops_of_copy, flops(alone) + head_difference);
  ASSERT_EQ(piped.group_classes.size(), 4u);
  EXPECT_EQ(piped.group_classes[1].groups[1].ranks, (std::vector<RankId>{2, 3}));
  EXPECT_EQ(piped.group_classes[2].groups[1].ranks, (std::vector<RankId>{1, 5}));
  EXPECT_EQ(piped.group_classes[3].name, "words");
  EXPECT_EQ(piped.group_classes[3].groups[3].ranks, (std::vector<RankId>{5, 7}));
  Findings findings;
  check_workload(piped, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
}

/// Weights are updated once for all parts of the batch, and the gradient has one sum.
TEST(GenerateNetwork, PartsOfABatchAddUpTheirGradients) {
  NetworkOptions o = options("124M");
  o.batch = o.microbatches = 4;
  const Workload parts = generate_network("gpt", o);
  EXPECT_EQ(parameters(parts), 124'439'808);
  o.microbatches = 1;
  EXPECT_EQ(flops(parts), flops(generate_network("gpt", o)));
}

/// Reduce-scatter and all-gather carry what the all-reduces carried.
TEST(GenerateNetwork, SequenceParallelGroupsShareTokensOfNorms) {
  NetworkOptions o = options("124M");
  o.ranks = o.tensor = 4;
  o.sequence_parallel = true;
  const Workload workload = generate_network("gpt", o);
  std::map<OpKind, std::int64_t> counts;
  for (const Op& op : workload.graphs[0].ops) {
    if (is_collective(op.kind)) ++counts[op.kind];
    if (op.kind == OpKind::kLayerNorm) {
      EXPECT_EQ(op.elements, 1024 * 768 / 4);
    }
  }
  EXPECT_EQ(counts[OpKind::kReduceScatter], 4 * 12 + 1);
  EXPECT_EQ(counts[OpKind::kAllGather], 4 * 12 + 2);
  Findings findings;
  check_workload(workload, findings);
  EXPECT_TRUE(findings.lines().empty());
}

std::int64_t repeated(const Workload& workload) {
  std::int64_t sum = 0;
  for (const Op& op : workload.graphs[0].ops) sum += op.recompute ? op.flops : 0;
  return sum;
}

/// Bytes of results of the forward pass that the backward pass reads, of one rank.
Bytes kept(const Graph& graph) {
  std::map<std::uint32_t, bool> made_forward, counted;
  Bytes sum = 0;
  for (const Op& op : graph.ops) {
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) {
      const std::uint32_t t = graph.tensor_refs[i];
      if (op.phase != Phase::kBackward || !made_forward[t] || counted[t]) continue;
      counted[t] = true;
      sum += graph.tensors[t].bytes;
    }
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i)
      made_forward[graph.tensor_refs[i]] |= op.phase == Phase::kForward;
  }
  return sum;
}

/// Of each block two tensors are left: what it begins with, and for the backward pass of the next one none. All but the
/// last product of a block is done again: its result is nobody's operand.
TEST(GenerateCheckpoint, BlocksAreMadeAgainFromTheirInputs) {
  NetworkOptions o = options("124M");
  o.layers = 4;
  const Workload whole = generate_network("gpt", o);
  o.checkpoint = "blocks";
  const Workload again = generate_network("gpt", o);
  EXPECT_EQ(repeated(whole), 0);
  EXPECT_EQ(flops(again) - repeated(again), flops(whole));
  std::int64_t forward = 0, down = 0;
  for (const Op& op : whole.graphs[0].ops) {
    const std::string& name = whole.graphs[0].op_name(op);
    if (op.phase != Phase::kForward || name.rfind("block", 0) != 0) continue;
    forward += op.flops;
    if (name.find(".mlp.down") != std::string::npos) down += op.flops;
  }
  EXPECT_EQ(repeated(again), forward - down);
  constexpr Bytes kStream = 1024 * 768 * 2;
  EXPECT_LT(kept(again.graphs[0]), kept(whole.graphs[0]) - 4 * 10 * kStream);
  EXPECT_EQ(parameters(again), parameters(whole));
  Findings findings;
  check_workload(again, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
}

/// Any operation: of an activation function its input is kept, and no product is done again.
TEST(GenerateCheckpoint, TakesNamesOfOperations) {
  NetworkOptions o = options("124M");
  o.layers = 2;
  const Workload whole = generate_network("gpt", o);
  o.checkpoint = "*.activation,*.norm2";
  const Workload again = generate_network("gpt", o);
  EXPECT_EQ(repeated(again), 0);
  EXPECT_EQ(flops(again), flops(whole));
  int repeats = 0;
  for (const Op& op : again.graphs[0].ops) repeats += op.recompute ? 1 : 0;
  EXPECT_EQ(repeats, 2 * 2);
  EXPECT_LT(kept(again.graphs[0]), kept(whole.graphs[0]));
}

/// Sums of a tensor group are done again too, and a written trace says what is repeated.
TEST(GenerateCheckpoint, RepeatsSumsAndSurvivesAFile) {
  NetworkOptions o = options("124M");
  o.layers = 2, o.ranks = o.tensor = 2, o.checkpoint = "blocks";
  const Workload again = generate_network("gpt", o);
  int sums = 0;
  for (const Op& op : again.graphs[0].ops) sums += op.recompute && op.kind == OpKind::kAllReduce ? 1 : 0;
  EXPECT_EQ(sums, 2);  // of the attention of each block
  EXPECT_THAT(format_json_trace(again), testing::HasSubstr("\"recompute\":1"));
}

struct Traffic {
  std::map<OpKind, Bytes> bytes;
  Bytes weights = 0, gradients = 0, state = 0, gathered = 0;
};
Traffic traffic_of(const Workload& workload) {
  Traffic made;
  const Graph& graph = workload.graphs[0];
  for (const Op& op : graph.ops)
    if (is_collective(op.kind)) made.bytes[op.kind] += op.bytes;
  for (const Tensor& t : graph.tensors) {
    made.weights += t.role == TensorRole::kWeight ? t.bytes : 0;
    made.state += t.role == TensorRole::kOptimizerState ? t.bytes : 0;
    made.gathered += t.role == TensorRole::kGathered ? t.bytes : 0;
  }
  Findings findings;
  check_workload(workload, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
  return made;
}

/// What each stage shards, and that reduce-scatters and all-gathers carry it.
TEST(GenerateZero, ShardsWhatItsStageSays) {
  NetworkOptions o = options("124M");
  o.layers = 2, o.ranks = 4;
  const std::int64_t all = parameters(generate_network("gpt", o));
  constexpr Bytes kRounding = 64;  // of each bucket or parameter
  for (const std::int64_t zero : {1, 2, 3}) {
    o.zero = zero;
    const Workload workload = generate_network("gpt", o);
    const Traffic t = traffic_of(workload);
    EXPECT_EQ(workload.group_classes.back().name, "zero");
    EXPECT_EQ(t.bytes.count(OpKind::kAllReduce), 0u);
    EXPECT_EQ(t.bytes.at(OpKind::kReduceScatter), 2 * all);
    EXPECT_NEAR(static_cast<double>(t.state), 12.0 * static_cast<double>(all) / 4, 12 * kRounding);
    EXPECT_NEAR(static_cast<double>(t.weights), 2.0 * static_cast<double>(all) / (zero == 3 ? 4 : 1), 2 * kRounding);
    // New weights once. Or weights twice: for the forward and for the backward pass, but the words for the embedding
    // and for the head, whose backward pass follows at once; and the positions once.
    const double gathers = static_cast<double>(t.bytes.at(OpKind::kAllGather)) / (2.0 * static_cast<double>(all) / 4);
    EXPECT_NEAR(gathers, zero == 3 ? 2 - 1024.0 * 768 / static_cast<double>(all) : 1, 0.001);
  }
}

/// Over a group of the data-parallel ranks; beyond it the shards are added up.
TEST(GenerateZero, ShardsOverAGroup) {
  NetworkOptions o = options("124M");
  o.layers = 1, o.tensor = 2, o.ranks = 16, o.zero = 1, o.zero_ranks = 4, o.vocabulary = 50258;
  const Workload workload = generate_network("gpt", o);
  const auto of_class = [&](const std::string& name) {
    for (const Workload::GroupClass& c : workload.group_classes)
      if (c.name == name) return c;
    return Workload::GroupClass{};
  };
  ASSERT_EQ(of_class("zero").groups.size(), 4u);
  EXPECT_EQ(of_class("zero").groups[0].ranks, (std::vector<RankId>{0, 2, 4, 6}));
  EXPECT_EQ(of_class("zero").groups[3].ranks, (std::vector<RankId>{9, 11, 13, 15}));
  ASSERT_EQ(of_class("replicas").groups.size(), 8u);
  EXPECT_EQ(of_class("replicas").groups[2].ranks, (std::vector<RankId>{2, 10}));
  const Traffic t = traffic_of(workload);
  Bytes shards = 0;
  for (const Op& op : workload.graphs[0].ops)
    if (op.kind == OpKind::kAllReduce && workload.group_classes[op.group].name == "replicas") shards += op.bytes;
  EXPECT_NEAR(static_cast<double>(shards), static_cast<double>(t.bytes.at(OpKind::kReduceScatter)) / 4, 64);
}

/// From stage 2 on each part of the batch has its gradients reduced; a rank never has more of them than one part's.
TEST(GenerateZero, AddsUpShardsOfTheParts) {
  NetworkOptions o = options("124M");
  o.layers = 2, o.ranks = 2, o.batch = o.microbatches = 3, o.zero = 1;
  const Traffic once = traffic_of(generate_network("gpt", o));
  for (const std::int64_t zero : {2, 3}) {
    o.zero = zero;
    const Workload workload = generate_network("gpt", o);
    EXPECT_EQ(traffic_of(workload).bytes.at(OpKind::kReduceScatter), 3 * once.bytes.at(OpKind::kReduceScatter));
    std::int64_t updated = 0;
    for (const Op& op : workload.graphs[0].ops) updated += op.kind == OpKind::kOptimizer ? op.elements : 0;
    EXPECT_NEAR(static_cast<double>(updated), static_cast<double>(once.weights) / 4, 64);
  }
}

/// Chunks take turns as published: stage 0 of 2 with 2 chunks and 4 parts.
TEST(GeneratePipeline, ChunksTakeTurns) {
  NetworkOptions o = options("124M");
  o.layers = 4, o.ranks = o.pipeline = 2, o.batch = o.microbatches = 4;
  const Workload plain = generate_network("gpt", o);
  o.chunks = 2;
  const Workload workload = generate_network("gpt", o);
  std::vector<std::string> order;
  for (const Op& op : workload.graphs[0].ops) {
    const std::string& name = workload.graphs[0].op_name(op);
    for (const char* block : {"0", "2"}) {
      const std::string up = std::string(".block") + block + ".mlp.up";
      if (name == "part" + name.substr(4, 1) + up) order.push_back("F" + name.substr(4, 1) + block);
      if (name == "part" + name.substr(4, 1) + up + ".weight_grad") order.push_back("B" + name.substr(4, 1) + block);
    }
  }
  EXPECT_EQ(order, (std::vector<std::string>{"F00", "F10", "F02", "F12", "F20", "B02", "F30", "B12", "F22", "B00",
                                             "F32", "B10", "B22", "B32", "B20", "B30"}));
  Findings findings;
  check_workload(workload, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
  const auto all_flops = [](const Workload& of) {
    std::int64_t sum = 0;
    for (const Graph& graph : of.graphs)
      for (const Op& op : graph.ops) sum += op.flops;
    return sum;
  };
  EXPECT_EQ(all_flops(workload), all_flops(plain));
}

/// The features and the top view that were shown, the queue, and parameters and FLOP added up by hand from the sizes of
/// docs/networks.md.
TEST(GenerateVideo, HasTheSizesOfItsDescription) {
  NetworkOptions o;
  o.batch = 1;
  const Workload workload = generate_network("video", o);
  const Graph& graph = workload.graphs[0];
  std::map<std::string, std::vector<std::int64_t>> made;  // images, channels, rows, columns
  for (const Op& op : graph.ops)
    if (op.kind == OpKind::kConv) made[graph.op_name(op)] = {op.conv.n, op.conv.k, op.conv.p, op.conv.q};
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(made["stage1.1.conv3"], (Sizes{8, 64, 120, 160}));
  EXPECT_EQ(made["stage2.3.conv3"], (Sizes{8, 128, 60, 80}));
  EXPECT_EQ(made["stage3.9.conv3"], (Sizes{8, 256, 30, 40}));
  EXPECT_EQ(made["stage4.1.conv3"], (Sizes{8, 512, 15, 20}));
  EXPECT_EQ(made["queue.past"], (Sizes{1, 256, 20, 80}));
  EXPECT_EQ(made["occupancy2"], (Sizes{1, 64, 80, 320}));
  for (const Op& op : graph.ops) {
    if (graph.op_name(op) == "queue.past") {
      EXPECT_EQ(op.conv.c, 12 * 300);
    }
    if (graph.op_name(op) == "view0.scores") {
      EXPECT_EQ(op.attention.queries, 20 * 80);
      EXPECT_EQ(op.attention.keys, 8 * (80 * 60 + 40 * 30 + 20 * 15));
    }
  }
  EXPECT_EQ(parameters(workload), 23'045'152);
  EXPECT_EQ(flops(workload, true), 373'733'990'400);
  Findings findings;
  check_workload(workload, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
  // Half the cameras: the backbone does half, and the queue what it did.
  o.cameras = 4, o.frames = 6;
  const Workload smaller = generate_network("video", o);
  EXPECT_LT(flops(smaller, true), flops(workload, true) * 6 / 10);
  EXPECT_EQ(parameters(workload) - parameters(smaller), std::int64_t{6 * 300} * 256 * 9);
  o.cameras = 65;
  EXPECT_THAT(findings_of("video", o), testing::HasSubstr("found cameras 65, expected 0 to 64"));
  o = options("124M");
  o.frames = 2;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("found 0 cameras and 2 frames, expected none"));
}

std::string findings_of_text(const std::string& op) {
  const std::string text =
      "{\"format\":\"dojo.trace/1\",\"ranks\":[{\"graph\":0,\"ranks\":2}],\"graphs\":[{\"ops\":[" + op + "]}]}";
  Findings findings;
  const Workload workload = parse_json_trace(text, "t.json", findings);
  if (findings.empty()) check_workload(workload, findings);
  std::string lines;
  for (const std::string& line : findings.lines()) lines += line + "\n";
  return lines;
}

TEST(PairBytes, SaysWhatIsWrong) {
  const auto with = [](const std::string& bytes, const std::string& pairs) {
    return findings_of_text("{\"id\":0,\"kind\":\"all_to_all\",\"bytes\":" + bytes + ",\"pair_bytes\":" + pairs + "}");
  };
  EXPECT_EQ(with("5", "[2,3]"), "");
  EXPECT_EQ(with("3", "[0,3]"), "");
  EXPECT_THAT(with("5", "[2,-3]"), testing::HasSubstr("found -3, expected an integer from 0 to"));
  EXPECT_THAT(with("5", "[2,\"x\"]"), testing::HasSubstr("pair_bytes"));
  EXPECT_THAT(with("5", "7"), testing::HasSubstr("expected a list"));
  EXPECT_THAT(with("5", "[2,2]"), testing::HasSubstr("found 4 bytes in all, expected the 5 of `bytes`"));
  EXPECT_THAT(with("6", "[2,2,2]"), testing::HasSubstr("found 3 sizes in pair_bytes, expected one for each of the 2"));
  EXPECT_THAT(findings_of_text("{\"id\":0,\"kind\":\"all_reduce\",\"bytes\":5,\"pair_bytes\":[2,3]}"),
              testing::HasSubstr("unknown key"));
  EXPECT_THAT(findings_of_text("{\"id\":0,\"kind\":\"none\",\"recompute\":2}"),
              testing::HasSubstr("found 2, expected an integer from 0 to 1"));
}

NetworkOptions experts(std::int64_t ranks, std::int64_t expert_ranks) {
  NetworkOptions o;
  o.layers = 1, o.hidden = 64, o.heads = 4, o.kv_heads = 2, o.feed_forward = 128, o.vocabulary = 64, o.sequence = 32;
  o.experts = 8, o.batch = 1, o.ranks = ranks, o.expert_ranks = expert_ranks;
  return o;
}

TEST(GenerateExperts, SaysWhatIsWrong) {
  EXPECT_THAT(findings_of("moe", experts(6, 3)), testing::HasSubstr("found 3 expert_ranks of 8 experts"));
  EXPECT_THAT(findings_of("moe", experts(6, 4)), testing::HasSubstr("found expert_ranks 4 of 6 data-parallel ranks"));
  NetworkOptions o = experts(4, 4);
  o.zero = 1;
  EXPECT_THAT(findings_of("moe", o), testing::HasSubstr("found expert_ranks 4 with zero 1"));
  o = options("124M");
  o.expert_skew = 10;
  EXPECT_THAT(findings_of("gpt", o), testing::HasSubstr("it has no experts"));
}

/// Ranks have a share of the experts each, do the same work as before together, and add up the gradients of experts
/// only with those that have the same.
TEST(GenerateExperts, RanksShareThemOut) {
  const Workload alone = generate_network("moe", experts(8, 1));
  const Workload shared = generate_network("moe", experts(8, 4));
  EXPECT_EQ(flops(shared), flops(alone));
  Bytes there = 0, replicas = 0, of_experts = 0;
  for (const Op& op : shared.graphs[0].ops) {
    if (op.kind == OpKind::kAllToAll) {
      EXPECT_EQ(op.pairs_end - op.pairs_begin, 4u);
      there += op.bytes;
    }
    if (op.kind == OpKind::kAllReduce && shared.group_classes[op.group].name == "expert_replicas") replicas += op.bytes;
  }
  EXPECT_EQ(there, 4 * 2 * 32 * 64 * 2);     // forward and backward, there and back, of 2 experts a token
  of_experts = 3 * Bytes{64} * 128 * 2 * 2;  // of 2 experts
  EXPECT_EQ(replicas, of_experts);
  Findings findings;
  check_workload(shared, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
}

/// An expert that more tokens choose: what is sent and got differs by rank, and adds up.
TEST(GenerateExperts, SizesOfPairsFollowTheSkew) {
  NetworkOptions o = experts(4, 4);
  o.expert_skew = 100;
  const Workload workload = generate_network("moe", o);
  ASSERT_EQ(workload.graphs.size(), 2u);
  EXPECT_EQ(workload.graph_of_rank, (std::vector<std::uint32_t>{0, 1, 1, 1}));
  std::vector<std::vector<Bytes>> there, back;
  for (const Graph& graph : workload.graphs) {
    for (const Op& op : graph.ops) {
      if (op.kind != OpKind::kAllToAll || op.phase != Phase::kForward) continue;
      const std::vector<Bytes> row(graph.pair_bytes.begin() + op.pairs_begin, graph.pair_bytes.begin() + op.pairs_end);
      (graph.op_name(op).find(".there.") != std::string::npos ? there : back).push_back(row);
    }
  }
  ASSERT_EQ(there.size(), 2u);
  EXPECT_EQ(there[0], there[1]);  // each sends the same
  EXPECT_GT(there[0][0], there[0][1]);
  EXPECT_EQ(back[0], std::vector<Bytes>(4, there[0][0]));  // and gets back what it sent
  EXPECT_EQ(back[1], std::vector<Bytes>(4, there[0][1]));
  Findings findings;
  check_workload(workload, findings);
  EXPECT_THAT(findings.lines(), testing::IsEmpty());
  EXPECT_THAT(format_json_trace(workload), testing::HasSubstr("\"pair_bytes\":["));
}

}  // namespace
}  // namespace dojo::workload
