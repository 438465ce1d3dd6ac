// SPDX-License-Identifier: Apache-2.0
// What a finished (or interrupted) run left behind, as plain values: integers from which every figure of the report
// derives.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/graph.h"

namespace dojo::machine {

/// One link or port. `busy_units` is serialisation time in 1/65536 cycle, so that fractional rates stay exact.
struct LinkCounters {
  std::uint64_t bytes = 0;
  std::uint64_t busy_units = 0;
  std::uint64_t queue_cycles = 0;  ///< waited by bursts before they could use the link
  std::uint64_t transfers = 0;     ///< bursts
};
inline constexpr std::uint64_t kBusyUnitsPerCycle = 65536;

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
};

/// Node-cycles by class, exclusive, counted when they happen, summed over the nodes of all ranks.
struct Breakdown {
  std::uint64_t compute = 0, communication = 0, overlapped = 0, memory = 0, idle = 0;
};

/// One operation of a graph, over all ranks that ran it and all steps.
struct OpRecord {
  std::uint32_t graph = 0, op = 0;
  std::uint64_t count = 0;  ///< rank executions that finished
  std::uint64_t cycles_sum = 0;
  Cycles cycles_min = 0, cycles_max = 0;
  Cycles first_start = 0, last_end = 0;
  std::int64_t flops = 0;  ///< matrix FLOP executed, all ranks
};

/// One collective or point-to-point operation of the trace, over its groups.
struct CollectiveRecord {
  std::uint32_t graph = 0, op = 0;
  std::string algorithm;
  std::uint32_t ranks = 0;       ///< of one group
  Bytes bytes = 0;               ///< as the trace gives it
  std::uint64_t count = 0;       ///< instances x ranks that finished
  std::uint64_t cycles_sum = 0;  ///< from the rank's entry to its completion
  Cycles cycles_min = 0, cycles_max = 0;
  double model_seconds = 0;
};

/// A rank that could not finish, for exit code 4.
struct WaitingRank {
  RankId rank = 0;
  std::vector<std::string> operations;  ///< "recv 'name' (id 7) from rank 1 tag 3: no message came"
};

/// Packet latencies from SRAM read to SRAM write in cycles; bins grow by 1 %.
struct LatencyHistogram {
  static constexpr int kBins = 2304;
  std::array<std::uint64_t, kBins> count{};
  std::uint64_t packets = 0, cycles_sum = 0;
  Cycles min = kNever, max = 0;
  static int bin(Cycles latency);
  static Cycles bin_low(int bin);  ///< smallest latency of the bin
  void add(Cycles latency, std::uint64_t n);
  void merge(const LatencyHistogram& other);
  [[nodiscard]] double percentile(double p) const;  ///< 0 < p < 100
};

/// What TTPoE did between DIPs; all zero where nothing was sent over it.
struct ZplaneTotals {
  std::uint64_t messages = 0, bytes = 0;  ///< DIP to DIP
  std::uint64_t cycles_sum = 0;           ///< of messages, from HBM to HBM
  Cycles cycles_min = 0, cycles_max = 0;
  std::uint64_t frames = 0, resent = 0, lost = 0;  ///< data frames sent, and again; frames of any kind lost
  std::uint64_t acks = 0, nacks = 0, ignored = 0, timeouts = 0;
  std::uint64_t window_stalls = 0;  ///< times a sender had data and no room in its window
  std::uint64_t longest_queue = 0;  ///< frames at one port of a switch
};

struct Results {
  Cycles end_cycle = 0;
  bool finished = false;  ///< false: interrupted or cannot finish
  bool interrupted = false;
  std::vector<WaitingRank> waiting;          ///< not empty: the job cannot finish
  std::vector<std::string> blocked_packets;  ///< then: what stands in the network, oldest first

  std::int64_t flops_executed = 0, flops_vector = 0, flops_recomputed = 0;
  std::int64_t flops_by_shapes = 0, flops_by_roofline = 0, flops_by_recorded = 0;
  std::int64_t flops_planned = 0;                   ///< of the graphs; equal to flops_executed when finished
  workload::DType format = workload::DType::kBf16;  ///< of most FLOPs
  std::int64_t nodes_used = 0;                      ///< occupied by ranks
  Breakdown breakdown;
  std::vector<Cycles> step_end;  ///< latest rank end of each training step
  LatencyHistogram packets;

  std::array<LinkClassTotals, topology::kLinkClasses> classes;
  std::vector<LinkRecord> links;
  std::vector<OpRecord> ops;
  std::vector<CollectiveRecord> collectives;

  Bytes sram_peak_bytes_max = 0, hbm_peak_bytes_max = 0, spilled_bytes = 0, recomputed_bytes = 0;
  std::uint64_t detours = 0, detour_hops = 0;  ///< messages that turn off dimension order; hops that this adds
  ZplaneTotals zplane;
  std::uint64_t noc_byte_hops = 0;  ///< for energy: bytes x on-die links
  std::uint64_t sram_bytes_injected = 0, sram_bytes_ejected = 0;
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
  std::uint64_t digest = 0;  ///< hash of all integers of the machine's counters, in a fixed order
};

}  // namespace dojo::machine
