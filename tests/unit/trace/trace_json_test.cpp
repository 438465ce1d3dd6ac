// SPDX-License-Identifier: Apache-2.0
// The own trace format: every mistake is named with its line, all at once; a good trace comes back byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dojo/trace/trace.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TraceJson : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("dojo_trace_json_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }
  std::vector<std::string> errors(const std::string& text, const TraceOptions& options = {}) {
    try {
      (void)read_trace(file("t.json", text), options, nullptr);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return error.lines();
    }
    return {};
  }
  /// A trace of two ranks with these operations.
  static std::string with_ops(const std::string& ops) {
    return R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":2}],"graphs":[{"tensors":[{"name":"x","bytes":64,"role":"input"}],"ops":[)" +
           ops + "]}]}";
  }
  std::filesystem::path folder_;
};

TEST_F(TraceJson, AMissingFileIsAnIoError) {
  try {
    (void)read_trace((folder_ / "absent").string(), {}, nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.lines(), Contains(HasSubstr("no such file")));
  }
  EXPECT_THROW((void)read_trace(folder_.string(), {}, nullptr), Error);
}

TEST_F(TraceJson, NamesTheLineOfASyntaxError) {
  EXPECT_THAT(errors("{\"format\":\n\"dojo.trace/1\",\n\"ranks\": [}\n"),
              Contains(AllOf(HasSubstr("t.json:3:"), HasSubstr("not valid JSON"))));
  EXPECT_THAT(errors("{\"format\":"), SizeIs(1));
  EXPECT_THAT(errors("hello world, this is no trace at all"), Contains(HasSubstr("no known format")));
  EXPECT_THAT(errors("[1]"), Contains(HasSubstr("expected an object")));
}

TEST_F(TraceJson, RefusesAnotherVersion) {
  EXPECT_THAT(errors(R"({"format":"dojo.trace/9"})"),
              Contains(HasSubstr("found 'dojo.trace/9', expected 'dojo.trace/1'")));
}

TEST_F(TraceJson, ReportsAllMistakesAtOnceWithTheirLines) {
  const auto lines = errors(R"({"format":"dojo.trace/1",
"ranks":[{"graph":0,"ranks":2},{"graph":7,"ranks":1}],
"rnaks":3,
"group_classes":[{"name":"g","groups":[{"name":"g0","ranks":[0,9]}]}],
"graphs":[{"tensors":[{"name":"x","bytes":-1,"role":"input"},{"name":"y","bytes":4,"role":"wieght"},{"name":"y","bytes":4,"role":"input"}],
"ops":[{"id":0,"kind":"conv"},
{"id":0,"kind":"mathmul","matmul":{"m":1,"n":1,"k":1}},
{"id":1,"kind":"matmul","matmul":{"m":0,"n":1,"k":1.5}},
{"id":2,"kind":"all_reduce","bytes":0},
{"id":3,"kind":"none","deps":[99]},
{"id":4,"kind":"none","inputs":["z"]},
{"id":5,"kind":"none","duration":3},
{"id":6,"kind":"all_reduce","bytes":4,"group":"h"},
{"id":7,"kind":"none","id":8}]}]}
)");
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("t.json:14:"), HasSubstr("the key 'id' twice"))));
  const auto rest = errors(R"({"format":"dojo.trace/1",
"ranks":[{"graph":0,"ranks":2},{"graph":7,"ranks":1}],
"rnaks":3,
"group_classes":[{"name":"g","groups":[{"name":"g0","ranks":[0,9]}]}],
"graphs":[{"tensors":[{"name":"x","bytes":-1,"role":"input"},{"name":"y","bytes":4,"role":"wieght"},{"name":"y","bytes":4,"role":"input"}],
"ops":[{"id":0,"kind":"conv"},
{"id":0,"kind":"mathmul"},
{"id":1,"kind":"matmul","matmul":{"m":0,"n":1,"k":1.5}},
{"id":2,"kind":"all_reduce","bytes":0},
{"id":3,"kind":"none","deps":[99]},
{"id":4,"kind":"none","inputs":["z"]},
{"id":5,"kind":"none","duration":3},
{"id":6,"kind":"all_reduce","bytes":4,"group":"h"}]}]}
)");
  const std::vector<std::pair<const char*, const char*>> expected{
      {":2: /ranks/1/graph", "found 7, expected an index of graphs, 0 to 0"},
      {":3: /rnaks", "unknown key, expected 'ranks'?"},
      {":4: /group_classes/0/groups/0/ranks", "found 9, expected a rank from 0 to 2"},
      {":5: /graphs/0/tensors/0/bytes", "found -1"},
      {":5: /graphs/0/tensors/1/role", "found 'wieght', expected 'weight'"},
      {":5: /graphs/0/tensors/2/name", "found 'y' a second time"},
      {":6: /graphs/0/ops/0/conv", "found nothing"},
      {":7: /graphs/0/ops/1/id", "found id 0 a second time, expected each id once (first at line 6)"},
      {":7: /graphs/0/ops/1/kind", "found 'mathmul', expected 'matmul'"},
      {":8: /graphs/0/ops/2/matmul/m", "found 0, expected an integer from 1"},
      {":8: /graphs/0/ops/2/matmul/k", "found 1.5, expected an integer"},
      {":9: /graphs/0/ops/3/bytes", "found 0, expected an integer from 1"},
      {":10: /graphs/0/ops/4/deps", "found 99, expected the id of an operation of this graph"},
      {":11: /graphs/0/ops/5/inputs", "found 'z', expected the name of a tensor"},
      {":12: /graphs/0/ops/6/duration", "unknown key, expected 'duration_ns'?"},
      {":13: /graphs/0/ops/7/group", "found 'h', expected the name of a group class"}};
  for (const auto& [place, words] : expected) EXPECT_THAT(rest, Contains(AllOf(HasSubstr(place), HasSubstr(words))));
  EXPECT_THAT(rest, SizeIs(expected.size()));
}

TEST_F(TraceJson, ASendMayNameItsRoute) {
  const std::string text =
      R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":1},{"graph":1,"ranks":1}],"graphs":[{"ops":[{"id":0,"kind":"send","bytes":64,"peer":1,"route":"zplane"}]},{"ops":[{"id":0,"kind":"recv","bytes":64,"peer":0}]}]})";
  const Workload workload = read_trace(file("routes.json", text), {}, nullptr);
  EXPECT_EQ(workload.graphs[0].ops[0].route, SendRoute::kZplane);
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"send","bytes":4,"peer":1,"route":"zplan"})")),
              Contains(AllOf(HasSubstr("/route"), HasSubstr("found 'zplan', expected 'zplane'"))));
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"recv","bytes":4,"peer":1,"route":"mesh"})")),
              Contains(AllOf(HasSubstr("/route"), HasSubstr("unknown key"))));
}

TEST_F(TraceJson, ACollectiveMayNameItsAlgorithm) {
  const auto first = [&](const std::string& op) {
    return read_trace(file("a.json", with_ops(op)), {}, nullptr).graphs[0].ops[0];
  };
  EXPECT_EQ(first(R"({"id":0,"kind":"all_reduce","bytes":4,"algorithm":"ring"})").algorithm, Algorithm::kRing);
  EXPECT_EQ(first(R"({"id":0,"kind":"all_reduce","bytes":4,"algorithm":""})").algorithm, std::nullopt);
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"all_reduce","bytes":4,"algorithm":"rign"})")),
              Contains(AllOf(HasSubstr("/algorithm"), HasSubstr("found 'rign', expected 'ring'"))));
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"all_reduce","bytes":4,"algorithm":"butterfly"})")),
              Contains(HasSubstr("found 'butterfly', expected combs, direct, mesh2d, ring, tree or zplane")));
}

// Without tensors its elements are all that is known of a pool's work: none would take no time.
TEST_F(TraceJson, APoolWithoutElementsHasThoseOfItsShape) {
  const std::string shape = R"("conv":{"n":2,"c":3,"h":8,"w":6,"k":3,"r":2,"s":2,"stride":2})";
  const std::string path =
      file("t.json", with_ops(R"({"id":0,"kind":"pool",)" + shape + R"(},{"id":1,"kind":"pool_grad",)" + shape +
                              R"(},{"id":2,"kind":"pool","channels":5,)" + shape +
                              R"(},{"id":3,"kind":"pool","elements":7,)" + shape + "}"));
  const Workload workload = read_trace(path, {}, nullptr);
  std::vector<std::int64_t> elements;
  for (const Op& op : workload.graphs[0].ops) elements.push_back(op.elements);
  EXPECT_THAT(elements, testing::ElementsAre(2 * 3 * 4 * 3, 2 * 3 * 8 * 6, 2 * 5 * 4 * 3, 7));
}

TEST_F(TraceJson, APoolOfTooManyElementsIsRefused) {
  EXPECT_THAT(
      errors(with_ops(
          R"({"id":0,"kind":"pool","channels":2147483648,"conv":{"n":16777216,"c":1,"h":64,"w":64,"k":1,"r":1,"s":1}})")),
      Contains(HasSubstr("elements")));
}

TEST_F(TraceJson, AKeyOfAnotherKindIsUnknown) {
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"all_reduce","bytes":4,"peer":1})")),
              Contains(HasSubstr("/peer: unknown key")));
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"compute"})")),
              Contains(HasSubstr("without flops, bytes and duration_ns")));
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"matmul","matmul":{"m":2,"n":2,"k":2},"flops":17})")),
              Contains(HasSubstr("found 17, expected 16")));
  EXPECT_THAT(errors(with_ops(R"({"id":0,"kind":"conv","conv":{"n":1,"c":1,"h":2,"w":2,"k":1,"r":3,"s":3}})")),
              Contains(HasSubstr("expected one that fits")));
}

TEST_F(TraceJson, ARefusedKeyIsTheOnlyFindingOfItsOperation) {
  const auto only = [&](const char* op, const char* words) {
    EXPECT_THAT(errors(with_ops(op)), testing::ElementsAre(HasSubstr(words))) << op;
  };
  only(R"({"id":0,"kind":"compute","duration_ns":-1})", "/duration_ns: found -1");
  only(R"({"id":0,"kind":"compute","duration_ns":"3 ms"})", "/duration_ns: found");
  only(R"({"id":0,"kind":"compute","flops":1.5})", "/flops: found 1.5");
  only(R"({"id":0,"kind":"compute","bytes":null})", "/bytes: found null");
  only(R"({"id":0,"kind":"matmul","matmul":{"m":2,"n":2,"k":0},"flops":16})", "/matmul/k: found 0");
  only(R"({"id":0,"kind":"matmul","matmul":{"m":2,"n":2,"k":2},"flops":-16})", "/flops: found -16");
  only(R"({"id":0,"kind":"compute","duration_ns":0})", "without flops, bytes and duration_ns");
}

TEST_F(TraceJson, EveryPrefixOfATraceIsAnErrorAndNoCrash) {
  const std::string text = with_ops(R"({"id":0,"kind":"all_reduce","bytes":4},{"id":1,"kind":"none","deps":[0]})");
  EXPECT_THAT(errors(text), IsEmpty());
  for (std::size_t size = 1; size < text.size(); ++size) EXPECT_FALSE(errors(text.substr(0, size)).empty()) << size;
}

TEST_F(TraceJson, PrintsACycle) {
  const auto lines =
      errors(with_ops("\n"
                      R"({"id":5,"name":"a","kind":"none","deps":[7]},)"
                      "\n"
                      R"({"id":6,"name":"b","kind":"none","deps":[5]},)"
                      "\n"
                      R"({"id":7,"name":"c","kind":"none","deps":[6]})"));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], AllOf(HasSubstr("cycle of 3"), HasSubstr("'a' (id 5)"), HasSubstr("'b' (id 6)"),
                              HasSubstr("'c' (id 7)"), HasSubstr("t.json:2"), HasSubstr("ranks 0, 1")));
  EXPECT_THAT(errors(with_ops(R"({"id":5,"kind":"none","deps":[5]})")), Contains(HasSubstr("cycle of 1")));
}

TEST_F(TraceJson, ForwardDependenciesAreFine) {
  EXPECT_THAT(errors(with_ops(R"({"id":5,"kind":"none","deps":[6]},{"id":6,"kind":"none"})")), IsEmpty());
}

TEST_F(TraceJson, WritesBackWhatItRead) {
  ResNet50Options options;
  options.ranks = 50;
  options.steps = 2;
  for (const char* name : {"a.json", "a.json.gz"}) {
    const std::string first = (folder_ / name).string(), second = (folder_ / (std::string("second_") + name)).string();
    const Workload made = generate_resnet50(options);
    write_trace(made, first);
    std::vector<std::string> files;
    const Workload back = read_trace(first, {}, &files);
    write_trace(back, second);
    EXPECT_EQ(bytes(first), bytes(second)) << name;
    EXPECT_THAT(files, testing::ElementsAre(first));
    EXPECT_EQ(back.steps, 2);
    EXPECT_EQ(back.ranks(), 50u);
    ASSERT_EQ(back.graphs[0].ops.size(), made.graphs[0].ops.size());
    for (std::size_t i = 0; i < made.graphs[0].ops.size(); ++i)
      EXPECT_EQ(back.graphs[0].ops[i].flops, made.graphs[0].ops[i].flops);
  }
  EXPECT_LT(std::filesystem::file_size(folder_ / "a.json.gz"), std::filesystem::file_size(folder_ / "a.json") / 4);
  EXPECT_THROW(write_trace(generate_matmul(1, 1, 1, DType::kBf16), (folder_ / "no" / "such.json").string()), Error);
}

TEST_F(TraceJson, ACutGzipFileIsAnError) {
  const std::string whole = (folder_ / "a.json.gz").string();
  ResNet50Options options;
  options.batch_norm_group = 1;
  write_trace(generate_resnet50(options), whole);
  const std::string text = bytes(whole);
  for (std::size_t size : {text.size() - 1, text.size() / 2, std::size_t{40}}) {
    EXPECT_THROW((void)read_trace(file("cut.json.gz", text.substr(0, size)), {}, nullptr), Error) << size;
  }
}

TEST_F(TraceJson, KeepsEveryAttribute) {
  const std::string text = R"({"format":"dojo.trace/1",
 "ranks":[
  {"graph":0,"ranks":1},
  {"graph":1,"ranks":1}],
 "group_classes":[
  {"name":"pair","groups":[
    {"name":"pair[0]","ranks":[1,0]}]}],
 "graphs":[
  {"batch":3,"notes":[
    "2 nodes were dropped"],
   "ops":[
    {"id":9,"name":"s","kind":"send","bytes":7,"peer":1,"tag":-4},
    {"id":3,"kind":"compute","phase":"backward","dtype":"fp32","flops":10,"bytes":20,"duration_ns":30,"deps":[9]},
    {"id":4,"kind":"broadcast","bytes":8,"root":1,"algorithm":"tree","group":"pair","deps":[3,9]}]},
  {"ops":[
    {"id":1,"kind":"recv","bytes":7,"peer":0,"tag":-4},
    {"id":2,"kind":"broadcast","bytes":8,"root":1,"algorithm":"tree","group":"pair"}]}]}
)";
  const std::string again = (folder_ / "again.json").string();
  write_trace(read_trace(file("t.json", text), {}, nullptr), again);
  EXPECT_EQ(bytes(again), text);
}

TEST_F(TraceJson, RanksMustFitOrBeReplicated) {
  TraceOptions options;
  options.ranks = 5;
  const std::string text = with_ops(R"({"id":0,"kind":"all_reduce","bytes":4})");
  EXPECT_THAT(errors(text, options), Contains(HasSubstr("found a trace of 2 ranks, expected 5")));
  options.replicate = true;
  options.steps = 3;
  const Workload workload = read_trace(file("t.json", text), options, nullptr);
  EXPECT_EQ(workload.ranks(), 5u);
  EXPECT_EQ(workload.steps, 3);
  EXPECT_EQ(workload.group_classes[0].groups[0].ranks.size(), 5u);
}

TEST_F(TraceJson, DescribesWhatIsInATrace) {
  ResNet50Options options;
  options.ranks = 3000;
  const Workload workload = generate_resnet50(options);
  EXPECT_THAT(describe_workload(workload, false),
              AllOf(HasSubstr("583177863168000 matrix FLOP"), HasSubstr("25557032 parameters"), HasSubstr("0-2999"),
                    HasSubstr("  all                          1          3000  0 1 2 3 4 5 6 7 ...\n"),
                    HasSubstr("  bn                         120            25  0 1 2 3 4 5 6 7 ...\n")));
  EXPECT_THAT(describe_workload(workload, true),
              AllOf(HasSubstr("\"matrix_flops_all_ranks\": 583177863168000"), HasSubstr("dojosim.trace_info/1")));
}

/// A file for each rank is the usual case: what is the same in all of them is said once.
TEST_F(TraceJson, DescribesFilesOfRanksThatDoTheSameOnce) {
  ResNet50Options options;
  options.batch_norm_group = 1;
  Workload workload = generate_resnet50(options);
  workload.graph_of_rank.clear();
  const Graph one = workload.graphs[0];
  workload.graphs.clear();
  for (RankId rank = 0; rank < 12; ++rank) {
    workload.graph_of_rank.push_back(rank);
    workload.graphs.push_back(one);
    workload.graphs.back().file = fmt::format("net.{}.et", rank);
    workload.graphs.back().warnings = {fmt::format("net.{}.et: no end mark", rank)};
  }
  workload.graphs[9].warnings.push_back("another");
  const std::string text = describe_workload(workload, false);
  EXPECT_THAT(text, AllOf(HasSubstr("graph 0: net.0.et"), HasSubstr("graph 9: net.9.et"),
                          HasSubstr("  the same holds of graph 1 to 8, 10 to 11\n")));
  EXPECT_THAT(text, Not(AnyOf(HasSubstr("graph 1:"), HasSubstr("graph 10:"), HasSubstr("net.8.et"))));
  EXPECT_THAT(text, AllOf(HasSubstr("             0-8       0 "), HasSubstr("               9       9 "),
                          HasSubstr("           10-11       0 ")));
}

TEST_F(TraceJson, DescribesMemoryAndTheLongestChain) {
  // a is needed until the second operation, b until the third: a + b, b + c, and the weight all the time.
  Findings findings;
  const Workload workload = parse_json_trace(
      R"({"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":1}],"graphs":[{"tensors":[
        {"name":"w","bytes":1000,"role":"weight"},{"name":"a","bytes":10,"role":"activation"},
        {"name":"b","bytes":20,"role":"activation"},{"name":"c","bytes":5,"role":"activation"}],"ops":[
        {"id":0,"kind":"compute","duration_ns":7000,"inputs":["w"],"outputs":["a"]},
        {"id":1,"kind":"compute","duration_ns":2000,"deps":[0],"inputs":["a"],"outputs":["b"]},
        {"id":2,"kind":"compute","duration_ns":8500,"inputs":["b"],"outputs":["c"]}]}]})",
      "t", findings);
  ASSERT_TRUE(findings.empty());
  EXPECT_THAT(describe_workload(workload, false), AllOf(HasSubstr("at most 1030 at once"), HasSubstr("9.0 recorded us"),
                                                        HasSubstr("parameters unknown"), HasSubstr("batch unknown")));
  EXPECT_THAT(describe_workload(workload, true),
              AllOf(HasSubstr("\"live_tensor_bytes\": 1030"), HasSubstr("\"critical_path_recorded_ns\": 9000"),
                    HasSubstr("\"parameters\": null")));
}

TEST(TraceFormats, AreListed) {
  std::vector<std::string> names;
  for (const TraceFormat& format : trace_formats()) names.emplace_back(format.name);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_THAT(names, testing::IsSupersetOf({"astra-text", "chakra-et", "chakra-json", "dojo-json"}));
}

}  // namespace
}  // namespace dojo::workload
