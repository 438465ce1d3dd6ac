// SPDX-License-Identifier: Apache-2.0
// The reference model where the answer is known: pipelines hop by hop, credit loops, shared sinks, crossings.
#include "dojo/reference/network.h"

#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/traffic/measurement.h"
#include "support/mesh.h"

namespace dojo::reference {
namespace {

using test::mesh;
using topology::Level;
using topology::MachineParams;
using traffic::NetParams;
using traffic::Outcome;
using traffic::Pattern;

RouterParams pipelined() {
  RouterParams router;
  router.hop_cycles = 3;
  router.credit_cycles = router.injection_cycles = 2;
  return router;
}

struct Asked {
  RouterParams router = pipelined();
  NetParams net;
  std::uint32_t threads = 1;
  std::int32_t largest_block = 1024;
  std::uint64_t seed = 1;
  Cycles warmup = 500, measure = 2000;
};

Asked asked(Pattern pattern, double rate, std::int64_t flits) {
  Asked a;
  a.net.pattern = pattern;
  a.net.rate = rate;
  a.net.packet_flits = flits;
  return a;
}

Outcome run(const MachineParams& machine, const Asked& a, std::vector<traffic::LinkLoad>* links = nullptr) {
  const topology::Topology topology(machine);
  const traffic::Endpoints endpoints(topology, a.net);
  NetworkSettings settings{a.router, a.net.rate, static_cast<std::uint32_t>(a.net.packet_flits),
                           a.seed,   a.threads,  a.largest_block};
  const auto network = make_network(topology, endpoints, settings);
  traffic::Plan plan;
  plan.warmup = a.warmup;
  plan.measure = a.measure;
  plan.nodes = endpoints.senders();
  plan.rate = a.net.rate;
  plan.packet_flits = static_cast<double>(a.net.packet_flits);
  plan.zero_load_cycles = endpoints.mean_crossing_cycles(topology) +
                          zero_load_cycles(a.router, endpoints.mean_distance(), plan.packet_flits);
  Outcome outcome = traffic::measure(*network, plan);
  network->check();  // every flit that entered has left or is inside
  if (links != nullptr) *links = network->links();
  return outcome;
}

RouterParams low_latency() {
  RouterParams router = pipelined();
  router.hop_cycles = 2;
  router.internal_speedup = 2;
  return router;
}
RouterParams single_cycle() {
  RouterParams router;
  router.hop_cycles = router.credit_cycles = router.injection_cycles = 1;
  return router;
}

/// A cycle a hop, for credits and into the router.
Asked d1_asked(Pattern pattern, double rate, std::int64_t flits) {
  Asked a = asked(pattern, rate, flits);
  a.router = single_cycle();
  return a;
}

TEST(ReferenceNetwork, RefusesMoreThanAPacketACycle) {
  EXPECT_THROW(run(mesh(2, 2), asked(Pattern::kUniform, 1.5, 1)), Error);
  EXPECT_THROW(run(mesh(2, 2), asked(Pattern::kUniform, 0, 1)), Error);
}

/// Two nodes that send to each other meet nobody: every packet takes the pipeline's time, even at full rate.
TEST(ReferenceNetwork, APacketTakesThePipelineOfEachRouter) {
  const struct {
    RouterParams router;
    Cycles latency;  // injection + 2 routers
  } cases[] = {{pipelined(), 2 + 2 * 3}, {low_latency(), 2 + 2 * 2}, {single_cycle(), 1 + 2 * 1}};
  for (const auto& c : cases) {
    Asked a = asked(Pattern::kMirror, 1, 1);
    a.router = c.router;
    const Outcome outcome = run(mesh(1, 2), a);
    EXPECT_DOUBLE_EQ(outcome.mean_cycles, static_cast<double>(c.latency));
    EXPECT_EQ(outcome.tally.longest, c.latency);
    EXPECT_DOUBLE_EQ(outcome.accepted, 1) << "a flit a cycle";
  }
}

TEST(ReferenceNetwork, WithoutSpeculationEachRouterTakesACycleMore) {
  Asked a = asked(Pattern::kMirror, 0.5, 1);
  a.router.speculative = false;
  EXPECT_EQ(run(mesh(1, 2), a).tally.longest, 2 + 2 * (3 + 1));
}

TEST(ReferenceNetwork, FlitsOfAPacketFollowEachOther) {
  Asked a = asked(Pattern::kMirror, 0.001, 8);
  a.measure = 200000;
  const Outcome outcome = run(mesh(1, 2), a);
  EXPECT_EQ(outcome.tally.latencies.percentile(1), 2 + 2 * 3 + 7);
}

/// One VC that is shallower than the credit loop (3 to the next router, 2 for the credit) sends its depth in 5 cycles.
TEST(ReferenceNetwork, AShallowBufferLimitsTheRate) {
  Asked a = asked(Pattern::kMirror, 1, 1);
  a.router.virtual_channels = 1;
  for (const std::int64_t depth : {1, 2, 3, 4}) {
    a.router.input_buffer_flits = depth;
    EXPECT_NEAR(run(mesh(1, 2), a).accepted, static_cast<double>(depth) / 5, 0.002) << depth;
  }
  a.router.input_buffer_flits = 5;
  EXPECT_DOUBLE_EQ(run(mesh(1, 2), a).accepted, 1);
}

TEST(ReferenceNetwork, ASinkTakesAFlitACycle) {
  Asked a = asked(Pattern::kHotspot, 1, 4);
  a.net.hotspots = {4};
  const Outcome outcome = run(mesh(3, 3), a);
  EXPECT_NEAR(outcome.accepted * 9, 1, 0.001) << "nine nodes, one sink";
  EXPECT_TRUE(outcome.saturated);
  EXPECT_GT(outcome.not_arrived, 0u);
  EXPECT_NEAR(outcome.offered, 1, 0.03) << "packets that still wait are counted";
}

TEST(ReferenceNetwork, WideRoutersAndDeepBuffersWork) {
  Asked a = asked(Pattern::kUniform, 0.3, 8);
  a.router.virtual_channels = 8;
  a.router.input_buffer_flits = 100;
  for (const std::int64_t speedup : {1, 2}) {
    a.router.internal_speedup = speedup;
    const Outcome outcome = run(mesh(8, 8), a);
    EXPECT_NEAR(outcome.accepted, outcome.offered, 0.05 * outcome.offered);
    EXPECT_EQ(outcome.not_arrived, 0u);
  }
}

bool same(const Outcome& a, const Outcome& b) {
  return a.end == b.end && a.created == b.created && a.tally.cycles == b.tally.cycles &&
         a.tally.longest == b.tally.longest && a.tally.accepted == b.tally.accepted &&
         a.tally.flits_injected == b.tally.flits_injected && a.tally.source_cycles == b.tally.source_cycles;
}

/// However a mesh is cut and spread over threads, the result is the same.
TEST(ReferenceNetwork, PiecesAndThreadsChangeNothing) {
  for (const bool low : {false, true}) {
    Asked a = asked(Pattern::kUniform, 0.35, 4);
    if (low) a.router = low_latency();
    a.measure = 500;
    const Outcome whole = run(mesh(12, 10), a);
    for (const std::int32_t largest : {1, 9, 30}) {
      a.largest_block = largest;
      for (const std::uint32_t threads : {1u, 2u, 3u}) {
        a.threads = threads;
        EXPECT_TRUE(same(run(mesh(12, 10), a), whole)) << largest << " routers a piece, " << threads << " threads";
      }
    }
    a.seed = 2;
    EXPECT_FALSE(same(run(mesh(12, 10), a), whole));
  }
}

MachineParams two_dies(std::int64_t rows, std::int64_t columns) {
  MachineParams machine = mesh(rows, columns);
  machine.level = Level::kTile;
  machine.tile.dies = {1, 2};
  return machine;
}

TEST(ReferenceCrossing, AddsItsLatency) {
  MachineParams machine = two_dies(1, 1);
  machine.die.crossing_ns = 50;  // 100 cycles
  Asked a = asked(Pattern::kMirror, 0.5, 1);
  EXPECT_EQ(run(machine, a).tally.longest, 2 + 2 * 3 + 100);
  EXPECT_DOUBLE_EQ(run(machine, a).mean_cycles, 2 + 2 * 3 + 100);
}

/// Four rows share an edge of 1.5 flits a cycle: exact in the long run, the same for both directions.
TEST(ReferenceCrossing, LanesShareTheRateOfTheEdge) {
  MachineParams machine = two_dies(4, 2);
  machine.die.edge_bytes_per_s = 1.5 * 64 * machine.clock_hz;
  Asked a = asked(Pattern::kMirror, 1, 4);
  a.warmup = 4000;
  a.measure = 8000;
  std::vector<traffic::LinkLoad> links;
  const Outcome outcome = run(machine, a, &links);
  EXPECT_NEAR(outcome.accepted * 16, 2 * 1.5, 0.03);
  EXPECT_TRUE(outcome.saturated);
  int edges = 0;
  for (const traffic::LinkLoad& load : links) edges += load.link_class == topology::LinkClass::kDieToDie ? 1 : 0;
  EXPECT_EQ(edges, 2);
}

/// A receive buffer of a fraction of latency x rate lets through that fraction.
TEST(ReferenceCrossing, ASmallReceiveBufferLimitsTheRate) {
  MachineParams machine = two_dies(4, 2);
  machine.die.edge_bytes_per_s = 2 * 64 * machine.clock_hz;
  const std::int64_t loop = 2 * 200;  // there and back
  machine.die.crossing_buffer_bytes = 64 * loop;
  Asked a = asked(Pattern::kMirror, 1, 4);
  a.warmup = 4000;
  a.measure = 8000;
  EXPECT_NEAR(run(machine, a).accepted * 16, 2 * 1.0, 0.05) << "one flit a cycle is under way or acknowledged";
}

TEST(ReferenceCrossing, ThreadsChangeNothing) {
  MachineParams machine = mesh(3, 4);
  machine.level = Level::kTile;
  machine.tile.dies = {4, 5};
  Asked a = asked(Pattern::kUniform, 0.05, 4);
  const Outcome one = run(machine, a);
  EXPECT_EQ(one.not_arrived, 0u);
  for (const std::uint32_t threads : {2u, 4u}) {
    a.threads = threads;
    EXPECT_TRUE(same(run(machine, a), one));
  }
}

/// A node whose read ports send to itself all the time: as many flits a cycle as the fewer of its read and write ports
/// take.
TEST(ReferenceNetwork, PortsOfANodeAddUp) {
  for (const auto& [read, write] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 2}, {4, 4}, {16, 16}}) {
    for (const std::int64_t flits : {1, 64}) {
      MachineParams machine = mesh(1, 1);
      machine.node.noc_read_ports = read;
      machine.node.noc_write_ports = write;
      const int sent = std::min(read, 4);
      const Asked a = d1_asked(Pattern::kNeighbor, static_cast<double>(sent * flits), flits);
      EXPECT_NEAR(run(machine, a).accepted, std::min(sent, write), 0.01 * std::min(sent, write))
          << read << ' ' << write << ' ' << flits;
    }
  }
}

/// Three nodes send to the one in the middle, itself among them.
TEST(ReferenceNetwork, WritePortsTakePacketsFromSeveralSides) {
  for (const std::int64_t write : {1, 2, 3}) {
    MachineParams machine = mesh(1, 3);
    machine.node.noc_write_ports = write;
    Asked a = d1_asked(Pattern::kHotspot, 1, 1);
    a.net.hotspots = {1};
    EXPECT_NEAR(run(machine, a).accepted, static_cast<double>(write) / 3, 0.01) << write;
  }
}

}  // namespace
}  // namespace dojo::reference
