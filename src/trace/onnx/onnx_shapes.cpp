// SPDX-License-Identifier: Apache-2.0
// Shapes of results of operators that libonnx does not know: younger ones, and those of ONNX Runtime.
#include <algorithm>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "trace/onnx/onnx_nodes.h"

namespace dojo::workload::onnx_reader {
namespace {

struct Known {
  Shape shape;
  int type = 0;
};

bool is_one_of(const std::string& type, std::initializer_list<const char*> words) {
  return std::find(words.begin(), words.end(), type) != words.end();
}

class Shapes {
 public:
  explicit Shapes(onnx::GraphProto& graph) : graph_(graph) {
    for (const auto* list : {&graph.input(), &graph.value_info(), &graph.output()}) {
      for (const onnx::ValueInfoProto& info : *list) take(info);
    }
    for (const onnx::TensorProto& tensor : graph.initializer())
      known_[tensor.name()] = {{tensor.dims().begin(), tensor.dims().end()}, tensor.data_type()};
  }

  std::size_t add() {
    std::size_t added = 0;
    for (const onnx::NodeProto& node : graph_.node()) {
      if (node.output_size() == 0 || known_.count(node.output(0)) > 0) continue;
      Known made;
      if (!result(node, made)) continue;
      put(node.output(0), made);
      // The sum of a fused skip connection, and nothing else that anybody reads, has the same shape.
      if (node.op_type().rfind("Skip", 0) == 0 && node.output_size() > 3 && !node.output(3).empty())
        put(node.output(3), made);
      ++added;
    }
    return added;
  }

 private:
  void take(const onnx::ValueInfoProto& info) {
    if (!info.type().has_tensor_type() || !info.type().tensor_type().has_shape()) return;
    Known made;
    made.type = info.type().tensor_type().elem_type();
    for (const auto& dim : info.type().tensor_type().shape().dim()) {
      if (!dim.has_dim_value() || dim.dim_value() < 1) return;
      made.shape.push_back(dim.dim_value());
    }
    known_[info.name()] = std::move(made);
  }

  void put(const std::string& name, const Known& made) {
    known_[name] = made;
    onnx::ValueInfoProto* info = nullptr;
    for (auto* list : {graph_.mutable_output(), graph_.mutable_value_info()}) {
      for (onnx::ValueInfoProto& one : *list) info = one.name() == name ? &one : info;
    }
    if (info == nullptr) info = graph_.add_value_info();
    info->set_name(name);
    auto& tensor = *info->mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(made.type);
    tensor.clear_shape();
    for (const std::int64_t extent : made.shape) tensor.mutable_shape()->add_dim()->set_dim_value(extent);
    if (made.shape.empty()) (void)tensor.mutable_shape();
  }

  [[nodiscard]] const Known* input(const onnx::NodeProto& node, int index) const {
    if (index < 0 || index >= node.input_size()) return nullptr;
    const auto found = known_.find(node.input(index));
    return found == known_.end() ? nullptr : &found->second;
  }

  bool result(const onnx::NodeProto& node, Known& made) const {
    const Known* x = input(node, 0);
    if (x == nullptr) return false;
    made = *x;
    MatMulForm form;
    if (matmul_form(node, form)) return matmul(node, form, made);
    if (is_attention(node)) return attention(node, made);
    if (node.op_type() == "DequantizeLinear") {
      const Known* scale = input(node, 1);
      made.type = scale != nullptr ? scale->type : static_cast<int>(onnx::TensorProto::FLOAT);
      return true;
    }
    if (is_one_of(node.op_type(), {"Add", "Sub", "Mul", "Div"})) {
      const Known* y = input(node, 1);
      return y != nullptr && broadcast(x->shape, y->shape, made.shape);
    }
    // The library knows these; here they let one pass go on through a whole block of a transformer.
    if (is_one_of(node.op_type(), {"Identity", "Relu", "Sigmoid", "Tanh", "Softmax", "Erf", "Sqrt", "Neg"}))
      return true;
    if (node.op_type() == "FusedConv") return convolution(node, made);
    return keeps_shape(node);
  }

  bool matmul(const onnx::NodeProto& node, const MatMulForm& form, Known& made) const {
    if (form.packed) {
      const std::int64_t columns = integer(node, "N", 0);
      if (made.shape.empty() || columns < 1) return false;
      made.shape.back() = columns;
      return true;
    }
    const Known *a = input(node, form.a), *b = input(node, form.b);
    Product product;
    if (a == nullptr || b == nullptr || !numpy_product(a->shape, b->shape, form, product)) return false;
    made = {product.result,
            node.op_type().find("Integer") != std::string::npos ? static_cast<int>(onnx::TensorProto::FLOAT) : a->type};
    return true;
  }

  /// [batch, sequence, hidden] or [batch, heads, sequence, size of a head], like the query.
  bool attention(const onnx::NodeProto& node, Known& made) const {
    const Known *k = input(node, 1), *v = input(node, 2);
    const bool packed_weights = node.op_type() == "Attention" && node.domain() == "com.microsoft";
    if (made.shape.size() == 4) {
      if (v != nullptr && v->shape.size() == 4) made.shape[3] = v->shape[3];
      return true;
    }
    if (made.shape.size() != 3) return made.shape.size() == 2;
    const std::int64_t heads = std::max(integer(node, "num_heads", 0), integer(node, "q_num_heads", 0));
    const std::int64_t key_heads = integer(node, "kv_num_heads", heads);
    if (packed_weights && k != nullptr && k->shape.size() == 2) made.shape[2] = k->shape[1] / 3;
    if (!packed_weights && k == nullptr && heads > 0 && key_heads > 0)  // query, key and value in one
      made.shape[2] = made.shape[2] / (heads + 2 * key_heads) * heads;
    return made.shape[2] > 0;
  }

  bool convolution(const onnx::NodeProto& node, Known& made) const {
    const Known* w = input(node, 1);
    if (w == nullptr || w->shape.size() != made.shape.size() || made.shape.size() < 3) return false;
    const std::size_t dims = made.shape.size() - 2;
    const std::vector<std::int64_t> stride = integers(node, "strides", Shape(dims, 1));
    const std::vector<std::int64_t> dilation = integers(node, "dilations", Shape(dims, 1));
    const std::vector<std::int64_t> pads = integers(node, "pads", Shape(2 * dims, 0));
    if (stride.size() != dims || dilation.size() != dims || pads.size() != 2 * dims) return false;
    for (std::size_t d = 0; d < dims; ++d) {
      const std::int64_t covered = dilation[d] * (w->shape[d + 2] - 1) + 1;
      const std::int64_t room = made.shape[d + 2] + pads[d] + pads[d + dims] - covered;
      if (stride[d] < 1 || room < 0) return false;
      made.shape[d + 2] = room / stride[d] + 1;
    }
    made.shape[1] = w->shape[0];
    return true;
  }

  onnx::GraphProto& graph_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace

std::size_t add_own_shapes(onnx::GraphProto& graph) {
  return Shapes(graph).add();
}

}  // namespace dojo::workload::onnx_reader
