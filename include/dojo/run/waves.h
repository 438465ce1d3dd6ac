// SPDX-License-Identifier: Apache-2.0
// Which cores of a run are recorded cycle by cycle, for a viewer of waveforms (dojosim run --vcd FILE).
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "dojo/core/wave.h"
#include "dojo/topology/topology.h"

namespace dojo::run {

struct WaveRequest {
  /// Paths as in machine.detailed; empty: all nodes whose cores run cycle by cycle.
  std::vector<std::string> nodes;
  Cycles begin = 0, end = kNever;
};

/// More nodes are refused: a viewer shows some dozens.
inline constexpr std::size_t kMostWaves = 4096;
/// Changes of all nodes together; a recording ends where the first node has used up its share. 16 bytes each.
inline constexpr std::size_t kMostWaveChanges = std::size_t{1} << 25;

/// A wave for each of them, empty. Throws Error(kInvalidInput): no core runs cycle by cycle, a path names none, there
/// are too many, the last cycle lies before the first.
[[nodiscard]] std::vector<core::NodeWave> make_waves(const WaveRequest& request, const topology::Topology& topology);

}  // namespace dojo::run
