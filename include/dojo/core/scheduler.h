// SPDX-License-Identifier: Apache-2.0
// A scheduler of the core: instructions that wait for operands and units. Selection takes the oldest that is ready.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/base/bits.h"
#include "dojo/core/program.h"
#include "dojo/core/values.h"

namespace dojo::core {

/// What an entry needs to leave its scheduler.
enum class Unit : std::uint8_t { kInteger, kLoad, kStore, kSend, kMatrix, kFma, kShuffle };
inline constexpr int kUnits = 7;

struct Entry {
  std::uint32_t age = 0, address = 0;
  std::array<ValueId, 4> sources{kNoValue, kNoValue, kNoValue, kNoValue};  ///< that it reads and lets go when it leaves
  ValueId result = kNoValue;
  ValueId data = kNoValue;  ///< of a store
  std::uint8_t waits = 0, thread = 0, lines = 1;
  Unit unit = Unit::kInteger;
  bool to_register = false;  ///< of a load; else it feeds load and execute
  std::uint16_t packets = 0;
};
static_assert(sizeof(Entry) <= 24);

/// Up to 64 entries, `stride` of them for each thread.
class Scheduler {
 public:
  Scheduler(int stride, int entries) : stride_(stride), entries_(mask_of(entries)) {}

  /// A free entry of the thread's own, or -1.
  [[nodiscard]] int free_entry(int group) const {
    const std::uint64_t free = ~held_ & (entries_ << (group * stride_));
    return free == 0 ? -1 : static_cast<int>(lowest_bit(free));
  }
  [[nodiscard]] Entry& operator[](int index) { return entries_of_[static_cast<std::size_t>(index)]; }
  void hold(int index) {
    held_ |= bit(index);
    if ((*this)[index].waits == 0) make_ready(index);
  }
  void let_go(int index) {
    held_ &= ~bit(index);
    ready_[unit_of(index)] &= ~bit(index);
  }
  void operand_came(int index) {
    if (--(*this)[index].waits == 0) make_ready(index);
  }
  void operands_came(std::uint64_t entries) {
    for (; entries != 0; entries &= entries - 1) operand_came(static_cast<int>(lowest_bit(entries)));
  }
  [[nodiscard]] std::uint64_t ready(Unit unit) const { return ready_[static_cast<std::size_t>(unit)]; }
  [[nodiscard]] bool empty() const { return held_ == 0; }
  /// Requires entries != 0.
  [[nodiscard]] int oldest(std::uint64_t entries) const {
    int best = static_cast<int>(lowest_bit(entries));
    for (entries &= entries - 1; entries != 0; entries &= entries - 1) {
      const int other = static_cast<int>(lowest_bit(entries));
      if (static_cast<std::int32_t>(age(other) - age(best)) < 0) best = other;
    }
    return best;
  }
  /// Those of the entry's thread.
  [[nodiscard]] std::uint64_t group(int group) const { return mask_of(stride_) << (group * stride_); }

  static constexpr std::uint64_t bit(int index) { return std::uint64_t{1} << index; }

 private:
  static constexpr std::uint64_t mask_of(int count) { return count >= 64 ? ~std::uint64_t{0} : bit(count) - 1; }
  [[nodiscard]] std::uint32_t age(int index) const { return entries_of_[static_cast<std::size_t>(index)].age; }
  [[nodiscard]] std::size_t unit_of(int index) {
    return static_cast<std::size_t>(entries_of_[static_cast<std::size_t>(index)].unit);
  }
  void make_ready(int index) { ready_[unit_of(index)] |= bit(index); }

  int stride_;
  std::uint64_t entries_;  ///< usable ones of the first thread
  std::uint64_t held_ = 0;
  std::array<std::uint64_t, kUnits> ready_{};
  std::array<Entry, 64> entries_of_{};
};

}  // namespace dojo::core
