// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "dojo/base/types.h"
#include "machine/sums.h"

namespace dojo::machine {

/// A part of the machine with an event wheel of its own: a die, a DIP, or all switches of the Z-plane. One host thread
/// at a time runs it, up to the end of a window; what leaves it goes into mailboxes.
class Shard {
 public:
  virtual ~Shard() = default;
  /// Earliest cycle at which it has something to do, mail not counted; kNever: nothing.
  [[nodiscard]] virtual Cycles next_time() const = 0;
  virtual void read_mail(ThreadSums& sums) = 0;
  /// Everything before `window_end`.
  virtual void run(Cycles window_end, ThreadSums& sums) = 0;
  /// Cycle of the last thing that happened.
  [[nodiscard]] virtual Cycles last_event() const = 0;
  /// How many events it has run, for figures of the host.
  [[nodiscard]] virtual std::uint64_t events() const = 0;
};

}  // namespace dojo::machine
