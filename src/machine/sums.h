// SPDX-License-Identifier: Apache-2.0
// Sums that each host thread keeps for itself; added up at the end, so their order does not matter.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/machine/results.h"

namespace dojo::machine {

/// What one task adds, in little room.
struct TaskSums : RunCounters {
  std::vector<std::pair<std::uint16_t, std::uint64_t>> packet_bins;  ///< that are not empty
  LatencyCounters packets;
  OpCounters op;  ///< of the task's operation
};

struct ThreadSums : RunCounters {
  LatencyHistogram packets;
  std::vector<std::vector<OpCounters>> ops;  ///< [graph][op]; empty where one task alone is run
  OpCounters lone_op;                        ///< of that task
  std::vector<Cycles> step_end;
  Cycles rank_end = 0;        ///< last end of a rank
  Cycles last_event = 0;      ///< of any shard
  Cycles mail_time = kNever;  ///< earliest arrival in the mail of this window
  bool rows_part = false;     ///< a shard waits for the other rows of tiles

  void add_detour(std::int32_t hops, std::uint8_t turns) {
    if (turns == 0) return;
    ++detours;
    detour_hops += static_cast<std::uint64_t>(hops);
  }
  void add_gather(const fabric::Gathering& g);
  /// As many shards did the same.
  void multiply(std::uint64_t times);
  [[nodiscard]] OpCounters& op(std::uint32_t graph, std::uint32_t index) {
    return ops.empty() ? lone_op : ops[graph][index];
  }
  [[nodiscard]] TaskSums of_lone_task() const;
  void add(const TaskSums& task, std::uint32_t graph, std::uint32_t op_index);
};

inline void add(Breakdown& to, const Breakdown& from) {
  schema::merge(to, from);
}

}  // namespace dojo::machine
