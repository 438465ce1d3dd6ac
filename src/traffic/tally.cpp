// SPDX-License-Identifier: Apache-2.0
// Folding of tallies, and what their histogram says.
#include "dojo/traffic/tally.h"

#include <algorithm>

namespace dojo::traffic {

Cycles LatencyCounts::bin_low(std::size_t bin) {
  if (bin < (2u << kFine)) return static_cast<Cycles>(bin);
  const std::size_t shift = (bin >> kFine) - 1;
  return static_cast<Cycles>((bin - (shift << kFine)) << shift);
}

Cycles LatencyCounts::bin_width(std::size_t bin) {
  return bin < (2u << kFine) ? 1 : Cycles{1} << ((bin >> kFine) - 1);
}

void LatencyCounts::merge(const LatencyCounts& other) {
  for (std::size_t i = 0; i < kBins; ++i) count_[i] += other.count_[i];
}

double LatencyCounts::percentile(double p) const {
  std::uint64_t total = 0;
  for (const std::uint32_t n : count_) total += n;
  if (total == 0) return 0;
  const double wanted = static_cast<double>(total) * p / 100;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    seen += count_[i];
    if (static_cast<double>(seen) >= wanted && count_[i] != 0)
      return static_cast<double>(bin_low(i)) + static_cast<double>(bin_width(i) - 1) / 2;
  }
  return static_cast<double>(bin_low(kBins - 1));
}

void Tally::merge(const Tally& other) {
  packets_ejected += other.packets_ejected;
  packet_cycles += other.packet_cycles;
  flits_ejected += other.flits_ejected;
  flits_injected += other.flits_injected;
  created += other.created;
  accepted += other.accepted;
  injected += other.injected;
  source_cycles += other.source_cycles;
  distance += other.distance;
  measured += other.measured;
  cycles += other.cycles;
  flit_cycles += other.flit_cycles;
  longest = std::max(longest, other.longest);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    batches[i].packets += other.batches[i].packets;
    batches[i].cycles += other.batches[i].cycles;
  }
  latencies.merge(other.latencies);
}

}  // namespace dojo::traffic
