// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM ask a simulation to stop and still write its report; a second one ends the program at once.
#pragma once
#include <csignal>

namespace dojo::cli {

/// While one lives, the first signal is remembered.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  [[nodiscard]] bool interrupted() const;

 private:
  struct sigaction old_interrupt_ {
  }, old_terminate_{};
};

}  // namespace dojo::cli
