// SPDX-License-Identifier: Apache-2.0
// The kernel functions, and at the end the table of them.
#include "lower/op_kernels.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dojo/workload/residency.h"

namespace dojo::workload {
namespace {

constexpr Bytes kSmallOperandBytes = 65536;  // cheaper sent to all nodes than found out who needs what

bool is_small_operand(TensorRole role) {
  return role == TensorRole::kStatistics || role == TensorRole::kWeight;
}

/// Where the input of that size lies: of those that are data if there are any, the otherwise-th when none or several
/// have it.
TensorPlace place_of_bytes(const OpView& view, Bytes bytes, std::size_t otherwise, bool data = true) {
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> fitting;
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (is_local_data(tensor.role) == data) {
      inputs.push_back(index);
      if (tensor.bytes == bytes) fitting.push_back(index);
    }
  });
  if (fitting.size() == 1) return view.places[fitting.front()];
  return otherwise < inputs.size() ? view.places[inputs[otherwise]] : TensorPlace{};
}

/// Of the second operand of a product: a weight, or data beside the first operand.
TensorPlace place_of_second(const OpView& view, Bytes bytes) {
  bool weight = false;
  view.for_each_input([&](std::uint32_t, const Tensor& tensor) { weight = weight || !is_local_data(tensor.role); });
  TensorPlace place = place_of_bytes(view, bytes, weight ? 0 : 1, !weight);
  // A weight lies as suits, and so does an operand of a product that is not batched.
  if (weight || view.op.mat.batch <= 1) place.layout = Layout::kAny;
  return place;
}

// Convolutions: x has n x h x w pixels of c channels, y has n x p x q pixels of k channels.

/// Sizes that the three products of a convolution share.
struct ConvSizes {
  std::int64_t out_pixels, in_pixels;
  bool window;
  Bytes x_bytes, x_read_bytes, y_bytes, w_bytes;
};

ConvSizes sizes_of(const ConvShape& c, Bytes element_bytes) {
  ConvSizes s{};
  s.out_pixels = c.n * c.p * c.q;
  s.in_pixels = c.n * c.h * c.w;
  s.window = c.r > 1 || c.s > 1;
  s.x_bytes = s.in_pixels * c.c * element_bytes;
  // A 1 x 1 filter with a stride reads only the pixels it hits.
  s.x_read_bytes = s.window ? s.x_bytes : std::min(s.x_bytes, s.out_pixels * c.c * element_bytes);
  s.y_bytes = s.out_pixels * c.k * element_bytes;
  s.w_bytes = c.c * c.r * c.s * c.k * element_bytes;
  return s;
}

ProductRequest conv_request(const OpView& view, const ConvSizes& s, bool input_grad) {
  const ConvShape& c = view.op.conv;
  ProductRequest r;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.conv = c;
  if (s.window) {
    r.halo = input_grad ? ProductRequest::Halo::kInputGrad : ProductRequest::Halo::kForward;
    r.halo_pixels = input_grad ? s.out_pixels : s.in_pixels;
    r.halo_pixel_bytes = (input_grad ? c.k : c.c) * r.element_bytes;
  }
  return r;
}

/// What nothing has laid out yet comes as pixels.
TensorPlace conv_place(const OpView& view, Bytes bytes, std::size_t otherwise) {
  TensorPlace place = place_of_bytes(view, bytes, otherwise);
  if (place.layout == Layout::kAny) place.layout = Layout::kPixels;
  return place;
}

KernelRequest conv(const OpView& view) {
  const ConvShape& c = view.op.conv;
  const ConvSizes s = sizes_of(c, dtype_bytes(view.op.dtype));
  ProductRequest r = conv_request(view, s, false);
  r.m = s.out_pixels, r.n = c.k, r.k = c.c * c.r * c.s;
  r.a_bytes = s.x_read_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.y_bytes;
  r.a = conv_place(view, s.x_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

KernelRequest conv_input_grad(const OpView& view) {
  const ConvShape& c = view.op.conv;
  const ConvSizes s = sizes_of(c, dtype_bytes(view.op.dtype));
  ProductRequest r = conv_request(view, s, true);
  r.m = s.out_pixels, r.n = c.c, r.k = c.k * c.r * c.s;
  r.a_bytes = s.y_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.x_bytes;
  r.a = conv_place(view, s.y_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

KernelRequest conv_weight_grad(const OpView& view) {
  const ConvShape& c = view.op.conv;
  const ConvSizes s = sizes_of(c, dtype_bytes(view.op.dtype));
  ProductRequest r = conv_request(view, s, false);
  r.m = c.c * c.r * c.s, r.n = c.k, r.k = s.out_pixels;
  r.pixels = Cut::kK;
  r.a_bytes = s.x_read_bytes, r.b_bytes = s.y_bytes, r.c_bytes = s.w_bytes;
  r.a = conv_place(view, s.x_bytes, 1);
  r.b = conv_place(view, s.y_bytes, 0);
  r.destinations = residency(view.context.grid.shape(), s.w_bytes);
  return r;
}

// Matrix products: y (m x n) = x (m x k) * w (k x n), `batch` of them.

struct MatSizes {
  std::int64_t batch;
  Bytes x_bytes, w_bytes, y_bytes;
};

MatSizes sizes_of(const MatShape& s, Bytes element_bytes) {
  const std::int64_t batch = std::max<std::int64_t>(1, s.batch);
  const Bytes all = batch * element_bytes;
  return {batch, all * s.m * s.k, all * s.k * s.n, all * s.m * s.n};
}

ProductRequest matmul_request(const OpView& view, const MatSizes& s) {
  ProductRequest r;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.batch = s.batch;
  return r;
}

KernelRequest matmul(const OpView& view) {
  const MatShape& shape = view.op.mat;
  const MatSizes s = sizes_of(shape, dtype_bytes(view.op.dtype));
  ProductRequest r = matmul_request(view, s);
  r.m = shape.m, r.n = shape.n, r.k = shape.k;
  r.a_bytes = s.x_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.y_bytes;
  r.a = place_of_bytes(view, s.x_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

KernelRequest matmul_input_grad(const OpView& view) {
  const MatShape& shape = view.op.mat;
  const MatSizes s = sizes_of(shape, dtype_bytes(view.op.dtype));
  ProductRequest r = matmul_request(view, s);
  r.m = shape.m, r.n = shape.k, r.k = shape.n;
  r.a_bytes = s.y_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.x_bytes;
  r.a = place_of_bytes(view, s.y_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

KernelRequest matmul_weight_grad(const OpView& view) {
  const MatShape& shape = view.op.mat;
  const MatSizes s = sizes_of(shape, dtype_bytes(view.op.dtype));
  ProductRequest r = matmul_request(view, s);
  r.m = shape.k, r.n = shape.n, r.k = shape.m;
  r.pixels = Cut::kK;
  r.a_bytes = s.x_bytes, r.b_bytes = s.y_bytes, r.c_bytes = s.w_bytes;
  r.a = place_of_bytes(view, s.x_bytes, 1);
  r.b = place_of_bytes(view, s.y_bytes, 0);
  if (r.batch == 1) r.destinations = residency(view.context.grid.shape(), s.w_bytes);
  return r;
}

// Vector unit.

/// Multiply-adds of an element, each of which is one operation of the FMA unit.
std::int64_t multiply_adds(const Op& op) {
  switch (op.kind) {
    case OpKind::kBatchNormStats:  // sum of squares
    case OpKind::kBatchNormApply:  // scale and shift
      return 1;
    case OpKind::kBatchNormGradStats:  // x_hat; sum of dy * x_hat
      return 2;
    case OpKind::kBatchNormGradApply:  // x_hat; dy - x_hat * b; scale and shift
      return 3;
    case OpKind::kOptimizer:  // decay, momentum, update
      return op.vector_flops_per_element / 2;
    default:
      return 0;
  }
}

std::int64_t operations_of_element(const Op& op) {
  const std::int64_t flops = op.vector_flops_per_element;
  return flops - std::min(flops / 2, multiply_adds(op));
}

VectorRequest vector_request(const OpView& view) {
  VectorRequest r;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.flops = view.op.elements * view.op.vector_flops_per_element;
  r.operations = view.op.elements * operations_of_element(view.op);
  Bytes largest = -1;
  TensorPlace place;
  std::uint8_t part = kUnplaced;  // that holds all inputs
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (!is_local_data(tensor.role)) return;
    part = std::min(part, view.places[index].part);
    if (tensor.bytes > largest) {
      largest = tensor.bytes;
      place = view.places[index];
    }
  });
  // Large results go back to pixels: every product after them needs that.
  if (place.layout == Layout::kAny || (place.layout == Layout::kOther && largest > kSmallOperandBytes))
    place.layout = Layout::kPixels;
  r.place = {place.layout, part == kUnplaced ? std::uint8_t{0} : part};
  return r;
}

/// Reads its inputs and writes its outputs; without tensors, its elements.
VectorRequest tensors_request(const OpView& view) {
  VectorRequest r = vector_request(view);
  view.for_each_input([&](std::uint32_t index, const Tensor& tensor) {
    if (is_small_operand(tensor.role) && tensor.bytes <= kSmallOperandBytes) {
      r.to_all_bytes += tensor.bytes;
      return;
    }
    r.load_bytes += tensor.bytes;
    const TensorPlace& other = view.places[index];
    const bool elsewhere = other.part != kUnplaced && other.part != r.place.part;
    if (is_local_data(tensor.role) && other.layout != Layout::kAny && (elsewhere || other.layout != r.place.layout)) {
      const bool across = elsewhere || other.layout == Layout::kOther || r.place.layout == Layout::kOther;
      (across ? r.collected_bytes : r.shifted_bytes) += tensor.bytes;
    }
  });
  view.for_each_output([&](std::uint32_t, const Tensor& tensor) {
    r.store_bytes += is_local_data(tensor.role) && tensor.role != TensorRole::kGradient ? tensor.bytes : 0;
  });
  const Op& op = view.op;
  if (op.inputs_begin == op.inputs_end && op.outputs_begin == op.outputs_end)
    r.load_bytes = r.store_bytes = op.elements * r.element_bytes;
  return r;
}

KernelRequest elementwise(const OpView& view) {
  return tensors_request(view);
}

/// Two FP32 sums a channel.
KernelRequest channel_sums(const OpView& view) {
  VectorRequest r = tensors_request(view);
  r.sums_bytes = 2 * view.op.channels * 4;
  return r;
}

/// The result is a sum over the rank.
KernelRequest reduction(const OpView& view) {
  VectorRequest r = tensors_request(view);
  r.sums_bytes = std::exchange(r.store_bytes, 0) / r.element_bytes * 4;
  return r;
}

KernelRequest softmax_loss(const OpView& view) {
  VectorRequest r = tensors_request(view);
  if (r.place.layout != Layout::kPixels && r.load_bytes <= kSmallOperandBytes)
    r.to_all_bytes += r.load_bytes;  // a sample's classes lie on different nodes
  return r;
}

/// Gradient and the shard of the state are read; weights and shard are written.
KernelRequest optimizer(const OpView& view) {
  VectorRequest r = vector_request(view);
  const Op& op = view.op;
  const std::int64_t elements = ceil_div(op.elements, view.optimizer_shards);
  Bytes state = 0;
  view.for_each_input([&](std::uint32_t, const Tensor& tensor) {
    state += tensor.role == TensorRole::kOptimizerState ? tensor.bytes : 0;
  });
  constexpr Bytes kMasterAndMomentum = 8;  // FP32, of a parameter whose state is no tensor
  if (state == 0) state = op.elements * kMasterAndMomentum;
  r.load_bytes = r.store_bytes = elements * dtype_bytes(op.dtype) + ceil_div(state, view.optimizer_shards);
  r.flops = elements * op.vector_flops_per_element;
  r.operations = elements * operations_of_element(op);
  r.element_bytes = 4;
  r.place = {Layout::kPixels, 0};
  return r;
}

/// A window of more than one pixel, or none: then each node has what it reads.
bool has_window(const ConvShape& c) {
  return c.p * c.q > 0 && c.h * c.w > 0 && (c.r > 1 || c.s > 1);
}

std::int64_t pooled_channels(const Op& op) {
  return std::max<std::int64_t>(1, op.channels > 0 ? op.channels : op.conv.c);
}

void add_window(const OpView& view, ProductRequest::Halo halo, VectorRequest& r) {
  r.window = view.op.conv;
  r.pixel_bytes = pooled_channels(view.op) * dtype_bytes(view.op.dtype);
  r.halo = halo;
}

KernelRequest pool(const OpView& view) {
  VectorRequest r = tensors_request(view);
  if (has_window(view.op.conv)) add_window(view, ProductRequest::Halo::kForward, r);
  return r;
}

KernelRequest pool_grad(const OpView& view) {
  VectorRequest r = tensors_request(view);
  const ConvShape& c = view.op.conv;
  if (!has_window(c)) return r;
  const Bytes pooled_bytes = c.n * c.p * c.q * pooled_channels(view.op) * dtype_bytes(view.op.dtype);
  if (pooled_bytes > kSmallOperandBytes) {
    add_window(view, ProductRequest::Halo::kInputGrad, r);
    return r;
  }
  r.to_all_bytes += pooled_bytes;
  r.place.layout = Layout::kPixels;
  r.shifted_bytes = r.collected_bytes = 0;
  return r;
}

// Without shapes.

KernelRequest compute(const OpView& view) {
  const Op& op = view.op;
  const bool only_time = op.flops == 0 && op.bytes == 0 && op.duration_ns > 0;
  return only_time ? recorded_request(view) : roofline_request(view);
}

struct Entry {
  OpKind kind;
  KernelFunction function;
};
constexpr Entry kKernels[] = {
    {OpKind::kConv, conv},
    {OpKind::kConvInputGrad, conv_input_grad},
    {OpKind::kConvWeightGrad, conv_weight_grad},
    {OpKind::kMatMul, matmul},
    {OpKind::kMatMulInputGrad, matmul_input_grad},
    {OpKind::kMatMulWeightGrad, matmul_weight_grad},
    {OpKind::kElementwise, elementwise},
    {OpKind::kBatchNormStats, channel_sums},
    {OpKind::kBatchNormApply, elementwise},
    {OpKind::kBatchNormGradStats, channel_sums},
    {OpKind::kBatchNormGradApply, elementwise},
    {OpKind::kPool, pool},
    {OpKind::kPoolGrad, pool_grad},
    {OpKind::kSoftmaxLoss, softmax_loss},
    {OpKind::kReduction, reduction},
    {OpKind::kOptimizer, optimizer},
    {OpKind::kCompute, compute},
};

}  // namespace

bool is_local_data(TensorRole role) {
  return role == TensorRole::kActivation || role == TensorRole::kInput || role == TensorRole::kGradient;
}

KernelFunction kernel_function(OpKind kind) {
  for (const Entry& entry : kKernels)
    if (entry.kind == kind) return entry.function;
  return nullptr;
}

ShapelessRequest roofline_request(const OpView& view) {
  ShapelessRequest r;
  r.flops = view.op.flops;
  r.bytes = view.op.bytes;
  if (r.bytes == 0) {
    view.for_each_input([&](std::uint32_t, const Tensor& tensor) { r.bytes += tensor.bytes; });
    view.for_each_output([&](std::uint32_t, const Tensor& tensor) { r.bytes += tensor.bytes; });
  }
  return r;
}

ShapelessRequest recorded_request(const OpView& view) {
  ShapelessRequest r = roofline_request(view);
  constexpr double kMost = 9.2e18;  // below 2^63: beyond it the conversion has no result
  const double exact = std::ceil(static_cast<double>(view.op.duration_ns) * view.clock_hz / 1e9);
  r.recorded_cycles = std::max<Cycles>(1, static_cast<Cycles>(std::min(exact, kMost)));
  return r;
}

}  // namespace dojo::workload
