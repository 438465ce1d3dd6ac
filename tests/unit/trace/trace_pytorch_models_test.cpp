// SPDX-License-Identifier: Apache-2.0
// PyTorch execution traces of whole models, in the shape in which the observer writes them: a block of GPT-2, DLRM, and
// what torch.compile makes of a layer. FLOP and bytes are worked out here from the models' sizes.
#include "pytorch_support.h"

namespace dojo::workload {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::string shape(const std::vector<long>& extents) {
  std::string text = "[";
  for (std::size_t i = 0; i < extents.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(extents[i]);
  return text + "]";
}

long elements(const std::vector<long>& extents) {
  long product = 1;
  for (const long extent : extents) product *= extent;
  return product;
}

struct Part {
  int storage;
  std::vector<long> extents;
  const char* type = "float";
};

class PyTorchModels : public PyTorchNodes {
 protected:
  static Arguments arguments(const std::vector<Part>& parts) {
    Arguments made;
    for (const Part& part : parts) {
      const std::string comma = made.values.empty() ? "" : ",";
      const std::string type = part.type;
      made.values += comma + tensor(part.storage, elements(part.extents), type == "long" ? 8 : type == "float" ? 4 : 2);
      made.shapes += comma + shape(part.extents);
      made.types += comma + "\"Tensor(" + type + ")\"";
    }
    return made;
  }
  /// `schema` names the parameters in their order.
  void op(int parent, const std::string& name, const std::vector<Part>& in, const std::vector<Part>& out,
          const std::string& parameters = "Tensor self", const std::string& attributes = "") {
    const std::string schema = parameters.empty() ? "" : name + "(" + parameters + ") -> Tensor";
    nodes_.push_back(node(++id_, parent, name, arguments(in), arguments(out), schema, attributes));
  }
  /// A node that only calls others.
  int caller(int parent, const std::string& name) {
    nodes_.push_back(node(++id_, parent, name, {}, {}));
    return id_;
  }
  void compiled(int parent, const std::string& name, const std::vector<Part>& in) {
    op(parent, name, in, {}, "", ",{\"name\":\"kernel_backend\",\"type\":\"string\",\"value\":\"triton\"}");
  }
  [[nodiscard]] Graph graph() const { return read_text(trace(nodes_)).graphs[0]; }
  static std::int64_t flops(const Graph& graph, Phase phase) {
    std::int64_t sum = 0;
    for (const Op& op : graph.ops) sum += op.phase == phase ? op.flops : 0;
    return sum;
  }
  std::vector<std::string> nodes_;
  int id_ = 2;
};

// Forward: products with 3 d^2 + d^2 + 4 d^2 + 4 d^2 weights, a head of d V, attention of 2 x 2 b h s^2 (d / h).
// Backward: each product twice; attention repeats its first product and makes four gradients, 5 x 2 b h s^2 (d / h).
TEST_F(PyTorchModels, ABlockOfGpt2) {
  constexpr long b = 2, s = 128, d = 768, h = 12, vocabulary = 50257, t = b * s;
  const auto product = [&](int parent, int a, int w, int c, long m, long k, long n) {
    op(parent, "aten::mm", {{a, {m, k}, "c10::BFloat16"}, {w, {k, n}, "c10::BFloat16"}}, {{c, {m, n}, "c10::BFloat16"}},
       "Tensor self, Tensor mat2");
  };
  const auto added = [&](int a, int w, int c, long k, long n) {  // Conv1D of the reference model
    op(2, "aten::addmm", {{99, {n}, "c10::BFloat16"}, {a, {t, k}, "c10::BFloat16"}, {w, {k, n}, "c10::BFloat16"}},
       {{c, {t, n}, "c10::BFloat16"}}, "Tensor self, Tensor mat1, Tensor mat2");
  };
  const std::vector<long> heads{b, h, s, d / h};
  op(2, "aten::embedding", {{100, {vocabulary, d}}, {101, {b, s}, "long"}}, {{1, {b, s, d}}},
     "Tensor weight, Tensor indices");
  op(2, "aten::native_layer_norm", {{1, {t, d}}}, {{2, {t, d}}}, "Tensor input");
  added(2, 102, 3, d, 3 * d);
  const int sdpa = caller(2, "aten::scaled_dot_product_attention");
  op(sdpa, "aten::_scaled_dot_product_flash_attention",
     {{3, heads, "c10::BFloat16"}, {3, heads, "c10::BFloat16"}, {3, heads, "c10::BFloat16"}},
     {{4, heads, "c10::BFloat16"}}, "Tensor query, Tensor key, Tensor value");
  const int above = id_;  // the kernel's own node stands below
  op(above, "aten::_flash_attention_forward",
     {{3, {b, s, h, d / h}, "c10::BFloat16"},
      {3, {b, s, h, d / h}, "c10::BFloat16"},
      {3, {b, s, h, d / h}, "c10::BFloat16"}},
     {{4, {b, s, h, d / h}, "c10::BFloat16"}}, "Tensor query, Tensor key, Tensor value");
  added(4, 103, 5, d, d);
  added(5, 104, 6, d, 4 * d);
  op(2, "aten::gelu", {{6, {t, 4 * d}}}, {{7, {t, 4 * d}}});
  added(7, 105, 8, 4 * d, d);
  product(2, 8, 100, 9, t, d, vocabulary);
  op(2, "aten::_log_softmax", {{9, {t, vocabulary}}}, {{10, {t, vocabulary}}});
  const int back = caller(2, "autograd::engine::evaluate_function: MmBackward0");
  product(back, 10, 100, 11, t, vocabulary, d);
  product(back, 8, 10, 12, d, t, vocabulary);
  const auto gradients = [&](int from, int w, int input, int to, long k, long n) {
    product(back, from, w, to, t, n, k);
    product(back, input, from, to + 50, k, t, n);
  };
  gradients(11, 105, 7, 13, 4 * d, d);
  op(back, "aten::gelu_backward", {{13, {t, 4 * d}}, {6, {t, 4 * d}}}, {{14, {t, 4 * d}}},
     "Tensor grad_output, Tensor self");
  gradients(14, 104, 5, 15, d, 4 * d);
  gradients(15, 103, 4, 16, d, d);
  op(back, "aten::_scaled_dot_product_flash_attention_backward",
     {{16, heads, "c10::BFloat16"},
      {3, heads, "c10::BFloat16"},
      {3, heads, "c10::BFloat16"},
      {3, heads, "c10::BFloat16"}},
     {{17, heads, "c10::BFloat16"}}, "Tensor grad_out, Tensor query, Tensor key, Tensor value");
  gradients(17, 102, 2, 18, d, 3 * d);
  const Graph read = graph();
  const std::int64_t products = 2 * t * (12 * d * d + d * vocabulary), square = 2 * b * s * s * d;
  EXPECT_EQ(flops(read, Phase::kForward), products + 2 * square);
  EXPECT_EQ(flops(read, Phase::kBackward), 2 * products + 5 * square);
  EXPECT_EQ(find(read, "aten::scaled_dot_product_attention"), nullptr);
  EXPECT_EQ(find(read, "aten::_scaled_dot_product_flash_attention"), nullptr) << "its kernel is counted";
  EXPECT_THAT(deps_of(read, "aten::_flash_attention_forward"), ElementsAre("aten::addmm"));
  EXPECT_THAT(deps_of(read, "aten::gelu_backward"), UnorderedElementsAre("aten::addmm", "aten::mm"));
}

// 2,048 samples, 26 tables of 64 columns, about 10 indices a bag; MLPs of 13-512-64 and of 415-512-1.
TEST_F(PyTorchModels, Dlrm) {
  constexpr long n = 2048, indices = 20480, width = 64, features = 27, pairs = features * (features - 1) / 2 + width;
  const auto layer = [&](int a, int w, int c, long k, long m) {
    op(caller(2, "aten::linear"), "aten::addmm", {{99, {m}}, {a, {n, k}}, {w, {k, m}}}, {{c, {n, m}}},
       "Tensor self, Tensor mat1, Tensor mat2");
  };
  layer(1, 100, 2, 13, 512);
  layer(2, 101, 3, 512, width);
  const int bag = caller(2, "aten::embedding_bag");
  op(bag, "aten::_embedding_bag", {{102, {1000000, width}}, {103, {indices}, "long"}, {104, {n}, "long"}},
     {{4, {n, width}}, {5, {indices}, "long"}}, "Tensor weight, Tensor indices, Tensor offsets");
  op(id_, "aten::empty", {}, {{4, {n, width}}}, "SymInt[] size");
  op(2, "aten::cat", {{3, {n, width}}, {4, {n, width}}}, {{6, {n, features, width}}}, "Tensor[] tensors");
  op(2, "aten::bmm", {{6, {n, features, width}}, {6, {n, width, features}}}, {{7, {n, features, features}}},
     "Tensor self, Tensor mat2");
  op(2, "aten::index", {{7, {n, features, features}}, {105, {pairs - width}, "long"}}, {{8, {n, pairs - width}}},
     "Tensor self, Tensor?[] indices");
  layer(8, 106, 9, pairs, 512);
  layer(9, 107, 10, 512, 1);
  const int back = caller(2, "autograd::engine::evaluate_function: EmbeddingBagBackward0");
  op(back, "aten::_embedding_bag_dense_backward", {{11, {n, width}}, {103, {indices}, "long"}},
     {{12, {1000000, width}}}, "Tensor grad, Tensor indices");
  const int dense = id_;
  op(dense, "aten::zero_", {{12, {1000000, width}}}, {{12, {1000000, width}}});
  const Graph read = graph();
  EXPECT_EQ(flops(read, Phase::kForward),
            2 * n * (13 * 512 + 512 * width + features * features * width + pairs * 512 + 512));
  EXPECT_EQ(find(read, "aten::_embedding_bag")->bytes, indices * width * 4 + n * width * 4 + indices * 8 + n * 8)
      << "a row for each index, a sum for each bag, and the numbers";
  ASSERT_NE(find(read, "aten::_embedding_bag_dense_backward"), nullptr) << "though it calls zero_";
  EXPECT_EQ(find(read, "aten::_embedding_bag_dense_backward")->bytes,
            2 * indices * width * 4 + n * width * 4 + indices * 8);
  EXPECT_NE(find(read, "aten::zero_"), nullptr);
  EXPECT_EQ(find(read, "aten::embedding_bag"), nullptr);
  EXPECT_THAT(deps_of(read, "aten::cat"), UnorderedElementsAre("aten::addmm", "aten::_embedding_bag"));
}

TEST_F(PyTorchModels, WhatTorchCompileMakesOfALayer) {
  const int region = caller(2, "Torch-Compiled Region: 0/0"), function = caller(region, "CompiledFunction");
  const int graph_call = caller(function, "## Call CompiledFxGraph fabc ##");
  compiled(graph_call, "triton_poi_fused_add_relu_0", {{1, {256, 512}}, {2, {256, 512}}});
  op(graph_call, "aten::mm", {{2, {256, 512}}, {3, {512, 128}}, {4, {256, 128}}}, {{4, {256, 128}}},
     "Tensor self, Tensor mat2, *, Tensor(a!) out");
  compiled(graph_call, "triton_per_fused_native_layer_norm_1", {{4, {256, 128}}, {5, {128}}, {6, {256, 128}}});
  compiled(graph_call, "triton_tem_fused_mm_2", {{6, {256, 128}}, {7, {128, 64}}, {8, {256, 64}}});
  const int back = caller(2, "autograd::engine::evaluate_function: CompiledFunctionBackward");
  compiled(caller(back, "CompiledFunctionBackward"), "triton_red_fused_sum_3", {{8, {256, 64}}, {9, {64}}});
  const Graph read = graph();
  ASSERT_EQ(read.ops.size(), 5u);
  const Op& relu = *find(read, "triton_poi_fused_add_relu_0");
  EXPECT_EQ(relu.kind, OpKind::kCompute);
  EXPECT_EQ(relu.bytes, 2 * 256 * 512 * 4);
  EXPECT_EQ(find(read, "aten::mm")->flops, 2 * 256 * 512 * 128);
  EXPECT_EQ(find(read, "triton_tem_fused_mm_2")->flops, 2 * 256 * 128 * 64) << "the product of a template";
  EXPECT_THAT(deps_of(read, "aten::mm"), ElementsAre("triton_poi_fused_add_relu_0"));
  EXPECT_THAT(deps_of(read, "triton_per_fused_native_layer_norm_1"), ElementsAre("aten::mm"));
  EXPECT_THAT(deps_of(read, "triton_tem_fused_mm_2"), ElementsAre("triton_per_fused_native_layer_norm_1"));
  EXPECT_THAT(deps_of(read, "triton_red_fused_sum_3"), ElementsAre("triton_tem_fused_mm_2"));
  EXPECT_EQ(find(read, "triton_red_fused_sum_3")->phase, Phase::kBackward);
  EXPECT_THAT(read.warnings, Contains(HasSubstr("4 compiled kernels do not say what they write")));
}

}  // namespace
}  // namespace dojo::workload
