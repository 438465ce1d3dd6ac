// SPDX-License-Identifier: Apache-2.0
// Layer-per-line texts: damage, every policy of line 1, groups of SimAI, and the reference conversion's graph.
#include "trace_support.h"

#include <cstdlib>

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class LayerText : public TraceFiles {
 protected:
  static TraceOptions ranks(RankId count) {
    TraceOptions options;
    options.ranks = count;
    return options;
  }
  /// Three layers a, b, c with the same collectives.
  static std::string layers(const std::string& first, const std::string& fwd, const std::string& ig,
                            const std::string& wg, const std::string& end = "") {
    std::string text = first + "\n3\n";
    for (const char* name : {"a", "b", "c"})
      text += std::string(name) + "\t-1\t10\t" + fwd + "\t64\t20\t" + ig + "\t64\t30\t" + wg + "\t128\t5" + end + "\n";
    return text;
  }
};

TEST_F(LayerText, EveryFaultIsNamedWithItsLineAndAllAtOnce) {
  EXPECT_THAT(errors("DATA\n"), Contains(AllOf(HasSubstr("t:2: layer count"), HasSubstr("no second line"))));
  EXPECT_THAT(errors("DATA\nfour\n"), Contains(AllOf(HasSubstr("t:2: layer count"), HasSubstr("'four'"))));
  EXPECT_THAT(errors("DATA\n2\na -1 1 NONE 0 1 NONE 0 1 NONE 0 1\n"),
              Contains(AllOf(HasSubstr("found 1 layers, expected 2"), HasSubstr("cut"))));
  EXPECT_THAT(errors("DATA\n2\na -1 x NONE 0 1 SUM 0 1 NONE 0 1\nb -1 1 NONE 0\n"),
              AllOf(SizeIs(3), Contains(AllOf(HasSubstr("t:3: 'a': column 3 (time): found 'x'"))),
                    Contains(AllOf(HasSubstr("column 7: found 'SUM', expected one of NONE, ALLREDUCE"))),
                    Contains(HasSubstr("t:4: 'b': found 5 columns, expected 12"))));
  EXPECT_THAT(errors("HYBRID_DLRM 9\n1\na -1 1 NONE 0 1 NONE 0 1 NONE 0 1\n"),
              Contains(HasSubstr("found 9 as the last layer of the bottom network, expected 0 to 0")));
  EXPECT_THAT(errors("HYBRID_CUSTOMIZED\n1\na -1 1 NONE 0 1 NONE 0 1 NONE 0 1 MODELL\n"),
              Contains(HasSubstr("column 13: found 'MODELL'")));
  EXPECT_THAT(errors("HYBRID_TRANSFORMER model_parallel_NPU_group: two\n1\na -1 1 NONE 0 1 NONE 0 1 NONE 0 1\n"),
              Contains(HasSubstr("t:1: model_parallel_NPU_group: found 'two'")));
  EXPECT_THAT(errors("DATA\n1\na -1 9223372036854775807 NONE 0 1 NONE 0 1 NONE 0 1\n"),
              Contains(HasSubstr("column 3")));
}

TEST_F(LayerText, CutsAndDamage) {
  const std::string text = layers("HYBRID_TRANSFORMER model_parallel_NPU_group: 2", "ALLREDUCE", "NONE", "ALLGATHER");
  expect_cuts_are_told(text, ranks(4), text.size() - 2);  // "5" and its line end
  expect_damage_is_survived(text, ranks(4));
}

TEST_F(LayerText, QuirksOfRealFilesAreTaken) {
  const Workload workload = read_text(
      "\xef\xbb\xbf"
      "DATA\t\t\t\r\n 2 \t\r\na\t-1 5  NONE 0 5\tNONE 0 5  ALLREDUCE 64 5\t\t\r\n\r\nb -1 5 NONE 0 5 NONE 0 5 "
      "ALLREDUCE 128 5",
      ranks(2));
  EXPECT_EQ(count(workload.graphs[0], OpKind::kAllReduce), 2u);
  EXPECT_EQ(find(workload.graphs[0], "b.weight_grad.all_reduce")->place, 5u);
  EXPECT_THAT(workload.graphs[0].warnings, Contains(HasSubstr("last line has no end")));
}

TEST_F(LayerText, RanksAreTakenFromTheDefaultAndThatIsSaid) {
  TraceOptions options;
  options.default_ranks = 25;
  const Workload workload = read_text(layers("DATA", "NONE", "NONE", "ALLREDUCE"), options);
  EXPECT_EQ(workload.ranks(), 25u);
  EXPECT_THAT(workload.graphs[0].warnings, Contains(HasSubstr("25 assumed; set workload.ranks")));
}

TEST_F(LayerText, AssumedRanksFitTheFirstLine) {
  TraceOptions options;
  options.default_ranks = 25;
  const std::string text = layers("HYBRID_TRANSFORMER model_parallel_NPU_group: 4", "ALLREDUCE", "NONE", "ALLREDUCE");
  EXPECT_EQ(read_text(text, options).ranks(), 24u);
  EXPECT_EQ(read_text(text).ranks(), 4u);
}

TEST_F(LayerText, DataParallelism) {
  const Graph graph = read_text(layers("DATA", "NONE", "NONE", "ALLREDUCE"), ranks(2)).graphs[0];
  EXPECT_THAT(deps_of(graph, "b.forward"), ElementsAre("a.forward"));
  EXPECT_THAT(deps_of(graph, "c.weight_grad"), ElementsAre("c.forward"));
  EXPECT_THAT(deps_of(graph, "c.input_grad"), ElementsAre("c.weight_grad"));
  EXPECT_THAT(deps_of(graph, "b.weight_grad"), ElementsAre("c.input_grad"));
  EXPECT_THAT(deps_of(graph, "b.weight_grad.all_reduce"), ElementsAre("b.weight_grad"));
  EXPECT_THAT(deps_of(graph, "b.update"), ElementsAre("b.weight_grad.all_reduce"));
  EXPECT_EQ(find(graph, "a.input_grad"), nullptr) << "nobody wants the gradient of the samples";
  EXPECT_EQ(find(graph, "c.weight_grad")->duration_ns, 30);
  TraceOptions us = ranks(2);
  us.cycle_ns = 1000;
  EXPECT_EQ(find(read_text(layers("DATA", "NONE", "NONE", "ALLREDUCE"), us).graphs[0], "c.update")->duration_ns, 5000);
}

TEST_F(LayerText, MicroIsOnlyItsCollectives) {
  const Graph graph = read_text(layers("MICRO", "NONE", "NONE", "ALLTOALL"), ranks(2)).graphs[0];
  EXPECT_EQ(graph.ops.size(), 3u);
  EXPECT_EQ(count(graph, OpKind::kAllToAll), 3u);
}

TEST_F(LayerText, InferenceHasNoBackwardPass) {
  const Graph graph = read_text(layers("DISTRIBUTED_INFERENCE", "ALLGATHER", "NONE", "NONE"), ranks(2)).graphs[0];
  EXPECT_EQ(graph.ops.size(), 6u);
  EXPECT_THAT(deps_of(graph, "b.forward"), ElementsAre("a.forward.all_gather"));
}

TEST_F(LayerText, CollectivesThatThePolicyGivesNoRanksAreCounted) {
  const Graph graph = read_text(layers("DATA", "ALLREDUCE", "NONE", "ALLREDUCE"), ranks(2)).graphs[0];
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("3 collectives that the policy gives no ranks were left out")));
  EXPECT_THAT(read_text(layers("DATA", "NONE", "NONE", "ALLREDUCE"), ranks(1)).graphs[0].warnings,
              Contains(HasSubstr("3 collectives over groups of one rank")));
}

TEST_F(LayerText, HybridPoliciesShareOutTheRanks) {
  const Workload tp =
      read_text(layers("HYBRID_TRANSFORMER model_parallel_NPU_group: 2", "ALLREDUCE", "NONE", "ALLREDUCE"), ranks(6));
  ASSERT_EQ(tp.group_classes.size(), 3u);
  EXPECT_EQ(tp.group_classes[1].name, "inner");
  EXPECT_THAT(tp.group_classes[1].groups[2].ranks, ElementsAre(4u, 5u));
  EXPECT_EQ(tp.group_classes[2].name, "outer");
  EXPECT_THAT(tp.group_classes[2].groups[1].ranks, ElementsAre(1u, 3u, 5u));
  EXPECT_EQ(find(tp.graphs[0], "a.forward.all_reduce")->group, 1u);
  EXPECT_EQ(find(tp.graphs[0], "a.weight_grad.all_reduce")->group, 2u);
  EXPECT_THAT(deps_of(tp.graphs[0], "c.weight_grad"), ElementsAre("c.input_grad")) << "input gradient first";

  const std::string data_model = layers("HYBRID_DATA_MODEL", "ALLREDUCE", "NONE", "ALLREDUCE");
  EXPECT_THAT(errors(data_model, ranks(4)), Contains(HasSubstr("workload.inner_ranks")));
  TraceOptions options = ranks(4);
  options.inner_ranks = 3;
  EXPECT_THAT(errors(data_model, options), Contains(HasSubstr("found 4 ranks, expected a multiple of 3")));
  options.inner_ranks = 2;
  EXPECT_THAT(read_text(data_model, options).group_classes[1].groups[0].ranks, ElementsAre(0u, 1u));
  const Workload model_data = read_text(layers("HYBRID_MODEL_DATA", "ALLREDUCE", "NONE", "ALLREDUCE"), options);
  EXPECT_EQ(model_data.group_classes[1].name, "outer") << "activations between the groups";
  EXPECT_THAT(model_data.group_classes[1].groups[0].ranks, ElementsAre(0u, 2u));
}

TEST_F(LayerText, DlrmWaitsForItsEmbeddingWhereTheTopBegins) {
  const std::string text =
      "HYBRID_DLRM 1\n4\nemb -1 3 ALLTOALL 98 3 ALLTOALL 98 3 NONE 0 9\nbot -1 1 NONE 0 1 NONE 0 1 ALLREDUCE 64 1\n"
      "top0 -1 1 NONE 0 1 NONE 0 1 ALLREDUCE 64 1\ntop1 -1 1 NONE 0 1 NONE 0 1 ALLREDUCE 64 1\n";
  const Graph graph = read_text(text, ranks(2)).graphs[0];
  EXPECT_THAT(deps_of(graph, "emb.forward.all_to_all"), ElementsAre("emb.forward"));
  EXPECT_THAT(deps_of(graph, "bot.forward"), UnorderedElementsAre("emb.forward", "emb.forward.all_to_all"));
  EXPECT_THAT(deps_of(graph, "emb.input_grad.all_to_all"), ElementsAre("top0.input_grad"));
  EXPECT_THAT(deps_of(graph, "emb.weight_grad"), UnorderedElementsAre("bot.input_grad", "emb.input_grad.all_to_all"));
}

TEST_F(LayerText, ForwardInBackwardStartsAtTheCheckpoint) {
  const Graph graph = read_text(layers("HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 checkpoints: 1 0 "
                                       "checkpoint_initiates: 1 1",
                                       "ALLREDUCE", "ALLREDUCE", "NONE"),
                                ranks(2))
                          .graphs[0];
  EXPECT_THAT(deps_of(graph, "a.forward_again"), UnorderedElementsAre("c.weight_grad", "c.input_grad.all_reduce"));
  EXPECT_THAT(deps_of(graph, "b.forward_again"), ElementsAre("a.forward_again.all_reduce"));
  EXPECT_THAT(deps_of(graph, "b.input_grad"), ElementsAre("b.forward_again.all_reduce"));
  EXPECT_EQ(find(graph, "c.forward_again"), nullptr);
}

TEST_F(LayerText, EachCustomizedLayerHasItsPolicy) {
  const Graph graph = read_text(
                          "HYBRID_CUSTOMIZED\n2\na -1 1 ALLREDUCE 64 1 NONE 0 1 ALLREDUCE 64 1 DATA\n"
                          "b -1 1 ALLREDUCE 64 1 NONE 0 1 ALLREDUCE 64 1 MODEL\n",
                          ranks(2))
                          .graphs[0];
  EXPECT_NE(find(graph, "a.weight_grad.all_reduce"), nullptr);
  EXPECT_EQ(find(graph, "a.forward.all_reduce"), nullptr);
  EXPECT_NE(find(graph, "b.forward.all_reduce"), nullptr);
  EXPECT_EQ(find(graph, "b.weight_grad.all_reduce"), nullptr);
}

TEST_F(LayerText, AllReduceAllToAllIsTwoCollectives) {
  const Graph graph = read_text(layers("MODEL", "ALLREDUCEALLTOALL", "NONE", "NONE"), ranks(2)).graphs[0];
  EXPECT_THAT(deps_of(graph, "a.forward.all_to_all"), ElementsAre("a.forward.all_reduce"));
}

// tp 8, ep 4, all 9,216, one stage: 1,152 data-parallel ranks, 288 for the experts' gradients.
TEST_F(LayerText, SimAiOfNineThousandRanks) {
  const std::string first =
      "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 ep: 4 pp: 1 vpp: 1 ga: 4 all_gpus: 9216 "
      "checkpoints: 0 "
      "checkpoint_initiates: 0";
  const Workload workload = read_text(layers(first, "ALLTOALL_EP", "ALLREDUCE", "ALLREDUCE_DP_EP"));
  ASSERT_EQ(workload.ranks(), 9216u);
  const auto groups_of = [&](const std::string& name) {
    for (const auto& entry : workload.group_classes) {
      if (entry.name == name) return entry.groups;
    }
    return std::vector<Group>{};
  };
  EXPECT_EQ(groups_of("expert").size(), 9216u / 4);
  EXPECT_THAT(groups_of("expert")[0].ranks, ElementsAre(0u, 8u, 16u, 24u));
  EXPECT_EQ(groups_of("data_expert")[0].ranks.size(), 288u);
  EXPECT_EQ(groups_of("data_expert")[0].ranks[1], 32u);
  EXPECT_EQ(groups_of("inner")[1].ranks.size(), 8u);
  EXPECT_THAT(errors(layers(first, "NONE", "NONE", "NONE"), ranks(128)),
              Contains(AllOf(HasSubstr("all_gpus: found 9216, expected 128"), HasSubstr("make the file again"))));
  EXPECT_THAT(
      errors(layers("HYBRID_TRANSFORMER model_parallel_NPU_group: 2 ep: 3 all_gpus: 8", "NONE", "NONE", "NONE")),
      Contains(HasSubstr("ep: found 3, expected a divisor of the 4 data-parallel ranks")));
}

TEST_F(LayerText, TheReferenceConversionOfTheSampleGivesTheSameGraph) {
  const char* samples = std::getenv("DOJOSIM_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "set DOJOSIM_SAMPLES to a folder of sample traces to run this test";
  const std::string folder = samples;
  TraceOptions options = ranks(2);
  options.cycle_ns = 1000;  // the conversion takes cycles for microseconds
  const Workload direct = read_trace(folder + "/astra-text/MLP_ModelParallel.txt", options, nullptr);
  const Workload converted = read_trace(folder + "/chakra-et/text-converted/MLP_ModelParallel", ranks(2), nullptr);
  const Graph &a = direct.graphs[0], &b = converted.graphs[0];
  ASSERT_EQ(a.ops.size(), b.ops.size());
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    EXPECT_EQ(a.ops[i].kind, b.ops[i].kind) << i;
    EXPECT_EQ(a.ops[i].bytes, b.ops[i].bytes) << i;
    EXPECT_EQ(a.ops[i].duration_ns, b.ops[i].duration_ns) << i;
    const auto deps = [i](const Graph& g) {
      return std::vector<std::uint32_t>(g.deps.begin() + g.ops[i].deps_begin, g.deps.begin() + g.ops[i].deps_end);
    };
    EXPECT_EQ(deps(a), deps(b)) << i;
  }
}

}  // namespace
}  // namespace dojo::workload
