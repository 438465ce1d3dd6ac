// SPDX-License-Identifier: Apache-2.0
// Cores from outside of the machine, and dies that somebody else runs within the windows.
#include <algorithm>
#include <utility>

#include "machine/machine_state.h"

namespace dojo::machine {

void MachineState::close_window() {
  for (ShardId shard = 0; shard < held.size(); ++shard) {
    if (held[shard] == 0) continue;
    Context::Cluster& cluster = context.clusters[context.cluster_of[shard]];
    dies[shard].end_window(context.sums[cluster.first_sums]);
  }
  for (Context::Cluster& cluster : context.clusters) {
    if (!cluster.has_held) continue;
    cluster.next = cluster.is_open ? cluster.mail_time : kNever;
    for (const ShardId shard : cluster.shards) cluster.next = std::min(cluster.next, next[shard]);
    if (std::exchange(cluster.is_open, false)) cluster.parity = 1 - cluster.parity;
  }
  change_mail();
}

bool Machine::runs_detailed() const {
  return impl_->context.settings.detailed;
}
core::NodeSite Machine::node_site(DieId die, SiteIndex site) {
  return impl_->dies[die].detailed()->place(site);
}
void Machine::connect(DieId die, SiteIndex site, core::NodeModel& core, core::MemoryPort& network_side) {
  impl_->dies[die].detailed()->connect(site, core, network_side);
}

void Machine::record(DieId die, SiteIndex site, core::Wave& wave) {
  impl_->dies[die].detailed()->record(site, wave);
}

void Machine::hold(DieId die) {
  MachineState& m = *impl_;
  m.held.resize(m.shards.size(), 0);
  m.held[die] = 1;
  m.context.clusters[m.context.cluster_of[die]].has_held = true;
  m.context.long_window = m.context.short_window;
}
void Machine::run_held(DieId die, Cycles until) {
  MachineState& m = *impl_;
  ThreadSums& sums = m.context.sums[m.context.clusters[m.context.cluster_of[die]].first_sums];
  m.dies[die].run_events(until, sums);
  sums.last_event = std::max(sums.last_event, m.dies[die].last_event());
  m.next[die] = m.dies[die].next_time();
}
Cycles Machine::window_end() const {
  return impl_->window_end;
}
Cycles Machine::window_length() const {
  return impl_->window_end - impl_->window_start;
}
void Machine::close_window() {
  impl_->close_window();
}

}  // namespace dojo::machine
