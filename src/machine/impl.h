// SPDX-License-Identifier: Apache-2.0
// Inside of Machine: the shards, and the state of the window loop.
#pragma once
#include <memory>
#include <vector>

#include "dojo/engine/thread_pool.h"
#include "dojo/machine/machine.h"
#include "machine/context.h"
#include "machine/die_shard.h"
#include "machine/dip_shard.h"
#include "machine/zplane.h"

namespace dojo::machine {

[[nodiscard]] LinkCounters link_counters(const fabric::Link& link, Bytes link_bytes);
[[nodiscard]] LinkCounters link_counters(const fabric::Serialiser& serialiser);

struct MachineState {
  MachineState(const topology::Topology& topology, const workload::Workload& workload, const workload::Job& job,
               const MachineSettings& settings);
  [[nodiscard]] Cycles shard_next_time(ShardId shard) const;
  [[nodiscard]] Cycles next_time() const;
  void read_mail(ShardId shard, ThreadSums& sums);
  void run_shard(ShardId shard, Cycles end, ThreadSums& sums);
  void run_group(Context::Group& group, ThreadSums& sums);
  Cycles run_window();
  void start_in_step();
  /// The other rows of tiles take the state of the first and go on by themselves.
  void part_rows();
  void take_over(const TileRows::Kind& kind, const RowNames& names);
  /// How many rows of tiles did what was added to context.sums[sums].
  [[nodiscard]] std::uint64_t rows_of_sums(std::size_t sums) const;
  /// Brings the counters up to date with what copied tasks did.
  void settle();
  [[nodiscard]] std::uint64_t ranks_done() const;
  [[nodiscard]] std::uint64_t events() const;

  Context context;
  Cycles window_start = 0, window_end = 0, mail_time = kNever;
  std::vector<DieShard> dies;
  std::vector<DipShard> dips;
  std::unique_ptr<ZplaneSwitch> zplane_switch;  ///< of jobs that use it
  std::vector<Cycles> next;                     ///< by shard
  std::vector<std::uint32_t> active;            ///< groups
  std::unique_ptr<engine::ThreadPool> pool;
  std::uint64_t tasks_total = 0;
  Cycles in_step_until = 0;  ///< rows of tiles were run as one until then
  std::uint32_t dies_taken_over = 0;
  std::uint64_t events_taken_over = 0;  ///< counted by shards that did not run them
};

}  // namespace dojo::machine
