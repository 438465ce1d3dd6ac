// SPDX-License-Identifier: Apache-2.0
// Parts off the die against published figures: five DIPs on a tile edge, a die crossing, batch norm over a tile.
#include <gtest/gtest.h>

#include <string>

#include "support/run.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

using topology::MachineParams;
using workload::OpKind;

Cycles last_end(const JobRun& ran) {
  Cycles end = 0;
  for (const machine::OpRecord& op : ran.results.ops) end = std::max(end, op.last_end);
  return end;
}

/// The five dies of each of a tile's edges in the west and the east load from their five DIPs at once.
double five_dips(const MachineParams& machine, Bytes bytes) {
  JobText job(10);
  std::vector<std::string> places;
  for (RankId rank = 0; rank < 10; ++rank) {
    job.add(rank, op_of(OpKind::kMemLoad, bytes));
    places.push_back("tile.die[" + std::to_string(5 * (rank / 2) + 4 * (rank % 2)) + "]");
  }
  const JobRun ran = run(machine, job.take(), placed("die", 10, places));
  return 5 * static_cast<double>(bytes) / ran.topology->seconds(last_end(ran));
}

TEST(FiveDips, FillATileEdgeAtTheRateOfTheirHbm) {
  const Bytes bytes = 64 << 20;
  judge({"five_dips_peak", "five DIPs to one tile edge, HBM at its peak", "5 x 800 GB/s published", "bytes/s", 0.95, 1},
        4.0e12, five_dips(machine_file("tile", {"machine.dip.hbm_efficiency=1"}), bytes));
  judge({"five_dips", "five DIPs to one tile edge, HBM as in the machine file", "5 x 800 GB/s x 0.85", "bytes/s", 0.95,
         1},
        3.4e12, five_dips(machine_file("tile"), bytes));
}

double message_ns(const std::string& from, const std::string& to) {
  JobText job(2);
  job.message(0, 1, 64);
  const JobRun ran = run(machine_file("tile"), job.take(), placed("node", 2, {from, to}));
  return ran.topology->seconds(last_end(ran)) * 1e9;
}

TEST(DieToDie, CostsTheTimeOfACrossing) {
  // Both go 19 columns far and one row down; the longer of them leaves the die by the 20th step and comes back by one.
  const double inside = message_ns("tile.die[6].node[120]", "tile.die[6].node[139]");
  const double across = message_ns("tile.die[6].node[121]", "tile.die[7].node[120]");
  judge({"die_to_die", "a 64 B message over 19 links, one of them a die edge, minus the same inside the die",
         "100 ns published", "ns", 0.99, 1.01},
        100, across - inside);
}

TEST(BatchNorm, OverTheNodesOfATileTakesMicroseconds) {
  // Sum and sum of squares of 512 channels in FP32: the payload is assumed (docs/studies/batch_norm.md).
  const JobRun ran =
      run(RunRequest{"",
                     "configs/machines/tile.json",
                     "configs/workloads/allreduce_64mib.json",
                     {"workload.generate.bytes=4096", "workload.rank_unit=node", "workload.collective_algorithm=tree"},
                     {}});
  ASSERT_EQ(ran.workload->ranks(), 25u * 354u);
  judge({"batch_norm", "reduce and broadcast of 512 channels' sums over the nodes of 25 dies", "about 5 us published",
         "s", 0.5, 2},
        5e-6, ran.topology->seconds(ran.results.collectives.at(0).cycles_max));
}

}  // namespace
}  // namespace dojo::test
