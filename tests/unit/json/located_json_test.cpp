// SPDX-License-Identifier: Apache-2.0
// Values know their line, problems their place; lists and sequences of values are streamed.
#include "json/located_json.h"

#include <gtest/gtest.h>

namespace dojo::json {
namespace {

TEST(Parse, EveryValueKnowsItsLine) {
  const std::string text = "{\n  \"a\": 1,\n  \"b\": [2.5,\n    true, null],\n  \"c\": \"x\"\n}";
  LocatedJson root;
  Problems problems;
  ASSERT_TRUE(parse(text, root, problems));
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(root.line, 1u);
  EXPECT_EQ(root.find("a")->line, 2u);
  EXPECT_EQ(root.find("a")->integer, 1);
  const LocatedJson& list = *root.find("b");
  EXPECT_EQ(list.line, 3u);
  EXPECT_EQ(list.items[0].real, 2.5);
  EXPECT_EQ(list.items[1].line, 4u);
  EXPECT_EQ(list.items[1].type, LocatedJson::Type::kBool);
  EXPECT_EQ(root.find("c")->text, "x");
  EXPECT_EQ(root.find("d"), nullptr);
}

TEST(Parse, NumberBeforeALineFeedIsInItsOwnLine) {  // the parser reads one character past a number
  LocatedJson root;
  Problems problems;
  ASSERT_TRUE(parse("[1\n,2\n]", root, problems));
  EXPECT_EQ(root.items[0].line, 1u);
  EXPECT_EQ(root.items[1].line, 2u);
}

TEST(Parse, RepeatedKeysAreToldWithPathAndFirstLineAndTheFirstCounts) {
  LocatedJson root;
  Problems problems;
  ASSERT_TRUE(parse("{\"m\": [0, {\"a/b\": 1,\n\"a/b\": 2}]}", root, problems));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].kind, Problem::Kind::kRepeatedKey);
  EXPECT_EQ(problems[0].key, "a/b");
  EXPECT_EQ(problems[0].path, "/m/1/a~1b");
  EXPECT_EQ(problems[0].line, 2u);
  EXPECT_EQ(problems[0].first_line, 1u);
  EXPECT_EQ(root.find("m")->items[1].find("a/b")->integer, 1);
}

TEST(Parse, SyntaxErrorEndsWithItsOffset) {
  LocatedJson root;
  Problems problems;
  EXPECT_FALSE(parse("{\"a\": 1,\n \"b\" 2}", root, problems));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].kind, Problem::Kind::kSyntax);
  EXPECT_EQ(problems[0].line, 2u);
  EXPECT_EQ(problems[0].offset, 14u);  // of the 2
  EXPECT_EQ(problems[0].words.rfind("parse error at", 0), 0u) << problems[0].words;
}

TEST(Parse, NestingHasALimit) {
  LocatedJson root;
  Problems problems;
  EXPECT_TRUE(parse(std::string(kDeepest, '[') + std::string(kDeepest, ']'), root, problems));
  EXPECT_FALSE(parse(std::string(kDeepest + 1, '[') + std::string(kDeepest + 1, ']'), root, problems));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].kind, Problem::Kind::kTooDeep);
}

TEST(Parse, IntegersBeyond63BitsAreReal) {
  LocatedJson root;
  Problems problems;
  ASSERT_TRUE(parse("[9223372036854775807, 9223372036854775808]", root, problems));
  EXPECT_EQ(root.items[0].type, LocatedJson::Type::kInteger);
  EXPECT_EQ(root.items[1].type, LocatedJson::Type::kReal);
}

TEST(StreamList, HandsItemsOverAndKeepsTheRest) {
  LocatedJson rest;
  Problems problems;
  std::vector<std::int64_t> seen;
  const auto item = [&](const LocatedJson& value) { seen.push_back(value.find("n")->integer); };
  ASSERT_TRUE(stream_list("{\"v\": 3, \"list\": [{\"n\": 1}, {\"n\": 2}], \"w\": 4}", "list", item, rest, problems));
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(rest.find("v")->integer, 3);
  EXPECT_EQ(rest.find("w")->integer, 4);
  EXPECT_TRUE(rest.find("list")->items.empty());
}

TEST(StreamValues, CountLinesOnAndEndWhenTold) {
  Problems problems;
  std::vector<std::uint32_t> lines;
  const auto value = [&](const LocatedJson& one) {
    lines.push_back(one.line);
    return lines.size() < 3;
  };
  EXPECT_FALSE(stream_values("{}\n{}{\n}\n{}", value, problems));
  EXPECT_EQ(lines, (std::vector<std::uint32_t>{1, 2, 2}));
  EXPECT_TRUE(problems.empty());
}

TEST(FirstTopKey, LooksOnlyAtTheFirstObjectsOwnKeys) {
  EXPECT_EQ(first_top_key("{\"a\": {\"b\": 1}, \"c\": 2}", {"b", "c"}), "c");
  EXPECT_EQ(first_top_key("{\"a\": \"c\"}", {"c"}), "");
}

}  // namespace
}  // namespace dojo::json
