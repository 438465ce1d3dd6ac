// SPDX-License-Identifier: Apache-2.0
// A core as a SystemC module with a thread of its own and three sockets: it waits for the operands of a step, reads a
// line for each issue of an 8 x 8 x 16 array, and is done. Its die runs inside the SystemC kernel.
//
//   dojosim run configs/runs/matmul_die.json --plugin thread_core.so --set run.detailed_core=thread_array
//       --set 'machine.detailed=["die.node[0]"]'
#include <algorithm>
#include <cstdint>

#include "dojo/run/plugins.h"

namespace {

using dojo::Cycles;

class ThreadArray final : public dojo::systemc::ThreadCore {
 public:
  ThreadArray(sc_core::sc_module_name name, const dojo::core::NodeSite& site, double clock_hz)
      : ThreadCore(name, site, clock_hz) {
    SC_HAS_PROCESS(ThreadArray);
    SC_THREAD(main);
  }

 private:
  void main() {
    for (;;) {
      const dojo::core::Step& step = wait_for_step();
      for (const dojo::core::Wait& wait : step.waits) wait_for(wait);
      const Cycles issues = std::max<Cycles>(1, cycles_of(*step.piece));
      for (Cycles i = 1; i < issues; ++i) {
        access(static_cast<std::uint32_t>(i % 1024) * 64, false, now());  // over the socket `memory`
        wait_cycle();
      }
      finish();
    }
  }

  static Cycles cycles_of(const dojo::node::CorePiece& piece) {
    const auto blocks = [](std::int64_t elements, std::int64_t of) { return (elements + of - 1) / of; };
    if (piece.kind == dojo::node::CorePiece::Kind::kStream) return piece.stream.loads + piece.stream.stores;
    const dojo::node::ProductWork& work = piece.product;
    return piece.times * blocks(work.m, 8) * blocks(work.n, 8) * blocks(work.k, 16);
  }
};

}  // namespace

DOJO_PLUGIN(plugins) {
  plugins.add_core_module("thread_array", [](const dojo::core::NodeSite& site, double clock_hz) {
    return std::make_unique<ThreadArray>("core", site, clock_hz);
  });
}
