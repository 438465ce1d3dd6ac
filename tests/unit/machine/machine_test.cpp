// SPDX-License-Identifier: Apache-2.0
// A whole small machine: what it tells while it runs, at its end, and of a job that cannot finish.
#include "dojo/machine/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "unit/machine/support.h"

namespace dojo::machine::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::function<void(DataflowItem&)> finishes_with(Bytes combined) {
  return [=](DataflowItem& item) {
    item.finish = item.combine = true;
    item.bytes = combined;
  };
}

/// Rows of two tiles of one die each, two by two nodes a die; DIPs at the ends of the rows.
topology::MachineParams rows_of_tiles(std::int64_t rows) {
  topology::MachineParams params = tile_params(1, 1, 2, 2, 512);
  params.level = topology::Level::kTray;
  params.tray.tiles = {rows, 2};
  params.tile.die_edge_out_bytes_per_s = 64e9;
  params.tile.tile_link_ns = 20;
  params.dip.present = true;
  return params;
}

/// A rank on each die. Each loads from the DIP in the west of its row, runs a kernel and adds up among its nodes; the
/// two of a row exchange what they have; then rank 0 tells all others.
struct Training : Bench {
  explicit Training(const topology::MachineParams& params, Bytes exchanged = 1000) : Bench(params) {
    settings.burst_bytes = 256;
    std::vector<DataflowInstance::Participant> all;
    for (DieId die = 0; die < topology.die_count(); ++die) {
      const topology::DieCoordinates at = topology.coordinates(die);
      all.push_back({ParticipantKind::kRank, add_rank(make_slice(topology, 2 * at.row, 2 * at.column, 2, 2), 0)});
    }
    const auto ranks = static_cast<std::uint32_t>(all.size());
    workload::Graph& graph = workload.graphs[0];
    graph.file = "made.json";
    graph.strings = {"", "load", "multiply", "exchange", "tell"};
    for (std::uint32_t op = 0; op < 4; ++op) {
      graph.ops[op].id = 10 + op;
      graph.ops[op].name = op + 1;
    }
    graph.ops[0].kind = workload::OpKind::kMemLoad;
    graph.ops[1].kind = workload::OpKind::kMatMul;
    graph.ops[1].flops = 4 * 100;
    graph.ops[2].kind = workload::OpKind::kSend;
    graph.ops[2].peer = 1;
    graph.ops[2].tag = 5;
    graph.ops[3].kind = workload::OpKind::kBroadcast;
    Program& program = job.programs[0];
    program.kernels = {
        KernelMaker(shape(0), {30, 20}).gather(0, 1, {{0, 300}}).gather(3, 2, {{0, 64}, {1, 64}}).kernel()};
    program.kernels[0].matrix_flops.assign(4, 100);
    program.tasks = {dataflow_task(0, 0, Task::Unit::kMemory), kernel_task(0, 1), dataflow_task(1, kNone),
                     dataflow_task(2, 2), dataflow_task(3, 3)};
    for (std::uint32_t task = 0; task + 1 < program.tasks.size(); ++task) add_dependency(program, task, task + 1);
    const auto load = [](DataflowItem& item) {
      item.service = DataflowItem::Service::kHbmRead;
      item.bytes = 640;
    };
    PlanMaker tell;
    tell.position().item(1, [](DataflowItem& item) { item.start = item.finish = true; });
    for (std::uint32_t rank = 1; rank < ranks; ++rank) tell.edge(rank, 256);
    for (std::uint32_t rank = 1; rank < ranks; ++rank) tell.position().item(1, finishes);
    PlanMaker exchange(2);
    for (std::uint32_t side : {0u, 1u}) {
      exchange.position().item(1, starts).edge(side == 0 ? 3 : 1, exchanged);
      exchange.item(1, finishes_with(exchanged));
    }
    job.plans = {PlanMaker().position().item(0, load).edge(1, 640).position().item(1, finishes).plan(),
                 PlanMaker().position().item(1, starts).edge(1, 100).position().item(1, finishes_with(100)).plan(),
                 exchange.plan(), tell.plan()};
    job.plans[2].algorithm = "p2p";
    job.plans[2].model_seconds = 0.5;
    const std::uint32_t sum = add_instance(1, {{ParticipantKind::kNode, 3}, {ParticipantKind::kNode, 0}});
    for (RankId rank = 0; rank < ranks; rank += 2) {
      for (const RankId each : {rank, rank + 1})
        job.instance_of[each] = {{add_instance(0, {{ParticipantKind::kDip, rank}, all[each]}), 1}, {sum, 0}, {}, {}};
      const std::uint32_t pair = add_instance(2, {all[rank], all[rank + 1]});
      for (const std::uint32_t side : {0u, 1u}) job.instance_of[rank + side][2] = {pair, side};
    }
    const std::uint32_t to_all = add_instance(3, all);
    for (RankId rank = 0; rank < ranks; ++rank) job.instance_of[rank][3] = {to_all, rank};
  }
  [[nodiscard]] Machine make() const { return Machine(topology, workload, job, settings); }
  [[nodiscard]] Results run() const {
    Machine machine = make();
    while (machine.next_time() != kNever) machine.run_window();
    return machine.collect();
  }
};

TEST(Machine, RefusesAWindowWithoutWork) {
  Bench bench(die_params(1, 1));
  Machine machine(bench.topology, bench.workload, bench.job, bench.settings);
  EXPECT_EQ(machine.next_time(), kNever);
  EXPECT_TRUE(machine.done()) << "no rank waits";
  EXPECT_THROW(machine.run_window(), Error);
}

TEST(Machine, CountsEverythingOnce) {
  const Training job(rows_of_tiles(1));
  const Results r = job.run();
  EXPECT_TRUE(r.finished);
  EXPECT_FALSE(r.interrupted);
  EXPECT_THAT(r.waiting, IsEmpty());
  EXPECT_EQ(r.nodes_used, 2 * 4);
  EXPECT_EQ(r.cores.matrix_flops, 2 * 400);
  EXPECT_EQ(r.flops_planned, 2 * 400);
  EXPECT_EQ(r.flops_by[0], 2 * 400);
  EXPECT_EQ(r.breakdown.compute + r.breakdown.overlapped, 2u * 4 * 50);
  ASSERT_EQ(r.step_end.size(), 1u);
  EXPECT_EQ(r.step_end[0], r.end_cycle);
  ASSERT_EQ(r.ops.size(), 4u);
  for (const OpRecord& op : r.ops) EXPECT_EQ(op.count, 2u) << op.op;
  EXPECT_EQ(r.ops[1].flops, 2 * 400);
  ASSERT_EQ(r.collectives.size(), 2u);
  EXPECT_EQ(r.collectives[0].algorithm, "p2p");
  EXPECT_EQ(r.collectives[0].model_seconds, 0.5);
  EXPECT_EQ(r.collectives[0].ranks, 2u);
  // Kernels: 300 bytes to one other node of the row; 64 to each of two in a column. Sums: 100 bytes. Loads: 640 bytes.
  // The exchange: 1000 bytes each way. Rank 0 tells the other: 256 bytes.
  const std::uint64_t moved = 2u * (300 + 2 * 64 + 100 + 640 + 1000) + 256;
  EXPECT_EQ(r.ports.bytes_ejected, moved);
  EXPECT_EQ(r.classes[static_cast<std::size_t>(topology::LinkClass::kHbm)].counters.bytes, 2u * 640);
  EXPECT_EQ(r.classes[static_cast<std::size_t>(topology::LinkClass::kTileToTile)].counters.bytes,
            640u + 2 * 1000 + 256);
  EXPECT_EQ(r.classes[static_cast<std::size_t>(topology::LinkClass::kDip)].counters.bytes, 2u * 640);
  EXPECT_EQ(r.classes[static_cast<std::size_t>(topology::LinkClass::kNoc)].links, 2u * 8);
  EXPECT_EQ(r.die_edge_utilisation.size(), 8u);
  EXPECT_EQ(r.die_edge_utilisation[2], -1) << "no link north";
  EXPECT_GT(r.die_core_utilisation[0], 0);
  EXPECT_GT(r.die_noc_utilisation[1], 0);
  EXPECT_GT(r.approximations.size(), 1u);
  EXPECT_EQ(r.zplane.messages, 0u);
}

TEST(Machine, TheProgramThatMovesMostSaysWhatMemoryDecided) {
  Training job(rows_of_tiles(1));
  job.job.programs[0].memory.decisions = {"everything stays"};
  EXPECT_THAT(job.run().memory_decisions, ElementsAre("everything stays"));
  workload::MemoryPlan& second = job.job.programs.emplace_back().memory;
  second.decisions = {"some is spilled"};
  second.spilled = 1;
  EXPECT_THAT(job.run().memory_decisions, ElementsAre("some is spilled"));
}

TEST(Machine, EachLinkIsARowWhereAllWereAskedFor) {
  Training job(rows_of_tiles(1));
  const std::size_t folded = job.run().links.size();
  job.settings.all_links = true;
  const Results r = job.run();
  EXPECT_EQ(r.links.size(), folded - 2 * 4 + 2 * 8) << "of two dies: four directions, or eight links";
  EXPECT_THAT(r.links[0].path, HasSubstr(".router.east"));
}

TEST(Machine, ResultsDoNotDependOnHowItIsRun) {
  Training job(rows_of_tiles(4));
  const Results plain = [&] {
    Training slow = Training(rows_of_tiles(4));
    slow.settings.copy_tasks = slow.settings.rows_in_step = false;
    return slow.run();
  }();
  EXPECT_TRUE(plain.finished);
  EXPECT_EQ(plain.dies_copied, 0u);
  EXPECT_EQ(plain.tasks_copied, 0u);
  const Results all = job.run();
  EXPECT_EQ(all.digest, plain.digest);
  EXPECT_EQ(all.dies_copied, 3u * 2u) << "one row of tiles has run for all";
  EXPECT_GT(all.tasks_copied, 0u);
  EXPECT_EQ(all.tasks_copied % 4, 0u) << "as many in every row";
  EXPECT_GT(all.copied_s, 0);
  EXPECT_EQ(all.packets.packets, plain.packets.packets);
  job.settings.reverse_order = true;
  EXPECT_EQ(job.run().digest, plain.digest);
  job.settings.window_cycles = 3;
  EXPECT_EQ(job.run().digest, plain.digest);
  job.settings.threads = 2;
  EXPECT_EQ(job.run().digest, plain.digest);
}

TEST(Machine, CountersOfNodesAndDipsAreThereAtAnyTime) {
  const Training job(rows_of_tiles(1));
  Machine machine = job.make();
  while (machine.next_time() != kNever) {
    machine.run_window();
    EXPECT_EQ(machine.node_counters(1, 3).core.busy_cycles % 50, 0u) << "counted when the kernel ends";
  }
  for (int twice = 0; twice < 2; ++twice) {
    const NodeCounters node = machine.node_counters(0, 0);
    EXPECT_EQ(node.core.busy_cycles, 50u);
    EXPECT_EQ(node.core.matrix_flops, 100);
    EXPECT_EQ(node.core.vector_flops, 0);
    // Reads: 300 bytes of the kernel, 500 of its track to the other rank, 256 to tell it.
    EXPECT_EQ(node.sram.bytes_injected, 300u + 500 + 256);
    // Writes: 100 of the sum, 640 of the load, 500 of the exchange.
    EXPECT_EQ(node.sram.bytes_ejected, 100u + 640 + 500);
    EXPECT_EQ(machine.dip_counters(0).hbm.bytes, 2u * 640);
    EXPECT_EQ(machine.dip_counters(0).ttp.bytes, 2u * 640);
    EXPECT_EQ(machine.dip_counters(1).hbm.bytes, 0u);
    const Results r = machine.collect();
    EXPECT_EQ(r.digest, job.run().digest) << "as of one that nobody looked at";
  }
  EXPECT_EQ(&machine.topology(), &job.topology);
}

TEST(Machine, TellsHowFarItIs) {
  const Training job(rows_of_tiles(1));
  Machine machine = job.make();
  EXPECT_EQ(machine.progress().tasks_total, 2u * 5);
  EXPECT_EQ(machine.progress().tasks_done, 0u);
  std::uint64_t activity = 0;
  while (machine.next_time() != kNever) {
    machine.run_window();
    EXPECT_GE(machine.progress().activity, activity);
    activity = machine.progress().activity;
  }
  EXPECT_TRUE(machine.done());
  EXPECT_EQ(machine.progress().tasks_done, 10u);
  EXPECT_EQ(machine.progress().events, machine.collect().events);
}

TEST(Machine, AnInterruptedRunIsCollectedAsFarAsItCame) {
  const Training job(rows_of_tiles(2));
  Machine machine = job.make();
  machine.run_window();
  const Results r = machine.collect(true);
  EXPECT_TRUE(r.interrupted);
  EXPECT_FALSE(r.finished);
  EXPECT_THAT(r.waiting, IsEmpty()) << "it could have gone on";
  EXPECT_EQ(machine.waiting().size(), 4u);
}

// Rank 1 never sends its half of the exchange.
TEST(Machine, TellsWhatRanksOfAJobThatCannotFinishWaitFor) {
  Training job(rows_of_tiles(1));
  job.job.plans[2].items[2].start = false;
  const Results r = job.run();
  EXPECT_FALSE(r.finished);
  ASSERT_EQ(r.waiting.size(), 2u);
  EXPECT_EQ(r.waiting[0].rank, 0u);
  EXPECT_THAT(
      r.waiting[0].operations,
      ElementsAre("send 'exchange' (id 12, made.json) with rank 1 tag 5: started, its messages have not all come"));
  EXPECT_THAT(r.waiting[1].operations, ElementsAre(HasSubstr("'tell' (id 13, made.json): started")));
  EXPECT_THAT(r.blocked_packets, IsEmpty());
}

TEST(Machine, TellsWhatWaitsForEarlierOperations) {
  Training job(rows_of_tiles(1));
  job.job.programs[0].tasks[1].dependencies = 2;  // as if something else came first that never ends
  const Results r = job.run();
  ASSERT_EQ(r.waiting.size(), 2u);
  EXPECT_THAT(r.waiting[0].operations, ElementsAre("matmul 'multiply' (id 11, made.json): waits for earlier operations",
                                                   HasSubstr("'exchange'"), HasSubstr("'tell'")));
}

TEST(Machine, NamesPacketsThatStandWithoutCredit) {
  for (const bool reference : {false, true}) {
    Training job(rows_of_tiles(1), 100'000);
    job.settings.network_model = reference ? NetworkModel::kReference : NetworkModel::kFast;
    Machine machine = job.make();
    std::vector<std::string> most;
    while (machine.next_time() != kNever) {
      machine.run_window();
      const std::vector<std::string> blocked = machine.blocked_packets();
      if (blocked.size() > most.size()) most = blocked;
    }
    ASSERT_FALSE(most.empty());
    EXPECT_THAT(most[0], HasSubstr(reference ? ", on tray." : ", without credit at tray."));
    // One burst of a row or column waits at the edge, and the others behind it at their nodes.
    EXPECT_GE(most.size(), 2u);
    EXPECT_TRUE(machine.collect().finished);
  }
}

// A row of 64000 bytes of the first of two dies: its trains are longer than the far side has room for.
TEST(Machine, NamesTheNodesOfAMulticastThatStands) {
  Bench bench(tile_params(1, 2, 1, 2, 64));
  bench.settings.burst_bytes = 128;  // the far side has room for two of these
  bench.add_rank(make_slice(bench.topology, 0, 0, 1, 4), 0);
  bench.job.programs[0].tasks = {kernel_task(0, 1)};
  bench.job.programs[0].kernels = {KernelMaker(bench.shape(0), {10}).gather(0, 1, {{0, 64000}}).kernel()};
  Machine machine(bench.topology, bench.workload, bench.job, bench.settings);
  std::vector<std::string> blocked;
  while (machine.next_time() != kNever && blocked.empty()) {
    machine.run_window();
    blocked = machine.blocked_packets();
  }
  ASSERT_FALSE(blocked.empty());
  EXPECT_THAT(blocked[0], HasSubstr("4096 bytes for columns 0 to 3 of the machine, sent at cycle"));
  EXPECT_THAT(blocked[0], HasSubstr("without credit at tile.die[0].edge.east"));
}

TEST(Machine, TheReferenceModelRunsTheSameJob) {
  Training job(rows_of_tiles(2));
  job.settings.network_model = NetworkModel::kReference;
  const Results r = job.run();
  EXPECT_TRUE(r.finished);
  EXPECT_EQ(r.cores.matrix_flops, 4 * 400);
  job.settings.threads = 2;
  EXPECT_EQ(job.run().digest, r.digest);
}

TEST(Machine, GoesAroundDeadPartsInTheFastModelAlone) {
  topology::MachineParams params = rows_of_tiles(2);
  params.defects.push_back({"tray.tile[0].die[0].node[0].router.east", "link"});
  Training job(params);
  const Results r = job.run();
  EXPECT_TRUE(r.finished);
  EXPECT_GT(r.detours, 0u);
  EXPECT_GT(r.detour_hops, 0u);
  job.settings.copy_tasks = false;
  EXPECT_EQ(job.run().digest, r.digest);
  job.settings.network_model = NetworkModel::kReference;
  try {
    (void)job.run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("run.network_model: found \"reference\""));
  }
}

// Two columns, of which each row is joined to the next at one end only: a way down the die takes a leg for each row.
TEST(Machine, RefusesAJobThatSendsWhereNoWayLeads) {
  topology::MachineParams params = die_params(9, 2);
  for (int row = 0; row < 8; ++row) {
    topology::NodeDefect dead;
    dead.path = "die.node[" + std::to_string(2 * row + row % 2) + "].router.south";
    dead.kind = "link";
    params.defects.push_back(dead);
  }
  Bench bench(params);
  bench.add_rank(make_slice(bench.topology, 0, 0, 9, 2), 0);
  Program& program = bench.job.programs[0];
  program.tasks = {kernel_task(0, 1), dataflow_task(0)};
  program.kernels = {KernelMaker(bench.shape(0), {10}).unicast(0, 17, 64, 1).unicast(0, 17, 64, 1).kernel()};
  bench.job.plans = {PlanMaker().position().item(1, starts).edge(1, 64).position().item(1, finishes).plan()};
  bench.add_instance(0, {{ParticipantKind::kNode, 17}, {ParticipantKind::kNode, 0}});
  bench.job.instance_of[0] = {{0, 0}};
  try {
    Machine machine(bench.topology, bench.workload, bench.job, bench.settings);
    FAIL() << "nine legs";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    ASSERT_GE(error.lines().size(), 2u) << "all at once";
    EXPECT_THAT(error.lines()[0], HasSubstr("machine: /defects: found no way from die.node[0].router to "
                                            "die.node[17].router in at most 6 legs"));
  }
}

TEST(Machine, DipsTalkOverTheZplane) {
  topology::MachineParams params = rows_of_tiles(1);
  params.zplane.loss_rate = 0.1;
  Training job(params);
  job.job.plans.push_back(PlanMaker().position().item(0).edge(1, 50'000).position().item(1).plan());
  job.job.plans.back().over_zplane = true;
  job.add_instance(4, {{ParticipantKind::kDip, 0}, {ParticipantKind::kDip, 1}});
  const Results r = job.run();
  EXPECT_TRUE(r.finished);
  EXPECT_EQ(r.zplane.messages, 1u);
  EXPECT_EQ(r.zplane.bytes, 50'000u);
  EXPECT_GE(r.zplane.frames, 49u);
  EXPECT_EQ(r.zplane.cycles_min, r.zplane.cycles_max);
  EXPECT_THAT(r.approximations, ::testing::Contains(HasSubstr("Z-plane")));
  job.settings.window_cycles = 7;
  EXPECT_EQ(job.run().digest, r.digest);
}

TEST(Machine, EstimatesMoreForMore) {
  const topology::Topology small(rows_of_tiles(1)), large(rows_of_tiles(8));
  EXPECT_LT(Machine::estimate_bytes(small, 2, 5), Machine::estimate_bytes(large, 2, 5));
  EXPECT_LT(Machine::estimate_bytes(small, 2, 5), Machine::estimate_bytes(small, 2, 5, NetworkModel::kReference));
  EXPECT_LT(Machine::estimate_bytes(small, 2, 5), Machine::estimate_bytes(small, 2, 5000));
}

}  // namespace
}  // namespace dojo::machine::test
