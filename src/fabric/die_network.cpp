// SPDX-License-Identifier: Apache-2.0
// Link occupancy of the fast model on one die.
#include "dojo/fabric/die_network.h"

#include <utility>

#include "dojo/topology/node_ports.h"

namespace dojo::fabric {

namespace {

/// Per cent of the time that gathers wait for a write port which others use. A router forks a packet to its node and to
/// the next router at once, so a row's stream goes at the pace of the port that is busiest now, and buffers even that
/// out. Fitted to the reference network with buffers of 2 to 128 packets: a twelfth less for each doubling.
Flits loss_at_ports(Flits buffer) {
  Flits loss = 46;
  for (; buffer > 1; buffer /= 2) loss -= 7;
  return std::max<Flits>(loss, 0);
}

/// A burst that the buffers of this many routers hold holds up nobody while it waits, so it may pass in a gap between
/// others that took their links before. Longer ones come too soon then, for what they hold up is not modelled. Fitted
/// to the reference: 3 of 0, 1, 3, 4 and all with buffers of 4 packets; with 16 and 128 it is better than 0.
constexpr Flits kBuffersOfAShortBurst = 3;

}  // namespace

void DieNetwork::configure(const topology::Topology& topology, DieId die, std::shared_ptr<const StripeGroups> groups) {
  rows_ = topology.site_rows();
  columns_ = topology.site_columns();
  const topology::DieCoordinates place = topology.coordinates(die);
  first_row_ = place.row * rows_;
  first_column_ = place.column * columns_;
  machine_columns_ = topology.die_columns() * columns_;
  const topology::NocParams& noc = topology.params().noc;
  hop_ = noc.hop_cycles;
  flit_ = FlitSize(noc.link_bytes_per_cycle);
  buffer_flits_ = noc.buffer_packets_per_vc;
  short_burst_ = kBuffersOfAShortBurst * buffer_flits_;
  const auto sites = static_cast<std::size_t>(topology.sites());
  for (auto& times : times_) times.assign(sites, {});
  for (auto& free : control_free_) free.clear();
  for (auto& use : use_) use.assign(sites, {});
  const topology::NodePorts ports = topology::node_ports(topology.params().node);
  reads_.configure(sites, ports.read);
  writes_.configure(sites, ports.write);
  port_use_.assign(sites, {});
  routes_.configure(topology);
  enabled_ = topology.site_map(die).enabled;
  groups_ = groups ? std::move(groups) : std::make_shared<const StripeGroups>(rows_, columns_, enabled_);
  for (StripeUses* uses : {&striped_out_, &striped_through_, &striped_in_}) {
    for (std::vector<StripeUse>& use : *uses) use.assign(groups_->count(), {});
  }
  loss_ = loss_at_ports(buffer_flits_);
}

template <bool kCountLoad>
DieNetwork::Walk DieNetwork::walk(Direction d, std::size_t first, int links, Flits n, Cycles head) {
  LinkTime* const times = times_[static_cast<std::size_t>(d)].data() + first;
  LinkUse* const use = use_[static_cast<std::size_t>(d)].data() + first;
  Cycles* const heads = scratch().heads.data();
  Cycles start = head;
  Cycles first_start = 0;
  for (int i = 0; i < links; ++i) {
    LinkTime& link = times[i];
    start = std::max(head, link.gap_begin);
    if (n <= short_burst_ && start + n <= link.gap_end) {
      link.gap_begin = start + n;
    } else {
      start = std::max(head, link.free);
      if (start > link.free) {
        link.gap_begin = link.free;
        link.gap_end = start;
      }
      link.free = start + n;
    }
    if (i == 0) first_start = start;
    link.waited += static_cast<std::uint64_t>(start - head);
    if constexpr (kCountLoad) {
      use[i].busy_cycles += static_cast<std::uint64_t>(n);
      ++use[i].bursts;
    }
    head = start + hop_;
    heads[i] = head;
  }
  latest_ = std::max(latest_, start + n);
  return {head, first_start};
}
template DieNetwork::Walk DieNetwork::walk<true>(Direction, std::size_t, int, Flits, Cycles);
template DieNetwork::Walk DieNetwork::walk<false>(Direction, std::size_t, int, Flits, Cycles);

DieNetwork::Walk DieNetwork::walk_control(Direction d, std::size_t first, int links, Flits n, Cycles head) {
  LinkTime* const times = times_[static_cast<std::size_t>(d)].data() + first;
  LinkUse* const use = use_[static_cast<std::size_t>(d)].data() + first;
  std::vector<Cycles>& for_control = control_free_[static_cast<std::size_t>(d)];
  if (for_control.empty()) for_control.assign(enabled_.size(), 0);
  Cycles* const control_free = for_control.data() + first;
  const Cycles first_start = head;
  for (int i = 0; i < links; ++i) {
    Cycles& free = times[i].free;
    // At most one data packet of a competing burst goes first; the burst in turn is delayed by these packets.
    const Cycles start = std::max(free > head ? head + 1 : head, control_free[i]);
    times[i].waited += static_cast<std::uint64_t>(start - head);
    use[i].busy_cycles += static_cast<std::uint64_t>(n);
    ++use[i].bursts;
    control_free[i] = start + n;
    free = std::max(free + n, start + n);
    latest_ = std::max(latest_, free);
    head = start + hop_;
  }
  return {head, first_start};
}

Cycles DieNetwork::eject(SiteIndex site, const Burst& burst, Flits n, Cycles head) {
  Cycles& free = writes_.take_first(site, head);
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

void DieNetwork::hold(const Turned& way, Flits flits, Cycles head, Cycles tail) {
  // Ports take turns among the four sides of their router, so that it is through after four times its length at the
  // latest; what has taken the port for later does not hold it up.
  constexpr Flits kSides = 4;
  Cycles until = std::min(tail, head + kSides * flits) - buffer_flits_;
  for (std::size_t part = way.size; part-- > 0;) {
    LinkTime* const links = &times_[static_cast<std::size_t>(way.parts[part].direction)][way.parts[part].first];
    for (std::int32_t i = way.parts[part].count; i-- > 0; until -= buffer_flits_ + hop_) {
      flits -= buffer_flits_;
      if (flits <= 0 || links[i].free >= until) return;
      links[i].free = until;
    }
  }
}

}  // namespace dojo::fabric
