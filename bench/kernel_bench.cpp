// SPDX-License-Identifier: Apache-2.0
// A matrix product on a die, from a lowered job to the last cycle, and its lowering.
#include <benchmark/benchmark.h>

#include "dojo/lower/lower.h"
#include "dojo/machine/machine.h"
#include "dojo/trace/trace.h"

namespace dojo {
namespace {

topology::Topology one_die() {
  topology::MachineParams params;
  params.level = topology::Level::kDie;
  return topology::Topology(params);
}

void LowerProduct(benchmark::State& state) {
  const topology::Topology topology = one_die();
  const workload::Workload workload =
      workload::generate_matmul(state.range(0), state.range(0), state.range(0), workload::DType::kBf16);
  for (auto _ : state) benchmark::DoNotOptimize(workload::lower(workload, {}, topology));
}
BENCHMARK(LowerProduct)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

void RunProduct(benchmark::State& state) {
  const topology::Topology topology = one_die();
  const workload::Workload workload =
      workload::generate_matmul(state.range(0), state.range(0), state.range(0), workload::DType::kBf16);
  const workload::Job job = workload::lower(workload, {}, topology);
  std::uint64_t events = 0;
  for (auto _ : state) {
    machine::Machine machine(topology, workload, job, {});
    while (machine.next_time() != kNever) machine.run_window();
    events += machine.progress().events;
  }
  state.counters["events"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}
BENCHMARK(RunProduct)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dojo
