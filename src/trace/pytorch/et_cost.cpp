// SPDX-License-Identifier: Apache-2.0
// Products, convolutions and attention by their shapes; vector work by its elements; lookups by the rows they touch.
#include "trace/pytorch/et_cost.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "trace/layers/convolution.h"
#include "trace/pytorch/et_words.h"

namespace dojo::workload::pytorch {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 58;

std::int64_t product(std::initializer_list<std::int64_t> factors) {
  std::int64_t result = 1;
  for (const std::int64_t factor : factors) {
    if (factor < 0 || __builtin_mul_overflow(result, factor, &result)) return kMost;
  }
  return std::min(result, kMost);
}

std::vector<const EtTensor*> all_tensors(const std::vector<EtArgument>& list) {
  std::vector<const EtTensor*> tensors;
  for (const EtArgument& argument : list) {
    for (const EtTensor& tensor : argument.tensors) tensors.push_back(&tensor);
  }
  return tensors;
}

EtWork base(const EtNode& node) {
  EtWork work;
  work.reads = all_tensors(node.inputs);
  work.writes = all_tensors(node.outputs);
  // In place (add_, _foreach_mul_): the first argument is written, whether the trace says so or not.
  const std::string_view name = bare(node.name);
  const bool in_place = !name.empty() && name.back() == '_';
  if (in_place && work.writes.empty() && !node.inputs.empty()) {
    for (const EtTensor& tensor : node.inputs[0].tensors) work.writes.push_back(&tensor);
  }
  return work;
}

constexpr std::array kProducts{"mm", "bmm", "_scaled_mm", "_int_mm"};
constexpr std::array kAddedProducts{"addmm", "baddbmm", "_addmm_activation", "addbmm"};
constexpr std::array kLinear{"linear", "mkldnn_linear", "_mkl_linear"};

/// (m x k) * (k x n), batched when the tensors have three dimensions.
bool matrix_product(const EtNode& node, std::size_t first, EtWork& work) {
  const EtTensor *a = node.tensor(first), *b = node.tensor(first + 1);
  if (a == nullptr || b == nullptr || a->shape.size() != b->shape.size()) return false;
  const std::size_t dims = a->shape.size();
  if (dims != 2 && dims != 3) return false;
  work.op.kind = OpKind::kMatMul;
  work.op.dtype = dtype_of(*a);
  work.op.mat = {a->shape[dims - 2], b->shape[dims - 1], a->shape[dims - 1], dims == 3 ? a->shape[0] : 1};
  work.reads = {a, b};
  return true;
}

/// Any leading dimensions times a transposed weight.
bool linear(const EtNode& node, EtWork& work) {
  const EtTensor *x = node.tensor(0), *w = node.tensor(1);
  if (x == nullptr || w == nullptr || w->shape.size() != 2 || x->shape.empty() || w->shape[1] < 1) return false;
  work.op.kind = OpKind::kMatMul;
  work.op.dtype = dtype_of(*x);
  work.op.mat = {x->elements / w->shape[1], w->shape[0], w->shape[1], 1};
  work.reads = {x, w};
  return true;
}

struct Convolution {
  const EtTensor *x = nullptr, *w = nullptr, *y = nullptr;
  bool transposed = false;
};

/// The shape as a convolution when the simulator's kernel has it, else as the product that does the same work.
bool shape_convolution(const EtNode& node, const Convolution& c, Op& op) {
  const auto numbers = [&](const char* name) {
    const EtArgument* argument = node.argument(name);
    return argument == nullptr ? std::vector<std::int64_t>{} : argument->numbers;
  };
  // A transposed convolution is an input gradient.
  return layers::shape_convolution(
      {c.transposed ? c.y->shape : c.x->shape, c.w->shape, c.transposed ? c.x->shape : c.y->shape, numbers("stride"),
       numbers("padding"), numbers("dilation")},
      op);
}

constexpr std::array kConvolutions{"convolution",
                                   "_convolution",
                                   "cudnn_convolution",
                                   "cudnn_convolution_add_relu",
                                   "cudnn_convolution_relu",
                                   "mkldnn_convolution",
                                   "miopen_convolution",
                                   "slow_conv2d_forward",
                                   "_slow_conv2d_forward",
                                   "thnn_conv2d",
                                   "_conv_depthwise2d",
                                   "conv_depthwise3d",
                                   "convolution_overrideable",
                                   "cudnn_convolution_transpose"};

bool convolution(const EtNode& node, EtWork& work) {
  const EtArgument* flag = node.argument("transposed");
  Convolution c{node.tensor(0), node.tensor(1), work.writes.empty() ? nullptr : work.writes[0], false};
  c.transposed =
      (flag != nullptr && !flag->numbers.empty() && flag->numbers[0] != 0) || contains(bare(node.name), "transpose");
  if (c.x == nullptr || c.w == nullptr || c.y == nullptr || !shape_convolution(node, c, work.op)) return false;
  const bool conv = work.op.conv.n > 0;
  const OpKind forward = conv ? OpKind::kConv : OpKind::kMatMul;
  work.op.kind = c.transposed ? traits(forward).input_grad : forward;
  work.op.dtype = dtype_of(*c.x);
  work.reads = {c.x, c.w};
  return true;
}

/// grad_output, input, weight, ..., output_mask -> up to two operations.
bool convolution_backward(const EtNode& node, std::vector<EtWork>& out) {
  Convolution c{node.tensor(1), node.tensor(2), node.tensor(0), false};
  if (c.x == nullptr || c.w == nullptr || c.y == nullptr) return false;
  Op op;
  op.dtype = dtype_of(*c.x);
  if (!shape_convolution(node, c, op)) return false;
  const OpTraits& forward = traits(op.conv.n > 0 ? OpKind::kConv : OpKind::kMatMul);
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
  if (asked(0)) {
    op.kind = forward.input_grad;
    out.push_back({op, ".input_grad", {c.y, c.w}, result(0)});
  }
  if (asked(1)) {
    op.kind = forward.weight_grad;
    out.push_back({op, ".weight_grad", {c.y, c.x}, result(1)});
  }
  return true;
}

bool is_attention(std::string_view name) {
  return contains(name, "scaled_dot_product") || contains(name, "flash_attention") ||
         contains(name, "efficient_attention") || contains(name, "cudnn_attention");
}

/// Two products forward; backward repeats the first and makes four gradients.
bool attention(const EtNode& node, EtWork& work) {
  const std::string_view name = bare(node.name);
  const bool backward = contains(name, "backward");
  const auto named = [&](const char* word, std::size_t otherwise) {
    const EtArgument* argument = node.argument(word);
    if (argument != nullptr && !argument->tensors.empty())
      return static_cast<const EtTensor*>(argument->tensors.data());
    return node.tensor(otherwise + (backward ? 1 : 0));
  };
  const EtTensor *q = named("query", 0), *k = named("key", 1);
  if (q == nullptr || k == nullptr || q->shape.size() != 4 || k->shape.size() != 4) return false;
  const bool heads_second = contains(name, "scaled_dot_product");  // [b, h, s, d], else [b, s, h, d]
  const std::int64_t keys = k->shape[heads_second ? 2 : 1];
  work.op.kind = OpKind::kCompute;
  work.op.dtype = dtype_of(*q);
  work.op.flops = product({backward ? 10 : 4, q->elements, keys});
  return true;
}

std::int64_t vector_flops(std::string_view name) {
  struct Entry {
    const char* part;
    std::int64_t flops;
  };
  // Per element, counted from the formulas; what is not listed does one operation.
  static constexpr std::array<Entry, 16> kTable{{{"batch_norm_backward", 8},
                                                 {"batch_norm", 5},
                                                 {"layer_norm_backward", 10},
                                                 {"layer_norm", 8},
                                                 {"group_norm", 8},
                                                 {"softmax", 5},
                                                 {"gelu", 8},
                                                 {"silu", 5},
                                                 {"tanh", 4},
                                                 {"sigmoid", 4},
                                                 {"exp", 4},
                                                 {"log", 4},
                                                 {"sqrt", 4},
                                                 {"dropout", 2},
                                                 {"addc", 3},
                                                 {"lerp", 3}}};
  for (const Entry& entry : kTable) {
    if (contains(name, entry.part)) return entry.flops;
  }
  return contains(name, "copy") || contains(name, "fill") || contains(name, "cat") || contains(name, "zero") ? 0 : 1;
}

void vector_work(const EtNode& node, EtWork& work) {
  std::int64_t elements = 0;
  const EtTensor* largest = nullptr;
  const auto look = [&](const std::vector<const EtTensor*>& list) {
    for (const EtTensor* tensor : list) {
      if (largest == nullptr || tensor->bytes() > largest->bytes()) largest = tensor;
      elements = std::max(elements, tensor->elements);
    }
  };
  look(work.reads);
  look(work.writes);
  const bool list = contains(node.name, "_foreach_") || contains(node.name, "_fused_");
  if (list && !node.inputs.empty()) {
    elements = 0;
    for (const EtTensor& tensor : node.inputs[0].tensors) elements += tensor.elements;
  }
  if (largest != nullptr) work.op.dtype = dtype_of(*largest);
  work.op.kind = elements > 0 ? OpKind::kElementwise : OpKind::kNone;
  work.op.elements = elements;
  work.op.vector_flops_per_element = vector_flops(bare(node.name));
}

}  // namespace

DType dtype_of(const EtTensor& tensor) {
  if (tensor.width >= 4) return DType::kFp32;
  return tensor.width == 1 ? DType::kCfp8 : DType::kBf16;
}

bool is_kernel_of_its_own(const std::string& operator_name) {
  const std::string_view name = bare(operator_name);
  return is_one_of(name, kProducts) || is_one_of(name, kAddedProducts) || is_one_of(name, kLinear) ||
         is_one_of(name, kConvolutions) || name == "convolution_backward" || is_attention(name) || is_lookup(name);
}

std::vector<EtWork> work_of(const EtNode& node) {
  std::vector<EtWork> made;
  const std::string_view name = bare(node.name);
  if (name == "convolution_backward" && convolution_backward(node, made)) return made;
  EtWork work = base(node);
  bool known = node.triton && compiled_kernel(node, work);
  if (is_one_of(name, kProducts)) known = matrix_product(node, 0, work);
  if (is_one_of(name, kAddedProducts)) known = matrix_product(node, 1, work);
  if (is_one_of(name, kLinear)) known = linear(node, work);
  if (is_one_of(name, kConvolutions)) known = convolution(node, work);
  if (is_attention(name)) known = attention(node, work);
  if (!known && is_lookup(name)) {
    lookup(node, work);
    known = true;
  }
  if (!known) vector_work(node, work);
  made.push_back(std::move(work));
  return made;
}

}  // namespace dojo::workload::pytorch
