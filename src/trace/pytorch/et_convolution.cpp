// SPDX-License-Identifier: Apache-2.0
// Convolutions of ATen and of the libraries behind it, forward and backward, transposed or not.
#include <algorithm>
#include <array>
#include <string_view>

#include "trace/layers/convolution.h"
#include "trace/pytorch/et_cost.h"
#include "trace/pytorch/et_words.h"

namespace dojo::workload::pytorch {
namespace {

/// x, the larger map of a strided convolution, and y, the smaller one: a transposed convolution goes from y to x.
struct Convolution {
  const EtTensor *input = nullptr, *weight = nullptr, *output = nullptr;
  bool transposed = false;
  [[nodiscard]] const EtTensor* x() const { return transposed ? output : input; }
  [[nodiscard]] const EtTensor* y() const { return transposed ? input : output; }
  [[nodiscard]] bool whole() const { return input != nullptr && weight != nullptr && output != nullptr; }
};

bool is_transposed(const EtNode& node) {
  const EtArgument* flag = node.argument("transposed");
  return (flag != nullptr && !flag->numbers.empty() && flag->numbers[0] != 0) || contains(bare(node.name), "transpose");
}

/// The shape as a convolution when the simulator's kernel has it, else as the product that does the same work.
bool shape(const EtNode& node, const Convolution& c, Op& op) {
  const auto numbers = [&](const char* name) {
    const EtArgument* argument = node.argument(name);
    return argument == nullptr ? std::vector<std::int64_t>{} : argument->numbers;
  };
  op.dtype = dtype_of(*c.input);
  return layers::shape_convolution(
      {c.x()->shape, c.weight->shape, c.y()->shape, numbers("stride"), numbers("padding"), numbers("dilation")}, op);
}

}  // namespace

bool is_convolution(const std::string& name) {
  const std::string_view word = bare(name);
  return contains(word, "conv") && !contains(word, "convert") && !contains(word, "double_backward");
}

bool is_convolution_backward(const std::string& name) {
  return is_convolution(name) && contains(bare(name), "backward");
}

bool convolution(const EtNode& node, EtWork& work) {
  const Convolution c{node.tensor(0), node.tensor(1), work.writes.empty() ? nullptr : work.writes[0],
                      is_transposed(node)};
  if (is_convolution_backward(node.name) || !c.whole() || !shape(node, c, work.op)) return false;
  const bool conv = work.op.conv.n > 0;
  work.op.kind = c.transposed ? (conv ? OpKind::kConvInputGrad : OpKind::kMatMulInputGrad)
                              : (conv ? OpKind::kConv : OpKind::kMatMul);
  work.reads = {c.input, c.weight};
  return true;
}

bool convolution_backward(const EtNode& node, std::vector<EtWork>& out) {
  // grad_output, input, weight; cudnn's own operator of older versions begins with the input.
  const bool input_first = node.schema.find("(Tensor self, Tensor grad_output") != std::string::npos;
  const Convolution c{node.tensor(input_first ? 0 : 1), node.tensor(2), node.tensor(input_first ? 1 : 0),
                      is_transposed(node)};
  Op op;
  if (!c.whole() || !shape(node, c, op)) return false;
  const bool conv = op.conv.n > 0;
  const EtArgument* mask = node.argument("output_mask");
  const auto asked = [&](std::size_t i) {
    return mask == nullptr || i >= mask->numbers.size() || mask->numbers[i] != 0;
  };
  const auto result = [&](std::size_t i) {
    std::vector<const EtTensor*> made;
    if (i < node.outputs.size()) {
      for (const EtTensor& tensor : node.outputs[i].tensors) made.push_back(&tensor);
    }
    return made;
  };
  if (asked(0)) {  // of a transposed convolution it is a plain one
    op.kind = c.transposed ? (conv ? OpKind::kConv : OpKind::kMatMul)
                           : (conv ? OpKind::kConvInputGrad : OpKind::kMatMulInputGrad);
    out.push_back({op, ".input_grad", {c.output, c.weight}, result(0)});
  }
  if (asked(1)) {
    op.kind = conv ? OpKind::kConvWeightGrad : OpKind::kMatMulWeightGrad;
    out.push_back({op, ".weight_grad", {c.y(), c.x()}, result(1)});
  }
  return true;
}

}  // namespace dojo::workload::pytorch
