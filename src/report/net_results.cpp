// SPDX-License-Identifier: Apache-2.0
// Loads of links and latencies of packets, as results of a run.
#include "report/net_results.h"

#include <algorithm>
#include <string>

#include "dojo/base/error.h"

namespace dojo::report {
namespace {

using topology::LinkClass;

/// Flits and rate of what is one row of links.csv: the links of a die and direction, or one edge.
struct Folded {
  traffic::LinkLoad load;
  double link_bytes_per_s = 0;
};

std::vector<Folded> fold(const NetContext& c) {
  const topology::MachineParams& machine = c.topology.params();
  std::vector<Folded> rows;
  for (const traffic::LinkLoad& load : c.run.links) {
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const Folded& row) {
      return row.load.die == load.die && row.load.direction == load.direction && row.load.link_class == load.link_class;
    });
    if (same != rows.end() && c.topology.die_count() == 1) {  // pieces of one die
      same->load.links += load.links;
      same->load.flits += load.flits;
      same->load.busiest_flits = std::max(same->load.busiest_flits, load.busiest_flits);
      continue;
    }
    const bool on_die = load.link_class == LinkClass::kNoc;
    const double rate = on_die ? static_cast<double>(machine.noc.link_bytes_per_cycle) * machine.clock_hz
                               : c.topology.edge(load.die, load.direction).bytes_per_s;
    rows.push_back({load, rate});
  }
  return rows;
}

class Links {
 public:
  Links(const NetContext& context, machine::Results& results) : c_(context), r_(results) {
    r_.die_noc_utilisation.assign(c_.topology.die_count(), 0.0);
    r_.die_edge_utilisation.assign(std::size_t{c_.topology.die_count()} * 4, -1.0);
  }

  void add(const Folded& row) {
    const traffic::LinkLoad& load = row.load;
    machine::LinkRecord link;
    const bool on_die = load.link_class == LinkClass::kNoc;
    link.path = on_die ? c_.topology.die_path(load.die) + ".noc." + topology::direction_name(load.direction)
                       : c_.topology.edge_path(load.die, load.direction);
    link.link_class = load.link_class;
    link.links = load.links;
    link.capacity_bytes_per_s = row.link_bytes_per_s * load.links;
    link.counters.transfers = load.flits;
    link.counters.bytes = load.flits * flit_bytes();
    link.counters.busy_units = busy(load.flits, row.link_bytes_per_s);
    link.max_busy_units = busy(load.busiest_flits, row.link_bytes_per_s);
    machine::LinkClassTotals& total = r_.classes[static_cast<std::size_t>(load.link_class)];
    total.links += load.links;
    total.capacity_bytes_per_s += link.capacity_bytes_per_s;
    schema::merge(total.counters, link.counters);
    total.max_busy_units = std::max(total.max_busy_units, link.max_busy_units);
    const double share = static_cast<double>(link.counters.busy_units) /
                         (static_cast<double>(machine::kBusyUnitsPerCycle) * static_cast<double>(load.links) *
                          static_cast<double>(std::max<Cycles>(1, r_.end_cycle)));
    if (on_die) {
      r_.die_noc_utilisation[load.die] += share / topology::kDirections;
    } else {
      r_.die_edge_utilisation[std::size_t{load.die} * 4 + static_cast<std::size_t>(load.direction)] = share;
    }
    r_.links.push_back(std::move(link));
  }

 private:
  [[nodiscard]] std::uint64_t flit_bytes() const {
    return static_cast<std::uint64_t>(c_.topology.params().noc.link_bytes_per_cycle);
  }
  [[nodiscard]] std::uint64_t busy(std::uint64_t flits, double bytes_per_s) const {
    const double cycles = static_cast<double>(flits * flit_bytes()) / bytes_per_s * c_.topology.params().clock_hz;
    return static_cast<std::uint64_t>(cycles * static_cast<double>(machine::kBusyUnitsPerCycle));
  }
  const NetContext& c_;
  machine::Results& r_;
};

void add_packets(const traffic::Tally& tally, machine::LatencyHistogram& packets) {
  for (std::size_t bin = 0; bin < traffic::LatencyCounts::kBins; ++bin) {
    const std::uint64_t n = tally.latencies.count(bin);
    if (n != 0) packets.add(traffic::LatencyCounts::bin_low(bin), n);
  }
  packets.cycles_sum = tally.cycles;  // exact, as the longest is
  packets.max = tally.longest;
}

/// Every value of the configuration but those that `dojosim run` alone reads and that are younger than the digest: it
/// stays that of programs without them.
std::string settings_of(config::RunConfig config) {
  config.run.threads = 0;
  std::string text = config::resolved_json(config, config::Purpose::kNet);
  const std::size_t key = text.find("\"contention\"");
  DOJO_CHECK(key != std::string::npos, "run.contention is no key of {}", text);
  const std::size_t line = text.rfind('\n', key);
  return text.erase(line, text.find('\n', key) - line);
}

/// FNV-1a over the integers of the measurement and what was asked for.
std::uint64_t digest_of(const config::RunConfig& asked, const NetRun& run) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](std::uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8) hash = (hash ^ (value & 0xff)) * 0x100000001b3;
  };
  const auto add_outcome = [&add](const traffic::Outcome& o) {
    for (const Cycles cycles : {o.warmup, o.measured, o.end, o.tally.longest}) add(static_cast<std::uint64_t>(cycles));
    const traffic::Tally& t = o.tally;
    for (const std::uint64_t n : {o.created, o.not_arrived, t.packets_ejected, t.packet_cycles, t.flits_ejected,
                                  t.flits_injected, t.accepted, t.source_cycles, t.distance, t.measured, t.cycles})
      add(n);
    for (std::size_t bin = 0; bin < traffic::LatencyCounts::kBins; ++bin) add(t.latencies.count(bin));
  };
  for (const char character : settings_of(asked)) add(static_cast<unsigned char>(character));
  add_outcome(run.outcome);
  for (const LoadPoint& point : run.curve) add_outcome(point.outcome);
  add(run.packet_hops);
  add(run.flit_hops);
  for (const traffic::LinkLoad& load : run.links) add(load.flits);
  return hash;
}

}  // namespace

machine::Results net_results(const NetContext& context) {
  const NetRun& run = context.run;
  machine::Results r;
  r.end_cycle = run.outcome.end;
  r.interrupted = run.outcome.interrupted;
  r.finished = !r.interrupted;
  add_packets(run.outcome.tally, r.packets);
  Links links(context, r);
  for (const Folded& row : fold(context)) links.add(row);
  const auto flit_bytes = static_cast<std::uint64_t>(context.topology.params().noc.link_bytes_per_cycle);
  r.ports.bytes_injected = run.outcome.tally.flits_injected * flit_bytes;
  r.ports.bytes_ejected = run.outcome.tally.flits_ejected * flit_bytes;
  r.approximations = run.approximations;
  r.wall_s = run.wall_s;
  r.elaboration_s = run.elaboration_s;
  r.simulation_s = run.simulation_s;
  r.peak_rss_bytes = run.peak_rss_bytes;
  r.events = run.flit_hops;
  r.threads = run.threads;
  r.dies_simulated = context.topology.die_count();
  r.digest = digest_of(context.config, run);
  return r;
}

}  // namespace dojo::report
