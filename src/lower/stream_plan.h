// SPDX-License-Identifier: Apache-2.0
// Tensors that live in DIP HBM: which leave a node's SRAM when, and from when on they are loaded again, ahead of use.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

/// A tensor that leaves SRAM between two operations, both as positions in the issue order.
struct Eviction {
  std::uint32_t tensor = 0;
  std::uint32_t last_use = 0;  ///< before it leaves
  std::uint32_t next_use = 0;  ///< before which it must be back; not after last_use: in the next step
  bool recompute = false;      ///< else it lies in DIP HBM meanwhile
  // Of capacity_policy stream.
  bool stores = true;             ///< HBM does not have what it holds
  bool loads = true;              ///< its next use reads it
  std::uint32_t free_at = kNone;  ///< the operation there needs its place
  std::uint32_t load_at = kNone;  ///< it may come from then on; kNone: a few operations ahead
};

struct StreamTensor {
  Bytes node_bytes = 0;     ///< of a node; 0: never in SRAM
  double load_cycles = 0;   ///< from HBM, alone
  bool persistent = false;  ///< it is there before the step and after it, in SRAM or in HBM
  struct Use {
    std::uint32_t position = 0;
    bool reads = false, writes = false;
  };
  std::vector<Use> uses;  ///< by position
};

struct StreamInput {
  std::vector<StreamTensor> tensors;
  std::vector<Bytes> buffers;  ///< of a node, by position: operands in flight
  std::vector<double> cycles;  ///< of computing, by position
  Bytes capacity = 0;          ///< of a node
  double latency_cycles = 0;   ///< of a load, beside its bytes
};

struct StreamPlan {
  std::vector<Eviction> evictions;  ///< by next_use
  std::vector<Bytes> live;          ///< of a node, by position
  Bytes missing = 0;                ///< > 0: the operation at `fullest` does not fit even alone
  std::uint32_t fullest = 0;
  std::vector<std::uint32_t> present;  ///< tensors that are there at `fullest`
};

/// What is idle leaves where a place is needed: that which is next used last, twice as early if HBM has it already.
/// What comes back begins so early that its load, after those before it, ends in time, as far as there is room.
[[nodiscard]] StreamPlan plan_stream(const StreamInput& input);

}  // namespace dojo::workload
