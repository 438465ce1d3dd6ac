// SPDX-License-Identifier: Apache-2.0
// Core-cycles a second of the pipeline: products of two blockings on one and two threads, a stream, a normalisation.
#include <benchmark/benchmark.h>

#include "dojo/core/assembler.h"
#include "dojo/core/core.h"
#include "dojo/core/kernels.h"

namespace dojo::core {
namespace {

void simulate(benchmark::State& state, const std::string& text) {
  const Assembly assembly = assemble(text, "bench");
  const Work work = assembly.work();
  std::uint64_t cycles = 0;
  for (auto _ : state) cycles += run(work, {}).cycles;
  state.counters["core_cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
  state.counters["bytes"] = sizeof(Core<>);
}

/// Arguments: rows and columns of a tile, threads.
void product(benchmark::State& state) {
  ProductKernel kernel;
  kernel.m = 128;
  kernel.n = 256;
  kernel.k = 512;
  kernel.block_rows = kernel.block_columns = static_cast<int>(state.range(0));
  kernel.threads = static_cast<int>(state.range(1));
  simulate(state, product_text(kernel, {}));
}
BENCHMARK(product)->Args({1, 1})->Args({1, 2})->Args({2, 1})->Args({2, 2});

void copy(benchmark::State& state) {
  ElementwiseKernel kernel;
  kernel.lines = 8192;
  kernel.operations = 0;
  simulate(state, elementwise_text(kernel, {}));
}
BENCHMARK(copy);

void softmax(benchmark::State& state) {
  RowsKernel kernel;
  kernel.rows = 256;
  kernel.lines = 32;
  simulate(state, rows_text(kernel, {}));
}
BENCHMARK(softmax);

}  // namespace
}  // namespace dojo::core
