// SPDX-License-Identifier: Apache-2.0
// DIPs on other edges: a machine turned by 90 degrees takes the same time, and the defaults, said in full, are the
// machine that they always were.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/run.h"

namespace dojo::test {
namespace {

using topology::Direction;
using topology::MachineParams;
using topology::Topology;
using workload::OpKind;

constexpr Direction kAll[] = {Direction::kWest, Direction::kEast, Direction::kNorth, Direction::kSouth};

/// Square: turned by 90 degrees it is the same but for the DIPs, which lie on the edges of `sides`.
MachineParams square(topology::Level level, const std::vector<Direction>& sides, std::int64_t number = -1) {
  MachineParams machine;
  machine.level = level;
  machine.die.grid = {6, 6};
  machine.die.enabled = 36;
  machine.tile.dies = {3, 3};
  for (const Direction side : kAll) {
    topology::DipEdge& edge = side == Direction::kWest    ? machine.dip.west
                              : side == Direction::kEast  ? machine.dip.east
                              : side == Direction::kNorth ? machine.dip.north
                                                          : machine.dip.south;
    edge.number = std::find(sides.begin(), sides.end(), side) != sides.end() ? number : 0;
  }
  return machine;
}

machine::MachineSettings in(machine::NetworkModel model) {
  machine::MachineSettings settings;
  settings.network_model = model;
  return settings;
}

/// Every die does the same.
JobRun all_dies(const MachineParams& machine, const std::vector<workload::Op>& ops,
                const machine::MachineSettings& settings = {}) {
  const auto ranks = static_cast<RankId>(Topology(machine).die_count());
  JobText job(ranks);
  for (RankId rank = 0; rank < ranks; ++rank)
    for (const workload::Op& op : ops) job.add(rank, op);
  JobRun ran = run(machine, job.take(), placed("die", ranks), settings);
  EXPECT_TRUE(ran.results.finished);
  return ran;
}

struct Turned {
  const char* name;
  topology::Level level;
  std::vector<Direction> before, after;
  std::int64_t number;
};
const Turned kTurned[] = {{"die_both_ends",
                           topology::Level::kDie,
                           {Direction::kWest, Direction::kEast},
                           {Direction::kNorth, Direction::kSouth},
                           -1},
                          {"die_one_end", topology::Level::kDie, {Direction::kWest}, {Direction::kNorth}, -1},
                          {"die_other_end", topology::Level::kDie, {Direction::kEast}, {Direction::kSouth}, -1},
                          {"tile_both_ends",
                           topology::Level::kTile,
                           {Direction::kWest, Direction::kEast},
                           {Direction::kNorth, Direction::kSouth},
                           -1},
                          {"tile_one_end", topology::Level::kTile, {Direction::kWest}, {Direction::kNorth}, -1},
                          {"tile_other_end", topology::Level::kTile, {Direction::kEast}, {Direction::kSouth}, -1}};

class TurnedMachine : public testing::TestWithParam<std::size_t> {
 protected:
  const Turned& turned = kTurned[GetParam()];
  const MachineParams before = square(turned.level, turned.before, turned.number);
  const MachineParams after = square(turned.level, turned.after, turned.number);
};

/// Pieces of a message come in the order of nodes, row by row, so they meet others on a column than on a row. The ideal
/// and the reference model agree within 1 % all the same. The fast model lets long loads through western and eastern
/// DIPs wait up to 10 % longer: row gap_dip_side_fast of docs/validation.md.
TEST_P(TurnedMachine, LoadsAndStoresAsFast) {
  for (const auto model :
       {machine::NetworkModel::kFast, machine::NetworkModel::kIdeal, machine::NetworkModel::kReference}) {
    for (const OpKind kind : {OpKind::kMemLoad, OpKind::kMemStore}) {
      for (const Bytes bytes : {Bytes{64}, Bytes{200'000}}) {
        const double usual = all_dies(before, {op_of(kind, bytes)}, in(model)).seconds();
        const double now = all_dies(after, {op_of(kind, bytes)}, in(model)).seconds();
        const bool known = model == machine::NetworkModel::kFast && kind == OpKind::kMemLoad && bytes > 64;
        EXPECT_NEAR(now / usual, 1, known ? 0.1 : 0.01)
            << schema::enum_text(model) << ' ' << workload::op_kind_name(kind) << ' ' << bytes
            << " bytes: " << usual * 1e9 << " and " << now * 1e9 << " ns";
      }
    }
  }
}

TEST_P(TurnedMachine, MovesAsManyBytesOverItsDips) {
  const std::vector<workload::Op> ops{op_of(OpKind::kIngest, 50'000), op_of(OpKind::kMemLoad, 100'000),
                                      op_of(OpKind::kMemStore, 70'000)};
  const JobRun usual = all_dies(before, ops), now = all_dies(after, ops);
  for (const topology::LinkClass c : {topology::LinkClass::kDip, topology::LinkClass::kHbm, topology::LinkClass::kPcie,
                                      topology::LinkClass::kEthernet}) {
    EXPECT_EQ(now.of_class(c).counters.bytes, usual.of_class(c).counters.bytes) << topology::link_class_name(c);
    EXPECT_EQ(now.of_class(c).links, usual.of_class(c).links) << topology::link_class_name(c);
  }
}

INSTANTIATE_TEST_SUITE_P(Sides, TurnedMachine, testing::Range<std::size_t>(0, std::size(kTurned)),
                         [](const auto& test) { return std::string(kTurned[test.param].name); });

/// Each way to use the DIPs of a whole tile: samples, loads, stores, and messages over the Z-plane. Bytes that do not
/// divide evenly, and other ones on each die, so that another machine would count something else.
std::uint64_t digest_with_dips(const std::vector<std::string>& set) {
  const MachineParams machine = machine_file("tile", set);
  constexpr RankId kDies = 25;
  JobText job(kDies);
  for (RankId rank = 0; rank < kDies; ++rank) {
    for (const OpKind kind : {OpKind::kIngest, OpKind::kMemLoad, OpKind::kMemStore})
      job.add(rank, op_of(kind, 20'000 + 300 * static_cast<Bytes>(rank)));
    job.add(rank, op_of(OpKind::kAllReduce, 10'000));
  }
  for (RankId row = 0; row < 5; ++row) job.message(5 * row, 5 * ((row + 2) % 5) + 4, 30'000);
  workload::LowerOptions options = placed("die", kDies);
  options.send_route = workload::SendRoute::kZplane;
  const JobRun ran = run(machine, job.take(), options);
  EXPECT_TRUE(ran.results.finished);
  EXPECT_GT(ran.of_class(topology::LinkClass::kEthernet).counters.bytes, 0u);
  EXPECT_GT(ran.of_class(topology::LinkClass::kHbm).counters.bytes, 0u);
  return ran.results.digest;
}

TEST(DipPlaces, DefaultsSaidInFullAreTheSameMachine) {
  const std::uint64_t usual = digest_with_dips({});
  const std::vector<std::vector<std::string>> ways{
      {"machine.dip.west.number=5", "machine.dip.east.places=[0,1,2,3,4]"},
      {"machine.dip.block=machine", "machine.dip.west.places=[4,3,2,1,0]"},
      {"machine.dip.block=tray", "machine.dip.east={\"number\": 5, \"places\": []}"}};
  for (const std::vector<std::string>& way : ways) EXPECT_EQ(digest_with_dips(way), usual) << way.back();
  for (const char* other :
       {"machine.dip.west.number=4", "machine.dip.east.places=[0,1,2,3]", "machine.dip.north.number=1"})
    EXPECT_NE(digest_with_dips({other}), usual) << other;
}

/// The HBM of the DIPs bounds a load; fewer of them take longer, and no row of dies is left out.
TEST(DipPlaces, FewerDipsTakeAsMuchLonger) {
  constexpr Bytes kBytes = 400'000;
  double previous = 0;
  for (const std::int64_t number : {3, 2, 1}) {
    MachineParams machine = square(topology::Level::kTile, {Direction::kWest}, number);
    machine.dip.hbm_bytes_per_s = 1e11;
    const double seconds = all_dies(machine, {op_of(OpKind::kMemLoad, kBytes)}).seconds();
    const double all = 9 * static_cast<double>(kBytes) / (machine.dip.hbm_bytes_per_s * machine.dip.hbm_efficiency);
    const double busiest = number == 2 ? 1.5 : 3.0 / static_cast<double>(number);  // rows of dies of one DIP
    EXPECT_NEAR(seconds / (all * busiest / 3), 1, 0.1) << number;
    EXPECT_GT(seconds, previous);
    previous = seconds;
  }
}

TEST(DipPlaces, OnAllFourEdgesServeTheDiesNextToThem) {
  const MachineParams machine = square(topology::Level::kTile, {std::begin(kAll), std::end(kAll)});
  const JobRun ran = all_dies(machine, {op_of(OpKind::kMemLoad, 90'000)});
  std::vector<Bytes> read;
  for (std::uint32_t dip = 0; dip < ran.topology->dip_count(); ++dip)
    read.push_back(static_cast<Bytes>(ran.machine->dip_counters(dip).hbm.bytes));
  ASSERT_EQ(read.size(), 12u);
  // A corner die has two DIPs, one in the middle of an edge has one to itself, and the middle die takes from all four.
  const Bytes corner = 45'000, middle = 90'000 + 22'500;
  const auto row = [&](Direction side, std::int32_t line) { return read[ran.topology->dip_of_line(side, line)]; };
  for (const Direction side : kAll) {
    EXPECT_NEAR(static_cast<double>(row(side, 0)), corner, 640) << topology::direction_name(side);
    EXPECT_NEAR(static_cast<double>(row(side, 1)), middle, 640) << topology::direction_name(side);
    EXPECT_NEAR(static_cast<double>(row(side, 2)), corner, 640) << topology::direction_name(side);
  }
}

TEST(DipPlaces, ZplaneLeadsFromColumnsToColumns) {
  const auto seconds = [](const MachineParams& machine, RankId from, RankId to) {
    JobText job(9);
    job.message(from, to, 65'536);
    workload::LowerOptions options = placed("die", 9);
    options.send_route = workload::SendRoute::kZplane;
    return run(machine, job.take(), options).seconds();
  };
  const double usual = seconds(square(topology::Level::kTile, {Direction::kWest, Direction::kEast}), 1, 7);
  const double turned = seconds(square(topology::Level::kTile, {Direction::kNorth, Direction::kSouth}), 3, 5);
  EXPECT_NEAR(turned / usual, 1, 0.01);
}

/// Only the first and the last row of tiles have such DIPs.
TEST(DipPlaces, RowsOfTilesInStepKnowTheDipsOfTheNorthAndSouth) {
  for (const bool sides : {false, true}) {
    MachineParams machine = square(topology::Level::kCabinet, {Direction::kWest, Direction::kEast});
    machine.tile.dies = {1, 2};
    machine.tray.tiles = {1, 1};
    machine.cabinet.trays = {6, 1};
    if (sides) machine.dip.north.number = machine.dip.south.number = -1;
    const std::vector<workload::Op> ops{op_of(OpKind::kMemLoad, 20'000), op_of(OpKind::kMemStore, 20'000),
                                        op_of(OpKind::kAllReduce, 10'000)};
    machine::MachineSettings settings;
    settings.rows_in_step = false;
    const std::uint64_t alone = all_dies(machine, ops, settings).results.digest;
    EXPECT_EQ(all_dies(machine, ops).results.digest, alone) << sides;
  }
}

/// Ways to the DIPs around a dead router, over lanes that work.
TEST(DipPlaces, DetoursLeadToColumnsToo) {
  MachineParams machine = square(topology::Level::kTile, {Direction::kNorth, Direction::kSouth});
  machine.defects = {{"tile.die[0].node[2].router", "router"},
                     {"tile.die[1].node[0].router.north", "link"},
                     {"tile.die[7].edge.south", "edge"},
                     {"tile.die[4].node[14].router", "router"}};
  const JobRun ran = all_dies(machine, {op_of(OpKind::kMemLoad, 30'000), op_of(OpKind::kMemStore, 30'000)});
  EXPECT_FALSE(ran.topology->dip_works(ran.topology->dip_of_line(Direction::kSouth, 1)));
  EXPECT_EQ(ran.of_class(topology::LinkClass::kHbm).counters.bytes, 9u * 2 * 30'000);
}

}  // namespace
}  // namespace dojo::test
