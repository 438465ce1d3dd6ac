// SPDX-License-Identifier: Apache-2.0
// The window loop: every shard with work runs up to the window's end, then mail changes hands.
#include "dojo/machine/machine.h"

#include <algorithm>

#include "dojo/base/error.h"
#include "machine/machine_state.h"
#include "machine/network/models.h"

namespace dojo::machine {
namespace {

/// Links count in 1/65536 cycle, in 63 bits.
constexpr Cycles kLastCycle = Cycles{1} << 46;

}  // namespace

MachineState::MachineState(const topology::Topology& topology, const workload::Workload& workload,
                           const workload::Job& job, const MachineSettings& settings)
    : context(topology, workload, job, settings), rows(*this) {
  if (topology.routes() != nullptr) check_routes(context);
  for (DieId die = 0; die < topology.die_count(); ++die) shards.push_back(&dies.emplace_back(context, die));
  for (std::uint32_t dip = 0; dip < topology.dip_count(); ++dip) shards.push_back(&dips.emplace_back(context, dip));
  if (context.zplane) {
    zplane_switch = std::make_unique<ZplaneSwitch>(context);
    shards.push_back(zplane_switch.get());
  }
  for (RankId rank = 0; rank < job.slices.size(); ++rank) {
    const workload::Slice& slice = job.slices[rank];
    for (std::uint32_t die = 0; die < slice.dies.size(); ++die) dies[slice.dies[die]].add_rank(rank, die, die == 0);
    tasks_total += context.program(rank).tasks.size();
  }
  for (std::uint32_t instance = 0; instance < job.instances.size(); ++instance) {
    const auto& participants = job.instances[instance].participants;
    for (std::uint32_t position = 0; position < participants.size(); ++position) {
      if (participants[position].kind == workload::DataflowInstance::Participant::Kind::kDip) {
        dips[participants[position].index].add_instance(instance, position);
      }
    }
  }
  const bool copies = settings.copy_tasks && context.model.knows_arrivals;
  if (settings.repeat_kernels) repeat_kernels();
  for (DieShard& die : dies) {
    if (copies && die.detailed() == nullptr) die.copy_tasks();
    die.start(0);
  }
  next.assign(context.shard_count(), kNever);
  for (ShardId shard = 0; shard < next.size(); ++shard) {
    next[shard] = shards[shard]->next_time();
    Context::Cluster& cluster = context.clusters[context.cluster_of[shard]];
    cluster.next = std::min(cluster.next, next[shard]);
  }
  const bool some_detailed = settings.detailed && !topology.detailed().empty();
  if (settings.rows_in_step && !some_detailed && context.model.knows_arrivals && !context.zplane) rows.start();
}

void MachineState::repeat_kernels() {
  context.slice_records.classes = TaskClasses(context.job, context.topology);
  std::vector<std::uint32_t> ranks_on_die(dies.size(), 0);
  for (const workload::Slice& slice : context.job.slices) {
    for (const DieId die : slice.dies) ++ranks_on_die[die];
  }
  for (RankId rank = 0; rank < context.job.slices.size(); ++rank) {
    if (!can_repeat_kernels(context, rank, ranks_on_die)) continue;
    std::vector<DieShard*> of_rank;
    for (const DieId die : context.job.slices[rank].dies) of_rank.push_back(&dies[die]);
    DieShard& home = *of_rank.front();
    home.repeat_kernels(rank, std::make_unique<KernelRepeats>(context, rank, std::move(of_rank)));
  }
}

engine::ThreadPool& MachineState::threads() {
  if (!pool) pool = std::make_unique<engine::ThreadPool>(context.settings.threads);
  return *pool;
}

Cycles MachineState::next_time() const {
  Cycles time = mail_time;
  for (const Context::Cluster& cluster : context.clusters) time = std::min(time, cluster.next);
  return time;
}

void MachineState::run_shard(ShardId shard, Cycles end, ThreadSums& sums) {
  Shard& it = *shards[shard];
  it.run(end, sums);
  sums.last_event = std::max(sums.last_event, it.last_event());
  next[shard] = it.next_time();
}

/// Short windows up to the end of the long one: mail inside the cluster changes hands after each of them.
void MachineState::run_cluster(Context::Cluster& cluster, ThreadSums& sums) {
  const auto& mail = context.has_mail[1 - context.parity];
  for (const ShardId shard : cluster.shards) {
    if (mail[shard].load(std::memory_order_relaxed) == 0) continue;
    mail[shard].store(0, std::memory_order_relaxed);
    shards[shard]->read_mail(sums);
    next[shard] = shards[shard]->next_time();
    cluster.next = std::min(cluster.next, next[shard]);
  }
  Cycles start = window_start;
  while (cluster.next < window_end) {
    start = std::max(start, cluster.next);
    const Cycles end = std::min(window_end, start + context.short_window);
    const auto& local = context.has_local[1 - cluster.parity];
    cluster.next = cluster.mail_time = kNever;
    for (const ShardId shard : cluster.shards) {
      if (local[shard].load(std::memory_order_relaxed) != 0) {
        local[shard].store(0, std::memory_order_relaxed);
        shards[shard]->read_mail(sums);
        next[shard] = shards[shard]->next_time();
        if (!is_held(shard)) run_shard(shard, end, sums);
      } else if (next[shard] < end && !is_held(shard)) {
        run_shard(shard, end, sums);
      }
      cluster.next = std::min(cluster.next, next[shard]);
    }
    if (cluster.has_held) {
      cluster.is_open = true;
      break;
    }
    cluster.next = std::min(cluster.next, cluster.mail_time);
    cluster.parity = 1 - cluster.parity;
    start = end;
    if (sums.rows_part) break;  // a shard of this cluster may have stopped
  }
}

Cycles MachineState::run_window() {
  window_start = next_time();
  DOJO_CHECK(window_start != kNever, "a window was asked for without work");
  if (window_start > kLastCycle) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("the job: found more than {:.3g} s of simulated time, expected less, because no counter holds "
                    "more; correct the times in the trace or the rates of the machine",
                    context.topology.seconds(kLastCycle)));
  }
  window_end = window_start + context.long_window;
  active.clear();
  const auto& mail = context.has_mail[1 - context.parity];
  for (std::uint32_t i = 0; i < context.clusters.size(); ++i) {
    const Context::Cluster& cluster = context.clusters[i];
    if (cluster.next < window_end || std::any_of(cluster.shards.begin(), cluster.shards.end(), [&](ShardId shard) {
          return mail[shard].load(std::memory_order_relaxed) != 0;
        })) {
      active.push_back(i);
    }
  }
  if (context.settings.reverse_order) std::reverse(active.begin(), active.end());
  for (ThreadSums& sums : context.sums) sums.mail_time = kNever;
  threads().run(
      static_cast<std::uint32_t>(active.size()),
      [this](std::uint32_t i, std::uint32_t thread) {
        Context::Cluster& cluster = context.clusters[active[i]];
        run_cluster(cluster, context.sums[cluster.first_sums + thread]);
      },
      context.clusters.size() == next.size() ? 8 : 1);
  if (!held.empty()) return next_time();
  change_mail();
  const bool part =
      std::any_of(context.sums.begin(), context.sums.end(), [](const ThreadSums& s) { return s.rows_part; });
  if (part || next_time() == kNever) rows.part();
  return next_time();
}

/// What was sent between clusters may be read from now on.
void MachineState::change_mail() {
  mail_time = kNever;
  for (const ThreadSums& sums : context.sums) mail_time = std::min(mail_time, sums.mail_time);
  context.parity = 1 - context.parity;
  context.slice_records.publish();
}

void MachineState::settle() {
  if (!pool) return;
  settle_repeats();
  pool->run(static_cast<std::uint32_t>(dies.size()), [this](std::uint32_t i, std::uint32_t) { dies[i].settle(); });
}

void MachineState::settle_repeats() {
  for (DieShard& die : dies) {
    if (die.repeats() == nullptr) continue;
    die.repeats()->give_up();
    die.repeats()->settle();
  }
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
bool Machine::ranks_done() const {
  return impl_->ranks_done() == impl_->context.job.slices.size();
}
bool Machine::done() const {
  return impl_->next_time() == kNever && ranks_done();
}

Cycles Machine::end_cycle() const {
  const bool all = ranks_done();
  Cycles end = 0;
  for (const ThreadSums& sums : impl_->context.sums) end = std::max(end, all ? sums.rank_end : sums.last_event);
  return end;
}

Progress Machine::progress() const {
  Progress p;
  p.now = impl_->window_start;
  p.tasks_total = impl_->tasks_total;
  for (std::size_t i = 0; i < impl_->context.sums.size(); ++i) {
    const ThreadSums& sums = impl_->context.sums[i];
    p.tasks_done += sums.tasks_done * impl_->rows.rows_of_sums(i);
    p.activity += sums.tasks_done + sums.bytes_to_eject + sums.packets.packets;
  }
  p.events = impl_->events();
  return p;
}

const std::vector<TaskTime>& Machine::task_times(RankId rank) const {
  impl_->rows.part();
  const DieId home = impl_->context.job.slices[rank].dies.front();
  for (const RankTasks& tasks : impl_->dies[home].ranks()) {
    if (tasks.rank == rank) return tasks.times;
  }
  DOJO_CHECK(false, "die {} is not the home of rank {}", home, rank);
  return impl_->dies[home].ranks().front().times;
}

const topology::Topology& Machine::topology() const {
  return impl_->context.topology;
}

NodeCounters Machine::node_counters(DieId die, SiteIndex site) const {
  impl_->rows.part();
  impl_->settle_repeats();
  impl_->dies[die].settle();
  const DieShard& shard = impl_->dies[die];
  NodeCounters c;
  c.core = shard.core(site);
  if (shard.detailed() != nullptr && shard.detailed()->has(site)) c.pipeline = shard.detailed()->counters(site);
  const fabric::DieNetwork& network = shard.port().network();
  c.sram = network.use(site);
  for (int d = 0; d < topology::kDirections; ++d) {
    c.router_links[static_cast<std::size_t>(d)] =
        link_counters(network.use(site, static_cast<topology::Direction>(d)), network.link_bytes());
  }
  return c;
}

DipCounters Machine::dip_counters(std::uint32_t dip) const {
  impl_->rows.part();
  const DipShard& shard = impl_->dips[dip];
  return {link_counters(shard.hbm()), link_counters(shard.pcie()), link_counters(shard.ethernet()),
          link_counters(shard.edge().serialiser())};
}

std::uint64_t Machine::estimate_bytes(const topology::Topology& topology, std::uint64_t ranks,
                                      std::uint64_t tasks_per_rank, NetworkModel model) {
  const auto more_bytes = network_model(model).die_bytes;
  const auto sites = static_cast<std::uint64_t>(topology.sites());
  const std::uint64_t per_site = 4 * sizeof(fabric::Link) + sizeof(fabric::Port) + 160;
  const std::uint64_t per_die = sites * per_site + 120'000 +  // wheel, pools, mail
                                (more_bytes == nullptr ? 0 : more_bytes(topology.params()));
  return topology.die_count() * per_die + topology.dip_count() * 100'000ull + ranks * tasks_per_rank * 16 + (4u << 20);
}

}  // namespace dojo::machine
