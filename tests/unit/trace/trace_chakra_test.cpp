// SPDX-License-Identifier: Apache-2.0
// Chakra traces: every quirk of real files, made here byte by byte, and every kind of damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "dojo/base/error.h"
#include "dojo/trace/trace.h"

namespace dojo::workload {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// The wire format, by hand: what a file holds must not depend on the library under test.
std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
  return out + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
std::string block(int field, const std::string& bytes) {
  return varint((static_cast<std::uint64_t>(field) << 3) | 2) + varint(bytes.size()) + bytes;
}
std::string record(const std::string& message) {
  return varint(message.size()) + message;
}
constexpr int kInt32 = 7, kInt64 = 9, kUint64 = 13, kSint64 = 17, kBool = 27, kString = 29;
std::string attribute(const std::string& name, int encoding, std::uint64_t value) {
  return block(10, block(1, name) + number(encoding, value));
}
std::string text(const std::string& name, const std::string& value) {
  return block(10, block(1, name) + block(kString, value));
}
enum Type : std::uint64_t { kMetadata = 1, kLoad, kStore, kComp, kSendNode, kRecvNode, kColl };

struct NodeText {
  std::uint64_t id = 0;
  std::uint64_t type = kComp;
  std::vector<std::uint64_t> deps;
  std::string rest;
  std::string name = "";
};
std::string node(const NodeText& n) {
  std::string out = n.id == 0 ? "" : number(1, n.id);
  out += block(2, n.name.empty() ? "n" + std::to_string(n.id) : n.name) + number(3, n.type);
  for (const std::uint64_t dep : n.deps) out += number(5, dep);
  return record(out + n.rest);
}
std::string metadata(const std::string& schema = "") {
  const std::string version = block(1, "0.0.4");
  return record(schema.empty() ? version : version + block(2, block(1, "schema") + block(kString, schema)));
}
std::string all_reduce(std::uint64_t id, std::uint64_t bytes, const std::string& rest = "") {
  return node({id, kColl, {}, attribute("comm_type", kInt64, 0) + attribute("comm_size", kInt64, bytes) + rest, ""});
}

class TraceChakra : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("dojo_trace_chakra_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  /// One file per rank under the prefix "t".
  void ranks(const std::vector<std::string>& files) const {
    for (std::size_t i = 0; i < files.size(); ++i) file("t." + std::to_string(i) + ".et", files[i]);
  }
  Workload read(const TraceOptions& options = {}) const { return read_trace(path("t"), options, nullptr); }
  std::vector<std::string> errors(const TraceOptions& options = {}) const {
    try {
      (void)read(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return error.lines();
    }
    return {};
  }
  /// The graph of one rank with these nodes.
  Graph graph(const std::string& nodes, const TraceOptions& options = {}) const {
    ranks({metadata() + nodes});
    return read(options).graphs[0];
  }
  std::filesystem::path folder_;
};

// "{" says 123 bytes; a new line and a space begin a field of 32 bytes, and pairs of spaces are numbers.
TEST_F(TraceChakra, AJsonTextThatReadsAsARecordIsNone) {
  std::string text = "{\n   \"format\": \"dojo.trace/1\",";
  text.resize(3 + 32, ' ');
  std::string key = "\"!a\": 1,";
  key.resize(2 + 33, ' ');
  text += key + std::string(54, ' ') + "\"ranks\": [], \"graphs\": []}";
  const std::string file = (std::filesystem::temp_directory_path() / "dojosim_like_chakra.json").string();
  std::ofstream(file) << text;
  try {
    (void)read_trace(file, {}, nullptr);
    ADD_FAILURE() << "a trace without ranks is read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/ranks: found 0 ranks"));
  }
  std::filesystem::remove(file);
}

TEST_F(TraceChakra, CutAnywhereIsAnErrorOrEndsBetweenRecords) {
  const std::string parts[] = {metadata("1.0.1"), node({3, kComp, {}, number(7, 5), ""}), all_reduce(8, 64),
                               node({9, kComp, {3}, number(7, 1), ""})};
  std::string whole;
  std::vector<std::size_t> ends;
  for (const std::string& part : parts) ends.push_back((whole += part).size());
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    ranks({whole.substr(0, size)});
    const bool between = std::find(ends.begin() + 1, ends.end(), size) != ends.end();
    const auto lines = errors();
    EXPECT_EQ(lines.empty(), between) << size;
    if (between) {
      EXPECT_THAT(read().graphs[0].warnings, Contains(HasSubstr("no end mark"))) << size;
      continue;
    }
    EXPECT_THAT(lines, Contains(AllOf(HasSubstr("t.0.et: byte "), HasSubstr("rank 0")))) << size;
  }
  ranks({whole.substr(0, ends[2] - 3)});
  EXPECT_THAT(errors(), Contains(AllOf(HasSubstr("byte " + std::to_string(ends[1])),
                                       HasSubstr("the last whole node is id 3 'n3'"))));
}

TEST_F(TraceChakra, AnyByteChangedNeverCrashes) {
  const std::string whole = metadata("1.0.1") + node({3, kComp, {9}, number(7, 5), ""}) +
                            all_reduce(8, 64, text("pg_name", "0")) + node({9, kComp, {8}, number(7, 1), ""});
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char change : {'\x00', '\x80', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = change;
      ranks({damaged});
      try {
        (void)read();
      } catch (const Error& error) {
        EXPECT_FALSE(error.lines().empty());
      }
    }
  }
}

TEST_F(TraceChakra, AMissingRankInTheMiddleIsNamed) {
  ranks({metadata() + all_reduce(1, 8), metadata() + all_reduce(1, 8), metadata() + all_reduce(2, 8)});
  std::filesystem::remove(path("t.1.et"));
  EXPECT_THAT(errors(), Contains(AllOf(HasSubstr("t.1.et"), HasSubstr("rank 1"))));
  TraceOptions options;
  options.ranks = 5;
  EXPECT_THAT(errors(options), AllOf(SizeIs(3), Contains(HasSubstr("t.4.et"))));
  options.ranks = 2;
  EXPECT_THAT(errors(options), Contains(AllOf(HasSubstr("t.2.et"), HasSubstr("file of rank 2"))));
  options.ranks = 6;
  options.replicate = true;
  EXPECT_EQ(read(options).ranks(), 6u);
  EXPECT_EQ(read(options).graphs.size(), 1u);
}

TEST_F(TraceChakra, OneNamedFileOfSeveralIsRefusedUnlessItIsForAll) {
  ranks({metadata() + all_reduce(1, 8), metadata() + all_reduce(1, 8)});
  try {
    (void)read_trace(path("t.1.et"), {}, nullptr);
    ADD_FAILURE() << "the other ranks could not enter its collective";
  } catch (const Error& error) {
    EXPECT_THAT(error.lines(),
                Contains(AllOf(HasSubstr("the file of one rank"), HasSubstr("give the prefix '" + path("t") + "'"))));
  }
  TraceOptions options;
  options.ranks = 2;
  EXPECT_THROW((void)read_trace(path("t.1.et"), options, nullptr), Error);
  options.replicate = true;
  EXPECT_EQ(read_trace(path("t.1.et"), options, nullptr).ranks(), 2u);
}

TEST_F(TraceChakra, AttributesMayHaveAnyIntegerEncoding) {
  const Graph g =
      graph(node({1,
                  kComp,
                  {},
                  attribute("num_ops", kUint64, 100) + attribute("tensor_size", kInt32, 7) +
                      attribute("is_cpu_op", kInt32, 0),
                  ""}) +
            node({2,
                  kColl,
                  {},
                  attribute("comm_type", kUint64, 7) + attribute("comm_size", kSint64, 2 * 640) +
                      attribute("is_cpu_op", kBool, 0),
                  ""}) +
            node({3,
                  kColl,
                  {},
                  text("comm_type", "8") + attribute("comm_size", kUint64, 64) + attribute("comm_priority", kInt32, 1),
                  ""}));
  EXPECT_EQ(g.ops[0].flops, 100);
  EXPECT_EQ(g.ops[0].bytes, 7);
  EXPECT_EQ(g.ops[1].kind, OpKind::kReduceScatter);
  EXPECT_EQ(g.ops[1].bytes, 640);
  EXPECT_EQ(g.ops[2].kind, OpKind::kReduceScatter);
}

TEST_F(TraceChakra, ANodeWithoutIsCpuOpCommunicatesAndALaunchDoesNot) {
  const Graph g = graph(all_reduce(1, 8) + all_reduce(2, 8, attribute("is_cpu_op", kBool, 1)) +
                        node({3, kComp, {2}, number(7, 50) + attribute("is_cpu_op", kBool, 1), ""}));
  EXPECT_EQ(g.ops[0].kind, OpKind::kAllReduce);
  EXPECT_EQ(g.ops[1].kind, OpKind::kNone);
  EXPECT_EQ(g.ops[2].kind, OpKind::kNone);
  EXPECT_THAT(g.warnings, Contains(HasSubstr("1 communication nodes are launches on the host CPU")));
}

TEST_F(TraceChakra, ZeroLengthMetadataAndIdZeroAreFine) {
  ranks({record("") + node({0, kComp, {}, number(7, 3), ""})});
  const Workload workload = read();
  EXPECT_EQ(workload.graphs[0].ops[0].id, 0u);
  EXPECT_EQ(workload.graphs[0].ops[0].duration_ns, 3000);
  ranks({metadata() + node({1, kComp, {}, number(7, 3), ""}) + record("")});
  EXPECT_THAT(errors(), Contains(HasSubstr("no Chakra node")));
}

TEST_F(TraceChakra, ForwardReferencesAreSortedIntoIssueOrder) {
  const Graph g = graph(node({5, kComp, {7}, number(7, 1), ""}) + node({6, kComp, {}, number(7, 1), ""}) +
                        node({7, kComp, {}, number(7, 1), ""}));
  ASSERT_THAT(g.ops, SizeIs(3));
  EXPECT_EQ(g.ops[0].id, 6u);
  EXPECT_EQ(g.ops[1].id, 7u);
  EXPECT_EQ(g.ops[2].id, 5u);
  EXPECT_EQ(g.deps[g.ops[2].deps_begin], 1u);
}

TEST_F(TraceChakra, AbsentAndControlDependenciesAreDroppedAndCounted) {
  const Graph g = graph(node({5, kComp, {99, 98, 5, 6, 6}, number(7, 1) + number(4, 5) + number(4, 6), ""}) +
                        node({6, kComp, {}, number(7, 1), ""}));
  EXPECT_EQ(g.deps.size(), 1u);
  EXPECT_THAT(g.warnings, Contains(HasSubstr("2 data dependencies on ids that are not in the file")));
  EXPECT_THAT(g.warnings, Contains(HasSubstr("1 data dependencies of a node on itself")));
  EXPECT_THAT(g.warnings, Contains(HasSubstr("2 control dependencies were ignored")));
}

TEST_F(TraceChakra, ACycleAndADuplicateIdAreErrors) {
  ranks({metadata() + node({5, kComp, {6}, number(7, 1), ""}) + node({6, kComp, {5}, number(7, 1), ""})});
  EXPECT_THAT(errors(), Contains(AllOf(HasSubstr("cycle of 2"), HasSubstr("'n5' (id 5)"), HasSubstr("t.0.et"),
                                       HasSubstr("rank 0"))));
  ranks({metadata() + all_reduce(5, 8) + all_reduce(5, 8)});
  EXPECT_THAT(errors(), Contains(HasSubstr("node id 5 'n5': found this id a second time")));
}

TEST_F(TraceChakra, UnknownTypesPassThrough) {
  const Graph g = graph(node({1, 8, {}, "", ""}) + node({2, 200, {1}, "", ""}) + node({3, kMetadata, {}, "", ""}) +
                        all_reduce(4, 8));
  EXPECT_EQ(g.ops[0].kind, OpKind::kNone);
  EXPECT_THAT(g.warnings, AllOf(Contains(HasSubstr("unknown type 8")), Contains(HasSubstr("unknown type 200"))));
}

TEST_F(TraceChakra, UnsupportedAndMissingCollectiveTypesAreErrors) {
  ranks(
      {metadata() + node({1, kColl, {}, attribute("comm_type", kInt64, 3) + attribute("comm_size", kInt64, 8), ""}) +
       node({2, kColl, {}, attribute("comm_size", kInt64, 8), ""}) +
       node({3, kColl, {}, attribute("comm_type", kInt64, 77), ""}) +
       node(
           {4, kColl, {}, attribute("comm_type", kInt64, 0) + attribute("comm_size", kInt64, ~std::uint64_t{0}), ""})});
  const auto lines = errors();
  EXPECT_THAT(lines, SizeIs(4));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("node id 1"), HasSubstr("GATHER"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("node id 2"), HasSubstr("without comm_type"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("node id 3"), HasSubstr("comm_type = 77"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("node id 4"), HasSubstr("comm_size = -1"))));
}

TEST_F(TraceChakra, CommTypeOfASendIsGarbageAndThePeerIsNeeded) {
  const std::string send =
      attribute("comm_type", kInt64, 5) + attribute("comm_size", kInt64, 8) + attribute("comm_tag", kInt32, 2);
  ranks({metadata() + node({1, kSendNode, {}, send + attribute("comm_dst", kInt32, 1), ""}),
         metadata() + node({1, kRecvNode, {}, send + attribute("comm_src", kInt32, 0), ""})});
  const Workload workload = read();
  EXPECT_EQ(workload.graphs[0].ops[0].kind, OpKind::kSend);
  EXPECT_EQ(workload.graphs[0].ops[0].peer, 1);
  EXPECT_EQ(workload.graphs[1].ops[0].tag, 2);
  ranks({metadata() + node({1, kSendNode, {}, send, ""}), metadata() + node({1, kRecvNode, {}, send, ""})});
  EXPECT_THAT(errors(),
              AllOf(Contains(HasSubstr("send without comm_dst")), Contains(HasSubstr("receive without comm_src"))));
}

TEST_F(TraceChakra, GroupsComeFromTheFileBeside) {
  const std::string a = metadata() + all_reduce(1, 8, text("pg_name", "1")),
                    b = metadata() + all_reduce(1, 16, attribute("comm_group", kInt32, 2));
  ranks({a, a, b, b});
  EXPECT_THAT(errors(), Contains(AllOf(HasSubstr("communicator '1'"), HasSubstr("workload.group_file"))));
  file("t.json", "{\"1\": [0, 1],\n \"2\": [2, 3]}");
  std::vector<std::string> files;
  const Workload workload = read_trace(path("t"), {}, &files);
  EXPECT_THAT(files, AllOf(SizeIs(5), Contains(path("t.json"))));
  EXPECT_EQ(workload.graphs.size(), 2u);  // equal files are one graph
  EXPECT_EQ(workload.group_classes.size(), 3u);
  EXPECT_THAT(workload.group_classes[2].groups[0].ranks, testing::ElementsAre(2u, 3u));
  file("t.json", "{\"1\": [0, 1],\n \"2\": [2, \"x\", 3]}");
  EXPECT_THAT(errors(), Contains(AllOf(HasSubstr("t.json:2"), HasSubstr("found 'x', expected a rank"))));
  file("other.json", "{\"1\": [0, 1], \"2\": [2, 3, 9]}");
  TraceOptions options;
  options.group_file = path("other.json");
  EXPECT_THAT(errors(options), Contains(HasSubstr("found rank 9, expected 0 to 3")));
}

TEST_F(TraceChakra, ARankOutsideItsGroupIsNamed) {
  const std::string a = metadata() + all_reduce(1, 8, text("pg_name", "1"));
  ranks({a, a, a});
  file("t.json", "{\"1\": [0, 1]}");
  EXPECT_THAT(errors(),
              Contains(AllOf(HasSubstr("rank 2"), HasSubstr("'n1'"), HasSubstr("expected a group with rank 2"))));
}

TEST_F(TraceChakra, EmbeddedProcessGroupsAreRead) {
  const std::string list = R"([{\"pg_name\": \"0\", \"ranks\": []}, {\"pg_name\": \"7\", \"ranks\": [0, 1]}])";
  const std::string init =
      node({1, kMetadata, {}, block(8, block(1, "[\"" + list + "\"]")), "## process_group:init ##"});
  const std::string a = metadata() + init + all_reduce(2, 8, text("pg_name", "7")), b = metadata() + init;
  ranks({a, a, b});
  const Workload workload = read();
  ASSERT_EQ(workload.group_classes.size(), 2u);
  EXPECT_EQ(workload.group_classes[1].name, "7");
  EXPECT_THAT(workload.group_classes[1].groups[0].ranks, testing::ElementsAre(0u, 1u));
}

TEST_F(TraceChakra, EmptyAndZeroGroupNamesAreAllRanks) {
  const Graph g =
      graph(all_reduce(1, 8, text("pg_name", "")) + all_reduce(2, 8, text("pg_name", "0")) + all_reduce(3, 8));
  for (const Op& op : g.ops) EXPECT_EQ(op.group, 0u);
}

TEST_F(TraceChakra, ElementCountsBecomeBytes) {
  const std::string nodes =
      all_reduce(1, 100) +
      node({2, kComp, {}, attribute("num_ops", kInt64, 9) + attribute("tensor_size", kUint64, 10), ""});
  ranks({metadata("symbolic_tensor_network") + nodes});
  Graph g = read().graphs[0];
  EXPECT_EQ(g.ops[0].bytes, 200);
  EXPECT_EQ(g.ops[1].bytes, 20);
  EXPECT_EQ(g.ops[1].flops, 9);
  EXPECT_THAT(g.warnings, Contains(HasSubstr("2 bytes per element (bf16) assumed")));
  TraceOptions options;
  options.bytes_per_element = 4;
  g = read(options).graphs[0];
  EXPECT_EQ(g.ops[0].bytes, 400);
  EXPECT_EQ(g.ops[0].dtype, DType::kFp32);
  EXPECT_THAT(graph(nodes).warnings, Not(Contains(HasSubstr("assumed"))));
}

TEST_F(TraceChakra, NamesAreMadePrintable) {
  const Graph g =
      graph(node({1, kComp, {}, number(7, 1), "caf\xc3\xa9"}) + node({2, kComp, {}, number(7, 1), "a\xff\nb"}));
  EXPECT_EQ(g.op_name(g.ops[0]), "caf\xc3\xa9");
  EXPECT_EQ(g.op_name(g.ops[1]), "a??b");
}

TEST_F(TraceChakra, GzipIsSeenByItsContent) {
  const std::string whole = metadata() + all_reduce(1, 8);
  gzFile out = gzopen(path("t.0.et").c_str(), "wb");
  ASSERT_EQ(gzwrite(out, whole.data(), static_cast<unsigned>(whole.size())), static_cast<int>(whole.size()));
  gzclose(out);
  EXPECT_EQ(read().graphs[0].ops[0].bytes, 8);
}

TEST_F(TraceChakra, NothingToDoTakesNoTime) {
  const Graph g = graph(node({1, kComp, {}, "", ""}) + all_reduce(2, 0) + node({3, kLoad, {}, "", ""}) +
                        node({4, kStore, {}, attribute("tensor_size", kUint64, 5), ""}));
  EXPECT_EQ(g.ops[0].kind, OpKind::kNone);
  EXPECT_EQ(g.ops[1].kind, OpKind::kNone);
  EXPECT_EQ(g.ops[2].kind, OpKind::kNone);
  EXPECT_EQ(g.ops[3].kind, OpKind::kMemStore);
  EXPECT_THAT(g.warnings, SizeIs(4)) << "three counts, and that the file has no end mark";
}

TEST_F(TraceChakra, ConvertsToTheOwnFormatAndBack) {
  const std::string a = metadata() + all_reduce(1, 8, text("pg_name", "1")) +
                        node({2, kComp, {1}, attribute("num_ops", kInt64, 9) + number(7, 4), ""});
  ranks({a, a});
  file("t.json", "{\"1\": [1, 0]}");
  write_trace(read(), path("own.json"));
  const Workload back = read_trace(path("own.json"), {}, nullptr);
  EXPECT_EQ(back.ranks(), 2u);
  EXPECT_THAT(back.group_classes[1].groups[0].ranks, testing::ElementsAre(1u, 0u));
  EXPECT_EQ(back.graphs[0].ops[1].flops, 9);
  EXPECT_EQ(back.graphs[0].ops[1].duration_ns, 4000);
}

}  // namespace
}  // namespace dojo::workload
