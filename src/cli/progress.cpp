// SPDX-License-Identifier: Apache-2.0
// Draws the progress line a few times a second.
#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "dojo/run/host_memory.h"

namespace dojo::cli {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

ProgressLine::ProgressLine(bool wanted) : on_(wanted && isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::draw(const machine::Machine& machine, double host_s) {
  const Clock::time_point now = Clock::now();
  if (!on_ || now - last_ < 200ms) return;
  last_ = now;
  drawn_ = true;
  const machine::Progress progress = machine.progress();
  const std::string words =
      progress_words(progress, machine.topology().seconds(progress.now), host_s, run::resident_bytes());
  std::fputs(("\r" + words + "\033[K").c_str(), stderr);
  std::fflush(stderr);
}

StageLine::StageLine(bool wanted, std::string stage) : stage_(std::move(stage)) {
  if (!wanted || isatty(STDERR_FILENO) != 1) return;
  try {
    drawer_ = std::thread([this] { draw(); });
  } catch (const std::system_error&) {  // no thread, no line
  }
}

StageLine::~StageLine() {
  if (!drawer_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_one();
  drawer_.join();
}

void StageLine::set_progress(std::string_view what, std::size_t done, std::size_t all) {
  if (!drawer_.joinable()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  what_ = what;
  done_ = done;
  all_ = all;
}

void StageLine::draw() {
  const Clock::time_point started = Clock::now();
  std::unique_lock<std::mutex> lock(mutex_);
  bool drawn = false;
  while (!ended_changed_.wait_for(lock, 1s, [this] { return ended_; })) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started).count();
    const std::string far = what_.empty() ? "" : fmt::format("  {} of {} {}", done_, all_, what_);
    std::fputs(fmt::format("\r{}{}  {} s  {}\033[K", stage_, far, seconds, run::in_gib(run::resident_bytes())).c_str(),
               stderr);
    std::fflush(stderr);
    drawn = true;
  }
  if (drawn) std::fputs("\r\033[K", stderr);
}

std::string progress_words(const machine::Progress& progress, double simulated_s, double host_s,
                           std::uint64_t resident_bytes) {
  const double done = progress.tasks_total == 0
                          ? 0.0
                          : static_cast<double>(progress.tasks_done) / static_cast<double>(progress.tasks_total);
  std::string eta = "-";
  if (done > 0) {
    const auto left = static_cast<std::int64_t>(host_s * (1 - done) / done);
    eta = fmt::format("{}:{:02}", left / 60, left % 60);
  }
  constexpr double kMillion = 1e6, kMsPerS = 1e3;
  return fmt::format("{:.3f} ms  {:.0f} % of {} tasks  {:.1f} M events/s  ETA {}  {}", simulated_s * kMsPerS,
                     done * 100, progress.tasks_total, static_cast<double>(progress.events) / host_s / kMillion, eta,
                     run::in_gib(resident_bytes));
}

}  // namespace dojo::cli
