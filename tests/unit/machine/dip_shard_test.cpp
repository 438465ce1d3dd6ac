// SPDX-License-Identifier: Apache-2.0
// A DIP alone: HBM, the ways to the hosts, the bridge and the edge to its die, exact to the cycle.
#include "machine/dip_shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using fabric::Crossing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Service = DataflowItem::Service;
constexpr Bytes kBurst = 128;

/// A die of two by two nodes. HBM moves 128 bytes a cycle, PCIe 32, Ethernet 64, the edge 64.
topology::MachineParams machine() {
  topology::MachineParams params = tile_params(1, 1, 2, 2);
  params.tile.die_edge_out_bytes_per_s = params.dip.ttp_bytes_per_s = 64e9;
  params.dip.present = true;
  params.dip.hbm_bytes_per_s = 256e9;
  params.dip.hbm_efficiency = 0.5;
  params.dip.hbm_latency_ns = 30;
  params.dip.bridge_ns = 5;
  params.dip.ttp_link_ns = 20;
  params.dip.pcie_bytes_per_s = 32e9;
  params.dip.pcie_latency_ns = 100;
  params.dip.ethernet_bytes_per_s = 64e9;
  params.dip.ethernet_latency_ns = 130;
  params.die.crossing_buffer_bytes = 64;  // for two bursts, which is the least
  return params;
}

std::function<void(DataflowItem&)> serves(Service service, Bytes bytes) {
  return [=](DataflowItem& item) {
    item.service = service;
    item.bytes = bytes;
  };
}

class DipShardTest : public ::testing::Test {
 protected:
  DipShardTest() : bench_(machine()) {
    bench_.settings.burst_bytes = kBurst;
    bench_.add_rank(make_slice(bench_.topology, 0, 0, 2, 2), 0);
  }
  std::uint32_t use(const DataflowPlan& plan, const std::vector<DataflowInstance::Participant>& participants) {
    bench_.job.plans.push_back(plan);
    return bench_.add_instance(static_cast<std::uint32_t>(bench_.job.plans.size() - 1), participants);
  }
  /// The first position starts by itself.
  std::uint32_t start(const DataflowPlan& plan, const std::vector<DataflowInstance::Participant>& participants) {
    started_.push_back(use(plan, participants));
    return started_.back();
  }
  /// Made when all is known that it has to do.
  DipShard& dip() {
    if (dip_) return *dip_;
    dip_ = std::make_unique<DipShard>(bench_.context(), 0);
    for (const std::uint32_t instance : started_) dip_->add_instance(instance, 0);
    return *dip_;
  }
  void run(Cycles end = kNever) { dip().run(end, sums_); }
  [[nodiscard]] std::vector<Crossing>& out() {
    Context& context = bench_.context();
    return context.mail[context.mailbox_of_dip(0)].crossings[context.parity];
  }
  fabric::Mailbox& in() {
    Context& context = bench_.context();
    return context.mail[context.mailbox_of_die(0, topology::Direction::kWest)];
  }
  /// A burst of the rank's comes from the die.
  void burst(Cycles time, std::uint32_t bytes, bool last, const TokenRef& token) {
    fabric::Burst burst;
    burst.bytes = bytes;
    burst.last = last;
    burst.payload = token.pack();
    in().crossings[1 - bench_.context().parity].push_back({time, 0, burst});
    dip().read_mail(sums_);
  }
  Bench bench_;
  ThreadSums sums_ = empty_sums();
  std::vector<std::uint32_t> started_;
  std::unique_ptr<DipShard> dip_;
};

constexpr DataflowInstance::Participant kDip{ParticipantKind::kDip, 0}, kOtherDip{ParticipantKind::kDip, 1},
    kRank{ParticipantKind::kRank, 0};

TEST_F(DipShardTest, DoesNothingWithoutAnInstanceThatStartsByItself) {
  start(PlanMaker().position().item(1).plan(), {kDip});
  EXPECT_EQ(dip().next_time(), kNever);
}

// 640 bytes over PCIe, through HBM, over the bridge and the edge in bursts of 128 bytes, of which two have credit.
TEST_F(DipShardTest, SamplesOfTheHostsPassHbmAndGoToTheirNode) {
  DataflowPlan plan =
      PlanMaker().position().item(0, serves(Service::kHostRead, 640)).edge(1, 640).position().item(1, finishes).plan();
  plan.track_node = {3};
  start(plan, {kDip, kRank});
  EXPECT_EQ(dip().next_time(), 0);
  run();
  const Cycles come = 640 / 32 + 100, read = come + 640 / 128, sent = read + 5;
  ASSERT_EQ(out().size(), 2u);
  EXPECT_EQ(out()[0].time, sent + 20);
  EXPECT_EQ(out()[1].time, sent + 2 + 20);
  EXPECT_EQ(out()[0].lane, 1) << "the row of its node";
  EXPECT_EQ(out()[0].burst.row, 1);
  EXPECT_EQ(out()[0].burst.column, 1);
  EXPECT_EQ(out()[0].burst.created, sent);
  EXPECT_FALSE(out()[1].burst.last);
  EXPECT_EQ(sums_.bytes_to_eject, 640u);
  EXPECT_EQ(dip().pcie().bytes(), 640u);
  EXPECT_EQ(dip().ethernet().bytes(), 0u);
  EXPECT_EQ(dip().hbm().bytes(), 640u);
  EXPECT_TRUE(dip().edge().waiting());
  // Credits are told in any order; each is used from its time on.
  for (const Cycles time : {400, 300, 500}) in().credits[1].push_back({time, kBurst, 0});
  dip().read_mail(sums_);
  EXPECT_EQ(dip().next_time(), 300);
  run();
  ASSERT_EQ(out().size(), 5u);
  EXPECT_EQ(out()[2].time, 320);
  EXPECT_EQ(out()[3].time, 420);
  EXPECT_EQ(out()[4].time, 520);
  EXPECT_TRUE(out()[4].burst.last);
  EXPECT_EQ(dip().last_event(), 500);
  EXPECT_EQ(dip().next_time(), kNever);
}

// PCIe takes the first (it is free as early), Ethernet the second (PCIe is busy), then whichever is free first.
TEST_F(DipShardTest, TwoWaysLeadToTheHosts) {
  for (int i = 0; i < 3; ++i) start(PlanMaker().position().item(0, serves(Service::kHostRead, 640)).plan(), {kDip});
  run();
  EXPECT_EQ(dip().pcie().bytes(), 640u);
  EXPECT_EQ(dip().ethernet().bytes(), 2u * 640u) << "free at 10, PCIe at 20";
  EXPECT_EQ(dip().last_event(), 20 + 130 + 640 / 128) << "the third over Ethernet in [10, 20), then HBM";
}

TEST_F(DipShardTest, EachReplicaOfWhatStartsByItselfIsServed) {
  start(PlanMaker(2, 2)
            .position()
            .item(0, serves(Service::kHbmRead, 1024))
            .item(0,
                  [](DataflowItem& item) {
                    item.single = true;
                    item.service = Service::kHbmRead;
                    item.bytes = 128;
                  })
            .plan(),
        {kDip});
  run();
  EXPECT_EQ(dip().hbm().bursts(), 4u + 1u);
  EXPECT_EQ(dip().hbm().bytes(), 1024u + 128u);
}

// Two bursts of 100 and 60 bytes; the message is there two cycles and the bridge after its last burst's head.
TEST_F(DipShardTest, WhatARankWritesGoesToHbm) {
  const std::uint32_t instance =
      use(PlanMaker().position().item(1).edge(1, 160).position().item(1, serves(Service::kHbmWrite, 160)).plan(),
          {kRank, kDip});
  burst(50, 100, false, {instance, 1, 0, 0});
  burst(52, 60, true, {instance, 1, 0, 0});
  EXPECT_EQ(dip().bytes_received(), 160u);
  EXPECT_EQ(dip().next_time(), 52 + 1 + 5);
  run();
  EXPECT_EQ(dip().last_event(), 58 + 2 + 30) << "160 bytes at 128 a cycle, rounded up, and the latency";
  Context& context = bench_.context();
  const auto& credits = context.mail[context.mailbox_of_dip(0)].credits[0];
  ASSERT_EQ(credits.size(), 2u);
  EXPECT_EQ(credits[0].time, 50 + 20) << "its buffer is free again at once";
  EXPECT_EQ(credits[0].bytes, 100u);
  EXPECT_EQ(sums_.packets.packets, 2u + 1u);
}

TEST_F(DipShardTest, AMessageToItselfOnlyTurnsRound) {
  const std::uint32_t instance = use(PlanMaker()
                                         .position()
                                         .item(1, serves(Service::kHbmRead, 256))
                                         .edge(1, 256)
                                         .position()
                                         .item(1, serves(Service::kHbmWrite, 128))
                                         .edge(2, 100)
                                         .position()
                                         .item(1)
                                         .plan(),
                                     {kDip, kDip, kRank});
  burst(0, 64, true, {instance, 0, 0, 0});
  run();
  const Cycles come = 1 + 5, read = come + 2 + 30, written = read + 1 + 30;
  ASSERT_EQ(out().size(), 1u);
  EXPECT_EQ(out()[0].time, written + 5 + 20);
  EXPECT_EQ(out()[0].burst.bytes, 100u);
}

TEST_F(DipShardTest, ATokenWithoutDataIsAPacket) {
  const std::uint32_t instance = use(PlanMaker().position().item(1).edge(1).position().item(1).plan(), {kDip, kRank});
  burst(0, 64, true, {instance, 0, 0, 0});
  run();
  ASSERT_EQ(out().size(), 1u);
  EXPECT_EQ(out()[0].burst.bytes, 64u);
}

TEST_F(DipShardTest, RefusesATransferToANode) {
  const std::uint32_t instance =
      use(PlanMaker().position().item(1).edge(1, 64).position().item(1).plan(), {kDip, {ParticipantKind::kNode, 1}});
  burst(0, 64, true, {instance, 0, 0, 0});
  EXPECT_THROW(run(), Error);
}

TEST_F(DipShardTest, ToAnotherDipMessagesGoOverTheZplane) {
  DataflowPlan plan = PlanMaker().position().item(0, serves(Service::kNone, 0)).edge(1, 640).position().item(1).plan();
  plan.over_zplane = true;
  start(plan, {kDip, kOtherDip});
  ASSERT_NE(dip().zplane(), nullptr);
  run(1000);  // nobody answers, so it would try again for ever
  EXPECT_EQ(dip().zplane()->bytes_sent(), 640u);
  EXPECT_EQ(dip().hbm().bytes(), 640u);
  EXPECT_GT(bench_.context().frames_up[0].of[0].size(), 0u);
  EXPECT_FALSE(dip().zplane()->idle()) << "unanswered";
  EXPECT_THROW(dip().copy(dip(), {}), Error) << "not while it may send over the Z-plane";
}

TEST_F(DipShardTest, ACopyGoesOnUnderItsOwnNames) {
  DataflowPlan plan =
      PlanMaker().position().item(1, serves(Service::kHbmRead, 640)).edge(1, 640).position().item(1, finishes).plan();
  const std::uint32_t one = use(plan, {kDip, kRank});
  use(plan, {kOtherDip, kRank});
  start(PlanMaker().position().item(0, serves(Service::kHostRead, 64)).plan(), {kDip});
  burst(10, 64, true, {one, 0, 0, 0});
  run(30);
  burst(100, 64, true, {one, 0, 0, 0});  // of a next use, on its way
  DipShard other(bench_.context(), 1);
  other.copy(dip(), row_names(0, {5}, {1}));
  EXPECT_EQ(other.next_time(), dip().next_time());
  EXPECT_EQ(other.bytes_received(), 128u);
  ThreadSums sums = empty_sums();
  other.run(kNever, sums);
  Context& context = bench_.context();
  const auto& sent = context.mail[context.mailbox_of_dip(1)].crossings[0];
  ASSERT_EQ(sent.size(), 2u) << "two have credit";
  for (const Crossing& crossing : sent) EXPECT_EQ(crossing.burst.payload.words[0], 1u) << "its own instance";
  EXPECT_EQ(sent[0].time, 10 + 1 + 5 + 640 / 128 + 30 + 5 + 20);
  EXPECT_THAT(out(), IsEmpty()) << "the one that was copied has not moved";
}

TEST(DipShardBehindDeadParts, HasNoEdgeOrTakesALaneThatWorks) {
  topology::MachineParams params = machine();
  params.tile.dies = {1, 2};
  params.defects.push_back({"tile.die[1].edge.east", "edge"});
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 2), 0);
  DataflowPlan plan = PlanMaker().position().item(0).edge(1, 64).position().item(1).plan();
  bench.job.plans = {plan};
  bench.add_instance(0, {kDip, kRank});
  DipShard works(bench.context(), 0), cut_off(bench.context(), 1);
  EXPECT_TRUE(works.edge().present());
  EXPECT_FALSE(cut_off.edge().present());
  works.add_instance(0, 0);
  ThreadSums sums = empty_sums();
  works.run(kNever, sums);
  Context& context = bench.context();
  EXPECT_EQ(context.mail[context.mailbox_of_dip(0)].crossings[0].size(), 1u);
  EXPECT_EQ(sums.detours, 0u);
}

}  // namespace
}  // namespace dojo::machine::test
