// SPDX-License-Identifier: Apache-2.0
// The sending side of a crossing between two shards: one serialiser that all rows or columns of the edge share, and the
// credits of the receive buffer on the far side. A burst without credit waits in the queue of the edge. While the queue
// is full, new bursts wait where they come from (docs/architecture.md, Back-pressure).
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <numeric>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/fabric/burst.h"
#include "dojo/fabric/edge_slots.h"

namespace dojo::fabric {

/// A burst on its way to the next shard: `lane` is the row or column at which it enters there.
struct Crossing {
  Cycles time = 0;  ///< its head reaches the far side
  std::int32_t lane = 0;
  Burst burst;
};
struct Credit {
  Cycles time = 0;  ///< usable by the sender
  std::uint32_t bytes = 0;
  std::uint32_t leg = 0;  ///< whose receive buffer has room again
};

/// What one shard tells its neighbour over one edge. It has two halves: in each window the sender writes one half and
/// the receiver reads and empties the other, so that no lock is needed. Then the halves change roles.
struct Mailbox {
  std::vector<Crossing> crossings[2];
  std::vector<Credit> credits[2];  ///< for the crossings that go the other way
};

/// A serialiser of bytes at an exact rate; time in 1/65536 cycle with the remainder carried.
class Serialiser {
 public:
  static constexpr int kUnitBits = 16;
  void configure(double bytes_per_s, double clock_hz) {
    // cycles per byte = clock / rate; both are whole numbers in any sensible file, halves are kept
    numerator_ = static_cast<std::int64_t>(clock_hz * 2) << kUnitBits;
    denominator_ = static_cast<std::int64_t>(bytes_per_s * 2);
    const std::int64_t common = std::gcd(numerator_, denominator_);
    numerator_ /= common;
    denominator_ /= common;
  }
  /// Occupies the serialiser for `bytes` from `at` or when it is free; returns the start in units.
  std::int64_t occupy(Cycles at, std::int64_t bytes) {
    const std::int64_t start = std::max(at << kUnitBits, free_units_);
    free_units_ = start + serve(bytes);
    queue_cycles_ += static_cast<std::uint64_t>((start >> kUnitBits) - at);
    return start;
  }
  /// Counts `bytes` as served, at no time in particular; returns for how many units, the remainder carried.
  std::int64_t serve(std::int64_t bytes) {
    std::int64_t duration = 0;
    if (bytes < (std::numeric_limits<std::int64_t>::max() - denominator_) / numerator_) {
      const std::int64_t total = bytes * numerator_ + remainder_;
      duration = total / denominator_;
      remainder_ = total % denominator_;
    } else {
      const Int128 total = static_cast<Int128>(bytes) * numerator_ + remainder_;
      duration = static_cast<std::int64_t>(total / denominator_);
      remainder_ = static_cast<std::int64_t>(total % denominator_);
    }
    busy_units_ += static_cast<std::uint64_t>(duration);
    bytes_ += static_cast<std::uint64_t>(bytes);
    ++bursts_;
    return duration;
  }
  /// Adds to the counters what was served elsewhere.
  void add_served(std::uint64_t bytes, std::uint64_t busy_units, std::uint64_t queue_cycles, std::uint64_t bursts) {
    bytes_ += bytes;
    busy_units_ += busy_units;
    queue_cycles_ += queue_cycles;
    bursts_ += bursts;
  }
  void add_wait(Cycles cycles) { queue_cycles_ += static_cast<std::uint64_t>(cycles); }
  /// Counts `bytes` as served, at no time in particular; returns how long they take alone, in whole cycles.
  Cycles count(std::int64_t bytes) {
    const Int128 total = static_cast<Int128>(bytes) * numerator_;
    const auto duration = static_cast<std::int64_t>(total / denominator_);
    busy_units_ += static_cast<std::uint64_t>(duration);
    bytes_ += static_cast<std::uint64_t>(bytes);
    ++bursts_;
    return (duration + (1 << kUnitBits) - 1) >> kUnitBits;
  }
  /// First whole cycle at which the serialiser is free.
  [[nodiscard]] Cycles free_cycle() const { return (free_units_ + (1 << kUnitBits) - 1) >> kUnitBits; }
  [[nodiscard]] std::int64_t free_units() const { return free_units_; }
  [[nodiscard]] std::uint64_t busy_units() const { return busy_units_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t queue_cycles() const { return queue_cycles_; }
  [[nodiscard]] std::uint64_t bursts() const { return bursts_; }

 private:
  std::int64_t numerator_ = 1, denominator_ = 1, remainder_ = 0, free_units_ = 0;
  std::uint64_t busy_units_ = 0, bytes_ = 0, queue_cycles_ = 0, bursts_ = 0;
};

class EdgeOut {
 public:
  /// `legs`: virtual networks, each with a receive buffer of its own; detours need more than one.
  void configure(double bytes_per_s, double clock_hz, Cycles latency, Bytes buffer_bytes, Bytes largest_burst,
                 int legs = 1) {
    serialiser_.configure(bytes_per_s, clock_hz);
    latency_ = latency;
    first_.credit = std::max(buffer_bytes, 2 * largest_burst);  // a buffer below one burst would never let it pass
    more_.assign(static_cast<std::size_t>(legs - 1), Buffer{});
    for (Buffer& buffer : more_) buffer.credit = first_.credit;
    present_ = true;
  }
  /// From now on every burst goes at once, at the edge's rate, and takes no credit (the ideal network). `link_bytes`:
  /// of a flit.
  void never_share(Bytes link_bytes) { unshared_flit_bytes_ = link_bytes; }
  [[nodiscard]] bool present() const { return present_; }
  /// The queue is full: new data bursts for this edge must wait at their source, or in the buffer that they came into.
  [[nodiscard]] bool full(unsigned leg = 0) const { return buffer(leg).waiting.size() >= kWaiting; }
  [[nodiscard]] const Serialiser& serialiser() const { return serialiser_; }
  [[nodiscard]] Serialiser& serialiser() { return serialiser_; }
  [[nodiscard]] Cycles latency() const { return latency_; }

  /// Credits may come in any order. A credit counts from its time on, however early it is known, so what happens does
  /// not depend on when mail is read.
  void add_credit(const Credit& credit) {
    credits_.push_back(credit);
    std::push_heap(credits_.begin(), credits_.end(), later);
  }

  /// A burst whose head reaches the edge at `head` >= now goes, or waits behind others or for credit.
  /// `send(Crossing)` is called for each burst that goes.
  template <class Send>
  void offer(const Burst& burst, std::int32_t lane, Flits flits, Cycles head, Cycles now, Send&& send) {
    if (unshared_flit_bytes_ > 0) return transmit_alone({head, lane, flits, burst}, send);
    buffer(burst.leg).waiting.push_back({head, lane, flits, burst});
    advance(now, send);
  }
  /// Takes the credits that are due, and sends from the queues while there is credit.
  template <class Send>
  void advance(Cycles now, Send&& send) {
    while (!credits_.empty() && credits_.front().time <= now) {
      buffer(credits_.front().leg).credit += credits_.front().bytes;
      std::pop_heap(credits_.begin(), credits_.end(), later);
      credits_.pop_back();
    }
    for (std::size_t i = more_.size(); i > 0; --i) go(more_[i - 1], now, send);  // later legs are nearer to the end
    go(first_, now, send);
  }
  [[nodiscard]] bool waiting() const {
    return !first_.waiting.empty() ||
           std::any_of(more_.begin(), more_.end(), [](const Buffer& b) { return !b.waiting.empty(); });
  }
  /// `look(Burst)` for each burst that waits for credit, oldest first.
  template <class Look>
  void each_waiting(Look&& look) const {
    for (const Waiting& w : first_.waiting) look(w.burst);
    for (const Buffer& more : more_) {
      for (const Waiting& w : more.waiting) look(w.burst);
    }
  }
  template <class Change>
  void change_waiting(Change&& change) {
    for (Waiting& w : first_.waiting) change(w.burst);
    for (Buffer& more : more_) {
      for (Waiting& w : more.waiting) change(w.burst);
    }
  }
  /// The planned call of advance() has come.
  void woken() { planned_ = kNever; }
  /// The next time at which a credit may let a waiting burst go, if it is earlier than the call of advance() that is
  /// planned already; else kNever. The caller plans a call for that time.
  [[nodiscard]] Cycles next_advance(Cycles now) {
    if (!waiting() || credits_.empty() || credits_.front().time >= planned_) return kNever;
    planned_ = std::max(credits_.front().time, now);
    return planned_;
  }

 private:
  static constexpr std::size_t kWaiting = 64;
  struct Waiting {
    Cycles head;
    std::int32_t lane;
    Flits flits;
    Burst burst;
  };
  struct Buffer {
    std::int64_t credit = 0;
    std::deque<Waiting> waiting;
  };
  [[nodiscard]] Buffer& buffer(unsigned leg) { return leg == 0 ? first_ : more_[leg - 1]; }
  [[nodiscard]] const Buffer& buffer(unsigned leg) const { return leg == 0 ? first_ : more_[leg - 1]; }
  static bool later(const Credit& x, const Credit& y) { return x.time > y.time; }
  /// A burst starts when there is any credit, because further credits come back packet by packet while it crosses. So
  /// the credit may become negative.
  template <class Send>
  void go(Buffer& of, Cycles now, Send&& send) {
    while (!of.waiting.empty() && of.credit > 0) {
      const Waiting& w = of.waiting.front();
      of.credit -= w.burst.bytes;
      transmit(w, std::max(w.head, now), now, send);
      of.waiting.pop_front();
    }
  }
  template <class Send>
  void transmit(const Waiting& w, Cycles at, Cycles now, Send&& send) {
    const Cycles last = slots_.take(at, w.flits, serialiser_.serve(w.burst.bytes), now);
    // An edge slower than a link, or one that others use too, delays the head so that the train stays whole on the far
    // side.
    const Cycles head = std::max(at, last - w.flits);
    serialiser_.add_wait(head - at);
    send(Crossing{head + latency_, w.lane, w.burst});
  }

  /// A burst of many messages side by side (a stripe) takes the time of one of them: of `flits`.
  template <class Send>
  void transmit_alone(const Waiting& w, Send&& send) {
    const Cycles all = serialiser_.count(w.burst.bytes);
    const Bytes one = std::min<Bytes>(w.burst.bytes, w.flits * unshared_flit_bytes_);
    const Cycles own = ceil_div(all * one, Bytes{w.burst.bytes});
    send(Crossing{w.head + std::max<Cycles>(0, own - w.flits) + latency_, w.lane, w.burst});
  }

  Serialiser serialiser_;
  EdgeSlots slots_;
  Cycles latency_ = 1, planned_ = kNever;
  bool present_ = false;
  Bytes unshared_flit_bytes_ = 0;  // 0: bursts share the edge
  Buffer first_;
  std::vector<Buffer> more_;     // of the further legs
  std::vector<Credit> credits_;  // heap by time
};

}  // namespace dojo::fabric
