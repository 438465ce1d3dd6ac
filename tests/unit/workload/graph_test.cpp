// SPDX-License-Identifier: Apache-2.0
// Words of the enumerations go out and come back; the string table keeps one copy of what comes close together.
#include "dojo/workload/graph.h"

#include <gtest/gtest.h>

namespace dojo::workload {
namespace {

TEST(GraphNames, ComeBackToTheirValues) {
  for (const std::string& word : schema::enum_words<DType>())
    EXPECT_EQ(dtype_name(*schema::enum_value<DType>(word)), word);
  for (const std::string& word : schema::enum_words<Phase>())
    EXPECT_EQ(phase_name(*schema::enum_value<Phase>(word)), word);
  for (const std::string& word : schema::enum_words<TensorRole>())
    EXPECT_EQ(tensor_role_name(*schema::enum_value<TensorRole>(word)), word);
}

TEST(GraphStrings, AreKeptOnce) {
  Graph graph;
  EXPECT_EQ(graph.intern(""), 0u);
  const std::uint32_t a = graph.intern("a");
  EXPECT_EQ(graph.intern("a"), a);
  EXPECT_NE(graph.intern("b"), a);
  EXPECT_EQ(graph.str(a), "a");
}

}  // namespace
}  // namespace dojo::workload
