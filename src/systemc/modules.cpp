// SPDX-License-Identifier: Apache-2.0
// What the modules know beyond their names: their counters and parameters, read from the machine. And the order in
// which they end: the last one first (Simulation::Impl).
#include "dojo/systemc/modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace dojo::systemc {

const Site& Core::site() const {
  return static_cast<const Site&>(*get_parent_object());
}
machine::NodeCounters Core::counters() const {
  return site().counters();
}
double Core::speed() const {
  const Site& here = site();
  return static_cast<double>(here.machine().topology().site_map(here.die()).core_speed[here.index()]);
}

const Site& Sram::site() const {
  return static_cast<const Site&>(*get_parent_object());
}
machine::NodeCounters Sram::counters() const {
  return site().counters();
}
Bytes Sram::capacity_bytes() const {
  return site().machine().topology().params().node.sram_bytes;
}

const Site& Router::site() const {
  return static_cast<const Site&>(*get_parent_object());
}
machine::NodeCounters Router::counters() const {
  return site().counters();
}
machine::LinkCounters Router::link(topology::Direction outgoing) const {
  return counters().router_links[static_cast<std::size_t>(outgoing)];
}

const Dip& DipPart::dip() const {
  return static_cast<const Dip&>(*get_parent_object());
}
machine::LinkCounters Hbm::counters() const {
  return dip().counters().hbm;
}
Bytes Hbm::capacity_bytes() const {
  return dip().machine().topology().params().dip.hbm_bytes;
}
machine::LinkCounters Pcie::counters() const {
  return dip().counters().pcie;
}
machine::LinkCounters Ethernet::counters() const {
  return dip().counters().ethernet;
}

Assembly::~Assembly() {
  while (!parts_.empty()) parts_.pop_back();
}

Die::Die(sc_core::sc_module_name name, const machine::Machine& machine, DieId index,
         const std::function<Parts()>& build, const Detailed& detailed)
    : Assembly(name, build), index_(index) {
  const topology::Topology::SiteMap& map = machine.topology().site_map(index);
  std::array<char, 24> leaf{};  // names of a million nodes: no string for each
  for (std::size_t site = 0; site < map.enabled.size(); ++site) {
    *fmt::format_to_n(leaf.data(), leaf.size() - 1, "node[{}]", site).out = '\0';
    const auto where = static_cast<SiteIndex>(site);
    if (std::unique_ptr<Site> made = detailed ? detailed(leaf.data(), index, where, {}) : nullptr) {
      detailed_.push_back(std::move(made));
    } else if (map.enabled[site] != 0) {
      nodes_.emplace_back(leaf.data(), machine, index, where);
    } else {
      bare_sites_.emplace_back(leaf.data(), machine, index, where);
    }
  }
}
Die::~Die() {
  const auto last = [](const auto& sites) { return sites.empty() ? -1 : int{sites.back().index()}; };
  while (!nodes_.empty() || !bare_sites_.empty() || !detailed_.empty()) {
    const int node = last(nodes_), bare = last(bare_sites_),
              detailed = detailed_.empty() ? -1 : int{detailed_.back()->index()};
    if (detailed > std::max(node, bare)) {
      detailed_.pop_back();
    } else if (bare > node) {
      bare_sites_.pop_back();
    } else {
      nodes_.pop_back();
    }
  }
}

}  // namespace dojo::systemc
