// SPDX-License-Identifier: Apache-2.0
// What the parts of one shard share while it handles an event: the time, the host thread's sums, and the event wheel.
#pragma once
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/engine/wheel.h"
#include "machine/sums.h"

namespace dojo::machine {

/// The event that a shard is handling.
struct Moment {
  Cycles now = 0;
  ThreadSums* sums = nullptr;    ///< where traffic and work are counted: of the host thread that runs this window
  ThreadSums* thread = nullptr;  ///< those, while `sums` belongs to a record (shortcuts/kernel_repeats.h)
  [[nodiscard]] ThreadSums& of_thread() const { return thread != nullptr ? *thread : *sums; }
};

/// The parts of a shard that plan events.
enum class Part : std::uint8_t {
  kShard,
  kSequencer,
  kKernels,
  kTokens,
  kDataflows,
  kReductions,
  kNetwork,
  kCopiedTasks,
  kDetailed
};

/// One part's view of its shard's wheel: an event's type says whose it is and, by the part's own enumeration, what.
class Timer {
 public:
  Timer(engine::Wheel& wheel, Part part) : wheel_(&wheel), part_(static_cast<std::uint16_t>(part)) {}
  /// `kind`: of the part's own enumeration, which says what a, b, c and small mean.
  template <class Kind>
  void at(Cycles time, Kind kind, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
          std::uint16_t small = 0) {
    static_assert(sizeof(Kind) == 1);
    wheel_->add(time, static_cast<std::uint16_t>(part_ << 8 | static_cast<std::uint16_t>(kind)), a, b, c, small);
  }
  [[nodiscard]] static Part part(const engine::Event& e) { return static_cast<Part>(e.type >> 8); }
  template <class Kind>
  [[nodiscard]] static Kind kind(const engine::Event& e) {
    return static_cast<Kind>(e.type & 0xff);
  }

 private:
  engine::Wheel* wheel_;
  std::uint16_t part_;
};

}  // namespace dojo::machine
