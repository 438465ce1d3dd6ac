// SPDX-License-Identifier: Apache-2.0
// Sums that each host thread keeps for itself; added up at the end, so their order does not matter.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "dojo/fabric/die_network.h"
#include "dojo/machine/results.h"

namespace dojo::machine {

/// Sums and extremes that do not depend on the order in which shards add to them.
struct OpSum {
  std::uint64_t count = 0, cycles_sum = 0;
  Cycles min = kNever, max = 0, first = kNever, last = 0;
  std::int64_t flops = 0;
  void add(Cycles start, Cycles end);
  void merge(const OpSum& other);
};

/// What one task adds, in little room.
struct TaskSums {
  std::vector<std::pair<std::uint16_t, std::uint64_t>> packet_bins;  ///< that are not empty
  std::uint64_t packets = 0, packet_cycles_sum = 0;
  Cycles packet_min = kNever, packet_max = 0;
  OpSum op;  ///< of the task's operation
  std::int64_t flops_by[3] = {0, 0, 0};
  std::int64_t flops_recomputed = 0;
  std::uint64_t bytes_to_eject = 0;
  std::uint64_t detours = 0, detour_hops = 0;
};

struct ThreadSums {
  LatencyHistogram packets;
  std::vector<std::vector<OpSum>> ops;  ///< [graph][op]; empty where one task alone is run
  OpSum lone_op;                        ///< of that task
  std::vector<Cycles> step_end;
  Cycles rank_end = 0;        ///< last end of a rank
  Cycles last_event = 0;      ///< of any shard
  Cycles mail_time = kNever;  ///< earliest arrival in the mail of this window
  bool rows_part = false;     ///< a shard waits for the other rows of tiles
  std::uint64_t tasks_done = 0, ranks_done = 0;
  std::int64_t flops_by[3] = {0, 0, 0};  ///< by Kernel::TimedBy
  std::int64_t flops_recomputed = 0;
  std::uint64_t bytes_to_eject = 0;  ///< bytes x receivers of everything injected

  std::uint64_t detours = 0, detour_hops = 0;  ///< messages that turn off dimension order, and what that adds

  void add_detour(std::int32_t hops, std::uint8_t turns) {
    if (turns == 0) return;
    ++detours;
    detour_hops += static_cast<std::uint64_t>(hops);
  }
  void add_gather(const fabric::Gathering& g);
  /// As many shards did the same.
  void multiply(std::uint64_t times);
  [[nodiscard]] OpSum& op(std::uint32_t graph, std::uint32_t index) {
    return ops.empty() ? lone_op : ops[graph][index];
  }
  [[nodiscard]] TaskSums of_lone_task() const;
  void add(const TaskSums& task, std::uint32_t graph, std::uint32_t op_index);
};

[[nodiscard]] Breakdown difference(const Breakdown& after, const Breakdown& before);
void add(Breakdown& to, const Breakdown& from);

}  // namespace dojo::machine
