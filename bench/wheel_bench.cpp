// SPDX-License-Identifier: Apache-2.0
// Events a second through one shard's timing wheel: each event taken adds the next one, near or far.
#include <benchmark/benchmark.h>

#include "dojo/engine/wheel.h"

namespace dojo::engine {
namespace {

/// `pending` events, each put back `span` cycles or less later.
void Steady(benchmark::State& state) {
  const std::int64_t pending = state.range(0), span = state.range(1);
  Wheel wheel;
  std::uint32_t draw = 1;
  const auto ahead = [&] {
    draw = draw * 1664525u + 1013904223u;
    return 1 + static_cast<Cycles>(draw >> 8) % span;
  };
  for (std::int64_t i = 0; i < pending; ++i) wheel.add(ahead(), 0);
  Event event;
  for (auto _ : state) {
    wheel.take(kNever, event);
    wheel.add(event.time + ahead(), event.type);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Steady)
    ->ArgNames({"pending", "span"})
    ->Args({354, 64})
    ->Args({354, 2000})
    ->Args({10000, 2000})
    ->Args({354, 200000});

}  // namespace
}  // namespace dojo::engine
