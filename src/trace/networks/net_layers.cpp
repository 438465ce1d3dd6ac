// SPDX-License-Identifier: Apache-2.0
// Layers: forward operations, and what the backward pass makes of them.
#include <utility>

#include "dojo/base/error.h"
#include "trace/networks/net_builder.h"

namespace dojo::workload::networks {

Value NetBuilder::linear(const std::string& name, Value x, const MatShape& shape, Weight weight,
                         const std::vector<Weight>& bias, bool first) {
  OpDraft made = draft(name, OpKind::kMatMul, Phase::kForward);
  made.op.mat = shape;
  read(made, x);
  read(made, weight);
  for (const Weight b : bias) read(made, b);
  const Value y = emit(std::move(made), name + ".y", shape.batch * shape.m * shape.n);
  use(weight);
  for (const Weight b : bias) use(b);
  backward([=] {
    const Value dy = gradient(y);
    if (dy.tensor == kNone) return;
    if (!first) {
      OpDraft input = draft(name + ".input_grad", OpKind::kMatMulInputGrad, Phase::kBackward);
      input.op.mat = shape;
      read(input, dy);
      read(input, weight);
      add_gradient(x, emit(std::move(input), name + ".dx", shape.batch * shape.m * shape.k));
    }
    OpDraft grad = draft(name + ".weight_grad", OpKind::kMatMulWeightGrad, Phase::kBackward);
    grad.op.mat = shape;
    grad.op.flops = shape_flops(grad.op);
    read(grad, dy);
    read(grad, x);
    makes_gradient(grad, weight);
    for (const Weight b : bias) makes_gradient(grad, b);
    const std::uint32_t op = add(std::move(grad));
    made_gradient(op, weight);
    for (const Weight b : bias) made_gradient(op, b);
  });
  return y;
}

Value NetBuilder::product(const std::string& name, Value a, Value b, const MatShape& shape, bool by_transposition) {
  OpDraft made = draft(name, OpKind::kMatMul, Phase::kForward);
  made.op.mat = shape;
  read(made, a);
  read(made, b);
  const Value y = emit(std::move(made), name + ".y", shape.batch * shape.m * shape.n);
  backward([=] {
    const Value dy = gradient(y);
    OpDraft first = draft(name + ".first_grad", OpKind::kMatMulInputGrad, Phase::kBackward);
    first.op.mat = shape;
    read(first, dy);
    read(first, b);
    add_gradient(a, emit(std::move(first), name + ".da", shape.batch * shape.m * shape.k));
    // a^T dy is a sum over their rows, which lie on many nodes. With the wider of them laid out by its columns it is a
    // product like the others; of dy the result is the transposed gradient.
    OpDraft second =
        draft(name + ".second_grad", by_transposition ? OpKind::kMatMul : OpKind::kMatMulWeightGrad, Phase::kBackward);
    if (by_transposition) {
      const bool of_a = shape.k >= shape.n;
      const Value wide = of_a ? a : dy;
      OpDraft turn = draft(name + ".transposed", OpKind::kTranspose, Phase::kBackward);
      turn.op.elements = wide.elements;
      read(turn, wide);
      const Value turned = emit(std::move(turn), name + ".turned", wide.elements);
      second.op.mat = {of_a ? shape.k : shape.n, of_a ? shape.n : shape.k, shape.m, shape.batch};
      read(second, turned);
      read(second, of_a ? dy : a);
    } else {
      second.op.mat = shape;
      read(second, dy);
      read(second, a);
    }
    add_gradient(b, emit(std::move(second), name + ".db", shape.batch * shape.k * shape.n));
  });
  return y;
}

Value NetBuilder::elementwise(const std::string& name, const std::vector<Value>& inputs, std::int64_t elements,
                              std::int64_t flops, std::int64_t grad_flops) {
  OpDraft made = draft(name, OpKind::kElementwise, Phase::kForward);
  made.op.elements = elements;
  made.op.vector_flops_per_element = flops;
  for (const Value& x : inputs) read(made, x);
  const Value y = emit(std::move(made), name + ".y", elements);
  backward([=] {
    const Value dy = gradient(y);
    if (dy.tensor == kNone) return;
    // A sum hands its gradient on.
    if (grad_flops == 0) {
      for (const Value& x : inputs) add_gradient(x, dy);
      return;
    }
    OpDraft grad = draft(name + ".grad", OpKind::kElementwise, Phase::kBackward);
    grad.op.elements = elements;
    grad.op.vector_flops_per_element = grad_flops;
    read(grad, dy);
    for (const Value& x : inputs) read(grad, x);
    std::vector<std::uint32_t> others;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      others.push_back(graph_.tensor(prefix_ + name + ".dx" + std::to_string(i), inputs[i].elements * width(),
                                     TensorRole::kActivation));
    }
    grad.outputs = others;
    const Value dx = emit(std::move(grad), name + ".dx", inputs.front().elements);
    add_gradient(inputs.front(), dx);
    for (std::size_t i = 1; i < inputs.size(); ++i) add_gradient(inputs[i], {others[i - 1], dx.op, inputs[i].elements});
  });
  return y;
}

Value NetBuilder::norm(OpKind kind, const std::string& name, Value x, const Value* branch, Value* sum,
                       std::int64_t width_of_row, const std::vector<Weight>& weights) {
  DOJO_CHECK(kind == OpKind::kLayerNorm || kind == OpKind::kRmsNorm, "{}: a {} is no norm", name, op_kind_name(kind));
  OpDraft made = draft(name, kind, Phase::kForward);
  made.op.elements = x.elements;
  made.op.channels = width_of_row;
  made.op.vector_flops_per_element = default_vector_flops(made.op) + (branch != nullptr ? 1 : 0);
  const Value added = branch != nullptr ? *branch : Value{};
  std::uint32_t sum_tensor = x.tensor;
  if (branch != nullptr) {
    read(made, added);  // first: the sum lies as the result of the product before
    sum_tensor = graph_.tensor(prefix_ + name + ".sum", x.elements * width(), TensorRole::kActivation);
    made.outputs = {sum_tensor};
  }
  read(made, x);
  for (const Weight w : weights) {
    read(made, w);
    use(w);
  }
  const Value y = emit(std::move(made), name + ".y", x.elements);
  const Value whole{sum_tensor, branch != nullptr ? y.op : x.op, x.elements};
  if (sum != nullptr) *sum = whole;
  const OpKind grad_kind = kind == OpKind::kLayerNorm ? OpKind::kLayerNormGrad : OpKind::kRmsNormGrad;
  backward([=] {
    const Value dy = gradient(y);
    if (dy.tensor == kNone) return;
    OpDraft grad = draft(name + ".grad", grad_kind, Phase::kBackward);
    grad.op.elements = x.elements;
    grad.op.channels = width_of_row;
    read(grad, dy);
    read(grad, whole);
    // The gradient that goes around the norm is added as this one is stored.
    const Value around = gradient(whole);
    grad.op.vector_flops_per_element = default_vector_flops(grad.op) + (around.tensor != kNone ? 1 : 0);
    if (around.tensor != kNone) read(grad, around);
    for (const Weight w : weights) {
      read(grad, w);
      makes_gradient(grad, w);
    }
    const Value dx = emit(std::move(grad), name + ".dx", x.elements);
    for (const Weight w : weights) made_gradient(dx.op, w);
    gradients_.erase(whole.tensor);
    add_gradient(x, dx);
    if (added.tensor != kNone) add_gradient(added, dx);
  });
  return y;
}

Value NetBuilder::softmax(const std::string& name, Value x, std::int64_t width_of_row) {
  OpDraft made = draft(name, OpKind::kSoftmax, Phase::kForward);
  made.op.elements = x.elements;
  made.op.channels = width_of_row;
  read(made, x);
  const Value y = emit(std::move(made), name + ".y", x.elements);
  backward([=] {
    OpDraft grad = draft(name + ".grad", OpKind::kSoftmaxGrad, Phase::kBackward);
    grad.op.elements = x.elements;
    grad.op.channels = width_of_row;
    read(grad, gradient(y));
    read(grad, y);
    add_gradient(x, emit(std::move(grad), name + ".dx", x.elements));
  });
  return y;
}

Value NetBuilder::attention(const std::string& name, const std::vector<Value>& qkv, const AttentionShape& shape) {
  OpDraft made = draft(name, OpKind::kAttention, Phase::kForward);
  made.op.attention = shape;
  for (const Value& x : qkv) read(made, x);
  const std::int64_t elements = shape.batch * shape.heads * shape.queries * shape.head_size;
  const Value y = emit(std::move(made), name + ".y", elements);
  backward([=] {
    OpDraft grad = draft(name + ".grad", OpKind::kAttentionGrad, Phase::kBackward);
    grad.op.attention = shape;
    read(grad, gradient(y));
    for (const Value& x : qkv) read(grad, x);
    read(grad, y);
    std::vector<std::uint32_t> others;
    for (std::size_t i = 1; i < qkv.size(); ++i) {
      others.push_back(graph_.tensor(prefix_ + name + ".dx" + std::to_string(i), qkv[i].elements * width(),
                                     TensorRole::kActivation));
    }
    grad.outputs = others;
    const Value dx = emit(std::move(grad), name + ".dx", qkv.front().elements);
    add_gradient(qkv.front(), dx);
    for (std::size_t i = 1; i < qkv.size(); ++i) add_gradient(qkv[i], {others[i - 1], dx.op, qkv[i].elements});
  });
  return y;
}

Value NetBuilder::conv(const std::string& name, Value x, const ConvShape& given, Weight weight,
                       const std::vector<Weight>& bias, bool first) {
  ConvShape shape = given;
  const std::string wrong = complete(shape);
  DOJO_CHECK(wrong.empty(), "{}: {}", name, wrong);
  OpDraft made = draft(name, OpKind::kConv, Phase::kForward);
  made.op.conv = shape;
  read(made, x);
  read(made, weight);
  for (const Weight b : bias) read(made, b);
  const Value y = emit(std::move(made), name + ".y", shape.n * shape.k * shape.p * shape.q);
  use(weight);
  for (const Weight b : bias) use(b);
  backward([=] {
    const Value dy = gradient(y);
    if (!first) {
      OpDraft input = draft(name + ".input_grad", OpKind::kConvInputGrad, Phase::kBackward);
      input.op.conv = shape;
      read(input, dy);
      read(input, weight);
      add_gradient(x, emit(std::move(input), name + ".dx", shape.n * shape.c * shape.h * shape.w));
    }
    OpDraft grad = draft(name + ".weight_grad", OpKind::kConvWeightGrad, Phase::kBackward);
    grad.op.conv = shape;
    grad.op.flops = shape_flops(grad.op);
    read(grad, dy);
    read(grad, x);
    makes_gradient(grad, weight);
    for (const Weight b : bias) makes_gradient(grad, b);
    const std::uint32_t op = add(std::move(grad));
    made_gradient(op, weight);
    for (const Weight b : bias) made_gradient(op, b);
  });
  return y;
}

void NetBuilder::loss(const std::string& name, Value logits, std::int64_t classes) {
  Value sums = logits;
  if (groups_.tensor_ranks > 1) {  // of the classes that other ranks have
    OpDraft made = draft(name + ".sums", OpKind::kAllReduce, Phase::kForward);
    constexpr Bytes kMaximumAndSum = 8;
    made.op.dtype = DType::kFp32;
    made.op.bytes = logits.elements / classes * kMaximumAndSum;
    made.op.group = groups_.tensor;
    made.deps = {logits.op};
    sums.op = add(std::move(made));
  }
  OpDraft made = draft(name, OpKind::kSoftmaxLoss, Phase::kForward);
  made.op.elements = logits.elements;
  made.op.channels = classes;
  made.op.vector_flops_per_element = 10;  // max, subtract, exponential (4), sum, divide, loss, gradient
  read(made, sums);
  const Value grad = emit(std::move(made), name + ".grad", logits.elements);
  keep(grad);
  add_gradient(logits, grad);
}

}  // namespace dojo::workload::networks
