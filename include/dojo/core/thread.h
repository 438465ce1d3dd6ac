// SPDX-License-Identifier: Apache-2.0
// A hardware thread: where it fetches, what is fetched, its loops, its address registers, its stores under way.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "dojo/core/program.h"
#include "dojo/core/values.h"

namespace dojo::core {

/// Fixed capacity, first in first out. Requires push() only while size() < N, a power of two.
template <class T, std::size_t N>
class Ring {
 public:
  [[nodiscard]] int size() const { return count_; }
  [[nodiscard]] T& front() { return items_[head_]; }
  void push(const T& item) { items_[(head_ + static_cast<std::size_t>(count_++)) & (N - 1)] = item; }
  void pop() {
    head_ = (head_ + 1) & (N - 1);
    --count_;
  }

 private:
  std::array<T, N> items_{};
  std::size_t head_ = 0;
  int count_ = 0;
};

struct FetchedInstruction {
  std::uint32_t index = 0;
  bool leaves_loop = false;
};

struct StoreUnderWay {
  std::uint32_t address = 0;
  ValueId data = kNoValue;
  std::uint8_t lines = 1;
};

/// A signal that waits for the thread's older stores and sends.
struct PendingSignal {
  std::int32_t semaphore = 0, count = 0;
  std::uint64_t after = 0;  ///< stores and sends that have left
};
inline constexpr int kPendingSignals = 8;

struct Thread {
  const Program* program = nullptr;
  int group = 0;  ///< its share of the schedulers
  // Front end.
  std::uint32_t next_fetch = 0;
  Cycles fetch_from = 0, decode_from = 0;
  bool fetched_all = true, leaving_loop = false, halted = false;
  Ring<FetchedInstruction, 32> fetched;
  struct Loop {
    std::uint32_t start = 0;
    std::int32_t left = 0;  ///< 0: endless
  };
  std::array<Loop, kMostLoops> loops{};
  int depth = 0;
  std::array<std::uint32_t, kScalarRegisters> scalars{};  ///< addresses are known when they are decoded
  // Back end.
  int under_way = 0;  ///< in schedulers and queues
  Ring<StoreUnderWay, 16> stores;
  std::uint64_t stores_decoded = 0, stores_left = 0;  ///< and sends
  Ring<PendingSignal, kPendingSignals> signals;
};

}  // namespace dojo::core
