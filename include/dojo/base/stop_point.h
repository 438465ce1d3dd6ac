// SPDX-License-Identifier: Apache-2.0
// How long work stops between two steps when it is asked to, and says how far it is. Whoever starts it opens a
// StopScope; the work itself calls stop_point() and needs to know nobody.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace dojo {

/// Thrown by stop_point(). No std::exception: what handles errors must not take it for one.
struct Stopped {};

/// While one lives, stop_point() of its thread asks `should_stop` and tells `progress`; either may be empty. Of scopes
/// inside one another the innermost counts. Other threads are never stopped.
class StopScope {
 public:
  using ShouldStop = std::function<bool()>;
  /// `done` of `all` things called `what`: "operations". `what` is good for ever.
  using Progress = std::function<void(std::string_view what, std::size_t done, std::size_t all)>;

  explicit StopScope(ShouldStop should_stop, Progress progress = {});
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  friend void stop_point();
  friend void stop_point(std::string_view what, std::size_t done, std::size_t all);
  ShouldStop should_stop_;
  Progress progress_;
  StopScope* outer_;
};

/// To be called at least every tenth of a second of work. Throws Stopped.
void stop_point();
void stop_point(std::string_view what, std::size_t done, std::size_t all);

/// For a loop of short turns: stop_point() at some of them.
class StopPoints {
 public:
  void pass() {
    constexpr std::uint32_t kTurns = 1024;
    if (++turns_ % kTurns == 0) stop_point();
  }

 private:
  std::uint32_t turns_ = 0;
};

}  // namespace dojo
