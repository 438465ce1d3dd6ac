// SPDX-License-Identifier: Apache-2.0
// From a graph operation to the request of its kernel.
#include "lower/op_planner.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "dojo/collectives/collectives.h"

namespace dojo::workload {
namespace {

constexpr Bytes kSmallOperandBytes = 65536;  // cheaper sent to all nodes than found out who needs what

bool is_small_operand(TensorRole role) {
  return role == TensorRole::kStatistics || role == TensorRole::kWeight;
}

bool is_local_data(TensorRole role) {
  return role == TensorRole::kActivation || role == TensorRole::kInput || role == TensorRole::kGradient;
}

}  // namespace

OpPlanner::OpPlanner(const Graph& graph, const PlanContext& context, Settings settings)
    : graph_(graph), context_(context), settings_(std::move(settings)), layout_(graph.tensors.size(), Layout::kAny) {}

template <class Visit>
void OpPlanner::for_each_input(const Op& op, Visit&& visit) const {
  for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i) {
    visit(graph_.tensor_refs[i], graph_.tensors[graph_.tensor_refs[i]]);
  }
}

std::uint32_t OpPlanner::store(KernelPlan plan) {
  plans_.push_back(std::move(plan));
  return static_cast<std::uint32_t>(plans_.size() - 1);
}

void OpPlanner::set_output_layout(const Op& op, Layout layout) {
  for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) {
    const std::uint32_t tensor = graph_.tensor_refs[i];
    if (is_local_data(graph_.tensors[tensor].role)) {
      layout_[tensor] = layout;
    }
  }
}

/// Layout of the data input of that size; of the otherwise-th data input when none or several have it.
Layout OpPlanner::layout_of_bytes(const Op& op, Bytes bytes, std::size_t otherwise) const {
  std::vector<std::uint32_t> data;
  std::vector<std::uint32_t> fitting;
  for_each_input(op, [&](std::uint32_t index, const Tensor& tensor) {
    if (is_local_data(tensor.role)) {
      data.push_back(index);
      if (tensor.bytes == bytes) {
        fitting.push_back(index);
      }
    }
  });
  if (fitting.size() == 1) {
    return layout_[fitting.front()];
  }
  return otherwise < data.size() ? layout_[data[otherwise]] : Layout::kAny;
}

ProductRequest OpPlanner::conv_request(const Op& op) const {
  const ConvShape& c = op.conv;
  const Bytes e = dtype_bytes(op.dtype);
  const std::int64_t out_pixels = c.n * c.p * c.q;
  const std::int64_t in_pixels = c.n * c.h * c.w;
  const bool window = c.r > 1 || c.s > 1;
  ProductRequest r;
  r.element_bytes = e;
  r.conv = c;
  // A 1 x 1 filter with a stride reads only the pixels it hits.
  const Bytes x_bytes = in_pixels * c.c * e;
  const Bytes x_read_bytes = window ? x_bytes : std::min(x_bytes, out_pixels * c.c * e);
  const Bytes y_bytes = out_pixels * c.k * e;
  const Bytes w_bytes = c.c * c.r * c.s * c.k * e;
  const auto laid_out = [](Layout layout) { return layout == Layout::kAny ? Layout::kPixels : layout; };
  switch (op.kind) {
    case OpKind::kConv:
      r.m = out_pixels, r.n = c.k, r.k = c.c * c.r * c.s;
      r.a_bytes = x_read_bytes, r.b_bytes = w_bytes, r.c_bytes = y_bytes;
      r.a = laid_out(layout_of_bytes(op, x_bytes, 0));
      break;
    case OpKind::kConvInputGrad:
      r.m = out_pixels, r.n = c.c, r.k = c.k * c.r * c.s;
      r.a_bytes = y_bytes, r.b_bytes = w_bytes, r.c_bytes = x_bytes;
      r.a = laid_out(layout_of_bytes(op, y_bytes, 0));
      break;
    default:
      r.m = c.c * c.r * c.s, r.n = c.k, r.k = out_pixels;
      r.pixels = Cut::kK;
      r.a_bytes = x_read_bytes, r.b_bytes = y_bytes, r.c_bytes = w_bytes;
      r.a = laid_out(layout_of_bytes(op, x_bytes, 1));
      r.b = laid_out(layout_of_bytes(op, y_bytes, 0));
      r.destinations = residency(context_.grid.shape(), w_bytes);
      break;
  }
  if (window) {
    const bool gradient = op.kind == OpKind::kConvInputGrad;
    r.halo = gradient ? ProductRequest::Halo::kInputGrad : ProductRequest::Halo::kForward;
    r.halo_pixels = gradient ? out_pixels : in_pixels;
    r.halo_pixel_bytes = (gradient ? c.k : c.c) * e;
  }
  return r;
}

ProductRequest OpPlanner::matmul_request(const Op& op) const {
  const MatShape& s = op.mat;
  const Bytes e = dtype_bytes(op.dtype);
  ProductRequest r;
  r.element_bytes = e;
  r.batch = std::max<std::int64_t>(1, s.batch);
  const Bytes x_bytes = r.batch * s.m * s.k * e;
  const Bytes w_bytes = r.batch * s.k * s.n * e;
  const Bytes y_bytes = r.batch * s.m * s.n * e;
  switch (op.kind) {
    case OpKind::kMatMul:
      r.m = s.m, r.n = s.n, r.k = s.k;
      r.a_bytes = x_bytes, r.b_bytes = w_bytes, r.c_bytes = y_bytes;
      r.a = layout_of_bytes(op, x_bytes, 0);
      break;
    case OpKind::kMatMulInputGrad:
      r.m = s.m, r.n = s.k, r.k = s.n;
      r.a_bytes = y_bytes, r.b_bytes = w_bytes, r.c_bytes = x_bytes;
      r.a = layout_of_bytes(op, y_bytes, 0);
      break;
    default:
      r.m = s.k, r.n = s.n, r.k = s.m;
      r.pixels = r.batch > 1 ? Cut::kM : Cut::kK;
      r.a_bytes = x_bytes, r.b_bytes = y_bytes, r.c_bytes = w_bytes;
      r.a = layout_of_bytes(op, x_bytes, 1);
      r.b = layout_of_bytes(op, y_bytes, 0);
      if (r.batch == 1) {
        r.destinations = residency(context_.grid.shape(), w_bytes);
      }
      break;
  }
  return r;
}

std::uint32_t OpPlanner::plan_matrix(const Op& op, Bytes budget_bytes) {
  const bool conv = op.kind <= OpKind::kConvWeightGrad;
  ProductRequest request = conv ? conv_request(op) : matmul_request(op);
  auto found = products_.find(request);
  if (found == products_.end()) {
    Product fresh{evaluate_products(request, context_), {}};
    found = products_.emplace(std::move(request), std::move(fresh)).first;
  }
  const ProductChoice choice = choose_product(found->second.choices, budget_bytes);
  const std::array key{static_cast<std::uint32_t>(choice.rows), static_cast<std::uint32_t>(choice.columns),
                       static_cast<std::uint32_t>(choice.stream), choice.steps};
  auto& known = found->second.plans;
  if (known.count(key) == 0) {
    known[key] = store(build_product(found->first, choice, context_));
  }
  const std::uint32_t index = known.at(key);
  set_output_layout(op, plans_[index].output);
  return index;
}

void OpPlanner::describe_window(const Op& op, VectorRequest& request) const {
  const ConvShape& c = op.conv;
  const Bytes e = dtype_bytes(op.dtype);
  if (c.p * c.q == 0 || c.h * c.w == 0 || (c.r <= 1 && c.s <= 1)) {
    return;
  }
  const std::int64_t channels = std::max<std::int64_t>(1, op.channels > 0 ? op.channels : c.c);
  const Bytes pooled_bytes = c.n * c.p * c.q * channels * e;
  if (op.kind == OpKind::kPoolGrad && pooled_bytes <= kSmallOperandBytes) {
    request.to_all_bytes += pooled_bytes;
    request.layout = Layout::kPixels;
    request.shifted_bytes = request.collected_bytes = 0;
    return;
  }
  request.window = c;
  request.pixel_bytes = channels * e;
  request.halo = op.kind == OpKind::kPool ? ProductRequest::Halo::kForward : ProductRequest::Halo::kInputGrad;
}

std::uint32_t OpPlanner::plan_vector_op(const Op& op) {
  VectorRequest r;
  r.element_bytes = dtype_bytes(op.dtype);
  r.flops = op.elements * op.vector_flops_per_element;
  Bytes largest = -1;
  Layout layout = Layout::kAny;
  for_each_input(op, [&](std::uint32_t index, const Tensor& tensor) {
    if (is_local_data(tensor.role) && tensor.bytes > largest) {
      largest = tensor.bytes;
      layout = layout_[index];
    }
  });
  // Large results go back to pixels: every product after them needs that.
  r.layout =
      layout == Layout::kAny || (layout == Layout::kOther && largest > kSmallOperandBytes) ? Layout::kPixels : layout;
  if (op.kind == OpKind::kOptimizer) {
    // Gradient and the shard of FP32 master weights and momentum are read; weights and shard are written.
    const std::int64_t elements = ceil_div(op.elements, settings_.optimizer_shards);
    r.load_bytes = elements * (dtype_bytes(op.dtype) + 8);
    r.store_bytes = elements * (dtype_bytes(op.dtype) + 8);
    r.flops = elements * op.vector_flops_per_element;
    r.element_bytes = 4;
  } else {
    for_each_input(op, [&](std::uint32_t index, const Tensor& tensor) {
      if (is_small_operand(tensor.role) && tensor.bytes <= kSmallOperandBytes) {
        r.to_all_bytes += tensor.bytes;
        return;
      }
      r.load_bytes += tensor.bytes;
      const Layout other = layout_[index];
      if (is_local_data(tensor.role) && other != Layout::kAny && other != r.layout) {
        const bool across = other == Layout::kOther || r.layout == Layout::kOther;
        (across ? r.collected_bytes : r.shifted_bytes) += tensor.bytes;
      }
    });
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) {
      const Tensor& tensor = graph_.tensors[graph_.tensor_refs[i]];
      r.store_bytes += is_local_data(tensor.role) && tensor.role != TensorRole::kGradient ? tensor.bytes : 0;
    }
    if (op.inputs_begin == op.inputs_end && op.outputs_begin == op.outputs_end) {
      r.load_bytes = r.store_bytes = op.elements * r.element_bytes;
    }
  }
  if (op.kind == OpKind::kBatchNormStats || op.kind == OpKind::kBatchNormGradStats) {
    r.sums_bytes = 2 * op.channels * 4;
  }
  if (op.kind == OpKind::kReduction) {
    r.sums_bytes = std::exchange(r.store_bytes, 0) / r.element_bytes * 4;
  }
  if (op.kind == OpKind::kSoftmaxLoss && r.layout != Layout::kPixels && r.load_bytes <= kSmallOperandBytes) {
    r.to_all_bytes += r.load_bytes;  // a sample's classes lie on different nodes
  }
  if (op.kind == OpKind::kPool || op.kind == OpKind::kPoolGrad) {
    describe_window(op, r);
  }
  const auto found = vectors_.find(r);
  const std::uint32_t index = found != vectors_.end() ? found->second : store(plan_vector(r, context_));
  vectors_.emplace(std::move(r), index);
  set_output_layout(op, plans_[index].output);
  return index;
}

std::uint32_t OpPlanner::plan_without_shapes(const Op& op, bool recorded) {
  Cycles cycles = 0;
  if (recorded) {
    cycles = std::max<Cycles>(
        1, static_cast<Cycles>(std::ceil(static_cast<double>(op.duration_ns) * settings_.clock_hz / 1e9)));
  }
  Bytes bytes = op.bytes;
  if (bytes == 0) {
    for_each_input(op, [&](std::uint32_t, const Tensor& tensor) { bytes += tensor.bytes; });
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i) {
      bytes += graph_.tensors[graph_.tensor_refs[i]].bytes;
    }
  }
  const std::array key{op.flops, bytes, cycles};
  const auto found = shapeless_.find(key);
  const std::uint32_t index =
      found != shapeless_.end() ? found->second : store(plan_shapeless(op.flops, bytes, cycles, context_));
  shapeless_.emplace(key, index);
  set_output_layout(op, Layout::kPixels);
  return index;
}

bool matches(const ReplayRule& rule, const Graph& graph, const Op& op) {
  return fnmatch(rule.operations.c_str(), graph.op_name(op).c_str(), 0) == 0 ||
         fnmatch(rule.operations.c_str(), op_kind_name(op.kind), 0) == 0;
}

const std::string& OpPlanner::replay_of(const Op& op) const {
  for (auto rule = settings_.replay_rules.rbegin(); rule != settings_.replay_rules.rend(); ++rule) {
    if (matches(*rule, graph_, op)) return rule->replay;
  }
  return settings_.replay;
}

std::uint32_t OpPlanner::plan(std::uint32_t op_index, Bytes budget_bytes) {
  const Op& op = graph_.ops[op_index];
  const std::string& replay = replay_of(op);
  if (replay == "recorded" && op.duration_ns > 0) {
    return plan_without_shapes(op, true);
  }
  if (op.kind == OpKind::kCompute) {
    return plan_without_shapes(op, op.flops == 0 && op.bytes == 0 && op.duration_ns > 0);
  }
  if (replay == "roofline") {
    return plan_without_shapes(op, false);
  }
  if (op.kind >= OpKind::kConv && op.kind <= OpKind::kMatMulWeightGrad) {
    return plan_matrix(op, budget_bytes);
  }
  return plan_vector_op(op);
}

}  // namespace dojo::workload
