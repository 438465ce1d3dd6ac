// SPDX-License-Identifier: Apache-2.0
// Rows of tiles part: what the first row has done so far, the others have done too (tile_rows.h).
#include <utility>

#include "machine/impl.h"

namespace dojo::machine {
namespace {

template <class Run>
std::vector<std::unique_ptr<Run>> copies(const std::vector<std::unique_ptr<Run>>& from) {
  std::vector<std::unique_ptr<Run>> to;
  to.reserve(from.size());
  for (const auto& each : from) to.push_back(std::make_unique<Run>(*each));
  return to;
}

}  // namespace

void DieShard::take_over(const DieShard& from, const RowNames& names) {
  const auto rename = [&](fabric::Burst& burst) { names.rename(burst); };
  wheel_ = from.wheel_;
  wheel_.each([&](engine::Event& e) {
    if (e.type == kToken) e.a = RowNames::of(names.instance, e.a);
    if (e.type == kTaskStart || e.type == kTaskDone) e.a = RowNames::of(names.rank, e.a);
  });
  arrivals_ = from.arrivals_;
  wake_at_ = from.wake_at_;
  next_wake_ = from.next_wake_;
  wakes_ = from.wakes_;
  network_.take_over(from.network_);
  for (std::size_t d = 0; d < edges_.size(); ++d) {
    if (neighbours_[d] == kNone || neighbours_[d] != RowNames::of(names.shard, from.neighbours_[d])) continue;
    edges_[d] = from.edges_[d];  // those to other rows have carried nothing
    edges_[d].change_waiting(rename);
  }
  parked_sites_ = from.parked_sites_;
  parked_entries_ = from.parked_entries_;
  parked_lines_ = from.parked_lines_;
  stripes_ = from.stripes_;
  for (Stripes& stripes : stripes_) {
    for (Send& send : stripes.queue) rename(send.burst);
  }
  sites_ = from.sites_;
  cores_ = from.cores_;
  sends_ = from.sends_;
  for (Send& send : sends_) rename(send.burst);
  free_send_ = from.free_send_;
  sends_open_ = from.sends_open_;
  entries_ = from.entries_;
  for (Entry& entry : entries_) rename(entry.crossing.burst);
  free_entry_ = from.free_entry_;
  full_edges_ = from.full_edges_;
  kernels_ = copies(from.kernels_);
  dataflows_ = copies(from.dataflows_);
  for (auto& run : dataflows_) run->instance = RowNames::of(names.instance, run->instance);
  active_dataflows_ = from.active_dataflows_;
  in_rank_runs_ = copies(from.in_rank_runs_);
  for (auto& run : in_rank_runs_) run->instance = RowNames::of(names.instance, run->instance);
  for (std::size_t i = 0; i < rank_dies_.size(); ++i) {
    const RankId rank = rank_dies_[i].rank;
    const workload::Slice* const slice = rank_dies_[i].slice;
    rank_dies_[i] = from.rank_dies_[i];
    rank_dies_[i].rank = rank;
    rank_dies_[i].slice = slice;
    if (const KernelRun* const run = from.rank_dies_[i].on_cores) rank_dies_[i].on_cores = kernels_[run->index].get();
  }
  for (std::size_t i = 0; i < controllers_.size(); ++i) {
    const RankId rank = controllers_[i]->rank;
    *controllers_[i] = *from.controllers_[i];
    controllers_[i]->rank = rank;
  }
  copying_ = from.copying_;
  copy_generation_ = from.copy_generation_;
  copy_hits_ = from.copy_hits_;
  tasks_copied_ = from.tasks_copied_;
  combine_latest_ = from.combine_latest_;
  now_ = from.now_;
  stop_ = kNever;
}

void DipShard::take_over(const DipShard& from, const RowNames& names) {
  wheel_ = from.wheel_;
  arrivals_ = from.arrivals_;
  wakes_ = from.wakes_;
  for (engine::Wheel* wheel : {&wheel_, &arrivals_}) {
    wheel->each([&](engine::Event& e) {
      if (e.type == kToken || e.type == kStart) e.a = RowNames::of(names.instance, e.a);
    });
  }
  edge_ = from.edge_;
  edge_.change_waiting([&](fabric::Burst& burst) { names.rename(burst); });
  hbm_ = from.hbm_;
  pcie_ = from.pcie_;
  ethernet_ = from.ethernet_;
  now_ = from.now_;
  bytes_received_ = from.bytes_received_;
  dataflows_ = copies(from.dataflows_);
  for (auto& run : dataflows_) run->instance = RowNames::of(names.instance, run->instance);
  active_ = from.active_;
}

void MachineState::start_in_step() {
  context.tile_rows = std::make_unique<const TileRows>(context.topology, context.job);
  context.in_step = context.tile_rows->alike();
  if (!context.in_step) return;
  std::vector<Cycles> running(next.size(), kNever);
  for (const TileRows::Kind& kind : context.tile_rows->kinds()) {
    for (const ShardId shard : kind.shards) running[shard] = next[shard];
  }
  next = running;
  for (Context::Group& group : context.groups) {
    group.next = kNever;
    for (const ShardId shard : group.shards) group.next = std::min(group.next, next[shard]);
  }
  // What the threads add up counts as often as there are rows of the kind, so each kind has sums of its own.
  const std::size_t threads = context.sums.size();
  const ThreadSums empty = context.sums.front();
  context.sums.resize(threads * context.tile_rows->kinds().size(), empty);
  for (std::uint32_t i = 0; i < context.tile_rows->kinds().size(); ++i) {
    for (const ShardId shard : context.tile_rows->kinds()[i].shards) {
      context.groups[context.group_of[shard]].first_sums = static_cast<std::uint32_t>(i * threads);
    }
  }
}

std::uint64_t MachineState::rows_of_sums(std::size_t sums) const {
  return context.in_step ? 1 + context.tile_rows->kinds()[sums / context.settings.threads].others.size() : 1;
}

void MachineState::part_rows() {
  if (!context.in_step) return;
  for (std::size_t i = 0; i < context.sums.size(); ++i) {
    context.sums[i].multiply(rows_of_sums(i));
    context.sums[i].rows_part = false;
  }
  context.in_step = false;
  in_step_until = next_time();
  const std::uint64_t events_run = events();
  if (!pool) pool = std::make_unique<engine::ThreadPool>(context.settings.threads);
  for (const TileRows::Kind& kind : context.tile_rows->kinds()) {
    const auto take = [&](std::uint32_t i, std::uint32_t) {
      take_over(kind, context.tile_rows->names(kind, kind.others[i]));
    };
    pool->run(static_cast<std::uint32_t>(kind.others.size()), take, 1);
    for (const ShardId shard : kind.shards) {
      if (shard >= dies.size()) break;
      dies[shard].go_on();
      dies_taken_over += static_cast<std::uint32_t>(kind.others.size());
    }
  }
  events_taken_over = events() - events_run;
  for (Context::Group& group : context.groups) group.first_sums = 0;
}

void MachineState::take_over(const TileRows::Kind& kind, const RowNames& names) {
  const auto copy_mail = [&](std::size_t from, std::size_t to) {
    context.mail[to] = context.mail[from];
    for (auto& half : context.mail[to].crossings) {
      for (fabric::Crossing& crossing : half) names.rename(crossing.burst);
    }
  };
  for (const ShardId shard : kind.shards) {
    const ShardId twin = names.shard[shard];
    next[twin] = next[shard];
    for (const auto* halves : {&context.has_mail, &context.has_local}) {
      for (const auto& flags : *halves) {
        flags[twin].store(flags[shard].load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
    }
    const Context::Group& group = context.groups[context.group_of[shard]];
    Context::Group& other = context.groups[context.group_of[twin]];
    other.next = group.next;
    other.mail_time = group.mail_time;
    other.parity = group.parity;
    if (shard >= dies.size()) {
      const auto first_dip = static_cast<ShardId>(dies.size());
      dips[twin - first_dip].take_over(dips[shard - first_dip], names);
      copy_mail(context.mailbox_of_dip(shard - first_dip), context.mailbox_of_dip(twin - first_dip));
      continue;
    }
    dies[twin].take_over(dies[shard], names);
    for (int d = 0; d < topology::kDirections; ++d) {
      const auto direction = static_cast<topology::Direction>(d);
      copy_mail(context.mailbox_of_die(shard, direction), context.mailbox_of_die(twin, direction));
    }
  }
}

}  // namespace dojo::machine
