// SPDX-License-Identifier: Apache-2.0
#include "machine/shortcuts/rows_in_step.h"

#include "machine/machine_state.h"

namespace dojo::machine {

void RowsInStep::start() {
  Context& context = machine_.context;
  rows_ = std::make_unique<const TileRows>(context.topology, context.job);
  if (!rows_->alike()) return;
  context.in_step = rows_.get();
  std::vector<Cycles> running(machine_.next.size(), kNever);
  for (const TileRows::Kind& kind : rows_->kinds()) {
    for (const ShardId shard : kind.shards) running[shard] = machine_.next[shard];
  }
  machine_.next = running;
  for (Context::Cluster& cluster : context.clusters) {
    cluster.next = kNever;
    for (const ShardId shard : cluster.shards) cluster.next = std::min(cluster.next, machine_.next[shard]);
  }
  // What the threads add up counts as often as there are rows of the kind, so each kind has sums of its own.
  const std::size_t threads = context.sums.size();
  const ThreadSums empty = context.sums.front();
  context.sums.resize(threads * rows_->kinds().size(), empty);
  for (std::uint32_t i = 0; i < rows_->kinds().size(); ++i) {
    for (const ShardId shard : rows_->kinds()[i].shards) {
      context.clusters[context.cluster_of[shard]].first_sums = static_cast<std::uint32_t>(i * threads);
    }
  }
}

std::uint64_t RowsInStep::rows_of_sums(std::size_t sums) const {
  const Context& context = machine_.context;
  return context.in_step == nullptr ? 1 : 1 + rows_->kinds()[sums / context.settings.threads].others.size();
}

void RowsInStep::part() {
  Context& context = machine_.context;
  if (context.in_step == nullptr) return;
  for (DieShard& die : machine_.dies) {
    if (die.repeats() != nullptr) die.repeats()->give_up();
  }
  for (std::size_t i = 0; i < context.sums.size(); ++i) {
    context.sums[i].multiply(rows_of_sums(i));
    context.sums[i].rows_part = false;
  }
  context.in_step = nullptr;
  until_ = machine_.next_time();
  const std::uint64_t events_run = machine_.events();
  engine::ThreadPool& pool = machine_.threads();
  for (const TileRows::Kind& kind : rows_->kinds()) {
    const auto take = [&](std::uint32_t i, std::uint32_t) { take_over(kind, rows_->names(kind, kind.others[i])); };
    pool.run(static_cast<std::uint32_t>(kind.others.size()), take, 1);
    for (const ShardId shard : kind.shards) {
      if (shard >= machine_.dies.size()) break;
      machine_.dies[shard].go_on();
      dies_taken_over_ += static_cast<std::uint32_t>(kind.others.size());
    }
  }
  events_taken_over_ = machine_.events() - events_run;
  for (Context::Cluster& cluster : context.clusters) cluster.first_sums = 0;
}

void RowsInStep::take_over(const TileRows::Kind& kind, const RowNames& names) {
  Context& context = machine_.context;
  const auto copy_mail = [&](std::size_t from, std::size_t to) {
    context.mail[to] = context.mail[from];
    for (auto& half : context.mail[to].crossings) {
      for (fabric::Crossing& crossing : half) names.rename(crossing.burst);
    }
  };
  for (const ShardId shard : kind.shards) {
    const ShardId twin = names.shard[shard];
    machine_.next[twin] = machine_.next[shard];
    for (const auto* halves : {&context.has_mail, &context.has_local}) {
      for (const auto& flags : *halves) {
        flags[twin].store(flags[shard].load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
    }
    const Context::Cluster& cluster = context.clusters[context.cluster_of[shard]];
    Context::Cluster& other = context.clusters[context.cluster_of[twin]];
    other.next = cluster.next;
    other.mail_time = cluster.mail_time;
    other.parity = cluster.parity;
    if (shard >= machine_.dies.size()) {
      const auto first_dip = static_cast<ShardId>(machine_.dies.size());
      machine_.dips[twin - first_dip].copy(machine_.dips[shard - first_dip], names);
      copy_mail(context.mailbox_of_dip(shard - first_dip), context.mailbox_of_dip(twin - first_dip));
      continue;
    }
    machine_.dies[twin].copy(machine_.dies[shard], names);
    for (int d = 0; d < topology::kDirections; ++d) {
      const auto direction = static_cast<topology::Direction>(d);
      copy_mail(context.mailbox_of_die(shard, direction), context.mailbox_of_die(twin, direction));
    }
  }
}

}  // namespace dojo::machine
