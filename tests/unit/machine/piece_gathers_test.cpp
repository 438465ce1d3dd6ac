// SPDX-License-Identifier: Apache-2.0
// Operands gathered piece by piece: what is posted when. Arrivals are told by hand.
#include "machine/die/piece_gathers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using fabric::Shape;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using End = FakeEnds::End;

struct Die {
  Die(Bench& bench, DieId die, std::uint32_t slice_die)
      : residents(static_cast<std::size_t>(bench.topology.sites())),
        port(bench.topology, die),
        kernels(residents, time, wheel, moment, ends) {
    auto made = std::make_unique<PieceGathers>(kernels, port, bench.context());
    gathers = made.get();
    kernels.use(std::move(made));
    const RankDie& place = residents[residents.add(bench.context(), 0, slice_die)];
    time.add_rank(place.node_count);
    kernels.add_rank(place);
    moment.sums = &sums;
  }
  void start(Cycles now) {
    moment.now = now;
    kernels.start(0, 0, now, 0);
  }
  void arrives(std::uint32_t slot, SiteIndex site, Cycles ready) { kernels.received(0, {0, 0, slot}, site, ready); }
  void run(Cycles end = kNever) {
    run_events(
        wheel, moment, [&](const engine::Event& e) { kernels.handle(e); }, end);
  }
  Residents residents;
  NodeTime time;
  engine::Wheel wheel;
  Moment moment;
  ThreadSums sums = empty_sums();
  FakeEnds ends;
  FakePort port;
  KernelRuns kernels;
  PieceGathers* gathers = nullptr;
};

// All of a die of two rows (lines 0, 1) and three columns (lines 2, 3, 4).
constexpr Cycles kBarrier = 4;

class PieceGathersTest : public ::testing::Test {
 protected:
  PieceGathersTest() : bench_(die_params(2, 3)) {
    bench_.settings.network_model = NetworkModel::kReference;
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 3), 0);
  }
  KernelMaker maker(const std::vector<std::uint32_t>& cycles) { return KernelMaker(bench_.shape(0), cycles); }
  void use(const KernelMaker& maker) {
    bench_.job.programs[0].tasks = {kernel_task(0, 1)};
    bench_.job.programs[0].kernels = {maker.kernel()};
  }
  Bench bench_;
};

TEST_F(PieceGathersTest, DoNothingBeforeTheTaskStarts) {
  use(maker({10}).gather(0, 1, {{0, 100}}).unicast(3, 0, 64, 0));
  Die die(bench_, 0, 0);
  die.arrives(0, 0, 5);
  die.gathers->advance(die.kernels.run(0), 0, 6);
  EXPECT_THAT(die.port.posts, IsEmpty());
}

// Pieces of 100 and 60 bytes of nodes 0 and 2; that of node 1 is empty and is not sent.
TEST_F(PieceGathersTest, EachPieceIsAMulticastOfItsOwn) {
  use(maker({10}).gather(0, 1, {{0, 100}, {1, 0}, {2, 60}}));
  Die die(bench_, 0, 0);
  die.start(10);
  ASSERT_EQ(die.port.posts.size(), 2u);
  EXPECT_EQ(die.port.posts[0].site, 0);
  EXPECT_EQ(die.port.posts[0].bytes, 100);
  EXPECT_EQ(die.port.posts[1].site, 2);
  for (const FakePort::Post& post : die.port.posts) {
    EXPECT_EQ(post.burst.shape, Shape::kRow);
    EXPECT_EQ(post.burst.reach.low, 0);
    EXPECT_EQ(post.burst.reach.high, 2);
    EXPECT_EQ(post.now, 10);
  }
  EXPECT_EQ(die.kernels.run(0).arrivals_left, 1u + 2u + 1u) << "one piece comes to each sender, two to node 1";
  die.arrives(1, 0, 30);
  die.arrives(1, 1, 30);
  die.arrives(1, 2, 30);
  die.run();
  EXPECT_THAT(die.ends.ended, IsEmpty());
  die.arrives(1, 1, 40);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 50 + kBarrier}));
}

TEST_F(PieceGathersTest, OperandsOfTwoStepsAtMostAreUnderWay) {
  use(maker({10, 10, 10}).gather(2, 3, {{0, 64}}));
  Die die(bench_, 0, 0);
  die.start(0);
  EXPECT_THAT(die.port.posts, IsEmpty());
  die.run();
  ASSERT_EQ(die.port.posts.size(), 1u);
  EXPECT_EQ(die.port.posts[0].now, 10) << "when all nodes have computed the first step";
  EXPECT_EQ(die.port.posts[0].burst.shape, Shape::kColumn);
  EXPECT_EQ(die.port.posts[0].burst.reach.high, 1);
}

// Both nodes of the middle column pass on what has come in slot 0, each when it has it.
TEST_F(PieceGathersTest, EachNodeOfASecondStagePassesOnWhenItCan) {
  use(maker({10}).gather(0, 0, {{0, 64}}).gather(1, 0, {{0, 64}}).gather(3, 1, {{0, 70}, {1, 80}}, 2));
  Die die(bench_, 0, 0);
  die.start(10);
  ASSERT_EQ(die.port.posts.size(), 2u);
  die.moment.now = 20;
  die.arrives(0, 4, 90);  // is known at 20 and there at 90
  die.run(90);
  EXPECT_EQ(die.port.posts.size(), 2u);
  die.run(91);
  ASSERT_EQ(die.port.posts.size(), 3u);
  EXPECT_EQ(die.port.posts[2].site, 4);
  EXPECT_EQ(die.port.posts[2].bytes, 80);
  EXPECT_EQ(die.port.posts[2].now, 90);
  die.arrives(0, 1, 95);
  die.run();
  ASSERT_EQ(die.port.posts.size(), 4u);
  EXPECT_EQ(die.port.posts[3].bytes, 70);
  EXPECT_EQ(die.kernels.run(0).gathers_left, 0u);
  EXPECT_EQ(die.port.posts[3].burst.payload.words[2], 1u) << "the slot";
}

TEST_F(PieceGathersTest, WhatCameBeforeTheStartIsPassedOnAtTheStart) {
  use(maker({10}).unicast(0, 1, 64, 0).gather(3, 1, {{0, 70}}, 2));
  Die die(bench_, 0, 0);
  die.arrives(0, 1, 5);
  EXPECT_TRUE(die.wheel.empty());
  die.start(10);
  ASSERT_EQ(die.port.posts.size(), 2u) << "the message between two nodes, and the piece";
  EXPECT_EQ(die.port.posts[0].burst.shape, Shape::kUnicast);
  EXPECT_EQ(die.port.posts[1].bytes, 70);
}

TEST(PieceGathers, APieceReachesTheWholeRowOfTheSlice) {
  Bench bench(tile_params(1, 3, 1, 2));
  bench.settings.network_model = NetworkModel::kReference;
  bench.add_rank(make_slice(bench.topology, 0, 1, 1, 4), 0);  // the last node of die 0 to the first of die 2
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(2, 1, {{1, 64}}).kernel()};
  Die die(bench, 1, 1);
  die.start(0);
  ASSERT_EQ(die.port.posts.size(), 1u);
  EXPECT_EQ(die.port.posts[0].site, 1);
  EXPECT_EQ(die.port.posts[0].burst.reach.low, 1);
  EXPECT_EQ(die.port.posts[0].burst.reach.high, 4);
}

// A slice of two rows by two columns that begins at row 1 and column 1, from its first node to its last.
TEST(PieceGathers, AMessageNamesItsDestinationInTheMachine) {
  Bench bench(tile_params(1, 1, 3, 3));
  bench.settings.network_model = NetworkModel::kReference;
  bench.add_rank(make_slice(bench.topology, 1, 1, 2, 2), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).unicast(0, 3, 64, 1).kernel()};
  Die die(bench, 0, 0);
  die.start(0);
  ASSERT_EQ(die.port.posts.size(), 1u);
  EXPECT_EQ(die.port.posts[0].site, 1 * 3 + 1);
  EXPECT_EQ(die.port.posts[0].burst.row, 1 + 1);
  EXPECT_EQ(die.port.posts[0].burst.column, 1 + 1);
}

}  // namespace
}  // namespace dojo::machine::test
