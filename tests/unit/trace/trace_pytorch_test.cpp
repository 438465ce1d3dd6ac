// SPDX-License-Identifier: Apache-2.0
// PyTorch execution traces: damage, both layouts of a node, work by shapes, data flow by storages, collectives.
#include "pytorch_support.h"

#include <cstdlib>

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class PyTorchEt : public PyTorchNodes {
 protected:
  std::string mm(int id, int parent, int a, int b, int c) const {
    return node(id, parent, "aten::mm",
                {tensor(a, 512) + "," + tensor(b, 2048), "[16,32],[32,64]", "\"Tensor(float)\",\"Tensor(float)\""},
                {tensor(c, 1024), "[16,64]", "\"Tensor(float)\""}, "aten::mm(Tensor self, Tensor mat2) -> Tensor");
  }
  std::string relu(int id, int parent, int from, int to) const {
    return node(id, parent, "aten::relu", {tensor(from, 1024), "[16,64]", "\"Tensor(float)\""},
                {tensor(to, 1024), "[16,64]", "\"Tensor(float)\""}, "aten::relu(Tensor self) -> Tensor");
  }
  std::string collective(int id, const std::string& name, const std::string& attributes) const {
    return node(id, 2, "record_param_comms",
                {"[" + tensor(3, 1024) + "],7,[\"0\",\"default_pg\"],1,\"" + name + "\",[],[],0,1,2",
                 "[[1024]],[],[[],[]],[],[],[],[],[],[],[]", "\"GenericList[Tensor(float)]\""},
                {"[" + tensor(3, 1024) + "]", "[[1024]]", "\"GenericList[Tensor(float)]\""}, "", attributes);
  }
  static TraceOptions two() {
    TraceOptions options;
    options.ranks = 2;
    options.replicate = true;
    return options;
  }
};

TEST_F(PyTorchEt, FaultsAreNamedWithTheirLine) {
  EXPECT_THAT(errors(trace({"7"})), Contains(AllOf(HasSubstr("t:2"), HasSubstr("found 7, expected a node"))));
  EXPECT_THAT(errors(trace({"{\"name\":\"x\"}"})), Contains(HasSubstr("found nothing as id of a node")));
  EXPECT_THAT(errors(trace({mm(5, 2, 1, 2, 3), mm(5, 2, 1, 2, 3)})),
              Contains(HasSubstr("found this id a second time")));
  EXPECT_THAT(errors(trace({})), Contains(HasSubstr("found no node")));
  EXPECT_THAT(errors(trace({node(5, 2, "aten::view", {}, {})})), Contains(HasSubstr("no work among them")));
}

TEST_F(PyTorchEt, AListInAListIsNoTrace) {
  EXPECT_FALSE(errors("{\"nodes\":[[[1],[2]]]}").empty());
  EXPECT_FALSE(errors("[[{\"ph\":\"X\"}]]").empty());
}

TEST_F(PyTorchEt, CutsAndDamage) {
  const std::string text = trace({mm(5, 2, 1, 2, 3), relu(6, 2, 3, 4)});
  expect_cuts_are_told(text, {}, text.size() - 1);
  expect_damage_is_survived(trace({mm(5, 2, 1, 2, 3)}), {});
}

TEST_F(PyTorchEt, OnlyTheDeepestWorkCountsAndStoragesCarryTheData) {
  // Nodes are written when they end: children before parents.
  const Graph graph =
      read_text(
          trace({mm(8, 7, 1, 2, 3), node(9, 7, "aten::view", {tensor(3, 1024), "[16,64]", "\"Tensor(float)\""}, {}),
                 node(7, 2, "aten::matmul", {tensor(1, 512) + "," + tensor(2, 2048), "[16,32],[32,64]", ""},
                      {tensor(3, 1024), "[16,64]", ""}),
                 relu(10, 2, 3, 4), mm(12, 2, 5, 2, 6)}))
          .graphs[0];
  ASSERT_EQ(graph.ops.size(), 3u);
  EXPECT_EQ(graph.ops[0].kind, OpKind::kMatMul);
  EXPECT_EQ(graph.ops[0].flops, 2 * 16 * 64 * 32);
  EXPECT_EQ(graph.ops[0].dtype, DType::kFp32);
  EXPECT_EQ(graph.ops[0].id, 8u);
  EXPECT_EQ(graph.ops[0].place, 2u);
  EXPECT_EQ(graph.ops[1].kind, OpKind::kElementwise);
  EXPECT_EQ(graph.ops[1].elements, 1024);
  EXPECT_THAT(deps_of(graph, "aten::relu"), ElementsAre("aten::mm"));
  EXPECT_EQ(graph.ops[2].deps_begin, graph.ops[2].deps_end) << "it reads what nobody wrote";
  EXPECT_EQ(graph.ops[0].phase, Phase::kForward);
}

TEST_F(PyTorchEt, AnAllocationForgetsWhatLayThere) {
  const std::string empty = node(9, 2, "aten::empty", {}, {tensor(3, 1024), "[16,64]", "\"Tensor(float)\""});
  const Graph graph = read_text(trace({mm(8, 2, 1, 2, 3), empty, mm(10, 2, 5, 2, 3)})).graphs[0];
  EXPECT_EQ(graph.ops[1].deps_begin, graph.ops[1].deps_end);
  const Graph again = read_text(trace({mm(8, 2, 1, 2, 3), mm(10, 2, 5, 2, 3)})).graphs[0];
  EXPECT_EQ(again.ops[1].deps_end - again.ops[1].deps_begin, 1u) << "what is replaced must have been written";
}

TEST_F(PyTorchEt, PartsOfAStorageAreApart) {
  const auto copy = [&](int id, int from, long offset) {
    return node(id, 2, "aten::copy_",
                {tensor(9, 100, 4, "cuda:0", offset) + "," + tensor(from, 100), "[100],[100]",
                 "\"Tensor(float)\",\"Tensor(float)\""},
                {tensor(9, 100, 4, "cuda:0", offset), "[100]", "\"Tensor(float)\""});
  };
  const Graph graph = read_text(trace({copy(5, 1, 0), copy(6, 2, 100), relu(7, 2, 9, 4)})).graphs[0];
  EXPECT_EQ(graph.ops[1].deps_begin, graph.ops[1].deps_end);
  EXPECT_EQ(graph.ops[2].deps_end - graph.ops[2].deps_begin, 2u) << "the reader of the whole waits for both parts";
}

TEST_F(PyTorchEt, TheFlatLayoutOfTheFirstSchema) {
  const std::string flat =
      "{\"name\":\"aten::addmm\",\"id\":14,\"rf_id\":5,\"parent\":2,\"fw_parent\":0,\"op_schema\":\"aten::addmm(Tensor "
      "self, "
      "Tensor mat1, Tensor mat2)\",\"inputs\":[" +
      tensor(7, 64) + "," + tensor(3, 512) + "," + tensor(6, 2048) +
      ",1,1],\"input_shapes\":[[64],[16,32],[32,64],[],[]],\"input_types\":[\"Tensor(float)\",\"Tensor(float)\","
      "\"Tensor(float)\","
      "\"Int\",\"Int\"],\"outputs\":[" +
      tensor(8, 1024) + "],\"output_shapes\":[[16,64]],\"output_types\":[\"Tensor(float)\"]}";
  EXPECT_EQ(read_text(trace({flat}, "1.0.1")).graphs[0].ops[0].flops, 2 * 16 * 64 * 32);
}

TEST_F(PyTorchEt, ConvolutionsOfEveryShape) {
  const std::string schema =
      "aten::cudnn_convolution(Tensor self, Tensor weight, SymInt[] padding, SymInt[] stride, SymInt[] dilation, "
      "SymInt "
      "groups, bool benchmark, bool deterministic, bool allow_tf32) -> Tensor";
  const auto conv = [&](const std::string& numbers, const std::string& shapes, const std::string& y) {
    return read_text(trace({node(5, 2, "aten::cudnn_convolution",
                                 {tensor(1, 6144) + "," + tensor(2, 864) + "," + numbers, shapes,
                                  "\"Tensor(float)\",\"Tensor(float)\""},
                                 {tensor(3, 2048), y, "\"Tensor(float)\""}, schema)}))
        .graphs[0]
        .ops[0];
  };
  const Op plain = conv("[1,1],[2,2],[1,1],1,false,false,true", "[2,12,16,16],[8,12,3,3]", "[2,8,8,8]");
  EXPECT_EQ(plain.kind, OpKind::kConv);
  EXPECT_EQ(plain.conv.pad, 1);
  EXPECT_EQ(plain.conv.stride, 2);
  EXPECT_EQ(plain.flops, 2 * 2 * 8 * 8 * 8 * 12 * 9);
  const Op grouped = conv("[1,1],[2,2],[1,1],4,false,false,true", "[2,12,16,16],[8,3,3,3]", "[2,8,8,8]");
  EXPECT_EQ(grouped.kind, OpKind::kMatMul) << "the same work as a product";
  EXPECT_EQ(grouped.flops, 2 * 2 * 8 * 8 * 8 * 3 * 9);
  EXPECT_EQ(grouped.mat.batch, 4);
  const Op uneven = conv("[0,1],[1,2],[1,1],1,false,false,true", "[2,12,16,16],[8,12,1,3]", "[2,8,16,8]");
  EXPECT_EQ(uneven.flops, 2 * 2 * 8 * 16 * 8 * 12 * 3);
}

TEST_F(PyTorchEt, BackwardConvolutionsAreTwoProductsUnlessMasked) {
  const std::string schema =
      "aten::convolution_backward(Tensor grad_output, Tensor input, Tensor weight, SymInt[]? bias_sizes, SymInt[] "
      "stride, "
      "SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups, bool[3] "
      "output_mask) -> "
      "(Tensor, Tensor, Tensor)";
  const auto backward = [&](const std::string& mask) {
    return read_text(trace({node(
                         5, 2, "aten::convolution_backward",
                         {tensor(1, 1024) + "," + tensor(2, 6144) + "," + tensor(3, 864) +
                              ",[0],[2,2],[1,1],[1,1],false,[0,0],1," + mask,
                          "[2,8,8,8],[2,12,16,16],[8,12,3,3]", "\"Tensor(float)\",\"Tensor(float)\",\"Tensor(float)\""},
                         {tensor(4, 6144) + "," + tensor(6, 864), "[2,12,16,16],[8,12,3,3]", ""}, schema)}))
        .graphs[0];
  };
  const Graph both = backward("[true,true,false]");
  ASSERT_EQ(both.ops.size(), 2u);
  EXPECT_EQ(both.ops[0].kind, OpKind::kConvInputGrad);
  EXPECT_EQ(both.ops[1].kind, OpKind::kConvWeightGrad);
  EXPECT_EQ(both.ops[0].flops, both.ops[1].flops);
  EXPECT_NE(both.ops[0].id, both.ops[1].id);
  EXPECT_EQ(backward("[false,true,false]").ops.size(), 1u);
}

// GPT-2: attention of 12 heads, 64 wide, 128 tokens. Four products of 2 x 12 x 128 x 128 x 64 FLOP are two forward.
TEST_F(PyTorchEt, AttentionLookupsAndCompiledKernels) {
  const Graph graph =
      read_text(
          trace({node(5, 2, "aten::_scaled_dot_product_flash_attention",
                      {tensor(1, 98304) + "," + tensor(2, 98304) + "," + tensor(3, 98304),
                       "[1,12,128,64],[1,12,128,64],[1,12,128,64]", ""},
                      {tensor(4, 98304), "[1,12,128,64]", ""},
                      "aten::_scaled_dot_product_flash_attention(Tensor query, Tensor key, Tensor value) -> Tensor"),
                 node(6, 2, "aten::embedding",
                      {tensor(7, 38597376) + "," + tensor(8, 128, 8), "[50257,768],[1,128]",
                       "\"Tensor(float)\",\"Tensor(long)\""},
                      {tensor(9, 98304), "[1,128,768]", "\"Tensor(float)\""},
                      "aten::embedding(Tensor weight, Tensor indices) -> Tensor"),
                 node(10, 2, "triton_poi_fused_add_0", {tensor(9, 98304), "[1,128,768]", ""},
                      {tensor(11, 98304), "[1,128,768]", ""}, "",
                      ",{\"name\":\"kernel_backend\",\"type\":\"string\",\"value\":\"triton\"}")}))
          .graphs[0];
  ASSERT_EQ(graph.ops.size(), 3u);
  EXPECT_EQ(graph.ops[0].flops, std::int64_t{4} * 12 * 128 * 128 * 64);
  EXPECT_EQ(graph.ops[1].bytes, 2 * 98304 * 4 + 128 * 8) << "rows that are touched, not the table";
  EXPECT_EQ(graph.ops[2].kind, OpKind::kElementwise);
}

TEST_F(PyTorchEt, HostOperatorsAreLeftOutOfADeviceRun) {
  const std::string host = node(5, 2, "aten::add", {tensor(1, 8, 4, "cpu"), "[8]", ""},
                                {tensor(2, 8, 4, "cpu"), "[8]", ""}, "aten::add(Tensor self) -> Tensor");
  EXPECT_THAT(read_text(trace({host, mm(6, 2, 1, 2, 3)})).graphs[0].warnings,
              Contains(HasSubstr("1 operators on the host CPU")));
  EXPECT_EQ(read_text(trace({host})).graphs[0].ops.size(), 1u) << "a run on a CPU: its operators are the work";
}

TEST_F(PyTorchEt, CollectivesByAttributesOrByPosition) {
  const std::string attributes =
      ",{\"name\":\"collective_name\",\"value\":\"allreduce\"},{\"name\":\"dtype\",\"value\":\"BFloat16\"},{\"name\":"
      "\"in_msg_nelems\","
      "\"value\":1000},{\"name\":\"pg_name\",\"value\":\"0\"}";
  const std::string init =
      node(3, 2, "## process_group:init ##",
           {R"("[{\"pg_name\": \"0\", \"ranks\": [], \"group_size\": 2}]")", "[]", "\"String\""}, {});
  const Graph by_name = read_text(trace({init, collective(5, "allreduce", attributes)}), two()).graphs[0];
  EXPECT_EQ(by_name.ops[0].kind, OpKind::kAllReduce);
  EXPECT_EQ(by_name.ops[0].bytes, 2000);
  const Graph by_place = read_text(trace({init, collective(5, "broadcast", "")}), two()).graphs[0];
  EXPECT_EQ(by_place.ops[0].kind, OpKind::kBroadcast);
  EXPECT_EQ(by_place.ops[0].bytes, 4096);
  EXPECT_EQ(by_place.ops[0].root, 1) << "the number before the name";
  EXPECT_THAT(errors(trace({init, collective(5, "allreduce", attributes)})),
              Contains(AllOf(HasSubstr("one rank of a job of 2"), HasSubstr("workload.replicate=true"))));
  const Graph waits = read_text(trace({collective(5, "wait", ""), mm(6, 2, 1, 2, 3)})).graphs[0];
  EXPECT_EQ(waits.ops.size(), 1u);
  EXPECT_THAT(waits.warnings, Contains(HasSubstr("1 communication records only wait")));
}

TEST_F(PyTorchEt, SendsAndReceivesBetweenTwoFiles) {
  const std::string init =
      node(3, 2, "## process_group:init ##",
           {R"("[{\"pg_name\": \"9\", \"ranks\": [1, 0], \"group_size\": 2}]")", "[]", "\"String\""}, {});
  const auto message = [&](const std::string& name, int peer) {
    return node(5, 2, "record_param_comms",
                {"[" + tensor(3, 64) + "],7,[\"9\",\"\"]," + std::to_string(peer) + ",\"" + name + "\",[],[]",
                 "[[64]],[],[],[],[],[],[]", "\"GenericList[Tensor(float)]\""},
                {"[" + tensor(3, 64) + "]", "[[64]]", "\"GenericList[Tensor(float)]\""}, "",
                ",{\"name\":\"pg_name\",\"value\":\"9\"}");
  };
  // Peers are positions in the communicator: 0 is rank 1 here.
  file("p_0.json", trace({init, message("send", 0)}));
  file("p_1.json", trace({init, message("recv", 1)}));
  const Workload workload = read("p");
  EXPECT_EQ(workload.graphs[0].ops[0].peer, 1);
  EXPECT_EQ(workload.graphs[1].ops[0].peer, 0);
}

TEST_F(PyTorchEt, DurationsOfAKinetoTraceOfTheSameRun) {
  file("k.json",
       "{\"traceEvents\":[{\"ph\":\"X\",\"cat\":\"cpu_op\",\"name\":\"aten::mm\",\"ts\":1.0,\"dur\":9.0,\"args\":{"
       "\"External "
       "id\":77,\"Record function "
       "id\":5}},{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"gemm\",\"ts\":3.0,\"dur\":2.5,\"args\":{\"External "
       "id\":77,\"stream\":7}},{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"other\",\"ts\":6.0,\"dur\":1.0,\"args\":{"
       "\"External id\":99,"
       "\"stream\":7}}]}");
  TraceOptions options;
  options.kineto_file = path("k.json");
  const Graph graph = read_text(trace({mm(5, 2, 1, 2, 3)}), options).graphs[0];
  EXPECT_EQ(graph.ops[0].duration_ns, 2500);
  EXPECT_EQ(graph.ops[0].flops, 2 * 16 * 64 * 32);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("0.003 ms of kernels")));
}

TEST_F(PyTorchEt, TheSamplesResNetHasTheFlopOfThreeSteps) {
  const char* samples = std::getenv("DOJOSIM_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "set DOJOSIM_SAMPLES to a folder of sample traces to run this test";
  const Workload workload = read_trace(std::string(samples) + "/pytorch-et/resnet_1gpu_1.1.1_et.json.gz", {}, nullptr);
  std::int64_t flops = 0;
  for (const Op& op : workload.graphs[0].ops) flops += op.flops;
  // A training step of ResNet-50 v1.5 is 24,299,077,632 FLOP an image; 32 images, three steps.
  EXPECT_EQ(flops, std::int64_t{24299077632} * 32 * 3);
}

TEST_F(PyTorchEt, AStepOfTheSamplesResNetIsATrainingStep) {
  const char* samples = std::getenv("DOJOSIM_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "set DOJOSIM_SAMPLES to a folder of sample traces to run this test";
  for (const std::int64_t step : {6, 7, 8}) {
    TraceOptions options;
    options.profiler_step = step;
    const Workload workload =
        read_trace(std::string(samples) + "/pytorch-et/resnet_1gpu_1.1.1_et.json.gz", options, nullptr);
    std::int64_t flops = 0;
    for (const Op& op : workload.graphs[0].ops) flops += op.flops;
    EXPECT_EQ(flops, std::int64_t{24299077632} * 32) << step;
  }
}

TEST_F(PyTorchEt, AStepHasTheNodesUpToTheNextStep) {
  const std::vector<std::string> nodes{node(3, 2, "ProfilerStep#0", {"", "", "\"String\""}, {}), mm(4, 3, 1, 2, 3),
                                       node(5, 2, "ProfilerStep#1", {"", "", "\"String\""}, {}), mm(6, 5, 4, 5, 6),
                                       mm(7, 2, 6, 5, 8)};
  TraceOptions options;
  EXPECT_THAT(read_text(trace(nodes)).graphs[0].warnings, Contains(HasSubstr("the trace holds 2 profiler steps")));
  options.profiler_step = 0;
  const Graph first = read_text(trace(nodes), options).graphs[0];
  EXPECT_EQ(first.ops.size(), 1U);
  EXPECT_THAT(first.warnings, Contains(HasSubstr("of 2 profiler steps only ProfilerStep#0 is read")));
  options.profiler_step = 1;
  EXPECT_EQ(read_text(trace(nodes), options).graphs[0].ops.size(), 2U) << "those of other threads too";
  options.profiler_step = 2;
  EXPECT_THAT(errors(trace(nodes), options),
              Contains(HasSubstr("found the profiler's steps 0, 1, expected 2 among them")));
}

}  // namespace
}  // namespace dojo::workload
