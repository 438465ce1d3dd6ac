// SPDX-License-Identifier: Apache-2.0
// Messages over the Z-plane: latency of a write, what the window lets through, loss and repetition.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::MachineParams;

/// From a die at the west end of a row of dies to the one at its east end: DIP 0 to DIP 1.
JobRun over_the_plane(const MachineParams& machine, Bytes bytes, const machine::MachineSettings& settings = {},
                      bool both_ways = false) {
  JobText job(2);
  job.message(0, 1, bytes);
  if (both_ways) job.message(1, 0, bytes, 1, false);
  workload::LowerOptions options = placed("die", 2, {"tile.die[0]", "tile.die[4]"});
  options.send_route = workload::SendRoute::kZplane;
  return run(machine, job.take(), options, settings);
}

MachineParams tile(std::vector<std::string> set = {}) {
  return machine_file("tile", set);
}

/// Payload share of the wire for full frames.
double frame_efficiency(const MachineParams& m) {
  const double payload = static_cast<double>(m.zplane.frame_beats) * 64;
  return payload / (payload + static_cast<double>(m.zplane.header_bytes + m.zplane.gap_bytes));
}

/// Between the first and the last message piece at the DIPs; ends (nodes, HBM) take a few microseconds of milliseconds.
double goodput(const JobRun& ran, Bytes bytes) {
  Cycles end = 0;
  for (const machine::OpRecord& op : ran.results.ops) end = std::max(end, op.last_end);
  return static_cast<double>(bytes) / ran.topology->seconds(end);
}

TEST(Zplane, AWriteTakesWhatIsPublished) {
  const JobRun ran = over_the_plane(tile(), 64);
  ASSERT_EQ(ran.results.zplane.messages, 1u);
  for (const machine::CollectiveRecord& record : ran.results.collectives) {
    EXPECT_EQ(record.algorithm, "zplane");
    EXPECT_EQ(record.ranks, 2u) << "DIPs are no ranks";
  }
  // HBM 300, bridge 100, switch 500, bridge 100, HBM 300; 148 bytes on the wire are 3 ns.
  judge(
      {"ttpoe_write", "one-way TTPoE write of 64 B between two DIPs over one switch", "1.3 us published", "s", 1, 1.01},
      1.3e-6, ran.topology->seconds(static_cast<Cycles>(ran.results.zplane.cycles_sum)));
}

TEST(Zplane, ASecondTierOfSwitchesAddsTwo) {
  const JobRun one = over_the_plane(tile(), 64);
  // Two ports: a leaf for each DIP.
  const JobRun two = over_the_plane(tile({"machine.zplane.switch_tiers=2", "machine.zplane.ports_per_switch=6"}), 64);
  EXPECT_EQ(two.results.zplane.cycles_sum - one.results.zplane.cycles_sum, 0u) << "DIPs 0 and 1 share a leaf of three";
  JobText job(2);
  job.message(0, 1, 64);
  workload::LowerOptions options = placed("die", 2, {"tile.die[0]", "tile.die[24]"});
  options.send_route = workload::SendRoute::kZplane;
  const JobRun far =
      run(tile({"machine.zplane.switch_tiers=2", "machine.zplane.ports_per_switch=6"}), job.take(), options);
  EXPECT_EQ(far.results.zplane.cycles_sum - one.results.zplane.cycles_sum, 2000u) << "two more switches of 500 ns";
}

TEST(Zplane, ALongMessageRunsAtTheRateOfFullFrames) {
  const MachineParams machine = tile();
  const Bytes bytes = 32 << 20;
  judge({"ttpoe_rate", "32 MiB between two DIPs", "50 GB/s x 1024 / 1108", "bytes/s", 0.95, 1},
        machine.dip.ethernet_bytes_per_s * frame_efficiency(machine), goodput(over_the_plane(machine, bytes), bytes));
}

TEST(Zplane, ALongMessageOfOneNodeStartsAtOnce) {
  const MachineParams machine = tile();
  const Bytes bytes = 64 << 20;
  JobText job(2);
  job.message(0, 1, bytes);
  workload::LowerOptions options = placed("node", 2, {"tile.die[0].node[160]", "tile.die[4].node[160]"});
  options.send_route = workload::SendRoute::kZplane;
  const JobRun ran = run(machine, job.take(), options);
  judge({"ttpoe_node_rate", "64 MiB from one node to another over the Z-plane", "50 GB/s x 1024 / 1108", "bytes/s",
         0.95, 1},
        machine.dip.ethernet_bytes_per_s * frame_efficiency(machine), goodput(ran, bytes));
}

TEST(Zplane, TheWindowBoundsTheRateFromItsKneeOn) {
  const Bytes bytes = 32 << 20;
  for (const int switch_us : {2, 8, 16, 32}) {
    const MachineParams machine = tile({"machine.zplane.switch_ns=" + std::to_string(switch_us * 1000)});
    // Out and back: two switches and four bridges; a frame on two wires and its answer on two.
    const double beat = 1 / machine.dip.ethernet_bytes_per_s;
    const double round_trip = 2 * (switch_us * 1e-6 + 2 * machine.dip.bridge_ns * 1e-9) + (1108 + 2 * 84) * beat;
    const double window = static_cast<double>(machine.zplane.window_bytes) / round_trip;
    const double line = machine.dip.ethernet_bytes_per_s * frame_efficiency(machine);
    const JobRun ran = over_the_plane(machine, bytes);
    EXPECT_EQ(ran.results.zplane.timeouts, 0u);
    EXPECT_EQ(ran.results.zplane.window_stalls > 0, window < line) << switch_us;
    judge({"ttpoe_window_" + std::to_string(switch_us),
           "the same through a switch of " + std::to_string(switch_us) + " us", "min(line, window / round trip)",
           "bytes/s", 0.95, 1.02},
          std::min(line, window), goodput(ran, bytes));
  }
}

TEST(Zplane, LostFramesCostWhatGoingBackCosts) {
  const Bytes bytes = 64 << 20;
  const double p = 0.002;
  const MachineParams machine = tile({"machine.zplane.loss_rate=0.002", "machine.zplane.window_bytes=65536"});
  const JobRun ran = over_the_plane(machine, bytes);
  const machine::ZplaneTotals& z = ran.results.zplane;
  EXPECT_EQ(z.bytes, static_cast<std::uint64_t>(bytes));
  EXPECT_EQ(z.nacks + z.timeouts > 0, true);
  // A frame that is lost is found when the next one comes, and comes again after a round trip: that time is lost, or a
  // timeout if it is lost again, or if the request is. The window of 64 frames (1.42 us on the wire) is shorter than
  // the round trip of 1.4 us by little, so time runs at the line's rate.
  const double wire = 1 / machine.dip.ethernet_bytes_per_s;
  const double frame = 1108 * wire;
  const double round_trip = 2 * 700e-9 + (1108 + 2 * 84) * wire;
  const double each =
      std::max(frame, round_trip / 64) + p * (round_trip + frame) + 2 * p * p * machine.zplane.timeout_ns * 1e-9;
  // 131 losses: 9 % of their share of the time; timeouts are rare and long.
  judge({"ttpoe_loss", "64 MiB between two DIPs, 0.2 % of the frames lost", "line rate, go-back-N", "bytes/s", 0.95,
         1.05},
        1024 / each, goodput(ran, bytes));
}

TEST(Zplane, EveryByteComesOnceUnderHeavyLossOnAnyNumberOfThreads) {
  const MachineParams machine = tile({"machine.zplane.loss_rate=0.05", "machine.zplane.timeout_ns=5000"});
  std::vector<std::uint64_t> digests;
  for (const unsigned threads : {1u, 2u, 1u}) {
    machine::MachineSettings settings;
    settings.threads = threads;
    if (digests.size() == 2) settings.window_cycles = 97;
    const JobRun ran = over_the_plane(machine, 1 << 20, settings, true);
    EXPECT_GT(ran.results.zplane.lost, 50u);
    EXPECT_EQ(ran.results.zplane.bytes, 2u << 20);
    digests.push_back(ran.results.digest);
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
  const JobRun other =
      over_the_plane(tile({"machine.zplane.loss_rate=0.05", "machine.zplane.timeout_ns=5000", "machine.zplane.seed=2"}),
                     1 << 20, {}, true);
  EXPECT_NE(other.results.digest, digests[0]);
}

/// Five dies in a row: three belong to the DIP at one end, two to the other. Sums go over one die and the Z-plane to
/// the first die and back; its own two neighbours are nearer.
TEST(Zplane, AnAllReduceGoesOnceThereAndBack) {
  const MachineParams machine = tile();
  JobText job(5);
  for (RankId rank = 0; rank < 5; ++rank) job.add(rank, op_of(workload::OpKind::kAllReduce, 64));
  workload::LowerOptions options =
      placed("die", 5, {"tile.die[0]", "tile.die[1]", "tile.die[2]", "tile.die[3]", "tile.die[4]"});
  options.collective_algorithm = workload::Algorithm::kZplane;
  const JobRun ran = run(machine, job.take(), options);
  EXPECT_EQ(ran.results.zplane.messages, 2u);
  const auto ns = [](double time) { return time * 1e-9; };
  const double clock = machine.clock_hz;
  const auto columns = static_cast<double>(machine.die.grid.columns);
  const double over_a_die = ns(machine.die.crossing_ns) + columns / clock;
  const double to_dip = ns(machine.dip.ttp_link_ns) + ns(machine.dip.bridge_ns) + columns / 2 / clock;
  const double write =
      2 * ns(machine.dip.hbm_latency_ns) + 2 * ns(machine.dip.bridge_ns) + ns(machine.zplane.switch_ns);
  judge({"zplane_all_reduce", "all-reduce of 64 B over five dies in a row and the DIPs at its ends, by zplane",
         "2 x (crossing + 2 x (DIP link + bridge) + TTPoE write)", "s", 1, 1.03},
        2 * (over_a_die + 2 * to_dip + write), ran.seconds());
}

/// The route `fastest` is the faster of both; where they differ by less than a tenth either is good.
TEST(Zplane, TheFastestRouteIsTheFasterOne) {
  struct Case {
    const char *from, *to;
    Bytes bytes;
  };
  const std::string first = "cabinet.tray[0].tile[0].die[0]", row_end = "cabinet.tray[0].tile[2].die[4]",
                    corner = "cabinet.tray[1].tile[5].die[24]", below = "cabinet.tray[0].tile[0].die[20]";
  const MachineParams cabinet = machine_file("cabinet");
  double worst = 0;
  int over_zplane = 0;
  for (const Case& one :
       {Case{first.c_str(), row_end.c_str(), 64}, Case{first.c_str(), below.c_str(), 64},
        Case{first.c_str(), corner.c_str(), 64}, Case{first.c_str(), corner.c_str(), 32 << 10},
        Case{first.c_str(), corner.c_str(), 1 << 20}, Case{below.c_str(), corner.c_str(), 256 << 10}}) {
    double seconds[3] = {};
    for (const int i : {0, 1, 2}) {
      JobText job(2);
      job.message(0, 1, one.bytes);
      workload::LowerOptions options = placed("die", 2, {one.from, one.to});
      options.send_route = i == 0   ? workload::SendRoute::kMesh
                           : i == 1 ? workload::SendRoute::kZplane
                                    : workload::SendRoute::kFastest;
      const JobRun ran = run(cabinet, job.take(), options);
      seconds[i] = ran.seconds();
      over_zplane += i == 2 && ran.results.zplane.messages > 0 ? 1 : 0;
    }
    EXPECT_TRUE(seconds[2] == seconds[0] || seconds[2] == seconds[1]);
    worst = std::max(worst, seconds[2] / std::min(seconds[0], seconds[1]));
  }
  EXPECT_GE(over_zplane, 2);
  EXPECT_LE(over_zplane, 4);
  judge({"zplane_fastest", "route by the cost model, worst of six messages in a cabinet: time",
         "the faster of mesh and Z-plane", "", 1, 1.1},
        1, worst);
}

TEST(Zplane, NeedsAPortForEachDip) {
  EXPECT_THROW(over_the_plane(tile({"machine.zplane.ports_per_switch=9"}), 64), Error);
}

}  // namespace
}  // namespace dojo::test
