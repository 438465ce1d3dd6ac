// SPDX-License-Identifier: Apache-2.0
// Sees a livelock: windows go by, full of events, and nothing comes of them.
#pragma once
#include <cstdint>

namespace dojo::machine {

class Watchdog {
 public:
  /// A window is some hundred cycles; in a million of them a working machine ends a task or moves a packet.
  static constexpr std::uint64_t kWindows = std::uint64_t{1} << 20;

  /// Once a window; `activity()` is asked rarely. True when it did not grow over the last kWindows.
  template <class Activity>
  bool stalled(Activity&& activity) {
    if (++windows_ % kWindows != 0) return false;
    const std::uint64_t before = activity_;
    activity_ = activity();
    return activity_ == before;
  }

 private:
  std::uint64_t windows_ = 0, activity_ = 0;
};

}  // namespace dojo::machine
