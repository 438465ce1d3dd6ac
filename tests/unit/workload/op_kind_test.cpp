// SPDX-License-Identifier: Apache-2.0
// The table of kinds holds together: what one column says, the others do not contradict.
#include "dojo/workload/op_kind.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace dojo::workload {
namespace {

TEST(OpKinds, HaveOneWordEachThatComesBack) {
  std::set<std::string> words;
  for (const OpTraits& row : op_kinds()) {
    EXPECT_TRUE(words.insert(row.text).second) << row.text;
    EXPECT_EQ(schema::enum_value<OpKind>(row.text), row.kind) << row.text;
    EXPECT_STREQ(op_kind_name(row.kind), row.text);
    EXPECT_EQ(&traits(row.kind), &row) << row.text;
  }
  EXPECT_EQ(schema::enum_words<OpKind>().size(), words.size());
  EXPECT_FALSE(schema::enum_value<OpKind>("convolution").has_value());
}

TEST(OpKinds, BelongToOneFamily) {
  std::size_t kinds = 0;
  for (const OpFamily f : {OpFamily::kNothing, OpFamily::kProduct, OpFamily::kVector, OpFamily::kShapeless,
                           OpFamily::kMemory, OpFamily::kCollective, OpFamily::kMessage}) {
    EXPECT_FALSE(kinds_of(f).empty());
    kinds += kinds_of(f).size();
  }
  EXPECT_EQ(kinds, op_kinds().size());
}

TEST(OpKinds, HaveOnlyWhatTheirFamilyHas) {
  for (const OpTraits& row : op_kinds()) {
    SCOPED_TRACE(row.text);
    const bool vector = row.family == OpFamily::kVector;
    EXPECT_EQ(row.family == OpFamily::kProduct, row.shape != OpShape::kNone && !vector);
    if (row.has(OpTraits::kNeedsChannels)) {
      EXPECT_TRUE(row.has(OpTraits::kNeedsElements));
    }
    if (row.has(OpTraits::kNeedsElements) || row.has(OpTraits::kUpdatesParameters)) {
      EXPECT_TRUE(vector);
    }
    if (row.has(OpTraits::kHasRoot)) {
      EXPECT_TRUE(is_collective(row.kind));
    }
    if (row.has(OpTraits::kNeedsBytes)) {
      EXPECT_TRUE(row.family == OpFamily::kMemory || is_communication(row.kind));
    }
    if (row.has(OpTraits::kRowsAreChannels) || row.has(OpTraits::kGroupsOfSamples)) {
      EXPECT_TRUE(row.has(OpTraits::kNeedsChannels));
    }
    EXPECT_TRUE(row.vector_flops == 0 || vector);
    EXPECT_TRUE(row.shape_flops == 1 || row.family == OpFamily::kProduct);
    EXPECT_GE(row.shape_flops, 1);
    if (row.has(OpTraits::kCheapToRepeat)) {
      EXPECT_TRUE(is_compute(row.kind));
    }
    EXPECT_EQ(row.link_bytes != nullptr, is_collective(row.kind));
  }
}

TEST(OpKinds, GradientsOfAProductAreProductsOfItsShape) {
  for (const OpTraits& row : op_kinds()) {
    EXPECT_EQ(row.input_grad == OpKind::kNone, row.weight_grad == OpKind::kNone) << row.text;
    for (const OpKind gradient : {row.input_grad, row.weight_grad}) {
      if (gradient == OpKind::kNone) continue;
      EXPECT_EQ(row.family, OpFamily::kProduct) << row.text;
      EXPECT_EQ(family(gradient), OpFamily::kProduct) << row.text;
      EXPECT_EQ(traits(gradient).shape, row.shape) << row.text;
    }
  }
}

/// nccl-tests, PERFORMANCE.md: factors of bus bandwidth; an all-gather is counted by its result there.
TEST(OpKinds, LinkBytesAreThoseOfNcclTests) {
  EXPECT_EQ(traits(OpKind::kAllReduce).link_bytes(800, 4), 1200);
  EXPECT_EQ(traits(OpKind::kReduceScatter).link_bytes(800, 4), 600);
  EXPECT_EQ(traits(OpKind::kAllToAll).link_bytes(800, 4), 600);
  EXPECT_EQ(traits(OpKind::kAllGather).link_bytes(200, 4), 600);
  EXPECT_EQ(traits(OpKind::kBroadcast).link_bytes(800, 4), 800);
  EXPECT_EQ(traits(OpKind::kReduce).link_bytes(800, 4), 800);
  EXPECT_EQ(traits(OpKind::kBarrier).link_bytes(0, 4), 0);
}

}  // namespace
}  // namespace dojo::workload
