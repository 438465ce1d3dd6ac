// SPDX-License-Identifier: Apache-2.0
// Looking at ONNX nodes: attributes, and which operators are products of matrices and by which operands. Private.
#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dojo::workload::onnx_reader {

const onnx::AttributeProto* attribute(const onnx::NodeProto& node, const char* name);
std::vector<std::int64_t> integers(const onnx::NodeProto& node, const char* name, std::vector<std::int64_t> otherwise);
std::int64_t integer(const onnx::NodeProto& node, const char* name, std::int64_t otherwise);

/// A product of two operands by numpy's rules, plain, fused or quantised.
struct MatMulForm {
  int a = 0, b = 1;                                 ///< which inputs they are
  bool transposed_a = false, transposed_b = false;  ///< in their last two dimensions
  bool packed = false;                              ///< b is packed; its extents are the attributes K and N
};
bool matmul_form(const onnx::NodeProto& node, MatMulForm& form);
/// Of input, weight and bias; -1 = there is no such input.
struct ConvolutionForm {
  int x = 0, w = 1, bias = 2;
};
bool convolution_form(const onnx::NodeProto& node, ConvolutionForm& form);
/// Scaled dot products: ai.onnx from 23 on, and ONNX Runtime's operators.
bool is_attention(const onnx::NodeProto& node);
/// The result has the extents of the first operand.
bool keeps_shape(const onnx::NodeProto& node);

using Shape = std::vector<std::int64_t>;
/// The common shape of two operands, one filling up the other.
bool broadcast(const Shape& a, const Shape& b, Shape& out);
/// m, n, k and batch of a product by numpy's rules, and the shape of its result; false when the extents do not fit.
struct Product {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  Shape result;
};
bool numpy_product(const Shape& a, const Shape& b, const MatMulForm& form, Product& product);
/// "bij,bjk->bik" of two operands.
bool einsum_product(const std::string& equation, const Shape& a, const Shape& b, Product& product);

/// Local functions are replaced by their nodes; false when they call themselves, then `why` says which.
bool inline_functions(onnx::ModelProto& model, std::string& why);
/// Each node behind those that make its inputs; false when there is a cycle, then `why` names its nodes.
bool sort_nodes(onnx::GraphProto& graph, std::string& why);
/// Small whole numbers that lie in a file beside the model, which shapes may depend on. `missing` counts what is not
/// there.
void load_external_constants(onnx::GraphProto& graph, const std::string& model_path, std::size_t& missing);
/// Shapes of results that the library does not know an operator for; how many were added.
std::size_t add_own_shapes(onnx::GraphProto& graph);

}  // namespace dojo::workload::onnx_reader
