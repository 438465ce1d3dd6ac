// SPDX-License-Identifier: Apache-2.0
// What a finished (or interrupted) run left behind, as plain values: integers from which every figure of the report
// derives.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/core/counters.h"
#include "dojo/fabric/die_network.h"
#include "dojo/fabric/ttpoe.h"
#include "dojo/schema/counters.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"

namespace dojo::machine {

/// Of one link or port. `busy_units` is serialisation time in 1/65536 cycle, so that fractional rates stay exact.
struct LinkCounters {
  std::uint64_t bytes = 0;
  std::uint64_t busy_units = 0;
  std::uint64_t queue_cycles = 0;
  std::uint64_t transfers = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("bytes", self.bytes, Sum{}, "bytes", "carried");
    field("busy_units", self.busy_units, Sum{}, "1/65536 cycle", "time spent serialising", kNotReported);
    field("queue_cycles", self.queue_cycles, Sum{}, "cycles", "waited by bursts before the link", kNotReported);
    field("transfers", self.transfers, Sum{}, "bursts", "carried");
  }
};
static_assert(schema::every_counter_is_listed<LinkCounters>());
inline constexpr std::uint64_t kBusyUnitsPerCycle = 65536;

/// Of one core.
struct CoreCounters {
  std::uint64_t busy_cycles = 0;
  std::int64_t matrix_flops = 0, vector_flops = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("busy_cycles", self.busy_cycles, Sum{}, "cycles", "the core computes", kNotReported);
    field("matrix_flops", self.matrix_flops, Sum{}, "FLOP",
          "matrix unit: every convolution and matrix product of the graphs once, 2 per multiply-add",
          ReportedAs{"flops.executed"});
    field("vector_flops", self.vector_flops, Sum{}, "FLOP", "vector unit; not in `flops.executed`",
          ReportedAs{"flops.vector"});
  }
};
static_assert(schema::every_counter_is_listed<CoreCounters>());

/// What ranks and messages count while they run: each host thread for itself, each copied task once. A new counter of
/// that kind is a member and a line here, and its increment.
struct RunCounters {
  std::int64_t flops_by[3] = {0, 0, 0};  ///< by workload::Kernel::TimedBy
  std::int64_t flops_recomputed = 0;
  std::uint64_t detours = 0, detour_hops = 0;
  std::uint64_t bytes_to_eject = 0;
  std::uint64_t tasks_done = 0, ranks_done = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("flops_by_shapes", self.flops_by[0], Sum{}, "FLOP", "executed; timed by the kernel model from their shapes",
          ReportedAs{"fidelity.timed_by.shapes"});
    field("flops_by_roofline", self.flops_by[1], Sum{}, "FLOP", "executed; without shapes, timed by FLOP and bytes",
          ReportedAs{"fidelity.timed_by.roofline"});
    field("flops_by_recorded", self.flops_by[2], Sum{}, "FLOP", "executed; timed by the duration in the trace",
          ReportedAs{"fidelity.timed_by.recorded"});
    field("flops_recomputed", self.flops_recomputed, Sum{}, "FLOP",
          "matrix work repeated because its result did not fit; not in `flops.executed`",
          ReportedAs{"flops.recomputed"});
    field("detours", self.detours, Sum{}, "messages", "that turned off dimension order because of dead parts",
          ReportedAs{"detours.messages"});
    field("detour_hops", self.detour_hops, Sum{}, "hops", "of those messages beyond dimension order, once a message",
          ReportedAs{"detours.hops_added"});
    field("bytes_to_eject", self.bytes_to_eject, Sum{}, "bytes", "injected, times their receivers", kNotReported);
    field("tasks_done", self.tasks_done, Sum{}, "tasks", "that ended", kNotReported);
    field("ranks_done", self.ranks_done, Sum{}, "ranks", "that ended", kNotReported);
  }
};
static_assert(schema::every_counter_is_listed<RunCounters>());

/// What lowering planned, over all ranks.
struct PlanTotals {
  std::int64_t flops_planned = 0, nodes_used = 0;
  Bytes sram_peak_bytes_max = 0, hbm_peak_bytes_max = 0, spilled_bytes = 0, recomputed_bytes = 0, streamed_bytes = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("flops_planned", self.flops_planned, Sum{}, "FLOP", "of the graphs; `flops.executed` when all have finished",
          ReportedAs{"flops.planned"});
    field("nodes_used", self.nodes_used, Sum{}, "nodes", "that ranks occupy", ReportedAs{"flops.nodes_used"});
    field("sram_peak_bytes_max", self.sram_peak_bytes_max, Max{}, "bytes", "fullest SRAM of any node",
          ReportedAs{"memory.sram_peak_bytes_max"});
    field("hbm_peak_bytes_max", self.hbm_peak_bytes_max, Max{}, "bytes", "fullest HBM of any DIP",
          ReportedAs{"memory.hbm_peak_bytes_max"});
    field("spilled_bytes", self.spilled_bytes, Sum{}, "bytes", "activations moved to HBM because they did not fit",
          ReportedAs{"memory.spilled_bytes"});
    field("recomputed_bytes", self.recomputed_bytes, Sum{}, "bytes", "activations thrown away and made again",
          ReportedAs{"memory.recomputed_bytes"});
    field("streamed_bytes", self.streamed_bytes, Sum{}, "bytes",
          "loaded from HBM ahead of use or stored there, of a step, by `capacity_policy` stream",
          ReportedAs{"memory.streamed_bytes"});
  }
};
static_assert(schema::every_counter_is_listed<PlanTotals>());

/// Node-cycles by class, exclusive, counted when they happen, summed over the nodes of all ranks.
struct Breakdown {
  std::uint64_t compute = 0, communication = 0, overlapped = 0, memory = 0, idle = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("compute", self.compute, Sum{}, "node-cycles", "the core works, no communication is under way");
    field("communication", self.communication, Sum{}, "node-cycles",
          "exposed communication: the node waits for the network");
    field("overlapped", self.overlapped, Sum{}, "node-cycles", "the core works while communication is under way");
    field("memory", self.memory, Sum{}, "node-cycles", "the node waits for DIP memory or for samples");
    field("idle", self.idle, Sum{}, "node-cycles", "nothing to do");
  }
};
static_assert(schema::every_counter_is_listed<Breakdown>());

/// How often something was carried out, and how long that took.
struct Executions {
  std::uint64_t count = 0;  ///< by ranks, that finished
  std::uint64_t cycles_sum = 0;
  Cycles cycles_min = kNever, cycles_max = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("count", self.count, Sum{}, "executions", "of all ranks, groups and steps, that finished");
    field("cycles_sum", self.cycles_sum, Sum{}, "cycles", "from start to end", kNotReported);
    field("cycles_min", self.cycles_min, Min{}, "cycles", "of the shortest", kNotReported);
    field("cycles_max", self.cycles_max, Max{}, "cycles", "of the longest", kNotReported);
  }
};
static_assert(schema::every_counter_is_listed<Executions>());

/// Of an operation.
struct OpCounters : Executions {
  Cycles first_start = kNever, last_end = 0;
  std::int64_t flops = 0;

  void add(Cycles start, Cycles end);
  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    Executions::fields(self, field);
    field("first_start", self.first_start, Min{}, "cycles", "start of the first", kNotReported);
    field("last_end", self.last_end, Max{}, "cycles", "end of the last", kNotReported);
    field("flops", self.flops, Sum{}, "FLOP", "of the matrix units, over all executions");
  }
};
static_assert(schema::every_counter_is_listed<OpCounters>());

/// Packet latencies from SRAM read to SRAM write in cycles.
struct LatencyCounters {
  std::uint64_t packets = 0, cycles_sum = 0;
  Cycles min = kNever, max = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("packets", self.packets, Sum{}, "packets", "of 64 bytes, those inside bursts included",
          ReportedAs{"latency.packets.count"});
    field("cycles_sum", self.cycles_sum, Sum{}, "cycles", "of all of them", kNotReported);
    field("min", self.min, Min{}, "cycles", "of the fastest", kNotReported);
    field("max", self.max, Max{}, "cycles", "of the slowest", ReportedAs{"latency.packets.max_cycles"});
  }
};
static_assert(schema::every_counter_is_listed<LatencyCounters>());

/// The same with a histogram; bins grow by 1 %.
struct LatencyHistogram : LatencyCounters {
  static constexpr int kBins = 2304;
  std::array<std::uint64_t, kBins> count{};
  static int bin(Cycles latency);
  static Cycles bin_low(int bin);  ///< smallest latency of the bin
  void add(Cycles latency, std::uint64_t n);
  void merge(const LatencyHistogram& other);
  [[nodiscard]] double percentile(double p) const;  ///< 0 < p < 100
};

/// What TTPoE did between DIPs.
struct ZplaneTotals : fabric::TtpoeCounters {
  std::uint64_t messages = 0, bytes = 0;  ///< DIP to DIP
  std::uint64_t cycles_sum = 0;           ///< of messages, from HBM to HBM
  Cycles cycles_min = kNever, cycles_max = 0;
  std::uint64_t lost = 0, longest_queue = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using namespace schema;
    field("messages", self.messages, Sum{}, "messages", "between DIPs; the section is there only where there are some");
    field("bytes", self.bytes, Sum{}, "bytes", "of those messages");
    field("cycles_sum", self.cycles_sum, Sum{}, "cycles", "of messages from HBM to HBM", kNotReported);
    field("cycles_min", self.cycles_min, Min{}, "cycles", "of the fastest message", kNotReported);
    field("cycles_max", self.cycles_max, Max{}, "cycles", "of the slowest message", kNotReported);
    fabric::TtpoeCounters::fields(self, field);
    field("lost", self.lost, Sum{}, "frames", "of any kind that did not arrive", ReportedAs{"zplane.frames_lost"});
    field("longest_queue", self.longest_queue, Max{}, "frames", "that waited at one port of a switch, at most",
          ReportedAs{"zplane.longest_queue_frames"});
  }
};
static_assert(schema::every_counter_is_listed<ZplaneTotals>());

/// A row of links.csv. On-die links are folded per die and direction unless all were asked for.
struct LinkRecord {
  std::string path;
  topology::LinkClass link_class = topology::LinkClass::kNoc;
  std::uint32_t links = 1;           ///< how many physical links are folded into this row
  double capacity_bytes_per_s = 0;   ///< of all of them together
  LinkCounters counters;             ///< sum over the folded links
  std::uint64_t max_busy_units = 0;  ///< of the busiest of them
};

/// Folded over a class; utilisation_mean = busy / (links x time), utilisation_max = the busiest link.
struct LinkClassTotals {
  std::uint64_t links = 0;
  double capacity_bytes_per_s = 0;
  LinkCounters counters;
  std::uint64_t max_busy_units = 0;
  std::uint64_t busy_overflows = 0;  ///< how often the sum of busy_units began again from 0

  /// One link more. A million links that are busy for some milliseconds are more than the sum of busy_units can hold.
  void add(const LinkCounters& link, double capacity) {
    ++links;
    capacity_bytes_per_s += capacity;
    schema::merge(counters, link);
    if (counters.busy_units < link.busy_units) ++busy_overflows;
    max_busy_units = std::max(max_busy_units, link.busy_units);
  }
  [[nodiscard]] double busy_units() const {
    constexpr double kRange = 18446744073709551616.0;  // 2^64
    return static_cast<double>(counters.busy_units) + kRange * static_cast<double>(busy_overflows);
  }
};

/// One operation of a graph, over all ranks that ran it and all steps.
struct OpRecord : OpCounters {
  std::uint32_t graph = 0, op = 0;
};

/// One collective or point-to-point operation of the trace, over its groups: from a rank's entry to its completion.
struct CollectiveRecord : Executions {
  std::uint32_t graph = 0, op = 0;
  std::string algorithm;
  std::uint32_t ranks = 0;  ///< of one group
  Bytes bytes = 0;          ///< as the trace gives it
  double model_seconds = 0;
};

/// A rank that could not finish, for exit code 4.
struct WaitingRank {
  RankId rank = 0;
  std::vector<std::string> operations;  ///< "recv 'name' (id 7) from rank 1 tag 3: no message came"
};

struct Results : RunCounters, PlanTotals {
  Cycles end_cycle = 0;
  bool finished = false;  ///< false: interrupted or cannot finish
  bool interrupted = false;
  std::vector<WaitingRank> waiting;          ///< not empty: the job cannot finish
  std::vector<std::string> waiting_cores;    ///< then: cores that run cycle by cycle and have not ended a step
  std::vector<std::string> blocked_packets;  ///< then: what stands in the network, oldest first

  CoreCounters cores;  ///< of all cores
  std::uint64_t detailed_nodes = 0;
  core::Counters pipelines;  ///< of the cores that ran cycle by cycle
  fabric::LinkUse noc;       ///< of all links on dies
  fabric::PortUse ports;     ///< of all nodes
  Breakdown breakdown;
  LatencyHistogram packets;
  ZplaneTotals zplane;
  std::vector<Cycles> step_end;  ///< latest rank end of each training step

  std::array<LinkClassTotals, topology::kLinkClasses> classes;
  std::vector<LinkRecord> links;
  std::vector<OpRecord> ops;
  std::vector<CollectiveRecord> collectives;
  workload::DType format = workload::DType::kBf16;  ///< of most FLOPs
  std::vector<std::string> approximations, memory_decisions;
  std::vector<double> die_edge_utilisation;  ///< [die * 4 + direction], for heat maps; -1 = no link
  std::vector<double> die_noc_utilisation;   ///< mean over the die's links
  std::vector<double> die_core_utilisation;  ///< compute share of the die's node-cycles

  // Host side: not part of the digest.
  double wall_s = 0, elaboration_s = 0, simulation_s = 0;
  std::uint64_t peak_rss_bytes = 0, events = 0;
  /// `dies_copied` of the `dies_simulated` took the state of another die, which had run for both until `copied_s`.
  std::uint32_t threads = 1, dies_simulated = 0, dies_copied = 0;
  double copied_s = 0;
  /// Tasks of dies that took a record instead of running events.
  std::uint64_t tasks_copied = 0;
  std::uint64_t digest = 0;  ///< hash of what every part counted and of all integers above, in a fixed order
};

/// Gives `add` the integers of a run that its digest covers, in a fixed order: all counters that Results holds, but for
/// rows of links.csv, of which `run.all_links` only shows more.
void visit_counted(const Results& results, const std::function<void(std::uint64_t)>& add);

}  // namespace dojo::machine
