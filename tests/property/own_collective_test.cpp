// SPDX-License-Identifier: Apache-2.0
// Collectives of one's own in whole runs: a ring of steps takes as long as the built-in one in both network models, a
// schedule in a file too, and what a run says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "dojo/workload/own_algorithms.h"
#include "support/program.h"
#include "support/run.h"

namespace dojo::test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

workload::CollectiveSchedule ring(const workload::CollectiveCall& call) {
  const auto n = static_cast<std::uint32_t>(call.members.size());
  workload::CollectiveSchedule s(n, n);
  for (std::uint32_t me = 0; me < n; ++me) {
    const std::uint32_t next = (me + 1) % n, before = (me + n - 1) % n;
    for (std::uint32_t step = 0; step + 1 < n; ++step) {
      s.send(me, next, (me + 2 * n - step - 1) % n);
      s.reduce(me, before, (me + 2 * n - step - 2) % n);
    }
    for (std::uint32_t step = 0; step + 1 < n; ++step) {
      s.send(me, next, (me + n - step) % n);
      s.receive(me, before, (me + n - step - 1) % n);
    }
  }
  return s;
}

/// The same as a file.
std::string ring_file(std::uint32_t n) {
  workload::CollectiveCall call;
  call.members.resize(n);
  const workload::CollectiveSchedule schedule = ring(call);
  Json steps = Json::array();
  for (const auto& member : schedule.steps) {
    Json list = Json::array();
    for (const workload::CollectiveStep& step : member) {
      const char* word = step.kind == workload::CollectiveStep::Kind::kSend      ? "send"
                         : step.kind == workload::CollectiveStep::Kind::kReceive ? "receive"
                                                                                 : "reduce";
      list.push_back({{word, step.peer}, {"slot", step.slot}});
    }
    steps.push_back(list);
  }
  const Json file{{"format", "dojo.schedule/1"},
                  {"schedules", {{{"kind", "all_reduce"}, {"ranks", n}, {"parts", n}, {"steps", steps}}}}};
  return file.dump();
}

RunRequest all_reduce(const std::string& algorithm, std::int64_t bytes, const std::string& network) {
  RunRequest request;
  request.machine = "configs/machines/tile.json";
  request.set = {"workload.generate.model=all_reduce", "workload.generate.bytes=" + std::to_string(bytes),
                 "workload.ranks=4", "workload.collective_algorithm=" + algorithm, "run.network_model=" + network};
  return request;
}

TEST(OwnCollective, ARingOfStepsTakesTheBuiltInRingsCycles) {
  (void)workload::add_collective({"ring_of_steps", "", {workload::OpKind::kAllReduce}, ring, {}, "this test"});
  for (const char* network : {"fast", "reference", "ideal"}) {
    for (const std::int64_t bytes : {4096, 1 << 20}) {
      if (std::string(network) == "reference" && bytes > 4096) continue;  // seconds
      const JobRun built_in = run(all_reduce("ring", bytes, network));
      const JobRun own = run(all_reduce("ring_of_steps", bytes, network));
      EXPECT_EQ(own.results.end_cycle, built_in.results.end_cycle) << network << " " << bytes;
      EXPECT_EQ(own.of_class(topology::LinkClass::kDieToDie).counters.transfers,
                built_in.of_class(topology::LinkClass::kDieToDie).counters.transfers);
      EXPECT_EQ(own.results.collectives.at(0).algorithm, "ring_of_steps");
    }
  }
}

TEST(OwnCollective, AFileOfSchedulesIsAnInputOfTheRun) {
  const TemporaryFolder folder;
  folder.write("ring4.json", ring_file(4));
  folder.write("run.json", R"({"machine": ")" DOJO_SOURCE_DIR R"(/configs/machines/tile.json", "workload": {
      "generate": {"model": "all_reduce", "bytes": 1048576}, "ranks": 4, "collective_algorithm": "ring4.json"}})");
  const ProgramResult result = run_program({"run", folder / "run.json", "--out", folder / "out", "--audit", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json report = Json::parse(std::ifstream(folder / "out/report.json"));
  EXPECT_EQ(report.at("latency").at("collectives").at(0).at("algorithm"), "ring4.json");
  EXPECT_EQ(report.at("latency").at("collectives").at(0).at("bytes"), 1048576);
  bool is_input = false;
  for (const auto& [name, sha] : report.at("inputs").items()) is_input = is_input || name == folder / "ring4.json";
  EXPECT_TRUE(is_input) << report.at("inputs").dump(1);
  // As resolved, it can be run from anywhere.
  const ProgramResult again =
      run_program({"run", folder / "out/config.resolved.json", "--out", folder / "again", "--audit", "2"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  const Json second = Json::parse(std::ifstream(folder / "again/report.json"));
  EXPECT_EQ(second.at("time"), report.at("time"));
  EXPECT_EQ(run(all_reduce("ring", 1 << 20, "fast")).results.end_cycle, report.at("time").at("cycles"));
}

TEST(OwnCollective, WrongOnesEndTheRunBeforeItBegins) {
  const TemporaryFolder folder;
  const auto run_with = [&](const std::string& file, const std::string& ranks) {
    return run_program({"run", "--machine", "configs/machines/tile.json", "--set", "workload.generate.model=all_reduce",
                        "--set", "workload.generate.bytes=4096", "--set", "workload.ranks=" + ranks, "--set",
                        "workload.collective_algorithm=" + file});
  };
  ProgramResult result = run_with(folder / "absent.json", "4");
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("absent.json"));
  const std::string good = folder.write("ring4.json", ring_file(4));
  result = run_with(good, "5");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("found no schedule for all_reduce of 5 members"));
  EXPECT_THAT(result.err, HasSubstr("it has: all_reduce of 4"));
  std::string text = ring_file(4);
  text.replace(text.find("\"parts\":4"), 9, "\"parts\":5");
  result = run_with(folder.write("parts.json", text), "4");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("it is not complete"));
  result = run_with("rign", "4");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("did you mean \"ring\"?"));
}

}  // namespace
}  // namespace dojo::test
