// SPDX-License-Identifier: Apache-2.0
// Words of the enumerations go out and come back; the string table keeps one copy of what comes close together.
#include "dojo/workload/graph.h"

#include <gtest/gtest.h>

#include <set>

#include "workload/names.h"

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

}  // namespace
}  // namespace dojo::workload
