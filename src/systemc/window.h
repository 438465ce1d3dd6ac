// SPDX-License-Identifier: Apache-2.0
// The one process of the whole machine: moves it a window of cycles at a time and lets SystemC's clock follow.
#pragma once
#include <chrono>
#include <exception>
#include <functional>
#include <systemc>
#include <vector>

#include "dojo/machine/machine.h"
#include "dojo/machine/watchdog.h"
#include "dojo/systemc/simulation.h"
#include "systemc/kernel_die.h"

namespace dojo::systemc {

/// The only place where cycles become sc_time: to the nearest ps, from the count itself, so that nothing accumulates.
[[nodiscard]] sc_core::sc_time to_sc_time(Cycles cycles, double clock_hz);

class Window : public sc_core::sc_module {
 public:
  Window(sc_core::sc_module_name name, machine::Machine& machine);
  void watch(const std::function<bool()>& should_stop, const std::function<void()>& tick);
  /// Before the simulation: these dies run inside the kernel.
  void add(KernelDie& die) { kernel_dies_.push_back(&die); }
  /// After the kernel has stopped: how it ended, or the exception that stopped it.
  [[nodiscard]] Ending ending() const;
  /// When the kernel had elaborated everything and began to simulate.
  [[nodiscard]] std::chrono::steady_clock::time_point started() const { return started_; }

 private:
  void start_of_simulation() override { started_ = std::chrono::steady_clock::now(); }
  void step();
  void move_on();
  void go_to_end();
  void run_kernel_dies();
  Cycles drain(Cycles next);
  [[nodiscard]] bool stop_wanted();
  [[nodiscard]] sc_core::sc_time until(Cycles cycle) const;

  machine::Machine& machine_;
  machine::Watchdog watchdog_;
  const double clock_hz_;
  std::function<bool()> should_stop_;
  std::function<void()> tick_;
  std::chrono::steady_clock::time_point started_{}, asked_{};
  std::exception_ptr error_;  // kept here: the kernel would turn it into a report of its own
  Ending ending_ = Ending::kCannotFinish;
  bool ended_ = false;
  std::vector<KernelDie*> kernel_dies_;
  bool open_ = false;  ///< they are in a window
  /// Its place in the kernel's list of modules; see Simulation::Impl.
  struct Place : sc_core::sc_module {
    explicit Place(sc_core::sc_module_name name) : sc_module(name) {}
  };
  Place place_{"place"};
};

}  // namespace dojo::systemc
