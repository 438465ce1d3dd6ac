// SPDX-License-Identifier: Apache-2.0
// Changes of a core's signals from cycle to cycle.
#include "dojo/core/wave.h"

#include <algorithm>
#include <limits>

namespace dojo::core {
namespace {

/// Of the counters, whose wires are those from 1 on.
constexpr std::size_t kCyclesCounter = 0;

/// The network's counters and the banks' do not sleep with the core.
constexpr std::array<bool, Wave::kCounters> of_core() {
  std::array<bool, Wave::kCounters> of{};
  std::size_t next = 0;
  const Counters none{};
  Counters::fields(none, [&](const char* name, const auto&, const auto&...) {
    const std::string_view text = name;
    of[next++] = text != "packets_sent" && text != "packets_received" && text != "bank_stall_cycles";
  });
  return of;
}
constexpr std::array<bool, Wave::kCounters> kOfCore = of_core();

std::uint32_t narrow(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

void Wave::set(std::size_t wire, std::uint32_t value, Cycles cycle) {
  if (values_[wire] == value) return;
  values_[wire] = value;
  if (cycle <= begin_) {
    initial_[wire] = value;
  } else if (cycle < std::min(end_, full_at_)) {
    if (changes_.size() == most_) {
      full_at_ = cycle;
      return;
    }
    changes_.push_back({cycle, value, static_cast<std::uint16_t>(wire)});
  }
}

/// What does not go on by itself ends with the cycle that was seen last.
void Wave::settle() {
  const Cycles next = last_ + 1;
  set(0, static_cast<std::uint32_t>(then_), next);
  for (std::size_t i = 0; i < kCounters; ++i)
    if (!sleeps_ || !kOfCore[i]) set(1 + i, 0, next);
}

void Wave::sample(Cycles now, const Counters& counters, WaveStep step, WaveStep then, const Semaphores& semaphores,
                  bool sleeps) {
  if (now > last_) {
    if (now > last_ + 1) settle();
    before_ = now_;
    held_ = values_;
    last_ = now;
    set(0, static_cast<std::uint32_t>(step), now);
  }
  const bool slept_before = sleeps_;
  then_ = then;
  sleeps_ = sleeps;
  now_ = schema::values_of(counters);
  // A core counts the cycles that it has slept when it wakes: in each of them what it did in the last one before.
  const std::uint64_t ran = now_[kCyclesCounter] - before_[kCyclesCounter], slept = ran > 1 ? ran - 1 : 0;
  const bool asleep_yet = slept_before && ran == 0;
  for (std::size_t i = 0; i < kCounters; ++i) {
    if (asleep_yet && kOfCore[i]) continue;
    const std::uint64_t more = now_[i] - before_[i];
    const std::uint64_t asleep = !kOfCore[i] ? 0 : i == kCyclesCounter ? slept : slept * held_[1 + i];
    set(1 + i, narrow(more - std::min(more, asleep)), now);
  }
  for (std::size_t i = 0; i < kSemaphores; ++i)
    set(1 + kCounters + i, narrow(static_cast<std::uint64_t>(std::max<std::int64_t>(0, semaphores[i]))), now);
}

}  // namespace dojo::core
