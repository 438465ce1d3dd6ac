// SPDX-License-Identifier: Apache-2.0
// Link occupancy of the fast model on one die.
#include "dojo/fabric/die_network.h"

#include "dojo/topology/node_ports.h"

namespace dojo::fabric {

void DieNetwork::configure(const topology::Topology& topology, DieId die) {
  rows_ = topology.site_rows();
  columns_ = topology.site_columns();
  const topology::DieCoordinates place = topology.coordinates(die);
  first_row_ = place.row * rows_;
  first_column_ = place.column * columns_;
  machine_columns_ = topology.die_columns() * columns_;
  const topology::NocParams& noc = topology.params().noc;
  hop_ = noc.hop_cycles;
  link_bytes_ = noc.link_bytes_per_cycle;
  buffer_flits_ = noc.buffer_packets_per_vc;
  const auto sites = static_cast<std::size_t>(topology.sites());
  for (auto& free : free_) free.assign(sites, 0);
  for (auto& free : control_free_) free.clear();
  for (auto& use : use_) use.assign(sites, {});
  const topology::NodePorts ports = topology::node_ports(topology.params().node);
  reads_.configure(sites, ports.read);
  writes_.configure(sites, ports.write);
  port_use_.assign(sites, {});
  routes_.configure(topology);
  enabled_ = topology.site_map(die).enabled;
  count_nodes();
  stops_.resize(static_cast<std::size_t>(std::max(rows_, columns_)));
  heads_.assign(static_cast<std::size_t>(std::max(rows_, columns_)) + 1, 0);
}

void DieNetwork::count_nodes() {
  nodes_ = 0;
  fullest_ = {};
  std::vector<Flits> in_row(static_cast<std::size_t>(rows_)), in_column(static_cast<std::size_t>(columns_));
  for (std::size_t site = 0; site < enabled_.size(); ++site) {
    if (enabled_[site] == 0) continue;
    ++nodes_;
    Flits& row = in_row[site / static_cast<std::size_t>(columns_)];
    Flits& column = in_column[site % static_cast<std::size_t>(columns_)];
    fullest_[0] = std::max(fullest_[0], ++row);
    fullest_[1] = std::max(fullest_[1], ++column);
  }
  striped_out_ = striped_through_ = striped_in_ = {};
}

template <bool kCountLoad>
DieNetwork::Walk DieNetwork::walk(Direction d, std::size_t first, int links, Flits n, Cycles head) {
  Cycles* const free = free_[static_cast<std::size_t>(d)].data() + first;
  LinkUse* const use = use_[static_cast<std::size_t>(d)].data() + first;
  Cycles longest_wait = 0;
  Cycles start = head;
  Cycles first_start = 0;
  for (int i = 0; i < links; ++i) {
    start = std::max(head, free[i]);
    const Cycles wait = start - head;
    longest_wait = std::max(longest_wait, wait);
    if (i == 0) first_start = start;
    if (wait > 0) use[i].queue_cycles += static_cast<std::uint64_t>(wait);
    if constexpr (kCountLoad) {
      use[i].busy_cycles += static_cast<std::uint64_t>(n);
      ++use[i].bursts;
    }
    free[i] = start + n;
    head = start + hop_;
    heads_[static_cast<std::size_t>(i)] = head;
  }
  latest_ = std::max(latest_, start + n);
  if (longest_wait > buffer_flits_) {
    // The last flit enters a buffer only when the link ahead has taken all but a buffer's worth.
    for (int i = links - 2; i >= 0; --i) free[i] = std::max(free[i], free[i + 1] - buffer_flits_ - hop_);
  }
  return {head, first_start};
}
template DieNetwork::Walk DieNetwork::walk<true>(Direction, std::size_t, int, Flits, Cycles);
template DieNetwork::Walk DieNetwork::walk<false>(Direction, std::size_t, int, Flits, Cycles);

DieNetwork::Walk DieNetwork::walk_control(Direction d, std::size_t first, int links, Flits n, Cycles head) {
  Cycles* const free = free_[static_cast<std::size_t>(d)].data() + first;
  LinkUse* const use = use_[static_cast<std::size_t>(d)].data() + first;
  std::vector<Cycles>& for_control = control_free_[static_cast<std::size_t>(d)];
  if (for_control.empty()) for_control.assign(enabled_.size(), 0);
  Cycles* const control_free = for_control.data() + first;
  const Cycles first_start = head;
  for (int i = 0; i < links; ++i) {
    // At most one data packet of a competing burst goes first; the burst in turn is delayed by these packets.
    const Cycles start = std::max(free[i] > head ? head + 1 : head, control_free[i]);
    use[i].queue_cycles += static_cast<std::uint64_t>(start - head);
    use[i].busy_cycles += static_cast<std::uint64_t>(n);
    ++use[i].bursts;
    control_free[i] = start + n;
    free[i] = std::max(free[i] + n, start + n);
    latest_ = std::max(latest_, free[i]);
    head = start + hop_;
  }
  return {head, first_start};
}

Cycles DieNetwork::eject(SiteIndex site, const Burst& burst, Flits n, Cycles head) {
  Cycles& free = writes_.first(site);
  port_use_[site].bytes_ejected += burst.bytes;
  if (burst.traffic_class == TrafficClass::kControl) {
    const Cycles tail = head + n + (free > head ? 1 : 0);
    free = std::max(free + n, tail);
    latest_ = std::max(latest_, free);
    return tail;
  }
  free = std::max(free, head) + n;
  latest_ = std::max(latest_, free);
  return free;
}

}  // namespace dojo::fabric
