// SPDX-License-Identifier: Apache-2.0
#include "machine/collect_parts.h"

#include <algorithm>

#include "dojo/base/error.h"

namespace dojo::machine {

using topology::Direction;
using topology::LinkClass;

LinkCounters link_counters(const fabric::LinkUse& link, Bytes link_bytes) {
  return {link.busy_cycles * static_cast<std::uint64_t>(link_bytes), link.busy_cycles * kBusyUnitsPerCycle,
          link.queue_cycles, link.bursts};
}

LinkCounters link_counters(const fabric::Serialiser& s) {
  static_assert(kBusyUnitsPerCycle == 1u << fabric::Serialiser::kUnitBits);
  return {s.bytes(), s.busy_units(), s.queue_cycles(), s.bursts()};
}

namespace {

class Collector {
 public:
  Collector(const MachineState& machine, Results& results, Digest& digest)
      : m_(machine), r_(results), t_(machine.context.topology), digest_(digest) {}

  void links() {
    const double link_rate = static_cast<double>(t_.params().noc.link_bytes_per_cycle) * t_.params().clock_hz;
    const std::uint32_t dies = t_.die_count();
    r_.die_edge_utilisation.assign(static_cast<std::size_t>(dies) * 4, -1.0);
    r_.die_noc_utilisation.assign(dies, 0.0);
    r_.die_core_utilisation.assign(dies, 0.0);
    for (DieId die = 0; die < dies; ++die) {
      noc_of_die(die, link_rate);
      for (int d = 0; d < topology::kDirections; ++d) edge_of_die(die, static_cast<Direction>(d));
    }
    for (std::uint32_t dip = 0; dip < t_.dip_count(); ++dip) parts_of_dip(dip);
  }

  void cores() {
    for (DieId die = 0; die < t_.die_count(); ++die) {
      const DieShard& shard = m_.dies[die];
      CoreCounters of_die;
      for (std::int32_t at = 0; at < t_.sites(); ++at) {
        const auto site = static_cast<SiteIndex>(at);
        schema::merge(of_die, shard.core(site));
        schema::merge(r_.ports, shard.port().network().use(site));
        digest_.add_part(shard.core(site));
        digest_.add_part(shard.port().network().use(site));
      }
      schema::merge(r_.cores, of_die);
      add_pipelines(shard);
      const double node_cycles =
          static_cast<double>(t_.site_map(die).enabled_count) * static_cast<double>(r_.end_cycle);
      if (node_cycles > 0) r_.die_core_utilisation[die] = static_cast<double>(of_die.busy_cycles) / node_cycles;
    }
  }

 private:
  void add_pipelines(const DieShard& shard) {
    if (shard.detailed() == nullptr) return;
    for (const SiteIndex site : shard.detailed()->sites()) {
      const core::Counters counters = shard.detailed()->counters(site);
      schema::merge(r_.pipelines, counters);
      digest_.add_part(counters);
      ++r_.detailed_nodes;
    }
  }
  void total(LinkClass c, const LinkCounters& counters, double capacity) {
    r_.classes[static_cast<std::size_t>(c)].add(counters, capacity);
  }

  void noc_of_die(DieId die, double rate) {
    const DieShard& shard = m_.dies[die];
    std::uint64_t busy = 0, count = 0;
    for (int i = 0; i < topology::kDirections; ++i) {
      const auto d = static_cast<Direction>(i);
      LinkRecord folded;
      folded.path = t_.die_path(die) + ".noc." + topology::direction_name(d);
      folded.links = 0;
      for (std::int32_t at = 0; at < t_.sites(); ++at) {
        const auto site = static_cast<SiteIndex>(at);
        if (!inside(site, d)) continue;
        const fabric::LinkUse& use = shard.port().network().use(site, d);
        const LinkCounters c = link_counters(use, shard.port().network().link_bytes());
        total(LinkClass::kNoc, c, rate);
        schema::merge(r_.noc, use);
        digest_.add_part(use);
        if (m_.context.settings.all_links) {
          r_.links.push_back({t_.node_path(die, site) + ".router." + topology::direction_name(d), LinkClass::kNoc, 1,
                              rate, c, c.busy_units});
        }
        ++folded.links;
        schema::merge(folded.counters, c);
        folded.max_busy_units = std::max(folded.max_busy_units, c.busy_units);
      }
      busy += folded.counters.busy_units;
      count += folded.links;
      folded.capacity_bytes_per_s = rate * folded.links;
      if (folded.links > 0 && !m_.context.settings.all_links) r_.links.push_back(std::move(folded));
    }
    if (count > 0 && r_.end_cycle > 0) {
      r_.die_noc_utilisation[die] = static_cast<double>(busy) / static_cast<double>(kBusyUnitsPerCycle) /
                                    static_cast<double>(count) / static_cast<double>(r_.end_cycle);
    }
  }

  void edge_of_die(DieId die, Direction d) {
    if (!m_.dies[die].port().has_edge(d)) return;
    const LinkCounters counters = m_.dies[die].port().edge(d);
    const topology::Edge edge = t_.edge(die, d);
    record(t_.edge_path(die, d), edge.link_class, edge.bytes_per_s, counters);
    if (r_.end_cycle > 0) {
      r_.die_edge_utilisation[static_cast<std::size_t>(die) * 4 + static_cast<std::size_t>(d)] =
          static_cast<double>(counters.busy_units) / static_cast<double>(kBusyUnitsPerCycle) /
          static_cast<double>(r_.end_cycle);
    }
  }

  void parts_of_dip(std::uint32_t dip) {
    const DipShard& shard = m_.dips[dip];
    const topology::DipParams& p = t_.params().dip;
    const std::string path = t_.dip_path(dip);
    const topology::Edge edge = t_.edge(t_.dip_die(dip), t_.dip_side(dip));
    if (shard.edge().present())
      record(path + ".ttp", LinkClass::kDip, edge.bytes_per_s, link_counters(shard.edge().serialiser()));
    record(path + ".hbm", LinkClass::kHbm, p.hbm_bytes_per_s * p.hbm_efficiency, link_counters(shard.hbm()));
    record(path + ".pcie", LinkClass::kPcie, p.pcie_bytes_per_s, link_counters(shard.pcie()));
    record(path + ".ethernet", LinkClass::kEthernet, p.ethernet_bytes_per_s, link_counters(shard.ethernet()));
    if (shard.zplane() == nullptr) return;
    record(path + ".ethernet.out", LinkClass::kEthernet, p.ethernet_bytes_per_s, link_counters(shard.zplane()->out()));
    record(path + ".ethernet.in", LinkClass::kEthernet, p.ethernet_bytes_per_s,
           link_counters(m_.zplane_switch->port(dip)));
  }

  void record(std::string path, LinkClass c, double rate, const LinkCounters& counters) {
    total(c, counters, rate);
    digest_.add_part(counters);
    r_.links.push_back({std::move(path), c, 1, rate, counters, counters.busy_units});
  }

  /// The link leads to another site of the same die (lanes into the edges belong to the edges).
  [[nodiscard]] bool inside(SiteIndex site, Direction d) const {
    const std::int32_t row = site / t_.site_columns();
    const std::int32_t column = site % t_.site_columns();
    switch (d) {
      case Direction::kEast:
        return column + 1 < t_.site_columns();
      case Direction::kWest:
        return column > 0;
      case Direction::kNorth:
        return row > 0;
      case Direction::kSouth:
        break;
    }
    return row + 1 < t_.site_rows();
  }

  const MachineState& m_;
  Results& r_;
  const topology::Topology& t_;
  Digest& digest_;
};

}  // namespace

void collect_parts(const MachineState& machine, Results& results, Digest& digest) {
  Collector collector(machine, results, digest);
  collector.links();
  collector.cores();
}

ZplaneTotals zplane_totals(const MachineState& m) {
  ZplaneTotals z;
  if (!m.context.zplane) return z;
  OpCounters messages;
  for (const DipShard& dip : m.dips) {
    schema::merge<fabric::TtpoeCounters>(z, dip.zplane()->counters());
    z.bytes += dip.zplane()->bytes_sent();
    schema::merge(messages, dip.zplane()->writes());
  }
  z.lost = m.zplane_switch->frames_lost();
  z.longest_queue = m.zplane_switch->longest_queue();
  z.messages = messages.count;
  z.cycles_sum = messages.cycles_sum;
  z.cycles_min = messages.cycles_min;
  z.cycles_max = messages.cycles_max;
  DOJO_CHECK(z.accepted_bytes <= z.bytes, "DIPs took {} bytes of {} that were sent over the Z-plane", z.accepted_bytes,
             z.bytes);
  const bool all = std::all_of(m.dips.begin(), m.dips.end(), [](const DipShard& d) { return d.zplane()->idle(); });
  DOJO_CHECK(!all || z.accepted_bytes == z.bytes, "DIPs took {} bytes of {} that were sent over the Z-plane",
             z.accepted_bytes, z.bytes);
  return z;
}

}  // namespace dojo::machine
