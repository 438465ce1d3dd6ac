// SPDX-License-Identifier: Apache-2.0
// What a user gets for bad input: the exit code, and a sentence that names the place. Nothing is simulated before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "support/program.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kTile = "configs/machines/tile.json";

/// One graph for each rank.
std::string trace_of(const std::vector<json>& graphs) {
  json trace = {{"format", "dojo.trace/1"}, {"ranks", json::array()}, {"graphs", json::array()}};
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    trace["ranks"].push_back({{"graph", i}, {"ranks", 1}});
    trace["graphs"].push_back({{"batch", 1}, {"ops", graphs[i]}});
  }
  return trace.dump(1);
}

json message(int id, const char* name, const char* kind, int peer) {
  json op = {{"id", id}, {"name", name}, {"kind", kind}, {"bytes", 65536}, {"peer", peer}};
  if (id > 0) op["deps"] = {id - 1};
  return op;
}

ProgramResult run_on_tile(const std::string& workload, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"run", "--machine", kTile, "--workload", workload, "--set", "workload.rank_unit=die"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words);
}

void expect_refused(const ProgramResult& result, int exit_code, const std::vector<std::string>& words) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  for (const std::string& word : words) EXPECT_THAT(result.err, HasSubstr(word));
}

TEST(BadTrace, WithAFindingOnEachLineIsNotPrintedWhole) {
  std::vector<json> ops;
  for (int id = 0; id < 3000; ++id) ops.push_back({{"id", id}, {"name", "x"}, {"kind", "elementwise"}, {"k", 1}});
  const TemporaryFolder folder;
  const std::string file = folder.write("trace.json", trace_of(std::vector<json>{json(ops)}));
  const ProgramResult result = run_program({"trace", "check", file});
  expect_refused(result, 3, {file, "/graphs/0/ops/0/k: unknown key", "more findings"});
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1001);
}

TEST(OutputFolder, OfARefusedRunIsNotLeftBehind) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "there");
  for (const char* out : {"a/b", "there"}) {
    const std::string workload = folder / "missing.json";
    expect_refused(run_program({"run", "--machine", kTile, "--workload", workload, "--out", folder / out}), 5,
                   {workload});
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "there")) << "it was there before";
}

TEST(BadMachine, TenMistakesAreTenLinesEachWithItsPlace) {
  json machine = json::parse(read_file(std::string(DOJO_SOURCE_DIR) + "/" + kTile));
  machine["clock_hz"] = "2 GHz";
  machine["node"]["sram_bytes"] = -1;
  machine["node"]["load_ports"] = 2.5;
  machine["noc"]["hop_cycls"] = 1;
  machine["noc"]["virtual_channels"] = 1000;
  machine["die"]["edge_bytes_per_s"] = 0;
  machine["die"]["crossing_ns"] = nullptr;
  machine["die"]["disabled_sites"][0] = 999;
  machine["tile"]["dies"] = {5, 5};
  machine["dip"]["present"] = "yes";
  const TemporaryFolder folder;
  const std::string file = folder.write("machine.json", machine.dump(1));
  const std::vector<std::string> places{"/clock_hz: ",        "/node/sram_bytes: ",      "/node/load_ports: ",
                                        "/noc/hop_cycls: ",   "/noc/virtual_channels: ", "/die/edge_bytes_per_s: ",
                                        "/die/crossing_ns: ", "/die/disabled_sites/0: ", "/tile/dies: ",
                                        "/dip/present: "};
  for (const ProgramResult& result :
       {run_program({"topo", "check", file}),
        run_program({"run", "--machine", file, "--workload", "configs/workloads/resnet50.json"})}) {
    expect_refused(result, 3, places);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 10) << result.err;
  }
}

TEST(BadFile, EmptyBinaryAndOtherFilesAreRefusedWithASentence) {
  const TemporaryFolder folder;
  const std::string empty = folder.write("empty.json", "");
  const std::string binary = folder.write("binary.json", std::string("\x7f"
                                                                     "ELF\0\1\2\xff",
                                                                     8));
  const std::string foreign = folder.write("other.json", R"({"name": "a document of another program"})");
  const std::string without_kernels = folder.write("kineto.json", R"({"schemaVersion": 1, "traceEvents": []})");
  for (const std::string& file : {empty, binary}) {
    expect_refused(run_program({"topo", "check", file}), 3, {file});
    expect_refused(run_program({"run", file}), 3, {file});
    expect_refused(run_program({"compare", file, file}), 3, {file});
    expect_refused(run_program({"trace", "check", file}), 3, {file});
    expect_refused(run_program({"sweep", file, "--out", folder / "sweep"}), 3, {file});
  }
  expect_refused(run_on_tile(foreign), 3, {foreign, "\"name\"", "expected one of", "\"trace\""});
  expect_refused(run_on_tile(without_kernels), 3, {without_kernels, "no work of a device", "record the trace with"});
  const std::string here = folder.path().string();
  for (const ProgramResult& result : {run_program({"topo", "check", here}), run_program({"run", here}),
                                      run_program({"trace", "check", here}), run_program({"compare", here, here})})
    expect_refused(result, 5, {here});
}

TEST(BadFile, AFileInTheWrongPlaceIsToldWhereItBelongs) {
  const TemporaryFolder folder;
  const std::string trace = folder.write("trace.json", trace_of({json::array({message(0, "s", "send", 1)})}));
  expect_refused(run_program({"run", trace}), 3, {"found a workload or trace", "--workload"});
  expect_refused(run_program({"run", kTile}), 3, {"found a machine", "--machine"});
}

TEST(BadFile, AByteOrderMarkAndDosLineEndsAreNoMistakes) {
  const TemporaryFolder folder;
  const std::string config = "{\r\n\"machine\": \"" + std::string(DOJO_SOURCE_DIR) +
                             "/configs/machines/node.json\",\r\n\"workload\": {\"generate\": {\"model\": \"matmul\", "
                             "\"m\": 64, \"n\": 64, \"k\": 64},\r\n\"rank_unit\": \"node\"}}\r\n";
  const std::string file = folder.write("run.json", "\xef\xbb\xbf" + config);
  const ProgramResult result = run_program({"run", file});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

/// The loader maps a file as its head says, and ends the program by a signal where that is cut off.
TEST(BadPlugin, WhatIsNoWholeSharedObjectIsRefused) {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const TemporaryFolder folder;
  std::vector<std::string> files{folder / "none.so", folder.write("empty.so", ""), folder.write("text.so", "hello"),
                                 folder / "."};
  for (const std::size_t length :
       {std::size_t{10}, std::size_t{64}, std::size_t{200}, std::size_t{4000}, whole.size() / 4, whole.size() / 2})
    files.push_back(folder.write(std::to_string(length) + ".so", whole.substr(0, length)));
  ASSERT_EQ(::mkfifo((folder / "pipe.so").c_str(), 0600), 0);
  files.push_back(folder / "pipe.so");
  for (const std::string& file : files) {
    const ProgramResult result = run_program({"run", "configs/runs/matmul_die.json", "--plugin", file});
    expect_refused(result, file == files[0] ? 5 : 3, {"--plugin " + file, "expected a shared object"});
  }
}

TEST(BadValue, OverridesAreCheckedLikeFiles) {
  const auto refused = [](const std::string& override_text, const std::string& words) {
    expect_refused(run_program({"run", "configs/runs/matmul_die.json", "--set", override_text}), 3, {words});
  };
  refused("machine.noc.link_bytes_per_cycle=64GB", "expected an integer");
  refused("machine.die.edge_bytes_per_s=1e99", "expected a number");
  refused("machine.die.edge_byte_per_s=1e12", "machine.die.edge_bytes_per_s");
  refused("workload.rank_unit=pod", "expected one of");
  refused("workload.generate.m=1000000000000", "expected 1 to");
}

TEST(BadValue, TheReferenceModelSaysEverythingItCannotBeBuiltWith) {
  expect_refused(run_program({"run", "configs/runs/matmul_die.json", "--set", "run.network_model=reference", "--set",
                              "machine.noc.virtual_channels=9", "--set", "machine.noc.buffer_packets_per_vc=200"}),
                 3,
                 {"machine.noc.virtual_channels: found 9, expected at most 8",
                  "machine.noc.buffer_packets_per_vc: found 200, expected at most 128"});
}

TEST(BadTrace, CutCyclicAndUnevenTracesAreRefusedBeforeTheyRun) {
  const TemporaryFolder folder;
  const json compute = {{"id", 0}, {"name", "a"}, {"kind", "compute"}, {"flops", 100}, {"deps", {1}}};
  const json after = {{"id", 1}, {"name", "b"}, {"kind", "compute"}, {"flops", 100}, {"deps", {0}}};
  const json first = {{"id", 0}, {"name", "sum"}, {"kind", "all_reduce"}, {"bytes", 4096}};
  const json second = {{"id", 1}, {"name", "again"}, {"kind", "all_reduce"}, {"bytes", 4096}, {"deps", {0}}};
  const std::string whole = trace_of({json::array({first, second}), json::array({first, second})});

  const std::string cut = folder.write("cut.json", whole.substr(0, whole.size() / 2));
  expect_refused(run_on_tile(cut), 3, {"cut.json"});
  const std::string cyclic = folder.write("cyclic.json", trace_of({json::array({compute, after})}));
  expect_refused(run_on_tile(cyclic), 3, {"cyclic.json", "cycle", "'a' (id 0)", "'b' (id 1)", "rank 0"});
  const std::string uneven =
      folder.write("uneven.json", trace_of({json::array({first, second}), json::array({first})}));
  for (const ProgramResult& result : {run_on_tile(uneven), run_program({"trace", "check", uneven})})
    expect_refused(result, 3, {"rank 0", "uneven.json", "'again' (id 1)", "rank 1"});
  const std::string lonely =
      folder.write("lonely.json", trace_of({json::array({message(0, "r", "recv", 1)}), json::array({first})}));
  expect_refused(run_on_tile(lonely), 3, {"rank 0", "'r' (id 0)", "nobody sends"});
}

TEST(BadTrace, AMissingRankFileIsNamed) {
  const TemporaryFolder folder;
  folder.write("job.0.et", "x");
  folder.write("job.2.et", "x");
  expect_refused(run_on_tile(folder / "job"), 3, {"job.1.et", "rank 1"});
  expect_refused(run_on_tile(folder / "other"), 5, {"other"});
}

TEST(CannotFinish, TwoRanksThatReceiveBeforeTheySendAreBothNamed) {
  const TemporaryFolder folder;
  const std::string trace = folder.write(
      "wait.json", trace_of({json::array({message(0, "from1", "recv", 1), message(1, "to1", "send", 1)}),
                             json::array({message(0, "from0", "recv", 0), message(1, "to0", "send", 0)})}));
  EXPECT_EQ(run_program({"trace", "check", trace}).exit_code, 0);
  const ProgramResult result = run_on_tile(trace, {"--out", folder / "out"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, AllOf(HasSubstr("rank 0 waits: recv 'from1' (id 0"), HasSubstr("with rank 1"),
                                HasSubstr("rank 1 waits: recv 'from0' (id 0"), HasSubstr("with rank 0"),
                                HasSubstr("no packet is blocked: the network is empty")));
  const json report = read_report(folder / "out");
  EXPECT_TRUE(report["partial"].get<bool>());
  EXPECT_EQ(report["waiting"].size(), 2u);
  EXPECT_TRUE(report["blocked_packets"].empty());
}

TEST(Output, ADeviceIsRefusedAndNotReplaced) {
  const TemporaryFolder folder;
  const std::string trace = folder.write(
      "job.json", trace_of({json::array({message(0, "a", "send", 1)}), json::array({message(0, "b", "recv", 0)})}));
  std::filesystem::create_symlink("/dev/full", folder / "device");
  const ProgramResult result = run_program({"trace", "convert", trace, folder / "device"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("device: found a device, expected a regular file"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "device"));
}

TEST(Output, AFolderThatCannotBeMadeIsRefusedBeforeTheRun) {
  expect_refused(run_program({"run", "configs/runs/resnet50_exapod.json", "--out", "/proc/dojosim"}), 5,
                 {"/proc/dojosim"});
  const TemporaryFolder folder;
  expect_refused(run_program({"trace", "gen", "resnet50", "-o", folder / "no/such.json"}), 5, {"such.json"});
}

TEST(Output, AFullDiskBehindStdoutIsAnInputOutputError) {
  for (const char* words : {"list params", "--version", "topo show configs/machines/tile.json"}) {
    const std::string command =
        "cd '" DOJO_SOURCE_DIR "' && '" DOJO_PROGRAM "' " + std::string(words) + " >/dev/full 2>/dev/null";
    const int status = std::system(command.c_str());
    EXPECT_EQ(WEXITSTATUS(status), 5) << words;
  }
}

/// Runs the program and interrupts it a moment after it has written `sign` to stderr; its report.
json interrupted(const std::string& words, const std::string& sign, const TemporaryFolder& folder) {
  const std::string err = folder / "err", out = folder / "out";
  const std::string command = "cd '" DOJO_SOURCE_DIR "' && exec '" DOJO_PROGRAM "' " + words + " --verbose --out '" +
                              out + "' >/dev/null 2>'" + err + "'";
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");  // kill(-1) would reach everybody
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  for (int i = 0; i < 600 && read_file(err).find(sign) == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  kill(child, SIGINT);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by a signal: " << read_file(err);
  EXPECT_EQ(WEXITSTATUS(status), 130) << read_file(err);
  json report = read_report(out);
  EXPECT_TRUE(report["partial"].get<bool>());
  return report;
}

class Interrupt : public testing::TestWithParam<const char*> {};

TEST_P(Interrupt, LeavesAReportThatIsMarkedPartial) {
  const TemporaryFolder folder;
  const json report = interrupted(
      "run configs/runs/resnet50_tile.json --set workload.steps=20 --set run.network_model=" + std::string(GetParam()),
      "simulating with", folder);
  EXPECT_LT(report["workload"]["steps_finished"], 20);
  EXPECT_EQ(report["fidelity"]["network_model"], GetParam());
}

/// Of those that have ended. A busy host does not count.
double cpu_seconds_of_children() {
  rusage used{};
  EXPECT_EQ(getrusage(RUSAGE_CHILDREN, &used), 0);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/// Thousands of products, each of a shape of its own, on all nodes of a tile: minutes of planning.
TEST(InterruptedLowering, EndsSoonWithAReportOfNothing) {
  json operations = json::array();
  for (int i = 0; i < 4000; ++i) {
    operations.push_back(
        {{"id", i}, {"kind", "matmul"}, {"matmul", {{"m", 2048 + i}, {"n", 1024 + 3 * i}, {"k", 512 + i}}}});
  }
  const json trace = {
      {"format", "dojo.trace/1"}, {"ranks", {{{"graph", 0}, {"ranks", 1}}}}, {"graphs", {{{"ops", operations}}}}};
  const TemporaryFolder folder;
  const std::string words = "run --machine configs/machines/tile.json --set workload.rank_unit=tile --workload " +
                            folder.write("trace.json", trace.dump());
  const double before = cpu_seconds_of_children();
  const json report = interrupted(words, "placing and lowering", folder);
  EXPECT_LT(cpu_seconds_of_children() - before, 10) << "it was lowered to the end";
  EXPECT_EQ(report["time"]["cycles"], 0);
  EXPECT_THAT(report["fidelity"]["approximations"].dump(), HasSubstr("interrupted before its workload was lowered"));
}

/// Nobody ever writes into the pipe: it would be waited for half a minute.
TEST(InterruptedReading, EndsSoonWithAReportOfNothing) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto start = std::chrono::steady_clock::now();
  const json report = interrupted("run --machine configs/machines/tile.json --workload '" + (folder / "pipe") + "'",
                                  "reading machine and workload", folder);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(25)) << "it was waited for to the end";
  EXPECT_EQ(report["time"]["cycles"], 0);
  EXPECT_THAT(report["fidelity"]["approximations"].dump(), HasSubstr("interrupted before its workload was read"));
}

/// The second load takes half a minute; the figures are those of the first.
TEST(InterruptedSweep, KeepsWhatItHasMeasured) {
  const TemporaryFolder folder;
  const json report = interrupted(
      "net --machine configs/machines/tile.json --packet-flits 8 --sweep 0.0005,0.02 --warmup-cycles 1000 "
      "--measure-cycles 60000 --model reference",
      "load 0.0005", folder);
  ASSERT_EQ(report["net"]["sweep"]["points"].size(), 1u);
  EXPECT_EQ(report["net"]["sweep"]["knee"], 0.0005);
  EXPECT_EQ(report["net"]["rate"], 0.0005);
  EXPECT_GT(report["net"]["packets_measured"], 1000);
}

INSTANTIATE_TEST_SUITE_P(Models, Interrupt, testing::Values("fast", "reference"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace dojo::test
