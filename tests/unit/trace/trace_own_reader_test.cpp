// SPDX-License-Identifier: Apache-2.0
// Readers of plug-ins: what they know is theirs, and what they do wrong is told.
#include "dojo/trace/own_readers.h"

#include "unit/trace/trace_support.h"

namespace dojo::workload {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTrace =
    R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 2}],
        "graphs": [{"ops": [{"id": 1, "kind": "all_reduce", "bytes": 4096}]}]})";

/// Files that begin with `mark`.
OwnReader reader(const std::string& name, const std::string& mark, const std::string& text) {
  return {name, "for a test", [mark](const std::string&, std::string_view bytes) { return bytes.rfind(mark, 0) == 0; },
          [text](const std::string&, std::string_view) { return text; }, "this test"};
}

std::string refusal(OwnReader own) {
  try {
    add_trace_reader(std::move(own));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    return error.what();
  }
  return "accepted";
}

class OwnReaders : public TraceFiles {};

TEST_F(OwnReaders, WhatCannotBeAddedIsTold) {
  EXPECT_THAT(refusal(reader("", "x", "")), HasSubstr("expected up to 64 letters"));
  EXPECT_THAT(refusal(reader("kineto", "x", "")), HasSubstr("a name that a built-in format has"));
  OwnReader own = reader("half", "x", "");
  own.knows = nullptr;
  EXPECT_THAT(refusal(own), HasSubstr("no function that knows its files"));
  own = reader("half", "x", "");
  own.read = nullptr;
  EXPECT_THAT(refusal(own), HasSubstr("no function that reads"));
  EXPECT_EQ(refusal(reader("once", "@once", "")), "accepted");
  EXPECT_THAT(refusal(reader("once", "@once", "")), HasSubstr("a name that this test has"));
}

TEST_F(OwnReaders, GiveTheTraceOfTheirFiles) {
  add_trace_reader(reader("marked", "@marked", kTrace));
  const Workload workload = read_text("@marked\n");
  EXPECT_EQ(workload.ranks(), 2U);
  ASSERT_EQ(workload.graphs.size(), 1U);
  EXPECT_EQ(workload.graphs[0].format, "marked");
  EXPECT_EQ(workload.graphs[0].ops[0].bytes, 4096);
  TraceOptions options;
  options.ranks = 3;
  EXPECT_THAT(errors("@marked\n", options), ElementsAre(HasSubstr("found a trace of 2 ranks, expected 3")));
  EXPECT_THAT(errors("@other\n"), ElementsAre(HasSubstr("bytes of no known format")));
}

TEST_F(OwnReaders, AWrongTextIsTheReaders) {
  add_trace_reader(reader("wrong", "@wrong", R"({"format": "dojo.trace/1", "ranks": []})"));
  EXPECT_THAT(errors("@wrong"),
              testing::Contains(AllOf(HasSubstr("this test: trace reader \"wrong\" gave a text that is no trace: "),
                                      HasSubstr("/t:1: /ranks: found 0 ranks"))));
  add_trace_reader(reader("no_json", "@no_json", "hello"));
  EXPECT_THAT(errors("@no_json"), ElementsAre(HasSubstr("trace reader \"no_json\" gave a text that is no trace")));
}

TEST_F(OwnReaders, TheirExceptionsEndTheReading) {
  OwnReader own = reader("thrower", "@throws", "");
  own.read = [](const std::string&, std::string_view) -> std::string { throw std::runtime_error("bad record 7"); };
  add_trace_reader(own);
  EXPECT_THAT(errors("@throws"), ElementsAre(AllOf(HasSubstr("/t: this test: trace reader \"thrower\""),
                                                   HasSubstr("found an exception (bad record 7), expected a trace"))));
  own = reader("thrower_of_numbers", "@numbers", "");
  own.read = [](const std::string&, std::string_view) -> std::string { throw 7; };
  add_trace_reader(own);
  EXPECT_THAT(errors("@numbers"), ElementsAre(HasSubstr("an exception of no known kind")));
  own = reader("tells", "@tells", "");
  own.read = [](const std::string& file, std::string_view) -> std::string {
    throw Error(ExitCode::kInvalidInput, {file + ":1: found this", file + ":2: found that"});
  };
  add_trace_reader(own);
  EXPECT_THAT(errors("@tells"), ElementsAre(HasSubstr(":1: found this"), HasSubstr(":2: found that")));
}

TEST_F(OwnReaders, TwoThatKnowAFileAreOneTooMany) {
  add_trace_reader(reader("first", "@two", kTrace));
  add_trace_reader(reader("second", "@two", kTrace));
  EXPECT_THAT(errors("@two"), ElementsAre(AllOf(HasSubstr("found two readers that know it, \"first\" of this test"),
                                                HasSubstr("\"second\" of this test"))));
}

}  // namespace
}  // namespace dojo::workload
