// SPDX-License-Identifier: Apache-2.0
// Halving the rate of any class of links lengthens a job bound by it; doubling one that a job does not use changes
// nothing. Slowing one core delays its neighbours.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "support/run.h"
#include "support/temporary_folder.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::MachineParams;
using workload::OpKind;

struct LinkCase {
  const char* name;
  void (*scale)(MachineParams&, double);  ///< multiplies the rate of the class
  workload::Workload (*job)();            ///< bound by the class
  const char* unit;
  std::vector<std::string> places;
  MachineParams (*machine)();
  double longer;  ///< expected time at half the rate over the time at the whole
};

MachineParams a_die() {
  return machine_file("die");
}
MachineParams a_tile() {
  return machine_file("tile");
}
MachineParams two_tiles() {
  return machine_file("tray", {"machine.tray.tiles.rows=1", "machine.tray.tiles.columns=2", "machine.tile.dies.rows=1",
                               "machine.tile.dies.columns=1"});
}
/// The DIP's link, or its HBM, is narrower than one row of the mesh.
MachineParams narrow_dip() {
  return machine_file("die", {"machine.dip.ttp_bytes_per_s=5e10"});
}
MachineParams narrow_hbm() {
  return machine_file("die", {"machine.dip.hbm_bytes_per_s=5e10"});
}

workload::Workload message() {
  JobText job(2);
  job.message(0, 1, 8 << 20);
  return job.take();
}
workload::Workload small_message() {
  JobText job(2);
  job.message(0, 1, 1 << 20);
  return job.take();
}
workload::Workload load() {
  JobText job(1);
  job.add(0, op_of(OpKind::kMemLoad, 8 << 20));
  return job.take();
}
workload::Workload ingest() {
  JobText job(1);
  job.add(0, op_of(OpKind::kIngest, 8 << 20));
  return job.take();
}

const std::vector<LinkCase>& link_cases() {
  static const std::vector<LinkCase> cases{
      {"noc",
       [](MachineParams& p, double f) {
         p.noc.link_bytes_per_cycle = static_cast<std::int64_t>(static_cast<double>(p.noc.link_bytes_per_cycle) * f);
       },
       small_message,
       "node",
       {"die.node[0]", "die.node[19]"},
       a_die,
       2},
      {"die_to_die",
       [](MachineParams& p, double f) { p.die.edge_bytes_per_s *= f; },
       message,
       "die",
       {"tile.die[6]", "tile.die[7]"},
       a_tile,
       2},
      {"tile_to_tile",
       [](MachineParams& p, double f) { p.tile.die_edge_out_bytes_per_s *= f; },
       message,
       "die",
       {"tray.tile[0].die[0]", "tray.tile[1].die[0]"},
       two_tiles,
       2},
      {"dip", [](MachineParams& p, double f) { p.dip.ttp_bytes_per_s *= f; }, load, "die", {}, narrow_dip, 2},
      {"hbm", [](MachineParams& p, double f) { p.dip.hbm_bytes_per_s *= f; }, load, "die", {}, narrow_hbm, 2},
      {"pcie", [](MachineParams& p, double f) { p.dip.pcie_bytes_per_s *= f; }, ingest, "die", {}, a_die, 82.0 / 66},
      {"ethernet",
       [](MachineParams& p, double f) { p.dip.ethernet_bytes_per_s *= f; },
       ingest,
       "die",
       {},
       a_die,
       82.0 / 57},
  };
  return cases;
}

Cycles time_of(const LinkCase& c, const MachineParams& machine) {
  workload::Workload job = c.job();
  const RankId ranks = job.ranks();
  return run(machine, std::move(job), placed(c.unit, ranks, c.places)).results.end_cycle;
}

/// Job -> the classes that it does not use.
const std::map<std::string, std::string>& unused_by() {
  static const std::map<std::string, std::string> classes{{"noc", "die_to_die tile_to_tile dip hbm pcie ethernet"},
                                                          {"die_to_die", "tile_to_tile dip hbm pcie ethernet"},
                                                          {"tile_to_tile", "die_to_die dip hbm pcie ethernet"},
                                                          {"dip", "die_to_die tile_to_tile pcie ethernet"},
                                                          {"pcie", "die_to_die tile_to_tile"}};
  return classes;
}

class LinkClasses : public testing::TestWithParam<std::size_t> {};

TEST_P(LinkClasses, HalfTheRateTakesLonger) {
  const LinkCase& c = link_cases()[GetParam()];
  const MachineParams machine = c.machine();
  MachineParams half = machine;
  c.scale(half, 0.5);
  const auto whole_time = static_cast<double>(time_of(c, machine));
  // PCIe (32 GB/s) and Ethernet (50 GB/s) serve together: half of one is 66 or 57 of 82 GB/s.
  judge({std::string("half_") + c.name, std::string("halving the rate of ") + c.name + " for a job bound by it",
         fmt::format("{:.3g} x the time", c.longer), "cycles", 0.9, 1.05},
        c.longer * whole_time, static_cast<double>(time_of(c, half)));
}

TEST_P(LinkClasses, TwiceTheRateOfAnUnusedClassChangesNothing) {
  const LinkCase& c = link_cases()[GetParam()];
  // A message between two nodes of one die uses the mesh only; a message between dies no DIP; a load no host.
  for (const LinkCase& job : link_cases()) {
    for (const auto& [name, classes] : unused_by()) {
      if (name != job.name || (" " + classes + " ").find(std::string(" ") + c.name + " ") == std::string::npos)
        continue;
      const MachineParams machine = job.machine();
      MachineParams twice = machine;
      c.scale(twice, 2);
      EXPECT_EQ(time_of(job, twice), time_of(job, machine)) << "the job of " << job.name << " does not use " << c.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, LinkClasses, testing::Range<std::size_t>(0, 7),
                         [](const auto& test) { return std::string(link_cases()[test.param].name); });

/// A neighbour that waits for what the slow core makes is later, and starts later; one that does not is not.
TEST(SlowCore, InTheFileDelaysItsNeighbour) {
  const TemporaryFolder folder;
  nlohmann::json slow = nlohmann::json::parse(read_file(DOJO_SOURCE_DIR "/configs/machines/die.json"));
  slow.erase("$schema");
  slow["slow_nodes"] = {{{"path", "die.node[100]"}, {"core_speed", 0.5}}};
  const auto job = [&](const std::string& file) {
    JobText text(3);
    for (RankId rank = 0; rank < 3; ++rank) {
      workload::Op op = op_of(OpKind::kMatMul);
      op.mat = {256, 256, 256, 1};
      op.flops = 2ll * 256 * 256 * 256;
      text.add(rank, op);
    }
    text.message(0, 1, 4096);  // rank 1 waits for rank 0, rank 2 for nobody
    RunRequest request;
    request.machine = file;
    return run(test::load(request).machine, text.take(),
               placed("node", 3, {"die.node[100]", "die.node[101]", "die.node[102]"}));
  };
  const JobRun before = job(DOJO_SOURCE_DIR "/configs/machines/die.json");
  const JobRun after = job(folder.write("slow.json", slow.dump()));
  const auto end = [](const JobRun& ran, std::uint32_t rank) {
    Cycles last = 0;
    for (const machine::OpRecord& op : ran.results.ops) {
      if (op.graph == rank) last = std::max(last, op.last_end);
    }
    return last;
  };
  const Cycles lost = after.results.ops[0].cycles_max - before.results.ops[0].cycles_max;
  EXPECT_GT(lost, 0);
  judge({"slow_core", "delay of the neighbour that waits for a core at half speed", "delay of the slow core's product",
         "cycles"},
        static_cast<double>(lost), static_cast<double>(end(after, 1) - end(before, 1)));
  EXPECT_EQ(end(after, 2), end(before, 2));
}

TEST(SlowCore, LengthensAProductOfTheWholeDie) {
  const JobRun before = run(RunRequest{"configs/runs/matmul_die.json", "", "", {}, {}});
  MachineParams slow = before.topology->params();
  slow.slow_nodes.push_back({"die.node[100]", 0.5});
  const JobRun after = run(slow, *before.workload, placed("die", 1));
  EXPECT_GT(after.results.end_cycle, before.results.end_cycle);
}

}  // namespace
}  // namespace dojo::test
