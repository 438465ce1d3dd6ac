// SPDX-License-Identifier: Apache-2.0
#include "systemc/kernel_die.h"

namespace dojo::systemc {

KernelDie::KernelDie(sc_core::sc_module_name name, machine::Machine& machine, DieId die)
    : sc_module(name), machine_(machine), die_(die), clock_(machine.topology().params().clock_hz) {
  SC_HAS_PROCESS(KernelDie);
  SC_THREAD(main);
  set_stack_size(1 << 20);
}

void KernelDie::go(Cycles begin, Cycles end) {
  begin_ = begin;
  end_ = end;
  go_.notify(sc_core::SC_ZERO_TIME);
}

/// Within a cycle, processes that wake by the clock come first, then the die with its cores in the order of sites.
void KernelDie::main() {
  for (;;) {
    sc_core::wait(go_);
    for (Cycles cycle = begin_; cycle < end_; ++cycle) {
      const sc_core::sc_time left = clock_.delay(cycle);
      if (left > sc_core::SC_ZERO_TIME) sc_core::wait(left);
      sc_core::wait(sc_core::SC_ZERO_TIME);
      try {
        machine_.run_held(die_, cycle + 1);
      } catch (const sc_core::sc_unwind_exception&) {
        throw;
      } catch (...) {
        error_ = std::current_exception();
        return sc_core::sc_stop();
      }
    }
  }
}

}  // namespace dojo::systemc
