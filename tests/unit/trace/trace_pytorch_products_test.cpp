// SPDX-License-Identifier: Apache-2.0
// FLOP of ATen operators that multiply matrices, by their formulas; sizes and call trees that make no sense; kernel
// times of a Kineto trace of the same run.
#include <numeric>

#include "pytorch_support.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Shape = std::vector<long>;

class PyTorchProducts : public PyTorchNodes {
 protected:
  static std::string list(const Shape& shape) {
    std::string text = "[";
    for (const long extent : shape) text += (text.size() > 1 ? "," : "") + std::to_string(extent);
    return text + "]";
  }
  static long elements(const Shape& shape) {
    return std::accumulate(shape.begin(), shape.end(), 1L, [](long a, long b) { return a * b; });
  }
  /// Tensors, and behind them numbers as they stand.
  static Arguments arguments(const std::vector<Shape>& shapes, int first, const std::string& numbers = "") {
    Arguments made;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const char* comma = i == 0 ? "" : ",";
      made.values += comma + tensor(first + static_cast<int>(i), elements(shapes[i]), 2);
      made.shapes += comma + list(shapes[i]);
      made.types += std::string(comma) + "\"Tensor(c10::BFloat16)\"";
    }
    made.values += numbers.empty() ? "" : "," + numbers;
    return made;
  }
  [[nodiscard]] Graph graph_of(const std::string& name, const std::vector<Shape>& in, const std::vector<Shape>& out,
                               const std::string& schema = "", const std::string& numbers = "") const {
    return read_text(trace({node(1, 1, "root", {}, {}),
                            node(2, 1, name, arguments(in, 10, numbers), arguments(out, 90), schema)}))
        .graphs[0];
  }
  [[nodiscard]] std::int64_t flops(const std::string& name, const std::vector<Shape>& in, const Shape& out,
                                   const std::string& schema = "x(...) -> Tensor",
                                   const std::string& numbers = "") const {
    std::int64_t sum = 0;
    for (const Op& op : graph_of(name, in, {out}, schema, numbers).ops) sum += op.flops;
    return sum;
  }
};

TEST_F(PyTorchProducts, MatricesAndVectors) {
  const std::int64_t plain = 2LL * 6 * 5 * 4;
  EXPECT_EQ(flops("aten::mm", {{6, 4}, {4, 5}}, {6, 5}), plain);
  EXPECT_EQ(flops("aten::matmul", {{6, 4}, {4, 5}}, {6, 5}), plain);
  EXPECT_EQ(flops("aten::matmul", {{3, 6, 4}, {4, 5}}, {3, 6, 5}), 3 * plain);
  EXPECT_EQ(flops("aten::matmul", {{3, 1, 6, 4}, {2, 4, 5}}, {3, 2, 6, 5}), 6 * plain);
  EXPECT_EQ(flops("aten::addmm_", {{6, 5}, {6, 4}, {4, 5}}, {6, 5}), plain);
  EXPECT_EQ(flops("aten::baddbmm", {{3, 6, 5}, {3, 6, 4}, {3, 4, 5}}, {3, 6, 5}), 3 * plain);
  EXPECT_EQ(flops("aten::addbmm", {{6, 5}, {3, 6, 4}, {3, 4, 5}}, {6, 5}), 3 * plain) << "the batch is added up";
  EXPECT_EQ(flops("aten::mv", {{6, 4}, {4}}, {6}), 2 * 6 * 4);
  EXPECT_EQ(flops("aten::addmv_", {{6}, {6, 4}, {4}}, {6}), 2 * 6 * 4);
  EXPECT_EQ(flops("aten::dot", {{4}, {4}}, {}), 2 * 4);
  EXPECT_EQ(flops("aten::linear", {{3, 6, 4}, {5, 4}, {5}}, {3, 6, 5}), 3 * plain);
  EXPECT_EQ(flops("aten::bilinear", {{6, 4}, {6, 3}, {5, 4, 3}}, {6, 5}), 2 * 6 * 5 * 4 * 3);
}

TEST_F(PyTorchProducts, PackedSparseAndGrouped) {
  const std::int64_t plain = 2LL * 6 * 5 * 4;
  EXPECT_EQ(flops("aten::_weight_int8pack_mm", {{6, 4}, {5, 4}, {5}}, {6, 5}), plain);
  EXPECT_EQ(flops("aten::_weight_int4pack_mm", {{6, 4}, {1, 2, 8, 2}}, {6, 5}), plain);
  EXPECT_EQ(flops("aten::_cslt_sparse_mm", {{6, 3}, {4, 5}}, {6, 5}), plain) << "half of a is left out of the tensor";
  EXPECT_EQ(flops("aten::_grouped_mm", {{6, 4}, {3, 4, 5}}, {6, 5}), plain) << "each row meets one matrix";
  EXPECT_EQ(flops("quantized::linear", {{6, 4}}, {6, 5}), plain) << "the weight is no tensor of the trace";
  EXPECT_EQ(flops("fbgemm::f8f8bf16_gemm", {{6, 4}, {5, 4}}, {6, 5}), plain);
}

TEST_F(PyTorchProducts, AttentionAndWholeLayers) {
  const std::vector<Shape> heads_second{{2, 4, 16, 8}, {2, 4, 32, 8}, {2, 4, 32, 8}};
  EXPECT_EQ(flops("aten::_scaled_dot_product_fused_attention_overrideable", heads_second, {2, 4, 16, 8}),
            4LL * 2 * 4 * 16 * 32 * 8);
  const std::vector<Shape> heads_third{{2, 16, 4, 8}, {2, 32, 4, 8}, {2, 32, 4, 8}};
  EXPECT_EQ(flops("aten::_efficient_attention_forward", heads_third, {2, 16, 4, 8}), 4LL * 2 * 4 * 16 * 32 * 8);
  const std::vector<Shape> layer{{2, 16, 32}, {2, 16, 32}, {2, 16, 32}, {96, 32}, {96}, {32, 32}, {32}};
  EXPECT_EQ(flops("aten::_native_multi_head_attention", layer, {2, 16, 32}),
            2LL * 32 * 32 * (96 + 32) + 4LL * 2 * 16 * 16 * 32);
  EXPECT_EQ(flops("aten::_thnn_fused_lstm_cell", {{4, 32}, {4, 32}, {4, 8}}, {4, 8}), 0) << "its products come before";
}

TEST_F(PyTorchProducts, TransposedConvolutionsCostTheirProductsOnce) {
  // 8 images, 64 channels of 28 x 28 to 32 of 56 x 56, filter 2 x 2, stride 2: each input pixel meets each weight once.
  const std::int64_t once = 2LL * 8 * 28 * 28 * 64 * 32 * 2 * 2;
  const std::string numbers = "null,[2,2],[0,0],[1,1],true,[0,0],1";
  const std::string schema =
      "aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] "
      "dilation, bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor";
  for (const std::string& words : {schema, std::string("aten::convolution(...) -> Tensor"), std::string()}) {
    EXPECT_EQ(flops("aten::convolution", {{8, 64, 28, 28}, {64, 32, 2, 2}}, {8, 32, 56, 56}, words, numbers), once);
  }
  const Graph backward = graph_of("aten::convolution_backward", {{8, 32, 56, 56}, {8, 64, 28, 28}, {64, 32, 2, 2}},
                                  {{8, 64, 28, 28}, {64, 32, 2, 2}}, "", numbers + ",[true,true,false]");
  ASSERT_EQ(backward.ops.size(), 2u);
  EXPECT_EQ(backward.ops[0].flops, once);
  EXPECT_EQ(backward.ops[1].flops, once);
  EXPECT_EQ(flops("aten::cudnn_convolution_transpose", {{8, 64, 28, 28}, {64, 32, 2, 2}}, {8, 32, 56, 56}), once);
  // A plain convolution with as many channels on both sides is not taken for one.
  EXPECT_EQ(flops("aten::convolution", {{8, 64, 56, 56}, {64, 64, 3, 3}}, {8, 64, 56, 56}, "",
                  "null,[1,1],[1,1],[1,1],false,[0,0],1"),
            2LL * 8 * 64 * 56 * 56 * 64 * 9);
}

TEST_F(PyTorchProducts, UnknownOperatorsWithTheShapesOfAProductAreSaid) {
  const Graph graph = graph_of("mylib::fast_thing", {{6, 4}, {4, 5}}, {{6, 5}}, "mylib::fast_thing(...) -> Tensor");
  EXPECT_EQ(graph.ops[0].flops, 2 * 6 * 5 * 4);
  EXPECT_THAT(graph.warnings, Contains(HasSubstr("1 operators 'fast_thing' are not known")));
  const Graph same = graph_of("mylib::blend", {{6, 6}, {6, 6}}, {{6, 6}}, "mylib::blend(...) -> Tensor");
  EXPECT_EQ(same.ops[0].flops, 0) << "it may be elementwise";
  const Graph hidden =
      graph_of("quantized::conv2d", {{1, 4, 8, 8}}, {{1, 4, 8, 8}}, "quantized::conv2d(...) -> Tensor");
  EXPECT_THAT(hidden.warnings, Contains(HasSubstr("products whose operands the trace does not show")));
}

TEST_F(PyTorchProducts, AbsurdSizesAndCallsInACircleAreErrors) {
  const long side = 1L << 31;
  EXPECT_THAT(errors(trace({node(2, 1, "aten::mm", arguments({{side, side}, {side, side}}, 10),
                                 arguments({{side, side}}, 90))})),
              Contains(AllOf(HasSubstr("t:2:"), HasSubstr("found a tensor of 4611686018427387904 elements"))));
  EXPECT_THAT(errors(trace({node(2, 3, "aten::mm", arguments({{6, 4}, {4, 5}}, 10), arguments({{6, 5}}, 90)),
                            node(3, 2, "aten::mm", arguments({{6, 4}, {4, 5}}, 20), arguments({{6, 5}}, 91))})),
              Contains(HasSubstr("found itself among its own callers")));
}

TEST_F(PyTorchProducts, TheFileOfOneRankIsToldByItsRecords) {
  const Arguments record{tensor(4, 16) + ",31,[\"0\",\"default_pg\"],0,\"allreduce\",[],[],0,1,4", "[[16]]",
                         "\"Tensor(float)\""};
  const std::string text = trace({node(2, 1, "record_param_comms", record, {})}, "1.0.2-chakra.0.0.4");
  EXPECT_THAT(errors(text),
              Contains(AllOf(HasSubstr("the file of one rank of a job of 4"), HasSubstr("workload.ranks=4"))));
}

/// One operator of 20 us on the host and its kernel of 500 us.
std::string kineto(const std::string& name, const std::string& external, const std::string& more) {
  return "{\"traceEvents\":[{\"ph\":\"X\",\"cat\":\"cpu_op\",\"name\":\"" + name +
         "\",\"pid\":1,\"tid\":1,\"ts\":900,\"dur\":20,\"args\":{\"External id\":" + external + more +
         "}},{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"k\",\"pid\":0,\"tid\":7,\"ts\":1000,\"dur\":500,\"args\":{"
         "\"External id\":" +
         external + ",\"stream\":7}}]}";
}

TEST_F(PyTorchProducts, KernelTimesAreLinkedByTheRecordOrByNameAndOrderNeverByChance) {
  const std::string text = trace({node(2, 1, "aten::mm", arguments({{6, 4}, {4, 5}}, 10), arguments({{6, 5}}, 90))});
  TraceOptions options;
  options.kineto_file = path("kineto.json");
  const auto with = [&](const std::string& bytes) {
    file("kineto.json", bytes);
    return read_text(text, options).graphs[0].ops[0].duration_ns;
  };
  EXPECT_EQ(with(kineto("aten::mm", "77", ",\"Record function id\":2")), 500000);
  EXPECT_EQ(with(kineto("aten::mm", "77", "")), 500000) << "one of that name in both";
  for (const std::string& other :
       {kineto("aten::relu", "2", ""), kineto("aten::relu", "2", ",\"Record function id\":9"),
        kineto("aten::relu", "5", ",\"Record function id\":2")}) {
    file("kineto.json", other);
    EXPECT_THAT(errors(text, options),
                Contains(AllOf(HasSubstr("kineto.json: found 0.500 ms of kernels and none"), HasSubstr("same run"))));
  }
}

}  // namespace
}  // namespace dojo::workload
