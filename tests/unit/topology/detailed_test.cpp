// SPDX-License-Identifier: Apache-2.0
// Paths of detailed nodes: nodes, rows, dies and larger parts, with or without the root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/topology/topology.h"

namespace dojo::topology {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Topology with(Level level, std::vector<std::string> paths) {
  MachineParams params;
  params.level = level;
  params.tile.dies = {1, 2};
  params.die.grid = {3, 4};
  params.die.enabled = 11;
  params.die.disabled_sites = {5};
  params.detailed = std::move(paths);
  return Topology(params);
}

TEST(Detailed, NamesNodesRowsDiesAndTheWholeMachine) {
  EXPECT_TRUE(with(Level::kTile, {}).detailed().empty());
  const auto some = with(Level::kTile, {"tile.die[1].node[7]", "die[1].node[2]", "die[0].row[1]"}).detailed();
  EXPECT_THAT(some, SizeIs(2));
  EXPECT_THAT(some.at(0), ElementsAre(4, 6, 7));  // site 5 has no core
  EXPECT_THAT(some.at(1), ElementsAre(2, 7));
  EXPECT_THAT(with(Level::kTile, {"die[1]"}).detailed().at(1), SizeIs(11));
  EXPECT_THAT(with(Level::kTile, {"tile"}).detailed(), SizeIs(2));
  EXPECT_THAT(with(Level::kDie, {"die", "node[3]"}).detailed().at(0), SizeIs(11));
  EXPECT_THAT(with(Level::kNode, {"node"}).detailed().at(0), ElementsAre(0));
}

TEST(Detailed, ALargerPartIsAllItsDiesAndNoOthers) {
  MachineParams params;
  params.level = Level::kExapod;
  const Topology pod(params);
  for (const Level level : {Level::kTile, Level::kTray, Level::kCabinet}) {
    params.detailed = {pod.part_path(level, pod.die_count() - 1)};
    const auto chosen = Topology(params).detailed();
    for (DieId die = 0; die < pod.die_count(); ++die)
      ASSERT_EQ(chosen.count(die), pod.part_path(level, die) == params.detailed[0] ? 1u : 0u) << pod.die_path(die);
  }
}

/// In 90 s 20,000 paths were not read: each was compared with the names of 3,000 dies.
TEST(Detailed, PathsThatAreGivenAgainAndAgainTakeNoTimeAndNoRoom) {
  MachineParams params;
  params.level = Level::kExapod;
  params.detailed.assign(500'000, "exapod.cabinet[3]");
  const auto chosen = Topology(params).detailed();
  EXPECT_THAT(chosen, SizeIs(300));
  EXPECT_THAT(chosen.begin()->second, SizeIs(354));
}

TEST(Detailed, AllWrongPathsAreFoundAtOnce) {
  MachineParams params;
  params.level = Level::kDie;
  params.detailed = {"die.node[21]",       "die.row[18]", "die.row[-1]",      "die.row[01]",
                     "die.node[0].row[0]", "rack",        "die.node[1].sram", ""};
  EXPECT_THAT(find_problems(params), SizeIs(8));
  params.level = Level::kTile;
  params.detailed = {"tile.row[1]"};
  EXPECT_THAT(find_problems(params), SizeIs(1));
}

}  // namespace
}  // namespace dojo::topology
