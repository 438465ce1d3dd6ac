// SPDX-License-Identifier: Apache-2.0
// What each ONNX operator computes.
#include "trace/onnx/onnx_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "trace/json_trace.h"
#include "trace/layers/convolution.h"

namespace dojo::workload::onnx_reader {
namespace {

using layers::ForwardLayer;

const onnx::AttributeProto* attribute(const onnx::NodeProto& node, const char* name) {
  for (const onnx::AttributeProto& one : node.attribute()) {
    if (one.name() == name) return &one;
  }
  return nullptr;
}

std::vector<std::int64_t> integers(const onnx::NodeProto& node, const char* name, std::vector<std::int64_t> otherwise) {
  const onnx::AttributeProto* found = attribute(node, name);
  if (found == nullptr) return otherwise;
  return {found->ints().begin(), found->ints().end()};
}

std::int64_t integer(const onnx::NodeProto& node, const char* name, std::int64_t otherwise) {
  const onnx::AttributeProto* found = attribute(node, name);
  return found == nullptr ? otherwise : found->i();
}

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
  return product(shape, 0, shape.size());
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

bool LayerMaker::make(const onnx::NodeProto& node, ForwardLayer& layer, std::string& why) {
  const std::string& type = node.op_type();
  const Value& made = output(node);
  if (!made.known) {
    why = fmt::format(
        "found no static shape of its result '{}', expected one; give sizes to the inputs of the model, or "
        "set workload.batch",
        node.output_size() > 0 ? node.output(0) : "");
    return false;
  }
  layer.name = node.name().empty() ? fmt::format("{}_{}", type, node.output(0)) : node.name();
  layer.output_elements = made.elements();
  for (const std::string& name : node.input()) {
    const auto found = values_.find(name);
    if (found != values_.end() && found->second.number != kNone) layer.inputs.push_back(found->second.number);
  }
  layer.op.kind = OpKind::kNone;
  bool good = true;
  static constexpr std::array kShapeOnly{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"};
  if (type == "Conv" || type == "ConvTranspose") {
    good = convolution(node, layer);
  } else if (type == "Gemm") {
    good = gemm(node, layer);
  } else if (type == "MatMul") {
    good = matmul(node, layer);
  } else if (type == "LSTM" || type == "GRU" || type == "RNN") {
    good = recurrent(node, layer, type == "LSTM" ? 4 : type == "GRU" ? 3 : 1);
  } else if (type == "BatchNormalization") {
    batch_norm(node, layer);
  } else if (type == "MaxPool" || type == "AveragePool" || type == "GlobalAveragePool" || type == "GlobalMaxPool") {
    pool(node, layer);
  } else if (!is_one_of(type, kShapeOnly)) {
    vector_work(node, layer);
  }
  if (!good) why = "found shapes that do not belong together, expected those of its operator; correct the model";
  return good;
}

bool LayerMaker::convolution(const onnx::NodeProto& node, ForwardLayer& layer) {
  const Value &x = input(node, 0), &w = input(node, 1), &y = output(node);
  if (!x.known || !w.known) return false;
  const bool transposed = node.op_type() == "ConvTranspose";
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
  layer.parameters = w.constant ? w.elements() + (input(node, 2).known ? input(node, 2).elements() : 0) : 0;
  return true;
}

bool LayerMaker::gemm(const onnx::NodeProto& node, ForwardLayer& layer) {
  const Value &a = input(node, 0), &b = input(node, 1);
  if (!a.known || !b.known || a.shape.size() != 2 || b.shape.size() != 2) return false;
  const bool ta = integer(node, "transA", 0) != 0, tb = integer(node, "transB", 0) != 0;
  layer.op.kind = OpKind::kMatMul;
  layer.op.mat = {a.shape[ta ? 1 : 0], b.shape[tb ? 0 : 1], a.shape[ta ? 0 : 1], 1};
  layer.parameters = b.constant ? b.elements() + (input(node, 2).known ? input(node, 2).elements() : 0) : 0;
  return true;
}

bool LayerMaker::matmul(const onnx::NodeProto& node, ForwardLayer& layer) {
  const Value &a = input(node, 0), &b = input(node, 1), &y = output(node);
  if (!a.known || !b.known || a.shape.size() < 2 || b.shape.size() < 2 || y.shape.size() < 2) return false;
  const std::size_t da = a.shape.size(), db = b.shape.size(), dy = y.shape.size();
  layer.op.kind = OpKind::kMatMul;
  if (db == 2) {
    layer.op.mat = {product(a.shape, 0, da - 1), b.shape[1], a.shape[da - 1], 1};
  } else {
    layer.op.mat = {y.shape[dy - 2], b.shape[db - 1], a.shape[da - 1], product(y.shape, 0, dy - 2)};
  }
  layer.parameters = b.constant ? b.elements() : 0;
  return true;
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
    ++unknown_[type];
  }
}

}  // namespace dojo::workload::onnx_reader
