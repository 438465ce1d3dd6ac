// SPDX-License-Identifier: Apache-2.0
// A die that runs inside the kernel, because a core on it has a process: cycle after cycle of each window.
#pragma once
#include <exception>
#include <systemc>

#include "dojo/machine/machine.h"
#include "dojo/systemc/payload.h"

namespace dojo::systemc {

class KernelDie : public sc_core::sc_module {
 public:
  KernelDie(sc_core::sc_module_name name, machine::Machine& machine, DieId die);
  /// The cycles of a window, of which the first is now or later.
  void go(Cycles begin, Cycles end);
  [[nodiscard]] DieId die() const { return die_; }
  /// What stopped it; null: nothing.
  [[nodiscard]] std::exception_ptr error() const { return error_; }

 private:
  void main();

  machine::Machine& machine_;
  const DieId die_;
  CycleClock clock_;
  sc_core::sc_event go_;
  Cycles begin_ = 0, end_ = 0;
  std::exception_ptr error_;
};

}  // namespace dojo::systemc
