// SPDX-License-Identifier: Apache-2.0
// Convolutions as implicit products, with groups, dilation, uneven strides and pads, and transposed ones.
//
// x has n x h x w pixels of c channels, y has n x p x q pixels of k channels. Of g groups, each multiplies c / g
// channels with k / g filters: g products, side by side. A transposed convolution is the input gradient of the one
// whose input and output have changed places.
#include <algorithm>

#include "lower/kinds/kinds.h"
#include "lower/kinds/requests.h"

namespace dojo::workload {
namespace {

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
  s.w_bytes = c.weights() * element_bytes;
  return s;
}

/// What nothing has laid out yet comes as pixels.
TensorPlace conv_place(const OpView& view, Bytes bytes, std::size_t otherwise) {
  TensorPlace place = place_of_bytes(view, bytes, otherwise);
  if (place.layout == Layout::kAny) place.layout = Layout::kPixels;
  return place;
}

ProductRequest conv_request(const OpView& view, const ConvShape& c, const ConvSizes& s, bool input_grad) {
  ProductRequest r;
  r.element_bytes = dtype_bytes(view.op.dtype);
  r.conv = c;
  r.groups = c.groups;
  if (s.window) {
    r.halo = input_grad ? ProductRequest::Halo::kInputGrad : ProductRequest::Halo::kForward;
    r.halo_pixels = input_grad ? s.out_pixels : s.in_pixels;
    r.halo_pixel_bytes = (input_grad ? c.k : c.c) * r.element_bytes;
  }
  return r;
}

/// y of x.
KernelRequest forward(const OpView& view, const ConvShape& c) {
  const ConvSizes s = sizes_of(c, dtype_bytes(view.op.dtype));
  ProductRequest r = conv_request(view, c, s, false);
  r.m = s.out_pixels, r.n = c.k, r.k = c.c / c.groups * c.r * c.s;
  r.a_bytes = s.x_read_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.y_bytes;
  r.a = conv_place(view, s.x_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

/// x of y.
KernelRequest input_grad(const OpView& view, const ConvShape& c) {
  const ConvSizes s = sizes_of(c, dtype_bytes(view.op.dtype));
  ProductRequest r = conv_request(view, c, s, true);
  r.m = s.out_pixels, r.n = c.c, r.k = c.k / c.groups * c.r * c.s;
  r.a_bytes = s.y_bytes, r.b_bytes = s.w_bytes, r.c_bytes = s.x_bytes;
  r.a = conv_place(view, s.y_bytes, 0);
  r.b = place_of_second(view, s.w_bytes);
  return r;
}

}  // namespace

KernelRequest conv(const OpView& view) {
  const ConvShape& c = view.op.conv;
  return c.transposed != 0 ? input_grad(view, mirrored(c)) : forward(view, c);
}

KernelRequest conv_input_grad(const OpView& view) {
  const ConvShape& c = view.op.conv;
  return c.transposed != 0 ? forward(view, mirrored(c)) : input_grad(view, c);
}

/// The gradient of the result comes first among the inputs: y, of a transposed convolution x.
KernelRequest conv_weight_grad(const OpView& view) {
  const bool transposed = view.op.conv.transposed != 0;
  const ConvShape c = transposed ? mirrored(view.op.conv) : view.op.conv;
  const ConvSizes s = sizes_of(c, dtype_bytes(view.op.dtype));
  ProductRequest r = conv_request(view, c, s, false);
  r.m = c.c / c.groups * c.r * c.s, r.n = c.k, r.k = s.out_pixels;
  r.pixels = Cut::kK;
  r.a_bytes = s.x_read_bytes, r.b_bytes = s.y_bytes, r.c_bytes = s.w_bytes;
  r.a = conv_place(view, s.x_bytes, transposed ? 0 : 1);
  r.b = conv_place(view, s.y_bytes, transposed ? 1 : 0);
  place_gradient(view, r);
  return r;
}

}  // namespace dojo::workload
