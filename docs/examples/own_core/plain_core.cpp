// SPDX-License-Identifier: Apache-2.0
// A core as a plain class: no pipeline, a matrix array that takes an 8 x 8 x 16 block a cycle, and 32 elements a cycle
// of vector work. It loads nothing; what it waits for are the operands.
//
//   dojosim run configs/runs/matmul_die.json --plugin plain_core.so --set run.detailed_core=wide_array
//       --set 'machine.detailed=["die.node[0]"]'
#include <algorithm>
#include <cstdint>

#include "dojo/run/plugins.h"

namespace {

using dojo::Cycles;

std::int64_t blocks(std::int64_t elements, std::int64_t of) {
  return (elements + of - 1) / of;
}

Cycles cycles_of(const dojo::node::CorePiece& piece) {
  if (piece.kind == dojo::node::CorePiece::Kind::kStream) return piece.stream.loads + piece.stream.stores;
  const dojo::node::ProductWork& work = piece.product;
  return piece.times * blocks(work.m, 8) * blocks(work.n, 8) * blocks(work.k, 16);
}

class WideArray final : public dojo::core::NodeModel {
 public:
  void start(const dojo::core::Step& step, Cycles /*at*/) override {
    waits_ = step.waits;
    left_ = std::max<Cycles>(1, cycles_of(*step.piece));
    counters_.instructions += 1;
  }
  void signal(std::int32_t semaphore, Cycles /*at*/) override {
    for (dojo::core::Wait& wait : waits_)
      if (wait.semaphore == semaphore && wait.count > 0) --wait.count;
  }
  Cycles run(Cycles now) override {
    for (const dojo::core::Wait& wait : waits_)
      if (wait.count > 0) return dojo::kNever;  // until the next signal
    ++counters_.cycles;
    return --left_ > 0 ? now + 1 : dojo::kNever;
  }
  bool done() const override { return left_ == 0; }
  dojo::core::Counters counters() const override { return counters_; }

 private:
  std::array<dojo::core::Wait, dojo::core::kStepWaits> waits_{};
  Cycles left_ = 0;
  dojo::core::Counters counters_;
};

}  // namespace

DOJO_PLUGIN(plugins) {
  plugins.add_core("wide_array", [](const dojo::core::NodeSite&) { return std::make_unique<WideArray>(); });
}
