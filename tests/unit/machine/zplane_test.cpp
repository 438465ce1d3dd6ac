// SPDX-License-Identifier: Apache-2.0
// The Z-plane alone: two or more Ethernet ports of DIPs and the switch between them, exact to the cycle where nothing
// is lost, and complete where frames are.
#include "machine/zplane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;

/// HBM and Ethernet move 64 bytes a cycle. One way through a bridge and half of the switch: 5 + 10 cycles.
topology::MachineParams plane() {
  topology::MachineParams params = tile_params(1, 2, 2, 2);
  params.dip.present = true;
  params.dip.hbm_bytes_per_s = params.dip.ethernet_bytes_per_s = 64e9;
  params.dip.hbm_efficiency = 1;
  params.dip.hbm_latency_ns = 10;
  params.dip.bridge_ns = 5;
  params.zplane.switch_ns = 20;
  params.zplane.timeout_ns = 1000;
  return params;
}
constexpr Cycles kWay = 5 + 10;
/// Header and gap of a frame: 84 bytes.
constexpr Cycles cycles_of(Bytes bytes) {
  return ceil_div<Bytes>(bytes, 64);
}

struct Delivered {
  std::uint32_t dip, name;
  Cycles time;
  bool operator==(const Delivered& o) const { return dip == o.dip && name == o.name && time == o.time; }
};

/// Ports and switch, run in windows as long as one way.
struct Plane {
  explicit Plane(const topology::MachineParams& params) : bench(params) {
    bench.job.plans.resize(1);
    bench.job.plans[0].over_zplane = true;
    bench.add_instance(0, {{ParticipantKind::kDip, 0}, {ParticipantKind::kDip, 1}});
    Context& context = bench.context();
    hbm.resize(bench.topology.dip_count());
    for (std::uint32_t dip = 0; dip < hbm.size(); ++dip) {
      hbm[dip].configure(64e9, 1e9);
      ports.emplace_back(context, dip, hbm[dip]);
    }
    net = std::make_unique<ZplaneSwitch>(context);
  }
  void send(std::uint32_t from, std::uint32_t to, std::uint32_t name, Bytes bytes, Cycles now) {
    ports[from].send(to, {{{name, 0, 0}}, now, bytes}, now);
  }
  void run() {
    ThreadSums sums;
    for (;;) {
      Cycles next = net->next_time();
      for (const ZplanePort& port : ports) next = std::min(next, port.next_time());
      if (next == kNever) return;
      const Cycles end = next + kWay;
      for (std::uint32_t dip = 0; dip < ports.size(); ++dip) {
        while (ports[dip].next_time() < end) {
          const Cycles now = ports[dip].next_time();
          ports[dip].run_next(sums, [&](const fabric::TtpoeMessage& m) {
            delivered.push_back({dip, m.payload.words[0], now});
          });
        }
      }
      net->run(end, sums);
      bench.context().parity = 1 - bench.context().parity;
      for (ZplanePort& port : ports) port.read_mail();
      net->read_mail(sums);
    }
  }
  [[nodiscard]] bool idle() const {
    return std::all_of(ports.begin(), ports.end(), [](const ZplanePort& port) { return port.idle(); });
  }
  Bench bench;
  std::vector<fabric::Serialiser> hbm;
  std::deque<ZplanePort> ports;
  std::unique_ptr<ZplaneSwitch> net;
  std::vector<Delivered> delivered;
};

TEST(ZplaneLatency, IsThatOfBothBridgesAndTheSwitch) {
  topology::MachineParams params = plane();
  params.zplane.switch_ns = 21;
  const ZplaneLatency one{topology::Topology(params)};
  EXPECT_EQ(one.up + one.down, 5 + 21 + 5);
  EXPECT_EQ(one.between_leaves, 0);
  topology::MachineParams none = params;
  none.zplane.switch_ns = none.dip.bridge_ns = 0;
  EXPECT_EQ(ZplaneLatency{topology::Topology(none)}.up, 1) << "a window has a length";
  EXPECT_EQ(ZplaneLatency{topology::Topology(none)}.down, 1);
  params.zplane.switch_tiers = 2;
  EXPECT_EQ(ZplaneLatency{topology::Topology(params)}.between_leaves, 2 * 21) << "a spine and another leaf";
}

TEST(FrameQueues, AnswersGoFirst) {
  FrameQueues queues;
  fabric::Frame frame;
  EXPECT_FALSE(queues.pop(frame));
  for (const auto frame_class : {fabric::Frame::Class::kData, fabric::Frame::Class::kRequestLow,
                                 fabric::Frame::Class::kRequestHigh, fabric::Frame::Class::kRequestLow}) {
    frame.frame_class = frame_class;
    ++frame.sequence;
    queues.push(frame);
  }
  std::vector<std::uint32_t> order;
  while (queues.pop(frame, 2)) order.push_back(frame.sequence);
  EXPECT_THAT(order, ElementsAre(3, 2, 4)) << "of the first two classes";
  EXPECT_TRUE(queues.pop(frame));
  EXPECT_EQ(frame.sequence, 1u);
}

TEST(Zplane, RefusesAnAnswerOfADipToWhichNothingWasSent) {
  Plane plane_of_two(plane());
  fabric::Frame answer;
  answer.from = 1;
  answer.frame_class = fabric::Frame::Class::kRequestLow;
  plane_of_two.bench.context().frames_down[0].of[1].push_back(answer);
  plane_of_two.ports[0].read_mail();
  ThreadSums sums;
  EXPECT_THROW(plane_of_two.ports[0].run_next(sums, [](const fabric::TtpoeMessage&) {}), Error);
}

// Two frames come at 1,000; which is told first says nothing.
TEST(Zplane, FramesOfOneTimeGoByTheirSources) {
  topology::MachineParams params = plane();
  params.tile.dies = {2, 2};
  Plane four(params);
  Context& context = four.bench.context();
  ThreadSums sums;
  for (const std::uint32_t from : {1u, 0u}) {
    fabric::Frame frame;
    frame.from = from;
    frame.to = 3;
    frame.time = 1000;
    context.frames_up[from].of[1 - context.parity].push_back(frame);
    four.net->read_mail(sums);
  }
  const auto& frames = context.frames_down[3].of[context.parity];
  four.net->run(1000, sums);
  EXPECT_TRUE(frames.empty()) << "of the next window";
  four.net->run(kNever, sums);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].from, 0u);
  EXPECT_EQ(frames[1].from, 1u);
}

// Read from HBM, a frame to the switch, through its port, written to HBM.
TEST(Zplane, AMessageOfOneFrameTakesTheSumOfItsWays) {
  Plane p(plane());
  p.send(0, 1, 7, 1024, 0);
  p.run();
  const Cycles read = 1024 / 64 + 10, at_switch = read + kWay;
  const Cycles at_dip = at_switch + cycles_of(1024 + 84) + kWay, written = at_dip + 1024 / 64 + 10;
  EXPECT_THAT(p.delivered, ElementsAre(Delivered{1, 7, written}));
  EXPECT_TRUE(p.idle());
  EXPECT_EQ(p.ports[1].writes().count, 1u);
  EXPECT_EQ(p.ports[1].writes().cycles_max, written);
  EXPECT_EQ(p.ports[0].bytes_sent(), 1024u);
  EXPECT_EQ(p.ports[1].counters().accepted_bytes, 1024u);
  EXPECT_EQ(p.ports[0].counters().frames, 1u);
  EXPECT_EQ(p.ports[1].counters().acks, 1u);
  EXPECT_EQ(p.ports[0].out().bytes(), 1024u + 84u);
  EXPECT_EQ(p.net->port(1).bytes(), 1024u + 84u);
  EXPECT_EQ(p.net->port(0).bytes(), 84u) << "the answer";
  EXPECT_EQ(p.net->longest_queue(), 1u);
  EXPECT_EQ(p.net->frames_lost(), 0u);
  EXPECT_GT(p.net->events() + p.ports[0].events() + p.ports[1].events(), 0u);
}

TEST(Zplane, ALongMessageIsCutIntoFramesThatFollowOneAnother) {
  Plane p(plane());
  p.send(0, 1, 7, 2500, 0);
  p.run();
  EXPECT_EQ(p.ports[0].counters().frames, 3u) << "1024, 1024 and 452 bytes";
  EXPECT_EQ(p.ports[1].counters().accepted_bytes, 2500u);
  EXPECT_EQ(p.ports[0].out().bytes(), 2u * (1024 + 84) + 512 + 84) << "payload goes in whole beats";
  const Bytes wire = 2 * (1024 + 84) + 512 + 84;
  const Cycles read = cycles_of(2500) + 10;
  const Cycles at_switch_last = cycles_of(2 * (1024 + 84)) + read + kWay;  // when the third frame's head is there
  const Cycles at_dip = std::max(at_switch_last + cycles_of(512 + 84), read + kWay + cycles_of(wire)) + kWay;
  ASSERT_EQ(p.delivered.size(), 1u);
  EXPECT_NEAR(static_cast<double>(p.delivered[0].time), static_cast<double>(at_dip + cycles_of(2500) + 10), 2)
      << "frames begin within a cycle of each other's ends";
}

TEST(Zplane, TwoSendersShareThePortOfTheReceiver) {
  topology::MachineParams params = plane();
  params.tile.dies = {2, 2};
  Plane p(params);
  for (const std::uint32_t from : {0u, 1u, 3u}) p.send(from, 2, from, 10 * 1024, 0);
  p.run();
  EXPECT_EQ(p.delivered.size(), 3u);
  EXPECT_EQ(p.ports[2].counters().accepted_bytes, 3u * 10 * 1024);
  EXPECT_GT(p.net->longest_queue(), 2u);
  EXPECT_TRUE(p.idle());
  EXPECT_GE(p.delivered.back().time, cycles_of(3 * 10 * (1024 + 84))) << "one port's rate";
}

TEST(Zplane, AWindowStopsTheSenderUntilItIsAnswered) {
  topology::MachineParams params = plane();
  params.zplane.window_bytes = 1024;
  Plane p(params);
  p.send(0, 1, 7, 3 * 1024, 0);
  p.run();
  EXPECT_EQ(p.ports[0].counters().window_stalls, 2u);
  EXPECT_EQ(p.ports[1].counters().accepted_bytes, 3u * 1024);
  EXPECT_EQ(p.ports[0].counters().resent, 0u);
}

TEST(Zplane, DipsOfDifferentLeavesAreFurtherApart) {
  topology::MachineParams params = plane();
  params.zplane.switch_tiers = 2;
  params.zplane.ports_per_switch = 2;  // leaves of one DIP
  Plane far(params), near(plane());
  for (Plane* p : {&far, &near}) {
    p->send(0, 1, 7, 64, 0);
    p->run();
    ASSERT_EQ(p->delivered.size(), 1u);
  }
  EXPECT_EQ(far.delivered[0].time, near.delivered[0].time + 2 * 20);
}

// Half of all frames are lost, answers too: everything arrives once and in order nevertheless.
TEST(Zplane, LostFramesAreSentAgainUntilAllIsThere) {
  topology::MachineParams params = plane();
  params.zplane.loss_rate = 0.5;
  Plane p(params), again(params);
  for (Plane* plane : {&p, &again}) {
    for (std::uint32_t name = 1; name <= 5; ++name) {
      plane->send(0, 1, name, 3000, 0);
      plane->send(1, 0, name + 10, 700, 0);
    }
    plane->run();
  }
  std::vector<std::uint32_t> order;
  for (const Delivered& d : p.delivered) {
    if (d.dip == 1) order.push_back(d.name);
  }
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(p.ports[1].counters().accepted_bytes, 5u * 3000);
  EXPECT_EQ(p.ports[0].counters().accepted_bytes, 5u * 700);
  EXPECT_GT(p.ports[0].counters().resent, 0u);
  EXPECT_GT(p.ports[0].counters().timeouts + p.ports[1].counters().timeouts, 0u);
  EXPECT_GT(p.ports[1].counters().nacks, 0u);
  EXPECT_GT(p.net->frames_lost(), 0u);
  EXPECT_TRUE(p.idle());
  EXPECT_EQ(p.delivered, again.delivered) << "the losses are drawn from the seed";
}

TEST(Zplane, AnotherSeedLosesOtherFrames) {
  std::vector<std::vector<Delivered>> all;
  for (const std::int64_t seed : {1, 2}) {
    topology::MachineParams params = plane();
    params.zplane.loss_rate = 0.5;
    params.zplane.seed = seed;
    Plane p(params);
    p.send(0, 1, 1, 30000, 0);
    p.run();
    all.push_back(p.delivered);
  }
  EXPECT_NE(all[0], all[1]);
}

}  // namespace
}  // namespace dojo::machine::test
