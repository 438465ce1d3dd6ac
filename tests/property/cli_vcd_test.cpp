// SPDX-License-Identifier: Apache-2.0
// `dojosim run --vcd`: the signals add up to the report, depend on nothing but the job, and change nothing; what is
// wrong gets a sentence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "support/program.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Words small(const std::string& detailed, const Words& more) {
  Words words{"run",   "configs/runs/matmul_die.json", "--set", "workload.generate.m=512",
              "--set", "workload.generate.n=384",      "--set", "workload.generate.k=256",
              "--set", "run.network_model=reference",  "--set", "machine.detailed=" + detailed};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Of each wire, by node and name: the sum of its values over all cycles, and its last value.
struct Wires {
  std::map<std::string, std::uint64_t> sums, last;
};
Wires read_vcd(const std::string& text) {
  constexpr std::uint64_t kCyclePs = 500;
  std::map<std::string, std::string> name_of;
  std::map<std::string, std::uint64_t> values, since;
  Wires wires;
  std::string scope, line;
  std::uint64_t now = 0;
  std::istringstream lines(text);
  const auto change = [&](const std::string& id, std::uint64_t value) {
    EXPECT_TRUE(name_of.count(id)) << line;
    wires.sums[name_of[id]] += values[id] * ((now - since[id]) / kCyclePs);
    values[id] = value, since[id] = now;
  };
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string first, second, third, id, name;
    words >> first >> second >> third >> id >> name;
    if (first == "$scope") scope = third;
    if (first == "$var") name_of[id] = scope + "." + name;
    if (first.empty() || first[0] == '$') continue;
    if (first[0] == '#') {
      EXPECT_EQ(std::stoull(first.substr(1)) % kCyclePs, 0u);
      now = std::stoull(first.substr(1));
    } else if (first[0] == 'b') {
      change(second, std::stoull(first.substr(1), nullptr, 2));
    } else if (first[0] == '0' || first[0] == '1') {
      change(first.substr(1), static_cast<std::uint64_t>(first[0] - '0'));
    }
  }
  for (const auto& [id, value] : std::map<std::string, std::uint64_t>(values)) {
    change(id, value);
    wires.last[name_of[id]] = value;
  }
  return wires;
}

TEST(Vcd, SignalsAddUpToTheReport) {
  const TemporaryFolder folder;
  const ProgramResult ran =
      run_program(small(R"(["die.node[0]", "die.node[42]"])", {"--vcd", folder / "x.vcd", "--out", folder / "out"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("x.vcd (2 nodes, cycles 0 to "));
  const json pipelines = read_report(folder / "out")["pipelines"];
  const Wires wires = read_vcd(read_file(folder / "x.vcd"));
  for (const auto& [name, value] : pipelines.items()) {
    if (!wires.sums.count("node(0)." + name)) continue;
    EXPECT_EQ(wires.sums.at("node(0)." + name) + wires.sums.at("node(42)." + name), value.get<std::uint64_t>()) << name;
  }
  EXPECT_GT(wires.sums.at("node(42).matrix_issues"), 0u);
  EXPECT_GT(wires.sums.at("node(42).packets_received"), 0u);
  EXPECT_EQ(wires.last.at("node(0).step"), 0u);
  int semaphores = 0;
  for (const auto& [name, sum] : wires.sums) {
    if (name.find(".semaphore_") == std::string::npos) continue;
    semaphores += sum > 0 ? 1 : 0;
    EXPECT_EQ(wires.last.at(name), 0u) << name;
  }
  EXPECT_GT(semaphores, 0);
}

TEST(Vcd, DependsOnTheJobAlone) {
  const TemporaryFolder folder;
  const auto recorded = [&](const std::string& name, const Words& more) {
    Words words = small(R"(["die.row[3]"])", {"--vcd", folder / name, "--out", folder / ("out_" + name)});
    words.insert(words.end(), more.begin(), more.end());
    const ProgramResult ran = run_program(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return read_file(folder / name);
  };
  const std::string one = recorded("one.vcd", {"--threads", "1"});
  EXPECT_EQ(recorded("two.vcd", {"--threads", "2"}), one);
  const ProgramResult plain = run_program(small(R"(["die.row[3]"])", {"--out", folder / "plain"}));
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(read_report(folder / "plain")["digest"], read_report(folder / "out_one.vcd")["digest"]);
}

TEST(Vcd, NodesAndCyclesAreChosen) {
  const TemporaryFolder folder;
  const ProgramResult ran = run_program(small(R"(["die"])", {"--vcd", folder / "x.vcd", "--vcd-nodes", "row[2]",
                                                             "--vcd-nodes", "die.node[0]", "--vcd-cycles", "300-500"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("(21 nodes, cycles 300 to 500)"));
  const std::string text = read_file(folder / "x.vcd");
  EXPECT_THAT(text, HasSubstr("$enddefinitions $end\n#150000\n$dumpvars\n"));
  EXPECT_EQ(text.substr(text.rfind('#')), "#250000\n");
}

TEST(Vcd, WrongRequestsEndWithASentence) {
  const TemporaryFolder folder;
  const std::string file = folder / "x.vcd";
  const struct {
    std::string detailed;
    Words more;
    int exit_code;
    const char* sentence;
  } cases[] = {
      {"[]", {"--vcd", file}, 3, "--vcd: found no node whose core runs cycle by cycle"},
      {"[\"die\"]", {"--vcd-nodes", "die"}, 2, "--vcd-nodes is given without --vcd"},
      {"[\"die\"]", {"--vcd-cycles", "1-2"}, 2, "--vcd-cycles is given without --vcd"},
      {"[\"die\"]", {"--vcd", file, "--vcd-cycles", "5"}, 2, "--vcd-cycles is '5'; expected BEGIN-END"},
      {"[\"die\"]", {"--vcd", file, "--vcd-cycles", "a-b"}, 2, "--vcd-cycles is 'a-b'; expected BEGIN-END"},
      {"[\"die\"]", {"--vcd", file, "--vcd-cycles", "9-3"}, 3, "--vcd-cycles: found 9 to 3"},
      {"[\"node[0]\"]", {"--vcd", file, "--vcd-nodes", "node[1]"}, 3, "--vcd-nodes: found \"node[1]\""},
      {"[\"die\"]", {"--vcd", "-"}, 2, "--vcd is '-'; expected a file"},
      {"[\"die\"]", {"--vcd", folder / "none/x.vcd"}, 5, "none/x.vcd"},
      {"[\"die\"]", {"--vcd", folder.path().string()}, 5, "found a folder"},
      {"[\"die\"]", {"--vcd", "/dev/null"}, 5, "/dev/null"},
  };
  for (const auto& it : cases) {
    const ProgramResult ran = run_program(small(it.detailed, it.more));
    EXPECT_EQ(ran.exit_code, it.exit_code) << it.sentence << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(it.sentence));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << it.sentence;
  }
}

}  // namespace
}  // namespace dojo::test
