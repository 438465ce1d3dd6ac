// SPDX-License-Identifier: Apache-2.0
// Boundary pixels that convolution and pooling pieces need from their neighbours.
#include <algorithm>

#include "lower/deliveries.h"
#include "lower/kernel_plan.h"

namespace dojo::workload {
namespace {

constexpr int kMostNeighbours = 4;

struct Window {                // of operand pixels around an output pixel
  std::int64_t height, width;  // of an operand image
  std::int64_t out_width, out_pixels;
  std::int64_t stride, stride_x, low_y, low_x, high_y, high_x;
};

Window window_of(const ConvShape& c, ProductRequest::Halo halo) {
  if (halo == ProductRequest::Halo::kForward)
    return {c.h,
            c.w,
            c.q,
            c.p * c.q,
            c.stride,
            c.column_stride(),
            -c.pad,
            -c.left(),
            c.filter_rows() - 1 - c.pad,
            c.filter_columns() - 1 - c.left()};
  // Input gradient, in the grid of output-gradient pixels: half a window, in strides, to each side.
  const std::int64_t reach_y = ceil_div(c.filter_rows() / 2, c.stride);
  const std::int64_t reach_x = ceil_div(c.filter_columns() / 2, c.column_stride());
  return {c.p, c.q, c.q, c.p * c.q, 1, 1, -reach_y, -reach_x, reach_y, reach_x};
}

}  // namespace

PixelRange needed_pixels(const ConvShape& conv, ProductRequest::Halo halo, std::int64_t begin, std::int64_t end) {
  const Window w = window_of(conv, halo);
  if (begin >= end) return {};
  const auto corner = [&](std::int64_t pixel, std::int64_t dy, std::int64_t dx, bool high) {
    const std::int64_t image = pixel / w.out_pixels;
    const std::int64_t y = pixel % w.out_pixels / w.out_width * w.stride + dy;
    const std::int64_t x = pixel % w.out_width * w.stride_x + dx;
    const std::int64_t start = image * w.height * w.width;
    if (y < 0) return start;
    if (y >= w.height) return start + w.height * w.width - (high ? 1 : 0);
    return start + y * w.width + std::clamp<std::int64_t>(x, 0, w.width - 1);
  };
  return {corner(begin, w.low_y, w.low_x, false), corner(end - 1, w.high_y, w.high_x, true) + 1};
}

bool add_piece_halo(const ConvShape& conv, ProductRequest::Halo halo, std::int64_t cut_pixels,
                    std::int64_t operand_pixels, Bytes pixel_bytes, const SliceGrid& grid, Deliveries* deliveries,
                    Bytes* most_bytes) {
  const std::int64_t nodes = grid.nodes();
  for (std::int64_t p = 0; p < nodes; ++p) {
    const PixelRange need =
        needed_pixels(conv, halo, piece_begin(cut_pixels, nodes, p), piece_begin(cut_pixels, nodes, p + 1));
    Bytes received = 0;
    const auto take = [&](std::int64_t from) {
      const std::int64_t first = std::max(need.first, piece_begin(operand_pixels, nodes, from));
      const std::int64_t last = std::min(need.last, piece_begin(operand_pixels, nodes, from + 1));
      if (first < last) {
        received += (last - first) * pixel_bytes;
        deliveries->unicast(grid.node_at(static_cast<std::uint32_t>(from)), grid.node_at(static_cast<std::uint32_t>(p)),
                            (last - first) * pixel_bytes);
      }
    };
    std::int64_t low = p;
    while (low > 0 && need.first < need.last && piece_begin(operand_pixels, nodes, low) > need.first) take(--low);
    std::int64_t high = p;
    while (high + 1 < nodes && piece_begin(operand_pixels, nodes, high + 1) < need.last) take(++high);
    if (p - low > kMostNeighbours || high - p > kMostNeighbours) return false;
    *most_bytes = std::max(*most_bytes, received);
  }
  return true;
}

std::int64_t add_band_halo(const ConvShape& conv, ProductRequest::Halo halo, std::int64_t cut_pixels,
                           std::int64_t operand_pixels, Bytes pixel_bytes, bool pass_on, const SliceGrid& grid,
                           Deliveries* deliveries, Bytes* most_bytes) {
  const std::int64_t nodes = grid.nodes();
  const auto begin = [&](std::int64_t total, std::int64_t row) {
    return piece_begin(total, nodes, grid.row_begin(static_cast<std::uint32_t>(row)));
  };
  std::int64_t reach = 0;
  for (std::int64_t r = 0; r < static_cast<std::int64_t>(grid.rows()); ++r) {
    if (grid.row_count(static_cast<std::uint32_t>(r)) == 0) continue;
    const PixelRange need = needed_pixels(conv, halo, begin(cut_pixels, r), begin(cut_pixels, r + 1));
    Bytes received = 0;
    for (std::int64_t from = 0; from < static_cast<std::int64_t>(grid.rows()); ++from) {
      const std::int64_t first = std::max(need.first, begin(operand_pixels, from));
      const std::int64_t last = std::min(need.last, begin(operand_pixels, from + 1));
      if (from == r || first >= last) continue;
      reach = std::max(reach, from > r ? from - r : r - from);
      received += deliveries->band_halo(static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(r),
                                        (last - first) * pixel_bytes, pass_on);
    }
    *most_bytes = std::max(*most_bytes, received);
  }
  return reach;
}

}  // namespace dojo::workload
