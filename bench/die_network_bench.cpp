// SPDX-License-Identifier: Apache-2.0
// Messages a second through the mesh of one die: single packets and 4 KiB messages between random nodes, row
// multicasts.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>

#include "dojo/fabric/die_network.h"

namespace dojo::fabric {
namespace {

struct Count {
  std::int64_t delivered = 0;
  void deliver(SiteIndex, const Burst&, Cycles) { ++delivered; }
  void leave(Direction, std::int32_t, const Burst&, Cycles) {}
};

topology::Topology one_die() {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  return topology::Topology(params);
}

/// Each node in turn sends to a random one, `load` of what its port could.
void send(benchmark::State& state, Shape shape) {
  const topology::Topology topology = one_die();
  DieNetwork network;
  network.configure(topology, 0);
  std::mt19937 draw(1);
  Burst burst;
  burst.bytes = static_cast<std::uint32_t>(state.range(0));
  burst.shape = shape;
  burst.reach.low = 0;
  burst.reach.high = topology.site_columns() - 1;
  const auto sites = static_cast<std::uint32_t>(topology.sites());
  const Cycles every = std::max<Cycles>(1, 10 * network.flits(burst.bytes) / static_cast<Cycles>(sites));
  Count count;
  Cycles now = 0;
  std::uint64_t hops = 0;
  for (auto _ : state) {
    const auto from = static_cast<SiteIndex>(draw() % sites);
    const auto to = static_cast<std::int32_t>(draw() % sites);
    burst.row = to / topology.site_columns();
    burst.column = to % topology.site_columns();
    now += every;
    network.inject(from, burst, std::max(now, network.inject_free(from)), count);
    hops += static_cast<std::uint64_t>(std::abs(burst.row - from / topology.site_columns()) +
                                       std::abs(burst.column - from % topology.site_columns()));
  }
  state.SetItemsProcessed(state.iterations());
  if (shape == Shape::kUnicast)
    state.counters["packet_hops"] = benchmark::Counter(
        static_cast<double>(hops) * static_cast<double>(network.flits(burst.bytes)), benchmark::Counter::kIsRate);
}

void Unicast(benchmark::State& state) {
  send(state, Shape::kUnicast);
}
void RowMulticast(benchmark::State& state) {
  send(state, Shape::kRow);
}
BENCHMARK(Unicast)->ArgName("bytes")->Arg(64)->Arg(4096);
BENCHMARK(RowMulticast)->ArgName("bytes")->Arg(4096);

}  // namespace
}  // namespace dojo::fabric
