// SPDX-License-Identifier: Apache-2.0
// The fast network model of packets where the answer is known: every distance of an empty network, shared links, sinks
// and edges, threads.
#include "dojo/traffic/fast_network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dojo/base/error.h"
#include "dojo/traffic/measurement.h"
#include "support/mesh.h"

namespace dojo::traffic {
namespace {

using test::mesh;
using topology::Level;
using topology::MachineParams;

MachineParams two_dies(std::int64_t rows, std::int64_t columns) {
  MachineParams machine = mesh(rows, columns);
  machine.level = Level::kTile;
  machine.tile.dies = {1, 2};
  return machine;
}

struct Asked {
  RouterParams router;
  NetParams net;
  std::uint32_t threads = 1;
  Cycles warmup = 500, measure = 2000;
};

Asked asked(Pattern pattern, double rate, std::int64_t flits) {
  Asked a;
  a.router.hop_cycles = 1;
  a.net.pattern = pattern;
  a.net.rate = rate;
  a.net.packet_flits = flits;
  return a;
}

Outcome run(const MachineParams& machine, const Asked& a, std::vector<LinkLoad>* links = nullptr) {
  const topology::Topology topology(machine);
  const Endpoints endpoints(topology, a.net);
  const auto network = make_fast_network(
      topology, endpoints, {a.router, a.net.rate, static_cast<std::uint32_t>(a.net.packet_flits), 1, a.threads});
  Plan plan;
  plan.warmup = a.warmup;
  plan.measure = a.measure;
  plan.nodes = endpoints.senders();
  plan.rate = a.net.rate;
  plan.packet_flits = static_cast<double>(a.net.packet_flits);
  plan.zero_load_cycles = 150;
  Outcome outcome = measure(*network, plan);
  network->check();  // every flit that entered has left or is inside
  if (links != nullptr) *links = network->links();
  return outcome;
}

TEST(FastNetwork, RefusesMoreThanAPacketACycle) {
  EXPECT_THROW(run(mesh(2, 2), asked(Pattern::kUniform, 1.5, 1)), Error);
  EXPECT_THROW(run(mesh(2, 2), asked(Pattern::kUniform, 0, 1)), Error);
}

/// A packet to the image of its node, so seldom that it is alone: a cycle into the router, a hop for each router on the
/// way, a cycle for each further flit. The pairs of a row of n sites are n - 1, n - 3, ... apart.
TEST(FastNetwork, EveryDistanceTakesItsTime) {
  for (std::int64_t columns = 1; columns <= 20; ++columns) {
    for (const std::int64_t flits : {1, 3, 8, 64, 100}) {
      Asked a = asked(Pattern::kMirror, 0.00005 * static_cast<double>(flits), flits);
      a.router.hop_cycles = 1 + columns % 3;
      a.measure = 100000;
      const Outcome outcome = run(mesh(1, columns), a);
      const auto expected = [&](std::int64_t distance) { return 1 + a.router.hop_cycles * (distance + 1) + flits - 1; };
      for (std::int64_t distance = columns - 1; distance >= 0; distance -= 2) {
        EXPECT_GT(outcome.tally.latencies.count(LatencyCounts::bin(expected(distance))), 0u)
            << distance << " apart in " << columns << " columns, " << flits << " flits";
      }
      EXPECT_EQ(outcome.tally.latencies.percentile(0.001), static_cast<double>(expected((columns - 1) % 2)));
      const double distance = static_cast<double>(outcome.tally.distance) / static_cast<double>(outcome.tally.measured);
      EXPECT_GE(outcome.mean_cycles,
                static_cast<double>(flits) + static_cast<double>(a.router.hop_cycles) * (distance + 1) - 1e-9);
    }
  }
}

TEST(FastNetwork, ACrossingAddsItsTime) {
  for (const std::int64_t columns : {2, 3, 7, 20}) {
    for (const std::int64_t flits : {1, 5, 64}) {
      for (const std::int64_t speedup : {1, 2}) {
        Asked a = asked(Pattern::kMirror, 0.0005 * static_cast<double>(flits), flits);
        a.router.internal_speedup = speedup;
        a.net.area = {0, 0, 1, 2};
        MachineParams machine = two_dies(1, 1);
        machine.die.crossing_ns = static_cast<double>(columns);
        a.measure = 20000;
        const Outcome outcome = run(machine, a);
        const Cycles expected = 1 + 2 + 2 * columns + flits - 1;  // 2 cycles a ns
        EXPECT_EQ(outcome.tally.latencies.percentile(0.001), static_cast<double>(expected));
      }
    }
  }
}

TEST(FastNetwork, ALinkCarriesAFlitACycle) {
  for (const std::int64_t flits : {1, 8, 64}) {
    Asked a = asked(Pattern::kMirror, 1, flits);
    a.warmup = 200000;  // until both nodes have a queue
    a.measure = 20000;
    EXPECT_NEAR(run(mesh(1, 2), a).accepted, 1, 0.01) << flits;
  }
}

TEST(FastNetwork, ASinkTakesAFlitACycle) {
  for (const std::int64_t flits : {1, 4, 64}) {
    Asked a = asked(Pattern::kHotspot, 1, flits);
    a.net.hotspots = {4};
    const Outcome outcome = run(mesh(3, 3), a);
    EXPECT_NEAR(outcome.accepted * 9, 1, 0.005) << "nine nodes, one sink";
    EXPECT_TRUE(outcome.saturated);
    EXPECT_GT(outcome.not_arrived, 0u);
  }
}

/// One VC that is shallower than the credit loop sends its depth once a loop.
TEST(FastNetwork, AShallowBufferLimitsTheRate) {
  Asked a = asked(Pattern::kMirror, 1, 1);
  a.router.virtual_channels = 1;
  a.router.hop_cycles = 3;
  a.router.credit_cycles = 2;
  for (const std::int64_t depth : {1, 2, 3, 4, 5}) {
    a.router.input_buffer_flits = depth;
    EXPECT_NEAR(run(mesh(1, 2), a).accepted, static_cast<double>(depth) / 5, 0.003) << depth;
  }
}

/// Four rows share an edge of 1.5 flits a cycle, for pieces of one flit and of many; so does a slower edge.
TEST(FastNetwork, LanesShareTheRateOfTheEdge) {
  for (const double rate : {1.5, 0.4}) {
    for (const std::int64_t flits : {1, 8, 64}) {
      MachineParams machine = two_dies(4, 2);
      machine.die.edge_bytes_per_s = rate * 64 * machine.clock_hz;
      machine.die.crossing_buffer_bytes = 1 << 20;
      Asked a = asked(Pattern::kMirror, 1, flits);
      a.warmup = 4000;
      a.measure = 8000;
      std::vector<LinkLoad> links;
      const Outcome outcome = run(machine, a, &links);
      EXPECT_NEAR(outcome.accepted * 16, 2 * rate, 0.03) << flits;
      int edges = 0;
      for (const LinkLoad& load : links) edges += load.link_class == topology::LinkClass::kDieToDie ? 1 : 0;
      EXPECT_EQ(edges, 2);
    }
  }
}

/// A receive buffer of a fraction of latency x rate lets through that fraction.
TEST(FastNetwork, ASmallReceiveBufferLimitsTheRate) {
  MachineParams machine = two_dies(4, 2);
  machine.die.edge_bytes_per_s = 2 * 64 * machine.clock_hz;
  machine.die.crossing_buffer_bytes = 64 * (2 * 200);  // a flit for each cycle there and back
  Asked a = asked(Pattern::kMirror, 1, 4);
  a.warmup = 4000;
  a.measure = 8000;
  EXPECT_NEAR(run(machine, a).accepted * 16, 2 * 1.0, 0.05);
}

TEST(FastNetwork, OnlyNodesOfTheAreaInject) {
  MachineParams machine = mesh(3, 4);
  machine.level = Level::kTile;
  machine.tile.dies = {2, 3};
  Asked a = asked(Pattern::kMirror, 0.1, 1);
  a.net.area = {0, 0, 1, 2};
  std::vector<LinkLoad> links;
  EXPECT_NEAR(run(machine, a, &links).accepted, 0.1, 0.01) << "a node that injects";
  for (const LinkLoad& load : links) {
    const bool along = load.direction == topology::Direction::kEast || load.direction == topology::Direction::kWest;
    const bool outward = load.link_class != topology::LinkClass::kNoc &&
                         (load.die == 0) != (load.direction == topology::Direction::kEast);
    EXPECT_EQ(load.flits == 0, load.die > 1 || !along || outward) << load.die << direction_name(load.direction);
  }
}

bool same(const Outcome& a, const Outcome& b) {
  return a.end == b.end && a.created == b.created && a.tally.cycles == b.tally.cycles &&
         a.tally.longest == b.tally.longest && a.tally.accepted == b.tally.accepted &&
         a.tally.flits_injected == b.tally.flits_injected && a.tally.source_cycles == b.tally.source_cycles;
}

TEST(FastNetwork, ThreadsChangeNothing) {
  MachineParams machine = mesh(3, 4);
  machine.level = Level::kTile;
  machine.tile.dies = {4, 5};
  for (const std::int64_t flits : {1, 4, 32}) {
    Asked a = asked(Pattern::kUniform, 0.05, flits);
    const Outcome one = run(machine, a);
    EXPECT_EQ(one.not_arrived, 0u);
    for (const std::uint32_t threads : {2u, 4u}) {
      a.threads = threads;
      EXPECT_TRUE(same(run(machine, a), one));
    }
  }
}

/// Gaps far beyond what sources look ahead: each packet is created, and leaves in the cycle in which it is created.
TEST(FastNetwork, WakesRareSourcesInTheirCycle) {
  const topology::Topology topology(mesh(8, 8));
  Asked a = asked(Pattern::kUniform, 64e-5, 64);
  const Endpoints endpoints(topology, a.net);
  const auto network = make_fast_network(topology, endpoints, {a.router, a.net.rate, 64, 1, 1});
  constexpr Cycles kEnd = 1'000'000;
  network->measure({0, kEnd});
  network->run_until(kEnd + 1000);
  const Tally tally = network->tally();
  constexpr double kExpected = 64 * kEnd * 1e-5;
  EXPECT_NEAR(static_cast<double>(tally.created), kExpected, 4 * std::sqrt(kExpected));
  EXPECT_EQ(tally.injected, tally.created);
  EXPECT_EQ(tally.source_cycles, 0u);
  network->check();
}

/// A node whose read ports send to itself all the time: as many flits a cycle as the fewer of its read and write ports
/// take.
TEST(FastNetwork, PortsOfANodeAddUp) {
  for (const auto& [read, write] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 2}, {4, 4}, {16, 16}}) {
    for (const std::int64_t flits : {1, 64}) {
      MachineParams machine = mesh(1, 1);
      machine.node.noc_read_ports = read;
      machine.node.noc_write_ports = write;
      const int sent = std::min(read, 4);
      const Asked a = asked(Pattern::kNeighbor, static_cast<double>(sent * flits), flits);
      EXPECT_NEAR(run(machine, a).accepted, std::min(sent, write), 0.01 * std::min(sent, write))
          << read << ' ' << write << ' ' << flits;
    }
  }
}

/// Three nodes send to the one in the middle, itself among them.
TEST(FastNetwork, WritePortsTakePacketsFromSeveralSides) {
  for (const std::int64_t write : {1, 2, 3}) {
    MachineParams machine = mesh(1, 3);
    machine.node.noc_write_ports = write;
    Asked a = asked(Pattern::kHotspot, 1, 1);
    a.net.hotspots = {1};
    EXPECT_NEAR(run(machine, a).accepted, static_cast<double>(write) / 3, 0.01) << write;
  }
}

}  // namespace
}  // namespace dojo::traffic
