// SPDX-License-Identifier: Apache-2.0
// Words of the enumerations go out and come back; the string table keeps one copy of what comes close together.
#include "dojo/workload/graph.h"

#include <gtest/gtest.h>

#include <set>

#include "workload/names.h"
#include "workload/trace/graph_builder.h"

namespace dojo::workload {
namespace {

TEST(GraphNames, ComeBackToTheirValues) {
  std::set<std::string> words;
  for (int k = 0; k <= static_cast<int>(OpKind::kRecv); ++k) {
    const std::string word = op_kind_name(static_cast<OpKind>(k));
    EXPECT_EQ(op_kind_from(word), static_cast<OpKind>(k));
    EXPECT_TRUE(words.insert(word).second) << word;
  }
  EXPECT_EQ(op_kind_words().size(), words.size());
  for (const std::string& word : dtype_words()) EXPECT_EQ(dtype_name(*dtype_from(word)), word);
  for (const std::string& word : phase_words()) EXPECT_EQ(phase_name(*phase_from(word)), word);
  for (const std::string& word : tensor_role_words()) EXPECT_EQ(tensor_role_name(*tensor_role_from(word)), word);
  EXPECT_FALSE(op_kind_from("convolution").has_value());
  EXPECT_STREQ(op_kind_name(static_cast<OpKind>(99)), "unknown");
}

TEST(GraphStrings, AreKeptOnce) {
  Graph graph;
  EXPECT_EQ(graph.intern(""), 0u);
  const std::uint32_t a = graph.intern("a");
  EXPECT_EQ(graph.intern("a"), a);
  EXPECT_NE(graph.intern("b"), a);
  EXPECT_EQ(graph.str(a), "a");
}

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

}  // namespace
}  // namespace dojo::workload
