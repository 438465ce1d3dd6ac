// SPDX-License-Identifier: Apache-2.0
// Flit-hops a second of the reference network: plain meshes, a die, a tile; one flit over one channel is a flit-hop.
#include <benchmark/benchmark.h>

#include "dojo/reference/network.h"
#include "support/mesh.h"

namespace dojo::reference {
namespace {

topology::MachineParams mesh(std::int64_t k) {
  return test::mesh(k, k);
}

RouterParams base() {
  RouterParams router;
  router.hop_cycles = 3;
  router.credit_cycles = router.injection_cycles = 2;
  return router;
}

/// Uniform traffic at `rate`, after a warm-up; a step is 200 cycles.
void run(benchmark::State& state, const topology::MachineParams& machine, double rate, std::int64_t flits,
         const RouterParams& router = base(), const char* scope = "machine", std::uint32_t threads = 1) {
  const topology::Topology topology(machine);
  traffic::NetParams net;
  net.scope = scope;
  const traffic::Endpoints endpoints(topology, net);
  NetworkSettings settings;
  settings.router = router;
  settings.rate = rate;
  settings.packet_flits = static_cast<std::uint32_t>(flits);
  settings.threads = threads;
  const auto network = make_network(topology, endpoints, settings);
  Cycles now = 1000;
  network->run_until(now);
  const std::uint64_t before = network->flit_hops();
  for (auto _ : state) network->run_until(now += 200);
  const auto hops = static_cast<double>(network->flit_hops() - before);
  state.counters["flit_hops"] = benchmark::Counter(hops, benchmark::Counter::kIsRate);
  state.counters["flit_hops_a_cycle"] = hops / (200 * static_cast<double>(state.iterations()));
}

RouterParams lowlat() {
  RouterParams router = base();
  router.hop_cycles = 2;
  router.internal_speedup = 2;
  return router;
}

/// Load: 30 % of the bisection bound of uniform traffic, 4/k.
void Mesh(benchmark::State& state) {
  const std::int64_t k = state.range(0);
  run(state, mesh(k), 0.3 * 4 / static_cast<double>(k), state.range(1));
}
void MeshLowLatency(benchmark::State& state) {
  const std::int64_t k = state.range(0);
  run(state, mesh(k), 0.3 * 4 / static_cast<double>(k), state.range(1), lowlat());
}
void Tile(benchmark::State& state) {
  topology::MachineParams machine;
  machine.level = topology::Level::kTile;
  run(state, machine, 0.02, 8, base(), "die", static_cast<std::uint32_t>(state.range(0)));
}
BENCHMARK(Mesh)->ArgNames({"k", "flits"})->Args({8, 1})->Args({8, 8})->Args({16, 1})->Args({16, 8})->Args({90, 8});
BENCHMARK(MeshLowLatency)->ArgNames({"k", "flits"})->Args({16, 8});
BENCHMARK(Tile)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace dojo::reference
