// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM ask a simulation to stop and still write its report; a second one ends the program at once.
#pragma once
#include <csignal>

namespace dojo::cli {

/// While one lives, the first signal is remembered. They may be nested: the program has one from its start, so that a
/// signal counts however early it comes.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  [[nodiscard]] static bool interrupted();

 private:
  struct sigaction old_interrupt_ {
  }, old_terminate_{};
};

}  // namespace dojo::cli
