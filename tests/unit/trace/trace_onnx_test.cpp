// SPDX-License-Identifier: Apache-2.0
// ONNX models made byte by byte: damage, open sizes, what operators become, the training step.
#include "onnx_support.h"

#include <array>
#include <cstdlib>

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// x [batch, 32] -> fc1 (64) -> relu -> fc2 (8)
std::string mlp(int batch) {
  return model(node("MatMul", {"x", "w1"}, "h") + node("Relu", {"h"}, "a") + node("MatMul", {"a", "w2"}, "y") +
               block(2, "g") + weight("w1", {32, 64}) + weight("w2", {64, 8}) +
               block(11, value_info("x", {batch, 32})) + block(12, value_info("y", {batch, 8})));
}

using Onnx = TraceFiles;

TEST_F(Onnx, FaultsAreNamed) {
  EXPECT_THAT(errors(mlp(4).substr(0, 90)), Contains(HasSubstr("no whole ONNX model")));
  EXPECT_THAT(errors(number(1, 7) + block(2, "t") + block(7, block(2, "g"))),
              Contains(HasSubstr("found no operator set")));
  EXPECT_THAT(errors(model(block(2, "g") + block(11, value_info("x", {1, 8})))),
              Contains(HasSubstr("no node that does work")));
  EXPECT_THAT(
      errors(model(block(1, block(1, "x") + block(4, "Relu")) + block(2, "g") + block(11, value_info("x", {1, 8})))),
      Contains(HasSubstr("number 1) '': found no output, expected one; export the model again")));
  EXPECT_THAT(
      errors(model(node("Relu", {"x"}, "y") + block(2, "g") + block(11, value_info("x", {4, 0})))),
      Contains(AllOf(HasSubstr("input 'x': found the size 'N' in dimension 1"), HasSubstr("give it in the model"))));
  EXPECT_THAT(errors(model(node("MatMul", {"x", "w"}, "y") + block(2, "g") + weight("w", {31, 8}) +
                           block(11, value_info("x", {4, 32})))),
              Contains(AnyOf(HasSubstr("shapes cannot be inferred"), HasSubstr("shape"))));
}

TEST_F(Onnx, AModelThatLibonnxCannotSurviveIsAnError) {
  // A convolution with padding in two dimensions of an input that has none.
  const std::string conv =
      node("Conv", {"x", "w"}, "y",
           block(5, block(1, "pads") + number(20, 7) + number(8, 64) + number(8, 64) + number(8, 64) + number(8, 64)));
  EXPECT_THAT(errors(model(conv + block(2, "g") + weight("w", {4, 3, 3, 3}) + block(11, value_info("x", {2, 3})))),
              Contains(HasSubstr("shapes cannot be inferred: libonnx broke off")));
}

TEST_F(Onnx, CutsAndDamage) {
  const std::string bytes = mlp(4);
  // tests/property/trace_cuts_test.cpp cuts a smaller model at every byte.
  for (std::size_t size = 1; size<bytes.size(); size += size> 400 ? 50 : 3) {
    file("t", bytes.substr(0, size));
    EXPECT_THROW((void)read("t"), Error) << size;
  }
  // Weights are most of the bytes and say nothing; what is around them is damaged, each byte in one of three ways.
  constexpr std::array<char, 3> kChanges{'\x00', '\x7f', '\xff'};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 400 && i + 200 < bytes.size()) continue;
    std::string damaged = bytes;
    damaged[i] = kChanges[i % kChanges.size()];
    file("t", damaged);
    try {
      (void)read("t");
    } catch (const Error& error) {
      EXPECT_FALSE(error.lines().empty());
    }
  }
}

TEST_F(Onnx, ATrainingStepOfTwoProducts) {
  TraceOptions options;
  options.ranks = 2;
  const Graph graph = read_text(mlp(4), options).graphs[0];
  EXPECT_EQ(find(graph, "h")->kind, OpKind::kMatMul);
  EXPECT_EQ(find(graph, "h")->flops, 2 * 4 * 64 * 32);
  std::int64_t flops = 0;
  for (const Op& op : graph.ops) flops += op.flops;
  EXPECT_EQ(flops, 2 * (2 * 4 * 64 * 32) + 3 * (2 * 4 * 8 * 64)) << "no gradient of the samples";
  EXPECT_THAT(deps_of(graph, "y"), ElementsAre("a"));
  EXPECT_THAT(deps_of(graph, "a.grad"), ElementsAre("y.input_grad"));
  EXPECT_EQ(find(graph, "bucket0.all_reduce")->bytes, 2 * (32 * 64 + 64 * 8));
  EXPECT_EQ(graph.batch, 4);
}

TEST_F(Onnx, TheBatchThatAModelLeavesOpen) {
  EXPECT_EQ(find(read_text(mlp(0)).graphs[0], "h")->mat.m, 1);
  TraceOptions options;
  options.batch = 16;
  EXPECT_EQ(find(read_text(mlp(0), options).graphs[0], "h")->mat.m, 16);
  EXPECT_EQ(find(read_text(mlp(4), options).graphs[0], "h")->mat.m, 16) << "a fixed one can be changed";
  options.forward_only = true;
  EXPECT_EQ(read_text(mlp(4), options).graphs[0].ops.size(), 4u);
}

TEST_F(Onnx, ConvolutionsPoolsSumsAndUnknownOperators) {
  const std::string conv = ints("kernel_shape", {3, 3}) + ints("pads", {1, 1, 1, 1});
  const std::string bytes =
      model(node("Conv", {"x", "w"}, "c", conv) + node("Conv", {"c", "v"}, "d", conv) + node("Add", {"c", "d"}, "s") +
            node("MaxPool", {"s"}, "p", ints("kernel_shape", {2, 2}) + ints("strides", {2, 2})) +
            node("Softplus", {"p"}, "q") + block(2, "g") + weight("w", {8, 3, 3, 3}) + weight("v", {8, 8, 3, 3}) +
            block(11, value_info("x", {2, 3, 16, 16})));
  const Graph graph = read_text(bytes).graphs[0];
  EXPECT_EQ(find(graph, "c")->kind, OpKind::kConv);
  EXPECT_EQ(find(graph, "c")->flops, 2 * 2 * 8 * 16 * 16 * 3 * 9);
  EXPECT_EQ(find(graph, "p")->kind, OpKind::kPool);
  EXPECT_EQ(find(graph, "p")->elements, 2 * 8 * 8 * 8);
  EXPECT_THAT(deps_of(graph, "s"), UnorderedElementsAre("c", "d"));
  // The sum sends its gradient to both; what comes back to c from s and from d is added.
  EXPECT_THAT(deps_of(graph, "c.grad_sum"), UnorderedElementsAre("p.grad", "d.input_grad"));
  EXPECT_THAT(deps_of(graph, "c.weight_grad"), ElementsAre("c.grad_sum"));
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 nodes of type Softplus are timed by their elements")));
}

TEST_F(Onnx, TheSampleHasTheFlopAndParametersOfResNet50) {
  const char* samples = std::getenv("DOJOSIM_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "set DOJOSIM_SAMPLES to a folder of sample traces to run this test";
  const Workload workload = read_trace(std::string(samples) + "/onnx/light_resnet50.onnx", {}, nullptr);
  std::int64_t flops = 0, parameters = 0;
  for (const Op& op : workload.graphs[0].ops) {
    flops += op.flops;
    if (op.kind == OpKind::kOptimizer) parameters += op.elements;
  }
  EXPECT_EQ(flops, 24299077632);
  EXPECT_EQ(parameters, 25557032);
}

}  // namespace
}  // namespace dojo::workload
