// SPDX-License-Identifier: Apache-2.0
// Packets that pass idle routers without events change nothing: all that is counted is the same as with an event for
// each segment and hop, at any load and whenever one looks.
#include <gtest/gtest.h>

#include <vector>

#include "dojo/base/error.h"
#include "dojo/traffic/fast_network.h"

namespace dojo::traffic {
namespace {

struct Case {
  std::int64_t rows = 8, columns = 8, flits = 64;
  double rate = 0.01;
  Pattern pattern = Pattern::kUniform;
  bool two_dies = false;
};

std::vector<std::uint64_t> counts(const Network& network) {
  const Tally t = network.tally();
  std::vector<std::uint64_t> all{t.packets_ejected,
                                 t.packet_cycles,
                                 t.flits_ejected,
                                 t.created,
                                 t.injected,
                                 t.source_cycles,
                                 t.distance,
                                 t.measured,
                                 t.cycles,
                                 t.accepted,
                                 t.flit_cycles,
                                 network.flit_hops(),
                                 network.packet_hops(),
                                 static_cast<std::uint64_t>(t.longest)};
  for (const Tally::Batch& batch : t.batches) {
    all.push_back(batch.packets);
    all.push_back(batch.cycles);
  }
  for (std::size_t bin = 0; bin < LatencyCounts::kBins; ++bin) all.push_back(t.latencies.count(bin));
  for (const LinkLoad& load : network.links()) {
    all.push_back(load.flits);
    all.push_back(load.busiest_flits);
  }
  if (t.window.end == kNever) return all;
  std::uint64_t packets = 0, cycles = 0;
  network.count_waiting(5000, packets, cycles);
  all.push_back(packets);
  all.push_back(cycles);
  return all;
}

/// Runs both and compares them at uneven cycles, in a window that begins and ends among packets.
void expect_the_same(const Case& c, const RouterParams& router, std::uint64_t seed) {
  SCOPED_TRACE(
      fmt::format("{} x {}, {} flits at {}, pattern {}, {} VCs of {}, hop {}, credit {}, injection {}, seed {}", c.rows,
                  c.columns, c.flits, c.rate, static_cast<int>(c.pattern), router.virtual_channels,
                  router.input_buffer_flits, router.hop_cycles, router.credit_cycles, router.injection_cycles, seed));
  topology::MachineParams machine;
  machine.level = c.two_dies ? topology::Level::kTile : topology::Level::kDie;
  machine.tile.dies = {1, 2};
  machine.die.grid = {c.rows, c.columns};
  machine.die.enabled = c.rows * c.columns;
  machine.dip.present = false;
  NetParams net;
  net.pattern = c.pattern;
  net.hotspots = {3};
  const topology::Topology topology(machine);
  const Endpoints endpoints(topology, net);
  NetworkSettings settings;
  settings.router = router;
  settings.rate = c.rate;
  settings.packet_flits = static_cast<std::uint32_t>(c.flits);
  settings.seed = seed;
  const auto with = make_fast_network(topology, endpoints, settings);
  settings.express = false;
  const auto without = make_fast_network(topology, endpoints, settings);
  for (const Cycles at : {1, 77, 300, 1001, 1500, 2503, 4000, 4777, 6000, 9001}) {
    with->run_until(at);
    without->run_until(at);
    ASSERT_NO_THROW(with->check());
    ASSERT_EQ(counts(*with), counts(*without)) << "cycle " << at;
    if (at == 1001) {
      with->measure({1203, 3333});
      without->measure({1203, 3333});
    }
  }
}

RouterParams d1() {
  RouterParams router;
  router.hop_cycles = 1;
  return router;
}

TEST(Express, ChangesNothingAtAnyLoad) {
  for (const std::int64_t flits : {16, 20, 64, 100, 1000}) {
    for (const double rate : {0.0005, 0.005, 0.02, 0.1, 0.4}) {
      for (const Pattern pattern : {Pattern::kUniform, Pattern::kTranspose, Pattern::kHotspot, Pattern::kNeighbor})
        expect_the_same({8, 8, flits, rate, pattern}, d1(), 1);
    }
  }
}

TEST(Express, ChangesNothingForAnySeed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    expect_the_same({4, 5, 64, 0.004 + 0.001 * static_cast<double>(seed), Pattern::kUniform}, d1(), seed);
}

TEST(Express, ChangesNothingWithOtherRouters) {
  for (const std::int64_t hop : {1, 2, 3, 7}) {
    for (const std::int64_t credit : {1, 2, 5}) {
      for (const std::int64_t injection : {1, 2, 6}) {
        for (const std::int64_t depth : {8, 16, 32}) {
          RouterParams router;
          router.hop_cycles = hop;
          router.credit_cycles = credit;
          router.injection_cycles = injection;
          router.input_buffer_flits = depth;
          router.virtual_channels = 1 + hop % 4 + injection / 6 * 4;
          for (const double rate : {0.003, 0.03}) expect_the_same({5, 6, 64, rate}, router, 7);
        }
      }
    }
  }
}

TEST(Express, ChangesNothingWhereDiesMeet) {
  for (const double rate : {0.001, 0.01, 0.1}) expect_the_same({4, 4, 64, rate, Pattern::kUniform, true}, d1(), 3);
}

}  // namespace
}  // namespace dojo::traffic
