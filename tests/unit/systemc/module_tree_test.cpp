// SPDX-License-Identifier: Apache-2.0
// The module tree has the hardware's parts under the paths of Topology, and SystemC's clock follows the machine's.
#include "dojo/systemc/modules.h"

#include <gtest/gtest.h>

#include <cstring>

#include "dojo/lower/lower.h"
#include "dojo/systemc/simulation.h"
#include "dojo/trace/trace.h"

namespace dojo::systemc {
namespace {

topology::Topology make_topology(topology::Level level) {
  topology::MachineParams params;
  params.level = level;
  return topology::Topology(params);
}

/// A machine with its topology and a barrier or an all-reduce over all dies as its job.
struct Bench {
  explicit Bench(topology::Level level, Bytes bytes = 4096)
      : topology(make_topology(level)),
        workload(workload::generate_collective(workload::OpKind::kAllReduce, bytes, topology.die_count())),
        job(workload::lower(workload, options(level, topology.die_count()), topology)),
        machine(topology, workload, job, {}) {}
  static workload::LowerOptions options(topology::Level level, RankId ranks) {
    workload::LowerOptions made;
    made.placement.rank_unit.unit =
        level == topology::Level::kNode ? workload::PlacementUnit::kNode : workload::PlacementUnit::kDie;
    made.placement.ranks = ranks;
    return made;
  }
  topology::Topology topology;
  workload::Workload workload;
  workload::Job job;
  machine::Machine machine;
};

std::size_t count_nodes(const std::vector<sc_core::sc_object*>& objects) {
  std::size_t nodes = 0;
  for (const sc_core::sc_object* object : objects) {
    nodes += dynamic_cast<const Node*>(object) != nullptr ? 1 : 0;
    nodes += count_nodes(object->get_child_objects());
  }
  return nodes;
}

TEST(ModuleTree, HoldsEveryNodeOfADieWithItsParts) {
  Bench bench(topology::Level::kDie);
  const Simulation simulation(bench.machine);
  EXPECT_EQ(count_nodes(sc_core::sc_get_top_level_objects()), static_cast<std::size_t>(bench.topology.node_count()));
  const topology::Topology::SiteMap& map = bench.topology.site_map(0);
  for (std::size_t site = 0; site < map.enabled.size(); ++site) {
    const std::string path = bench.topology.node_path(0, static_cast<SiteIndex>(site));
    const auto* router = dynamic_cast<Router*>(sc_core::sc_find_object((path + ".router").c_str()));
    ASSERT_NE(router, nullptr) << path;
    EXPECT_EQ(router->site().index(), site);
    const bool enabled = map.enabled[site] != 0;
    EXPECT_EQ(sc_core::sc_find_object((path + ".core").c_str()) != nullptr, enabled) << path;
    EXPECT_EQ(sc_core::sc_find_object((path + ".sram").c_str()) != nullptr, enabled) << path;
  }
}

TEST(ModuleTree, HasDipsWithMemoryAndPortsUnderTheirPaths) {
  Bench bench(topology::Level::kTile);
  const Simulation simulation(bench.machine);
  ASSERT_GT(bench.topology.dip_count(), 0u);
  for (std::uint32_t dip = 0; dip < bench.topology.dip_count(); ++dip) {
    const std::string path = bench.topology.dip_path(dip);
    const auto* module = dynamic_cast<Dip*>(sc_core::sc_find_object(path.c_str()));
    ASSERT_NE(module, nullptr) << path;
    EXPECT_EQ(module->index(), dip);
    for (const char* part : {".hbm", ".pcie", ".ethernet"})
      EXPECT_NE(sc_core::sc_find_object((path + part).c_str()), nullptr);
  }
}

TEST(ModuleTree, NamesOfATilesDiesAreTheTopologysPaths) {
  Bench bench(topology::Level::kTile);
  const Simulation simulation(bench.machine);
  for (DieId die = 0; die < bench.topology.die_count(); ++die) {
    const auto* module = dynamic_cast<Die*>(sc_core::sc_find_object(bench.topology.die_path(die).c_str()));
    ASSERT_NE(module, nullptr) << bench.topology.die_path(die);
    EXPECT_EQ(module->index(), die);
  }
}

TEST(ModuleTree, AMachineOfOneNodeIsItsOwnRoot) {
  Bench bench(topology::Level::kNode);
  const Simulation simulation(bench.machine);
  EXPECT_NE(dynamic_cast<Node*>(sc_core::sc_find_object("node")), nullptr);
  for (const char* part : {"node.core", "node.sram", "node.router"})
    EXPECT_NE(sc_core::sc_find_object(part), nullptr) << part;
}

TEST(Simulation, EndsAtTheLastCycleOfTheJob) {
  Bench bench(topology::Level::kTile);
  Simulation simulation(bench.machine);
  EXPECT_EQ(simulation.run({}, {}), Ending::kFinished);
  EXPECT_GT(bench.machine.end_cycle(), 0);
  EXPECT_DOUBLE_EQ(simulation.time_s(), bench.topology.seconds(bench.machine.end_cycle()));
}

TEST(Simulation, ManyFollowOneAnotherAndAgree) {
  Cycles first = 0;
  for (int i = 0; i < 3; ++i) {
    Bench bench(topology::Level::kDie);
    Simulation simulation(bench.machine);
    simulation.run({}, {});
    if (i == 0) first = bench.machine.end_cycle();
    EXPECT_EQ(bench.machine.end_cycle(), first);
  }
}

TEST(Simulation, CountersThroughAModuleAreTheMachines) {
  Bench bench(topology::Level::kTile, 1 << 20);
  Simulation simulation(bench.machine);
  simulation.run({}, {});
  std::uint64_t injected = 0;
  for (DieId die = 0; die < bench.topology.die_count(); ++die) {
    const auto* module = dynamic_cast<Die*>(sc_core::sc_find_object(bench.topology.die_path(die).c_str()));
    for (const Node& node : module->nodes()) injected += node.sram().counters().sram.bytes_injected;
  }
  EXPECT_GT(injected, 0u);
  EXPECT_EQ(injected, bench.machine.collect().ports.bytes_injected);
}

}  // namespace
}  // namespace dojo::systemc
