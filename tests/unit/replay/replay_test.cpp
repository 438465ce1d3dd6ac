// SPDX-License-Identifier: Apache-2.0
// Events whose ends can be told by hand.
#include "dojo/replay/replay.h"

#include <gmock/gmock.h>

#include "support/mesh.h"

namespace dojo::replay {
namespace {

using Kind = Event::Kind;
using ::testing::HasSubstr;

constexpr Cycles kEndpoint = 5, kHop = 9, kRead = 50;

topology::MachineParams chip() {
  topology::MachineParams machine = test::mesh(12, 10);
  topology::NocParams& noc = machine.noc;
  noc.link_bytes_per_cycle = 32;
  noc.hop_cycles = kHop;
  noc.virtual_channels = 8;
  noc.buffer_packets_per_vc = 32;
  noc.wrap = topology::Wrap::kBoth;
  noc.one_way = true;
  noc.networks = 2;
  noc.packet_bytes = 8192;
  noc.header_flits = 1;
  noc.endpoint_cycles = kEndpoint;
  noc.read_cycles = kRead;
  return machine;
}

Event transfer(Kind kind, std::uint8_t network, Place peer, std::int64_t bytes, Cycles time) {
  return {kind, kind == Kind::kRead, network, peer, bytes, time};
}

Recording one(Place at, std::vector<Event> events) {
  return {"events", {{at, "BRISC", std::move(events)}}, 1, 1};
}

/// End of a barrier over one transfer of `bytes`.
Cycles end_of(Kind kind, std::uint8_t network, Place at, Place peer, std::int64_t bytes) {
  const bool read = kind == Kind::kRead;
  const Recording recording = one(at, {transfer(kind, network, peer, bytes, 0),
                                       {Kind::kBarrier, read, 0, {}, 0, 1},
                                       {Kind::kBarrierEnd, read, 0, {}, 0, 1000}});
  const Replay replayed = replay(recording, chip());
  EXPECT_EQ(replayed.barriers.size(), 1u);
  return replayed.barriers.at(0).predicted_end;
}

/// There and back is once round each ring that is used, whichever network: 10 hops along a row, 12 along a column.
TEST(Replays, ReadsTakeTheWayThereAndBack) {
  const Cycles own = 4 * kEndpoint + kRead, last_flit = 4096 / 32;
  for (const std::uint8_t network : {std::uint8_t{0}, std::uint8_t{1}}) {
    EXPECT_NEAR(static_cast<double>(end_of(Kind::kRead, network, {3, 4}, {3, 4}, 32)), own + 1, 4);
    EXPECT_NEAR(static_cast<double>(end_of(Kind::kRead, network, {3, 4}, {3, 4}, 4096)), own + last_flit, 4);
    EXPECT_NEAR(static_cast<double>(end_of(Kind::kRead, network, {3, 4}, {7, 4}, 4096)), own + 10 * kHop + last_flit,
                4);
    EXPECT_NEAR(static_cast<double>(end_of(Kind::kRead, network, {3, 4}, {3, 1}, 4096)), own + 12 * kHop + last_flit,
                4);
    EXPECT_NEAR(static_cast<double>(end_of(Kind::kRead, network, {3, 4}, {0, 11}, 4096)), own + 22 * kHop + last_flit,
                4);
  }
}

TEST(Replays, WritesAreOverWithTheirAcknowledgement) {
  EXPECT_NEAR(static_cast<double>(end_of(Kind::kWrite, 0, {3, 4}, {7, 4}, 4096)), 4 * kEndpoint + 10 * kHop + 128, 4);
}

/// The second epoch begins where the first is predicted to end, plus the recorded gap.
TEST(Replays, EpochsFollowThePrediction) {
  const auto epoch = [](std::vector<Event>& events, Cycles begin, Cycles end) {
    events.push_back(transfer(Kind::kRead, 0, {1, 1}, 4096, begin));
    events.push_back({Kind::kBarrier, true, 0, {}, 0, begin + 10});
    events.push_back({Kind::kBarrierEnd, true, 0, {}, 0, end});
  };
  std::vector<Event> events;
  epoch(events, 0, 5000);
  epoch(events, 5100, 9000);
  const Replay replayed = replay(one({3, 4}, events), chip());
  ASSERT_EQ(replayed.barriers.size(), 2u);
  const Cycles length = replayed.barriers[0].predicted_end;
  EXPECT_EQ(replayed.barriers[1].predicted_end, length + 100 + length);
  EXPECT_EQ(replayed.barriers[1].predicted_start, length + 110);
  EXPECT_EQ(replayed.recorded, 9000);
  EXPECT_EQ(replayed.predicted, 2 * length + 100);
}

/// Of a read of 64 KiB from another column and row.
Cycles end_over(const topology::MachineParams& machine) {
  const Recording recording = one({3, 4}, {transfer(Kind::kRead, 0, {7, 1}, 65536, 0),
                                           {Kind::kBarrier, true, 0, {}, 0, 1},
                                           {Kind::kBarrierEnd, true, 0, {}, 0, 1000}});
  return replay(recording, machine).barriers.at(0).predicted_end;
}

TEST(Replays, EachParameterCounts) {
  const Cycles before = end_over(chip());
  const auto with = [](auto&& change) {
    topology::MachineParams machine = chip();
    change(machine.noc);
    return end_over(machine);
  };
  using Noc = topology::NocParams;
  EXPECT_EQ(with([](Noc& noc) { noc.hop_cycles += 1; }), before + 22);
  EXPECT_EQ(with([](Noc& noc) { noc.endpoint_cycles += 1; }), before + 4);
  EXPECT_EQ(with([](Noc& noc) { noc.read_cycles += 7; }), before + 7);
  EXPECT_EQ(with([](Noc& noc) { noc.header_flits += 1; }), before + 8) << "one for each packet of 8 KiB";
  EXPECT_EQ(with([](Noc& noc) { noc.packet_bytes = 4096; }), before + 8);
  EXPECT_GT(with([](Noc& noc) { noc.endpoint_bytes_per_cycle = 16; }), before + 1900);
  EXPECT_GT(with([](Noc& noc) { noc.link_bytes_per_cycle = 16; }), before + 1900);
  EXPECT_GT(with([](Noc& noc) { noc.buffer_packets_per_vc = 4; }), before + 1000) << "credits are back too late";
  EXPECT_EQ(with([](Noc& noc) { noc.issue_cycles = 84; }), before + 84);
  EXPECT_GT(with([](Noc& noc) { noc.credit_cycles = 40; }), before + 500) << "the same";
  const auto few = [&](std::int64_t shared, std::int64_t of_channel) {
    return with([&](Noc& noc) {
      noc.buffer_packets_per_vc = 1;
      noc.shared_buffer_packets = shared;
      noc.shared_packets_per_vc = of_channel;
    });
  };
  EXPECT_EQ(few(62, 31), before) << "two channels carry the data, each with 32 places";
  EXPECT_GT(few(4, 4), few(16, 16));
  EXPECT_GT(few(16, 4), few(16, 16));
}

/// What a processor waits for takes its time; what it does not wait for takes as long as the recorder.
TEST(Replays, RecordingABarrierTakesTime) {
  topology::MachineParams machine = chip();
  machine.noc.issue_cycles = 84;
  const Recording recording = one({3, 4}, {transfer(Kind::kRead, 0, {3, 4}, 32, 0),
                                           {Kind::kBarrier, true, 0, {}, 0, 5000},
                                           {Kind::kBarrierEnd, true, 0, {}, 0, 5084}});
  const Barrier barrier = replay(recording, machine).barriers.at(0);
  EXPECT_EQ(barrier.predicted_start, 5000);
  EXPECT_EQ(barrier.predicted_end, 5084);
}

/// Memory behind a node: a latency of its own, and a rate that both networks share.
TEST(Replays, MemoryBehindANodeIsSharedByBothNetworks) {
  const auto ends = [](const topology::MachineParams& machine, std::uint8_t second) {
    Recording recording{"events", {}, 2, 2};
    for (const std::uint8_t network : {std::uint8_t{0}, second}) {
      recording.processors.push_back({{3, 4},
                                      "BRISC",
                                      {transfer(Kind::kRead, network, {0, 4}, 8192, 0),
                                       {Kind::kBarrier, true, 0, {}, 0, 1},
                                       {Kind::kBarrierEnd, true, 0, {}, 0, 1000}}});
    }
    Cycles last = 0;
    for (const Barrier& barrier : replay(recording, machine).barriers) last = std::max(last, barrier.predicted_end);
    return static_cast<double>(last);
  };
  topology::MachineParams machine = chip();
  const double apart = ends(machine, 1);
  EXPECT_NEAR(ends(machine, 0), apart + 257, 30) << "one network carries one packet after the other";
  machine.noc.memory_sites = {40};
  EXPECT_NEAR(ends(machine, 1), apart - kRead, 1) << "its latency is memory_read_cycles, 0";
  machine.noc.memory_read_cycles = 300;
  EXPECT_NEAR(ends(machine, 1), apart - kRead + 300, 1);
  machine.noc.memory_bytes_per_cycle = 16;
  // Two reads of 512 cycles follow one another; the first is asked for over the shorter way.
  EXPECT_NEAR(ends(machine, 1), apart - kRead + 300 + 256 + 512 - 4 * kHop, 4);
}

TEST(Replays, RefuseWhatTheyDoNotKnow) {
  topology::MachineParams machine = chip();
  EXPECT_TRUE(problems(machine).empty());
  machine.noc.virtual_channels = 3;
  machine.noc.packet_bytes = 8;
  machine.level = topology::Level::kTile;
  EXPECT_THAT(problems(machine),
              ::testing::ElementsAre(HasSubstr("machine.level"), HasSubstr("virtual_channels: found 3"),
                                     HasSubstr("packet_bytes: found 8")));
  machine = chip();
  machine.noc.shared_packets_per_vc = 100;
  machine.noc.memory_sites = {119, 120};
  EXPECT_THAT(problems(machine), ::testing::ElementsAre(HasSubstr("buffer_packets_per_vc: found 32 and 100"),
                                                        HasSubstr("shared_packets_per_vc: found 100"),
                                                        HasSubstr("memory_sites: found 120")));
}

}  // namespace
}  // namespace dojo::replay
