// SPDX-License-Identifier: Apache-2.0
// A rank on a die does without the nodes that a dead router or link cuts off from the rest of their row or column.
#include <gmock/gmock.h>

#include "lower/slices.h"

namespace dojo::workload {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

topology::MachineParams machine(std::int64_t rows, std::int64_t columns) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {rows, columns};
  params.die.enabled = rows * columns;
  return params;
}
std::vector<std::int64_t> left_out(const topology::MachineParams& params, std::int64_t column = 0) {
  const topology::Topology topology(params);
  SliceMaker maker(topology);
  const std::int64_t columns = params.die.grid.columns - column;
  const Slice slice = maker.make(0, column, params.die.grid.rows, columns);
  return sites_left_out(slice, params.die.grid.rows, columns, topology);
}
topology::MachineParams with_dead(topology::MachineParams params, const std::vector<std::string>& paths,
                                  const char* kind = "router") {
  for (const std::string& path : paths) params.defects.push_back({path, kind});
  return params;
}

TEST(LeftOut, NothingOnAWholeDie) {
  EXPECT_THAT(left_out(machine(6, 7)), IsEmpty());
}

// Row 2 and column 3 of 6 x 7: sites 14 to 16 of the row are as many as 18 to 20, sites 3 and 10 of the column fewer
// than 24, 31 and 38.
TEST(LeftOut, OfARowAndAColumnTheLongestStretchIsKept) {
  EXPECT_THAT(left_out(with_dead(machine(6, 7), {"die.node[17].router"})), ElementsAre(3, 10, 18, 19, 20));
}

TEST(LeftOut, ADeadRouterInACornerCutsNothingOff) {
  EXPECT_THAT(left_out(with_dead(machine(6, 7), {"die.node[0].router"})), IsEmpty());
  EXPECT_THAT(left_out(with_dead(machine(6, 7), {"die.node[41].router"})), IsEmpty());
  EXPECT_THAT(left_out(with_dead(machine(6, 7), {"die.node[8].router"})), ElementsAre(1, 7)) << "beside the corner";
}

TEST(LeftOut, SeveralInARow) {
  EXPECT_THAT(left_out(with_dead(machine(9, 9), {"die.node[1].router", "die.node[7].router"})), ElementsAre(0, 8));
}

TEST(LeftOut, TooManyAreAllUsed) {
  EXPECT_THAT(left_out(with_dead(machine(4, 4), {"die.node[5].router"})), ElementsAre(1, 4));
  EXPECT_THAT(left_out(with_dead(machine(4, 4), {"die.node[5].router", "die.node[10].router"})), IsEmpty());
}

TEST(LeftOut, APartOfADie) {
  EXPECT_THAT(left_out(with_dead(machine(6, 7), {"die.node[17].router"}), 3), ElementsAre(3, 10))
      << "its first column is cut";
}

TEST(LeftOut, RanksOfDifferentDefectsHaveShapesOfTheirOwn) {
  topology::MachineParams params = machine(6, 7);
  params.level = topology::Level::kTile;
  params.tile.dies = {1, 3};
  params.defects = {{"tile.die[1].node[17].router", "router"}};
  const topology::Topology topology(params);
  SliceMaker maker(topology);
  EXPECT_EQ(maker.make(0, 0, 6, 7).shape->node_count(), 42u);
  EXPECT_EQ(maker.make(0, 7, 6, 7).shape->node_count(), 42u - 1 - 5);
  EXPECT_EQ(maker.make(0, 14, 6, 7).shape_index, maker.make(0, 0, 6, 7).shape_index);
  EXPECT_EQ(maker.make(0, 0, 6, 14).shape->node_count(), 83u) << "of several dies all nodes are used";
}

}  // namespace
}  // namespace dojo::workload
