// SPDX-License-Identifier: Apache-2.0
// Memory of one rank over its issue order: what lies in a node's SRAM when, and what has to be recomputed or spilled.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "dojo/workload/graph.h"
#include "dojo/workload/program.h"

namespace dojo::workload {

struct LedgerInput {
  const Graph& graph;
  const std::vector<std::uint32_t>& order;  ///< issue order
  std::uint32_t nodes = 1;
  Bytes node_capacity = 0;
  std::int64_t optimizer_shards = 1;
  CapacityPolicy policy = CapacityPolicy::kRecomputeThenSpill;
};

/// A tensor that leaves SRAM between two operations, both as indices into the issue order.
struct Eviction {
  std::uint32_t tensor = 0;
  std::uint32_t last_use = 0;  ///< before it leaves
  std::uint32_t next_use = 0;  ///< before which it must be back
  bool recompute = false;      ///< else spilled to DIP HBM
};

struct LedgerResult {
  MemoryPlan plan;
  std::vector<Eviction> evictions;  ///< by next_use
  Bytes missing_per_node = 0;       ///< > 0: it does not fit whatever is done
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
  /// Bytes of a tensor in the node that holds most of it.
  [[nodiscard]] Bytes node_bytes(Bytes rank_bytes) const;

 private:
  struct Life {
    bool persistent = false, used = false;
    std::uint32_t begin = 0, end = 0;  ///< positions, inclusive
    std::vector<std::uint32_t> uses;   ///< ascending; the first is the producer's
    std::uint32_t producer = kNone;    ///< position
  };
  [[nodiscard]] std::vector<Bytes> occupancy() const;
  [[nodiscard]] Bytes node_bytes_of(std::uint32_t tensor) const;
  [[nodiscard]] bool can_recompute(std::uint32_t tensor, std::uint32_t at,
                                   const std::vector<std::uint8_t>& evicted) const;
  void account(MemoryPlan& plan) const;

  const LedgerInput input_;
  std::vector<Life> lives_;
  std::vector<std::uint32_t> nodes_;  ///< by tensor: on how many it lies
  Bytes persistent_node_bytes_ = 0;
};

}  // namespace dojo::workload
