// SPDX-License-Identifier: Apache-2.0
// The event queue of one shard: a two-level timing wheel with a heap for the far future. Events of one cycle come out
// in the order in which they went in, so a run is the same however its shards are spread over threads.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::engine {

/// What happens; the owner of the wheel gives `type` and the operands their meaning.
struct Event {
  Cycles time = 0;
  std::uint32_t next = kNone;
  std::uint16_t type = 0;
  std::uint16_t small = 0;
  std::uint32_t a = 0, b = 0, c = 0;
};

class Wheel {
 public:
  static constexpr int kBits = 8;
  static constexpr std::uint32_t kBuckets = 1u << kBits;  ///< cycles in a near block, and near blocks in the far ring

  Wheel() {
    near_.fill({kNone, kNone});
    far_.fill({kNone, kNone});
  }

  /// Requires time >= the time of the last event taken.
  void add(Cycles time, std::uint16_t type, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
           std::uint16_t small = 0) {
    const std::uint32_t index = allocate();
    events_[index] = Event{time, kNone, type, small, a, b, c};
    ++size_;
    const Cycles block = time >> kBits;
    if (block == block_) {
      append(near_, near_bits_, static_cast<std::uint32_t>(time) & (kBuckets - 1), index);
    } else if (block - block_ < kBuckets) {
      const std::uint32_t bucket = static_cast<std::uint32_t>(block) & (kBuckets - 1);
      far_first_[bucket] = far_[bucket].head == kNone ? time : std::min(far_first_[bucket], time);
      append(far_, far_bits_, bucket, index);
    } else {
      heap_.push_back({time, sequence_++, index});
      std::push_heap(heap_.begin(), heap_.end(), later);
    }
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

  /// Time of the earliest event, kNever when empty.
  [[nodiscard]] Cycles next_time() const {
    if (size_ == 0) return kNever;
    const int near = first_from(near_bits_, cursor_);
    if (near >= 0) return (block_ << kBits) + near;
    Cycles best = heap_.empty() ? kNever : heap_.front().time;
    const int far = next_far();
    if (far >= 0) best = std::min(best, far_first_[static_cast<std::size_t>(far)]);
    return best;
  }

  /// The only event there is, if it is due at `time`, which is that of the last event taken; nullptr otherwise.
  [[nodiscard]] const Event* only(Cycles time) const {
    if (size_ != 1 || (time >> kBits) != block_) return nullptr;
    const std::uint32_t head = near_[static_cast<std::uint32_t>(time) & (kBuckets - 1)].head;
    return head == kNone ? nullptr : &events_[head];
  }

  /// Takes the earliest event if it is before `limit`.
  bool take(Cycles limit, Event& out) {
    while (size_ != 0) {
      const int bucket = first_from(near_bits_, cursor_);
      if (bucket >= 0) {
        const Cycles time = (block_ << kBits) + bucket;
        if (time >= limit) return false;
        cursor_ = static_cast<std::uint32_t>(bucket);
        pop(static_cast<std::uint32_t>(bucket), out);
        return true;
      }
      const Cycles time = next_time();
      if (time >= limit) return false;
      enter_block(time >> kBits);
    }
    return false;
  }

  /// `change(Event&)` for everything that is planned. It must leave the times.
  template <class Change>
  void each(Change&& change) {
    for (const auto* ring : {&near_, &far_}) {
      for (const List& list : *ring) {
        for (std::uint32_t i = list.head; i != kNone; i = events_[i].next) change(events_[i]);
      }
    }
    for (const Far& far : heap_) change(events_[far.index]);
  }

 private:
  struct List {
    std::uint32_t head, tail;
  };
  struct Far {
    Cycles time;
    std::uint64_t sequence;
    std::uint32_t index;
  };
  using Bits = std::array<std::uint64_t, kBuckets / 64>;

  static bool later(const Far& x, const Far& y) { return x.time != y.time ? x.time > y.time : x.sequence > y.sequence; }

  static int first_from(const Bits& bits, std::uint32_t from) {
    std::uint32_t word = from >> 6;
    std::uint64_t value = bits[word] & (~std::uint64_t{0} << (from & 63));
    for (;;) {
      if (value != 0) return static_cast<int>((word << 6) + static_cast<std::uint32_t>(__builtin_ctzll(value)));
      if (++word == bits.size()) return -1;
      value = bits[word];
    }
  }

  [[nodiscard]] int next_far() const {
    const auto here = static_cast<std::uint32_t>(block_) & (kBuckets - 1);
    const int ahead = first_from(far_bits_, here);
    return ahead >= 0 ? ahead : first_from(far_bits_, 0);
  }

  std::uint32_t allocate() {
    if (free_ != kNone) {
      const std::uint32_t index = free_;
      free_ = events_[index].next;
      return index;
    }
    events_.emplace_back();
    return static_cast<std::uint32_t>(events_.size() - 1);
  }

  void append(std::array<List, kBuckets>& ring, Bits& bits, std::uint32_t bucket, std::uint32_t index) {
    events_[index].next = kNone;
    List& list = ring[bucket];
    if (list.head == kNone) {
      list.head = index;
      bits[bucket >> 6] |= std::uint64_t{1} << (bucket & 63);
    } else {
      events_[list.tail].next = index;
    }
    list.tail = index;
  }

  void pop(std::uint32_t bucket, Event& out) {
    List& list = near_[bucket];
    const std::uint32_t index = list.head;
    out = events_[index];
    list.head = out.next;
    if (list.head == kNone) near_bits_[bucket >> 6] &= ~(std::uint64_t{1} << (bucket & 63));
    events_[index].next = free_;
    free_ = index;
    --size_;
    ++taken_;
  }

  /// Events that were far when they were added come before those added nearer to their time.
  void enter_block(Cycles block) {
    block_ = block;
    cursor_ = 0;
    while (!heap_.empty() && (heap_.front().time >> kBits) == block) {
      const Far far = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end(), later);
      heap_.pop_back();
      append(near_, near_bits_, static_cast<std::uint32_t>(far.time) & (kBuckets - 1), far.index);
    }
    const std::uint32_t bucket = static_cast<std::uint32_t>(block) & (kBuckets - 1);
    std::uint32_t i = far_[bucket].head;
    far_[bucket] = {kNone, kNone};
    far_bits_[bucket >> 6] &= ~(std::uint64_t{1} << (bucket & 63));
    while (i != kNone) {
      const std::uint32_t next = events_[i].next;
      append(near_, near_bits_, static_cast<std::uint32_t>(events_[i].time) & (kBuckets - 1), i);
      i = next;
    }
  }

  Cycles block_ = 0;
  std::uint32_t cursor_ = 0, free_ = kNone;
  std::size_t size_ = 0;
  std::uint64_t taken_ = 0, sequence_ = 0;
  Bits near_bits_{}, far_bits_{};
  std::array<List, kBuckets> near_, far_;
  std::array<Cycles, kBuckets> far_first_{};  // earliest event of a block, so that asking for it touches no events
  std::vector<Event> events_;
  std::vector<Far> heap_;
};

}  // namespace dojo::engine
