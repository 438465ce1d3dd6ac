// SPDX-License-Identifier: Apache-2.0
// Convolutions with groups, dilation, uneven strides and pads, and transposed ones.
#include <gtest/gtest.h>

#include "dojo/workload/graph.h"

namespace dojo::workload {
namespace {

ConvShape conv(std::int64_t c, std::int64_t size, std::int64_t k, std::int64_t r) {
  ConvShape s;
  s.n = 1, s.c = c, s.h = s.w = size, s.k = k, s.r = s.s = r;
  return s;
}

std::int64_t flops(const ConvShape& s) {
  Op op;
  op.kind = OpKind::kConv;
  op.conv = s;
  return shape_flops(op);
}

TEST(ConvShape, RefusesWhatCannotBe) {
  ConvShape odd = conv(6, 8, 8, 3);
  odd.groups = 4;
  EXPECT_EQ(complete(odd),
            "found 4 groups of 6 channels and 8 filters, expected a number that divides both; correct it");
  ConvShape wide = conv(1, 8, 1, 3);
  wide.dilation = 4;
  EXPECT_EQ(
      complete(wide),
      "found a filter of 3 x 3 on an input of 8 x 8 with pad 0, 0 and dilation 4, expected one that fits; correct "
      "the shape");
  ConvShape padded = conv(1, 8, 1, 3);
  padded.pad_out = 1;
  EXPECT_EQ(complete(padded), "found pad_out of a convolution that is not transposed; remove it");
  ConvShape too_far = conv(1, 8, 1, 3);
  too_far.transposed = 1, too_far.stride = 2, too_far.pad_out = 2;  // a stride of 2 leaves one row open at most
  EXPECT_NE(complete(too_far), "");
}

/// MobileNet's block: 32 channels of 112 x 112, each with a filter of its own.
TEST(ConvShape, DepthWiseConvolutionsCountOneChannelAFilter) {
  ConvShape s = conv(32, 112, 32, 3);
  s.groups = 32, s.pad = 1;
  ASSERT_EQ(complete(s), "");
  EXPECT_EQ(flops(s), 2 * 32 * 112 * 112 * 9);
  EXPECT_EQ(s.weights(), 32 * 9);
}

TEST(ConvShape, DilationStridesAndPadsOfEachSide) {
  ConvShape s = conv(4, 20, 4, 3);
  s.dilation = 2;  // covers 5 pixels
  ASSERT_EQ(complete(s), "");
  EXPECT_EQ(s.p, 16);
  s = conv(4, 20, 4, 3);
  s.stride = 2, s.stride_w = 3, s.pad = 0, s.pad_bottom = 1, s.pad_w = 2;
  ASSERT_EQ(complete(s), "");
  EXPECT_EQ(s.p, (20 + 1 - 3) / 2 + 1);
  EXPECT_EQ(s.q, (20 + 2 + 2 - 3) / 3 + 1);  // the right side as the left
}

/// As in frameworks: (h - 1) stride - 2 pad + dilation (r - 1) + pad_out + 1.
TEST(ConvShape, ATransposedConvolutionMirrorsOne) {
  ConvShape up = conv(64, 10, 32, 3);
  up.transposed = 1, up.stride = 2, up.pad = 1, up.pad_out = 1;
  ASSERT_EQ(complete(up), "");
  EXPECT_EQ(up.p, 20);
  EXPECT_EQ(flops(up), 2 * 64 * 32 * 9 * 10 * 10);
  ConvShape down = mirrored(up);
  EXPECT_EQ(down.c, 32);
  EXPECT_EQ(down.k, 64);
  EXPECT_EQ(flops(down), flops(up));
  ConvShape again = down;
  again.p = again.q = 0;
  ASSERT_EQ(complete(again), "");
  EXPECT_EQ(again.p, 10);
}

}  // namespace
}  // namespace dojo::workload
