// SPDX-License-Identifier: Apache-2.0
// The SystemC hierarchy of the machine and its one process, the window. Users of this header need no <systemc>; the
// modules themselves are in dojo/systemc/modules.h.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dojo/machine/machine.h"

namespace dojo::systemc {

class Cores;

enum class Ending { kFinished, kCannotFinish, kInterrupted };

class Simulation {
 public:
  /// Elaborates every part of the machine as sc_modules: cabinets, trays, tiles, dies, nodes with core, SRAM and
  /// router, DIPs with HBM, PCIe and Ethernet, hosts. Kernel warnings are errors. Takes a SystemC kernel context of its
  /// own and gives the previous one back when it ends, so simulations may follow one another in a process.
  /// Nodes of Topology::detailed() get the core of that name; `cores` is none: those of this project. Throws
  /// Error(kInvalidInput) for a core that cannot be built in.
  explicit Simulation(machine::Machine& machine, const Cores* cores = nullptr, const std::string& core = "pipeline");
  /// Releases the module tree of a large machine on purpose (destroying it takes minutes); small ones are torn down.
  ~Simulation();
  /// Runs to the end of the job. `should_stop` is asked about every 50 ms of host time; `tick` is called then too.
  /// May be called once.
  Ending run(const std::function<bool()>& should_stop, const std::function<void()>& tick);
  /// Building the modules and, after run(), the kernel's own elaboration.
  [[nodiscard]] double elaboration_s() const;
  /// Dies that run inside the kernel, because a core on them has a process.
  [[nodiscard]] std::vector<DieId> kernel_dies() const;
  /// sc_time_stamp() in seconds. Exact for clocks whose period is a whole number of ps; otherwise each time is the
  /// cycle count's own nearest ps (rounding does not add up).
  [[nodiscard]] double time_s() const;
  /// Host bytes of the module tree, estimated from the machine before it is built.
  static std::uint64_t estimate_bytes(const topology::Topology& topology);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] std::string kernel_version();  ///< "SystemC 2.3.4-Accellera"

}  // namespace dojo::systemc
