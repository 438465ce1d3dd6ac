// SPDX-License-Identifier: Apache-2.0
// The keys of report.json that always exist and the counters a module gives, with unit and sentence.
#include "counter_names.h"

namespace dojo::cli {

const std::vector<CounterName>& counter_names() {
  static const std::vector<CounterName> names{
      {"digest", "hash", "of all simulated integers and of the inputs; equal for any number of threads"},
      {"partial", "yes/no", "the run was interrupted or could not finish"},
      {"machine.nodes", "nodes", "nodes with a working core"},
      {"machine.peak_flops_per_s.bf16", "FLOP/s", "all matrix units of the machine"},
      {"machine.peak_flops_per_s.fp32", "FLOP/s", "all vector units of the machine"},
      {"time.cycles", "cycles", "simulated time, core clock"},
      {"time.seconds", "s", "simulated time"},
      {"workload.ranks", "ranks", "ranks of the job"},
      {"workload.batch_per_rank", "samples", "samples per rank and step; 0 = the trace does not say"},
      {"workload.samples_per_s", "samples/s", "all ranks, by the step time"},
      {"fidelity.timed_by.shapes", "FLOP", "of operations timed by the kernel model from their shapes"},
      {"fidelity.timed_by.roofline", "FLOP", "of operations without shapes, timed by FLOP and bytes"},
      {"fidelity.timed_by.recorded", "FLOP", "of operations timed by the duration in the trace"},
      {"flops.executed", "FLOP", "every convolution and matrix product of the graph once, 2 per multiply-add"},
      {"flops.vector", "FLOP", "work of the vector units"},
      {"flops.recomputed", "FLOP", "matrix work that was repeated because its result did not fit"},
      {"flops.achieved_per_s", "FLOP/s", "flops.executed / time.seconds"},
      {"flops.peak_per_s", "FLOP/s", "peak of the nodes that ranks occupy, in flops.format"},
      {"flops.utilisation", "share", "flops.achieved_per_s / flops.peak_per_s"},
      {"breakdown.compute_s", "s", "mean over the ranks' nodes: the core works, no communication is under way"},
      {"breakdown.communication_s", "s", "exposed communication: the node waits for the network"},
      {"breakdown.overlapped_s", "s", "the core works while communication is under way"},
      {"breakdown.memory_s", "s", "the node waits for DIP memory or for samples"},
      {"breakdown.idle_s", "s", "nothing to do"},
      {"latency.step_s", "s", "a training step; from two steps on the mean after the first"},
      {"latency.packets.count", "packets", "64-byte packets, those inside bursts included"},
      {"latency.packets.mean_cycles", "cycles", "SRAM read to SRAM write; also p50, p95, p99, max"},
      {"links.classes.<class>.count", "links", "of noc, die_to_die, tile_to_tile, dip, hbm, pcie, ethernet"},
      {"links.classes.<class>.bytes", "bytes", "carried by all links of the class"},
      {"links.classes.<class>.capacity_bytes_per_s", "bytes/s", "of all links of the class together"},
      {"links.classes.<class>.utilisation_mean", "share", "time spent serialising / time, mean over links"},
      {"links.classes.<class>.utilisation_max", "share", "the same of the busiest link"},
      {"links.classes.<class>.queue_cycles_mean", "cycles", "wait of a burst before it could use the link"},
      {"memory.sram_peak_bytes_max", "bytes", "fullest SRAM of any node"},
      {"memory.hbm_peak_bytes_max", "bytes", "fullest HBM of any DIP"},
      {"memory.spilled_bytes", "bytes", "moved out to DIP HBM because they did not fit"},
      {"memory.recomputed_bytes", "bytes", "dropped and computed again"},
      {"energy.joules", "J", "by the figures of the machine file; also watts_mean and by_part"},
      {"host.wall_s", "s", "of this run on the host; host figures are no part of the digest"},
      {"host.elaboration_s", "s", "building the SystemC modules"},
      {"host.simulation_s", "s", "simulating"},
      {"host.peak_rss_bytes", "bytes", "host memory at its highest"},
      {"host.events_per_s", "events/s", "simulated events per host second"},
      {"core.core_busy_cycles", "cycles", "module: the node's core computes"},
      {"core.matrix_flops", "FLOP", "module: matrix unit"},
      {"core.vector_flops", "FLOP", "module: vector unit"},
      {"sram.sram_bytes_read_by_noc", "bytes", "module: injected into the network"},
      {"sram.sram_bytes_written_by_noc", "bytes", "module: ejected from the network"},
      {"router.router_links[].bytes", "bytes", "module: over the outgoing link east, west, north or south"},
      {"router.router_links[].busy_units", "1/65536 cycle", "module: time that link spent serialising"},
      {"router.router_links[].queue_cycles", "cycles", "module: waited by bursts before that link"},
      {"router.router_links[].transfers", "bursts", "module: bursts over that link"},
      {"dip.hbm.bytes", "bytes", "module: through the DIP's HBM; the same counters for pcie, ethernet and ttp"}};
  return names;
}

}  // namespace dojo::cli
