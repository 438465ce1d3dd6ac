// SPDX-License-Identifier: Apache-2.0
// Which kind of work an operator does; vector work by its elements.
#include "trace/pytorch/et_cost.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "trace/pytorch/et_words.h"

namespace dojo::workload::pytorch {
namespace {

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
  return is_product(operator_name) || is_convolution(operator_name) || is_lookup(bare(operator_name));
}

std::vector<EtWork> work_of(const EtNode& node) {
  std::vector<EtWork> made;
  if (is_convolution_backward(node.name) && convolution_backward(node, made)) return made;
  EtWork work = base(node);
  const auto empty = [](const EtTensor* tensor) { return tensor->elements == 0; };
  if (!work.writes.empty() && std::all_of(work.writes.begin(), work.writes.end(), empty)) {
    made.push_back(std::move(work));  // of kind none: nothing is made
    return made;
  }
  bool known = node.triton && compiled_kernel(node, work);
  if (!known && is_convolution(node.name)) known = convolution(node, work);
  if (!known && is_product(node.name)) known = product_work(node, work);
  if (!known && is_lookup(bare(node.name))) {
    lookup(node, work);
    known = true;
  }
  if (!known) known = unnamed_product(node, work);
  if (!known) {
    if (is_product(node.name) || is_convolution(node.name))
      work.note =
          "products whose operands the trace does not show are timed by the elements that it shows, without "
          "their FLOP";
    vector_work(node, work);
  }
  made.push_back(std::move(work));
  return made;
}

}  // namespace dojo::workload::pytorch
