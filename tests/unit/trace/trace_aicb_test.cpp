// SPDX-License-Identifier: Apache-2.0
// AICB lists: damage, groups from their sizes, what a row becomes.
#include "trace_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

using Aicb = TraceFiles;

const std::string kHeader = "comm_type,comm_group,comm_group_size,msg_size,stage,dst,src,additional,_elapsed_time\n";
const std::string kRows =
    "CommType.all_reduce,CommGroup.tp_group,2,1024,forward.attention,,,,\n"
    "CommType.computation,,,\"((4096, 1, 4096), (2, 3))\",forward.mlp,,,,12.5\n"
    "CommType.all_gather,CommGroup.dp_group,4,4096,backward.weights,,,,\n"
    "CommType.isend,CommGroup.pp_group,,64,forward.send,2,,,\n"
    "CommType.barrier,CommGroup.all,,0,step,,,,\n";

TEST_F(Aicb, EveryFaultIsNamedWithItsRow) {
  EXPECT_THAT(
      errors(kHeader + "CommType.all_reduced,CommGroup.tp_group,2,64,forward,,,,\n" +
             "CommType.all_reduce,CommGroup.tp_group,2,big,forward,,,,\n" +
             "CommType.all_reduce,CommGroup.tp_group,2,,forward,,,,\n"),
      AllOf(SizeIs(3), Contains(HasSubstr("t:2: comm_type: found 'all_reduced'")),
            Contains(HasSubstr("t:3: msg_size: found 'big'")), Contains(HasSubstr("t:4: msg_size: found nothing"))));
  EXPECT_THAT(errors(kHeader), Contains(HasSubstr("found no row behind the header")));
  EXPECT_THAT(errors(kHeader + "CommType.all_reduce,CommGroup.tp_group,2,64,f,,,,\n" +
                     "CommType.all_reduce,CommGroup.tp_group,4,64,f,,,,\n"),
              Contains(HasSubstr("t:3: comm_group_size: found 4 for tp_group, expected 2")));
  TraceOptions options;
  options.ranks = 6;
  EXPECT_THAT(errors(kHeader + kRows, options), Contains(HasSubstr("expected them to make up the 6 ranks")));
}

TEST_F(Aicb, CutsAndDamage) {
  expect_cuts_are_told(kHeader + kRows, {}, kHeader.size());
  expect_damage_is_survived(kHeader + kRows, {});
}

TEST_F(Aicb, GroupsComeFromTheirSizesAndRowsFollowEachOther) {
  const Workload workload = read_text(kHeader + kRows);
  EXPECT_EQ(workload.ranks(), 8u);  // tensor 2 x data 4
  const Graph& graph = workload.graphs[0];
  ASSERT_EQ(graph.ops.size(), 5u);
  EXPECT_EQ(graph.ops[0].kind, OpKind::kAllReduce);
  EXPECT_EQ(graph.ops[0].bytes, 1024);
  EXPECT_EQ(graph.ops[0].phase, Phase::kForward);
  EXPECT_EQ(workload.group_classes[graph.ops[0].group].name, "tensor");
  EXPECT_EQ(graph.ops[1].duration_ns, 12500000) << "12.5 ms";
  EXPECT_EQ(graph.ops[2].bytes, 4096 / 4) << "what each rank brings";
  EXPECT_THAT(workload.group_classes[graph.ops[2].group].groups[1].ranks, ElementsAre(1u, 3u, 5u, 7u));
  EXPECT_EQ(graph.ops[3].kind, OpKind::kNone);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 pipeline sends and receives")));
  EXPECT_EQ(graph.ops[4].kind, OpKind::kBarrier);
  EXPECT_EQ(graph.ops[4].group, 0u);
  for (std::size_t i = 1; i < graph.ops.size(); ++i) EXPECT_EQ(graph.deps[graph.ops[i].deps_begin], i - 1);
}

TEST_F(Aicb, ATimeBeyondWhatCanBeHeldIsAFindingAndNeverNothing) {
  const auto row = [](const std::string& ms) { return kHeader + "CommType.computation,,,0,forward,,,," + ms + "\n"; };
  EXPECT_EQ(read_text(row("1.1e9")).graphs[0].ops[0].duration_ns, 1'100'000'000'000'000) << "13 days";
  for (const char* ms : {"1.2e9", "1e12", "1e300", "inf"})
    EXPECT_THAT(errors(row(ms)), Contains(AllOf(HasSubstr("t:2: _elapsed_time: found " + std::string(ms)),
                                                HasSubstr("expected at most 1125899907 ms"))));
}

TEST_F(Aicb, TimesAreMillisecondsWhateverACycleIs) {
  TraceOptions options;
  options.cycle_ns = 1000;
  const Graph graph =
      read_text(kHeader + "CommType.computation,,,0,forward,,,,2.5\n" + "CommType.computation,,,0,forward,,,,1e-7\n" +
                    "CommType.all_reduce,CommGroup.dp_group,4,64,backward,,,,0.157\n",
                options)
          .graphs[0];
  EXPECT_EQ(graph.ops[0].duration_ns, 2500000);
  EXPECT_EQ(graph.ops[1].duration_ns, 1) << "never nothing";
  EXPECT_EQ(graph.ops[2].duration_ns, 0) << "what another network took says nothing about this one";
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("measured on another machine, in milliseconds")));
}

TEST_F(Aicb, ComputationsWithoutATimeAreTheProductOfTheirShapes) {
  const Graph graph = read_text(kHeader + "CommType.computation,,,\"((64, 2, 32), (32, 16))\",forward,,,,None\n" +
                                "CommType.computation,,,\"((64, 32), (16, 32))\",forward,,,,\n" +
                                "CommType.computation,,,0,forward,,,,\n")
                          .graphs[0];
  EXPECT_EQ(graph.ops[0].kind, OpKind::kMatMul);
  EXPECT_EQ(graph.ops[0].flops, 2 * 128 * 32 * 16);
  EXPECT_EQ(graph.ops[1].flops, 2 * 64 * 32 * 16);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 computations have neither a time nor the shapes of a product")));
}

TEST_F(Aicb, LinesAboveTheHeaderAndStagesOfAPipeline) {
  const std::string row = "CommType.all_reduce,CommGroup.dp_group,4,1024,train,,,,\n";
  const Workload one = read_text("[rank0 ~ rank3]\n" + kHeader + row);
  EXPECT_EQ(one.ranks(), 4u);
  EXPECT_THAT(one.graphs[0].warnings, Contains(HasSubstr("line 1: [rank0 ~ rank3]")));
  EXPECT_EQ(read_text("# made by a tool\n[rank0 ~ rank7]\n" + kHeader + row).ranks(), 8u) << "tensor 2, not said";
  EXPECT_EQ(read_text("[ pp_stage0: [rank0, rank1, rank2, rank3] ]\n" + kHeader + row +
                      "CommType.isend,CommGroup.pp_group,2,64,train,1,,,\n")
                .ranks(),
            8u)
      << "four in this stage, two stages";
  const Workload stages = read_text("[ pp_stage0: [rank0, rank1, rank2, rank3] ]\n" + kHeader + row +
                                    "[ pp_stage1: [rank4, rank5, rank6, rank7] ]\n" + kHeader + row + row);
  EXPECT_EQ(stages.ranks(), 8u);
  ASSERT_EQ(stages.graphs.size(), 2u);
  EXPECT_EQ(stages.graphs[1].ops.size(), 2u);
  EXPECT_THAT(stages.graph_of_rank, ElementsAre(0u, 0u, 0u, 0u, 1u, 1u, 1u, 1u));
}

TEST_F(Aicb, TabsAndLineEndsOfOtherSystems) {
  std::string text = "\xef\xbb\xbf" + kHeader + "CommType.all_reduce,CommGroup.tp_group,2,1024,forward,,,,\n";
  std::string tabs;
  for (const char c : text) tabs += c == ',' ? std::string("\t") : c == '\n' ? std::string("\r\n") : std::string(1, c);
  TraceOptions options;
  options.ranks = 2;
  EXPECT_EQ(count(read_text(tabs, options).graphs[0], OpKind::kAllReduce), 1u);
}

}  // namespace
}  // namespace dojo::workload
