// SPDX-License-Identifier: Apache-2.0
// The shards of a run, and the window loop that moves them through time. Machine is its public face.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "dojo/engine/thread_pool.h"
#include "dojo/machine/machine.h"
#include "machine/context.h"
#include "machine/die/die_shard.h"
#include "machine/dip_shard.h"
#include "machine/link_counters.h"
#include "machine/shortcuts/rows_in_step.h"
#include "machine/zplane.h"

namespace dojo::machine {

struct MachineState {
  MachineState(const topology::Topology& topology, const workload::Workload& workload, const workload::Job& job,
               const MachineSettings& settings);
  /// Ranks of several dies take the times of kernels that they have run (shortcuts/kernel_repeats.h).
  void repeat_kernels();
  [[nodiscard]] Cycles next_time() const;
  void run_shard(ShardId shard, Cycles end, ThreadSums& sums);
  void run_cluster(Context::Cluster& cluster, ThreadSums& sums);
  Cycles run_window();
  void close_window();
  void change_mail();
  [[nodiscard]] bool is_held(ShardId shard) const { return !held.empty() && held[shard] != 0; }
  /// Made when they are first needed.
  [[nodiscard]] engine::ThreadPool& threads();
  /// Brings the counters up to date with what kernels and copied tasks did.
  void settle();
  void settle_repeats();
  [[nodiscard]] std::uint64_t ranks_done() const;
  [[nodiscard]] std::uint64_t events() const;

  Context context;
  Cycles window_start = 0, window_end = 0, mail_time = kNever;
  std::deque<DieShard> dies;  ///< a deque, because the parts of a shard know their addresses
  std::deque<DipShard> dips;
  std::unique_ptr<ZplaneSwitch> zplane_switch;  ///< of jobs that use it
  std::vector<Shard*> shards;                   ///< all of these: dies, DIPs, switch
  std::vector<Cycles> next;                     ///< by shard
  std::vector<std::uint32_t> active;            ///< clusters
  std::vector<std::uint8_t> held;               ///< by shard: somebody else runs it (Machine::hold); empty: none
  std::unique_ptr<engine::ThreadPool> pool;
  RowsInStep rows;
  std::uint64_t tasks_total = 0;
};

}  // namespace dojo::machine
