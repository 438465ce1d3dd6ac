// SPDX-License-Identifier: Apache-2.0
// Operands gathered a whole line at a time, on a network in which every gather takes 100 cycles.
#include "machine/die/line_gathers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using fabric::Shape;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using topology::Direction;
using End = FakeEnds::End;
/// In flits: on the die, over dies.
constexpr GatherTrains kTrains{4, 2};

/// Kernels and their gathers on one die of a slice.
struct Die {
  Die(Bench& bench, DieId die, std::uint32_t slice_die)
      : residents(static_cast<std::size_t>(bench.topology.sites())),
        port(bench.topology, die),
        kernels(residents, time, wheel, moment, ends) {
    auto made = std::make_unique<LineGathers>(kernels, port, moment, bench.topology, kTrains);
    gathers = made.get();
    kernels.use(std::move(made));
    const RankDie& place = residents[residents.add(bench.context(), 0, slice_die)];
    time.add_rank(place.node_count);
    kernels.add_rank(place);
    moment.sums = &sums;
  }
  void start(Cycles now, std::uint32_t task = 0) {
    moment.now = now;
    kernels.start(0, task, now, 0);
  }
  void run(Cycles end = kNever) {
    run_events(
        wheel, moment, [&](const engine::Event& e) { kernels.handle(e); }, end);
  }
  [[nodiscard]] std::vector<Bytes> gathered() const {
    std::vector<Bytes> bytes;
    for (const fabric::Gathering& g : port.gathers) bytes.push_back(g.bytes);
    return bytes;
  }
  Residents residents;
  NodeTime time;
  engine::Wheel wheel;
  Moment moment;
  ThreadSums sums = empty_sums();
  FakeEnds ends;
  FakePort port;
  KernelRuns kernels;
  LineGathers* gathers = nullptr;
};

// All of a die of two rows (lines 0, 1) and three columns (lines 2, 3, 4).
constexpr Cycles kBarrier = 4;

class LineGathersTest : public ::testing::Test {
 protected:
  LineGathersTest() : bench_(die_params(2, 3)) { bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 3), 0); }
  KernelMaker maker(const std::vector<std::uint32_t>& cycles) { return KernelMaker(bench_.shape(0), cycles); }
  void use(const KernelMaker& maker) {
    bench_.job.programs[0].tasks = {kernel_task(0, 1)};
    bench_.job.programs[0].kernels = {maker.kernel()};
  }
  Bench bench_;
};

TEST_F(LineGathersTest, DoNothingBeforeTheTaskStarts) {
  use(maker({10}).gather(0, 1, {{0, 100}}).unicast(3, 1, 64, 0));
  Die die(bench_, 0, 0);
  die.kernels.received(0, {0, 0, 0}, 1, 5);  // an operand that comes early
  die.gathers->advance(die.kernels.run(0), 0, 6);
  EXPECT_THAT(die.port.gathers, IsEmpty());
}

TEST_F(LineGathersTest, APieceIsThereEverywhereWhenTheNetworkSays) {
  use(maker({10}).gather(0, 1, {{0, 100}}));
  Die die(bench_, 0, 0);
  die.start(10);
  die.run();
  ASSERT_EQ(die.port.gathers.size(), 1u);
  EXPECT_TRUE(die.port.gathers[0].horizontal);
  EXPECT_FALSE(die.port.gathers[0].leaves_low || die.port.gathers[0].leaves_high);
  EXPECT_EQ(die.port.gather_nodes[0][0].piece_bytes, 100u);
  EXPECT_EQ(die.port.gather_nodes[0][0].ready, 10);
  EXPECT_EQ(die.port.gather_nodes[0][1].piece_bytes, 0u);
  EXPECT_EQ(die.sums.bytes_to_eject, 100u * 2u);
  EXPECT_THAT(die.port.passed, IsEmpty());
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 10 + 100 + 10 + kBarrier}));
}

TEST_F(LineGathersTest, OfPiecesOfAllEverybodyGetsTheOthers) {
  use(maker({10}).gather(4, 1, {{0, 64}, {1, 96}}));
  Die die(bench_, 0, 0);
  die.start(0);
  die.run();
  ASSERT_EQ(die.port.gathers.size(), 1u);
  EXPECT_FALSE(die.port.gathers[0].horizontal);
  EXPECT_EQ(die.port.gathers[0].lane, 2);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 110 + kBarrier})) << "the senders wait for each other too";
}

// A train of four flits: two of each sender, then the rest of the long piece alone. The line's links are busy for 50
// cycles with each train, a hop less for each node.
TEST_F(LineGathersTest, PiecesGoTrainByTrain) {
  use(maker({10}).gather(0, 1, {{0, 300}, {2, 40}}));
  Die die(bench_, 0, 0);
  die.port.links_busy = 50;
  die.start(10);
  EXPECT_THAT(die.gathered(), ElementsAre(128 + 40)) << "the short piece goes with the first round";
  die.run();
  EXPECT_THAT(die.gathered(), ElementsAre(128 + 40, 172));
  EXPECT_EQ(die.port.gather_nodes[1][0].ready, 10 + 50 - 3);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 10 + 47 + 100 + 10 + kBarrier}));
}

TEST_F(LineGathersTest, RoundsOfALineThatIsFreeGoInOneEvent) {
  use(maker({10}).gather(0, 1, {{0, 600}}));
  Die die(bench_, 0, 0);
  die.start(10);
  EXPECT_THAT(die.gathered(), ElementsAre(256, 256, 88));
}

// The operands of both steps share the line: two flits of each sender, then the rest of the longer piece.
TEST_F(LineGathersTest, GathersOfALineGoSideBySide) {
  use(maker({10, 10}).gather(0, 1, {{0, 300}}).gather(0, 2, {{1, 64}}));
  Die die(bench_, 0, 0);
  die.port.links_busy = 50;
  die.start(10);
  EXPECT_THAT(die.gathered(), ElementsAre(128 + 64));
  EXPECT_EQ(die.kernels.run(0).slot(0, 2).need, 0u) << "all of the second gather is on its way";
  EXPECT_EQ(die.kernels.run(0).slot(1, 1).need, 1u);
  die.run();
  EXPECT_THAT(die.gathered(), ElementsAre(128 + 64, 172));
}

// One node sends 65 bytes for the first step and 64 for the second: three packets.
TEST_F(LineGathersTest, PiecesOfOneSenderFollowOneAnotherAndShareNoPacket) {
  use(maker({10, 10}).gather(0, 1, {{0, 65}}).gather(0, 2, {{0, 64}}));
  Die die(bench_, 0, 0);
  die.start(10);
  EXPECT_EQ(die.port.gather_nodes.at(0)[0].piece_bytes, 128u + 64u);
  EXPECT_THAT(die.gathered(), ElementsAre(192));
  EXPECT_EQ(die.sums.bytes_to_eject, 129u * 2u);
}

// A node sends its piece for the row before that for the column. Trains are short while both have something to send.
TEST_F(LineGathersTest, AColumnWaitsForWhatItsNodesSendToTheirRows) {
  use(maker({10}).gather(0, 1, {{0, 256}}).gather(2, 1, {{0, 64}}).gather(3, 1, {{0, 64}}));
  Die die(bench_, 0, 0);
  die.port.links_busy = 50;
  die.start(10);
  ASSERT_EQ(die.port.gathers.size(), 2u) << "the row, and the column whose node sends nothing to a row";
  EXPECT_TRUE(die.port.gathers[0].in_turns);
  EXPECT_EQ(die.gathered()[0], 128) << "two of four flits";
  EXPECT_EQ(die.port.gathers[1].lane, 1);
  EXPECT_EQ(die.kernels.run(0).sends_end[0][1], die.port.gathers[0].links_free + 2) << "a cycle for each of the others";
  die.run();
  ASSERT_EQ(die.port.gathers.size(), 4u);
  EXPECT_EQ(die.port.gathers[2].lane, 0) << "the rest of the row";
  EXPECT_FALSE(die.port.gathers[3].horizontal);
  EXPECT_EQ(die.port.gathers[3].lane, 0);
  EXPECT_EQ(die.port.gather_nodes[3][0].ready, die.port.gathers[2].links_free);
}

TEST_F(LineGathersTest, ALineThatNothingCrossesHasLongTrains) {
  use(maker({10}).gather(0, 1, {{0, 256}}));
  Die die(bench_, 0, 0);
  die.start(10);
  EXPECT_THAT(die.gathered(), ElementsAre(256));
}

// Step 3's operand may go when step 1 has been computed everywhere, at 120. Step 2's is under way until then: four of
// its seven flits have gone by threes.
TEST_F(LineGathersTest, AGatherJoinsThoseUnderWay) {
  use(maker({10, 10, 10}).gather(0, 1, {{0, 64}}).gather(0, 2, {{1, 64 * 20}}).gather(0, 3, {{2, 64 * 2}}));
  Die die(bench_, 0, 0);
  die.port.links_busy = 50;
  die.start(0);
  die.run();
  const auto bytes = [&](std::size_t round, std::size_t node) {
    return die.port.gather_nodes[round][node].piece_bytes;
  };
  std::size_t joined = 0;
  while (joined < die.port.gathers.size() && bytes(joined, 2) == 0) ++joined;
  ASSERT_LT(joined, die.port.gathers.size());
  EXPECT_GT(bytes(joined, 1), 0u) << "both send in this round";
  EXPECT_GE(die.port.gather_nodes[joined][2].ready, 110);
  Bytes of_first = 0, of_second = 0;
  for (std::size_t i = 0; i < die.port.gathers.size(); ++i) {
    of_first += bytes(i, 1);
    of_second += bytes(i, 2);
  }
  EXPECT_EQ(of_first, 64 * 20);
  EXPECT_EQ(of_second, 64 * 2);
}

TEST(GatherRounds, WhatJoinsLaterStartsWhereTheOthersAre) {
  Kernel kernel;
  kernel.pieces = {{0, 640}, {1, 128}, {0, 64}};
  workload::Gather first, second, third;
  first.pieces_end = 1;
  second.pieces_begin = 1;
  second.pieces_end = 2;
  third.pieces_begin = 2;
  third.pieces_end = 3;
  kernel.gathers = {first, second, third};
  std::vector<fabric::GatherNode> nodes(2);
  GatherRounds round;
  round.fill(kernel, 0, 3, {0, 4, 5}, 4 * 64, {4, 4}, fabric::FlitSize(64), nodes);  // four flits each have gone
  EXPECT_EQ(nodes[0].piece_bytes, 2u * 64);
  EXPECT_EQ(nodes[1].piece_bytes, 2u * 64) << "both of its flits";
  EXPECT_TRUE(round.is_complete(1));
  EXPECT_EQ(round.queued(0), 11 * 64) << "the third gather's piece comes after the first's of the same node";
}

TEST(GatherRounds, ATrainIsDividedAmongThoseThatHaveSomethingToSend) {
  Kernel kernel;
  kernel.pieces = {{0, 640}, {1, 640}, {2, 64}, {0, 100}};
  workload::Gather one, other;
  one.pieces_end = 3;
  other.pieces_begin = 3;
  other.pieces_end = 4;
  kernel.gathers = {one, other};
  std::vector<fabric::GatherNode> nodes(3);
  GatherRounds round;
  std::vector<std::vector<std::uint32_t>> sent;
  Bytes upto = 0;
  do {
    for (fabric::GatherNode& node : nodes) node.piece_bytes = 0;
    round.fill(kernel, 0, 2, {}, upto, {15, 15}, fabric::FlitSize(64), nodes);
    sent.push_back({nodes[0].piece_bytes, nodes[1].piece_bytes, nodes[2].piece_bytes});
    upto = round.upto();
    EXPECT_EQ(round.is_complete(0), sent.size() >= 2);
  } while (round.more());
  EXPECT_THAT(sent, ElementsAre(ElementsAre(5 * 64, 5 * 64, 64), ElementsAre(5 * 64 + 100, 5 * 64, 0)))
      << "five flits of each of three, then seven of each of two";
}

TEST_F(LineGathersTest, OperandsOfTwoStepsAtMostAreUnderWay) {
  use(maker({10, 10, 10}).gather(0, 1, {{0, 64}}).gather(0, 2, {{0, 65}}).gather(0, 3, {{0, 66}}));
  Die die(bench_, 0, 0);
  die.start(0);
  EXPECT_THAT(die.gathered(), ElementsAre(64 + 64, 1)) << "two flits at a time, as more is to follow";
  die.run();
  EXPECT_THAT(die.gathered(), ElementsAre(64 + 64, 1, 66));
  EXPECT_EQ(die.port.gather_nodes[2][0].ready, 110) << "when the last node has computed the first step";
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 110 + 100 + 10 + kBarrier}));
}

// Node 0 multicasts along its row; node 1 passes on along its column, from 110 on, what has come.
TEST_F(LineGathersTest, ASecondStageGoesWhenTheFirstHasCome) {
  use(maker({10}).gather(0, 0, {{0, 64}}).gather(3, 1, {{0, 64}}, 2));
  Die die(bench_, 0, 0);
  die.start(10);
  EXPECT_EQ(die.port.gathers.size(), 1u);
  die.run();
  ASSERT_EQ(die.port.gathers.size(), 2u);
  EXPECT_FALSE(die.port.gathers[1].horizontal);
  EXPECT_EQ(die.port.gather_nodes[1][0].ready, 110);
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 210 + 10 + kBarrier})) << "node 4 gets it last";
}

// Column 0 passes node 0's operand on, and its next step's own piece goes in the same round.
TEST_F(LineGathersTest, WhatIsPassedOnSharesTheLineWithTheNextGather) {
  use(maker({10, 10}).gather(0, 0, {{1, 64}}).gather(2, 1, {{0, 64}}, 2).gather(2, 2, {{1, 64}}));
  Die die(bench_, 0, 0);
  die.start(0);
  ASSERT_EQ(die.port.gathers.size(), 1u) << "the column waits for its second stage, and what follows waits with it";
  die.run();
  ASSERT_EQ(die.port.gathers.size(), 2u);
  EXPECT_EQ(die.gathered()[1], 2 * 64);
}

TEST_F(LineGathersTest, MessagesOnTheDieTakeTheirReadPortsAtTheStart) {
  use(maker({10}).unicast(0, 4, 77, 1));
  Die die(bench_, 0, 0);
  die.start(10);
  die.run();
  EXPECT_THAT(die.ends.ended, IsEmpty());
  ASSERT_EQ(die.port.in_turn.size(), 1u);
  const FakePort::Post& message = die.port.in_turn[0];
  EXPECT_EQ(message.site, 0);
  EXPECT_EQ(message.burst.row, 1);
  EXPECT_EQ(message.burst.column, 1);
  EXPECT_EQ(message.bytes, 77);
  EXPECT_EQ(message.now, 10);
  EXPECT_THAT(die.port.posts, IsEmpty());
  die.kernels.received(0, Operand::unpack(message.burst.payload), 4, 110);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 120 + kBarrier}));
}

/// Three dies side by side, each a row of two nodes; the slice is all of them.
class ThreeDies : public ::testing::Test {
 protected:
  ThreeDies() : bench_(tile_params(1, 3, 1, 2)) {
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 1, 6), 0);
    bench_.job.programs[0].tasks = {kernel_task(0, 1)};
  }
  Bench bench_;
};

TEST_F(ThreeDies, WhatIsGatheredGoesOnBothWaysInBursts) {
  bench_.job.programs[0].kernels = {
      KernelMaker(bench_.shape(0), {10}).gather(3, 1, {{0, 100}, {1, 100}}).kernel()};  // line 3: the row on die 1
  Die die(bench_, 1, 1);
  die.start(10);
  ASSERT_EQ(die.port.passed.size(), 4u);
  const auto& passed = die.port.passed;
  for (std::size_t i : {0u, 2u}) {
    EXPECT_EQ(passed[i].direction, i == 0 ? Direction::kWest : Direction::kEast);
    EXPECT_EQ(passed[i].burst.shape, i == 0 ? Shape::kRowWest : Shape::kRowEast);
    EXPECT_EQ(passed[i].head, i == 0 ? 10 + 1 : 10 + 2);
    EXPECT_EQ(passed[i].burst.bytes, 128u);
    EXPECT_FALSE(passed[i].burst.last);
    EXPECT_EQ(passed[i + 1].head, passed[i].head + 2) << "behind the two packets before it";
    EXPECT_EQ(passed[i + 1].burst.bytes, 72u);
    EXPECT_TRUE(passed[i + 1].burst.last);
    EXPECT_EQ(passed[i].burst.reach.low, 0);
    EXPECT_EQ(passed[i].burst.reach.high, 5);
    EXPECT_EQ(passed[i].burst.purpose, fabric::Purpose::kOperand);
    EXPECT_EQ(Operand::unpack(passed[i].burst.payload).slot, 1u);
  }
}

TEST_F(ThreeDies, ALineWaitsAtAFullEdgeAndGoesOnWhenItIsToldTo) {
  bench_.job.programs[0].kernels = {KernelMaker(bench_.shape(0), {10}).gather(3, 1, {{0, 64}}).kernel()};
  Die die(bench_, 1, 1);
  die.port.full = 1u << static_cast<int>(Direction::kEast);
  die.start(10);
  EXPECT_THAT(die.port.gathers, IsEmpty());
  ASSERT_EQ(die.port.parked.size(), 1u);
  EXPECT_EQ(die.port.parked[0].first, Direction::kEast);
  EXPECT_EQ(die.port.parked[0].second.line, 0u);
  die.gathers->advance(die.kernels.run(0), 0, 20);
  EXPECT_EQ(die.port.parked.size(), 1u) << "it waits already";
  die.port.full = 1u << static_cast<int>(Direction::kWest);
  die.gathers->go_on(die.port.parked[0].second, 30);
  ASSERT_EQ(die.port.parked.size(), 2u) << "and now for the other edge";
  EXPECT_EQ(die.port.parked[1].first, Direction::kWest);
  die.port.full = 0;
  die.gathers->go_on(die.port.parked[1].second, 500);
  ASSERT_EQ(die.port.gathers.size(), 1u);
  EXPECT_EQ(die.port.gather_nodes[0][0].ready, 500);
}

TEST_F(ThreeDies, AnEdgeThatTheSliceDoesNotCrossMayBeFull) {
  bench_.job.programs[0].kernels = {KernelMaker(bench_.shape(0), {10}).gather(0, 1, {{0, 64}}).kernel()};
  Die die(bench_, 0, 0);
  die.port.full = 1u << static_cast<int>(Direction::kWest);
  die.start(10);
  EXPECT_EQ(die.port.gathers.size(), 1u);
}

TEST_F(ThreeDies, MessagesToOtherDiesArePosted) {
  bench_.job.programs[0].kernels = {KernelMaker(bench_.shape(0), {10}).unicast(2, 5, 640, 1).kernel()};
  Die die(bench_, 1, 1);
  die.start(10);
  EXPECT_THAT(die.port.within, IsEmpty());
  ASSERT_EQ(die.port.posts.size(), 1u);
  EXPECT_EQ(die.port.posts[0].site, 0);
  EXPECT_EQ(die.port.posts[0].burst.column, 5);
  EXPECT_EQ(die.port.posts[0].bytes, 640);
  EXPECT_EQ(die.port.posts[0].now, 10);
}

// The kernel does not end before the gather that nobody here needs is on its way.
TEST_F(ThreeDies, AKernelLastsUntilAllItSendsIsOnItsWay) {
  bench_.job.programs[0].kernels = {KernelMaker(bench_.shape(0), {10}).gather(3, 1, {{0, 64}}).kernel()};
  Die die(bench_, 1, 1);
  die.port.full = 1u << static_cast<int>(Direction::kEast);
  die.start(0);
  die.run();
  EXPECT_THAT(die.ends.ended, IsEmpty());
  die.port.full = 0;
  die.moment.now = 700;
  die.gathers->go_on(die.port.parked[0].second, 700);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 700 + 100 + 10 + 3}));
}

/// A die of two rows and three columns; the link between the first two nodes of the upper row is dead.
Bench broken_die() {
  topology::MachineParams params = die_params(2, 3);
  params.defects.push_back({"die.node[0].router.east", "link"});
  return Bench(params);
}

TEST(BrokenLines, APieceGoesAroundAsAMessageAndIsMulticastBehind) {
  Bench bench = broken_die();
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 3), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(0, 1, {{0, 64}}).kernel()};
  Die die(bench, 0, 0);
  die.start(10);
  ASSERT_EQ(die.port.within.size(), 1u);
  EXPECT_EQ(die.port.within[0].site, 0);
  EXPECT_EQ(die.port.within[0].burst.column, 1) << "to the near end of the other run";
  EXPECT_THAT(die.gathered(), ElementsAre(0, 64))
      << "the other run's own pieces, of which there are none, and this one";
  EXPECT_EQ(die.port.gathers[1].count, 2u);
  EXPECT_EQ(die.port.gather_nodes[1][0].ready, 110) << "when it has come there";
  EXPECT_EQ(die.kernels.run(0).slot(1, 1).ready, 110);
  EXPECT_EQ(die.kernels.run(0).slot(2, 1).ready, 210);
  die.run();
  EXPECT_THAT(die.ends.ended, ElementsAre(End{0, 0, 220 + kBarrier}));
}

// The same on a die that is not the machine's first: it stands in rows 2 and 3.
TEST(BrokenLines, OfADieBelowAnotherAreGatheredInPartsToo) {
  topology::MachineParams params = tile_params(2, 1, 2, 3);
  params.defects.push_back({"tile.die[1].node[0].router.east", "link"});
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 2, 0, 2, 3), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(0, 1, {{0, 64}}).kernel()};
  Die die(bench, 1, 0);
  die.start(10);
  ASSERT_EQ(die.port.within.size(), 1u);
  EXPECT_EQ(die.port.within[0].burst.column, 1);
  EXPECT_THAT(die.gathered(), ElementsAre(0, 64));
}

// Nodes 1 and 2 multicast between themselves; each writes its piece to node 0 too.
TEST(BrokenLines, PiecesOfARunReachTheNodesBeforeIt) {
  Bench bench = broken_die();
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 3), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(0, 1, {{1, 64}, {2, 64}}).kernel()};
  Die die(bench, 0, 0);
  die.start(10);
  ASSERT_EQ(die.port.within.size(), 2u);
  EXPECT_EQ(die.port.within[0].site, 1);
  EXPECT_EQ(die.port.within[1].site, 2);
  EXPECT_EQ(die.port.within[1].burst.column, 0);
  EXPECT_THAT(die.gathered(), ElementsAre(128));
  for (std::uint32_t node : {0u, 1u, 2u}) EXPECT_EQ(die.kernels.run(0).slot(node, 1).ready, 110) << node;
  EXPECT_EQ(die.port.network().link(1, Direction::kEast).busy_cycles, 1u) << "counted here, once";
}

TEST(BrokenLines, ABrokenColumnIsGatheredInPartsToo) {
  topology::MachineParams params = die_params(3, 2);
  params.defects.push_back({"die.node[0].router.south", "link"});
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 0, 3, 2), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(3, 1, {{0, 64}}).kernel()};
  Die die(bench, 0, 0);
  die.start(10);
  ASSERT_EQ(die.port.within.size(), 1u);
  EXPECT_EQ(die.port.within[0].burst.row, 1);
  EXPECT_EQ(die.kernels.run(0).slot(2, 1).ready, 110);
  EXPECT_EQ(die.kernels.run(0).slot(4, 1).ready, 210);
}

TEST(BrokenLines, OtherDiesOfTheSliceGetAMessageForEachNode) {
  topology::MachineParams params = tile_params(1, 2, 2, 2);
  params.defects.push_back({"tile.die[0].node[0].router.east", "link"});
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 4), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(0, 1, {{0, 300}, {1, 64}}).kernel()};
  Die die(bench, 0, 0);
  die.port.full = 0xf;  // messages wait at their routers, the line does not
  die.start(10);
  die.run();
  EXPECT_THAT(die.port.parked, IsEmpty());
  EXPECT_THAT(die.port.passed, IsEmpty());
  ASSERT_EQ(die.port.posts.size(), 2u);
  for (std::size_t i : {0u, 1u}) {
    EXPECT_EQ(die.port.posts[i].burst.row, 0);
    EXPECT_EQ(die.port.posts[i].burst.column, 2 + static_cast<std::int32_t>(i));
    EXPECT_EQ(die.port.posts[i].bytes, 364);
    EXPECT_GE(die.port.posts[i].now, 110);
  }
}

}  // namespace
}  // namespace dojo::machine::test
