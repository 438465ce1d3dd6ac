// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that is drawn over itself: simulated time, share of tasks done, events/s, ETA, memory.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "dojo/machine/machine.h"

namespace dojo::cli {

class ProgressLine {
 public:
  /// Draws only when `wanted` and stderr is a terminal.
  explicit ProgressLine(bool wanted);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// `host_s`: seconds since the simulation began.
  void draw(const machine::Machine& machine, double host_s);

 private:
  bool on_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// The same for what comes before the simulation: what is done, how far where that is known, since when, memory.
class StageLine {
 public:
  /// Draws only when `wanted` and stderr is a terminal, by a thread of its own, and nothing in the first second.
  StageLine(bool wanted, std::string stage);
  ~StageLine();
  StageLine(const StageLine&) = delete;
  StageLine& operator=(const StageLine&) = delete;
  /// From another thread than the drawing one; `what` is good for ever.
  void set_progress(std::string_view what, std::size_t done, std::size_t all);

 private:
  void draw();
  std::string stage_;
  std::string_view what_;  ///< "": it does not say how far it is
  std::size_t done_ = 0, all_ = 0;
  std::mutex mutex_;  ///< of all below and of the three above
  std::condition_variable ended_changed_;
  bool ended_ = false;
  std::thread drawer_;
};

/// "0.93 ms  41 % of 96000 tasks  12.1 M events/s  ETA 0:42  3.10 GiB"
[[nodiscard]] std::string progress_words(const machine::Progress& progress, double simulated_s, double host_s,
                                         std::uint64_t resident_bytes);

}  // namespace dojo::cli
