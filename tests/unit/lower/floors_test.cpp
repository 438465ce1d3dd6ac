// SPDX-License-Identifier: Apache-2.0
// Floors of the cores, of messages within a slice, of collectives and of transfers, against figures worked out by hand.
#include "lower/floors.h"

#include <gtest/gtest.h>

#include "lower/deliveries.h"

namespace dojo::workload {
namespace {

constexpr double kEdge = 1e12;  // bytes a second; 500 a cycle

/// Dies of 3 x 4 sites, all enabled.
struct Dies {
  Dies(std::int64_t rows, std::int64_t columns, float speed = 1)
      : topology(params(rows, columns, speed)),
        slice(SliceMaker(topology).make(0, 0, topology.die_rows() * topology.site_rows(),
                                        topology.die_columns() * topology.site_columns())),
        grid(slice, topology),
        cost(topology.params().node, node::NodeModel::kBounds),
        context{grid, cost} {}
  static topology::MachineParams params(std::int64_t rows, std::int64_t columns, float speed) {
    topology::MachineParams p;
    p.level = topology::Level::kTile;
    p.tile.dies = {rows, columns};
    p.die.grid = {3, 4};
    p.die.enabled = 12;
    p.die.disabled_sites = {};
    p.die.edge_bytes_per_s = kEdge;
    if (speed < 1) p.slow_nodes.push_back({"tile.die[0].node[0]", speed});
    return p;
  }
  [[nodiscard]] std::uint32_t node(std::uint32_t row, std::uint32_t column) const { return grid.at(row, column); }
  topology::Topology topology;
  Slice slice;
  SliceGrid grid;
  node::NodeCost cost;
  PlanContext context;
};

ProductRequest product(std::int64_t m, std::int64_t n, std::int64_t k, Bytes element_bytes) {
  ProductRequest r;
  r.m = m, r.n = n, r.k = k;
  r.element_bytes = element_bytes;
  return r;
}

TEST(CoreFloors, OfAProductAreItsWorkOverAllNodes) {
  const Dies die(1, 1);
  const Floors bf16 = core_floors(product(64, 128, 256, 2), die.context);
  const double issues = 64.0 * 128 * 256 / (8 * 8 * 4);
  EXPECT_DOUBLE_EQ(bf16[Bound::kMatrix], issues / 12);
  EXPECT_DOUBLE_EQ(bf16[Bound::kLoad], issues * (8 + 8) * 4 * 2 / 128 / 12) << "two load ports of 64 bytes";
  EXPECT_DOUBLE_EQ(bf16[Bound::kStore], 64.0 * 128 * 2 / 64 / 12);
  EXPECT_EQ(bf16[Bound::kVector], 0);
  const topology::NodeParams& node = die.topology.params().node;
  EXPECT_EQ(bf16[Bound::kLatency],
            static_cast<double>(node.kernel_launch_cycles + node.matrix_latency_cycles + node.sram_latency_cycles));

  const Floors fp32 = core_floors(product(64, 128, 256, 4), die.context);
  EXPECT_EQ(fp32[Bound::kMatrix], 0);
  EXPECT_DOUBLE_EQ(fp32[Bound::kVector], 2.0 * 64 * 128 * 256 / static_cast<double>(node.fp32_flop_per_cycle) / 12);
}

TEST(CoreFloors, CountASlowCoreWithItsShare) {
  const Dies even(1, 1), slow(1, 1, 0.5F);
  const Floors of_even = core_floors(product(64, 128, 256, 2), even.context);
  const Floors of_slow = core_floors(product(64, 128, 256, 2), slow.context);
  EXPECT_DOUBLE_EQ(of_slow[Bound::kMatrix], of_even[Bound::kMatrix] * 12 / 11.5);
}

TEST(CoreFloors, OfVectorWorkAndOfWorkWithoutShapes) {
  const Dies die(1, 1);
  VectorRequest vector;
  vector.load_bytes = 120'000, vector.store_bytes = 60'000, vector.flops = 240'000;
  const Floors floors = core_floors(vector, die.context);
  EXPECT_DOUBLE_EQ(floors[Bound::kLoad], 120'000.0 / 128 / 12);
  EXPECT_DOUBLE_EQ(floors[Bound::kStore], 60'000.0 / 64 / 12);
  EXPECT_DOUBLE_EQ(floors[Bound::kVector], 240'000.0 / 32 / 12) << "64 bytes are 32 elements of bf16";
  EXPECT_EQ(floors.largest(), Bound::kVector);

  EXPECT_DOUBLE_EQ(core_floors(ShapelessRequest{512'000, 0, 0}, die.context)[Bound::kMatrix], 1000.0 / 12);
  const Floors recorded = core_floors(ShapelessRequest{512'000, 0, 777}, die.context);
  EXPECT_EQ(recorded[Bound::kRecorded], 777);
  EXPECT_EQ(recorded[Bound::kMatrix], 0);
}

TEST(TrafficFloors, OfARowAreItsBusiestLinkAndPort) {
  const Dies die(1, 1);
  Deliveries deliveries(die.grid, 1);
  Holding holding(12, 0);
  holding[die.node(0, 0)] = 6400;
  holding[die.node(0, 3)] = 640;
  deliveries.along_rows(holding, false);
  Kernel kernel;
  deliveries.finish(kernel);
  SliceTraffic traffic(die.slice, die.topology);
  traffic.add(kernel);
  const Floors floors = traffic.floors();
  EXPECT_DOUBLE_EQ(floors[Bound::kLink], 100);
  EXPECT_DOUBLE_EQ(floors[Bound::kPort], 110) << "the nodes between receive both";
  EXPECT_EQ(floors[Bound::kEdge], 0);
}

TEST(TrafficFloors, MessagesGoAlongTheRowFirst) {
  const Dies die(1, 1);
  Kernel kernel;
  kernel.unicasts = {{die.node(0, 0), die.node(2, 3), 640, 0},   // over (0, 1) to (0, 3), then down
                     {die.node(0, 1), die.node(0, 3), 1280, 0},  // shares two links
                     {die.node(1, 3), die.node(2, 3), 320, 0}};  // shares one down
  SliceTraffic traffic(die.slice, die.topology);
  traffic.add(kernel);
  EXPECT_DOUBLE_EQ(traffic.floors()[Bound::kLink], (640 + 1280) / 64.0);
  EXPECT_DOUBLE_EQ(traffic.floors()[Bound::kPort], 1280 / 64.0);
}

TEST(TrafficFloors, ADieEdgeIsSharedByItsRows) {
  const Dies dies(1, 2);
  Deliveries deliveries(dies.grid, 1);
  Holding holding(24, 0);
  for (std::uint32_t row = 0; row < 3; ++row) holding[dies.node(row, 1)] = 3000;
  deliveries.along_rows(holding, false);
  Kernel kernel;
  deliveries.finish(kernel);
  SliceTraffic traffic(dies.slice, dies.topology);
  traffic.add(kernel);
  EXPECT_DOUBLE_EQ(traffic.floors()[Bound::kEdge], 3 * 3000 / (kEdge / 2e9));
  EXPECT_DOUBLE_EQ(traffic.floors()[Bound::kLink], 3000 / 64.0);
}

TEST(TrafficFloors, OfAReductionCountItsSums) {
  const Dies die(1, 1);
  ReductionSpec spec;
  spec.along_rows = true;
  spec.node_bytes = spec.result_bytes = 6400;
  spec.destinations = {die.node(0, 3)};
  SliceTraffic traffic(die.slice, die.topology);
  traffic.add(build_reduction(spec, ReductionShape{}, die.grid));
  const Floors floors = traffic.floors();
  // A chain: the root in the row's middle gets one message from each side and adds both.
  EXPECT_DOUBLE_EQ(floors[Bound::kStore], 2 * 6400 / 64.0);
  EXPECT_GE(floors[Bound::kPort], 200);
}

std::vector<Slice> all_dies(const topology::Topology& topology) {
  SliceMaker maker(topology);
  std::vector<Slice> slices;
  for (DieId die = 0; die < topology.die_count(); ++die) {
    const topology::DieCoordinates at = topology.coordinates(die);
    slices.push_back(maker.make(at.row * topology.site_rows(), at.column * topology.site_columns(),
                                topology.site_rows(), topology.site_columns()));
  }
  return slices;
}

TEST(CollectiveFloors, AreBoundsOfInjectionCutAndDistance) {
  const Dies tile(2, 3);
  const std::vector<Slice> slices = all_dies(tile.topology);
  std::vector<const Slice*> members;
  for (const Slice& slice : slices) members.push_back(&slice);
  const double bytes = 1e6, edge = kEdge / 2e9;
  const Floors sum = collective_floors(OpKind::kAllReduce, 1'000'000, 0, members, tile.topology);
  EXPECT_DOUBLE_EQ(sum[Bound::kPort], 2 * 5.0 / 6 * bytes / (12 * 64));
  const double out = 2 * 5 * bytes / (14 * edge);  // seven edges between dies, both ways
  EXPECT_DOUBLE_EQ(sum[Bound::kEdge], std::max(out, bytes / (2 * edge))) << "or a column's cut of two edges";
  EXPECT_EQ(sum[Bound::kLink], 0) << "ranks are whole dies";
  const auto crossing = static_cast<double>(tile.topology.cycles_from_ns(tile.topology.params().die.crossing_ns));
  const auto hop = static_cast<double>(tile.topology.params().noc.hop_cycles);
  EXPECT_DOUBLE_EQ(sum[Bound::kLatency], 3 * crossing + (4 + 1 + 1) * hop) << "between opposite corners";

  const Floors gathered = collective_floors(OpKind::kAllGather, 1'000'000, 0, members, tile.topology);
  EXPECT_DOUBLE_EQ(gathered[Bound::kEdge], std::max(6 * 5 * bytes / (14 * edge), 4 * bytes / (2 * edge)));
  const Floors sent = collective_floors(OpKind::kBroadcast, 1'000'000, 1, members, tile.topology);
  EXPECT_DOUBLE_EQ(sent[Bound::kLatency], 2 * crossing + (1 + 1) * hop) << "from the middle of a row";
  EXPECT_EQ(collective_floors(OpKind::kAllReduce, 1'000'000, 0, {members[0]}, tile.topology).most(), 0);
}

TEST(MemoryFloors, AreTheHbmAndItsLink) {
  const Dies die(1, 1);
  const topology::DipParams& dip = die.topology.params().dip;
  const Floors floors = memory_floors(1'000'000, die.topology);
  EXPECT_DOUBLE_EQ(floors[Bound::kMemory], 1e6 / (dip.hbm_bytes_per_s * dip.hbm_efficiency) * 2e9);
  EXPECT_DOUBLE_EQ(floors[Bound::kEdge], 1e6 / dip.ttp_bytes_per_s * 2e9);
}

}  // namespace
}  // namespace dojo::workload
