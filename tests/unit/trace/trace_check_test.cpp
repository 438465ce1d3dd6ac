// SPDX-License-Identifier: Apache-2.0
// The checks across ranks: what would hang becomes a sentence with rank, operation and file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "dojo/trace/trace.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Op collective(std::uint64_t id, Bytes bytes, OpKind kind = OpKind::kAllReduce) {
  Op op;
  op.id = id;
  op.kind = kind;
  op.bytes = bytes;
  return op;
}

Op message(std::uint64_t id, OpKind kind, std::int32_t peer, Bytes bytes, std::int32_t tag = 0) {
  Op op = collective(id, bytes, kind);
  op.peer = peer;
  op.tag = tag;
  return op;
}

Workload job(const std::vector<std::vector<Op>>& ranks) {
  Workload workload;
  Group all{"all", {}};
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    Graph graph;
    graph.file = "run." + std::to_string(i) + ".et";
    graph.format = "chakra-et";
    graph.ops = ranks[i];
    for (Op& op : graph.ops) op.name = graph.intern("op" + std::to_string(op.id));
    workload.graphs.push_back(graph);
    workload.graph_of_rank.push_back(static_cast<std::uint32_t>(i));
    all.ranks.push_back(static_cast<RankId>(i));
  }
  workload.group_classes = {{"all", {all}}};
  return workload;
}

std::vector<std::string> findings_of(const Workload& workload) {
  Findings findings;
  check_workload(workload, findings);
  return findings.lines();
}

TEST(CheckWorkload, ACollectiveThatOnlySomeRanksEnterIsNamed) {
  const auto lines = findings_of(
      job({{collective(1, 8), collective(2, 16)}, {collective(1, 8), collective(2, 16)}, {collective(1, 8)}}));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], AllOf(HasSubstr("rank 0"), HasSubstr("run.0.et"), HasSubstr("'op2'"),
                              HasSubstr("rank 2 (run.2.et) enters only 1")));
}

TEST(CheckWorkload, ARankThatEntersMoreIsNamed) {
  const auto lines = findings_of(job({{collective(1, 8)}, {collective(1, 8), collective(5, 8)}}));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], AllOf(HasSubstr("rank 1"), HasSubstr("'op5'"), HasSubstr("rank 0 (run.0.et) enters only 1")));
}

TEST(CheckWorkload, TypeSizeAndOrderMustAgree) {
  EXPECT_THAT(findings_of(job({{collective(1, 8)}, {collective(1, 9)}})),
              Contains(AllOf(HasSubstr("all_reduce of 9 bytes"), HasSubstr("expected all_reduce of 8 bytes"))));
  EXPECT_THAT(findings_of(job({{collective(1, 8)}, {collective(1, 8, OpKind::kAllGather)}})), SizeIs(1));
  EXPECT_THAT(findings_of(job({{collective(1, 8), collective(2, 4)}, {collective(2, 4), collective(1, 8)}})),
              SizeIs(1));
  EXPECT_THAT(findings_of(job({{collective(1, 8), collective(2, 4)}, {collective(7, 8), collective(8, 4)}})),
              IsEmpty());
}

TEST(CheckWorkload, GroupsAreComparedEachForItself) {
  Workload workload = job({{collective(1, 8)}, {collective(1, 8)}, {collective(1, 9)}, {collective(1, 9)}});
  for (Graph& graph : workload.graphs) graph.ops[0].group = 1;
  workload.group_classes.push_back({"pairs", {{"pairs[0]", {0, 1}}, {"pairs[1]", {2, 3}}}});
  EXPECT_THAT(findings_of(workload), IsEmpty());
  workload.group_classes[1].groups[1].ranks = {2};
  EXPECT_THAT(findings_of(workload),
              Contains(AllOf(HasSubstr("rank 3 (run.3.et"), HasSubstr("expected a group with rank 3"))));
  workload.group_classes[1].groups[1].ranks = {2, 1, 9};
  EXPECT_THAT(findings_of(workload), AllOf(Contains(HasSubstr("found rank 1 a second time")),
                                           Contains(HasSubstr("found rank 9, expected 0 to 3")), SizeIs(2)));
}

TEST(CheckWorkload, RootMustBeAPosition) {
  Workload workload = job({{collective(1, 8, OpKind::kBroadcast)}, {collective(1, 8, OpKind::kBroadcast)}});
  EXPECT_THAT(findings_of(workload), IsEmpty());
  for (Graph& graph : workload.graphs) graph.ops[0].root = 2;
  EXPECT_THAT(findings_of(workload), Contains(HasSubstr("found root 2")));
}

TEST(CheckWorkload, EverySendHasItsReceive) {
  const Op send = message(1, OpKind::kSend, 1, 8, 3), receive = message(2, OpKind::kRecv, 0, 8, 3);
  EXPECT_THAT(findings_of(job({{send}, {receive}})), IsEmpty());
  EXPECT_THAT(findings_of(job({{send, collective(9, 4)}, {collective(9, 4)}})),
              Contains(AllOf(HasSubstr("rank 0 (run.0.et"), HasSubstr("to rank 1 with tag 3 that nobody receives"))));
  EXPECT_THAT(findings_of(job({{collective(9, 4)}, {receive, collective(9, 4)}})),
              Contains(AllOf(HasSubstr("rank 1 (run.1.et"), HasSubstr("from rank 0 with tag 3 that nobody sends"))));
  EXPECT_THAT(findings_of(job({{send}, {message(2, OpKind::kRecv, 0, 9, 3)}})),
              Contains(HasSubstr("found a receive of 9 bytes, expected 8")));
  EXPECT_THAT(findings_of(job({{send}, {message(2, OpKind::kRecv, 0, 8, 4)}})), SizeIs(2));
  EXPECT_THAT(findings_of(job({{message(1, OpKind::kSend, 0, 8)}, {message(1, OpKind::kSend, 7, 8)}})),
              AllOf(Contains(HasSubstr("found peer 0")), Contains(HasSubstr("found peer 7"))));
}

TEST(CheckWorkload, ReceivingBeforeSendingOnBothRanksIsNotLookedFor) {
  // Each rank's own graph is acyclic; the run itself ends with "cannot finish".
  Workload workload = job({{message(1, OpKind::kRecv, 1, 8), message(2, OpKind::kSend, 1, 8)},
                           {message(1, OpKind::kRecv, 0, 8), message(2, OpKind::kSend, 0, 8)}});
  for (Graph& graph : workload.graphs) {
    graph.deps = {0};
    graph.ops[1].deps_end = 1;
  }
  EXPECT_THAT(findings_of(workload), IsEmpty());
}

TEST(CheckWorkload, BrokenReferencesAndAmountsAreReported) {
  Workload workload = job({{collective(1, -8), collective(2, 8)}});
  workload.graphs[0].ops[0].duration_ns = -1;
  EXPECT_THAT(findings_of(workload),
              AllOf(Contains(HasSubstr("found bytes -8")), Contains(HasSubstr("found duration_ns -1"))));
  workload = job({{collective(1, 8), collective(2, 8)}});
  for (Op& op : workload.graphs[0].ops) op.flops = std::int64_t{1} << 60;  // each is sane, all steps are not
  EXPECT_THAT(findings_of(workload), IsEmpty());
  workload.steps = 4;
  EXPECT_THAT(findings_of(workload), Contains(HasSubstr("found 9.22e+18 matrix FLOP over all ranks and steps")));
  workload = job({{collective(1, 8)}});
  workload.graphs[0].deps = {4};
  workload.graphs[0].ops[0].deps_end = 1;
  EXPECT_THAT(findings_of(workload), Contains(HasSubstr("operation index 4 of 1")));
  workload = job({{}});
  EXPECT_THAT(findings_of(workload), Contains(HasSubstr("found no operations")));
  EXPECT_THAT(findings_of(Workload{}), Contains(HasSubstr("found no ranks")));
}

}  // namespace
}  // namespace dojo::workload
