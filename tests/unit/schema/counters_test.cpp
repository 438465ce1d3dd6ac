// SPDX-License-Identifier: Apache-2.0
// Visitors of counters: the guard, merging, scaling, hashing.
#include "dojo/schema/counters.h"

#include <gtest/gtest.h>

#include <vector>

namespace dojo::schema {
namespace {

struct Parts {
  std::uint64_t transfers = 0;
  std::int64_t longest = 0, shortest = 100;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    field("transfers", self.transfers, Sum{}, "bursts", "");
    field("longest", self.longest, Max{}, "cycles", "", ReportedAs{"wait.longest"});
    field("shortest", self.shortest, Min{}, "cycles", "", kNotReported);
  }
};
static_assert(every_counter_is_listed<Parts>());
static_assert(!every_counter_adds<Parts>());

struct Forgetful {
  std::uint64_t listed = 0, forgotten = 0;
  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    field("listed", self.listed, Sum{}, "", "");
  }
};
static_assert(!every_counter_is_listed<Forgetful>(), "the guard sees a member without a line");

std::vector<std::uint64_t> hashed(const Parts& parts) {
  std::vector<std::uint64_t> words;
  hash_named(parts, [&words](std::uint64_t word) { words.push_back(word); });
  return words;
}

TEST(Counters, MergeByTheirFolds) {
  Parts to{1, 20, 30};
  merge(to, {2, 10, 40});
  EXPECT_EQ(values_of(to), (CounterValues<Parts>{3, 20, 30}));
  merge(to, {0, 25, 5});
  EXPECT_EQ(values_of(to), (CounterValues<Parts>{3, 25, 5}));
}

TEST(Counters, ThatAddAreMultipliedAndExtremesAreNot) {
  Parts parts{3, 20, 30};
  multiply(parts, 4);
  EXPECT_EQ(values_of(parts), (CounterValues<Parts>{12, 20, 30}));
}

TEST(Counters, HashHoldsNamesAndOnlyWhatHasCounted) {
  EXPECT_TRUE(hashed({}).empty());
  EXPECT_EQ(hashed({7, 0, 100}), (std::vector<std::uint64_t>{word_of("transfers"), 7}));
  EXPECT_EQ(hashed({0, 7, 100}), (std::vector<std::uint64_t>{word_of("longest"), 7}));
  EXPECT_EQ(hashed({0, 0, 7}), (std::vector<std::uint64_t>{word_of("shortest"), 7}));
}

TEST(Counters, KeysOfTheReportFollowTheSectionUnlessTheLineSaysOtherwise) {
  EXPECT_EQ(report_key("links", "bytes"), "links.bytes");
  EXPECT_EQ(report_key("", "bytes"), "bytes");
  EXPECT_EQ(report_key("links", "bytes", ReportedAs{"net.bytes"}), "net.bytes");
  EXPECT_EQ(report_key("links", "bytes", kNotReported), "");
}

}  // namespace
}  // namespace dojo::schema
