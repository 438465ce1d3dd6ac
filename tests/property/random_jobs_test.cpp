// SPDX-License-Identifier: Apache-2.0
// Random small jobs on random small machines run to their end, keep the conservation laws (collect() throws when one is
// broken), and give one digest whatever the threads and the order, and whether tasks are copied or run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "dojo/base/error.h"
#include "support/random_job.h"

namespace dojo::test {
namespace {

using topology::MachineParams;
using workload::OpKind;

/// Shared operations of all ranks and messages between pairs, all in one order, so that no two ranks wait for each
/// other.
workload::Workload random_job(Draw& draw, RankId ranks) {
  JobText job(ranks);
  std::vector<bool> has_work(ranks, false);  // ranks without operations are refused
  const std::int64_t length = draw.between(1, 8);
  for (std::int64_t i = 0; i < length; ++i) {
    if (ranks > 1 && draw.one_in(3)) {
      const auto from = static_cast<RankId>(draw.between(0, ranks - 1));
      const auto to = static_cast<RankId>((from + draw.between(1, ranks - 1)) % ranks);
      job.message(from, to, draw.between(1, 100'000), static_cast<std::int32_t>(i), draw.one_in(2));
      has_work[from] = has_work[to] = true;
    } else {
      const workload::Op op = random_shared_op(draw);
      for (RankId rank = 0; rank < ranks; ++rank) job.add(rank, op);
      has_work.assign(ranks, true);
    }
  }
  for (RankId rank = 0; rank < ranks; ++rank) {
    if (!has_work[rank]) job.add(rank, op_of(OpKind::kNone));
  }
  return job.take();
}

class RandomJobs : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomJobs, EndWithOneDigest) {
  Draw draw(GetParam());
  const MachineParams machine = random_machine(draw);
  const topology::Topology topology(machine);
  const bool by_node = draw.one_in(4);
  const std::int64_t places = by_node ? topology.node_count() : topology.die_count();
  const auto ranks = static_cast<RankId>(draw.between(1, std::min<std::int64_t>(places, 8)));
  const workload::Workload job = random_job(draw, ranks);
  workload::LowerOptions options = placed(by_node ? "node" : "die", ranks);
  constexpr workload::SendRoute kRoutes[] = {workload::SendRoute::kMesh, workload::SendRoute::kZplane,
                                             workload::SendRoute::kFastest};
  options.send_route = kRoutes[draw.between(0, 2)];
  machine::MachineSettings settings;
  settings.burst_bytes = draw.one_in(2) ? 8192 : 64 * draw.between(1, 64);

  JobRun first;
  try {
    first = prepare(machine, job, options, settings);
  } catch (const Error& error) {  // a rank that has no room or cannot be placed is refused before it starts
    ASSERT_EQ(error.code(), ExitCode::kInvalidInput) << error.what();
    GTEST_SKIP() << "refused: " << error.what();
  }
  finish(first);
  EXPECT_TRUE(first.results.finished);
  for (const auto& [threads, reverse] : {std::pair<std::uint32_t, bool>{1, true}, {2, false}}) {
    settings.threads = threads;
    settings.reverse_order = reverse;
    const JobRun again = run(machine, job, options, settings);
    EXPECT_EQ(again.results.digest, first.results.digest);
    EXPECT_EQ(again.results.end_cycle, first.results.end_cycle);
  }
  settings.copy_tasks = false;
  EXPECT_EQ(run(machine, job, options, settings).results.digest, first.results.digest) << "no task copied";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomJobs, testing::Range<std::uint64_t>(1, 61));

/// Links that a packet passes are the steps between its nodes; its latency is theirs and the two ports'.
TEST(Routes, AreAsLongAsTheManhattanDistance) {
  Draw draw(7);
  for (int i = 0; i < 40; ++i) {
    MachineParams machine = random_machine(draw);
    machine.die.site_map_seed = 0;
    machine.die.enabled = machine.die.grid.rows * machine.die.grid.columns;
    const topology::Topology topology(machine);
    const auto sites = topology.sites();
    const auto from_die = static_cast<DieId>(draw.between(0, topology.die_count() - 1));
    const auto to_die = static_cast<DieId>(draw.between(0, topology.die_count() - 1));
    const auto from = static_cast<SiteIndex>(draw.between(0, sites - 1));
    const auto to = static_cast<SiteIndex>(draw.between(0, sites - 1));
    if (from_die == to_die && from == to) continue;
    const auto row = [&](DieId die, SiteIndex site) {
      return topology.coordinates(die).row * topology.site_rows() + site / topology.site_columns();
    };
    const auto column = [&](DieId die, SiteIndex site) {
      return topology.coordinates(die).column * topology.site_columns() + site % topology.site_columns();
    };
    const auto distance = static_cast<std::uint64_t>(std::abs(row(to_die, to) - row(from_die, from)) +
                                                     std::abs(column(to_die, to) - column(from_die, from)));
    JobText job(2);
    job.message(0, 1, 64);
    const JobRun ran = run(machine, job.take(),
                           placed("node", 2, {topology.node_path(from_die, from), topology.node_path(to_die, to)}));
    std::uint64_t links = 0;
    for (const auto c : {topology::LinkClass::kNoc, topology::LinkClass::kDieToDie, topology::LinkClass::kTileToTile})
      links += ran.of_class(c).counters.transfers;
    EXPECT_EQ(links, distance);
    EXPECT_GE(ran.results.packets.min, static_cast<Cycles>(distance + 1) * machine.noc.hop_cycles + 1);
    EXPECT_EQ(ran.results.ports.bytes_injected, 64u);
    EXPECT_EQ(ran.results.ports.bytes_ejected, 64u);
  }
}

}  // namespace
}  // namespace dojo::test
