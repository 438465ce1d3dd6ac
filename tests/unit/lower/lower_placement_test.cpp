// SPDX-License-Identifier: Apache-2.0
// The placement rule of the public interface, on machines small enough to draw.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/lower/lower.h"

namespace dojo::workload {
namespace {

topology::Topology machine(topology::Level level) {
  topology::MachineParams params;
  params.level = level;
  return topology::Topology(params);
}

std::vector<DieId> dies_of(const std::vector<Slice>& slices) {
  std::vector<DieId> dies;
  for (const Slice& slice : slices) {
    dies.push_back(slice.dies.front());
  }
  return dies;
}

std::vector<std::string> errors_of(const PlacementRequest& request, const topology::Topology& topology) {
  try {
    (void)place_ranks(request, topology);
  } catch (const Error& error) {
    return error.lines();
  }
  return {};
}

TEST(Placement, RefusesWhatDoesNotFit) {
  const auto tile = machine(topology::Level::kTile);
  EXPECT_THAT(errors_of({{PlacementUnit::kDie, 1, 1}, 26, {}}, tile),
              testing::ElementsAre(testing::HasSubstr("expected at most 25")));
  EXPECT_THAT(errors_of({{PlacementUnit::kTray, 1, 1}, 1, {}}, tile),
              testing::ElementsAre(testing::HasSubstr("expected a part of machine")));
  EXPECT_THAT(errors_of({{PlacementUnit::kTray, 0, 1}, 1, {}}, tile), testing::SizeIs(2));
}

TEST(Placement, RefusesBadNamesAllAtOnce) {
  const auto tile = machine(topology::Level::kTile);
  const PlacementRequest request{
      {PlacementUnit::kDie, 1, 2},
      4,
      {{0, "tile.die[0]"}, {1, "tile.die[1]"}, {2, "tile.die[4]"}, {3, "tile.dye[4]"}, {9, "tile.die[9]"}}};
  EXPECT_THAT(
      errors_of(request, tile),
      testing::UnorderedElementsAre(testing::HasSubstr("overlaps that of rank 0"), testing::HasSubstr("machine's edge"),
                                    testing::HasSubstr("tile.dye[4]"), testing::HasSubstr("rank 9")));
}

TEST(Placement, LaysEightDiesOnTwoRowsOfFour) {
  // 2 x 4 and 4 x 2 have area 8 and aspect 2 (1 x 8 does not fit, 3 x 3 is larger); more columns wins.
  const auto tile = machine(topology::Level::kTile);
  EXPECT_THAT(dies_of(place_ranks({{PlacementUnit::kDie, 1, 1}, 8, {}}, tile)),
              testing::ElementsAre(0, 1, 2, 3, 8, 7, 6, 5));
}

TEST(Placement, PrefersAnAspectOfAtMostTwoToASmallArea) {
  // 5 dies: 1 x 5 has area 5 but aspect 5; 2 x 3 has area 6.
  const auto tile = machine(topology::Level::kTile);
  EXPECT_THAT(dies_of(place_ranks({{PlacementUnit::kDie, 1, 1}, 5, {}}, tile)), testing::ElementsAre(0, 1, 2, 7, 6));
}

TEST(Placement, FillsTheWholeExapod) {
  const auto exapod = machine(topology::Level::kExapod);
  const auto dies = dies_of(place_ranks({{PlacementUnit::kDie, 1, 1}, 3000, {}}, exapod));
  EXPECT_EQ(dies[14], 14U);
  EXPECT_EQ(dies[15], 29U) << "the second row runs back";
  EXPECT_EQ(dies[2999], 199U * 15) << "row 199 is odd: it ends on the left";
}

TEST(Placement, ATileRankHasAllItsNodesRowByRow) {
  const auto tray = machine(topology::Level::kTray);
  const auto slices = place_ranks({{PlacementUnit::kTile, 1, 1}, 6, {}}, tray);
  ASSERT_EQ(slices.size(), 6U);
  const SliceShape& shape = *slices[0].shape;
  EXPECT_EQ(shape.node_count(), 8850U);
  EXPECT_EQ(shape.rows, 90);
  EXPECT_EQ(shape.columns, 100);
  EXPECT_EQ(shape.die_count(), 25U);
  EXPECT_EQ(slices[5].shape, slices[0].shape) << "equal maps share a shape";
  EXPECT_EQ(slices[3].dies.front(), 5U * 15 + 10) << "boustrophedon over 2 x 3 tiles";
}

TEST(Placement, NodeRanksSkipDisabledSites) {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  params.die.grid = {2, 3};
  params.die.enabled = 5;
  params.die.disabled_sites = {1};
  const topology::Topology die(params);
  const auto slices = place_ranks({{PlacementUnit::kNode, 1, 1}, 5, {}}, die);
  std::vector<SiteIndex> sites;
  for (const Slice& slice : slices) {
    ASSERT_EQ(slice.shape->node_count(), 1U);
    sites.push_back(slice.shape->nodes[0].site);
  }
  EXPECT_THAT(sites, testing::ElementsAre(0, 2, 5, 4, 3));
}

TEST(Placement, PutsNamedRanksWhereTheyAreNamed) {
  const auto tile = machine(topology::Level::kTile);
  const auto dies = dies_of(place_ranks({{PlacementUnit::kDie, 1, 1}, 3, {{1, "tile.die[0]"}}}, tile));
  EXPECT_EQ(dies[1], 0U);
  EXPECT_THAT(dies, testing::Each(testing::Le(6U)));
  EXPECT_NE(dies[0], dies[2]);
}

TEST(PlaceCount, CountsWhatPlaceRanksCanFill) {
  topology::MachineParams params;
  params.level = topology::Level::kTile;
  params.tile.dies = {2, 2};
  params.die.grid = {2, 4};
  params.die.enabled = 6;
  params.die.disabled_sites = {0, 4};  // the first column of each die
  params.defects = {{"tile.die[3]", "die"}};
  const topology::Topology tile(params);
  const struct {
    RankUnit unit;
    RankId places;
  } cases[] = {{{PlacementUnit::kNode, 1, 1}, 18},  // three dies of six nodes
               {{PlacementUnit::kNode, 2, 1}, 9},   // a column without a node is no place
               {{PlacementUnit::kDie, 1, 1}, 3},
               {{PlacementUnit::kDie, 1, 2}, 1}};  // the pair with the dead die is none
  for (const auto& each : cases) {
    SCOPED_TRACE(fmt::format("{} x {}", each.unit.rows, each.unit.columns));
    EXPECT_EQ(place_count(each.unit, tile), each.places);
    EXPECT_EQ(place_ranks({each.unit, each.places, {}}, tile).size(), each.places);
    EXPECT_THROW((void)place_ranks({each.unit, each.places + 1, {}}, tile), Error);
  }
  EXPECT_THROW((void)place_count({PlacementUnit::kTile, 1, 1}, tile), Error) << "it has a dead die";
  EXPECT_THROW((void)place_count({PlacementUnit::kDie, 3, 1}, tile), Error) << "larger than the machine";
}

}  // namespace
}  // namespace dojo::workload
