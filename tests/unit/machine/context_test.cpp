// SPDX-License-Identifier: Apache-2.0
// What is looked up once per run: windows, clusters, pieces, barriers, mailboxes.
#include "machine/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "machine/die/moment.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using topology::Direction;

TEST(PlanInfo, BytesAreDividedOverLanesAndChunks) {
  const DataflowPlan plan = PlanMaker(2, 2)
                                .position()
                                .item(1, [](DataflowItem& item) { item.bytes = 11; })
                                .edge(1, 6)
                                .item(1,
                                      [](DataflowItem& item) {
                                        item.bytes = 11;
                                        item.single = true;
                                      })
                                .plan();
  const PlanInfo info = plan_info(plan);
  std::vector<Bytes> item, edge;
  for (std::uint32_t i = 0; i < 4; ++i) {
    item.push_back(info.item_splits[0].of(i));
    edge.push_back(info.edge_splits[0].of(i));
  }
  EXPECT_THAT(item, ElementsAre(3, 3, 3, 2));
  EXPECT_THAT(edge, ElementsAre(2, 2, 1, 1));
  EXPECT_EQ(info.item_splits[1].of(0), 11);
}

topology::MachineParams with_dips(topology::MachineParams params) {
  params.dip.present = true;
  params.dip.ttp_link_ns = 25;
  return params;
}

TEST(Context, RefusesMoreDipsThanTheSwitchHasPorts) {
  topology::MachineParams params = with_dips(tile_params(2, 1, 2, 2));
  params.zplane.ports_per_switch = 3;
  Bench bench(params);
  bench.job.plans.resize(1);
  bench.job.plans[0].over_zplane = true;
  bench.add_instance(0, {{ParticipantKind::kDip, 0}, {ParticipantKind::kDip, 1}});
  try {
    bench.context();
    FAIL() << "four DIPs at three ports";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("/zplane/ports_per_switch"));
  }
  params.zplane.switch_tiers = 2;
  params.zplane.ports_per_switch = 3;  // three leaves of one DIP... 3 x 3 / 2 = 4 in all
  Bench two_tiers(params);
  two_tiers.job = bench.job;
  EXPECT_TRUE(two_tiers.context().zplane);
}

TEST(Context, AWindowIsAsLongAsTheShortestWayToAnotherShard) {
  Bench bench(with_dips(tile_params(1, 2, 2, 2)));
  Context& context = bench.context();
  EXPECT_EQ(context.long_window, 10);
  EXPECT_EQ(context.short_window, 10);
  EXPECT_EQ(context.clusters.size(), 2u + 2u) << "every shard by itself";
  EXPECT_EQ(context.shard_count(), 4u);
  EXPECT_FALSE(context.zplane);
}

TEST(Context, ALoneDieRunsInLongWindows) {
  Bench bench(die_params(2, 2));
  EXPECT_EQ(bench.context().long_window, kLongestWindow);
}

TEST(Context, TestsMayAskForShorterWindows) {
  Bench bench(tile_params(1, 2, 2, 2));
  bench.settings.window_cycles = 3;
  EXPECT_EQ(bench.context().long_window, 3);
}

// Four tiles of one thread: mail inside a tile changes hands in short windows.
TEST(Context, TilesAreGroupsWhereThereAreManyOfThem) {
  topology::MachineParams params = with_dips(tile_params(1, 2, 2, 2));
  params.level = topology::Level::kTray;
  params.tray.tiles = {4, 1};
  params.tile.tile_link_ns = 200;
  Bench bench(params);
  Context& context = bench.context();
  EXPECT_EQ(context.clusters.size(), 4u);
  EXPECT_THAT(context.clusters[1].shards, ElementsAre(2, 3, 8 + 2, 8 + 3)) << "dies, and the DIPs at their edges";
  EXPECT_EQ(context.short_window, 10);
  EXPECT_EQ(context.long_window, 200);
  EXPECT_EQ(context.inside[context.mailbox_of_die(2, Direction::kEast)], 1);
  EXPECT_EQ(context.inside[context.mailbox_of_die(2, Direction::kSouth)], 0);
  EXPECT_EQ(context.inside[context.mailbox_of_dip(2)], 1);
  // Mail inside is written to the half of the cluster's short window, other mail to that of the long one.
  ThreadSums sums;
  context.clusters[1].parity = 1;
  context.post(context.mailbox_of_die(2, Direction::kEast), 3, fabric::Crossing{50, 0, {}}, sums);
  EXPECT_EQ(context.mail[context.mailbox_of_die(2, Direction::kEast)].crossings[1].size(), 1u);
  EXPECT_EQ(context.clusters[1].mail_time, 50);
  EXPECT_EQ(sums.mail_time, kNever);
  EXPECT_EQ(context.has_local[1][3].load(), 1);
  EXPECT_EQ(context.readable(context.mailbox_of_die(2, Direction::kEast), 3), 0);
  context.post(context.mailbox_of_die(2, Direction::kSouth), 4, fabric::Credit{70, 64, 0}, sums);
  EXPECT_EQ(context.mail[context.mailbox_of_die(2, Direction::kSouth)].credits[0].size(), 1u);
  EXPECT_EQ(sums.mail_time, 70);
  EXPECT_EQ(context.has_mail[0][4].load(), 1);
  EXPECT_EQ(context.readable(context.mailbox_of_die(2, Direction::kSouth), 4), 1);
}

TEST(Context, TheSwitchIsAShardAndAGroupOfItsOwn) {
  topology::MachineParams params = with_dips(tile_params(1, 2, 2, 2));
  params.zplane.switch_ns = 10;
  params.dip.bridge_ns = 2;
  Bench bench(params);
  bench.job.plans.resize(1);
  bench.job.plans[0].over_zplane = true;
  bench.add_instance(0, {{ParticipantKind::kDip, 0}, {ParticipantKind::kDip, 1}});
  Context& context = bench.context();
  EXPECT_TRUE(context.zplane);
  EXPECT_EQ(context.shard_count(), 5u);
  EXPECT_THAT(context.clusters.back().shards, ElementsAre(4));
  EXPECT_EQ(context.long_window, 2 + 10 / 2) << "to the middle of the switch";
}

TEST(Context, AStripedBurstFitsTwiceIntoTheSmallestBuffer) {
  Bench large(tile_params(1, 2, 2, 3, 1 << 20));
  large.settings.burst_bytes = 128;
  EXPECT_EQ(large.context().stripe_bytes, 2 * 128) << "a burst of every row";
  Bench small(tile_params(1, 2, 8, 8, 1000));
  small.settings.burst_bytes = 128;
  EXPECT_EQ(small.context().stripe_bytes, 500);
  Bench tiny(tile_params(1, 2, 8, 8, 100));
  tiny.settings.burst_bytes = 128;
  EXPECT_EQ(tiny.context().stripe_bytes, 128) << "at least a burst";
}

/// Two dies of six rows and four columns, and a striped plan of `chunks` messages.
unsigned groups_of_a_die(std::int64_t rows, std::uint32_t chunks) {
  Bench bench(tile_params(1, 2, rows, 4));
  DataflowPlan plan = PlanMaker(1, chunks).position().item(1).edge(1, 64).position().item(1).plan();
  plan.striped = true;
  bench.job.plans.push_back(plan);
  for (const std::int32_t column : {0, 4})
    bench.add_rank(make_slice(bench.topology, 0, column, static_cast<std::int32_t>(rows), 4), 0);
  bench.add_instance(0, {{ParticipantKind::kRank, 0}, {ParticipantKind::kRank, 1}});
  const Context& context = bench.context();
  EXPECT_EQ(context.plans[0].plan->tracks, context.stripe_groups[0]->grid().groups());
  return context.stripe_groups[0]->grid().groups();
}

TEST(Context, AJobOfFewStripedMessagesHasFinerGroups) {
  using fabric::StripeGroups;
  EXPECT_EQ(groups_of_a_die(6, StripeGroups::kMostFine), StripeGroups::kFine.groups());
  EXPECT_EQ(groups_of_a_die(6, StripeGroups::kMostFine + 1), StripeGroups::kCoarse.groups());
  EXPECT_EQ(groups_of_a_die(5, 1), StripeGroups::kCoarse.groups()) << "a finer group would be empty";
}

TEST(Context, ABarrierReachesTheFarthestNode) {
  topology::MachineParams params = tile_params(1, 2, 4, 6);
  params.noc.hop_cycles = 3;
  params.node.semaphore_cycles = 5;
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 5, 4, 7), 0);  // a column of die 0, all of die 1
  bench.add_rank(make_slice(bench.topology, 0, 0, 1, 1), 1);
  const std::vector<Cycles>& barriers = bench.context().shapes[0].barrier_cycles;
  EXPECT_THAT(barriers, ElementsAre((4 / 2 + 1 / 2) * 3 + 2 * 5, (4 / 2 + 6 / 2) * 3 + 2 * 5));
  EXPECT_THAT(bench.context().shapes[1].barrier_cycles, ElementsAre(0)) << "a node alone waits for nobody";
}

TEST(Context, ItemsAmongNodesKnowHowManyMessagesTheyWaitFor) {
  Bench bench(die_params(2, 2));
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 2), 0);
  PlanMaker plan(1, 2);
  for (std::uint32_t i = 0; i < 3; ++i) {
    plan.position().item(1);
    if (i < 2) plan.edge(i + 1, 64);
  }
  bench.job.plans = {plan.plan(), plan.plan()};
  bench.add_instance(0, {{ParticipantKind::kNode, 0}, {ParticipantKind::kNode, 1}, {ParticipantKind::kNode, 2}});
  bench.add_instance(0, {{ParticipantKind::kNode, 2}, {ParticipantKind::kNode, 1}, {ParticipantKind::kNode, 0}});
  const PlanInfo& info = bench.context().plans[0];
  EXPECT_THAT(info.item_waits, ElementsAre(0, 1, 1));
  EXPECT_TRUE(bench.context().plans[1].item_waits.empty()) << "nobody uses it among nodes";
}

// A piece of another node of the line is an arrival of its own where pieces move one by one.
TEST(Context, InTheReferenceModelEachPieceIsAnArrival) {
  Bench bench(die_params(1, 3));
  bench.settings.network_model = NetworkModel::kReference;
  bench.add_rank(make_slice(bench.topology, 0, 0, 1, 3), 0);
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {1}).gather(0, 1, {{0, 64}, {1, 0}, {2, 64}}).kernel(),
                                   plain_kernel(3, {1})};
  const auto& needs = bench.context().piece_needs.at(0);
  EXPECT_THAT(needs[0], ElementsAre(0, 1, 0, 2, 0, 1)) << "by node: slot 0, slot 1";
  EXPECT_TRUE(needs[1].empty());
}

TEST(Context, InTheReferenceModelStripesAreALaneForEachNode) {
  Bench bench(tile_params(1, 2, 2, 2));
  bench.settings.network_model = NetworkModel::kReference;
  for (const std::int32_t column : {0, 2}) bench.add_rank(make_slice(bench.topology, 0, column, 2, 2), 0);
  DataflowPlan plan = PlanMaker().position().item(1).edge(1, 10).position().item(1).plan();
  plan.striped = true;
  bench.job.plans = {plan};
  for (int i = 0; i < 2; ++i) bench.add_instance(0, {{ParticipantKind::kRank, 0}, {ParticipantKind::kRank, 1}});
  Context& context = bench.context();
  ASSERT_EQ(context.track_plans.size(), 1u) << "once for both uses";
  EXPECT_EQ(context.plans[0].plan, &context.track_plans[0]);
  EXPECT_FALSE(context.plans[0].plan->striped);
  EXPECT_THAT(context.plans[0].plan->track_node, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(context.plans[0].edge_splits[0].of(1), 3);
  EXPECT_EQ(context.plans[0].edge_splits[0].of(2), 2);
}

TEST(DieMail, KnowsItsNeighboursAndTakesTheirMailOnce) {
  Bench bench(with_dips(tile_params(1, 2, 2, 2)));
  Context& context = bench.context();
  ThreadSums sums;
  Moment moment;
  moment.sums = &sums;
  DieMail west(context, 0, moment), east(context, 1, moment);
  EXPECT_TRUE(west.has_neighbour(Direction::kEast));
  EXPECT_FALSE(west.has_neighbour(Direction::kNorth));
  EXPECT_FALSE(west.is_dip(Direction::kEast));
  EXPECT_TRUE(west.is_dip(Direction::kWest));
  EXPECT_EQ(west.incoming(Direction::kWest), context.mailbox_of_dip(0));
  west.post(Direction::kEast, fabric::Crossing{30, 1, {}});
  west.post(Direction::kEast, fabric::Credit{31, 64, 0});
  std::vector<Cycles> times;
  const auto take = [&] {
    times.clear();
    east.take_crossings(Direction::kWest, [&](const fabric::Crossing& c) { times.push_back(c.time); });
    const bool credits = east.take_credits(Direction::kWest, [&](const fabric::Credit& c) { times.push_back(c.time); });
    EXPECT_EQ(credits, times.size() == 2);
    return times;
  };
  EXPECT_TRUE(take().empty()) << "the window in which it was sent is not over";
  context.parity = 1;
  EXPECT_THAT(take(), ElementsAre(30, 31));
  EXPECT_TRUE(take().empty());
}

}  // namespace
}  // namespace dojo::machine::test
