// SPDX-License-Identifier: Apache-2.0
// The one variable a signal handler may touch, and its life time.
#include "interrupt.h"

namespace dojo::cli {
namespace {

volatile std::sig_atomic_t signal_came = 0;  // not a choice: a handler has no other way to say something

extern "C" void remember_signal(int) {
  signal_came = 1;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  // The default comes back after the first signal, so that a second one is not asked twice; reads are not cut short.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, signal_came == 0 ? &action : nullptr, &old_interrupt_);
  sigaction(SIGTERM, signal_came == 0 ? &action : nullptr, &old_terminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

bool InterruptGuard::interrupted() {
  return signal_came != 0;
}

}  // namespace dojo::cli
