// SPDX-License-Identifier: Apache-2.0
// What is read is what was written: files, objects, overrides, names of files, and the resolved form.
#include <gmock/gmock.h>

#include "dojo/topology/topology.h"
#include "scratch.h"

namespace dojo::config {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

using GoodInput = Scratch;

TEST_F(GoodInput, NothingGivenIsTheDefaultExapod) {
  const RunConfig config = load({});
  EXPECT_EQ(config.machine.level, topology::Level::kExapod);
  EXPECT_EQ(topology::Topology(config.machine).node_count(), 1062000);
  EXPECT_TRUE(config.input_sha256.empty());
}

TEST_F(GoodInput, IntegersMayBeWrittenAsNumbers) {
  const std::string file = write("m.json", R"({"level": "die", "node": {"sram_bytes": 1e6}, "noc": {"hop_cycles": 2.0},
    "die": {"edge_bytes_per_s": 4032000000000}, "$schema": "x"})");
  const topology::MachineParams machine = load_machine(file);
  EXPECT_EQ(machine.node.sram_bytes, 1000000);
  EXPECT_EQ(machine.noc.hop_cycles, 2);
  EXPECT_DOUBLE_EQ(machine.die.edge_bytes_per_s, 4.032e12);
}

TEST_F(GoodInput, FileNamesAreRelativeToTheFileThatNamesThem) {
  write("machines/m.json", R"({"level": "tile"})");
  write("workloads/w.json", R"({"trace": "../traces/t", "group_file": "/groups.json"})");
  const std::string run =
      write("runs/run.json", R"({"machine": "../machines/m.json", "workload": "../workloads/w.json"})");
  const RunConfig config = load({run, "", "", {}});
  EXPECT_EQ(config.machine.level, topology::Level::kTile);
  EXPECT_EQ(std::filesystem::absolute(config.workload.trace).lexically_normal(),
            std::filesystem::absolute(path("traces/t")).lexically_normal());
  EXPECT_EQ(std::filesystem::absolute(config.workload.group_file).lexically_normal(), "/groups.json");
  EXPECT_THAT(config.input_sha256,
              UnorderedElementsAre(Key(run), Key(path("machines/m.json")), Key(path("workloads/w.json"))));
  EXPECT_EQ(config.input_sha256.at(run), sha256_file(run));
}

TEST_F(GoodInput, OptionsReplaceSectionsOfTheFile) {
  const std::string machine = write("m.json", R"({"level": "die"})");
  const std::string workload = write("w.json", R"({"generate": {"model": "matmul", "m": 4}})");
  // What is replaced need not even exist.
  const std::string run = write("run.json", R"({"machine": "gone.json", "workload": "lost.json", "run": {"seed": 5}})");
  const RunConfig config = load({run, machine, workload, {}});
  EXPECT_EQ(config.machine.level, topology::Level::kDie);
  EXPECT_EQ(config.workload.generate.m, 4);
  EXPECT_EQ(config.run.seed, 5);
}

TEST_F(GoodInput, AWorkloadOptionMayBeATraceOrAPrefix) {
  const std::string own = write("t.json", R"({"schema": "dojosim.trace/1", "ranks": []})");
  const std::string binary = write("x.0.et", std::string("\x01\x02{", 3));
  for (const std::string& name : {own, binary, path("x"), path("prefix_of_nothing")}) {
    const RunConfig config = load({"", "", name, {}});
    EXPECT_EQ(std::filesystem::absolute(config.workload.trace).lexically_normal(),
              std::filesystem::absolute(name).lexically_normal());
  }
}

TEST_F(GoodInput, OverridesReachLeavesGroupsElementsAndMaps) {
  const std::string machine =
      write("m.json", R"({"level": "tile", "slow_nodes": [{"path": "tile.die[0].node[0]", "core_speed": 0.9}]})");
  const RunConfig config =
      load({"",
            machine,
            "",
            {"machine.die.edge_bytes_per_s=4.032e12", "machine.noc.link_bytes_per_cycle=256",
             "machine.tile.dies={\"rows\": 4}", "machine.slow_nodes[0].core_speed=0.5",
             "machine.slow_nodes[1].path=tile.die[1].node[7]", "machine.die.disabled_sites=[1,2,3,4,5,6]",
             "workload.rank_unit=die", "workload.rank_unit.rows=2", "workload.trace=123", "workload.replicate=true",
             "workload.placement.7=tile.die[3]", "run.threads=2"}});
  EXPECT_DOUBLE_EQ(config.machine.die.edge_bytes_per_s, 4.032e12);
  EXPECT_EQ(config.machine.noc.link_bytes_per_cycle, 256);
  EXPECT_EQ(config.machine.tile.dies.rows, 4);
  EXPECT_EQ(config.machine.tile.dies.columns, 5);
  ASSERT_EQ(config.machine.slow_nodes.size(), 2u);
  EXPECT_DOUBLE_EQ(config.machine.slow_nodes[0].core_speed, 0.5);
  EXPECT_EQ(config.machine.slow_nodes[1].path, "tile.die[1].node[7]");
  EXPECT_THAT(config.machine.die.disabled_sites, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(config.workload.rank_unit.unit, workload::PlacementUnit::kDie);
  EXPECT_EQ(config.workload.rank_unit.rows, 2);
  EXPECT_EQ(config.workload.trace, "123");
  EXPECT_TRUE(config.workload.replicate);
  EXPECT_EQ(config.workload.placement.at("7"), "tile.die[3]");
  EXPECT_EQ(config.run.threads, 2);
}

TEST_F(GoodInput, ChangedKeysAreThoseThatTheFilesDoNotSay) {
  LoadRequest request;
  request.machine_file = write("m.json", R"({"level": "die", "noc": {"hop_cycles": 1}})");
  request.workload_file = write("w.json", R"({"generate": {"model": "resnet50"}})");
  EXPECT_TRUE(load(request).changed.empty());
  request.overrides = {"machine.noc.hop_cycles=2", "machine.noc.link_bytes_per_cycle=64", "run.threads=1",
                       "run.if_free=true", "workload.placement.0=die"};
  const std::vector<ChangedKey> changed = load(request).changed;
  ASSERT_EQ(changed.size(), 2u) << "neither values that stay nor keys of run on which no result depends";
  EXPECT_EQ(changed[0].path, "machine.noc.hop_cycles");
  EXPECT_EQ(changed[0].file, "1");
  EXPECT_EQ(changed[0].value, "2");
  EXPECT_EQ(changed[1].path, "workload.placement.0");
  EXPECT_EQ(changed[1].file, "") << "the files have no such key";
}

TEST_F(GoodInput, ChangedKeysOfFilesThatAreNotWholeAreTheOptions) {
  LoadRequest request;
  request.machine_file = write("m.json", R"({"level": "die"})");
  request.workload_file = write("w.json", R"({"trace": "t", "generate": {"model": "resnet50"}})");  // both
  request.overrides = {"workload.trace="};
  const std::vector<ChangedKey> changed = load(request).changed;
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].path, "workload.trace");
  EXPECT_EQ(changed[0].file, "");
}

TEST_F(GoodInput, ARankUnitIsAWordOrAnObject) {
  const std::string run = write("run.json", R"({"workload": {"rank_unit": {"unit": "die", "rows": 2, "columns": 3}}})");
  const RunConfig config = load({run, "", "", {}});
  EXPECT_EQ(config.workload.rank_unit.unit, workload::PlacementUnit::kDie);
  EXPECT_EQ(config.workload.rank_unit.columns, 3);
  // The word alone changes the unit; what the file says about the slice stays.
  EXPECT_EQ(load({"", "", "", {"workload.rank_unit=tile"}}).workload.rank_unit.unit, workload::PlacementUnit::kTile);
}

TEST_F(GoodInput, ANodeByItselfHasDipsOnlyWhereAsked) {
  EXPECT_FALSE(load_machine(write("a.json", R"({"level": "node"})")).dip.present);
  EXPECT_TRUE(load_machine(write("b.json", R"({"level": "node", "dip": {"present": true}})")).dip.present);
  EXPECT_TRUE(load_machine(write("c.json", R"({"level": "die"})")).dip.present);
}

TEST_F(GoodInput, TheResolvedFormLoadsToTheSameConfig) {
  write("w.json", R"({"trace": "some/trace", "rank_unit": "tile", "placement": {"0": "tile.die[2]"}})");
  for (const char* level : {"node", "die", "tile", "tray", "cabinet", "exapod"}) {
    const std::string run =
        write("run.json", std::string(R"({"machine": {"level": ")") + level +
                              R"(", "clock_hz": 1234567890.125}, "workload": "w.json", "run": {"seed": 3}})");
    const std::string text = resolved_json(load({run, "", "", {}}));
    const std::string again = write(std::string("elsewhere/") + level + ".json", text);
    EXPECT_EQ(resolved_json(load({again, "", "", {}})), text);
    EXPECT_EQ(load({again, "", "", {}}).workload.trace, load({run, "", "", {}}).workload.trace);
  }
}

TEST_F(GoodInput, Sha256IsThatOfTheStandard) {
  // FIPS 180-2, appendix B.1: the message "abc".
  EXPECT_EQ(sha256_file(write("abc", "abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_file(write("none", "")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(GoodInput, TheDrawingShowsPartsRatesAndTotals) {
  const std::string pod = draw_machine({});
  for (const char* expected : {"1062000", "3000 (200 x 15)", "1.087 EFLOP/s", "12.8 TB", "40 x 3", "cabinet[9]",
                               "=5 DIP", "2.016 TB/s", "896 GB/s", "200 cycles", "800 cycles", "6 router-only sites"})
    EXPECT_THAT(pod, HasSubstr(expected));
  topology::MachineParams node;
  node.level = topology::Level::kNode;
  node.dip.present = false;
  EXPECT_THAT(draw_machine(node), AllOf(HasSubstr("1.024 TFLOP/s"), Not(HasSubstr("Tile mesh"))));
}

}  // namespace
}  // namespace dojo::config
