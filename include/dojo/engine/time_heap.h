// SPDX-License-Identifier: Apache-2.0
// A few things that happen at known times; those of one time come out in the order in which they went in.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::engine {

/// For queues that are short: small in memory, where a Wheel is fast for many events.
class TimeHeap {
 public:
  void add(Cycles time, std::uint32_t what) {
    heap_.push_back({time, sequence_++, what});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Cycles next_time() const { return heap_.empty() ? kNever : heap_.front().time; }
  [[nodiscard]] std::uint64_t taken() const { return sequence_ - heap_.size(); }
  /// Requires that it is not empty.
  std::uint32_t take() {
    const std::uint32_t what = heap_.front().what;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    return what;
  }

 private:
  struct Entry {
    Cycles time;
    std::uint64_t sequence;
    std::uint32_t what;
  };
  static bool later(const Entry& x, const Entry& y) {
    return x.time != y.time ? x.time > y.time : x.sequence > y.sequence;
  }
  std::vector<Entry> heap_;
  std::uint64_t sequence_ = 0;
};

}  // namespace dojo::engine
