// SPDX-License-Identifier: Apache-2.0
// Which rows of tiles do the same, and what the parts of one are called in another.
#include "machine/shortcuts/tile_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using fabric::Burst;
using fabric::Purpose;
using fabric::Shape;
using ::testing::ElementsAre;

Burst burst_of(Purpose purpose, std::uint32_t subject, Shape shape = Shape::kUnicast) {
  Burst burst;
  burst.purpose = purpose;
  burst.payload.words[0] = subject;
  burst.shape = shape;
  burst.row = 3;
  burst.column = 4;
  burst.reach = {1, 2};
  return burst;
}

TEST(RowNames, ANumberWithoutANameIsKept) {
  EXPECT_EQ(RowNames::of({7, 8}, 1), 8u);
  EXPECT_EQ(RowNames::of({7, 8}, 2), 2u);
  EXPECT_EQ(RowNames::of({}, kNone), kNone);
}

TEST(RowNames, RenameWhatABurstNames) {
  const RowNames names = row_names(10, {20, 21}, {30, 31});
  const std::pair<Purpose, std::uint32_t> all[] = {{Purpose::kOperand, 21},
                                                   {Purpose::kToken, 31},
                                                   {Purpose::kNodeToken, 1},
                                                   {Purpose::kTaskStart, 21},
                                                   {Purpose::kTaskDone, 21}};
  for (const auto& [purpose, name] : all) {
    Burst burst = burst_of(purpose, 1);
    names.rename(burst);
    EXPECT_EQ(burst.payload.words[0], name) << static_cast<int>(purpose);
    EXPECT_EQ(burst.row, 13);
    EXPECT_EQ(burst.column, 4);
  }
}

TEST(RowNames, MoveTheReachOfColumnsAlone) {
  const RowNames names = row_names(10, {}, {});
  for (const Shape shape : {Shape::kRow, Shape::kRowEast, Shape::kRowWest, Shape::kStriped}) {
    Burst burst = burst_of(Purpose::kOperand, 0, shape);
    names.rename(burst);
    EXPECT_EQ(burst.reach.low, 1);
    EXPECT_EQ(burst.reach.high, 2);
  }
  for (const Shape shape : {Shape::kColumn, Shape::kColumnNorth, Shape::kColumnSouth}) {
    Burst burst = burst_of(Purpose::kOperand, 0, shape);
    names.rename(burst);
    EXPECT_EQ(burst.reach.low, 11);
    EXPECT_EQ(burst.reach.high, 12);
  }
}

/// Tiles of one die in rows of two, with DIPs at both ends; two by two nodes a die.
topology::MachineParams tray(std::int64_t rows) {
  topology::MachineParams params = tile_params(1, 1, 2, 2);
  params.level = topology::Level::kTray;
  params.tray.tiles = {rows, 2};
  params.dip.present = true;
  return params;
}

/// A rank on each tile of the rows: each has a transfer with the DIP in the west, then a message to the other rank of
/// its row, then a sum with all.
struct Rows : Bench {
  explicit Rows(const topology::MachineParams& params) : Bench(params) {
    const auto rows = static_cast<std::uint32_t>(topology.die_count() / 2);
    std::vector<DataflowInstance::Participant> all;
    for (DieId die = 0; die < topology.die_count(); ++die) {
      const topology::DieCoordinates at = topology.coordinates(die);
      all.push_back({ParticipantKind::kRank, add_rank(make_slice(topology, 2 * at.row, 2 * at.column, 2, 2), 0)});
    }
    job.programs[0].tasks = {dataflow_task(0, 0, Task::Unit::kMemory), dataflow_task(1), dataflow_task(2)};
    job.plans.resize(3);
    for (std::uint32_t row = 0; row < rows; ++row) {
      const RankId left = 2 * row, right = left + 1;
      const std::uint32_t from_dip = add_instance(0, {{ParticipantKind::kDip, 2 * row}, all[left], all[right]});
      const std::uint32_t message = add_instance(1, {all[left], all[right]});
      job.instance_of[left] = {{from_dip, 1}, {message, 0}, {kNone, 0}};
      job.instance_of[right] = {{from_dip, 2}, {message, 1}, {kNone, 0}};
    }
    const std::uint32_t sum = add_instance(2, all);
    for (RankId rank = 0; rank < all.size(); ++rank) job.instance_of[rank][2] = {sum, rank};
  }
  [[nodiscard]] TileRows find() const { return TileRows(topology, job); }
};

TEST(TileRows, OneRowIsLikeNoOther) {
  EXPECT_FALSE(Rows(tray(1)).find().alike());
}

TEST(TileRows, RowsThatDoTheSameAreRunOnce) {
  const Rows bench(tray(3));
  const TileRows rows = bench.find();
  ASSERT_TRUE(rows.alike());
  ASSERT_EQ(rows.kinds().size(), 1u);
  EXPECT_EQ(rows.kinds()[0].row, 0u);
  EXPECT_THAT(rows.kinds()[0].others, ElementsAre(1, 2));
  EXPECT_THAT(rows.kinds()[0].shards, ElementsAre(0, 1, 6 + 0, 6 + 1)) << "dies, then DIPs";
}

TEST(TileRows, OnlyTheSumOfAllConcernsSeveralRows) {
  const Rows bench(tray(3));
  const TileRows rows = bench.find();
  const std::vector<Task>& tasks = bench.job.programs[0].tasks;
  for (RankId rank = 0; rank < 6; ++rank) {
    EXPECT_FALSE(rows.starts_apart(rank, tasks[0]));
    EXPECT_FALSE(rows.starts_apart(rank, tasks[1]));
    EXPECT_TRUE(rows.starts_apart(rank, tasks[2]));
  }
  EXPECT_FALSE(rows.starts_apart(0, kernel_task(0)));
}

TEST(TileRows, NamesTellWhatIsWhereInTheOtherRow) {
  const Rows bench(tray(3));
  const TileRows rows = bench.find();
  const RowNames names = rows.names(rows.kinds()[0], 2);
  EXPECT_EQ(names.site_rows, 2 * 2);
  EXPECT_EQ(names.rank[0], 4u);
  EXPECT_EQ(names.rank[1], 5u);
  EXPECT_EQ(names.shard[0], 4u);
  EXPECT_EQ(names.shard[6], 6u + 4u);
  EXPECT_EQ(names.shard[7], 6u + 5u);
  EXPECT_EQ(names.instance[0], 4u);
  EXPECT_EQ(names.instance[1], 5u);
}

TEST(TileRows, ARowOfAnotherProgramIsAnotherKind) {
  Rows bench(tray(4));
  bench.job.programs.push_back(bench.job.programs[0]);
  for (RankId rank : {2u, 3u, 6u, 7u}) bench.job.program_of_rank[rank] = 1;
  const TileRows rows = bench.find();
  ASSERT_EQ(rows.kinds().size(), 2u);
  EXPECT_THAT(rows.kinds()[0].others, ElementsAre(2));
  EXPECT_EQ(rows.kinds()[1].row, 1u);
  EXPECT_THAT(rows.kinds()[1].others, ElementsAre(3));
  EXPECT_THROW((void)rows.names(rows.kinds()[0], 1), Error);
}

TEST(TileRows, WhereMostRowsDifferNothingIsGained) {
  Rows bench(tray(3));
  for (std::uint32_t p : {1u, 2u}) {
    bench.job.programs.push_back(bench.job.programs[0]);
    bench.job.program_of_rank[2 * p] = bench.job.program_of_rank[2 * p + 1] = p;
  }
  EXPECT_FALSE(bench.find().alike());
}

TEST(TileRows, ARankInTwoRowsTiesThemTogether) {
  Rows bench(tray(3));
  bench.add_rank(make_slice(bench.topology, 0, 0, 4, 2), 1);
  bench.job.instance_of.back() = {};
  EXPECT_FALSE(bench.find().alike());
}

TEST(TileRows, ADipThatServesTwoRowsTiesThemTogether) {
  Rows bench(tray(3));
  bench.job.instances[0].participants[2] = {ParticipantKind::kRank, 5};
  EXPECT_FALSE(bench.find().alike());
}

TEST(TileRows, AMessageTheOtherWayRoundMakesARowDifferent) {
  Rows bench(tray(4));
  std::swap(bench.job.instance_of[2][1].position, bench.job.instance_of[3][1].position);
  const TileRows rows = bench.find();
  ASSERT_EQ(rows.kinds().size(), 2u);
  EXPECT_THAT(rows.kinds()[0].others, ElementsAre(2, 3));
  EXPECT_THAT(rows.kinds()[1].others, ::testing::IsEmpty());
}

// Of two things that begin in one cycle the one with the lower number is first, so numbers must be in the same order.
TEST(TileRows, TheOrderOfInstancesMustBeTheSame) {
  Rows bench(tray(4));
  std::swap(bench.job.instances[2], bench.job.instances[3]);
  for (const RankId rank : {2u, 3u})
    std::swap(bench.job.instance_of[rank][0].instance, bench.job.instance_of[rank][1].instance);
  const TileRows rows = bench.find();
  ASSERT_EQ(rows.kinds().size(), 2u);
  EXPECT_EQ(rows.kinds()[1].row, 1u);
}

TEST(TileRows, DeadPartsMakeADifference) {
  topology::MachineParams params = tray(4);
  params.defects.push_back({"tray.tile[2].die[0].node[3]", "core"});
  Rows bench(params);
  const TileRows rows = bench.find();
  ASSERT_EQ(rows.kinds().size(), 2u);
  EXPECT_THAT(rows.kinds()[0].others, ElementsAre(2, 3));
  params.defects.push_back({"tray.tile[0].die[0].node[0].router.east", "link"});
  EXPECT_FALSE(TileRows(topology::Topology(params), bench.job).alike()) << "detours may lead through another row";
}

}  // namespace
}  // namespace dojo::machine::test
