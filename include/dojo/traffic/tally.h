// SPDX-License-Identifier: Apache-2.0
// What is counted of synthetic traffic: loads and latencies of the packets created in the measurement window.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::traffic {

/// Counts by latency in cycles: exact below 256, then bins of less than 0.8 %.
class LatencyCounts {
 public:
  static constexpr unsigned kFine = 7, kLargest = 32;
  static constexpr std::size_t kBins = ((kLargest - kFine) << kFine) + (1u << kFine);
  static std::size_t bin(Cycles latency) {
    const auto value = static_cast<std::uint64_t>(latency) < (std::uint64_t{1} << kLargest)
                           ? static_cast<std::uint64_t>(latency)
                           : (std::uint64_t{1} << kLargest) - 1;
    if (value < (2u << kFine)) return static_cast<std::size_t>(value);
    const unsigned shift = 63 - static_cast<unsigned>(__builtin_clzll(value)) - kFine;
    return (static_cast<std::size_t>(shift) << kFine) + static_cast<std::size_t>(value >> shift);
  }
  static Cycles bin_low(std::size_t bin);    ///< smallest latency of the bin
  static Cycles bin_width(std::size_t bin);  ///< latencies in the bin
  void add(Cycles latency) { ++count_[bin(latency)]; }
  void merge(const LatencyCounts& other);
  [[nodiscard]] std::uint32_t count(std::size_t bin) const { return count_[bin]; }
  /// 0 < p < 100: the smallest latency that p % of the packets do not exceed (within its bin).
  [[nodiscard]] double percentile(double p) const;

 private:
  std::array<std::uint32_t, kBins> count_{};
};

/// Half-open. Packets created in it are measured; flits ejected in it are the accepted load.
struct MeasurementWindow {
  Cycles begin = kNever, end = kNever;
  [[nodiscard]] bool holds(Cycles t) const {
    return static_cast<std::uint64_t>(t - begin) < static_cast<std::uint64_t>(end - begin);
  }
};

struct Tally {
  static constexpr Cycles kBatches = 16;  ///< parts of the window, for the standard error of the mean
  struct Batch {
    std::uint64_t packets = 0, cycles = 0;
  };
  MeasurementWindow window;
  // Since the start of the run:
  std::uint64_t packets_ejected = 0, packet_cycles = 0, flits_ejected = 0;
  std::uint64_t flits_injected = 0;
  // Of the window:
  std::uint64_t created = 0;                                    ///< packets
  std::uint64_t accepted = 0;                                   ///< flits
  std::uint64_t injected = 0, source_cycles = 0, distance = 0;  ///< packets that left their source, waits, channels
  std::uint64_t measured = 0, cycles = 0, flit_cycles = 0;      ///< packets that arrived, sums of latencies
  Cycles longest = 0;
  std::array<Batch, kBatches> batches{};
  LatencyCounts latencies;

  /// A flit leaves the network at `at`.
  void eject(Cycles created_at, bool tail, Cycles at) {
    ++flits_ejected;
    accepted += window.holds(at) ? 1 : 0;
    const bool of_window = window.holds(created_at);
    if (of_window) flit_cycles += static_cast<std::uint64_t>(at - created_at);
    if (!tail) return;
    ++packets_ejected;
    packet_cycles += static_cast<std::uint64_t>(at - created_at);
    if (of_window) measure(created_at, at - created_at);
  }
  /// `flits` of a packet leave one a cycle from `first` on; `tail`: its last one is among them.
  void eject(Cycles created_at, bool tail, Cycles first, std::uint32_t flits) {
    const Cycles end = first + flits;
    flits_ejected += flits - 1;
    accepted +=
        static_cast<std::uint64_t>(std::max<Cycles>(0, std::min(end - 1, window.end) - std::max(first, window.begin)));
    if (flits > 1 && window.holds(created_at))
      flit_cycles += (flits - 1) * static_cast<std::uint64_t>(first - created_at) + (flits - 1) * (flits - 2) / 2;
    eject(created_at, tail, end - 1);
  }
  void merge(const Tally& other);

 private:
  void measure(Cycles created_at, Cycles latency) {
    ++measured;
    cycles += static_cast<std::uint64_t>(latency);
    longest = latency > longest ? latency : longest;
    latencies.add(latency);
    Batch& batch =
        batches[static_cast<std::size_t>((created_at - window.begin) * kBatches / (window.end - window.begin))];
    ++batch.packets;
    batch.cycles += static_cast<std::uint64_t>(latency);
  }
};

}  // namespace dojo::traffic
