// SPDX-License-Identifier: Apache-2.0
// Messages between nodes and dies against closed forms: latency, serialisation, rates of links, ports and edges.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/net.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::LinkClass;
using topology::MachineParams;
using workload::OpKind;

/// One message between two nodes, nothing else on the machine.
JobRun one_message(const MachineParams& machine, const std::string& from, const std::string& to, Bytes bytes) {
  JobText job(2);
  job.message(0, 1, bytes);
  return run(machine, job.take(), placed("node", 2, {from, to}));
}

/// When the last operation ended; the machine's own end also waits for credits on their way back.
double cycles(const JobRun& run) {
  Cycles end = 0;
  for (const machine::OpRecord& op : run.results.ops) end = std::max(end, op.last_end);
  return static_cast<double>(end);
}
double rate(const JobRun& run, Bytes bytes) {
  return static_cast<double>(bytes) / cycles(run) * run.topology->params().clock_hz;
}

TEST(ZeroLoad, OnePacketOnADie) {
  const MachineParams machine = machine_file("die");
  // Sites 0 (row 0, column 0) and 17 x 20 + 19 (row 17, column 19): 17 + 19 links, one port at each end.
  const double hops = 17 + 19;
  const double expected = (1 + hops) * static_cast<double>(machine.noc.hop_cycles) + 1;
  const JobRun ran = one_message(machine, "die.node[0]", "die.node[359]", 64);
  judge({"zero_load_die", "latency of a 64 B message between two nodes of a die", "(1 + hops) hop_cycles + 1 flit",
         "cycles"},
        expected, cycles(ran));
  EXPECT_EQ(ran.of_class(LinkClass::kNoc).counters.transfers, 36u) << "one link a step of Manhattan distance";
}

TEST(ZeroLoad, OnePacketAcrossADieEdge) {
  const MachineParams machine = machine_file("tile");
  // The same site of two neighbours in a row: 20 steps, the last of them through the edge.
  const double crossing = machine.die.crossing_ns * machine.clock_hz / 1e9;
  const double expected = (1 + 20) * static_cast<double>(machine.noc.hop_cycles) + crossing + 1;
  const JobRun ran = one_message(machine, "tile.die[6].node[130]", "tile.die[7].node[130]", 64);
  judge({"zero_load_crossing", "latency of a 64 B message to the same node of the next die",
         "(1 + hops) hop_cycles + crossing + 1 flit", "cycles"},
        expected, cycles(ran));
}

TEST(Serialisation, AddsACycleForEach64Bytes) {
  const MachineParams machine = machine_file("die");
  const Bytes bytes = 4096;
  const double flits = static_cast<double>(bytes / machine.noc.link_bytes_per_cycle);
  const JobRun ran = one_message(machine, "die.node[0]", "die.node[359]", bytes);
  judge({"serialisation", "latency of a 4 KiB message between two nodes of a die",
         "(1 + hops) hop_cycles + bytes / link", "cycles"},
        (1 + 36) * static_cast<double>(machine.noc.hop_cycles) + flits, cycles(ran));
}

TEST(LinkBandwidth, TwoStreamsShareOneLink) {
  // Columns 0 -> 2 and 1 -> 3 of row 0 share the link 1 -> 2: it has to carry both.
  const MachineParams machine = machine_file("die");
  const Bytes bytes = 1 << 19;
  JobText job(4);
  job.message(0, 2, bytes);
  job.message(1, 3, bytes);
  const JobRun ran =
      run(machine, job.take(), placed("node", 4, {"die.node[0]", "die.node[1]", "die.node[2]", "die.node[3]"}));
  judge(
      {"noc_link_rate", "two 512 KiB messages over one on-die link", "bytes / link_bytes_per_cycle", "cycles", 1, 1.05},
      2.0 * static_cast<double>(bytes) / static_cast<double>(machine.noc.link_bytes_per_cycle), cycles(ran));
}

TEST(NocPort, TwoStreamsIntoOneNode) {
  // From the west and from the north into site 21 (row 1, column 1)'s neighbour 42 (row 2, column 2): different links,
  // one write port.
  const MachineParams machine = machine_file("die");
  const Bytes bytes = 1 << 19;
  JobText job(3);
  job.message(0, 2, bytes);
  job.message(1, 2, bytes, 1, false);
  const JobRun ran = run(machine, job.take(), placed("node", 3, {"die.node[41]", "die.node[22]", "die.node[42]"}));
  judge({"noc_write_port", "two 512 KiB messages into one node's SRAM", "bytes / (noc_write_ports x port)", "cycles", 1,
         1.05},
        2.0 * static_cast<double>(bytes) /
            static_cast<double>(machine.node.noc_write_ports * machine.node.port_bytes_per_cycle),
        cycles(ran));
}

/// Nearly alone on its way, a packet of one flit takes a cycle a hop, the crossings, and one each into and out of its
/// routers.
TEST(ZeroLoad, PacketsAroundDeadDiesTakeTheirRoutes) {
  const NetMeasured run = measure_net(
      net_config("", {"machine.level=tile", "machine.defects_random=[{\"kind\":\"die\",\"count\":5,\"seed\":2}]",
                      "net.packet_flits=1", "net.rate=0.0005", "net.warmup_cycles=2000", "net.measure_cycles=10000"}),
      NetModel::kReference);
  EXPECT_GT(run.outcome.created, 30000u);
  judge({"zero_load_detours", "mean packet latency between random nodes of a tile without five dies, at 0.0005",
         "injection + (hops of the routes + 1) hop + their crossings", "cycles", 0.99, 1.01},
        run.zero_load_cycles, run.outcome.mean_cycles);
}

/// At a load that saturates the mesh's links, packets wait for the write port of their destination alone: a queue of
/// which N inputs each have a packet in a cycle with probability p/N (Karol, Hluchyj, Morgan 1987).
TEST(Ideal, PacketsWaitForPortsAlone) {
  const double load = 0.6, nodes = 64;
  const NetMeasured run =
      measure_net(net_config("", {"net.mesh.rows=8", "net.mesh.columns=8", "net.packet_flits=1", "net.rate=0.6",
                                  "net.warmup_cycles=2000", "net.measure_cycles=10000"}),
                  NetModel::kIdeal);
  EXPECT_EQ(run.outcome.not_arrived, 0u);
  judge({"ideal_ports", "ideal model: mean packet latency on an 8x8 mesh, uniform at 0.6",
         "empty network + (N - 1) / N x load / 2 (1 - load)", "cycles", 0.99, 1.01},
        run.zero_load_cycles + (nodes - 1) / nodes * load / (2 * (1 - load)), run.outcome.mean_cycles);
}

/// A message has two steps, its sender's and its receiver's; of an all-reduce of two nodes along a tree the leaf sends,
/// the root adds, and the leaf receives the sum.
TEST(Semaphores, CostTheirCyclesAtEachStep) {
  const auto lasts = [](Cycles semaphore, bool all_reduce) {
    MachineParams machine = machine_file("die");
    machine.node.collective_semaphore_cycles = semaphore;
    if (!all_reduce) return cycles(one_message(machine, "die.node[0]", "die.node[1]", 64));
    JobText job(2);
    for (RankId rank = 0; rank < 2; ++rank) job.add(rank, op_of(OpKind::kAllReduce, 64));
    workload::LowerOptions options = placed("node", 2, {"die.node[0]", "die.node[1]"});
    options.collective_algorithm = workload::Algorithm::kTree;
    return cycles(run(machine, job.take(), options));
  };
  judge({"semaphore_message", "what a semaphore of 20 cycles adds to a message between two nodes", "2 steps x 20",
         "cycles"},
        40, lasts(20, false) - lasts(0, false));
  judge({"semaphore_all_reduce", "what a semaphore of 20 cycles adds to an all-reduce of two nodes by tree",
         "3 steps x 20", "cycles"},
        60, lasts(20, true) - lasts(0, true));
}

/// All nodes of one die send to the same nodes of the next one along a row: the edge between is the narrowest place.
JobRun edge_stream(const MachineParams& machine, Bytes bytes, const std::string& from, const std::string& to) {
  JobText job(2);
  job.message(0, 1, bytes);
  return run(machine, job.take(), placed("die", 2, {from, to}));
}

TEST(EdgeRate, DieEdge) {
  const MachineParams machine = machine_file("tile");
  const Bytes bytes = 64 << 20;
  const JobRun ran = edge_stream(machine, bytes, "tile.die[6]", "tile.die[7]");
  EXPECT_EQ(machine.die.edge_bytes_per_s, 2.016e12);
  // Measured rate; at least 95 % of the edge, never more.
  judge({"die_edge_rate", "64 MiB from a die to the next one in its tile", "die.edge_bytes_per_s", "bytes/s", 0.95, 1},
        machine.die.edge_bytes_per_s, rate(ran, bytes));
}

MachineParams two_tiles_of_one_die() {
  return machine_file("tray", {"machine.tray.tiles.rows=1", "machine.tray.tiles.columns=2", "machine.tile.dies.rows=1",
                               "machine.tile.dies.columns=1"});
}

TEST(EdgeRate, TileEdge) {
  const MachineParams machine = two_tiles_of_one_die();
  const Bytes bytes = 64 << 20;
  const JobRun ran = edge_stream(machine, bytes, "tray.tile[0].die[0]", "tray.tile[1].die[0]");
  EXPECT_EQ(machine.tile.die_edge_out_bytes_per_s, 8.96e11);
  judge({"tile_edge_rate", "64 MiB from a die to the next tile", "tile.die_edge_out_bytes_per_s", "bytes/s", 0.95, 1},
        machine.tile.die_edge_out_bytes_per_s, rate(ran, bytes));
}

TEST(EdgeRate, BothWaysAtOnce) {
  const MachineParams machine = machine_file("tile");
  const Bytes bytes = 64 << 20;
  JobText job(2);
  job.message(0, 1, bytes);
  job.message(1, 0, bytes, 1, false);
  const JobRun ran = run(machine, job.take(), placed("die", 2, {"tile.die[6]", "tile.die[7]"}));
  judge({"die_edge_both_ways", "64 MiB each way between two dies at once", "die.edge_bytes_per_s, each way", "bytes/s",
         0.95, 1},
        machine.die.edge_bytes_per_s, rate(ran, bytes));
}

TEST(Dips, FiveOnEachEdgeOfATile) {
  const topology::Topology tile(machine_file("tile"));
  int west = 0, east = 0;
  for (std::uint32_t dip = 0; dip < tile.dip_count(); ++dip) {
    (tile.dip_side(dip) == topology::Direction::kWest ? west : east) += 1;
    EXPECT_DOUBLE_EQ(tile.edge(tile.dip_die(dip), tile.dip_side(dip)).bytes_per_s, 8.96e11);
  }
  judge({"dips_on_an_edge", "DIPs on the west edge of a tile", "one for each of 5 rows of dies", ""}, 5, west);
  EXPECT_EQ(east, 5);
}

/// HBM -> DIP -> all nodes of a die, which has one DIP in the west and one in the east.
JobRun memory_job(const MachineParams& machine, OpKind kind, Bytes bytes) {
  JobText job(1);
  job.add(0, op_of(kind, bytes));
  return run(machine, job.take(), placed("die", 1));
}

TEST(Dips, HbmReachesItsRate) {
  const MachineParams machine = machine_file("die");
  const Bytes bytes = 256 << 20;
  const double hbm = std::min(machine.dip.hbm_bytes_per_s * machine.dip.hbm_efficiency, machine.dip.ttp_bytes_per_s);
  judge({"hbm_load_rate", "256 MiB from HBM to one die", "2 x min(hbm x efficiency, ttp)", "bytes/s", 0.95, 1}, 2 * hbm,
        rate(memory_job(machine, OpKind::kMemLoad, bytes), bytes));
  judge({"hbm_store_rate", "256 MiB from one die to HBM", "2 x min(hbm x efficiency, ttp)", "bytes/s", 0.95, 1},
        2 * hbm, rate(memory_job(machine, OpKind::kMemStore, bytes), bytes));
}

TEST(Dips, SamplesArriveAtTheRateOfTheHosts) {
  const MachineParams machine = machine_file("die");
  const Bytes bytes = 64 << 20;
  judge({"host_ingest_rate", "64 MiB of samples from the hosts to one die", "2 x (pcie + ethernet)", "bytes/s", 0.9, 1},
        2 * (machine.dip.pcie_bytes_per_s + machine.dip.ethernet_bytes_per_s),
        rate(memory_job(machine, OpKind::kIngest, bytes), bytes));
}

}  // namespace
}  // namespace dojo::test
