// SPDX-License-Identifier: Apache-2.0
// Shapes give the FLOPs of an operation, and its output's size.
#include <gtest/gtest.h>

#include <limits>

#include "dojo/workload/graph.h"

namespace dojo::workload {
namespace {

TEST(ShapeFlops, CountTwoPerMultiplyAccumulate) {
  Op op;
  op.kind = OpKind::kConv;
  op.conv = {2, 3, 8, 8, 4, 3, 3, 1, 1, 0, 0};
  ASSERT_TRUE(set_output_size(op.conv));
  EXPECT_EQ(op.conv.p, 8);
  EXPECT_EQ(shape_flops(op), 2 * (2 * 4 * 8 * 8) * (3 * 3 * 3));
  op.kind = OpKind::kMatMulWeightGrad;
  op.mat = {5, 6, 7, 2};
  EXPECT_EQ(shape_flops(op), 2 * 5 * 6 * 7 * 2);
  op.mat = {std::int64_t{1} << 31, std::int64_t{1} << 31, std::int64_t{1} << 31, 1};
  EXPECT_EQ(shape_flops(op), std::numeric_limits<std::int64_t>::max());  // saturates, so that a check can refuse it
  op.conv = {1, 1, 2, 2, 1, 5, 5, 1, 0, 0, 0};
  EXPECT_FALSE(set_output_size(op.conv));
}

TEST(ShapeFlops, OnlyProductsHaveThem) {
  Op op;
  op.kind = OpKind::kPool;
  op.conv = {2, 3, 8, 8, 4, 3, 3, 1, 1, 8, 8};
  EXPECT_EQ(shape_flops(op), 0);
}

TEST(ShapeCompletion, AgreesWithWhatIsGivenOrSaysWhatIsWrong) {
  ConvShape open{1, 1, 8, 8, 1, 3, 3, 1, 1, 0, 0};
  EXPECT_EQ(complete(open), "");
  EXPECT_EQ(open.p, 8);
  ConvShape other{1, 1, 8, 8, 1, 3, 3, 1, 1, 8, 7};
  EXPECT_EQ(complete(other), "found an output of 8 x 7, expected 8 x 8 by the other members; remove p and q");
  ConvShape large{1, 1, 2, 2, 1, 5, 5, 1, 0, 0, 0};
  EXPECT_EQ(complete(large),
            "found a filter of 5 x 5 on an input of 2 x 2 with pad 0, expected one that fits; correct the shape");
}

}  // namespace
}  // namespace dojo::workload
