// SPDX-License-Identifier: Apache-2.0
// One SC_METHOD: run a window, sleep until the next one has work, stop at the job's last cycle.
#include "systemc/window.h"

#include <cmath>

namespace dojo::systemc {

using namespace std::chrono_literals;

sc_core::sc_time to_sc_time(Cycles cycles, double clock_hz) {
  constexpr double kPsPerSecond = 1e12;
  const double period_ps = std::round(kPsPerSecond / clock_hz);
  if (period_ps * clock_hz == kPsPerSecond) {
    return sc_core::sc_time::from_value(static_cast<std::uint64_t>(cycles) * static_cast<std::uint64_t>(period_ps));
  }
  const long double ps = static_cast<long double>(cycles) * static_cast<long double>(kPsPerSecond) / clock_hz;
  return sc_core::sc_time::from_value(static_cast<std::uint64_t>(std::llround(ps)));
}

Window::Window(sc_core::sc_module_name name, machine::Machine& machine)
    : sc_module(name), machine_(machine), clock_hz_(machine.topology().params().clock_hz) {
  SC_HAS_PROCESS(Window);
  SC_METHOD(step);
}

void Window::watch(const std::function<bool()>& should_stop, const std::function<void()>& tick) {
  should_stop_ = should_stop;
  tick_ = tick;
  asked_ = std::chrono::steady_clock::now();
}

Ending Window::ending() const {
  if (error_) std::rethrow_exception(error_);
  for (const KernelDie* die : kernel_dies_)
    if (die->error()) std::rethrow_exception(die->error());
  return ending_;
}

void Window::step() {
  try {
    move_on();
  } catch (...) {
    error_ = std::current_exception();
    sc_core::sc_stop();
  }
}

void Window::move_on() {
  if (ended_) return sc_core::sc_stop();
  if (stop_wanted()) {
    ending_ = Ending::kInterrupted;
    return sc_core::sc_stop();
  }
  if (open_) machine_.close_window();
  open_ = false;
  Cycles next = machine_.next_time();
  if (!machine_.done() && next != kNever && until(next) == sc_core::SC_ZERO_TIME) {
    next = machine_.run_window();
    if (!kernel_dies_.empty()) return run_kernel_dies();
  }
  next = drain(next);
  if (machine_.done()) {
    ending_ = Ending::kFinished;
    go_to_end();
  } else if (next == kNever || watchdog_.stalled([this] { return machine_.progress().activity; })) {
    ending_ = Ending::kCannotFinish;
    go_to_end();
  } else {
    next_trigger(until(next));
  }
}

/// This process wakes half a cycle before the window's end, so that mail changes hands before the next cycle.
void Window::run_kernel_dies() {
  open_ = true;
  for (KernelDie* die : kernel_dies_) die->go(machine_.window_end() - machine_.window_length(), machine_.window_end());
  const sc_core::sc_time half = sc_core::sc_time::from_value(to_sc_time(1, clock_hz_).value() / 2);
  next_trigger(until(machine_.window_end()) - half);
}

/// All ranks are done: what is left are credits, for which no core waits.
Cycles Window::drain(Cycles next) {
  while (next != kNever && machine_.ranks_done()) {
    next = machine_.run_window();
    if (kernel_dies_.empty()) continue;
    for (const KernelDie* die : kernel_dies_) machine_.run_held(die->die(), machine_.window_end());
    machine_.close_window();
    next = machine_.next_time();
  }
  return next;
}

/// The last thing that happened lies inside the last window, so usually after its start, which is now.
void Window::go_to_end() {
  ended_ = true;
  const sc_core::sc_time left = until(machine_.end_cycle());
  if (left == sc_core::SC_ZERO_TIME) return sc_core::sc_stop();
  next_trigger(left);
}

bool Window::stop_wanted() {
  // Reading the clock costs some 30 ns, far less than a window with work in it.
  const auto now = std::chrono::steady_clock::now();
  if (now - asked_ < 50ms) return false;
  asked_ = now;
  if (tick_) tick_();
  return should_stop_ && should_stop_();
}

sc_core::sc_time Window::until(Cycles cycle) const {
  const sc_core::sc_time then = to_sc_time(cycle, clock_hz_);
  const sc_core::sc_time& now = sc_core::sc_time_stamp();
  return then > now ? then - now : sc_core::SC_ZERO_TIME;
}

}  // namespace dojo::systemc
