// SPDX-License-Identifier: Apache-2.0
// ONNX operators: products by numpy's rules in every dress, operators that the library does not know, functions, order.
#include "onnx_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class OnnxOperators : public TraceFiles {
 protected:
  [[nodiscard]] Graph graph_of(const std::string& graph) const {
    TraceOptions options;
    options.forward_only = true;
    return read_text(model(graph + block(2, "g")), options).graphs[0];
  }
  [[nodiscard]] std::int64_t flops(const std::string& graph) const {
    std::int64_t sum = 0;
    for (const Op& op : graph_of(graph).ops) sum += op.flops;
    return sum;
  }
  static std::string input(const std::string& name, const std::vector<int>& shape) {
    return block(11, value_info(name, shape));
  }
  static std::string output(const std::string& name, const std::vector<int>& shape) {
    return block(12, value_info(name, shape));
  }
};

TEST_F(OnnxOperators, ProductsFollowNumpysRules) {
  const auto product = [&](const std::vector<int>& a, const std::vector<int>& b) {
    return flops(node("MatMul", {"x", "w"}, "y") + input("x", a) + input("w", b));
  };
  EXPECT_EQ(product({8, 64}, {64, 32}), 2 * 8 * 64 * 32);
  EXPECT_EQ(product({4, 2, 3}, {3}), 2 * 8 * 3);
  EXPECT_EQ(product({3}, {4, 3, 5}), 2 * 4 * 3 * 5);
  EXPECT_EQ(product({3}, {3}), 2 * 3);
  EXPECT_EQ(product({7, 1, 2, 3}, {4, 3, 5}), 2 * 28 * 2 * 3 * 5);
  EXPECT_EQ(product({7, 2, 3}, {1, 3, 5}), 2 * 7 * 2 * 3 * 5);
}

TEST_F(OnnxOperators, ADeclaredResultOfAnotherRankIsNoObstacle) {
  EXPECT_EQ(flops(node("MatMul", {"x", "w"}, "y") + input("x", {4, 2, 3}) + weight("w", {3}) + output("y", {0, 0, 0})),
            2 * 8 * 3);
}

TEST_F(OnnxOperators, FusedAndQuantisedProducts) {
  EXPECT_EQ(
      flops(node_of("com.microsoft", "FusedMatMul", {"x", "w"}, "h", attribute("transA", 1)) +
            node("MatMul", {"h", "v"}, "y") + input("x", {64, 8}) + weight("w", {64, 32}) + weight("v", {32, 16})),
      2 * 8 * 64 * 32 + 2 * 8 * 32 * 16);
  EXPECT_EQ(
      flops(node_of("com.microsoft", "MatMulNBits", {"x", "packed"}, "h", attribute("K", 64) + attribute("N", 32)) +
            node("Relu", {"h"}, "y") + input("x", {2, 4, 64}) + weight("packed", {32, 4, 8})),
      2 * 8 * 64 * 32);
  EXPECT_EQ(flops(node("QLinearConv", {"x", "s", "z", "w", "s", "z", "s", "z"}, "y") + input("x", {1, 8, 16, 16}) +
                  weight("w", {4, 8, 3, 3}) + weight("s", {1}) + weight("z", {1}) + output("y", {1, 4, 14, 14})),
            2 * 4 * 14 * 14 * 8 * 9);
  EXPECT_EQ(flops(node("ConvInteger", {"x", "w"}, "y") + input("x", {1, 8, 16, 16}) + weight("w", {4, 8, 3, 3}) +
                  output("y", {1, 4, 14, 14})),
            2 * 4 * 14 * 14 * 8 * 9);
}

TEST_F(OnnxOperators, Einsum) {
  const auto einsum = [&](const std::string& equation, const std::vector<int>& a, const std::vector<int>& b,
                          const std::vector<int>& y) {
    return flops(node("Einsum", {"x", "w"}, "y", text_attribute("equation", equation)) + input("x", a) + input("w", b) +
                 output("y", y));
  };
  EXPECT_EQ(einsum("bij,bjk->bik", {4, 32, 64}, {4, 64, 16}, {4, 32, 16}), 2 * 4 * 32 * 64 * 16);
  EXPECT_EQ(einsum("bhid, bhjd -> bhij", {2, 3, 5, 8}, {2, 3, 7, 8}, {2, 3, 5, 7}), 2 * 6 * 5 * 7 * 8);
  EXPECT_EQ(einsum("ij,jk", {5, 6}, {6, 7}, {5, 7}), 2 * 5 * 6 * 7);
  EXPECT_EQ(einsum("...ij,jk->...ik", {4, 5, 6}, {6, 7}, {4, 5, 7}), 2 * 4 * 5 * 6 * 7);
  EXPECT_EQ(einsum("ij,ij->ij", {5, 6}, {5, 6}, {5, 6}), 0) << "elementwise";
}

TEST_F(OnnxOperators, AttentionOfGroupedQueries) {
  const std::string graph = node_of("com.microsoft", "GroupQueryAttention", {"q", "k", "v"}, "y",
                                    attribute("num_heads", 4) + attribute("kv_num_heads", 2)) +
                            input("q", {2, 16, 32}) + input("k", {2, 24, 16}) + input("v", {2, 24, 16});
  EXPECT_EQ(flops(graph), 4 * 2 * 16 * 24 * 32);
  const Graph training = read_text(model(node("MatMul", {"x", "w"}, "q") + graph + weight("w", {8, 32}) +
                                         block(2, "g") + input("x", {2, 16, 8})))
                             .graphs[0];
  EXPECT_EQ(find(training, "y.grad")->flops, 4 * 2 * 16 * 24 * 32 / 2 * 5) << "the first product again, four gradients";
}

TEST_F(OnnxOperators, OperatorsYoungerThanTheLibraryKeepTheShape) {
  const Graph graph = graph_of(node("RMSNormalization", {"x", "s"}, "h") + node("MatMul", {"h", "w"}, "y") +
                               input("x", {8, 64}) + weight("s", {64}) + weight("w", {64, 32}));
  EXPECT_EQ(find(graph, "h")->elements, 8 * 64);
  EXPECT_EQ(find(graph, "y")->flops, 2 * 8 * 64 * 32);
}

TEST_F(OnnxOperators, UnknownOperatorsAreNamed) {
  EXPECT_THAT(
      errors(model(node_of("my.domain", "Mystery", {"x"}, "h") + node("Relu", {"h"}, "y") + block(2, "g") +
                   input("x", {8, 64}))),
      AllOf(testing::SizeIs(1), Contains(AllOf(HasSubstr("the operator Mystery of my.domain, which is not known"),
                                               Not(HasSubstr("give sizes"))))));
  const Graph known =
      graph_of(node_of("my.domain", "Mystery", {"x"}, "y") + input("x", {8, 64}) + output("y", {8, 64}));
  EXPECT_THAT(known.warnings, Contains(HasSubstr("1 nodes of the operator Mystery are not known here")));
  const Graph product = graph_of(node_of("my.domain", "Mystery", {"x", "w"}, "y") + input("x", {8, 64}) +
                                 weight("w", {64, 32}) + output("y", {8, 32}));
  EXPECT_EQ(find(product, "y")->flops, 2 * 8 * 64 * 32);
  EXPECT_THAT(product.warnings, Contains(HasSubstr("have the shapes of a matrix product")));
  EXPECT_THAT(
      errors(model(node("MatMul", {"x", "w"}, "y") + block(2, "g") + input("x", {8, 64}) + weight("w", {63, 32}))),
      Contains(HasSubstr("found operands of [8 x 64], [63 x 32]")));
}

TEST_F(OnnxOperators, LocalFunctionsAreReplacedByTheirNodes) {
  const std::string inner = node("MatMul", {"a", "b"}, "c");  // field 7 of a function, too
  const std::string function = block(1, "MyLinear") + block(4, "a") + block(4, "b") + block(5, "c") +
                               block(7, inner.substr(2)) + block(9, number(2, 13)) + block(10, "local");
  const std::string bytes =
      model(node_of("local", "MyLinear", {"x", "w"}, "h") + node_of("local", "MyLinear", {"h", "v"}, "y") +
            block(2, "g") + input("x", {8, 64}) + weight("w", {64, 32}) + weight("v", {32, 16})) +
      block(8, block(1, "local") + number(2, 1)) + block(25, function);
  TraceOptions options;
  options.forward_only = true;
  const Graph graph = read_text(bytes, options).graphs[0];
  EXPECT_EQ(count(graph, OpKind::kMatMul), 2u);
  EXPECT_EQ(find(graph, "h/c")->flops, 2 * 8 * 64 * 32);
  EXPECT_EQ(find(graph, "y/c")->flops, 2 * 8 * 32 * 16);
}

TEST_F(OnnxOperators, NodesOutOfOrderAreSortedAndCyclesAreErrors) {
  EXPECT_EQ(
      flops(node("MatMul", {"h", "w"}, "y") + node("Relu", {"x"}, "h") + input("x", {8, 64}) + weight("w", {64, 32})),
      2 * 8 * 64 * 32);
  EXPECT_THAT(
      errors(model(node("Add", {"x", "b"}, "a") + node("Relu", {"a"}, "b") + block(2, "g") + input("x", {8, 64}))),
      Contains(AllOf(HasSubstr("wait for each other in a cycle"), HasSubstr("'a' (Add), 'b' (Relu)"))));
}

TEST_F(OnnxOperators, AShapeInAFileBesideTheModel) {
  const std::string external = block(5, number(1, 2) + number(2, 7) + block(8, "shape") +
                                            block(13, block(1, "location") + block(2, "shapes.bin")) + number(14, 1));
  const std::string graph = node("Reshape", {"x", "shape"}, "h") + node("MatMul", {"h", "w"}, "y") + external +
                            input("x", {2, 4, 64}) + weight("w", {64, 32});
  EXPECT_EQ(flops(graph), 2 * 8 * 64 * 32) << "without the file, the number of elements is enough";
  std::string data(16, '\0');
  data[0] = 8;
  data[8] = 64;
  file("shapes.bin", data);
  EXPECT_EQ(flops(graph), 2 * 8 * 64 * 32);
  EXPECT_THAT(graph_of(graph).warnings, Not(Contains(HasSubstr("not beside the model"))));
}

TEST_F(OnnxOperators, ProductsInBodiesOfControlFlowAreSaid) {
  const std::string body = block(1, node("MatMul", {"x", "w"}, "t").substr(2)) + block(12, value_info("t", {8, 64}));
  const auto branch = [&](const char* name) { return block(5, block(1, name) + block(6, body) + number(20, 5)); };
  const Graph graph = graph_of(node("If", {"c"}, "y", branch("then_branch") + branch("else_branch")) + input("c", {1}) +
                               input("x", {8, 64}) + weight("w", {64, 64}) + output("y", {8, 64}));
  EXPECT_THAT(graph.warnings,
              Contains(HasSubstr("2 products and convolutions in the bodies of If nodes are not simulated")));
}

}  // namespace
}  // namespace dojo::workload
