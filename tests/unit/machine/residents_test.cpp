// SPDX-License-Identifier: Apache-2.0
// Who lives on a die: nodes of ranks by site, tasks that stay there, lines with dead parts.
#include "machine/die/residents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;

TEST(Residents, KnowsNobodyOnAnEmptyDie) {
  Residents residents(6);
  EXPECT_EQ(residents.size(), 0u);
  EXPECT_EQ(residents.at_site(5), Residents::kNobody);
  EXPECT_THROW((void)residents.index_of(0), Error);
}

TEST(Residents, TwoRanksShareADie) {
  Bench bench(die_params(2, 3));
  const RankId left = bench.add_rank(make_slice(bench.topology, 0, 0, 2, 1), 0);
  const RankId right = bench.add_rank(make_slice(bench.topology, 0, 1, 2, 2), 1);
  Residents residents(6);
  EXPECT_EQ(residents.add(bench.context(), right, 0), 0u);
  EXPECT_EQ(residents.add(bench.context(), left, 0), 1u);
  EXPECT_EQ(residents.index_of(left), 1u);
  EXPECT_EQ(residents.at_site(0), 1u);
  EXPECT_EQ(residents.at_site(3), 1u);
  EXPECT_EQ(residents.at_site(5), 0u);
  EXPECT_EQ(residents[0].node_count, 4u);
  EXPECT_EQ(residents[0].node_at(5), 3) << "the last of the four";
  EXPECT_EQ(residents[0].node_at(3), -1) << "the other rank's";
  EXPECT_EQ(residents[1].line_count(), 2u + 1u) << "two rows of one node, one column";
  EXPECT_FALSE(residents[1].line(2).horizontal);
  EXPECT_EQ(residents.all().size(), 2u);
}

TEST(Residents, NodesOfALaterDieOfASliceHaveTheirOwnNumbers) {
  Bench bench(tile_params(1, 2, 2, 2));
  bench.add_rank(make_slice(bench.topology, 0, 1, 2, 3), 0);  // one column of die 0, both of die 1
  Residents first(4), second(4);
  first.add(bench.context(), 0, 0);
  second.add(bench.context(), 0, 1);
  EXPECT_EQ(first[0].node_count, 2u);
  EXPECT_EQ(first[0].node_at(0), -1);
  EXPECT_EQ(first[0].node_at(1), 0);
  EXPECT_EQ(second[0].first_node, 2u);
  EXPECT_EQ(second[0].node_count, 4u);
  EXPECT_EQ(second[0].node_at(3), 3);
  EXPECT_TRUE(first[0].line(0).goes_on_high);
  EXPECT_TRUE(second[0].line(0).goes_on_low);
  EXPECT_FALSE(first[0].is_broken(0)) << "nothing is dead on this machine";
}

/// Kernel, reduction among nodes, collective of ranks, no dataflow instance.
void add_tasks(Bench& bench) {
  bench.job.programs[0].tasks = {kernel_task(0), dataflow_task(0), dataflow_task(1), dataflow_task(2)};
  bench.job.programs[0].kernels.resize(1);
  bench.job.plans.push_back(PlanMaker().position().item(1, starts).plan());
  bench.add_instance(0, {{ParticipantKind::kNode, 0}});
  bench.add_instance(0, {{ParticipantKind::kRank, 0}});
  bench.job.instance_of[0] = {{0, 0}, {1, 0}, {kNone, 0}};
}

TEST(Residents, KernelsAndReductionsOfARankOnOneDieStayThere) {
  Bench bench(die_params(2, 3));
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 3), 0);
  add_tasks(bench);
  Residents residents(6);
  residents.add(bench.context(), 0, 0);
  EXPECT_THAT(residents[0].local_tasks, ElementsAre(true, true, false, false));
}

TEST(Residents, NothingOfARankOnTwoDiesStaysOnOne) {
  Bench bench(tile_params(1, 2, 2, 2));
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 4), 0);
  add_tasks(bench);
  Residents residents(4);
  residents.add(bench.context(), 0, 1);
  EXPECT_THAT(residents[0].local_tasks, ElementsAre(false, false, false, false));
}

// The link between the first two sites of the upper row is dead. Lines: two rows, then three columns.
TEST(Residents, ALineWithADeadLinkIsBroken) {
  topology::MachineParams params = die_params(2, 3);
  params.defects.push_back({"die.node[0].router.east", "link"});
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 0, 2, 3), 0);
  bench.add_rank(make_slice(bench.topology, 0, 1, 2, 2), 1);
  Residents residents(6);
  residents.add(bench.context(), 0, 0);
  residents.add(bench.context(), 1, 0);
  EXPECT_THAT(residents[0].broken_lines, ElementsAre(true, false, false, false, false));
  EXPECT_TRUE(residents[0].is_broken(0));
  EXPECT_THAT(residents[1].broken_lines, ElementsAre(false, false, false, false)) << "does not use the link";
}

TEST(Residents, ALineOfSeveralDiesIsBrokenOnAllOfThem) {
  topology::MachineParams params = tile_params(2, 2, 2, 2);
  params.defects.push_back({"tile.die[1].node[0].router.east", "link"});
  params.defects.push_back({"tile.die[2].node[1].router.south", "link"});
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 0, 4, 4), 0);
  std::vector<std::vector<bool>> broken;
  for (std::uint32_t die = 0; die < 4; ++die) {
    Residents residents(4);
    residents.add(bench.context(), 0, die);
    broken.push_back(residents[0].broken_lines);
  }
  EXPECT_THAT(broken[0], ElementsAre(true, false, false, true)) << "upper row of the machine, second column";
  EXPECT_THAT(broken[1], ElementsAre(true, false, false, false));
  EXPECT_THAT(broken[2], ElementsAre(false, false, false, true));
  EXPECT_THAT(broken[3], ElementsAre(false, false, false, false));
}

}  // namespace
}  // namespace dojo::machine::test
