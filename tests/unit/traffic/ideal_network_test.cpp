// SPDX-License-Identifier: Apache-2.0
// Packets without contention: alone they take what the fast model says, whatever the machine; under load only the
// ports of nodes make them wait.
#include "dojo/traffic/ideal_network.h"

#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "dojo/traffic/fast_network.h"
#include "dojo/traffic/measurement.h"
#include "support/mesh.h"

namespace dojo::traffic {
namespace {

using test::mesh;
using topology::Level;
using topology::MachineParams;

/// Twelve dies of 3 x 4 sites, with edges as fast as `flits_a_cycle` links.
MachineParams twelve_dies(double flits_a_cycle = 16) {
  MachineParams machine = mesh(3, 4);
  machine.level = Level::kTile;
  machine.tile.dies = {3, 4};
  machine.die.edge_bytes_per_s = flits_a_cycle * 64 * machine.clock_hz;
  return machine;
}

struct Asked {
  RouterParams router;
  NetParams net;
};

Asked asked(Pattern pattern, double rate, std::int64_t flits) {
  Asked a;
  a.router.hop_cycles = 1;
  a.net.pattern = pattern;
  a.net.rate = rate;
  a.net.packet_flits = flits;
  return a;
}

struct Measured {
  Outcome outcome;
  std::uint64_t packet_hops = 0, flit_hops = 0;
  std::vector<LinkLoad> links;
};

template <class Make>
Measured run(const MachineParams& machine, const Asked& a, Make&& make, Cycles cycles = 3000) {
  const topology::Topology topology(machine);
  const Endpoints endpoints(topology, a.net);
  const std::unique_ptr<Network> network =
      make(topology, endpoints, {a.router, a.net.rate, static_cast<std::uint32_t>(a.net.packet_flits)});
  Plan plan;
  plan.warmup = 500;
  plan.measure = cycles;
  plan.nodes = endpoints.senders();
  plan.rate = a.net.rate;
  plan.packet_flits = static_cast<double>(a.net.packet_flits);
  plan.zero_load_cycles = 150;
  Measured measured{measure(*network, plan), 0, 0, {}};
  network->check();
  measured.packet_hops = network->packet_hops();
  measured.flit_hops = network->flit_hops();
  measured.links = network->links();
  return measured;
}

/// The same packets in both models; so few that none meets another.
void expect_as_fast(const MachineParams& machine, const Asked& a, Cycles tolerance = 0) {
  const Measured ideal = run(machine, a, make_ideal_network, 200000), fast = run(machine, a, make_fast_network, 200000);
  ASSERT_GT(ideal.outcome.tally.measured, 10u);
  EXPECT_EQ(ideal.outcome.tally.measured, fast.outcome.tally.measured);
  EXPECT_EQ(ideal.outcome.tally.distance, fast.outcome.tally.distance);
  EXPECT_NEAR(static_cast<double>(ideal.outcome.tally.cycles), static_cast<double>(fast.outcome.tally.cycles),
              static_cast<double>(tolerance) * static_cast<double>(ideal.outcome.tally.measured));
  EXPECT_NEAR(static_cast<double>(ideal.outcome.tally.longest), static_cast<double>(fast.outcome.tally.longest),
              static_cast<double>(tolerance));
}

TEST(IdealNetwork, RefusesMoreThanAPacketACycle) {
  EXPECT_THROW(run(mesh(2, 2), asked(Pattern::kUniform, 1.5, 1), make_ideal_network), Error);
}

TEST(IdealNetwork, APacketAloneTakesWhatTheFastModelSays) {
  for (const std::int64_t flits : {1, 8, 64}) {
    SCOPED_TRACE(flits);
    Asked a = asked(Pattern::kMirror, 0.000002 * static_cast<double>(flits), flits);
    expect_as_fast(mesh(5, 7), a);
    expect_as_fast(twelve_dies(), a);
    a.router.hop_cycles = 3;
    a.router.injection_cycles = 2;
    a.router.speculative = false;
    expect_as_fast(twelve_dies(), a);
  }
}

/// An edge of 0.4 links holds a packet back; so does a buffer shallower than the credit loop.
TEST(IdealNetwork, TheSlowestPartOfTheWaySetsTheRate) {
  Asked a = asked(Pattern::kMirror, 0.000008, 8);
  expect_as_fast(twelve_dies(0.4), a, 2);
  a.router.virtual_channels = 1;
  a.router.input_buffer_flits = 1;
  a.router.hop_cycles = 3;
  a.net.rate = 0.00004;
  expect_as_fast(mesh(5, 7), a);
}

TEST(IdealNetwork, GoesAroundWhatIsDead) {
  MachineParams machine = twelve_dies();
  machine.defects = {{"tile.die[5]", "die"}, {"tile.die[0].node[5].router", "router"}};
  expect_as_fast(machine, asked(Pattern::kUniform, 0.000004, 4));
}

/// Where every packet meets others, none waits: links and edges carry what the nodes send.
TEST(IdealNetwork, LinksAndEdgesAreNeverShared) {
  const Asked a = asked(Pattern::kMirror, 1, 1);
  const Measured ideal = run(twelve_dies(0.5), a, make_ideal_network);
  EXPECT_NEAR(ideal.outcome.accepted, 1, 0.02);
  EXPECT_EQ(ideal.outcome.not_arrived, 0u);
  EXPECT_EQ(ideal.outcome.tally.source_cycles, 0u);
  std::uint64_t busiest = 0, edges = 0;
  for (const LinkLoad& load : ideal.links) {
    busiest = std::max(busiest, load.busiest_flits);
    edges += load.link_class == topology::LinkClass::kDieToDie ? 1 : 0;
  }
  EXPECT_EQ(edges, 2u * 3 * 3 + 2u * 2 * 4);
  EXPECT_GT(busiest, static_cast<std::uint64_t>(ideal.outcome.end)) << "a link carries more than a flit a cycle";
  EXPECT_LT(run(twelve_dies(0.5), a, make_fast_network).outcome.accepted, 0.2);
}

/// Eight columns, one row, mirrored: hops and loads by hand.
TEST(IdealNetwork, CountsHopsAndLoads) {
  const Measured m = run(mesh(1, 8), asked(Pattern::kMirror, 1, 1), make_ideal_network, 1000);
  const auto cycles = static_cast<std::uint64_t>(m.outcome.end);
  EXPECT_EQ(m.packet_hops, cycles * (7 + 5 + 3 + 1) * 2);
  EXPECT_EQ(m.flit_hops, m.packet_hops);
  for (const LinkLoad& load : m.links) {
    const bool along = load.direction == topology::Direction::kEast || load.direction == topology::Direction::kWest;
    EXPECT_EQ(load.links, along ? 7u : 0u);
    EXPECT_EQ(load.busiest_flits, along ? cycles * 4 : 0u);
  }
}

TEST(IdealNetwork, PortsOfNodesStayFinite) {
  for (const std::int64_t write : {1, 2}) {
    MachineParams machine = mesh(3, 3);
    machine.node.noc_write_ports = write;
    Asked a = asked(Pattern::kHotspot, 1, 4);
    a.net.hotspots = {4};
    const Outcome outcome = run(machine, a, make_ideal_network).outcome;
    EXPECT_NEAR(outcome.accepted * 9, static_cast<double>(write), 0.005);
    EXPECT_TRUE(outcome.saturated);
  }
  for (const auto& [read, write] : {std::pair{1, 1}, {2, 1}, {1, 2}, {4, 2}, {4, 4}}) {
    MachineParams machine = mesh(1, 1);
    machine.node.noc_read_ports = read;
    machine.node.noc_write_ports = write;
    const Outcome outcome = run(machine, asked(Pattern::kNeighbor, read * 8, 8), make_ideal_network).outcome;
    EXPECT_NEAR(outcome.accepted, std::min(read, write), 0.01) << read << ' ' << write;
  }
}

TEST(IdealNetwork, IsAtMostAsSlowAsTheFastModel) {
  for (const Pattern pattern : {Pattern::kUniform, Pattern::kTranspose, Pattern::kTornado, Pattern::kNeighbor}) {
    const Asked a = asked(pattern, 0.1, 4);
    EXPECT_LE(run(twelve_dies(), a, make_ideal_network).outcome.mean_cycles,
              run(twelve_dies(), a, make_fast_network).outcome.mean_cycles);
  }
}

}  // namespace
}  // namespace dojo::traffic
