// SPDX-License-Identifier: Apache-2.0
// What a `fields()` list becomes: declarations, words, units.
#include "dojo/schema/declared.h"

#include <gmock/gmock.h>

namespace dojo::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Colour { kRed, kBlue };
inline constexpr EnumEntry<Colour> kColours[] = {{Colour::kRed, "red", ""}, {Colour::kBlue, "blue", ""}};
constexpr const auto& enum_entries(Colour) {
  return kColours;
}

struct Inner {
  double rate_bytes_per_s = 2.5e12;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("rate_bytes_per_s", self.rate_bytes_per_s, "a rate", AtLeast(1), Source{"X1"});
  }
};

struct Outer {
  std::int64_t count = 3;
  bool on = true;
  Colour colour = Colour::kBlue;
  std::string word = "a";
  std::vector<std::int64_t> sites{1, 2};
  Inner inner;
  std::vector<Inner> items;
  std::map<std::string, std::string> names;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    field("count", self.count, "how many", Between(1, 9), Source{"assumed"});
    field("on", self.on, "switch", Anything(), Source{"chosen"});
    field("colour", self.colour, "paint", Anything(), Source{"chosen"});
    field("word", self.word, "letter", OneOf("a", "b"), Source{"chosen"});
    field("sites", self.sites, "places", AtLeast(0), Source{"chosen"});
    field.group("inner", self.inner, "nested");
    field.list("items", self.items, "several");
    field.map("names", self.names, "by name");
  }
};

TEST(Enums, UnknownTextIsNoValue) {
  EXPECT_FALSE(enum_value<Colour>("green").has_value());
  EXPECT_FALSE(enum_value<Colour>("").has_value());
  EXPECT_EQ(enum_value<Colour>("red"), Colour::kRed);
  EXPECT_STREQ(enum_text(Colour::kBlue), "blue");
  EXPECT_THAT(enum_words<Colour>(), ElementsAre("red", "blue"));
}

TEST(Keys, AreThoseOfOneStructInOrder) {
  EXPECT_THAT(keys_of<Outer>(), ElementsAre("count", "on", "colour", "word", "sites", "inner", "items", "names"));
}

TEST(Declarations, AreFlatWithPathsKindsDefaults) {
  std::vector<std::string> seen;
  for (const Declared& one : declarations_of<Outer>("o."))
    seen.push_back(fmt::format("{} {} {}", one.path, static_cast<int>(one.kind), one.default_text));
  const auto row = [](const char* path, Kind kind, const char* value) {
    return fmt::format("{} {} {}", path, static_cast<int>(kind), value);
  };
  EXPECT_THAT(seen,
              ElementsAre(row("o.count", Kind::kInteger, "3"), row("o.on", Kind::kBool, "true"),
                          row("o.colour", Kind::kText, "blue"), row("o.word", Kind::kText, "a"),
                          row("o.sites", Kind::kIntegers, "[1, 2]"), row("o.inner", Kind::kGroup, ""),
                          row("o.inner.rate_bytes_per_s", Kind::kNumber, "2.5e12"), row("o.items", Kind::kList, "[]"),
                          row("o.items[].rate_bytes_per_s", Kind::kNumber, "2.5e12"), row("o.names", Kind::kMap, "{}"),
                          row("o.names.*", Kind::kText, "")));
}

TEST(Words, OfRanges) {
  EXPECT_EQ(range_text(Between(1, 4096)), "1 to 4096");
  EXPECT_EQ(range_text(AtLeast(0)), "at least 0");
  EXPECT_EQ(range_text(Anything()), "");
  EXPECT_EQ(range_text(OneOf("a", "b")), "a, b");
  EXPECT_THAT(words_of(Between(0, 1)), IsEmpty());
}

TEST(Units, ComeFromTheEndOfTheKey) {
  EXPECT_EQ(unit_of_key("edge_bytes_per_s"), "bytes/s");
  EXPECT_EQ(unit_of_key("port_bytes_per_cycle"), "bytes/cycle");
  EXPECT_EQ(unit_of_key("hop_cycles"), "cycles");
  EXPECT_EQ(unit_of_key("bytes"), "bytes");
  EXPECT_EQ(unit_of_key("columns"), "") << "ends in ns, but is no time";
  EXPECT_EQ(unit_of_key("level"), "");
}

TEST(Numbers, AreShortAndReadBack) {
  EXPECT_EQ(number_text(2e9), "2e9");
  EXPECT_EQ(number_text(2.016e12), "2.016e12");
  EXPECT_EQ(number_text(0.85), "0.85");
  EXPECT_EQ(number_text(1250000), "1250000");
  EXPECT_EQ(std::stod(number_text(1.0 / 3)), 1.0 / 3);
}

}  // namespace
}  // namespace dojo::schema
