// SPDX-License-Identifier: Apache-2.0
// Memory of one rank over its issue order: what lies in a node's SRAM when, and what has to be recomputed or spilled.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"
#include "lower/stream_plan.h"

namespace dojo::workload {

struct LedgerInput {
  const Graph& graph;
  const std::vector<std::uint32_t>& order;  ///< issue order
  std::uint32_t nodes = 1;
  Bytes node_capacity = 0;
  std::int64_t optimizer_shards = 1;
  CapacityPolicy policy = CapacityPolicy::kRecomputeThenSpill;
  bool has_hbm = true;  ///< without a DIP nothing can be spilled
};

/// What of a rank's tensors in DIP HBM takes time, for capacity_policy stream.
struct StreamTimes {
  std::vector<double> cycles;  ///< of computing, by position
  double cycles_per_byte = 0;  ///< of the rank, from or to all its DIPs while other ranks use them too
  double latency_cycles = 0;
};

struct LedgerResult {
  MemoryPlan plan;
  std::vector<Eviction> evictions;     ///< by next_use
  Bytes missing_per_node = 0;          ///< > 0: it does not fit whatever is done
  std::uint32_t fullest = 0;           ///< position, where something is missing
  std::vector<std::uint32_t> holders;  ///< tensors that are there then, the largest first
};

class Ledger {
 public:
  explicit Ledger(const LedgerInput& input);
  /// The tensor lies on fewer nodes than all. Parts lie in one another, so the fullest node has a piece of everything.
  void set_nodes(std::uint32_t tensor, std::uint32_t nodes);
  /// What is free in a node while the operation at `position` runs, before anything leaves.
  [[nodiscard]] Bytes free_at(std::uint32_t position) const;
  /// `buffers`: operands in flight of each operation, per node, by position. `collective_bytes`: per node, always.
  [[nodiscard]] LedgerResult plan(const std::vector<Bytes>& buffers, Bytes collective_bytes) const;
  /// The same where whatever an operation does not need may lie in DIP HBM.
  [[nodiscard]] LedgerResult plan_streamed(const std::vector<Bytes>& buffers, Bytes collective_bytes,
                                           const StreamTimes& times) const;
  /// Bytes of a tensor in the node that holds most of it.
  [[nodiscard]] Bytes node_bytes(Bytes rank_bytes) const;
  /// Of a tensor, of the rank; of a sharded state the shard.
  [[nodiscard]] Bytes rank_bytes(std::uint32_t tensor) const;
  [[nodiscard]] Bytes node_bytes_of(std::uint32_t tensor) const;

 private:
  struct Life {
    bool persistent = false, used = false;
    std::uint32_t begin = 0, end = 0;         ///< positions, inclusive
    std::vector<std::uint32_t> uses;          ///< ascending; the first is the producer's
    std::vector<std::uint8_t> reads, writes;  ///< of each use
    std::uint32_t producer = kNone;           ///< position
  };
  [[nodiscard]] std::vector<Bytes> occupancy() const;
  [[nodiscard]] bool can_recompute(std::uint32_t tensor, std::uint32_t at,
                                   const std::vector<std::uint8_t>& evicted) const;
  void account(MemoryPlan& plan) const;
  void sort_by_size(std::vector<std::uint32_t>& tensors) const;
  [[nodiscard]] std::vector<StreamTensor> stream_tensors(double cycles_per_byte) const;

  const LedgerInput input_;
  std::vector<Life> lives_;
  std::vector<std::uint32_t> nodes_;  ///< by tensor: on how many it lies
  Bytes persistent_node_bytes_ = 0;
};

}  // namespace dojo::workload
