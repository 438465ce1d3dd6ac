// SPDX-License-Identifier: Apache-2.0
// Values on their way through the pipeline: who writes each register next, who still reads it, who waits for it.
//
// A register that is written, and that nobody in the schedulers reads, has no record. Otherwise the register's current
// value has one, and so has every older value that somebody still reads. Vector registers are not renamed: the next
// writer waits until the old value is written and read. Scalar operands are held by the entries of the scheduler, so
// their writers never wait.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/core/program.h"

namespace dojo::core {

using ValueId = std::uint8_t;
inline constexpr ValueId kNoValue = 255;
/// An entry of a scheduler: 0 to 63 scalar, 64 to 127 vector.
using EntryId = std::uint8_t;
inline constexpr EntryId kNoEntry = 255;

struct Value {
  std::uint64_t waiters, sum_waiters;  ///< entries of the one scheduler that reads this kind of register
  ValueId next_full, next_sum;         ///< in the lists of the calendars
  EntryId overwriter;                  ///< waits to overwrite it
  std::uint8_t own_reads;              ///< 1: the overwriter itself reads it, 2: and as its sum
  std::uint8_t readers;                ///< entries and stores under way: at most 2 x 64 + 16
  std::uint8_t state;                  ///< of kIssued, kFull, kSumReady
  std::uint8_t thread, place;          ///< the register

  static constexpr std::uint8_t kIssued = 1;    ///< its writer has left
  static constexpr std::uint8_t kFull = 2;      ///< it is there
  static constexpr std::uint8_t kSumReady = 4;  ///< the next issue on this sum may start
  static constexpr std::uint8_t kThere = kIssued | kFull | kSumReady;
  [[nodiscard]] bool is(std::uint8_t what) const { return (state & what) != 0; }
};
static_assert(sizeof(Value) == 24);

/// `Wake` is called with the id of an entry whose operand has come.
class Values {
 public:
  Values() {
    for (auto& registers : current_) registers.fill(kNoValue);
    full_at_.fill(kNoValue);
    sum_at_.fill(kNoValue);
    for (int i = 0; i < kCount; ++i) free_[static_cast<std::size_t>(i)] = static_cast<ValueId>(i);
  }

  /// What one instruction may need at most is there.
  [[nodiscard]] bool has_room() const { return free_count_ >= 6; }

  /// The current value of a vector register or sum, one reader more; a record is made where there is none.
  ValueId read(int thread, std::uint8_t place) {
    ValueId id = current_[static_cast<std::size_t>(thread)][place];
    if (id == kNoValue) {
      id = take(thread, place);
      values_[id].state = Value::kThere;
    }
    ++values_[id].readers;
    return id;
  }
  /// The current value of a scalar register; kNoValue when it is there.
  [[nodiscard]] ValueId scalar(int thread, std::uint8_t place) const {
    return current_[static_cast<std::size_t>(thread)][place];
  }
  /// A new current value of a register. `own_reads`: of its writer, from the old one. Returns true when the
  /// writer has to wait for the old value; it is then woken as `writer`.
  bool write(int thread, std::uint8_t place, EntryId writer, std::uint8_t own_reads, bool waits_for_old,
             ValueId& made) {
    const ValueId old = current_[static_cast<std::size_t>(thread)][place];
    made = take(thread, place);
    if (old == kNoValue || !waits_for_old) return false;
    Value& value = values_[old];
    // Who reads the old value itself waits for it as for any operand.
    if (value.readers == own_reads && (value.is(Value::kIssued) || own_reads != 0)) return false;
    value.overwriter = writer;
    value.own_reads = own_reads;
    return true;
  }
  /// A value that no register holds: what load and execute brings.
  ValueId buffer() {
    const ValueId id = take(0, kNoRegister);
    ++values_[id].readers;
    return id;
  }
  /// A register gets a value at once: an immediate.
  void set(int thread, std::uint8_t place) { current_[static_cast<std::size_t>(thread)][place] = kNoValue; }

  [[nodiscard]] bool full(ValueId id) const { return values_[id].is(Value::kFull); }
  /// Entry `index` of its scheduler is woken once when the value is there; false when it is there already.
  bool wait(ValueId id, int index) {
    Value& value = values_[id];
    return !value.is(Value::kFull) && add_waiter(value.waiters, index);
  }
  bool wait_for_sum(ValueId id, int index) {
    Value& value = values_[id];
    return !value.is(Value::kSumReady) && add_waiter(value.sum_waiters, index);
  }

  /// The writer of `id` has left at `now`: the value is there at `full`.
  template <class Wake>
  void issued(ValueId id, Cycles now, Cycles full, Wake&& wake) {
    enter(id, std::max(full, now + 1));
    values_[id].state |= Value::kIssued;
    let_overwrite(id, wake);
  }
  /// The same of an issue of the matrix unit: the next one on the sum may start at `sum`.
  template <class Wake>
  void issued_sum(ValueId id, Cycles now, Cycles full, Cycles sum, Wake&& wake) {
    sum = std::max(sum, now + 1);
    full = std::max(full, sum);
    ValueId& head = sum_at_[slot(sum)];
    values_[id].next_sum = head;
    head = id;
    issued(id, now, full, wake);
  }
  template <class Wake>
  void reader_gone(ValueId id, Wake&& wake) {
    --values_[id].readers;
    let_overwrite(id, wake);
    give_back(id);
  }
  /// Values of cycle `now` are there. `wake(id of the place, mask)` gets the entries that waited.
  template <class WakeMask>
  void arrive(Cycles now, WakeMask&& wake) {
    ValueId& sums = sum_at_[slot(now)];
    for (ValueId id = sums; id != kNoValue;) {
      Value& value = values_[id];
      id = value.next_sum;
      value.state |= Value::kSumReady;
      if (value.sum_waiters != 0) wake(value.place, value.sum_waiters);
      value.sum_waiters = 0;
    }
    sums = kNoValue;
    ValueId& head = full_at_[slot(now)];
    for (ValueId id = head; id != kNoValue;) {
      Value& value = values_[id];
      const ValueId next = value.next_full;
      value.state = Value::kThere;
      if (value.waiters != 0) wake(value.place, value.waiters);
      if (value.sum_waiters != 0) wake(value.place, value.sum_waiters);
      value.waiters = value.sum_waiters = 0;
      give_back(id);
      id = next;
    }
    head = kNoValue;
  }

 private:
  static constexpr int kCount = 255;
  static constexpr Cycles kSlots = 256;  ///< more than the longest wait for a bank and kMostLatency
  static std::size_t slot(Cycles t) { return static_cast<std::size_t>(t) & (kSlots - 1); }

  /// False for one that waits already: an instruction may read a register twice.
  static bool add_waiter(std::uint64_t& waiters, int index) {
    const std::uint64_t before = waiters;
    waiters |= std::uint64_t{1} << index;
    return waiters != before;
  }
  ValueId take(int thread, std::uint8_t place) {
    const ValueId id = free_[static_cast<std::size_t>(--free_count_)];
    values_[id] = {0, 0, kNoValue, kNoValue, kNoEntry, 0, 0, 0, static_cast<std::uint8_t>(thread), place};
    if (place != kNoRegister) current_[static_cast<std::size_t>(thread)][place] = id;
    return id;
  }
  void enter(ValueId id, Cycles full) {
    ValueId& head = full_at_[slot(full)];
    values_[id].next_full = head;
    head = id;
  }
  template <class Wake>
  void let_overwrite(ValueId id, Wake&& wake) {
    Value& value = values_[id];
    if (value.overwriter == kNoEntry || !value.is(Value::kIssued) || value.readers != value.own_reads) return;
    const EntryId entry = value.overwriter;
    value.overwriter = kNoEntry;
    wake(entry);
  }
  /// A value that is there and that nobody reads or waits to overwrite needs no record.
  void give_back(ValueId id) {
    const Value& value = values_[id];
    if (!value.is(Value::kFull) || value.readers != 0) return;
    if (value.place != kNoRegister) {
      ValueId& current = current_[value.thread][value.place];
      if (current == id) current = kNoValue;
    }
    free_[static_cast<std::size_t>(free_count_++)] = id;
  }

  int free_count_ = kCount;
  std::array<std::array<ValueId, kRegisters>, kThreads> current_;
  std::array<ValueId, kSlots> full_at_, sum_at_;
  std::array<ValueId, kCount> free_;
  std::array<Value, kCount> values_;
};

}  // namespace dojo::core
