// SPDX-License-Identifier: Apache-2.0
// The window loop: every shard with work runs up to the window's end, then mail changes hands.
#include "dojo/machine/machine.h"

#include <algorithm>

#include "dojo/base/error.h"
#include "machine/impl.h"

namespace dojo::machine {

namespace {
/// A machine of one shard has no lookahead to end its windows; it returns this often so that a run can be interrupted.
constexpr Cycles kLoneWindow = 4096;
}  // namespace

MachineState::MachineState(const topology::Topology& topology, const workload::Workload& workload,
                           const workload::Job& job, const MachineSettings& settings)
    : context(topology, workload, job, settings), dies(topology.die_count()), dips(topology.dip_count()) {
  const Cycles lookahead_cycles = topology.lookahead_cycles();
  window = topology.shard_count() == 1 || lookahead_cycles == kNever ? kLoneWindow : lookahead_cycles;
  if (settings.window_cycles > 0) window = std::min(window, settings.window_cycles);
  for (DieId die = 0; die < topology.die_count(); ++die) dies[die].configure(context, die);
  for (std::uint32_t dip = 0; dip < topology.dip_count(); ++dip) dips[dip].configure(context, dip);
  for (RankId rank = 0; rank < job.slices.size(); ++rank) {
    const workload::Slice& slice = job.slices[rank];
    for (std::uint32_t die = 0; die < slice.dies.size(); ++die) dies[slice.dies[die]].add_rank(rank, die, die == 0);
    tasks_total += context.program(rank).tasks.size();
  }
  for (std::uint32_t instance = 0; instance < job.instances.size(); ++instance) {
    const auto& places = job.instances[instance].places;
    for (std::uint32_t position = 0; position < places.size(); ++position) {
      if (places[position].kind == workload::DataflowInstance::Place::Kind::kDip) {
        dips[places[position].index].add_instance(instance, position);
      }
    }
  }
  for (DieShard& die : dies) die.start(0);
  next.assign(topology.shard_count(), kNever);
  for (ShardId shard = 0; shard < next.size(); ++shard) next[shard] = shard_next_time(shard);
}

Cycles MachineState::shard_next_time(ShardId shard) const {
  return shard < dies.size() ? dies[shard].next_time() : dips[shard - dies.size()].next_time();
}

Cycles MachineState::next_time() const {
  Cycles time = mail_time;
  for (const Cycles t : next) time = std::min(time, t);
  return time;
}

void MachineState::run_shard(ShardId shard, std::uint32_t thread) {
  ThreadSums& sums = context.sums[thread];
  const auto run = [&](auto& it) {
    std::atomic<std::uint8_t>& flag = context.has_mail[1 - context.parity][shard];
    if (flag.load(std::memory_order_relaxed) != 0) {
      flag.store(0, std::memory_order_relaxed);
      it.read_mail(sums);
    }
    it.run(window_end, sums);
    sums.last_event = std::max(sums.last_event, it.last_event());
    next[shard] = it.next_time();
  };
  if (shard < dies.size()) {
    run(dies[shard]);
  } else {
    run(dips[shard - dies.size()]);
  }
}

Cycles MachineState::run_window() {
  window_start = next_time();
  DOJO_CHECK(window_start != kNever, "a window was asked for without work");
  window_end = window_start + window;
  active.clear();
  const auto& mail = context.has_mail[1 - context.parity];
  for (ShardId shard = 0; shard < next.size(); ++shard) {
    if (next[shard] < window_end || mail[shard].load(std::memory_order_relaxed) != 0) active.push_back(shard);
  }
  if (context.settings.reverse_order) std::reverse(active.begin(), active.end());
  for (ThreadSums& sums : context.sums) sums.mail_time = kNever;
  if (!pool) pool = std::make_unique<engine::ThreadPool>(context.settings.threads);
  pool->run(static_cast<std::uint32_t>(active.size()),
            [this](std::uint32_t i, std::uint32_t thread) { run_shard(active[i], thread); });
  mail_time = kNever;
  for (const ThreadSums& sums : context.sums) mail_time = std::min(mail_time, sums.mail_time);
  context.parity = 1 - context.parity;
  return next_time();
}

void MachineState::settle() {
  if (!pool) return;
  pool->run(static_cast<std::uint32_t>(dies.size()), [this](std::uint32_t i, std::uint32_t) { dies[i].settle(); });
}

std::uint64_t MachineState::ranks_done() const {
  std::uint64_t count = 0;
  for (const ThreadSums& sums : context.sums) count += sums.ranks_done;
  return count;
}

Machine::Machine(const topology::Topology& topology, const workload::Workload& workload, const workload::Job& job,
                 const MachineSettings& settings)
    : impl_(std::make_unique<MachineState>(topology, workload, job, settings)) {}
Machine::~Machine() = default;

Cycles Machine::next_time() const {
  return impl_->next_time();
}
Cycles Machine::run_window() {
  return impl_->run_window();
}
bool Machine::done() const {
  return impl_->next_time() == kNever && impl_->ranks_done() == impl_->context.job.slices.size();
}

Cycles Machine::end_cycle() const {
  const bool all = impl_->ranks_done() == impl_->context.job.slices.size();
  Cycles end = 0;
  for (const ThreadSums& sums : impl_->context.sums) end = std::max(end, all ? sums.rank_end : sums.last_event);
  return end;
}

Progress Machine::progress() const {
  Progress p;
  p.now = impl_->window_start;
  p.tasks_total = impl_->tasks_total;
  for (const ThreadSums& sums : impl_->context.sums) p.tasks_done += sums.tasks_done;
  p.events = impl_->events();
  return p;
}

const topology::Topology& Machine::topology() const {
  return impl_->context.topology;
}

NodeCounters Machine::node_counters(DieId die, SiteIndex site) const {
  impl_->dies[die].settle();
  const DieShard& shard = impl_->dies[die];
  NodeCounters c;
  c.core_busy_cycles = shard.core_busy_cycles(site);
  c.matrix_flops = shard.matrix_flops(site);
  c.vector_flops = shard.vector_flops(site);
  c.sram_bytes_read_by_noc = shard.network().port(site).bytes_injected;
  c.sram_bytes_written_by_noc = shard.network().port(site).bytes_ejected;
  for (int d = 0; d < topology::kDirections; ++d) {
    c.router_links[static_cast<std::size_t>(d)] =
        link_counters(shard.network().link(site, static_cast<topology::Direction>(d)), shard.network().link_bytes());
  }
  return c;
}

DipCounters Machine::dip_counters(std::uint32_t dip) const {
  const DipShard& shard = impl_->dips[dip];
  return {link_counters(shard.hbm()), link_counters(shard.pcie()), link_counters(shard.ethernet()),
          link_counters(shard.edge().serialiser())};
}

std::uint64_t Machine::estimate_bytes(const topology::Topology& topology, std::uint64_t ranks,
                                      std::uint64_t tasks_per_rank) {
  const auto sites = static_cast<std::uint64_t>(topology.sites());
  const std::uint64_t per_site = 4 * sizeof(fabric::Link) + sizeof(fabric::Port) + 160;
  const std::uint64_t per_die = sites * per_site + 120'000;  // wheel, pools, mail
  return topology.die_count() * per_die + topology.dip_count() * 100'000ull + ranks * tasks_per_rank * 16 + (64u << 20);
}

}  // namespace dojo::machine
