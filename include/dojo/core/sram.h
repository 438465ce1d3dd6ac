// SPDX-License-Identifier: Apache-2.0
// The banks of a node's SRAM: each has one access of 64 B a cycle. An access that finds its bank taken gets the next
// free cycle.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/base/types.h"
#include "dojo/core/program.h"

namespace dojo::core {

class Sram {
 public:
  explicit Sram(int banks) : banks_(static_cast<std::uint32_t>(banks)), power_of_two_((banks & (banks - 1)) == 0) {}

  /// Call before the accesses of each cycle that has some.
  void advance(Cycles now) {
    if (now - last_ >= kHorizon) {
      taken_.fill(0);
    } else {
      for (Cycles t = last_; t < now; ++t) taken_[slot(t)] = 0;
    }
    last_ = now;
  }
  /// Reserves the bank of `address` in the first free cycle from `at` on, and returns that cycle.
  Cycles access(std::uint32_t address, bool /*write*/, Cycles at) {
    const std::uint32_t line = address / kLineBytes;
    const std::uint64_t bank = std::uint64_t{1} << (power_of_two_ ? line & (banks_ - 1) : line % banks_);
    Cycles granted = at;
    while ((taken_[slot(granted)] & bank) != 0) ++granted;
    taken_[slot(granted)] |= bank;
    waited_ += static_cast<std::uint64_t>(granted - at);
    return granted;
  }
  [[nodiscard]] std::uint64_t waited_cycles() const { return waited_; }

 private:
  /// Ports hold until their access is granted: at most kMostPorts of each kind, kMostLines + 1 lines each.
  static constexpr Cycles kHorizon = 128;
  static std::size_t slot(Cycles t) { return static_cast<std::size_t>(t) & (kHorizon - 1); }

  std::uint32_t banks_;
  bool power_of_two_;
  Cycles last_ = 0;
  std::uint64_t waited_ = 0;
  std::array<std::uint64_t, kHorizon> taken_{};
};

}  // namespace dojo::core
