// SPDX-License-Identifier: Apache-2.0
// Everything that can be wrong in files and overrides: all found at once, each with place, found, expected and cure.
#include <gmock/gmock.h>

#include <ctime>

#include "dojo/base/nearest.h"
#include "scratch.h"

namespace dojo::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

using BadInput = Scratch;

TEST_F(BadInput, TenMistakesAreTenLines) {
  const Failure failure = machine_failure(R"({
  "name": 7,
  "level": "exapood",
  "clock_hz": "fast",
  "node": {"sram_bytez": 5,
           "matrix_rows": 0},
  "noc": {"hop_cycles": 1.5},
  "die": {"enabled": 361},
  "exapod": {"tile_mesh": {"rows": 41, "columns": 3}},
  "dip": {"present": 1},
  "defects": [{"path": "exapod.cabinet[12].tray[0].tile[0].die[0].node[1]"}]
})");
  EXPECT_EQ(failure.code, ExitCode::kInvalidInput);
  EXPECT_THAT(failure.lines,
              UnorderedElementsAre(
                  EndsWith("m.json:2: /name: found 7, expected a text"),
                  AllOf(HasSubstr("m.json:3: /level: found \"exapood\", expected one of"),
                        HasSubstr("did you mean \"exapod\"?")),
                  HasSubstr("m.json:4: /clock_hz: found \"fast\", expected a number, 1000000 to 1e11"),
                  HasSubstr("m.json:5: /node/sram_bytez: found unknown key \"sram_bytez\", expected \"sram_bytes\""),
                  HasSubstr("m.json:6: /node/matrix_rows: found 0, expected an integer, 1 to 1024"),
                  HasSubstr("m.json:7: /noc/hop_cycles: found 1.5, expected an integer"),
                  HasSubstr("m.json:8: /die/enabled: found 361, expected 1 to 360"),
                  HasSubstr("m.json:9: /exapod/tile_mesh: found 41 x 3"),
                  HasSubstr("m.json:10: /dip/present: found 1, expected true or false"),
                  HasSubstr("m.json:11: /defects/0/path: found \"exapod.cabinet[12]")));
}

TEST_F(BadInput, SyntaxErrorsHaveLineAndColumn) {
  const Failure failure = machine_failure("{\n  \"level\": \"tile\",\n  \"node\": {,}\n}");
  EXPECT_EQ(failure.code, ExitCode::kInvalidInput);
  EXPECT_THAT(failure.lines, ElementsAre(AllOf(HasSubstr("m.json:3:12: not JSON"), HasSubstr("object key"))));
  EXPECT_THAT(machine_failure("").lines, ElementsAre(HasSubstr("m.json:1:1: not JSON")));
  EXPECT_THAT(machine_failure("[]").lines, ElementsAre(HasSubstr("m.json:1: /: found a list, expected an object")));
  EXPECT_THAT(machine_failure("{} {}").lines, ElementsAre(HasSubstr("m.json:1:4: not JSON")));
}

TEST_F(BadInput, NumbersThatAreNone) {
  EXPECT_THAT(machine_failure("{\"clock_hz\": NaN}").lines, ElementsAre(HasSubstr("m.json:1:14: not JSON")));
  EXPECT_THAT(machine_failure("{\"clock_hz\": 1e999}").lines, ElementsAre(HasSubstr("m.json:1:")));
  EXPECT_THAT(machine_failure("{\"node\": {\"sram_bytes\": 99999999999999999999}}").lines,
              ElementsAre(HasSubstr("/node/sram_bytes: found")));
  EXPECT_THAT(machine_failure("{\"node\": {\"sram_bytes\": null}}").lines, ElementsAre(HasSubstr("found null")));
}

TEST_F(BadInput, NestingWithoutEnd) {
  EXPECT_THAT(machine_failure("{\"node\": " + std::string(100000, '[')).lines,
              ElementsAre(HasSubstr("levels of nesting")));
}

TEST_F(BadInput, DuplicateKeysNameBothLines) {
  EXPECT_THAT(machine_failure("{\"noc\": {\"hop_cycles\": 1,\n\"hop_cycles\": 2}}").lines,
              ElementsAre(AllOf(HasSubstr("m.json:2: /noc/hop_cycles"), HasSubstr("first in line 1"))));
}

TEST_F(BadInput, TheTimeGrowsWithTheNumberOfKeysAndNotWithItsSquare) {
  constexpr int kKeys = 100000;  // compared with one another they took 19 s
  std::string text = "{\"node\": {\"k\": 1";
  for (int i = 0; i < kKeys; ++i) text += ", \"k" + std::to_string(i) + "\": 1";
  const std::clock_t start = std::clock();
  const Failure failure = machine_failure(text + "}}");
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10);
  EXPECT_EQ(failure.code, ExitCode::kInvalidInput);
  EXPECT_THAT(failure.lines, SizeIs(kKeys + 1));
}

TEST_F(BadInput, SectionsThatTheLevelDoesNotUse) {
  EXPECT_THAT(machine_failure("{\"level\": \"tile\",\n\"exapod\": {},\n\"tray\": {\"tray_link_ns\": 3},\n"
                              "\"tile\": {\"tile_link_ns\": 5}}")
                  .lines,
              UnorderedElementsAre(HasSubstr("m.json:2: /exapod: found in a machine of level \"tile\""),
                                   HasSubstr("m.json:3: /tray: found in a machine of level \"tile\""),
                                   HasSubstr("m.json:4: /tile/tile_link_ns: found in a machine of level \"tile\"")));
}

TEST_F(BadInput, WhatFollowsFromAnUnreadableValueIsNotReported) {
  EXPECT_THAT(machine_failure("{\"level\": \"die\", \"die\": {\"grid\": {\"rows\": true, \"columns\": 4}}}").lines,
              ElementsAre(HasSubstr("/die/grid/rows: found true")));
  EXPECT_THAT(
      machine_failure("{\"level\": \"die\", \"die\": {\"enabeld\": 60, \"grid\": {\"rows\": 8, \"columns\": 8}}}")
          .lines,
      ElementsAre(HasSubstr("expected \"enabled\"")));
  // A quoted number is a mistake whose meaning is clear: 400 enabled sites do not fit on 18 x 20 either.
  EXPECT_THAT(machine_failure("{\"level\": \"die\", \"die\": {\"grid\": {\"rows\": \"18\"}, \"enabled\": 400}}").lines,
              UnorderedElementsAre(HasSubstr("/die/grid/rows: found \"18\""), HasSubstr("/die/enabled: found 400")));
}

TEST_F(BadInput, MissingFilesAreInputOutputErrors) {
  EXPECT_EQ(failure_of([&] { (void)load_machine(path("none.json")); }).code, ExitCode::kIo);
  EXPECT_EQ(failure_of([&] { (void)sha256_file(path("none.json")); }).code, ExitCode::kIo);
  const std::string run = write("run.json", R"({"machine": "gone.json", "workload": "lost.json"})");
  const Failure failure = load_failure({run, "", "", {}});
  EXPECT_EQ(failure.code, ExitCode::kIo);
  EXPECT_THAT(failure.lines, ElementsAre(AllOf(StartsWith(path("gone.json")), HasSubstr("No such file")),
                                         StartsWith(path("lost.json"))));
  EXPECT_EQ(load_failure({path(""), "", "", {}}).code, ExitCode::kIo) << "a folder is no file";
}

TEST_F(BadInput, RunFilesOfTheWrongShape) {
  const std::string run = write("run.json", R"({"machin": {}, "workload": 3, "run": "fast"})");
  EXPECT_THAT(load_failure({run, "", "", {}}).lines,
              UnorderedElementsAre(AllOf(HasSubstr("/machin: found unknown key"), HasSubstr("\"machine\"")),
                                   HasSubstr("/workload: found 3, expected an object or the name of a file"),
                                   HasSubstr("/run: found \"fast\", expected an object")));
}

TEST_F(BadInput, AKeyThatWasRemovedSaysWhatBecameOfIt) {
  const std::string words =
      "found \"burst_bytes\", which was removed: each kind of train has a limit of its own; leave it out";
  const std::string run = write("run.json", R"({"run": {"burst_bytes": 1024}})");
  EXPECT_THAT(load_failure({run, "", "", {}}).lines, ElementsAre(HasSubstr("run.json:1: /run/burst_bytes: " + words)));
  const std::string good = write("good.json", R"({"run": {}})");
  EXPECT_THAT(load_failure({good, "", "", {"run.burst_bytes=64"}}).lines,
              ElementsAre(AllOf(StartsWith("--set run.burst_bytes=64"), HasSubstr("which was removed: each kind"))));
}

TEST_F(BadInput, WorkloadWordsAndContradictions) {
  const std::string run = write("run.json", R"({"workload": {
    "trace": "a", "generate": {"model": "matmul", "dtype": "fp8"},
    "rank_unit": "dice", "steps": 0, "replay": "shape", "placement": {"0": 3}}})");
  EXPECT_THAT(
      load_failure({run, "", "", {}}).lines,
      UnorderedElementsAre(HasSubstr("run.json:2: /workload/trace: found both trace and generate.model"),
                           HasSubstr("run.json:2: /workload/generate/dtype: found \"fp8\""),
                           AllOf(HasSubstr("run.json:3: /workload/rank_unit: found \"dice\""), HasSubstr("\"die\"")),
                           HasSubstr("run.json:3: /workload/steps: found 0, expected an integer, 1 to 64"),
                           HasSubstr("run.json:3: /workload/replay: found \"shape\""),
                           HasSubstr("run.json:3: /workload/placement/0: found 3, expected a text")));
}

TEST_F(BadInput, OverridesNameTheNearestPath) {
  const Failure failure = load_failure(
      {"",
       "",
       "",
       {"machine.die.edge_bytes_per_ss=1", "die.enabled=3", "zzz=4", "machine.die.enabled", "machine.die.enabled=lots",
        "machine.defects[2].path=x", "=3", "run.threads.x=1", "machine.level.x=1"}});
  EXPECT_EQ(failure.code, ExitCode::kInvalidInput);
  EXPECT_THAT(
      failure.lines,
      UnorderedElementsAre(
          EndsWith("--set machine.die.edge_bytes_per_ss=1: found unknown path \"machine.die.edge_bytes_per_ss\", "
                   "expected \"machine.die.edge_bytes_per_s\""),
          HasSubstr("--set die.enabled=3: found unknown path \"die.enabled\", expected \"machine.die.enabled\""),
          HasSubstr("--set zzz=4: found unknown path"), HasSubstr("found no '='"),
          HasSubstr("--set machine.die.enabled=lots: /machine/die/enabled: found \"lots\", expected an integer"),
          HasSubstr("found index 2, expected at most 0"), HasSubstr("--set =3: found unknown path"),
          HasSubstr("--set run.threads.x=1: found unknown path"),
          HasSubstr("--set machine.level.x=1: found unknown path")));
}

TEST_F(BadInput, AnOverrideCanMakeAMachineImpossible) {
  EXPECT_THAT(load_failure({"", "", "", {"machine.exapod.tile_mesh.rows=41"}}).lines,
              ElementsAre(AllOf(HasSubstr("--set machine.exapod.tile_mesh.rows=41"), HasSubstr("found 41 x 3"))));
}

TEST(Nearest, KnowsTyposSwapsAndBeginnings) {
  const std::vector<std::string> words{"sram_bytes", "hop_cycles", "enabled"};
  EXPECT_EQ(nearest("hop_cyles", words), "hop_cycles");
  EXPECT_EQ(nearest("enabeld", words), "enabled");
  EXPECT_EQ(nearest("sram", words), "sram_bytes");
  EXPECT_EQ(nearest("zzz", words), "");
  EXPECT_EQ(nearest("k", {"id"}), "") << "no letter of it is right";
  EXPECT_EQ(nearest("deps_on", {"deps"}), "deps");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("x", {}), "");
}

}  // namespace
}  // namespace dojo::config
