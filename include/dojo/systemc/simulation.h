// SPDX-License-Identifier: Apache-2.0
// The SystemC hierarchy of the machine and its one process, the window. Only src/systemc includes <systemc>.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "dojo/machine/machine.h"

namespace dojo::systemc {

enum class Ending { kFinished, kCannotFinish, kInterrupted };

class Simulation {
 public:
  /// Elaborates every part of the machine as sc_modules: cabinets, trays, tiles, dies, nodes with core, SRAM and router,
  /// DIPs with HBM, PCIe and Ethernet, hosts. Kernel warnings are errors.
  explicit Simulation(machine::Machine& machine);
  /// Releases the module tree of a large machine on purpose (destroying it takes minutes); small ones are torn down.
  ~Simulation();
  /// Runs to the end of the job. `should_stop` is asked about every 50 ms of host time; `tick` is called then too.
  Ending run(const std::function<bool()>& should_stop, const std::function<void()>& tick);
  [[nodiscard]] double elaboration_s() const;
  /// sc_time_stamp() in seconds.
  [[nodiscard]] double time_s() const;
  /// Host bytes of the module tree, estimated from the machine before it is built.
  static std::uint64_t estimate_bytes(const topology::Topology& topology);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dojo::systemc
