// SPDX-License-Identifier: Apache-2.0
// Packet-hops a second of the fast network model on one die, single packets: one packet over one channel is a
// packet-hop.
#include <benchmark/benchmark.h>

#include "dojo/traffic/fast_network.h"

namespace dojo::traffic {
namespace {

/// Traffic after a warm-up; a step is 200 cycles. Load in 1/10,000 flits/node/cycle.
void Die(benchmark::State& state, Pattern pattern) {
  topology::MachineParams machine;
  machine.level = topology::Level::kDie;
  const topology::Topology topology(machine);
  NetParams net;
  net.pattern = pattern;
  const Endpoints endpoints(topology, net);
  NetworkSettings settings;
  settings.router.hop_cycles = 1;
  settings.packet_flits = static_cast<std::uint32_t>(state.range(0));
  settings.rate = 1e-4 * static_cast<double>(state.range(1));
  const auto network = make_fast_network(topology, endpoints, settings);
  Cycles now = 2000;
  network->run_until(now);
  const std::uint64_t before = network->packet_hops();
  for (auto _ : state) network->run_until(now += 200);
  state.counters["packet_hops"] =
      benchmark::Counter(static_cast<double>(network->packet_hops() - before), benchmark::Counter::kIsRate);
}
// 30 % of saturation: 0.183, 0.153 and 0.109 flits/node/cycle; messages that hardly ever meet, far and near.
BENCHMARK_CAPTURE(Die, uniform, Pattern::kUniform)
    ->ArgNames({"flits", "load"})
    ->Args({1, 549})
    ->Args({8, 459})
    ->Args({64, 327})
    ->Args({64, 20});
BENCHMARK_CAPTURE(Die, neighbor, Pattern::kNeighbor)->ArgNames({"flits", "load"})->Args({64, 300});

}  // namespace
}  // namespace dojo::traffic
