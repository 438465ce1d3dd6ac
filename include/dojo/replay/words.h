// SPDX-License-Identifier: Apache-2.0
// Collectives of wafer-scale engines, word by word: each word is a packet of one flit, and a core adds or stores one a
// cycle (docs/wafer.md).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/machine_params.h"

namespace dojo::replay {

enum class WordCollective {
  kChainReduce,    ///< along a row to its first node: each adds its own word to what comes and passes it on
  kBroadcast,      ///< from the first node of a row to the others, forking in the routers
  kBroadcast2d,    ///< from a corner of a mesh to all nodes, forking in the routers
  kRingAllReduce,  ///< chunks go round the row twice: once they are added up, once they are stored
};

struct WordRun {
  Cycles cycles = 0;                ///< from the first word read to the last one stored
  std::uint64_t network_bytes = 0;  ///< host memory of routers and nodes
};

/// What is wrong with a machine that this is to run on; empty: nothing.
[[nodiscard]] std::vector<std::string> word_problems(const topology::MachineParams& machine);
/// On the machine's grid of nodes: one row of two or more, of a two-dimensional broadcast any number of rows. Each node
/// has `words`. Throws Error(kInvalidInput).
[[nodiscard]] WordRun run_words(WordCollective collective, std::int64_t words, const topology::MachineParams& machine);

}  // namespace dojo::replay
