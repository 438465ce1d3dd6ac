// SPDX-License-Identifier: Apache-2.0
// Link occupancy of the fast model on one die.
#include "dojo/fabric/die_network.h"

namespace dojo::fabric {

void DieNetwork::configure(const topology::Topology& topology, DieId die) {
  rows_ = topology.site_rows();
  columns_ = topology.site_columns();
  const topology::DiePlace place = topology.place(die);
  first_row_ = place.row * rows_;
  first_column_ = place.column * columns_;
  machine_columns_ = topology.die_columns() * columns_;
  const topology::NocParams& noc = topology.params().noc;
  hop_ = noc.hop_cycles;
  link_bytes_ = noc.link_bytes_per_cycle;
  buffer_flits_ = noc.buffer_packets_per_vc;
  for (auto& links : links_) links.assign(static_cast<std::size_t>(topology.sites()), Link{});
  for (auto& free : control_free_) free.assign(static_cast<std::size_t>(topology.sites()), 0);
  ports_.assign(static_cast<std::size_t>(topology.sites()), Port{});
  routes_.configure(topology);
  enabled_ = topology.site_map(die).enabled;
  count_nodes();
  stops_.resize(static_cast<std::size_t>(std::max(rows_, columns_)));
  heads_.assign(static_cast<std::size_t>(std::max(rows_, columns_)) + 1, 0);
}

void DieNetwork::count_nodes() {
  nodes_ = 0;
  fullest_ = {};
  node_number_.assign(enabled_.size(), 0);
  std::vector<Flits> in_row(static_cast<std::size_t>(rows_)), in_column(static_cast<std::size_t>(columns_));
  for (std::size_t site = 0; site < enabled_.size(); ++site) {
    node_number_[site] = static_cast<std::uint16_t>(nodes_);
    if (enabled_[site] == 0) continue;
    ++nodes_;
    Flits& row = in_row[site / static_cast<std::size_t>(columns_)];
    Flits& column = in_column[site % static_cast<std::size_t>(columns_)];
    fullest_[0] = std::max(fullest_[0], ++row);
    fullest_[1] = std::max(fullest_[1], ++column);
  }
}

const Link& DieNetwork::link(SiteIndex site, Direction d) const {
  return links_[static_cast<std::size_t>(d)][index(d, site / columns_, site % columns_)];
}

DieNetwork::Walk DieNetwork::walk(Direction d, std::size_t first, int links, Flits n, Cycles head) {
  Link* const begin = links_[static_cast<std::size_t>(d)].data() + first;
  Cycles longest_wait = 0;
  Cycles start = head;
  Cycles first_start = 0;
  for (int i = 0; i < links; ++i) {
    Link& link = begin[i];
    start = std::max(head, link.free);
    const Cycles wait = start - head;
    longest_wait = std::max(longest_wait, wait);
    if (i == 0) first_start = start;
    link.queue_cycles += static_cast<std::uint64_t>(wait);
    link.busy_cycles += static_cast<std::uint64_t>(n);
    ++link.bursts;
    link.free = start + n;
    head = start + hop_;
    heads_[static_cast<std::size_t>(i)] = head;
  }
  latest_ = std::max(latest_, start + n);
  if (longest_wait > buffer_flits_) {
    // The last flit enters a buffer only when the link ahead has taken all but a buffer's worth.
    for (int i = links - 2; i >= 0; --i) {
      begin[i].free = std::max(begin[i].free, begin[i + 1].free - buffer_flits_ - hop_);
    }
  }
  return {head, first_start};
}

DieNetwork::Walk DieNetwork::walk_control(Direction d, std::size_t first, int links, Flits n, Cycles head) {
  Link* const begin = links_[static_cast<std::size_t>(d)].data() + first;
  Cycles* const control_free = control_free_[static_cast<std::size_t>(d)].data() + first;
  const Cycles first_start = head;
  for (int i = 0; i < links; ++i) {
    Link& link = begin[i];
    // At most one data packet of a competing burst goes first; the burst in turn is delayed by these packets.
    const Cycles start = std::max(link.free > head ? head + 1 : head, control_free[i]);
    link.queue_cycles += static_cast<std::uint64_t>(start - head);
    link.busy_cycles += static_cast<std::uint64_t>(n);
    ++link.bursts;
    control_free[i] = start + n;
    link.free = std::max(link.free + n, start + n);
    latest_ = std::max(latest_, link.free);
    head = start + hop_;
  }
  return {head, first_start};
}

Cycles DieNetwork::eject(SiteIndex site, const Burst& burst, Flits n, Cycles head) {
  Port& port = ports_[site];
  port.bytes_ejected += burst.bytes;
  if (burst.traffic_class == TrafficClass::kControl) {
    const Cycles tail = head + n + (port.eject_free > head ? 1 : 0);
    port.eject_free = std::max(port.eject_free + n, tail);
    latest_ = std::max(latest_, port.eject_free);
    return tail;
  }
  port.eject_free = std::max(port.eject_free, head) + n;
  latest_ = std::max(latest_, port.eject_free);
  return port.eject_free;
}

}  // namespace dojo::fabric
