// SPDX-License-Identifier: Apache-2.0
// What each ONNX operator computes.
#include "trace/onnx/onnx_layers.h"

#include <fmt/format.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "trace/json_trace.h"
#include "trace/layers/convolution.h"
#include "trace/onnx/onnx_nodes.h"
#include "trace/rank_trace.h"

namespace dojo::workload::onnx_reader {
namespace {

using layers::ForwardLayer;

/// Of the first values in `shape`, saturating.
std::int64_t product(const std::vector<std::int64_t>& shape, std::size_t first, std::size_t end) {
  std::int64_t result = 1;
  for (std::size_t i = first; i < end; ++i) {
    if (shape[i] < 1 || __builtin_mul_overflow(result, shape[i], &result) || result > kLargestAmount)
      return kLargestAmount;
  }
  return result;
}

template <std::size_t N>
bool is_one_of(std::string_view type, const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), type) != words.end();
}

/// The registry gives the newest version of an operator up to this one.
constexpr int kNewestOperators = 1000;

struct VectorType {
  const char* type;
  std::int64_t flops;
};
/// Per element, counted from the formulas; a known type that is not listed does one operation.
constexpr std::array kVectorTypes{VectorType{"Softmax", 5},
                                  VectorType{"LogSoftmax", 5},
                                  VectorType{"LRN", 8},
                                  VectorType{"LayerNormalization", 8},
                                  VectorType{"InstanceNormalization", 8},
                                  VectorType{"GroupNormalization", 8},
                                  VectorType{"RMSNormalization", 6},
                                  VectorType{"SimplifiedLayerNormalization", 6},
                                  VectorType{"SkipLayerNormalization", 9},
                                  VectorType{"SkipSimplifiedLayerNormalization", 7},
                                  VectorType{"RotaryEmbedding", 3},
                                  VectorType{"FastGelu", 8},
                                  VectorType{"BiasGelu", 9},
                                  VectorType{"QuickGelu", 5},
                                  VectorType{"Swish", 5},
                                  VectorType{"Mish", 9},
                                  VectorType{"QuantizeLinear", 2},
                                  VectorType{"DequantizeLinear", 2},
                                  VectorType{"DynamicQuantizeLinear", 3},
                                  VectorType{"Gelu", 8},
                                  VectorType{"Erf", 8},
                                  VectorType{"Tanh", 4},
                                  VectorType{"Sigmoid", 4},
                                  VectorType{"HardSwish", 4},
                                  VectorType{"HardSigmoid", 3},
                                  VectorType{"Exp", 4},
                                  VectorType{"Log", 4},
                                  VectorType{"Sqrt", 4},
                                  VectorType{"Pow", 4},
                                  VectorType{"Relu", 1},
                                  VectorType{"LeakyRelu", 2},
                                  VectorType{"PRelu", 2},
                                  VectorType{"Elu", 4},
                                  VectorType{"Clip", 2},
                                  VectorType{"Add", 1},
                                  VectorType{"Sum", 1},
                                  VectorType{"Sub", 1},
                                  VectorType{"Mul", 1},
                                  VectorType{"Div", 1},
                                  VectorType{"Neg", 1},
                                  VectorType{"Abs", 1},
                                  VectorType{"Max", 1},
                                  VectorType{"Min", 1},
                                  VectorType{"Where", 1},
                                  VectorType{"ReduceMean", 1},
                                  VectorType{"ReduceSum", 1},
                                  VectorType{"ReduceMax", 1},
                                  VectorType{"Concat", 0},
                                  VectorType{"Split", 0},
                                  VectorType{"Slice", 0},
                                  VectorType{"Transpose", 0},
                                  VectorType{"Pad", 0},
                                  VectorType{"Expand", 0},
                                  VectorType{"Tile", 0},
                                  VectorType{"Resize", 0},
                                  VectorType{"Upsample", 0},
                                  VectorType{"Cast", 0}};

}  // namespace

std::int64_t Value::elements() const {
  return known ? product(shape, 0, shape.size()) : count;
}

const Value& LayerMaker::input(const onnx::NodeProto& node, int index) const {
  static const Value absent{};
  if (index >= node.input_size()) return absent;
  const auto found = values_.find(node.input(index));
  return found == values_.end() ? absent : found->second;
}

const Value& LayerMaker::output(const onnx::NodeProto& node) const {
  static const Value absent{};
  if (node.output_size() == 0) return absent;
  const auto found = values_.find(node.output(0));
  return found == values_.end() ? absent : found->second;
}

bool LayerMaker::is_known(const onnx::NodeProto& node) {
  return onnx::OpSchemaRegistry::Schema(node.op_type(), kNewestOperators, node.domain()) != nullptr;
}

bool LayerMaker::make(const onnx::NodeProto& node, ForwardLayer& layer, std::string& why) {
  const std::string& type = node.op_type();
  if (!output(node).known && node.output_size() > 0) {
    const std::int64_t count = count_of(node);
    if (count == 0) {
      why = why_unknown(node);
      return false;
    }
    values_[node.output(0)].count = count;
  }
  const Value& made = output(node);
  layer.name = node.name().empty() ? fmt::format("{}_{}", type, node.output(0)) : node.name();
  layer.output_elements = made.elements();
  for (const std::string& name : node.input()) {
    const auto found = values_.find(name);
    if (found != values_.end() && found->second.number != kNone) layer.inputs.push_back(found->second.number);
  }
  layer.op.kind = OpKind::kNone;
  bool good = true;
  MatMulForm product_of;
  ConvolutionForm convolution_of;
  static constexpr std::array kShapeOnly{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"};
  if (convolution_form(node, convolution_of)) {
    good = convolution(node, layer);
  } else if (matmul_form(node, product_of)) {
    good = matmul(node, layer);
  } else if (type == "Einsum") {
    good = einsum(node, layer);
  } else if (is_attention(node)) {
    good = attention(node, layer);
  } else if (type == "LSTM" || type == "GRU" || type == "RNN") {
    good = recurrent(node, layer, type == "LSTM" ? 4 : type == "GRU" ? 3 : 1);
  } else if (type == "BatchNormalization") {
    batch_norm(node, layer);
  } else if (type == "MaxPool" || type == "AveragePool" || type == "GlobalAveragePool" || type == "GlobalMaxPool") {
    pool(node, layer);
  } else if (!is_one_of(type, kShapeOnly) && !unknown_product(node, layer)) {
    vector_work(node, layer);
    look_into_bodies(node);
  }
  if (!good) why = "found shapes that do not belong together, expected those of its operator; correct the model";
  return good;
}

std::int64_t LayerMaker::count_of(const onnx::NodeProto& node) const {
  static constexpr std::array kKeepsCount{"Reshape", "Flatten", "Squeeze",   "Unsqueeze", "Identity",
                                          "Dropout", "Cast",    "Transpose", "Relu",      "Sigmoid",
                                          "Tanh",    "Gelu",    "Erf",       "Softmax",   "Clip"};
  const std::int64_t elements = input(node, 0).elements();
  if (is_one_of(node.op_type(), kKeepsCount) || keeps_shape(node)) return elements;
  MatMulForm form;
  if (!matmul_form(node, form) || form.packed || form.transposed_a) return 0;
  const Value &a = input(node, form.a), &b = input(node, form.b);
  if (!b.known || b.shape.size() != 2 || a.elements() == 0) return 0;
  const std::int64_t k = b.shape[form.transposed_b ? 1 : 0], n = b.shape[form.transposed_b ? 0 : 1];
  return a.elements() % k != 0 ? 0 : product({a.elements() / k, n}, 0, 2);
}

/// Nothing when an operand is not known either: then an earlier node was named.
std::string LayerMaker::why_unknown(const onnx::NodeProto& node) const {
  std::string operands;
  for (const std::string& name : node.input()) {
    const auto found = values_.find(name);
    if (name.empty() || found == values_.end()) continue;
    if (!found->second.known && found->second.count == 0 && found->second.failed) return "";
    operands += fmt::format("{}[{}]", operands.empty() ? "" : ", ", fmt::join(found->second.shape, " x "));
  }
  if (is_known(node)) {
    return fmt::format("found operands of {}, which give its result '{}' no static shape; correct the model", operands,
                       node.output_size() > 0 ? printable(node.output(0)) : "");
  }
  return fmt::format(
      "found the operator {}{}{}, which is not known here, and no shape of its result '{}'; run shape "
      "inference in the exporter, so that the model says it",
      printable(node.op_type()), node.domain().empty() ? "" : " of ", printable(node.domain()),
      node.output_size() > 0 ? printable(node.output(0)) : "");
}

bool LayerMaker::convolution(const onnx::NodeProto& node, ForwardLayer& layer) {
  ConvolutionForm form;
  convolution_form(node, form);
  const Value &x = input(node, form.x), &w = input(node, form.w), &y = output(node);
  if (!x.known || !w.known || !y.known) return false;
  const bool transposed = node.op_type().find("Transpose") != std::string::npos;
  const std::vector<std::int64_t> one{1};
  if (!layers::shape_convolution(
          {transposed ? y.shape : x.shape, w.shape, transposed ? x.shape : y.shape, integers(node, "strides", one),
           integers(node, "pads", {0}), integers(node, "dilations", one)},
          layer.op))
    return false;
  const bool conv = layer.op.conv.n > 0;
  // The forward of a transposed convolution is the input gradient of the other; its products are as large.
  if (transposed && conv) {
    const ConvShape& s = layer.op.conv;
    layer.op.mat = {s.n * s.p * s.q, s.c * s.r * s.s, s.k, 1};
    layer.op.conv = ConvShape{};
  }
  layer.op.kind = conv && !transposed ? OpKind::kConv : OpKind::kMatMul;
  const Value& bias = input(node, form.bias < 0 ? node.input_size() : form.bias);
  layer.parameters = w.constant ? w.elements() + bias.elements() : 0;
  return true;
}

bool LayerMaker::matmul(const onnx::NodeProto& node, ForwardLayer& layer) {
  MatMulForm form;
  matmul_form(node, form);
  const Value &a = input(node, form.a), &b = input(node, form.b);
  Product shape;
  if (form.packed) {
    const std::int64_t k = integer(node, "K", 0), n = integer(node, "N", 0);
    if (k < 1 || n < 1 || a.elements() < 1 || a.elements() % k != 0) return false;
    shape = {a.elements() / k, n, k, 1, {}};
  } else if (a.known && b.known) {
    if (!numpy_product(a.shape, b.shape, form, shape)) return false;
  } else if (b.known && b.shape.size() == 2 && a.elements() > 0) {
    shape.k = b.shape[form.transposed_b ? 1 : 0];
    shape.n = b.shape[form.transposed_b ? 0 : 1];
    if (a.elements() % shape.k != 0) return false;
    shape.m = a.elements() / shape.k;
  } else {
    return false;
  }
  layer.op.kind = OpKind::kMatMul;
  layer.op.mat = {shape.m, shape.n, shape.k, shape.batch};
  const bool added = node.op_type() == "Gemm" || node.op_type() == "FusedGemm";
  layer.parameters = !b.constant ? 0 : form.packed ? shape.k * shape.n : b.elements();
  if (b.constant && added) layer.parameters += input(node, 2).elements();
  return true;
}

bool LayerMaker::einsum(const onnx::NodeProto& node, ForwardLayer& layer) {
  const onnx::AttributeProto* equation = attribute(node, "equation");
  const Value &a = input(node, 0), &b = input(node, 1);
  Product shape;
  if (node.input_size() != 2 || equation == nullptr || !a.known || !b.known ||
      !einsum_product(equation->s(), a.shape, b.shape, shape)) {
    if (node.input_size() != 1)
      ++counted_
          ["Einsum nodes are no product of two operands and are timed by the elements of their results, without FLOP"];
    vector_work(node, layer);
    return true;
  }
  if (shape.k == 1) {
    vector_work(node, layer);
    return true;
  }
  layer.op.kind = OpKind::kMatMul;
  layer.op.mat = {shape.m, shape.n, shape.k, shape.batch};
  layer.parameters = b.constant ? b.elements() : 0;
  return true;
}

/// Queries meet all keys, and the weights of the keys all values: two products. ONNX Runtime's older operator makes
/// query, key and value first.
bool LayerMaker::attention(const onnx::NodeProto& node, ForwardLayer& layer) {
  const Value &x = input(node, 0), &y = output(node);
  if (!x.known || !y.known || x.shape.size() < 2 || x.shape.size() > 4) return false;
  const std::string& type = node.op_type();
  const Value& second = input(node, 1);
  const bool makes_all = (type == "Attention" && node.domain() == "com.microsoft") || type == "QAttention";
  const std::size_t dims = x.shape.size();
  std::int64_t keys = x.shape[dims == 3 ? 1 : dims - 2];
  std::int64_t flops = 0;
  const auto add = [&](std::initializer_list<std::int64_t> factors) {
    const std::vector<std::int64_t> list(factors);
    flops = std::min(flops + product(list, 0, list.size()), kLargestAmount * 1024);
  };
  std::int64_t queries = y.elements();
  if (makes_all) {
    if (second.known && second.shape.size() == 2) {
      add({2, x.elements(), second.shape[1]});
      layer.parameters = second.constant ? second.elements() : 0;
    }
  } else if (second.known && second.shape.size() == dims) {
    keys = second.shape[dims == 3 ? 1 : dims - 2];
    queries = x.elements();
  }
  const Value& past = input(node, type == "GroupQueryAttention" ? 3 : type == "MultiHeadAttention" ? 6 : 4);
  if (past.known && past.shape.size() == 4) keys += past.shape[2];
  add({2, queries, keys});
  add({2, y.elements(), keys});
  layer.op.kind = OpKind::kCompute;
  layer.op.flops = flops;
  layer.backward_flops = flops / 2 * 5;  // the first product again, and four gradients
  return true;
}

/// An operator that nobody has described, with operands and a result of a product's shapes.
bool LayerMaker::unknown_product(const onnx::NodeProto& node, ForwardLayer& layer) {
  if (is_known(node)) return false;
  const Value &a = input(node, 0), &b = input(node, 1), &y = output(node);
  Product shape;
  if (!a.known || !b.known || !y.known || a.shape.size() < 2 || b.shape.size() < 2 || b.elements() == y.elements() ||
      !numpy_product(a.shape, b.shape, {}, shape) || shape.result != y.shape || shape.k < 2)
    return false;
  layer.op.kind = OpKind::kMatMul;
  layer.op.mat = {shape.m, shape.n, shape.k, shape.batch};
  layer.parameters = b.constant ? b.elements() : 0;
  ++counted_[fmt::format(
      "nodes of the operator {} are not known here; their operands have the shapes of a matrix "
      "product, and they are timed as one",
      printable(node.op_type()))];
  return true;
}

void LayerMaker::look_into_bodies(const onnx::NodeProto& node) {
  for (const onnx::AttributeProto& one : node.attribute()) {
    if (!one.has_g()) continue;
    for (const onnx::NodeProto& inner : one.g().node()) {
      MatMulForm product_of;
      ConvolutionForm convolution_of;
      if (matmul_form(inner, product_of) || convolution_form(inner, convolution_of) || is_attention(inner))
        ++counted_[fmt::format(
            "products and convolutions in the bodies of {} nodes are not simulated: that work is "
            "missing",
            printable(node.op_type()))];
      look_into_bodies(inner);
    }
  }
}

bool LayerMaker::recurrent(const onnx::NodeProto& node, ForwardLayer& layer, std::int64_t gates) {
  const Value &x = input(node, 0), &w = input(node, 1);
  const std::int64_t hidden = integer(node, "hidden_size", 0);
  if (!x.known || x.shape.size() != 3 || hidden < 1 || hidden > (1 << 20)) return false;
  const std::int64_t directions = w.known && !w.shape.empty() ? w.shape[0] : 1;
  layer.op.kind = OpKind::kMatMul;
  layer.op.mat = {x.shape[0] * x.shape[1], gates * hidden, x.shape[2] + hidden, directions};
  layer.parameters = directions * gates * hidden * (x.shape[2] + hidden);
  return true;
}

void LayerMaker::batch_norm(const onnx::NodeProto& node, ForwardLayer& layer) {
  const Value& x = input(node, 0);
  const std::int64_t channels = x.shape.size() > 1 ? x.shape[1] : 1;
  layer.op.kind = OpKind::kBatchNormApply;
  layer.op.elements = layer.output_elements;
  layer.op.channels = channels;
  layer.op.vector_flops_per_element = 2;
  layer.parameters = 2 * channels;
  layer.inputs.resize(std::min<std::size_t>(layer.inputs.size(), 1));
  if (layer.inputs.empty()) vector_work(node, layer);
}

void LayerMaker::pool(const onnx::NodeProto& node, ForwardLayer& layer) {
  const Value &x = input(node, 0), &y = output(node);
  const bool global = node.op_type().rfind("Global", 0) == 0;
  layer.op.elements = layer.output_elements;
  layer.op.kind = OpKind::kElementwise;
  std::vector<std::int64_t> window = integers(node, "kernel_shape", {});
  if (global && x.shape.size() > 2) window.assign(x.shape.begin() + 2, x.shape.end());
  layer.op.vector_flops_per_element = std::min<std::int64_t>(product(window, 0, window.size()), 1 << 20);
  if (x.shape.size() != 4 || y.shape.size() != 4 || window.size() != 2) return;
  layer.op.channels = x.shape[1];
  Op shaped;
  const std::vector<std::int64_t> w{x.shape[1], x.shape[1], window[0], window[1]};
  const std::vector<std::int64_t> stride = global ? std::vector<std::int64_t>{1} : integers(node, "strides", {1});
  if (!layers::shape_convolution({x.shape, w, y.shape, stride, integers(node, "pads", {0}), {1}}, shaped)) return;
  if (shaped.conv.n == 0) return;
  layer.op.kind = OpKind::kPool;
  layer.op.conv = shaped.conv;
}

void LayerMaker::vector_work(const onnx::NodeProto& node, ForwardLayer& layer) {
  const std::string& type = node.op_type();
  layer.op.elements = layer.output_elements;
  layer.op.kind = OpKind::kElementwise;
  const auto entry = std::find_if(kVectorTypes.begin(), kVectorTypes.end(),
                                  [&](const VectorType& known) { return type == known.type; });
  layer.op.vector_flops_per_element = entry == kVectorTypes.end() ? 1 : entry->flops;
  bool same = layer.inputs.size() > 1;
  std::int64_t largest = 0;
  for (const std::string& name : node.input()) {
    const auto found = values_.find(name);
    if (found == values_.end()) continue;
    const Value& value = found->second;
    if (value.number != kNone) same = same && value.elements() == layer.output_elements;
    // A constant of one element is a factor, not a parameter.
    const bool arithmetic = type == "Add" || type == "Mul" || type == "Sub" || type == "PRelu" ||
                            type == "LayerNormalization" || type == "InstanceNormalization" || type == "Gather";
    if (value.constant && value.known && value.floating && arithmetic && value.elements() > 1)
      layer.parameters += value.elements();
    if (value.number != kNone && value.known) largest = std::max(largest, value.elements());
  }
  if (type.rfind("Reduce", 0) == 0) layer.op.elements = std::max(largest, layer.output_elements);
  layer.passes_gradient = (type == "Add" || type == "Sum") && same && layer.parameters == 0;
  if (type == "Gather") {  // the rows that are touched
    layer.op.kind = OpKind::kCompute;
    layer.op.elements = layer.op.vector_flops_per_element = 0;
    layer.op.bytes = std::min(2 * layer.output_elements * 2, kLargestAmount);
  } else if (entry == kVectorTypes.end()) {
    const bool known = is_known(node);
    ++counted_[fmt::format(known ? "nodes of type {} are timed by their elements"
                                 : "nodes of the operator {} are not known here and are timed by the elements of their "
                                   "results",
                           printable(type))];
  }
}

}  // namespace dojo::workload::onnx_reader
