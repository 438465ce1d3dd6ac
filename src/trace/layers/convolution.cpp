// SPDX-License-Identifier: Apache-2.0
// Shapes of convolutions.
#include "trace/layers/convolution.h"

#include <algorithm>

#include "trace/graph_builder.h"

namespace dojo::workload::layers {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 50;

/// All equal and not empty.
bool uniform(const std::vector<std::int64_t>& values) {
  return !values.empty() && std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == values[0]; });
}

bool multiply(std::int64_t& value, std::int64_t factor) {
  return factor >= 1 && !__builtin_mul_overflow(value, factor, &value) && value <= kMost;
}

}  // namespace

bool shape_convolution(const ConvolutionExtents& e, Op& op) {
  const std::size_t dims = e.x.size();
  if (dims < 3 || e.w.size() != dims || e.y.size() != dims) return false;
  for (const auto* list : {&e.x, &e.w, &e.y}) {
    if (std::any_of(list->begin(), list->end(), [](std::int64_t v) { return v < 1 || v > kMost; })) return false;
  }
  if (e.x[1] % e.w[1] != 0) return false;
  const std::int64_t groups = e.x[1] / e.w[1];
  if (e.w[0] % groups != 0) return false;
  if (groups == 1 && dims == 4 && uniform(e.stride) && uniform(e.pad) && uniform(e.dilation) && e.dilation[0] == 1) {
    ConvShape shape{e.x[0], e.x[1], e.x[2], e.x[3], e.w[0], e.w[2], e.w[3], e.stride[0], e.pad[0], 0, 0};
    if (set_output_size(shape) && shape.p == e.y[2] && shape.q == e.y[3]) {
      op.conv = shape;
      return true;
    }
  }
  std::int64_t pixels = e.y[0], filter = e.w[1];
  for (std::size_t d = 2; d < dims; ++d) {
    if (!multiply(pixels, e.y[d]) || !multiply(filter, e.w[d])) return false;
  }
  op.mat = {pixels, e.w[0] / groups, filter, groups};
  return true;
}

}  // namespace dojo::workload::layers
