// SPDX-License-Identifier: Apache-2.0
// Folds the counters of all shards into Results and checks the conservation laws.
#include <algorithm>
#include <map>

#include "dojo/base/error.h"
#include "machine/machine_state.h"
#include "machine/network/models.h"

namespace dojo::machine {

using topology::Direction;
using topology::LinkClass;

LinkCounters link_counters(const fabric::Link& link, Bytes link_bytes) {
  return {link.busy_cycles * static_cast<std::uint64_t>(link_bytes), link.busy_cycles * kBusyUnitsPerCycle,
          link.queue_cycles, link.bursts};
}

LinkCounters link_counters(const fabric::Serialiser& s) {
  static_assert(kBusyUnitsPerCycle == 1u << fabric::Serialiser::kUnitBits);
  return {s.bytes(), s.busy_units(), s.queue_cycles(), s.bursts()};
}

std::uint64_t MachineState::events() const {
  std::uint64_t count = 0;
  for (const Shard* shard : shards) count += shard->events();
  return count - rows.events_taken_over();
}

namespace {

/// FNV-1a over 64-bit words with a final mix per word: a fingerprint, not a secret.
class Digest {
 public:
  void add(std::uint64_t word) {
    hash_ ^= word;
    hash_ *= 0x100000001b3ull;
    hash_ ^= hash_ >> 29;
  }
  void add(const LinkCounters& c) {
    add(c.bytes);
    add(c.busy_units);
    add(c.queue_cycles);
    add(c.transfers);
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

void add(LinkCounters& to, const LinkCounters& from) {
  to.bytes += from.bytes;
  to.busy_units += from.busy_units;
  to.queue_cycles += from.queue_cycles;
  to.transfers += from.transfers;
}

class Collector {
 public:
  Collector(const MachineState& machine, Results& results) : m_(machine), r_(results), t_(machine.context.topology) {}

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
      std::uint64_t busy = 0;
      for (SiteIndex site = 0; site < t_.sites(); ++site) {
        const DieShard& shard = m_.dies[die];
        const CoreUse& core = shard.core(site);
        busy += core.busy_cycles;
        r_.flops_executed += static_cast<std::int64_t>(shard.core(site).matrix_flops);
        r_.flops_vector += static_cast<std::int64_t>(shard.core(site).vector_flops);
        const fabric::Port port = shard.port().network().port(site);
        r_.sram_bytes_injected += port.bytes_injected;
        r_.sram_bytes_ejected += port.bytes_ejected;
        digest_.add(shard.core(site).busy_cycles);
        digest_.add(shard.core(site).matrix_flops);
        digest_.add(shard.core(site).vector_flops);
      }
      const double node_cycles =
          static_cast<double>(t_.site_map(die).enabled_count) * static_cast<double>(r_.end_cycle);
      if (node_cycles > 0) r_.die_core_utilisation[die] = static_cast<double>(busy) / node_cycles;
    }
  }

  Digest& digest() { return digest_; }

 private:
  void total(LinkClass c, const LinkCounters& counters, double capacity) {
    LinkClassTotals& sum = r_.classes[static_cast<std::size_t>(c)];
    ++sum.links;
    sum.capacity_bytes_per_s += capacity;
    add(sum.counters, counters);
    sum.max_busy_units = std::max(sum.max_busy_units, counters.busy_units);
    digest_.add(counters);
  }

  void noc_of_die(DieId die, double rate) {
    const DieShard& shard = m_.dies[die];
    std::uint64_t busy = 0, count = 0;
    for (int i = 0; i < topology::kDirections; ++i) {
      const auto d = static_cast<Direction>(i);
      LinkRecord folded;
      folded.path = t_.die_path(die) + ".noc." + topology::direction_name(d);
      folded.links = 0;
      for (SiteIndex site = 0; site < t_.sites(); ++site) {
        if (!inside(site, d)) continue;
        const LinkCounters c = link_counters(shard.port().network().link(site, d), shard.port().network().link_bytes());
        total(LinkClass::kNoc, c, rate);
        r_.noc_byte_hops += c.bytes;
        if (m_.context.settings.all_links) {
          r_.links.push_back({t_.node_path(die, site) + ".router." + topology::direction_name(d), LinkClass::kNoc, 1,
                              rate, c, c.busy_units});
        }
        ++folded.links;
        add(folded.counters, c);
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
  Digest digest_;
};

/// Every byte that a DIP sent to another was taken exactly once.
ZplaneTotals zplane_totals(const MachineState& m) {
  ZplaneTotals z;
  if (!m.context.zplane) return z;
  OpSum messages;
  std::uint64_t accepted = 0;
  for (const DipShard& dip : m.dips) {
    const fabric::TtpoeCounters& c = dip.zplane()->counters();
    z.bytes += dip.zplane()->bytes_sent();
    z.frames += c.frames;
    z.resent += c.resent;
    z.acks += c.acks;
    z.nacks += c.nacks;
    z.ignored += c.ignored;
    z.timeouts += c.timeouts;
    z.window_stalls += c.window_stalls;
    accepted += c.accepted_bytes;
    messages.merge(dip.zplane()->writes());
  }
  z.lost = m.zplane_switch->frames_lost();
  z.longest_queue = m.zplane_switch->longest_queue();
  z.messages = messages.count;
  z.cycles_sum = messages.cycles_sum;
  z.cycles_min = messages.count == 0 ? 0 : messages.min;
  z.cycles_max = messages.max;
  DOJO_CHECK(accepted <= z.bytes, "DIPs took {} bytes of {} that were sent over the Z-plane", accepted, z.bytes);
  const bool all = std::all_of(m.dips.begin(), m.dips.end(), [](const DipShard& d) { return d.zplane()->idle(); });
  DOJO_CHECK(!all || accepted == z.bytes, "DIPs took {} bytes of {} that were sent over the Z-plane", accepted,
             z.bytes);
  return z;
}

void fold_operations(const Context& context, Results& r) {
  const workload::Workload& w = context.workload;
  for (std::uint32_t g = 0; g < w.graphs.size(); ++g) {
    for (std::uint32_t o = 0; o < w.graphs[g].ops.size(); ++o) {
      OpSum sum;
      for (const ThreadSums& thread : context.sums) sum.merge(thread.ops[g][o]);
      const workload::Op& op = w.graphs[g].ops[o];
      OpRecord record{g,
                      o,
                      sum.count,
                      sum.cycles_sum,
                      sum.count > 0 ? sum.min : 0,
                      sum.max,
                      sum.count > 0 ? sum.first : 0,
                      sum.last,
                      sum.flops};
      r.ops.push_back(record);
      if (!workload::is_communication(op.kind)) continue;
      CollectiveRecord c;
      c.graph = g;
      c.op = o;
      c.bytes = op.bytes;
      c.ranks = 2;
      c.count = sum.count;
      c.cycles_sum = sum.cycles_sum;
      c.cycles_min = record.cycles_min;
      c.cycles_max = record.cycles_max;
      r.collectives.push_back(std::move(c));
    }
  }
}

/// The algorithm and group size of each communication operation, from any instance that served it.
void name_algorithms(const Context& context, Results& r) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, const workload::DataflowInstance*> served;
  std::vector<bool> seen(context.job.programs.size(), false);
  for (RankId rank = 0; rank < context.job.slices.size(); ++rank) {
    const std::uint32_t p = context.job.program_of_rank[rank];
    if (seen[p]) continue;
    seen[p] = true;
    const workload::Program& program = context.job.programs[p];
    for (const workload::Task& task : program.tasks) {
      if (task.kind != workload::Task::Kind::kDataflow || task.op == kNone) continue;
      const std::uint32_t instance = context.job.instance_of[rank][task.index].instance;
      if (instance != kNone) served.emplace(std::make_pair(program.graph, task.op), &context.job.instances[instance]);
    }
  }
  for (CollectiveRecord& c : r.collectives) {
    const auto found = served.find({c.graph, c.op});
    if (found == served.end()) continue;
    const workload::DataflowPlan& plan = context.job.plans[found->second->plan];
    c.algorithm = plan.algorithm;
    c.model_seconds = plan.model_seconds;
    c.ranks = static_cast<std::uint32_t>(
        std::count_if(found->second->places.begin(), found->second->places.end(),
                      [](const auto& place) { return place.kind != workload::DataflowInstance::Place::Kind::kDip; }));
  }
}

/// What lowering simplified, and the network model.
std::vector<std::string> approximations(const Context& context) {
  std::vector<std::string> all = context.job.approximations;
  if (std::any_of(context.job.plans.begin(), context.job.plans.end(),
                  [](const workload::DataflowPlan& plan) { return plan.over_zplane; })) {
    all.emplace_back(
        "Z-plane: switches have a queue without bound for each port and do not block inside; links between DIPs are "
        "open; no NACK_FULL; samples of the hosts do not share the port of a DIP with TTPoE.");
  }
  const std::vector<std::string> of_model = context.model.approximations(context.job, context.topology);
  all.insert(all.end(), of_model.begin(), of_model.end());
  return all;
}

}  // namespace

Results Machine::collect(bool interrupted) const {
  impl_->rows.part();
  impl_->settle();
  const MachineState& m = *impl_;
  const Context& context = m.context;
  Results r;
  r.interrupted = interrupted;
  r.finished = done();
  r.end_cycle = end_cycle();
  r.packets = LatencyHistogram{};
  r.step_end.assign(context.sums.front().step_end.size(), 0);
  std::uint64_t bytes_to_eject = 0;
  for (const ThreadSums& sums : context.sums) {
    r.packets.merge(sums.packets);
    for (std::size_t i = 0; i < r.step_end.size(); ++i) r.step_end[i] = std::max(r.step_end[i], sums.step_end[i]);
    r.flops_by_shapes += sums.flops_by[0];
    r.flops_by_roofline += sums.flops_by[1];
    r.flops_by_recorded += sums.flops_by[2];
    r.flops_recomputed += sums.flops_recomputed;
    bytes_to_eject += sums.bytes_to_eject;
    r.detours += sums.detours;
    r.detour_hops += sums.detour_hops;
  }
  Collector collector(m, r);
  collector.links();
  collector.cores();
  fold_operations(context, r);
  name_algorithms(context, r);
  r.zplane = zplane_totals(m);
  for (const DieShard& die : m.dies) {
    add(r.breakdown, die.breakdown(r.end_cycle));
    r.tasks_copied += die.tasks_copied();
  }
  for (RankId rank = 0; rank < context.job.slices.size(); ++rank) {
    const workload::Program& program = context.program(rank);
    const workload::MemoryPlan& memory = program.memory;
    r.nodes_used += context.job.slices[rank].shape->node_count();
    r.sram_peak_bytes_max = std::max(r.sram_peak_bytes_max, memory.node_peak);
    r.spilled_bytes += memory.spilled;
    r.recomputed_bytes += memory.recomputed;
    const workload::Graph& graph = context.workload.graphs[program.graph];
    for (const workload::Op& op : graph.ops)
      r.flops_planned += op.flops * std::max<std::int64_t>(1, context.workload.steps);
  }
  if (!context.job.programs.empty()) r.memory_decisions = context.job.programs.front().memory.decisions;
  for (const Bytes bytes : context.job.hbm_used_bytes) r.hbm_peak_bytes_max = std::max(r.hbm_peak_bytes_max, bytes);
  r.approximations = approximations(context);
  r.threads = context.settings.threads;
  r.events = m.events();
  r.dies_simulated = topology().die_count();
  r.dies_copied = m.rows.dies_taken_over();
  r.copied_s = topology().seconds(std::min(m.rows.until(), r.end_cycle));
  if (!r.finished && !interrupted) {
    r.waiting = waiting();
    r.blocked_packets = blocked_packets();
  }

  Digest& digest = collector.digest();
  digest.add(static_cast<std::uint64_t>(r.end_cycle));
  digest.add(r.packets.packets);
  digest.add(r.packets.cycles_sum);
  for (const std::uint64_t count : r.packets.count) digest.add(count);
  for (const Cycles step : r.step_end) digest.add(static_cast<std::uint64_t>(step));
  for (const std::uint64_t v :
       {r.breakdown.compute, r.breakdown.communication, r.breakdown.overlapped, r.breakdown.memory, r.breakdown.idle}) {
    digest.add(v);
  }
  for (const OpRecord& op : r.ops) {
    for (const std::uint64_t v : {op.count, op.cycles_sum, static_cast<std::uint64_t>(op.cycles_min),
                                  static_cast<std::uint64_t>(op.cycles_max), static_cast<std::uint64_t>(op.flops)}) {
      digest.add(v);
    }
  }
  for (const std::int64_t v : {r.sram_peak_bytes_max, r.spilled_bytes, r.recomputed_bytes, r.hbm_peak_bytes_max,
                               r.flops_recomputed, r.flops_by_roofline, r.flops_by_recorded}) {
    digest.add(static_cast<std::uint64_t>(v));
  }
  if (topology().routes() != nullptr) {
    digest.add(r.detours);
    digest.add(r.detour_hops);
  }
  if (context.zplane) {
    const ZplaneTotals& z = r.zplane;
    for (const std::uint64_t v : {z.messages, z.bytes, z.cycles_sum, z.frames, z.resent, z.lost, z.acks, z.nacks,
                                  z.ignored, z.timeouts, z.window_stalls, z.longest_queue}) {
      digest.add(v);
    }
  }
  r.digest = digest.value();

  // Conservation laws. The classes are counted as time passes; their sum is only compared here.
  const Breakdown& b = r.breakdown;
  const std::uint64_t classes = b.compute + b.communication + b.overlapped + b.memory + b.idle;
  if (r.finished) {
    DOJO_CHECK(classes == static_cast<std::uint64_t>(r.nodes_used) * static_cast<std::uint64_t>(r.end_cycle),
               "node-cycle classes sum to {}, {} nodes x {} cycles pass", classes, r.nodes_used, r.end_cycle);
    DOJO_CHECK(r.flops_executed == r.flops_planned, "{} FLOP executed, {} in the graphs", r.flops_executed,
               r.flops_planned);
    std::uint64_t received = r.sram_bytes_ejected;
    for (const DipShard& dip : m.dips) received += dip.bytes_received();
    DOJO_CHECK(received == bytes_to_eject, "{} bytes delivered, {} sent", received, bytes_to_eject);
    for (DieId die = 0; die < m.dies.size(); ++die) {
      DOJO_CHECK(m.dies[die].settled(), "die {} still has messages to send after the end", die);
    }
  }
  return r;
}

}  // namespace dojo::machine
