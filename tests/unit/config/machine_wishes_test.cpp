// SPDX-License-Identifier: Apache-2.0
// Machine files that say what a user wants: a die grid with one key. And what is wrong with those that contradict
// themselves: one sentence each, at its line, with what to do.
#include <gmock/gmock.h>

#include "dojo/config/hardware.h"
#include "dojo/topology/topology.h"
#include "scratch.h"

namespace dojo::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using MachineWishes = Scratch;

struct Wrong {
  const char* machine;
  std::vector<const char*> words;
};

TEST_F(MachineWishes, EachContradictionIsOneSentence) {
  const std::vector<Wrong> all{
      {R"({"level": "die", "die": {"grid": {"rows": 20, "columns": 20}, "enabled": 354, "disabled_sites": [1, 2]}})",
       {"/die/disabled_sites: found 2 sites, expected 46",
        "leave one of enabled and disabled_sites out, and it follows from the other and the grid"}},
      {R"({"level": "die", "die": {"grid": {"rows": 4, "columns": 4}, "enabled": 354}})",
       {"/die/enabled: found 354, expected 1 to 16", "left out, it follows from the grid"}},
      {R"({"level": "die", "die": {"grid": {"rows": 4, "columns": 4}, "disabled_sites": [16]}})",
       {"/die/disabled_sites/0: found 16, expected a site of the 4 x 4 grid"}},
  };
  for (const Wrong& wrong : all) {
    SCOPED_TRACE(wrong.machine);
    const Failure failure = machine_failure(wrong.machine);
    EXPECT_EQ(failure.code, ExitCode::kInvalidInput);
    ASSERT_EQ(failure.lines.size(), 1u) << ::testing::PrintToString(failure.lines);
    for (const char* words : wrong.words) EXPECT_THAT(failure.lines[0], HasSubstr(words));
  }
}

TEST_F(MachineWishes, OldAndNewFilesThatAreGood) {
  const auto die = [&](const std::string& text) {
    return load_machine(write("m.json", R"({"level": "die", "die": )" + text + "}")).die;
  };
  EXPECT_EQ(die("{}").enabled, 354);
  EXPECT_EQ(die(R"({"grid": {"rows": 18, "columns": 20}})").enabled, 354);
  EXPECT_EQ(die(R"({"grid": {"rows": 20, "columns": 20}})").enabled, 393) << "59 of 60";
  EXPECT_EQ(die(R"({"grid": {"rows": 4, "columns": 5}})").enabled, 20);
  EXPECT_EQ(die(R"({"grid": {"rows": 1, "columns": 1}})").enabled, 1);
  EXPECT_EQ(die(R"({"grid": {"rows": 4, "columns": 5}, "disabled_sites": [3, 7]})").enabled, 18);
  EXPECT_EQ(die(R"({"grid": {"rows": 20, "columns": 20}, "enabled": 354})").enabled, 354);
}

/// The grid alone, by --set, over a file that says which sites of its own grid do not work.
TEST_F(MachineWishes, AGridByOptionTakesTheSitesOfTheFileAway) {
  const std::string tile = std::string(DOJO_SOURCE_DIR) + "/configs/machines/tile.json";
  const auto die = [&](const std::vector<std::string>& set) { return load_machine(tile, set).die; };
  EXPECT_THAT(die({"machine.noc.hop_cycles=2"}).disabled_sites, ElementsAre(21, 88, 155, 205, 271, 338));
  const topology::DieParams wider = die({"machine.die.grid.rows=20"});
  EXPECT_EQ(wider.enabled, 393);
  EXPECT_THAT(wider.disabled_sites, IsEmpty());
  EXPECT_EQ(die({R"(machine.die.grid={"rows": 6, "columns": 6})"}).enabled, 35);
  EXPECT_EQ(die({"machine.die.grid.rows=18"}).disabled_sites.size(), 6u) << "the same grid";
  EXPECT_EQ(die({"machine.die.grid.rows=20", "machine.die.enabled=354"}).enabled, 354);
  EXPECT_EQ(die({"machine.die.grid.rows=20", "machine.die.disabled_sites=[0,399]"}).enabled, 398);
  EXPECT_THAT(die({"machine.die.disabled_sites=[0]", "machine.die.grid.rows=20"}).disabled_sites, ElementsAre(0))
      << "in any order";
  // What is changed against the file says so.
  LoadRequest request;
  request.machine_file = tile;
  request.overrides = {"machine.die.grid.rows=20", "workload.generate.model=matmul"};
  std::vector<std::string> paths;
  for (const ChangedKey& key : load(request).changed) paths.push_back(key.path);
  EXPECT_THAT(paths,
              ::testing::IsSupersetOf({"machine.die.enabled", "machine.die.disabled_sites", "machine.die.grid.rows"}));
}

}  // namespace
}  // namespace dojo::config
