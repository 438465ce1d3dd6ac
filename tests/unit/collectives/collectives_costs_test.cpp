// SPDX-License-Identifier: Apache-2.0
// The terms of the latency-bandwidth model, one by one, against arithmetic by hand with the values of the D1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "collectives/common.h"
#include "collectives/direct_load.h"
#include "collectives/ring_steps.h"
#include "dojo/collectives/bounds.h"
#include "unit/collectives/collectives_support.h"

namespace dojo::workload::collectives {
namespace {

using test::Bench;
using ::testing::ElementsAre;
using topology::Direction;
using topology::Level;

// 2 GHz; 64 bytes a cycle on links, ports and the vector unit; 1 cycle a hop; 18 x 20 sites; a die edge inside a tile
// is 200 cycles and 1008 bytes a cycle, between the tiles of a tray 400 cycles and 448 bytes a cycle.
constexpr double kDieRate = 1008, kTileRate = 448;

Tracks tracks_of(const Bench& bench, std::uint32_t count) {
  std::vector<std::uint32_t> nodes(count);
  for (std::uint32_t i = 0; i < count; ++i) nodes[i] = i * 21;  // a diagonal: as many rows as columns
  return tracks_on(*bench.die_shape(), nodes);
}

TEST(Path, IsTheHopsBetweenTheSlicesAndTheEdgesOnTheWay) {
  Bench bench;
  bench.add_dies(5, 5);
  const auto path = [&](std::uint32_t from, std::uint32_t to) {
    return path_between(*bench.slices[from], *bench.slices[to], bench.topology);
  };
  for (const auto& [from, to] : {std::pair{0u, 7u}, {7u, 0u}, {2u, 5u}, {5u, 2u}}) {  // a row down, two columns across
    EXPECT_EQ(path(from, to).latency_cycles, 18 + 2 * 20 + 3 * 200) << from;
    EXPECT_EQ(path(from, to).pooled_bytes_per_cycle, kDieRate);
    EXPECT_TRUE(path(from, to).horizontal && path(from, to).vertical);
  }
  EXPECT_FALSE(path(3, 18).horizontal);
  EXPECT_FALSE(path(15, 18).vertical);
  EXPECT_EQ(path(4, 4).latency_cycles, 0);
  EXPECT_EQ(path(4, 4).pooled_bytes_per_cycle, std::numeric_limits<double>::infinity());
}

TEST(Path, OfTheNarrowestEdgeAndOfAllEdgesSideBySide) {
  Bench bench(Level::kTray);  // two rows of three tiles
  bench.add_dies(1, 15, 4);
  const auto path = [&](std::uint32_t from, std::uint32_t to) {
    return path_between(*bench.slices[from], *bench.slices[to], bench.topology);
  };
  EXPECT_EQ(path(3, 6).latency_cycles, 3 * 20 + 200 + 400 + 200);
  EXPECT_EQ(path(3, 6).pooled_bytes_per_cycle, kTileRate);
  // Slices of two rows and three columns of dies.
  const auto shape = bench.die_shape(2, 3);
  Slice slices[] = {{}, {}, {}};
  for (Slice& slice : slices) slice.shape = shape;
  slices[1].first_site_column = 3 * 20;  // from die column 1 to 4
  slices[2].first_site_row = 2 * 18;     // from die row 1 to 3
  EXPECT_EQ(path_between(slices[0], slices[1], bench.topology).latency_cycles, 60 + 3 * 200);
  EXPECT_EQ(path_between(slices[0], slices[1], bench.topology).pooled_bytes_per_cycle, 2 * kDieRate);
  EXPECT_EQ(path_between(slices[2], slices[0], bench.topology).latency_cycles, 36 + 2 * 200);
  EXPECT_EQ(path_between(slices[2], slices[0], bench.topology).pooled_bytes_per_cycle, 3 * kDieRate);
}

TEST(Path, AroundADeadEdgeTakesThreeOthers) {
  Bench bench;
  bench.add_dies(1, 3);
  topology::MachineParams params = Bench::parameters(Level::kTile);
  params.defects = {{"tile.die[0].edge.east", "edge"}};
  const topology::Topology broken(params);
  EXPECT_EQ(path_between(*bench.slices[0], *bench.slices[2], broken).latency_cycles, 40 + 3 * 200 + 200);
}

// Die (0, 1) is two columns of dies from the DIP in the west: 30 columns of sites from the middle of the die to the
// edge. A frame of 1,024 bytes has 84 more on the wire of 25 bytes a cycle. HBM: 300 ns, bridge: 100 ns, switch: 500
// ns.
TEST(Path, OverTheZplane) {
  Bench bench(Level::kTray);
  bench.add_dies(1, 1, 0, 1);
  bench.add_dies(1, 1, 7, 11);
  const double to_dip = (20 + 10 + 1) + 200 + 400 + 200;
  const double to_east = (20 * 15 - (11 * 20 + 10)) + 3 * 200 + 400 + 200;
  const double plane = 2 * 600 + 2 * 200;
  const double rate = 1024 / ((1024 + 84) / 25.0);
  const Path path = path_over_zplane(*bench.slices[0], *bench.slices[1], bench.topology);
  EXPECT_EQ(path.latency_cycles, to_dip + to_east + plane + 1000);
  EXPECT_NEAR(path.pooled_bytes_per_cycle, rate, 1e-9);
  EXPECT_TRUE(path.horizontal);
  EXPECT_FALSE(path.vertical);
  topology::MachineParams params = Bench::parameters(Level::kTray);
  params.zplane.switch_tiers = 2;  // three switches on the way
  params.dip.hbm_bytes_per_s = 4e10;
  const topology::Topology tiers(params);
  EXPECT_EQ(path_over_zplane(*bench.slices[0], *bench.slices[1], tiers).latency_cycles,
            to_dip + to_east + plane + 3 * 1000);
  EXPECT_NEAR(path_over_zplane(*bench.slices[0], *bench.slices[1], tiers).pooled_bytes_per_cycle, 4e10 * 0.85 / 2e9,
              1e-9)
      << "HBM is the narrowest";
}

// Both to the DIPs in the west: the middles of their dies do not cancel out.
TEST(Path, OverTheZplaneFromOneSide) {
  Bench bench(Level::kTray);
  bench.add_dies(1, 1, 0, 1);
  bench.add_dies(1, 1, 7, 2);
  const double first = (20 + 10 + 1) + 200 + 400 + 200, second = (40 + 10 + 1) + 2 * 200 + 400 + 200;
  EXPECT_EQ(path_over_zplane(*bench.slices[0], *bench.slices[1], bench.topology).latency_cycles,
            first + second + 2 * 600 + 2 * 200 + 1000);
  // A slice of three rows of dies whose DIP is in the first: from the middle a row of dies up.
  Bench tall(Level::kTray);
  tall.add(tall.die_shape(3, 1), 0, 20);
  EXPECT_EQ(path_over_zplane(*tall.slices[0], *bench.slices[1], tall.topology).latency_cycles,
            first + 18 + 200 + second + 2 * 600 + 2 * 200 + 1000);
}

// Dies 4 and 5 of a row are of two tiles. Two slices of two by two dies that begin in line 4 and in line 6 have their
// middles in lines 5 and 7, between which no tile ends.
TEST(Path, BeginsAndEndsInTheMiddlesOfSlices) {
  const Bench bench(Level::kTray);
  const auto shape = bench.die_shape(2, 2);
  Slice from, right, below;
  from.shape = right.shape = below.shape = shape;
  from.first_site_row = right.first_site_row = 4 * 18;
  from.first_site_column = below.first_site_column = 4 * 20;
  right.first_site_column = 6 * 20;
  below.first_site_row = 6 * 18;
  EXPECT_EQ(path_between(from, right, bench.topology).latency_cycles, 40 + 2 * 200);
  EXPECT_EQ(path_between(from, right, bench.topology).pooled_bytes_per_cycle, 2 * kDieRate);
  EXPECT_EQ(path_between(from, below, bench.topology).latency_cycles, 36 + 2 * 200);
}

TEST(Rates, OfThePlaneCountAHeaderForEachFrame) {
  const Bench bench;
  const Rates rates(bench.topology);
  EXPECT_DOUBLE_EQ(rates.over_ethernet(64), (64 + 84) / 25.0);
  EXPECT_DOUBLE_EQ(rates.over_ethernet(1024), (1024 + 84) / 25.0);
  EXPECT_DOUBLE_EQ(rates.over_ethernet(1025), (1025 + 2 * 84) / 25.0);
}

TEST(Rates, OfAPathAreThoseOfEdgesPortsAndLines) {
  const Bench bench;
  const Rates rates(bench.topology);
  Path path;
  path.pooled_bytes_per_cycle = kDieRate;
  const Tracks few = tracks_of(bench, 3);
  EXPECT_EQ(rates.path(path, few), 3 * 64) << "three nodes' ports";
  EXPECT_EQ(rates.path(path, tracks_of(bench, 17)), kDieRate);
  Tracks lines = tracks_of(bench, 10);
  lines.distinct_rows = 4;
  lines.distinct_columns = 7;
  EXPECT_EQ(rates.path(path, lines), 640);
  path.vertical = true;
  EXPECT_EQ(rates.path(path, lines), 7 * 64);
  path.horizontal = true;
  EXPECT_EQ(rates.path(path, lines), 4 * 64);
  EXPECT_EQ(rates.message(path, lines), 64) << "one message has one link";
  path.pooled_bytes_per_cycle = 20;
  EXPECT_EQ(rates.message(path, lines), 20);
  lines.striped = true;
  EXPECT_EQ(rates.message(path, lines), 2) << "a node's piece has its share";
}

TEST(Rates, APortPassesAFlitACycle) {
  topology::MachineParams params = Bench::parameters(Level::kTile);
  params.noc.link_bytes_per_cycle = 32;
  params.node.port_bytes_per_cycle = 128;  // the core's own
  params.node.noc_read_ports = 2;
  const Rates rates{topology::Topology(params)};
  EXPECT_EQ(rates.inject, 64);
  EXPECT_EQ(rates.eject, 32);
  Path path;
  path.pooled_bytes_per_cycle = kDieRate;
  const Bench bench;
  EXPECT_EQ(rates.path(path, tracks_of(bench, 5)), 5 * 32);
  EXPECT_EQ(rates.message(path, tracks_of(bench, 5)), 32);
}

TEST(Messages, AreWholePacketsAndAtLeastOne) {
  EXPECT_EQ(message_bytes(0, 1, 1), 64);
  EXPECT_EQ(message_bytes(64, 1, 1), 64);
  EXPECT_EQ(message_bytes(65, 1, 1), 128);
  EXPECT_EQ(message_bytes(6400, 5, 4), 320);
  EXPECT_EQ(message_bytes(6401, 5, 4), 384);
}

/// Which numbers of chunks are tried, and which is chosen where `cost` is the same for all.
std::vector<std::int64_t> tried(Bytes bytes, const Tracks& tracks, std::int64_t edges, std::int64_t* chosen = nullptr) {
  std::vector<std::int64_t> chunks;
  const ChunkChoice choice = choose_chunks(bytes, tracks, edges, [&](std::int64_t n) {
    chunks.push_back(n);
    return 1.0;
  });
  if (chosen != nullptr) *chosen = choice.chunks;
  return chunks;
}

TEST(Chunks, AreMessagesOfAPowerOfTwoAndThenOfWholeBursts) {
  const Bench bench;
  std::int64_t chosen = 0;
  // 4 tracks of 256 KiB each: messages of 1, 2, 4, 8, 16, 24, 32, 40, 56 KiB; four chunks are the fewest.
  EXPECT_THAT(tried(4 << 18, tracks_of(bench, 4), 1, &chosen), ElementsAre(256, 128, 64, 32, 16, 11, 8, 7, 5, 4));
  EXPECT_EQ(chosen, 4);
  // 3 KiB: three messages of 1 KiB are the most, so there cannot be four.
  EXPECT_THAT(tried(3 * 1024, tracks_of(bench, 1), 1, &chosen), ElementsAre(3));
  EXPECT_EQ(chosen, 3);
  EXPECT_THAT(tried(1023, tracks_of(bench, 1), 1, &chosen), ElementsAre(1));
  // 4 KiB + 1: messages of 1 KiB.
  EXPECT_THAT(tried(4 * 1024 + 1, tracks_of(bench, 1), 1, &chosen), ElementsAre(4));
}

TEST(Chunks, AreLimitedByTheMessagesOfTheWholeCollective) {
  const Bench bench;
  Tracks tracks = tracks_of(bench, 2);
  // Edges x tracks x chunks: up to a million messages of 1 KiB, then those of 4 KiB.
  EXPECT_EQ(tried(2 << 20, tracks, 500).front(), 1000);
  EXPECT_EQ(tried(2 << 20, tracks, 488).front(), 1024) << "all of 1 KiB";
  EXPECT_EQ(tried(2 << 20, tracks, 5000).front(), 256) << "4 KiB each";
  // 25 million at the most.
  EXPECT_EQ(tried(2 << 20, tracks, 125'000).front(), 100);
  EXPECT_EQ(tried(2 << 20, tracks, 20'000'000).front(), 1);
  // A striped message counts once, and its pieces have 448 bytes.
  tracks.striped = true;
  EXPECT_EQ(tried(2 * 448 * 100, tracks, 1).front(), 100);
  EXPECT_EQ(tried(2 * 448 * 100 - 1, tracks, 1).front(), 99);
  EXPECT_EQ(tried(2 << 20, tracks, 250'000).front(), 100);
}

TEST(Chunks, AreTheFewestThatCostAtMostFivePerCentMore) {
  const Bench bench;
  const auto choose = [&](double of_eight, double of_four) {
    return choose_chunks(64 << 10, tracks_of(bench, 1), 1, [&](std::int64_t n) {
      return n == 8 ? of_eight : n == 4 ? of_four : n == 16 ? 100.0 : 200.0;
    });
  };
  EXPECT_EQ(choose(106, 106).chunks, 16);
  EXPECT_EQ(choose(104.9, 106).chunks, 8);
  EXPECT_EQ(choose(106, 105).chunks, 4);
  EXPECT_EQ(choose(104, 104).cycles, 104);
}

/// Bytes over each die edge, message by message: along the sender's row of dies, then along the receiver's column.
double busiest_edge(const CollectiveRequest& request, bool from_root, double bytes, const topology::Topology& t) {
  std::map<std::pair<DieId, Direction>, double> load;
  for (std::uint32_t from = 0; from < request.members.size(); ++from) {
    if (from_root && from != request.root) continue;
    for (std::uint32_t to = 0; to < request.members.size(); ++to) {
      if (from == to) continue;
      topology::DieCoordinates at{request.members[from]->first_site_row / 18,
                                  request.members[from]->first_site_column / 20};
      const topology::DieCoordinates end{request.members[to]->first_site_row / 18,
                                         request.members[to]->first_site_column / 20};
      while (at.column != end.column) {
        const bool east = end.column > at.column;
        load[{t.die_at(at.row, at.column), east ? Direction::kEast : Direction::kWest}] += bytes;
        at.column += east ? 1 : -1;
      }
      while (at.row != end.row) {
        const bool south = end.row > at.row;
        load[{t.die_at(at.row, at.column), south ? Direction::kSouth : Direction::kNorth}] += bytes;
        at.row += south ? 1 : -1;
      }
    }
  }
  double worst = 0;
  for (const auto& [edge, sum] : load) {
    worst = std::max(worst, sum / (t.edge(edge.first, edge.second).bytes_per_s / t.params().clock_hz));
  }
  return worst;
}

TEST(DirectLoad, IsThatOfTheBusiestEdgeMessageByMessage) {
  for (const auto& [rows, columns, row, column] :
       {std::tuple{1, 4, 0, 0}, {4, 1, 0, 0}, {3, 4, 1, 0}, {2, 5, 0, 0}, {4, 3, 3, 3}, {3, 7, 3, 2}, {2, 2, 4, 4}}) {
    Bench bench(Level::kTray);
    bench.add_dies(rows, columns, row, column);
    const Tracks tracks = tracks_of(bench, 17);  // more than any edge takes
    for (std::uint32_t root = 0; root < static_cast<std::uint32_t>(rows * columns); ++root) {
      const CollectiveRequest request = bench.request(OpKind::kBroadcast, 1000, "", root);
      EXPECT_DOUBLE_EQ(direct_edge_cycles(request, true, 1000, tracks, bench.topology),
                       busiest_edge(request, true, 1000, bench.topology))
          << rows << " x " << columns << " root " << root;
    }
    const CollectiveRequest request = bench.request(OpKind::kAllToAll, 1000);
    EXPECT_DOUBLE_EQ(direct_edge_cycles(request, false, 1000, tracks, bench.topology),
                     busiest_edge(request, false, 1000, bench.topology))
        << rows << " x " << columns;
  }
}

TEST(DirectLoad, MayBeLessThanACycle) {
  Bench bench;
  bench.add_dies(1, 2);
  EXPECT_DOUBLE_EQ(
      direct_edge_cycles(bench.request(OpKind::kAllToAll, 64), false, 64, tracks_of(bench, 17), bench.topology),
      64 / kDieRate);
}

// Two dies of one row and one of the next, below the second: nobody sends along the second row.
TEST(DirectLoad, OfMembersThatAreNoFullGrid) {
  Bench bench;
  bench.add_dies(1, 2);
  bench.add_dies(1, 1, 1, 1);
  const CollectiveRequest request = bench.request(OpKind::kAllToAll, 1000);
  EXPECT_DOUBLE_EQ(direct_edge_cycles(request, false, 1000, tracks_of(bench, 17), bench.topology), 2 * 1000 / kDieRate);
}

TEST(RingCost, OfAStepIsItsSlowestEdgeAndTheMeanWay) {
  Bench bench(Level::kTray);
  bench.add_dies(1, 3, 0, 3);  // the third in the next tile
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 3 * 44800);
  const Rates rates(bench.topology);
  const Ring ring = make_ring({0, 1, 2}, 3 * 44800);
  const RingCost cost = ring_cost(ring, 44800, tracks_of(bench, 17), rates, request, bench.topology);
  EXPECT_NEAR(cost.latency_cycles, (220 + 420 + 640) / 3.0, 1e-9);
  EXPECT_NEAR(cost.bandwidth_cycles, 44800 / kTileRate, 1e-9);
  EXPECT_EQ(cost.slowest_message, 64);
  // Latency-bound: way, sending and adding of one message; else all bytes over the slowest edge.
  EXPECT_NEAR(ring_cycles(cost, 2, true, 640, rates), 2 * (1280 / 3.0 + 10 + 10), 1e-9);
  EXPECT_NEAR(ring_cycles(cost, 2, false, 640, rates), 2 * (1280 / 3.0 + 10), 1e-9);
  RingCost wide = cost;
  wide.bandwidth_cycles = 1e6;
  EXPECT_EQ(ring_cycles(wide, 3, false, 640, rates), 3e6);
}

// Both edges of the first member lead over the tile's boundary, which has 40 bytes a cycle here; the last is inside.
TEST(RingCost, TheSlowestMessageIsThatOfAnyEdge) {
  topology::MachineParams params = Bench::parameters(Level::kTray);
  params.tile.die_edge_out_bytes_per_s = 8e10;
  const topology::Topology narrow(params);
  Bench bench(Level::kTray);
  bench.add_dies(1, 1, 0, 5);
  bench.add_dies(1, 1, 0, 4);
  bench.add_dies(1, 1, 0, 6);
  const Rates rates(narrow);
  const RingCost cost = ring_cost(make_ring({0, 1, 2}, 192), 64, tracks_of(bench, 1), rates,
                                  bench.request(OpKind::kAllReduce, 192), narrow);
  EXPECT_EQ(cost.slowest_message, 40);
}

/// Slices that are whole dies, as those of a job.
void name_dies(const Bench& bench) {
  for (const auto& slice : bench.slices) slice->dies = {first_die(*slice, bench.topology)};
}

// Three dies in an L: one of the ring's three edges turns, whichever comes first.
TEST(Striping, OfARingWantsEveryEdgeStraight) {
  const std::pair<int, int> kPlaces[] = {{0, 0}, {0, 1}, {1, 1}};
  for (std::size_t first = 0; first < 3; ++first) {
    Bench bent;
    for (std::size_t i = 0; i < 3; ++i)
      bent.add_dies(1, 1, kPlaces[(first + i) % 3].first, kPlaces[(first + i) % 3].second);
    name_dies(bent);
    EXPECT_FALSE(build_collective(bent.request(OpKind::kAllReduce, 3 << 20, "ring"), bent.topology).striped) << first;
  }
  Bench straight;
  straight.add_dies(1, 3);
  name_dies(straight);
  EXPECT_TRUE(build_collective(straight.request(OpKind::kAllReduce, 3 << 20, "ring"), straight.topology).striped);
}

TEST(Striping, OfARingAroundASquare) {
  Bench bench;
  for (const auto& [row, column] : {std::pair{0, 0}, {0, 1}, {1, 1}, {1, 0}}) bench.add_dies(1, 1, row, column);
  name_dies(bench);
  EXPECT_TRUE(build_collective(bench.request(OpKind::kAllReduce, 3 << 20, "ring"), bench.topology).striped);
}

TEST(Striping, OfATreeWantsEveryEdgeStraight) {
  for (const std::uint32_t root : {0u, 1u}) {
    Bench bent;
    bent.add_dies(1, 1, 0, 0);
    bent.add_dies(1, 1, 1, 1);
    name_dies(bent);
    EXPECT_FALSE(build_collective(bent.request(OpKind::kBroadcast, 1 << 20, "tree", root), bent.topology).striped);
  }
}

// The largest step decides: 354 pieces of 448 bytes are 158,592 bytes.
TEST(Striping, OfAMeshFollowsItsLargestStepAndTracksItsSmallest) {
  Bench bench;
  bench.add_dies(2, 2);
  name_dies(bench);
  const auto plan = [&](Bytes bytes) {
    return build_collective(bench.request(OpKind::kReduceScatter, bytes, "mesh2d"), bench.topology);
  };
  EXPECT_TRUE(plan(2 * 158'592).striped) << "rows move halves, columns quarters";
  EXPECT_FALSE(plan(2 * 158'592 - 2).striped);
  EXPECT_EQ(plan(4096).tracks, 2u) << "1 KiB in the columns";
}

// A vector of 200 KiB on 40 tracks is cut into five chunks of 1 KiB, unless a million messages are too few for that.
TEST(Chunks, OfManyMembersAreLimitedByTheirMessages) {
  const auto chunks = [](OpKind kind, const char* algorithm, std::int32_t members, std::int32_t columns, Bytes bytes) {
    Bench bench(Level::kExapod);
    bench.add_dies(members / columns, columns);
    bench.add_dies(1, members % columns, members / columns);
    // Without a walk, which takes long for a million messages.
    for (const CollectiveAlgorithm& a : collective_algorithms()) {
      if (a.name() != std::string(algorithm)) continue;
      const DataflowPlan plan = a.build(bench.request(kind, bytes), bench.topology).plan;
      EXPECT_EQ(plan.tracks, 40u);
      return plan.chunks;
    }
    ADD_FAILURE() << algorithm;
    return decltype(DataflowPlan::chunks){0};
  };
  constexpr Bytes kFive = 5 * 40 * 1024;
  // 40 tracks x 5 chunks x 2 (n - 1) edges.
  EXPECT_EQ(chunks(OpKind::kAllReduce, "tree", 2501, 15, kFive), 5u);
  EXPECT_EQ(chunks(OpKind::kAllReduce, "tree", 2502, 15, kFive), 4u);
  EXPECT_EQ(chunks(OpKind::kBroadcast, "tree", 2900, 15, kFive), 5u) << "one way";
  // n (n - 1) edges; 80 members have 6,320.
  EXPECT_EQ(chunks(OpKind::kAllToAll, "direct", 71, 10, 71 * kFive), 5u);
  EXPECT_EQ(chunks(OpKind::kAllToAll, "direct", 80, 10, 80 * kFive), 3u);
  // Of a grid 2 n columns, or n (columns - 1 + rows - 1).
  EXPECT_EQ(chunks(OpKind::kAllReduce, "mesh2d", 165, 15, 15 * kFive), 5u);
  EXPECT_EQ(chunks(OpKind::kReduceScatter, "mesh2d", 176, 8, 176 * Bytes{6 * 40 * 1024}), 5u);
}

TEST(Bounds, CutOnlyWhereMembersLieOnBothSidesAndNoneAcross) {
  Bench bench(Level::kTray);
  // Rows of dies 0 and 1 are one member, row 4 another: two cuts between them, at the tile's edge none.
  bench.add(bench.die_shape(2, 1), 0, 0);
  bench.add(bench.die_shape(1, 1), 4 * 18, 0);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 1 << 20);
  EXPECT_DOUBLE_EQ(all_reduce_bisection_bound_seconds(request, bench.topology), (1 << 20) / (15 * 2.016e12));
  // The first has 4 edges inside the machine and 6 to nowhere or to DIPs: east twice, south once; the second east,
  // north and south (to the next tile).
  const double edges = 3 * 2.016e12 + 2 * 2.016e12 + 0.896e12;
  EXPECT_DOUBLE_EQ(all_reduce_injection_bound_seconds(request, bench.topology), 2 * (1 << 20) / edges);
}

TEST(Bounds, OfColumnsAndOfPartsOfADie) {
  Bench bench;
  bench.add_dies(2, 1, 1, 0);
  bench.add_dies(2, 1, 1, 4);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 1 << 20);
  EXPECT_DOUBLE_EQ(all_reduce_bisection_bound_seconds(request, bench.topology), (1 << 20) / (5 * 2.016e12));
  // Each die: three edges inside the tile.
  EXPECT_DOUBLE_EQ(all_reduce_injection_bound_seconds(request, bench.topology), 6 * (1 << 20) / (12 * 2.016e12));
  Bench lone;
  lone.add_dies(1, 1);
  EXPECT_EQ(all_reduce_injection_bound_seconds(lone.request(OpKind::kAllReduce, 1 << 20), lone.topology), 0);
  EXPECT_EQ(all_reduce_bisection_bound_seconds(lone.request(OpKind::kAllReduce, 1 << 20), lone.topology), 0);
}

TEST(Bounds, OfMembersAtTheEndsOfTheMachineAndWithinDies) {
  Bench last;  // the last two rows of dies: the cut between them
  last.add_dies(2, 1, 3, 2);
  EXPECT_DOUBLE_EQ(all_reduce_bisection_bound_seconds(last.request(OpKind::kAllReduce, 1 << 20), last.topology),
                   (1 << 20) / (5 * 2.016e12));
  Bench middle;  // one die: cuts on all sides, none between members
  middle.add_dies(1, 1, 2, 2);
  EXPECT_EQ(all_reduce_bisection_bound_seconds(middle.request(OpKind::kAllReduce, 1 << 20), middle.topology), 0);
  Bench nodes;  // the first site of a die and the last of the die before it
  nodes.add(nodes.node_shape(), 18, 0);
  nodes.add(nodes.node_shape(), 17, 0);
  EXPECT_DOUBLE_EQ(all_reduce_bisection_bound_seconds(nodes.request(OpKind::kAllReduce, 1 << 20), nodes.topology),
                   (1 << 20) / (5 * 2.016e12));
}

TEST(Bounds, OfAMachineOfOneDie) {
  Bench bench(Level::kDie);
  bench.add_dies(1, 1);
  const CollectiveRequest request = bench.request(OpKind::kAllReduce, 1 << 20);
  EXPECT_EQ(all_reduce_injection_bound_seconds(request, bench.topology), 0) << "no edge leads to another die";
}

double cycles(const Bench& bench, OpKind kind, Bytes bytes, const char* algorithm, std::uint32_t root = 0) {
  const CollectiveRequest request = bench.request(kind, bytes, algorithm, root);
  return choose_algorithm(request, bench.topology).model_seconds(request, bench.topology) * 2e9;
}

// Two tracks of 512 bytes: a message of 8 cycles on the longest way of 660, then the rest, five sixths, of what the
// busiest part moves.
TEST(DirectModel, IsTheLongestWayAndTheRestAtTheBusiestPart) {
  Bench bench;
  bench.add_dies(1, 4);
  // 2 x 2 messages of 1 KiB over the middle edge on two tracks: 32 cycles; three messages of 512 B at a port are 24.
  EXPECT_NEAR(cycles(bench, OpKind::kAllToAll, 4096, "direct"), 660 + 8 + 32 * 5 / 6.0, 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kReduceScatter, 4096, "direct"), 660 + 8 + 32 * 5 / 6.0 + 24, 1e-6);
  // Only the root sends: 3 KiB over its edge on two tracks, or its port, are 24 cycles.
  EXPECT_NEAR(cycles(bench, OpKind::kBroadcast, 1024, "direct", 0), 660 + 8 + 24 * 5 / 6.0, 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kBroadcast, 1024, "direct", 1), 440 + 8 + 24 * 5 / 6.0, 1e-6) << "the port";
  EXPECT_EQ(cycles(bench, OpKind::kBarrier, 0, "direct"), cycles(bench, OpKind::kAllToAll, 256, "direct"))
      << "a signal is one packet";
}

// The ends of the longest way are extreme in row + column or in row - column; which of them depends on how one looks.
TEST(DirectModel, FindsTheLongestWayOnEverySide) {
  for (const auto& [flip_rows, flip_columns] : {std::pair{false, false}, {false, true}, {true, false}, {true, true}}) {
    Bench bench;
    for (const auto& [row, column] : {std::pair{0, 0}, {4, 2}, {2, 3}, {4, 1}})
      bench.add_dies(1, 1, flip_rows ? 4 - row : row, flip_columns ? 4 - column : column);
    const double modelled = cycles(bench, OpKind::kAllToAll, 256, "direct"), longest = 4 * 18 + 2 * 20 + 6 * 200;
    EXPECT_GE(modelled, longest + 1);
    EXPECT_LE(modelled, longest + 1 + 8) << flip_rows << flip_columns;
  }
}

// 65,536 bytes on 40 tracks: a message of 1,664 bytes takes 26 cycles. The root in the middle adds two of them.
TEST(TreeModel, IsAMessageUpAndDownAndTheRestAtTheSlowestPart) {
  Bench bench;
  bench.add_dies(1, 3);
  const double edge = 65536 / kDieRate;
  EXPECT_NEAR(cycles(bench, OpKind::kAllReduce, 65536, "tree"),
              (26 + 220 + 2 * 26) + (26 + 26 + 220) + edge * (1 - 1 / 40.0), 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kBroadcast, 65536, "tree", 1), (26 + 26 + 220) + edge * (1 - 1 / 40.0), 1e-6);
  // 150,000 bytes: three chunks of 1,280 bytes.
  EXPECT_NEAR(cycles(bench, OpKind::kReduce, 150'000, "tree", 1),
              (20 + 220 + 2 * 20) + 150'000 / kDieRate * (1 - 1 / 120.0), 1e-6);
}

TEST(TreeModel, AddsWhatHasBytes) {
  Bench bench;
  bench.add_dies(1, 2);
  EXPECT_NEAR(cycles(bench, OpKind::kAllReduce, 1, "tree"), (220 + 1 + 1) + (220 + 1), 1e-6) << "a packet";
  EXPECT_NEAR(cycles(bench, OpKind::kAllReduce, 0, "tree"), (220 + 1) + (220 + 1), 1e-6) << "nothing to add";
  // Up the whole vector of 512 bytes, down the half that the other member keeps.
  EXPECT_NEAR(cycles(bench, OpKind::kReduceScatter, 512, "tree"), (220 + 8 + 8) + (220 + 4), 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kReduceScatter, 1, "direct") - cycles(bench, OpKind::kReduceScatter, 0, "direct"),
              1, 1e-6);
}

// Four children of the middle: its ports take four vectors on 40 tracks, more than an edge does.
TEST(TreeModel, OfManyChildrenIsBoundByThePorts) {
  Bench bench;
  for (const auto& [row, column] : {std::pair{1, 1}, {0, 1}, {2, 1}, {1, 0}, {1, 2}}) bench.add_dies(1, 1, row, column);
  const double port = 4 * 150'000 / 40.0 / 64;
  EXPECT_NEAR(cycles(bench, OpKind::kReduce, 150'000, "tree", 0), (20 + 220 + 4 * 20) + port * (1 - 1 / 3.0), 1e-6);
  // The last child is one beside or one below.
  const double down = cycles(bench, OpKind::kBroadcast, 150'000, "tree", 0) - port * (1 - 1 / 3.0);
  EXPECT_NEAR(std::min(std::abs(down - (3 * 20 + 220 + 20)), std::abs(down - (3 * 20 + 218 + 20))), 0, 1e-6);
}

// Three dies with a DIP each: two send to the third. 512 bytes on the wire are 596 of 25 a cycle.
TEST(ZplaneModel, QueuesTheMessagesOfIslandsAtTheDip) {
  Bench bench;
  bench.add_dies(3, 1);
  const Path path = path_over_zplane(*bench.slices[1], *bench.slices[0], bench.topology);
  const double way = path.latency_cycles + 512 / path.pooled_bytes_per_cycle, queued = 596 / 25.0;
  EXPECT_NEAR(cycles(bench, OpKind::kAllReduce, 512, "zplane"), (way + queued + 2 * 8) + (way + queued), 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kBroadcast, 512, "zplane"), way + queued, 1e-6);
}

// Of four islands the root takes two, and one of these a third: each port then carries two vectors each way.
TEST(ZplaneModel, APortCarriesWhatItsChildrenSendAndWhatGoesOn) {
  Bench bench;
  bench.add_dies(4, 1);
  const double bytes = 8 << 20, rate = 1024 / ((1024 + 84) / 25.0),
               modelled = cycles(bench, OpKind::kAllReduce, 8 << 20, "zplane");
  EXPECT_GE(modelled, 0.99 * 2 * bytes / rate);
  EXPECT_LE(modelled, 1.2 * 2 * bytes / rate);
}

TEST(Mesh2dModel, OfTwoByThreeDies) {
  Bench bench;
  bench.add_dies(2, 3);
  // Rings of rows: the mean way is (2 x 220 + 440) / 3, two steps; columns: 218, one step.
  const double row = 880 / 3.0, column = 218;
  // 768 bytes: rows in parts of 256, columns in parts of 128.
  EXPECT_NEAR(cycles(bench, OpKind::kReduceScatter, 768, "mesh2d"), 2 * (row + 4 + 4) + column + 2 + 2, 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kAllGather, 128, "mesh2d"), 2 * (row + 4) + column + 2, 1e-6);
  EXPECT_NEAR(cycles(bench, OpKind::kAllReduce, 768, "mesh2d"),
              2 * (row + 4 + 4) + (2 * (column + 4) + 4) + 2 * (row + 4), 1e-6);
}

TEST(Models, OfOneMemberTakeNoTime) {
  Bench bench;
  bench.add_dies(1, 1);
  for (const char* algorithm : {"ring", "mesh2d", "tree", "zplane"})
    EXPECT_EQ(cycles(bench, OpKind::kAllReduce, 1 << 20, algorithm), 0) << algorithm;
  EXPECT_EQ(cycles(bench, OpKind::kAllToAll, 1 << 20, "direct"), 0);
}

TEST(MessageTime, IsTheWayAndTheBytesOverTheTracks) {
  Bench bench;
  bench.add_dies(1, 2);
  const Slice &a = *bench.slices[0], &b = *bench.slices[1];
  // 512 bytes lie on one node; 64 KiB on 128, which fill the edge.
  EXPECT_NEAR(message_seconds(a, b, 512, false, bench.topology), (220 + 8) / 2e9, 1e-15);
  EXPECT_NEAR(message_seconds(a, b, 1 << 16, false, bench.topology), (220 + (1 << 16) / kDieRate) / 2e9, 1e-15);
  const double rate = 1024 / ((1024 + 84) / 25.0);
  const double way = path_over_zplane(a, b, bench.topology).latency_cycles;
  EXPECT_NEAR(message_seconds(a, b, 51200, true, bench.topology), (way + 84 / 25.0 + 51200 / rate) / 2e9, 1e-15);
}

TEST(Grid, OfMembers) {
  Bench bench;
  bench.add_dies(2, 3, 1, 1);
  const MemberGrid full = member_grid(bench.request(OpKind::kAllReduce, 64).members);
  EXPECT_TRUE(full.full);
  EXPECT_EQ(full.rows, 2u);
  EXPECT_EQ(full.columns, 3u);
  EXPECT_THAT(full.member, ElementsAre(0, 1, 2, 3, 4, 5));
  bench.slices.pop_back();
  EXPECT_FALSE(member_grid(bench.request(OpKind::kAllReduce, 64).members).full);
}

}  // namespace
}  // namespace dojo::workload::collectives
