// SPDX-License-Identifier: Apache-2.0
// Both JSON forms of a Chakra trace, zstd files, and dependencies of the call stack on request.
#include <zstd.h>

#include "trace_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char* const kFeeder = R"({"workload_graph":[
 {"Id":7,"Name":"work","NodeType":4,"ctrlDeps":[9],"data_deps":[],"runtime":5,"is_cpu_op":false,"num_ops":640,"tensor_size":64},
 {"Id":9,"Name":"sum","NodeType":7,"data_deps":[7],"runtime":1,"is_cpu_op":false,"comm_type":0,"comm_size":128},
 {"Id":10,"Name":"launch","NodeType":7,"data_deps":[9],"runtime":1,"is_cpu_op":true}],
 "workload_name":"w","ngpus":1,"soc":"s"}
)";

const char* const kProto = R"({
  "version": "0.0.4"
}
{
  "id": "7", "name": "work", "type": "COMP_NODE", "durationMicros": "5",
  "attr": [{"name": "is_cpu_op", "boolVal": false}, {"name": "num_ops", "int64Val": "640"}]
}
{
  "id": "9", "name": "sum", "type": "COMM_COLL_NODE", "dataDeps": ["7"],
  "attr": [{"name": "comm_type", "int64Val": "0"}, {"name": "comm_size", "uint64Val": "128"}]
}
)";

using ChakraJson = TraceFiles;

TEST_F(ChakraJson, TheFeedersForm) {
  const Graph graph = read_text(kFeeder).graphs[0];
  EXPECT_EQ(graph.format, "chakra-json");
  ASSERT_EQ(graph.ops.size(), 3u);
  EXPECT_EQ(graph.ops[0].flops, 640);
  EXPECT_EQ(graph.ops[0].bytes, 64);
  EXPECT_EQ(graph.ops[0].duration_ns, 5000);
  EXPECT_EQ(graph.ops[0].place, 2u);
  EXPECT_EQ(graph.ops[1].kind, OpKind::kAllReduce);
  EXPECT_EQ(graph.ops[1].bytes, 128);
  EXPECT_THAT(deps_of(graph, "launch"), ElementsAre("sum"));
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 communication nodes are launches")));
}

TEST_F(ChakraJson, MessagesAsProtobufWritesThem) {
  const Graph graph = read_text(kProto).graphs[0];
  ASSERT_EQ(graph.ops.size(), 2u);
  EXPECT_EQ(graph.ops[0].flops, 640);
  EXPECT_EQ(graph.ops[0].duration_ns, 5000);
  EXPECT_EQ(graph.ops[1].bytes, 128);
  EXPECT_THAT(deps_of(graph, "sum"), ElementsAre("work"));
  std::string empty_metadata = kProto;
  empty_metadata.replace(0, empty_metadata.find('}') + 1, "{}");
  EXPECT_EQ(read_text(empty_metadata).graphs[0].ops.size(), 2u);
}

TEST_F(ChakraJson, OneFileForEachRank) {
  file("j.0.json", kProto);
  file("j.1.json", kProto);
  EXPECT_EQ(read("j").ranks(), 2u);
  std::filesystem::remove(path("j.0.json"));
  EXPECT_THAT(errors_of("j"), Contains(HasSubstr("found no file of rank 0")));
}

TEST_F(ChakraJson, FaultsAreNamedWithTheirLine) {
  EXPECT_THAT(errors("{\"workload_graph\":[\n{\"Id\":-4,\"NodeType\":4}]}"),
              Contains(AllOf(HasSubstr("line 2"), HasSubstr("found -4"))));
  EXPECT_THAT(errors("{\"workload_graph\":[\n{\"Id\":1,\"NodeType\":4,\"data_deps\":[\"x\"]}]}"),
              Contains(HasSubstr("found 'x', expected the id of a node")));
  EXPECT_THAT(errors("{\"workload_graph\":[]}"), Contains(HasSubstr("found no node")));
  EXPECT_THAT(errors("{\"workload_graph\":[3]}"), Contains(HasSubstr("found 3, expected a node")));
  EXPECT_THAT(errors("{\"workload_graph\":[{\"Id\":1,\"NodeType\":7}]}"), Contains(HasSubstr("without comm_type")));
}

TEST_F(ChakraJson, CutsAndDamage) {
  expect_cuts_are_told(kFeeder, {}, std::string(kFeeder).size() - 1);
  expect_damage_is_survived(kFeeder, {});
  expect_damage_is_survived(kProto, {});
  const std::string proto = kProto;
  for (std::size_t size = 0; size < proto.size(); ++size) {
    file("t", proto.substr(0, size));
    try {
      EXPECT_LE(read("t").graphs[0].ops.size(), 2u);  // whole messages before the cut
    } catch (const Error& error) {
      EXPECT_FALSE(error.lines().empty());
    }
  }
}

TEST_F(ChakraJson, TheCallStackOrdersNodesOnlyOnRequest) {
  EXPECT_THAT(read_text(kFeeder).graphs[0].warnings, Contains(HasSubstr("1 control dependencies were ignored")));
  TraceOptions options;
  options.control_dependencies = true;
  EXPECT_THAT(errors(kFeeder, options),
              Contains(AllOf(HasSubstr("cycle of 2 operations"), HasSubstr("'work' (id 7)"))));
}

TEST_F(ChakraJson, ZstdFiles) {
  const std::string text = kProto;
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  file("z.0.json.zst", packed);
  EXPECT_EQ(read("z").graphs[0].ops.size(), 2u);
  EXPECT_EQ(read_text(packed + packed.substr(0, 0)).graphs[0].ops.size(), 2u);
  for (std::size_t size = 5; size < packed.size(); ++size)
    EXPECT_THAT(errors(packed.substr(0, size)), Contains(HasSubstr("zstd stream is"))) << size;
}

TEST_F(ChakraJson, RecordedCommunicationAndCopiesPassBesideTheCores) {
  const Graph graph = read_text(R"({"workload_graph":[
    {"Id":1,"Name":"gemm","NodeType":4,"data_deps":[],"runtime":100,"is_cpu_op":false,"stream":7},
    {"Id":2,"Name":"other","NodeType":4,"data_deps":[],"runtime":90,"is_cpu_op":false,"stream":8},
    {"Id":3,"Name":"sum","NodeType":7,"data_deps":[],"runtime":100,"is_cpu_op":false},
    {"Id":4,"Name":"copy","NodeType":2,"data_deps":[],"runtime":100,"is_cpu_op":false},
    {"Id":5,"Name":"send","NodeType":5,"data_deps":[],"runtime":100,"is_cpu_op":false,"comm_size":64}]})")
                          .graphs[0];
  EXPECT_EQ(find(graph, "gemm")->recorded_on, RecordedOn::kCores);
  EXPECT_EQ(find(graph, "other")->recorded_on, RecordedOn::kStream);
  EXPECT_EQ(find(graph, "sum")->recorded_on, RecordedOn::kNetwork);
  EXPECT_EQ(find(graph, "copy")->recorded_on, RecordedOn::kMemory);
  EXPECT_EQ(find(graph, "send")->recorded_on, RecordedOn::kNetwork);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 sends and receives do not name their peer")));
}

TEST_F(ChakraJson, OneFileOfAJobIsRefusedWithWhatToDo) {
  std::string eight = kFeeder;
  eight.replace(eight.find("\"ngpus\":1"), 9, "\"ngpus\":8");
  EXPECT_THAT(errors(eight),
              Contains(AllOf(HasSubstr("the file of one rank of a job of 8"), HasSubstr("workload.ranks=8"))));
  // Nothing in it says how many there are, but the files of the others lie beside it.
  file("job.00.json", kFeeder);
  file("job.01.json", kFeeder);
  EXPECT_THAT(errors_of("job.00.json"), Contains(AllOf(HasSubstr("their files lie beside it"),
                                                       HasSubstr("give the prefix '" + path("job") + "'"))));
  EXPECT_EQ(read("job").ranks(), 2u);
  // A message to another rank says it too.
  EXPECT_THAT(errors(R"({"workload_graph":[{"Id":1,"Name":"s","NodeType":5,"data_deps":[],"runtime":1,"comm_size":64,
                         "comm_dst":3,"comm_tag":1}]})"),
              Contains(HasSubstr("the file of one rank of a job of 4")));
  EXPECT_THAT(read_text(kFeeder).graphs[0].warnings, Contains(HasSubstr("have one rank only and move nothing")));
}

}  // namespace
}  // namespace dojo::workload
