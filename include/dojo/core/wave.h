// SPDX-License-Identifier: Apache-2.0
// Signals of a core that runs cycle by cycle, for viewers of waveforms: what it counted in each cycle, its step, its
// semaphores. As changes, and as a value change dump (VCD, IEEE 1364).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/core/counters.h"

namespace dojo::core {

/// What a core does with its step.
enum class WaveStep : std::uint8_t { kNone, kWaits, kRuns };

/// One host thread at a time writes it. It never changes what it watches.
class Wave {
 public:
  static constexpr std::size_t kCounters = schema::counter_count<Counters>(), kSemaphores = 64,
                               kWires = 1 + kCounters + kSemaphores;
  using Semaphores = std::array<std::int64_t, kSemaphores>;
  struct Change {
    Cycles cycle = 0;
    std::uint32_t value = 0;
    std::uint16_t wire = 0;
  };

  /// Keeps changes of cycles `begin` to `end`, and no more than `most`.
  Wave(Cycles begin, Cycles end, std::size_t most) : begin_(begin), end_(end), most_(most) {}

  /// Cycle `now`, which never goes back, is over; or more of it is. `then`: its step after this cycle. `sleeps`: until
  /// the next call the core does what it did in this cycle.
  void sample(Cycles now, const Counters& counters, WaveStep step, WaveStep then, const Semaphores& semaphores,
              bool sleeps);
  /// Nothing happens after the cycles so far.
  void close() { settle(); }

  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  /// At the first cycle that is kept.
  [[nodiscard]] const std::array<std::uint32_t, kWires>& initial() const { return initial_; }
  /// The first cycle that had no room; kNever: all had.
  [[nodiscard]] Cycles full_at() const { return full_at_; }

 private:
  void settle();
  void set(std::size_t wire, std::uint32_t value, Cycles cycle);

  Cycles begin_, end_;
  std::size_t most_;
  Cycles last_ = -1, full_at_ = kNever;
  WaveStep then_ = WaveStep::kNone;
  bool sleeps_ = false;
  schema::CounterValues<Counters> now_{}, before_{};  ///< counted up to this cycle, and up to the one before
  std::array<std::uint32_t, kWires> values_{}, held_{}, initial_{};  ///< in this cycle, in the one before
  std::vector<Change> changes_;
};

/// A wave and the path of its node.
struct NodeWave {
  DieId die = 0;
  SiteIndex site = 0;
  std::string path;
  Wave wave;
};

/// The cycle at which the first of them had no room; kNever: all had.
[[nodiscard]] Cycles full_at(const std::vector<NodeWave>& waves);
/// Scopes are the parts of a path, with ( ) for [ ] as SystemC's own dumps have them. One unit of time is 1 ps. Ends at
/// cycle `end`, or where one of them had no room.
void write_vcd(const std::vector<NodeWave>& waves, double clock_hz, Cycles begin, Cycles end,
               const std::function<void(std::string_view)>& write);

}  // namespace dojo::core
