// SPDX-License-Identifier: Apache-2.0
// Machines that cannot be: every reason is found at once, and says what would fit.
#include <gmock/gmock.h>

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/topology/topology.h"

namespace dojo::topology {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> problems(const MachineParams& params) {
  std::vector<std::string> lines;
  for (const Problem& problem : find_problems(params)) lines.push_back(problem.json_path + ": " + problem.text);
  return lines;
}

MachineParams tile() {
  MachineParams params;
  params.level = Level::kTile;
  return params;
}

TEST(BadMachines, AMeshThatCabinetsDoNotFillSaysWhatWouldFit) {
  MachineParams params;
  params.exapod.tile_mesh = {41, 3};  // cabinets are 2 x 1 trays of 2 x 3 tiles = 4 x 3
  EXPECT_THAT(problems(params), ElementsAre(AllOf(HasSubstr("/exapod/tile_mesh: found 41 x 3"),
                                                  HasSubstr("40 x 3 or 44 x 3 would fit"))));
  params.exapod.tile_mesh = {2, 2};  // smaller than one cabinet: only upwards
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("; 4 x 3 would fit")));
}

TEST(BadMachines, AMeshOfAnotherShapeNamesTheTrayAndTheCabinetThatMakeIt) {
  MachineParams params;
  params.exapod.tile_mesh = {6, 20};
  EXPECT_THAT(problems(params),
              ElementsAre(HasSubstr("and so would 6 x 20 with tray.tiles 3 x 2 and cabinet.trays 2 x 1")));
  params.tray.tiles = {3, 2};
  params.cabinet.trays = {2, 1};
  EXPECT_THAT(problems(params), ElementsAre());
  params.exapod.tile_mesh = {4, 4};
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("4 x 4 with tray.tiles 2 x 2 and cabinet.trays 2 x 1")))
      << "the nearest to six tiles";
  params.exapod.tile_mesh = {1999, 7};  // prime: only single tiles and rows of seven
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("1999 x 7 with tray.tiles 1 x 7 and cabinet.trays 1 x 1")));
}

TEST(BadMachines, MoreEnabledNodesThanSites) {
  MachineParams params;
  params.die.enabled = 361;
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("/die/enabled: found 361, expected 1 to 360")));
}

TEST(BadMachines, DisabledSitesOutOfRangeTwiceAndTooFew) {
  MachineParams params;
  params.die.disabled_sites = {5, 5, 360};
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("/die/disabled_sites/1: found 5 a second time"),
                                            HasSubstr("/die/disabled_sites/2: found 360, expected a site"),
                                            HasSubstr("/die/disabled_sites: found 3 sites, expected 6")));
}

TEST(BadMachines, AListedAndADrawnMap) {
  MachineParams params;
  params.die.disabled_sites = {1, 2, 3, 4, 5, 6};
  params.die.site_map_seed = 9;
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("/die/site_map_seed: found 9 beside disabled_sites")));
}

TEST(BadMachines, ABufferBelowOnePacket) {
  MachineParams params;
  params.die.crossing_buffer_bytes = 63;
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("/die/crossing_buffer_bytes: found 63")));
}

TEST(BadMachines, DeadPartsThatAreNone) {
  MachineParams params = tile();
  params.defects = {{"tile.die[0].node[0]", "cor"},
                    {"tile.die[0].node[0]", "router"},
                    {"tile.die[0].node[0].core", "router"},
                    {"tile.die[0].node[0].router", "link"},
                    {"tile.die[0].node[0].router.north", "link"},
                    {"tile.die[0].router.east", "link"},
                    {"tile.die[25]", "die"},
                    {"tile.die[0].node[1]", "die"},
                    {"tile", "die"},
                    {"tile.die[0].east", "edge"},
                    {"tile.die[0].edge.up", "edge"},
                    {"tile.die[0].edge.north", "edge"},
                    {"tile.die[0].node[5].edge.east", "edge"},
                    {"tile.edge.south", "edge"}};
  EXPECT_THAT(problems(params),
              ElementsAre(HasSubstr("/defects/0/kind: found \"cor\", expected core, router, link, edge or die"),
                          AllOf(HasSubstr("/defects/1/path"), HasSubstr("no '.router' at its end")),
                          AllOf(HasSubstr("/defects/2/path"), HasSubstr("no '.router' at its end")),
                          AllOf(HasSubstr("/defects/3/path"), HasSubstr("no east, west, north or south")),
                          AllOf(HasSubstr("/defects/4/path"), HasSubstr("at which the machine ends")),
                          AllOf(HasSubstr("/defects/5/path"), HasSubstr("'router'")),
                          AllOf(HasSubstr("/defects/6/path"), HasSubstr("'die[25]', expected die[0] to die[24]")),
                          AllOf(HasSubstr("/defects/7/path"), HasSubstr("smaller than a die")),
                          AllOf(HasSubstr("/defects/8/path"), HasSubstr("larger than a die")),
                          AllOf(HasSubstr("/defects/9/path"), HasSubstr("no '.edge.'")),
                          AllOf(HasSubstr("/defects/10/path"), HasSubstr("no '.edge.'")),
                          AllOf(HasSubstr("/defects/11/path"), HasSubstr("at which the machine ends")),
                          AllOf(HasSubstr("/defects/12/path"), HasSubstr("neither a die nor a tile")),
                          AllOf(HasSubstr("/defects/13/path"), HasSubstr("at which the machine ends"))));
}

TEST(BadMachines, PartsThatAreDeadTwiceOrWithALargerOne) {
  MachineParams params = tile();
  params.defects = {{"tile.die[0].node[9].router.east", "link"},  // larger parts count, wherever they stand
                    {"tile.die[3]", "die"},
                    {"tile.die[3]", "die"},
                    {"tile.die[3].edge.west", "edge"},
                    {"tile.die[3].node[0].router", "router"},
                    {"tile.die[3].node[1]", "core"},
                    {"tile.die[0].node[9].router", "router"},
                    {"tile.die[0].node[9].router", "router"},
                    {"tile.die[0].node[9]", "core"},
                    {"tile.die[0].node[40].router.east", "link"},
                    {"tile.die[0].node[41].router.west", "link"},  // the same one
                    {"tile.die[11].edge.east", "edge"},
                    {"tile.die[12].edge.west", "edge"},
                    {"tile.die[12].node[0].router.west", "link"}};
  EXPECT_THAT(problems(params), ElementsAre(AllOf(HasSubstr("/defects/0/path"), HasSubstr("with a larger part")),
                                            AllOf(HasSubstr("/defects/2/path"), HasSubstr("dead already")),
                                            AllOf(HasSubstr("/defects/3/path"), HasSubstr("dead already")),
                                            AllOf(HasSubstr("/defects/4/path"), HasSubstr("of a dead die")),
                                            AllOf(HasSubstr("/defects/5/path"), HasSubstr("no working core already")),
                                            AllOf(HasSubstr("/defects/7/path"), HasSubstr("dead already")),
                                            AllOf(HasSubstr("/defects/8/path"), HasSubstr("no working core already")),
                                            AllOf(HasSubstr("/defects/10/path"), HasSubstr("dead already")),
                                            AllOf(HasSubstr("/defects/12/path"), HasSubstr("dead already")),
                                            AllOf(HasSubstr("/defects/13/path"), HasSubstr("dead already"))));
}

TEST(BadMachines, DiesThatCannotReachEachOther) {
  MachineParams params = tile();
  params.defects = {{"tile.die[1]", "die"}, {"tile.die[5]", "die"}};
  EXPECT_THAT(problems(params),
              ElementsAre(AllOf(HasSubstr("/defects: found"), HasSubstr("tile.die[0] and tile.die[2]"),
                                HasSubstr("22 of 23 dies that work are cut off"))));
}

TEST(BadMachines, RandomDefectsThatSayTooMuchOrTooLittle) {
  MachineParams params = tile();
  params.defects_random = {{"edge", 0.1, 0, 1, 0},
                           {"die", 0, 25, 1, 0},
                           {"die", 0.1, 2, 1, 0},
                           {"router", 0, 0, 1, 0},
                           {"link", 0.1, 3, 1, 0}};
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("/defects_random/0/kind: found \"edge\""),
                                            HasSubstr("/defects_random/1/count: found 25 dead dies, expected 1 to 24"),
                                            HasSubstr("/defects_random/2/share"), HasSubstr("/defects_random/3/share"),
                                            HasSubstr("/defects_random/4/count")));
}

TEST(BadMachines, DanglingPathsNameTheWrongElement) {
  MachineParams params = tile();
  params.defects = {{"tile.die[25].node[0]", "core"},       {"exapod.die[0].node[0]", "core"}, {"tile.die[1]", "core"},
                    {"tile.die[1].node[0].router", "core"}, {"tile.die[1].node[00]", "core"},  {"", "core"}};
  EXPECT_THAT(problems(params),
              ElementsAre(AllOf(HasSubstr("/defects/0/path"), HasSubstr("'die[25]', expected die[0] to die[24]")),
                          AllOf(HasSubstr("/defects/1/path"), HasSubstr("the machine's root is 'tile'")),
                          AllOf(HasSubstr("/defects/2/path"), HasSubstr("larger than a node")),
                          AllOf(HasSubstr("/defects/3/path"), HasSubstr("'router'")),
                          AllOf(HasSubstr("/defects/4/path"), HasSubstr("'node[00]'")), HasSubstr("/defects/5/path")));
}

TEST(BadMachines, ASiteThatIsDeadAlready) {
  MachineParams params = tile();
  params.die.disabled_sites = {7, 1, 2, 3, 4, 5};
  params.defects = {{"tile.die[1].node[7]", "core"}, {"tile.die[1].node[8]", "core"}};
  params.slow_nodes = {{"tile.die[1].node[8]", 0.5}, {"tile.die[1].node[9]", 0.5}, {"tile.die[1].node[9]", 0.25}};
  EXPECT_THAT(problems(params),
              ElementsAre(AllOf(HasSubstr("/defects/0/path"), HasSubstr("no working core already")),
                          AllOf(HasSubstr("/slow_nodes/0/path"), HasSubstr("no working core already")),
                          AllOf(HasSubstr("/slow_nodes/2/path"), HasSubstr("a second time"))));
}

TEST(BadMachines, MoreDiesThanAnIdCanName) {
  MachineParams params;
  params.exapod.tile_mesh = {4096, 4095};
  params.tile.dies = {4096, 4096};
  EXPECT_THAT(problems(params), ElementsAre(HasSubstr("expected at most 16777216")));
}

TEST(BadMachines, TheConstructorThrowsThemAllWithTheFile) {
  MachineParams params;
  params.exapod.tile_mesh = {41, 3};
  params.die.enabled = 361;
  params.defects = {{"exapod.cabinet[10].tray[0].tile[0].die[0].node[0]", "core"}};
  try {
    const Topology topology(params, "m.json");
    FAIL() << "an impossible machine was built";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.lines(),
                ElementsAre(HasSubstr("m.json: /exapod/tile_mesh: found"), HasSubstr("m.json: /die/enabled: found"),
                            HasSubstr("m.json: /defects/0/path: found")));
  }
}

TEST(BadMachines, TheDefaultsAreGood) {
  EXPECT_THAT(problems({}), IsEmpty());
}

}  // namespace
}  // namespace dojo::topology
