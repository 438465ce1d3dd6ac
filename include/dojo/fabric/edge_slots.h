// SPDX-License-Identifier: Apache-2.0
// How the trains that meet at an edge share its rate. Time is cut into slots; a train takes of each slot what is left
// there, and no more than has come by the slot's end. So what comes late leaves earlier slots to others, whoever was
// known first, and trains that come at one time pass side by side, as lanes that take turns do.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::fabric {

class EdgeSlots {
 public:
  static constexpr int kUnitBits = 16;  ///< units of a cycle, as those of a Serialiser
  /// Chosen: some ten cycles, the time in which lanes take turns packet by packet, are not resolved.
  static constexpr Cycles kSlotCycles = 32;

  /// A train whose head comes at `head` >= now, a flit a cycle and lane for `flits` cycles, and which keeps the edge
  /// busy for `units`. Returns when its last flit may have passed at the earliest.
  Cycles take(Cycles head, Flits flits, std::int64_t units, Cycles now) {
    forget(now / kSlotCycles);
    std::int64_t number = std::max(head / kSlotCycles, full_until_);
    for (std::int64_t left = units;; ++number) {
      Slot& slot = at(number);
      const Cycles begin = number * kSlotCycles, end = begin + kSlotCycles;
      if (slot.used == 0 || head < slot.from) slot.from = std::max(begin, head);
      const std::int64_t room = ((end - slot.from) << kUnitBits) - slot.used;
      const std::int64_t come = end - head >= flits ? units : units / flits * (end - head);
      const std::int64_t taken = std::max<std::int64_t>(0, std::min({room, left, come - (units - left)}));
      slot.used += taken;
      left -= taken;
      if (slot.used >= kSlot && number == full_until_) ++full_until_;
      if (left > 0) continue;
      const std::int64_t alone = (head << kUnitBits) + units, shared = (slot.from << kUnitBits) + slot.used;
      return (std::max(alone, shared) + (1 << kUnitBits) - 1) >> kUnitBits;
    }
  }

 private:
  static constexpr std::int64_t kSlot = kSlotCycles << kUnitBits;
  struct Slot {
    std::int64_t used = 0;  ///< units taken
    Cycles from = 0;        ///< the first cycle in which something has come for it
  };

  /// Slots before this one are over.
  void forget(std::int64_t slot) {
    if (slot <= first_) return;
    const auto over =
        static_cast<std::size_t>(std::min<std::int64_t>(slot - first_, static_cast<std::int64_t>(slots_.size())));
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(over));
    first_ = slot;
    full_until_ = std::max(full_until_, slot);
  }
  Slot& at(std::int64_t slot) {
    const auto index = static_cast<std::size_t>(slot - first_);
    if (index >= slots_.size()) slots_.resize(index + 1);
    return slots_[index];
  }

  std::int64_t first_ = 0, full_until_ = 0;  ///< number of the first slot; the first that may have room
  std::vector<Slot> slots_;                  ///< from the first on
};

}  // namespace dojo::fabric
